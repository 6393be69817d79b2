//! Whether what is to run runs: pods that find no node, pods that do not start, workloads with fewer Ready pods than they
//! want. At the end of a run that is judged by what ran before it.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{Facts, WaitingPod};
use crate::fixes;
use crate::issue::{Issue, Severity};
use crate::words::subject;

use super::report::or_ok;
use super::view::View;

/// What ran before the first change of a run.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// Ready pods, by workload.
    ready: BTreeMap<String, i32>,
    /// Pods that waited then.
    waiting: BTreeSet<String>,
}

impl Before {
    pub fn of(facts: &Facts) -> Self {
        let running = &facts.running;
        Before {
            ready: running.workloads.iter().map(|workload| (workload.full_name(), workload.ready)).collect(),
            waiting: running.waiting.iter().map(WaitingPod::full_name).collect(),
        }
    }
}

/// Words of containers that would not start in any network.
const OWN_FAULTS: [&str; 5] =
    ["ErrImage", "ImagePull", "InvalidImageName", "CreateContainerConfigError", "CrashLoopBackOff"];

pub fn checks(view: &View<'_>) -> Vec<Issue> {
    if let Some(because) = &view.facts.running.unknown {
        return vec![Issue::unknown("EC-VFY-089", "whether what is to run runs", because)];
    }
    let mut checks = or_ok(waiting(view), "EC-VFY-087", "no pod waits for a node or for its containers");
    checks.extend(or_ok(
        fewer(view),
        "EC-VFY-089",
        "Deployments and StatefulSets have the Ready pods that they want",
    ));
    checks
}

/// A young pod is on its way; but a run does not end while one that it has moved waits.
fn weight(view: &View<'_>, pod: &WaitingPod) -> Severity {
    match &view.expected.before {
        Some(before) if before.waiting.contains(&pod.full_name()) => Severity::Warning,
        Some(_) => Severity::Error,
        None if pod.old => Severity::Error,
        None => Severity::Warning,
    }
}

fn waiting(view: &View<'_>) -> Vec<Issue> {
    let ready: BTreeSet<&str> =
        view.facts.nodes.iter().filter(|node| node.ready).map(|node| node.name.as_str()).collect();
    let mut alike: BTreeMap<(bool, Severity, &str), Vec<&WaitingPod>> = BTreeMap::new();
    for pod in &view.facts.running.waiting {
        let homeless = pod.node.is_empty();
        // Nothing starts on a node that is not Ready, and that is told of the node.
        if !homeless && !ready.contains(pod.node.as_str()) {
            continue;
        }
        let own_fault = OWN_FAULTS.iter().any(|fault| pod.told.contains(fault));
        let severity = if own_fault { Severity::Warning } else { weight(view, pod) };
        alike.entry((homeless, severity, &pod.told)).or_default().push(pod);
    }
    let told = alike.into_iter().map(|((homeless, severity, told), pods)| {
        let names: Vec<String> = pods.iter().map(|pod| pod.full_name()).collect();
        let check = match homeless {
            true => Issue::error(
                "EC-VFY-087",
                format!("{} no node", subject(names.len(), "pod", "finds", "find")),
            )
            .fix(fixes::no_node(view.facts, pods[0])),
            false => {
                Issue::error("EC-VFY-088", format!("{} not start", subject(names.len(), "pod", "does", "do")))
                    .fix(fixes::describe(pods[0]))
            }
        };
        let why = if told.is_empty() { "nobody has said why yet" } else { told };
        Issue { severity, ..check.why(why).about(names) }
    });
    told.collect()
}

fn fewer(view: &View<'_>) -> Vec<Issue> {
    let mut alike: BTreeMap<Severity, Vec<String>> = BTreeMap::new();
    for workload in view.facts.running.workloads.iter().filter(|workload| workload.ready < workload.wanted) {
        let name = workload.full_name();
        let fell = view.expected.before.as_ref().is_some_and(|before| {
            // One that was made meanwhile is on its way.
            before.ready.get(&name).is_some_and(|ready| workload.ready < *ready)
        });
        let severity = if fell { Severity::Error } else { Severity::Warning };
        alike
            .entry(severity)
            .or_default()
            .push(format!("{name} ({} of {})", workload.ready, workload.wanted));
    }
    let told = alike.into_iter().map(|(severity, names)| {
        let first = names[0].split_whitespace().nth(1).unwrap_or_default();
        let (namespace, _) = first.split_once('/').unwrap_or_default();
        let what =
            format!("{} fewer Ready pods than wanted", subject(names.len(), "workload", "has", "have"));
        let check = Issue::error("EC-VFY-089", what)
            .why(match severity {
                Severity::Error => "before this run they had more",
                _ => "what their pods wait for is in their events",
            })
            .fix(format!("kubectl -n {namespace} get pods # shows which, and kubectl describe pod says why"));
        Issue { severity, ..check.about(names) }
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use crate::facts::Workload;
    use crate::sample::{custom, facts};
    use crate::verify::{Expected, verify};

    use super::*;

    fn pod(name: &str, node: &str, told: &str, old: bool) -> WaitingPod {
        WaitingPod {
            namespace: "shop".into(),
            name: name.into(),
            node: node.into(),
            host_network: false,
            old,
            told: told.into(),
        }
    }

    fn cart(ready: i32) -> Workload {
        Workload { kind: "Deployment", namespace: "shop".into(), name: "cart".into(), wanted: 3, ready }
    }

    fn told(facts: &Facts, before: Option<&Facts>) -> Vec<String> {
        let expected = Expected { before: before.map(Before::of), ..Expected::default() };
        let report = verify(facts, &expected);
        let bad = report.checks().filter(|check| check.severity != Severity::Passed);
        bad.map(|check| format!("{} {:?}: {} ({})", check.id, check.severity, check.what, check.place))
            .collect()
    }

    #[test]
    fn pods_without_a_node_fail_with_the_scheduler_s_words_once_they_have_waited() {
        let mut facts = custom();
        facts.running.waiting = vec![pod("cart-1", "", "0/2 nodes are available: 2 Too many pods.", true)];
        assert_eq!(told(&facts, None), ["EC-VFY-087 Error: 1 pod finds no node (shop/cart-1)"]);
        facts.running.waiting[0].old = false;
        assert_eq!(told(&facts, None), ["EC-VFY-087 Warning: 1 pod finds no node (shop/cart-1)"]);
        assert_eq!(
            told(&facts, Some(&custom())),
            ["EC-VFY-087 Error: 1 pod finds no node (shop/cart-1)"],
            "a run does not end while what it moved waits"
        );
        let before = facts.clone();
        assert_eq!(told(&facts, Some(&before)), ["EC-VFY-087 Warning: 1 pod finds no node (shop/cart-1)"]);
    }

    #[test]
    fn pods_that_do_not_start_fail_unless_it_is_their_image_or_their_node() {
        let mut facts = custom();
        facts.running.waiting = vec![
            pod("cart-1", "new-a", "ContainerCreating", true),
            pod("cart-2", "new-a", "ImagePullBackOff: no such image", true),
            pod("cart-3", "elsewhere", "", true),
        ];
        assert_eq!(
            told(&facts, None),
            [
                "EC-VFY-088 Error: 1 pod does not start (shop/cart-1)",
                "EC-VFY-088 Warning: 1 pod does not start (shop/cart-2)",
            ]
        );
    }

    #[test]
    fn fewer_ready_pods_than_before_a_run_fail_it_and_those_that_were_missing_before_do_not() {
        let mut facts = custom();
        facts.running.workloads = vec![cart(1)];
        let what = "1 workload has fewer Ready pods than wanted (Deployment shop/cart (1 of 3))";
        assert_eq!(told(&facts, None), [format!("EC-VFY-089 Warning: {what}")]);
        let mut before = self::facts();
        before.running.workloads = vec![cart(3)];
        assert_eq!(told(&facts, Some(&before)), [format!("EC-VFY-089 Error: {what}")]);
        before.running.workloads = vec![cart(1)];
        assert_eq!(told(&facts, Some(&before)), [format!("EC-VFY-089 Warning: {what}")]);
    }

    #[test]
    fn what_may_not_be_read_is_unknown() {
        let mut facts = custom();
        facts.running.unknown = Some("list Deployments: Forbidden".into());
        assert_eq!(told(&facts, None), ["EC-VFY-089 Unknown: whether what is to run runs ()"]);
    }
}
