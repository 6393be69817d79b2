//! What may have stopped the probe's pods beside the VPC: NetworkPolicies of their namespace.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::error::Result;
use crate::eviction::budgets::selects;
use crate::issue::{Issue, Severity};
use crate::words::few;

use super::pod::{Role, labels};

/// The checks of ways that did not work.
const WAYS: [&str; 3] = ["EC-VFY-051", "EC-VFY-052", "EC-VFY-053"];

/// Whether a way was shut to the probe.
pub fn asks(checks: &[Issue]) -> bool {
    checks.iter().any(|check| check.severity == Severity::Error && WAYS.contains(&check.id))
}

/// From the namespace's policies and the pods that they select; nothing where none selects the probe's.
pub fn check(namespace: &str, policies: Result<Vec<(String, LabelSelector)>>) -> Option<Issue> {
    let labels: BTreeMap<String, String> =
        labels(Role::Asks, "").map(|(key, value)| (key.to_string(), value.to_string())).into();
    let selecting = policies.map(|policies| {
        let ours = policies.into_iter().filter(|(_, pods)| selects(Some(pods), &labels));
        ours.map(|(name, _)| name).collect::<Vec<_>>()
    });
    match selecting {
        Ok(names) if names.is_empty() => None,
        Ok(names) => Some(
            Issue::warning("EC-VFY-054", "NetworkPolicies select the probe's pods")
                .at(few(&names))
                .why("what the probe did not reach may be shut by them, and not by the VPC")
                .fix("verify --probe --probe-namespace NAMESPACE, one that has no NetworkPolicy; or let these pods reach DNS, the API server and each other"),
        ),
        Err(error) => Some(
            Issue::unknown("EC-VFY-054", "whether NetworkPolicies stop the probe's pods", error.in_short())
                .at(format!("namespace {namespace}")),
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::error::{Cause, Error};

    use super::*;

    #[test]
    fn policies_are_named_as_what_may_stop_the_probe_and_unknown_is_told() {
        let dns = |severity| Issue { severity, ..Issue::error("EC-VFY-051", "pods do not reach DNS") };
        assert!(asks(&[dns(Severity::Error)]));
        assert!(!asks(&[dns(Severity::Passed)]), "who reaches all is stopped by none");
        let cart = LabelSelector {
            match_labels: Some([("app".into(), "cart".into())].into()),
            ..LabelSelector::default()
        };
        assert_eq!(check("shop", Ok(vec![("shop/cart".into(), cart)])), None, "it is about others");
        let all = ("shop/deny-all".to_string(), LabelSelector::default());
        insta::assert_json_snapshot!(check("shop", Ok(vec![all])));
        let cause = Cause { code: "Forbidden".into(), message: "no".into(), request_id: None };
        let unknown = check("shop", Err(Error::failed("list NetworkPolicies").cause(cause))).unwrap();
        assert_eq!(unknown.severity, Severity::Unknown);
    }
}
