//! Whether the workloads run: pods that are not scheduled, pods that do not start, workloads with fewer Ready pods than
//! desired. At the end of a run these are compared with the state before it.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{Facts, Obstacle, WaitingPod, Workload};
use crate::fixes;
use crate::issue::{Issue, Rated, Severity, id};
use crate::text::subject;

use super::report::or_ok;
use super::view::View;

/// The workloads before the first change of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Before {
    /// Ready pods, by workload.
    ready: BTreeMap<String, i32>,
    /// Pods that waited then.
    waiting: BTreeSet<String>,
}

impl Before {
    pub(crate) fn of(facts: &Facts) -> Self {
        let running = &facts.running;
        Before {
            ready: running.workloads.iter().map(|workload| (workload.full_name(), workload.ready)).collect(),
            waiting: running.waiting.iter().map(WaitingPod::full_name).collect(),
        }
    }
}

pub(super) fn checks(view: &View<'_>) -> Vec<Issue> {
    if let Some(because) = &view.facts.running.unknown {
        return vec![Issue::unknown(id::VFY_089, "whether the workloads run", because)];
    }
    let mut checks = or_ok(waiting(view), id::VFY_087, "no pod waits to be scheduled or started");
    checks.extend(or_ok(fewer(view), id::VFY_089, "Deployments and StatefulSets have all their pods Ready"));
    checks
}

/// A young pod may still start; but a run does not end while a pod that it moved is waiting. An image or a configuration
/// is not a fault of the network.
fn is_error(view: &View<'_>, pod: &WaitingPod) -> bool {
    match &view.expected.before {
        _ if pod.obstacles.contains(&Obstacle::Container) => false,
        Some(before) => !before.waiting.contains(&pod.full_name()),
        None => pod.old,
    }
}

fn rated(view: &View<'_>, pod: &WaitingPod) -> Rated {
    match (pod.node.is_empty(), is_error(view, pod)) {
        (true, true) => id::VFY_087.error(),
        (true, false) => id::VFY_087.warning(),
        (false, true) => id::VFY_088.error(),
        (false, false) => id::VFY_088.warning(),
    }
}

fn waiting(view: &View<'_>) -> Vec<Issue> {
    let ready: BTreeSet<&str> =
        view.facts.nodes.iter().filter(|node| node.ready).map(|node| node.name.as_str()).collect();
    let mut alike: BTreeMap<(bool, Rated, &str), Vec<&WaitingPod>> = BTreeMap::new();
    for pod in &view.facts.running.waiting {
        let unscheduled = pod.node.is_empty();
        // Nothing starts on a node that is not Ready, which EC-VFY-020 reports.
        if !unscheduled && !ready.contains(pod.node.as_str()) {
            continue;
        }
        alike.entry((unscheduled, rated(view, pod), &pod.message)).or_default().push(pod);
    }
    let issues = alike.into_iter().map(|((unscheduled, rated, message), pods)| {
        let names: Vec<String> = pods.iter().map(|pod| pod.full_name()).collect();
        let (what, fix) = match unscheduled {
            true => (
                format!("{} not scheduled", subject(names.len(), "pod", "is", "are")),
                fixes::no_node(view.facts, pods[0]),
            ),
            false => {
                (format!("{} not start", subject(names.len(), "pod", "does", "do")), fixes::describe(pods[0]))
            }
        };
        let why = if message.is_empty() { "no event says why yet" } else { message };
        Issue::new(rated, what).why(why).fix(fix).about(names)
    });
    issues.collect()
}

fn fewer(view: &View<'_>) -> Vec<Issue> {
    let mut alike: BTreeMap<Rated, Vec<&Workload>> = BTreeMap::new();
    for workload in view.facts.running.workloads.iter().filter(|workload| workload.ready < workload.wanted) {
        let name = workload.full_name();
        let dropped = view.expected.before.as_ref().is_some_and(|before| {
            // A workload that was created during the run may still start.
            before.ready.get(&name).is_some_and(|ready| workload.ready < *ready)
        });
        let rated = if dropped { id::VFY_089.error() } else { id::VFY_089.warning() };
        alike.entry(rated).or_default().push(workload);
    }
    let issues = alike.into_iter().map(|(rated, workloads)| {
        let what =
            format!("{} fewer Ready pods than desired", subject(workloads.len(), "workload", "has", "have"));
        let name = |one: &&Workload| format!("{} ({} of {})", one.full_name(), one.ready, one.wanted);
        Issue::new(rated, what)
            .why(match rated.severity() {
                Severity::Error => "they had more before this run",
                _ => "the events of their pods say why",
            })
            .fix(format!(
                "kubectl -n {} get pods # then kubectl describe pod says why",
                workloads[0].namespace
            ))
            .about(workloads.iter().map(name).collect())
    });
    issues.collect()
}

#[cfg(test)]
mod tests {
    use crate::sample::{custom, facts};
    use crate::verify::{Expected, verify};

    use super::*;

    fn pod(name: &str, node: &str, message: &str, old: bool) -> WaitingPod {
        WaitingPod {
            namespace: "shop".into(),
            name: name.into(),
            node: node.into(),
            host_network: false,
            old,
            message: message.into(),
            obstacles: Obstacle::named_in(message),
        }
    }

    fn cart(ready: i32) -> Workload {
        Workload { kind: "Deployment", namespace: "shop".into(), name: "cart".into(), wanted: 3, ready }
    }

    fn problems(facts: &Facts, before: Option<&Facts>) -> Vec<String> {
        let expected = Expected { before: before.map(Before::of), ..Expected::default() };
        let report = verify(facts, &expected);
        let bad = report.checks().filter(|check| check.severity() != Severity::Passed);
        bad.map(|check| format!("{} {:?}: {} ({})", check.id, check.severity(), check.what, check.place))
            .collect()
    }

    #[test]
    fn old_unscheduled_pods_fail_with_the_message_of_the_scheduler() {
        let mut facts = custom();
        facts.running.waiting = vec![pod("cart-1", "", "0/2 nodes are available: 2 Too many pods.", true)];
        assert_eq!(problems(&facts, None), ["EC-VFY-087 Error: 1 pod is not scheduled (shop/cart-1)"]);
        facts.running.waiting[0].old = false;
        assert_eq!(problems(&facts, None), ["EC-VFY-087 Warning: 1 pod is not scheduled (shop/cart-1)"]);
        assert_eq!(
            problems(&facts, Some(&custom())),
            ["EC-VFY-087 Error: 1 pod is not scheduled (shop/cart-1)"],
            "a run does not end while a pod that it moved waits"
        );
        let before = facts.clone();
        assert_eq!(
            problems(&facts, Some(&before)),
            ["EC-VFY-087 Warning: 1 pod is not scheduled (shop/cart-1)"]
        );
    }

    #[test]
    fn pods_that_do_not_start_fail_unless_their_image_or_their_node_is_the_cause() {
        let mut facts = custom();
        facts.running.waiting = vec![
            pod("cart-1", "new-a", "ContainerCreating", true),
            pod("cart-2", "new-a", "ImagePullBackOff: no such image", true),
            pod("cart-3", "elsewhere", "", true),
        ];
        assert_eq!(
            problems(&facts, None),
            [
                "EC-VFY-088 Error: 1 pod does not start (shop/cart-1)",
                "EC-VFY-088 Warning: 1 pod does not start (shop/cart-2)",
            ]
        );
    }

    #[test]
    fn pods_lost_during_a_run_fail_it_and_pods_missing_before_do_not() {
        let mut facts = custom();
        facts.running.workloads = vec![cart(1)];
        let what = "1 workload has fewer Ready pods than desired (Deployment shop/cart (1 of 3))";
        assert_eq!(problems(&facts, None), [format!("EC-VFY-089 Warning: {what}")]);
        let mut before = self::facts();
        before.running.workloads = vec![cart(3)];
        assert_eq!(problems(&facts, Some(&before)), [format!("EC-VFY-089 Error: {what}")]);
        before.running.workloads = vec![cart(1)];
        assert_eq!(problems(&facts, Some(&before)), [format!("EC-VFY-089 Warning: {what}")]);
    }

    #[test]
    fn without_permission_to_read_the_result_is_unknown() {
        let mut facts = custom();
        facts.running.unknown = Some("list Deployments: Forbidden".into());
        assert_eq!(problems(&facts, None), ["EC-VFY-089 Unknown: whether the workloads run ()"]);
    }
}
