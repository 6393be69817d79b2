//! After the drain: reports evicted pods whose replacements do not run, with the message of the scheduler or the pod.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::eviction::schedule::NotRunning;
use crate::k8s::replicas::{self, Needed};
use crate::session::Session;
use crate::text::{counted, few};

/// Drops controllers that need no more pods than they have: they were scaled down, or their Job is complete.
pub(super) async fn still_wanted(
    session: &Session,
    found: Vec<NotRunning>,
) -> Vec<(NotRunning, Option<String>)> {
    let mut wanted = Vec::new();
    for mut one in found {
        let mut because = None;
        if one.not_recreated > 0 {
            let client = &session.clients.kube.client;
            match replicas::wanted(client, &one.controller).await {
                Ok(Needed::None) => one.missing -= one.not_recreated,
                Ok(Needed::Pods { wanted, ready }) => {
                    one.missing = one.missing.min(usize::try_from(wanted - ready).unwrap_or_default());
                }
                Ok(Needed::Unknown(words)) => because = words,
                // A failed read is reported as the reason; it does not clear the controller.
                Err(error) => because = Some(error.in_short()),
            }
        }
        if one.missing > 0 {
            wanted.push((one, because));
        }
    }
    wanted
}

/// Fails with exit code 4 when pods of the drained nodes do not run again. `verify` is the command that checks again.
pub(super) fn check(found: &[(NotRunning, Option<String>)], verify: &str) -> Result<()> {
    let Some((first, _)) = found.first() else { return Ok(()) };
    let missing: usize = found.iter().map(|(one, _)| one.missing).sum();
    let controllers: Vec<String> = found.iter().map(|(one, _)| one.controller.clone()).collect();
    let lines: Vec<String> = found.iter().flat_map(|(one, because)| lines(one, because.as_deref())).collect();
    let (kind, namespace, name) = parts(&first.controller);
    let command = match first.pods.first() {
        Some(pod) => format!("kubectl -n {} describe pod {}", pod.namespace, pod.name),
        None => format!("kubectl -n {namespace} describe {kind} {name}"),
    };
    Err(Error::unproven(format!(
        "the old nodes are gone, but {} that ran on them {} not running again",
        counted(missing, "pod"),
        if missing == 1 { "is" } else { "are" }
    ))
    .at(few(&controllers))
    .because(lines.join("\n         "))
    .fix(format!("{command}; fix the cause, then check again: {verify}")))
}

/// `kind/namespace/name`
fn parts(controller: &str) -> (&str, &str, &str) {
    let mut parts = controller.splitn(3, '/');
    let mut next = || parts.next().unwrap_or_default();
    (next(), next(), next())
}

fn lines(one: &NotRunning, because: Option<&str>) -> Vec<String> {
    /// Pods listed per controller.
    const PODS: usize = 3;
    let mut lines: Vec<String> = Vec::new();
    let mut reported = BTreeSet::new();
    for pod in &one.pods {
        let words = pod.not_ready_because.as_deref().unwrap_or("not Ready");
        let node =
            if pod.node.is_empty() { "is not scheduled".into() } else { format!("on node {}", pod.node) };
        // Pods of one controller with the same message are listed once.
        if reported.insert(words) && reported.len() <= PODS {
            lines.push(format!("{} {node}: {words}", pod.full_name()));
        }
    }
    if one.not_recreated > 0 {
        let why = because.map(|why| format!(": {why}")).unwrap_or_default();
        let pods = counted(one.not_recreated, "pod");
        lines.push(format!("{} did not recreate {pods}{why}", one.controller));
    }
    lines
}

#[cfg(test)]
mod tests {
    use crate::exit::Exit;
    use crate::facts::Pod;
    use crate::sample::pod;

    use super::*;

    #[test]
    fn the_error_names_each_pod_its_node_and_its_message() {
        assert!(check(&[], "").is_ok());
        let pending = |name: &str| Pod {
            node: String::new(),
            ready: false,
            not_ready_because: Some("0/3 nodes are available: 3 Insufficient cpu.".into()),
            ..pod("shop", name)
        };
        let crashing = Pod { ready: false, node: "new-1".into(), ..pod("shop", "till-1") };
        let of = |controller: &str, missing, not_recreated, pods| NotRunning {
            controller: controller.into(),
            missing,
            not_recreated,
            pods,
        };
        let error = check(
            &[
                (of("deployment/shop/web", 2, 0, vec![pending("web-1"), pending("web-2")]), None),
                (of("statefulset/shop/till", 1, 0, vec![crashing]), None),
                (of("replicaset/shop/old", 1, 1, Vec::new()), Some("exceeded quota".into())),
            ],
            "eni-custom verify --cluster shop",
        )
        .unwrap_err();
        assert_eq!(error.exit(), Exit::Unproven);
        assert_eq!(error.what(), "the old nodes are gone, but 4 pods that ran on them are not running again");
        let why = error.reason().unwrap().message.clone();
        assert_eq!(
            why.lines().map(str::trim).collect::<Vec<_>>(),
            [
                "shop/web-1 is not scheduled: 0/3 nodes are available: 3 Insufficient cpu.",
                "shop/till-1 on node new-1: not Ready",
                "replicaset/shop/old did not recreate 1 pod: exceeded quota",
            ]
        );
        assert!(error.fix_command().unwrap().starts_with("kubectl -n shop describe pod web-1"));
    }
}
