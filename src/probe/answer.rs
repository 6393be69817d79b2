//! What the probe's pods told. Pure.

use std::collections::BTreeMap;

use crate::issue::Issue;
use crate::words::counted;

/// One zone's part of a probe.
#[derive(Debug, Clone)]
pub struct ZoneAnswer {
    pub zone: String,
    pub node: String,
    /// Zones whose pods were to be asked.
    pub others: Vec<String>,
    pub asked: Asked,
}

#[derive(Debug, Clone)]
pub enum Asked {
    /// In time; and why not.
    NotStarted(String),
    Ended {
        code: i32,
        message: String,
    },
}

/// `dns`, `api` and `pod ZONE`, each as it was told; what was not told is not in it.
fn lines(message: &str) -> BTreeMap<&str, bool> {
    message.lines().filter_map(line).collect()
}

fn line(text: &str) -> Option<(&str, bool)> {
    let (name, told) = text.trim().rsplit_once(' ')?;
    match told {
        "ok" => Some((name, true)),
        "failed" => Some((name, false)),
        _ => None,
    }
}

pub fn checks(zones: &[ZoneAnswer]) -> Vec<Issue> {
    let mut checks = ran(zones);
    let told = |what: &str| {
        let mut failed = Vec::new();
        let mut open = Vec::new();
        for zone in zones {
            let Asked::Ended { message, .. } = &zone.asked else { continue };
            match lines(message).get(what) {
                Some(true) => {}
                Some(false) => failed.push(zone.zone.clone()),
                None => open.push(zone.zone.clone()),
            }
        }
        (failed, open)
    };
    checks.extend(one(
        "EC-VFY-051",
        "DNS",
        told("dns"),
        "the nodes where CoreDNS runs must take UDP and TCP 53 from the pods' security groups",
    ));
    checks.extend(one(
        "EC-VFY-052",
        "the API server",
        told("api"),
        "the cluster security group must take TCP 443 from the pods' security groups",
    ));
    checks.extend(pods(zones));
    checks
}

fn ran(zones: &[ZoneAnswer]) -> Vec<Issue> {
    let mut checks = Vec::new();
    for zone in zones {
        match &zone.asked {
            Asked::NotStarted(why) => checks.push(
                Issue::error("EC-VFY-050", format!("the probe's pods of {} did not come to an end in time", zone.zone))
                    .at(format!("node {}", zone.node))
                    .why(why)
                    .fix("a longer --probe-timeout, or another --probe-image; kubectl describe node tells of the node"),
            ),
            // 126 and 127: the image has no shell, or not these tools.
            Asked::Ended { code, message } if lines(message).is_empty() => checks.push(
                Issue::error("EC-VFY-050", format!("the probe's pod of {} ended without an answer", zone.zone))
                    .at(format!("node {}", zone.node))
                    .why(format!("exit code {code}: {message}"))
                    .fix("an image with sh, nc, nslookup and httpd: --probe-image"),
            ),
            Asked::Ended { .. } => {}
        }
    }
    if checks.is_empty() {
        checks.push(Issue::passed("EC-VFY-050", format!("pods ran in {}", counted(zones.len(), "zone"))));
    }
    checks
}

fn one(id: &'static str, what: &str, (failed, open): (Vec<String>, Vec<String>), fix: &str) -> Vec<Issue> {
    let mut checks = Vec::new();
    if !failed.is_empty() {
        checks.push(
            Issue::error(id, format!("pods do not reach {what} from {}", counted(failed.len(), "zone")))
                .why("tried three times, five seconds each")
                .fix(fix)
                .about(failed),
        );
    }
    if !open.is_empty() {
        checks.push(
            Issue::unknown(id, format!("whether pods reach {what}"), "the probe's pods did not say")
                .fix("")
                .about(open),
        );
    }
    if checks.is_empty() {
        checks.push(Issue::passed(id, format!("pods reach {what}")));
    }
    checks
}

fn pods(zones: &[ZoneAnswer]) -> Vec<Issue> {
    let (mut failed, mut open) = (Vec::new(), Vec::new());
    let mut pairs = 0;
    for zone in zones {
        let Asked::Ended { message, .. } = &zone.asked else { continue };
        let told = lines(message);
        for other in &zone.others {
            pairs += 1;
            match told.get(format!("pod {other}").as_str()) {
                Some(true) => {}
                Some(false) => failed.push(format!("{} to {other}", zone.zone)),
                None => open.push(format!("{} to {other}", zone.zone)),
            }
        }
    }
    // One zone alone has no other to reach.
    if pairs == 0 {
        return Vec::new();
    }
    one(
        "EC-VFY-053",
        "pods of other zones",
        (failed, open),
        "the pods' security groups must allow each other, and so must network policies of the probe's namespace",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str, others: &[&str], asked: Asked) -> ZoneAnswer {
        ZoneAnswer {
            zone: name.into(),
            node: format!("node-{name}"),
            others: others.iter().map(ToString::to_string).collect(),
            asked,
        }
    }

    fn told(zones: &[ZoneAnswer]) -> Vec<String> {
        let line =
            |check: &Issue| format!("{} {:?} {} {}", check.id, check.severity, check.what, check.place);
        checks(zones).iter().map(line).map(|line| line.trim_end().to_string()).collect()
    }

    #[test]
    fn answers_of_all_zones_prove_dns_api_and_the_way_between_zones() {
        let ended = |message: &str| Asked::Ended { code: 0, message: message.into() };
        let zones = [
            zone("a", &["b"], ended("dns ok\napi ok\npod b ok\n")),
            zone("b", &["a"], ended("dns ok\napi ok\npod a ok")),
        ];
        assert_eq!(
            told(&zones),
            [
                "EC-VFY-050 Passed pods ran in 2 zones",
                "EC-VFY-051 Passed pods reach DNS",
                "EC-VFY-052 Passed pods reach the API server",
                "EC-VFY-053 Passed pods reach pods of other zones",
            ]
        );
    }

    #[test]
    fn what_fails_and_what_was_not_said_is_told_by_zone() {
        let zones = [
            zone("a", &["b"], Asked::Ended { code: 1, message: "dns failed\napi ok\npod b failed".into() }),
            zone("b", &["a"], Asked::Ended { code: 1, message: "dns ok\napi failed".into() }),
            zone("c", &[], Asked::NotStarted("ImagePullBackOff".into())),
            zone("d", &[], Asked::Ended { code: 127, message: "sh: nc: not found".into() }),
        ];
        assert_eq!(
            told(&zones),
            [
                "EC-VFY-050 Error the probe's pods of c did not come to an end in time node node-c",
                "EC-VFY-050 Error the probe's pod of d ended without an answer node node-d",
                "EC-VFY-051 Error pods do not reach DNS from 1 zone a",
                "EC-VFY-051 Unknown whether pods reach DNS d",
                "EC-VFY-052 Error pods do not reach the API server from 1 zone b",
                "EC-VFY-052 Unknown whether pods reach the API server d",
                "EC-VFY-053 Error pods do not reach pods of other zones from 1 zone a to b",
                "EC-VFY-053 Unknown whether pods reach pods of other zones b to a",
            ]
        );
    }
}
