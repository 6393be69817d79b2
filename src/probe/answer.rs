//! The results of the probe's pods. Pure.

use std::collections::BTreeMap;

use crate::issue::severity::{Check, Error};
use crate::issue::{IdOf, Issue, id};
use crate::text::counted;

/// One zone's part of a probe.
#[derive(Debug, Clone)]
pub(super) struct ZoneAnswer {
    pub zone: String,
    pub node: String,
    /// Zones whose pods it had to reach.
    pub others: Vec<String>,
    pub asked: Asked,
}

#[derive(Debug, Clone)]
pub(super) enum Asked {
    /// Not in time, and why.
    NotStarted(String),
    Ended {
        code: i32,
        message: String,
    },
}

/// The results for `dns`, `api` and `pod ZONE` that the pod reported.
fn lines(message: &str) -> BTreeMap<&str, bool> {
    message.lines().filter_map(line).collect()
}

fn line(text: &str) -> Option<(&str, bool)> {
    let (name, result) = text.trim().rsplit_once(' ')?;
    match result {
        "ok" => Some((name, true)),
        "failed" => Some((name, false)),
        _ => None,
    }
}

pub(super) fn checks(zones: &[ZoneAnswer]) -> Vec<Issue> {
    let mut checks = ran(zones);
    let results = |what: &str| {
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
        id::VFY_051,
        "DNS",
        results("dns"),
        "allow UDP and TCP 53 from the pods' security groups to the nodes that run CoreDNS",
    ));
    checks.extend(one(
        id::VFY_052,
        "the API server",
        results("api"),
        "allow TCP 443 from the pods' security groups to the cluster security group",
    ));
    checks.extend(pods(zones));
    checks
}

fn ran(zones: &[ZoneAnswer]) -> Vec<Issue> {
    let mut checks = Vec::new();
    for zone in zones {
        match &zone.asked {
            Asked::NotStarted(why) => checks.push(
                Issue::error(id::VFY_050, format!("the probe's pods in {} did not finish in time", zone.zone))
                    .at(format!("node {}", zone.node))
                    .why(why)
                    .fix("use a longer --probe-timeout or another --probe-image; kubectl describe node may show the cause"),
            ),
            // 126 and 127: the image has no shell, or lacks these tools.
            Asked::Ended { code, message } if lines(message).is_empty() => checks.push(
                Issue::error(id::VFY_050, format!("the probe's pod in {} ended without a result", zone.zone))
                    .at(format!("node {}", zone.node))
                    .why(format!("exit code {code}: {message}"))
                    .fix("use a --probe-image with sh, nc, nslookup and httpd"),
            ),
            Asked::Ended { .. } => {}
        }
    }
    if checks.is_empty() {
        checks.push(Issue::passed(id::VFY_050, format!("pods ran in {}", counted(zones.len(), "zone"))));
    }
    checks
}

fn one(
    id: IdOf<Check<Error>>,
    what: &str,
    (failed, open): (Vec<String>, Vec<String>),
    fix: &str,
) -> Vec<Issue> {
    let mut checks = Vec::new();
    if !failed.is_empty() {
        checks.push(
            Issue::error(id, format!("pods can't reach {what} from {}", counted(failed.len(), "zone")))
                .why("tried three times, five seconds each")
                .fix(fix)
                .about(failed),
        );
    }
    if !open.is_empty() {
        checks.push(
            Issue::unknown(id, format!("whether pods reach {what}"), "the probe's pods did not report it")
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
        let results = lines(message);
        for other in &zone.others {
            pairs += 1;
            match results.get(format!("pod {other}").as_str()) {
                Some(true) => {}
                Some(false) => failed.push(format!("{} to {other}", zone.zone)),
                None => open.push(format!("{} to {other}", zone.zone)),
            }
        }
    }
    // A single zone has no other to reach.
    if pairs == 0 {
        return Vec::new();
    }
    one(
        id::VFY_053,
        "pods of other zones",
        (failed, open),
        "allow traffic between the pods' security groups, and in the NetworkPolicies of the probe's namespace",
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

    fn results(zones: &[ZoneAnswer]) -> Vec<String> {
        let line =
            |check: &Issue| format!("{} {:?} {} {}", check.id, check.severity(), check.what, check.place);
        checks(zones).iter().map(line).map(|line| line.trim_end().to_string()).collect()
    }

    #[test]
    fn results_of_all_zones_cover_dns_api_and_traffic_between_zones() {
        let ended = |message: &str| Asked::Ended { code: 0, message: message.into() };
        let zones = [
            zone("a", &["b"], ended("dns ok\napi ok\npod b ok\n")),
            zone("b", &["a"], ended("dns ok\napi ok\npod a ok")),
        ];
        assert_eq!(
            results(&zones),
            [
                "EC-VFY-050 Passed pods ran in 2 zones",
                "EC-VFY-051 Passed pods reach DNS",
                "EC-VFY-052 Passed pods reach the API server",
                "EC-VFY-053 Passed pods reach pods of other zones",
            ]
        );
    }

    #[test]
    fn failed_and_missing_results_are_reported_by_zone() {
        let zones = [
            zone("a", &["b"], Asked::Ended { code: 1, message: "dns failed\napi ok\npod b failed".into() }),
            zone("b", &["a"], Asked::Ended { code: 1, message: "dns ok\napi failed".into() }),
            zone("c", &[], Asked::NotStarted("ImagePullBackOff".into())),
            zone("d", &[], Asked::Ended { code: 127, message: "sh: nc: not found".into() }),
        ];
        assert_eq!(
            results(&zones),
            [
                "EC-VFY-050 Error the probe's pods in c did not finish in time node node-c",
                "EC-VFY-050 Error the probe's pod in d ended without a result node node-d",
                "EC-VFY-051 Error pods can't reach DNS from 1 zone a",
                "EC-VFY-051 Unknown whether pods reach DNS d",
                "EC-VFY-052 Error pods can't reach the API server from 1 zone b",
                "EC-VFY-052 Unknown whether pods reach the API server d",
                "EC-VFY-053 Error pods can't reach pods of other zones from 1 zone a to b",
                "EC-VFY-053 Unknown whether pods reach pods of other zones b to a",
            ]
        );
    }
}
