//! NetworkPolicies of the probe's namespace, which may block its pods as well as the VPC may.

use std::collections::BTreeMap;

use kube::core::{Selector, SelectorExt as _};

use crate::error::Result;
use crate::issue::{Id, Issue, Severity, id};
use crate::text::few;

use super::pod::{Role, labels};

/// The checks of connections.
const CONNECTIONS: [Id; 3] = [id::VFY_051.id(), id::VFY_052.id(), id::VFY_053.id()];

/// Whether a connection of the probe failed.
pub(super) fn any_failed(checks: &[Issue]) -> bool {
    checks.iter().any(|check| check.severity() == Severity::Error && CONNECTIONS.contains(&check.id))
}

/// An issue if one of the namespace's policies selects the probe's pods.
pub(super) fn check(namespace: &str, policies: Result<Vec<(String, Selector)>>) -> Option<Issue> {
    let labels: BTreeMap<String, String> =
        labels(Role::Asks, "").map(|(key, value)| (key.to_string(), value.to_string())).into();
    let selecting = policies.map(|policies| {
        let matching = policies.into_iter().filter(|(_, pods)| pods.matches(&labels));
        matching.map(|(name, _)| name).collect::<Vec<_>>()
    });
    match selecting {
        Ok(names) if names.is_empty() => None,
        Ok(names) => Some(
            Issue::warning(id::VFY_054, "NetworkPolicies select the probe's pods")
                .at(few(&names))
                .why("they may block the probe, rather than the VPC")
                .fix("use verify --probe --probe-namespace with a namespace without NetworkPolicies, or allow these pods to reach DNS, the API server and each other"),
        ),
        Err(error) => Some(
            Issue::unknown(id::VFY_054, "whether NetworkPolicies block the probe's pods", error.in_short())
                .at(format!("namespace {namespace}")),
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::error::{Cause, Error};

    use super::*;

    #[test]
    fn policies_that_may_block_the_probe_are_named() {
        let dns = |rated| Issue::new(rated, "pods can't reach DNS");
        assert!(any_failed(&[dns(id::VFY_051.error())]));
        assert!(!any_failed(&[dns(id::VFY_051.passed())]), "nothing failed, so nothing blocks it");
        let cart = [("app", "cart")].into_iter().collect();
        assert_eq!(check("shop", Ok(vec![("shop/cart".into(), cart)])), None, "it selects other pods");
        let all = ("shop/deny-all".to_string(), Selector::default());
        insta::assert_json_snapshot!(check("shop", Ok(vec![all])));
        let cause = Cause { code: "Forbidden".into(), message: "no".into(), request_id: None };
        let unknown = check("shop", Err(Error::failed("list NetworkPolicies").cause(cause))).unwrap();
        assert_eq!(unknown.severity(), Severity::Unknown);
    }
}
