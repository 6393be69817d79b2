//! Known bugs of the VPC CNI version that affect this cluster.

use crate::cni_bugs::{bugs, fixed};
use crate::facts::detected_version;
use crate::issue::{Issue, id};
use crate::text::counted;

use super::view::View;

/// `None` if there is no such bug, or if the version is unknown, which EC-VFY-004 reports.
pub(super) fn check(view: &View<'_>) -> Option<Issue> {
    let (version, _) = detected_version(&view.facts.cni)?;
    let bugs = bugs(view.facts);
    let fixed = fixed(&bugs)?;
    let texts: Vec<String> = bugs.iter().map(|bug| bug.line()).collect();
    Some(
        Issue::warning(id::VFY_007, format!("VPC CNI {version} has {}", counted(bugs.len(), "known bug")))
            .at("DaemonSet kube-system/aws-node")
            .why(texts.join("; "))
            .fix(format!("update aws-node to {fixed} or later, then replace nodes that are not Ready")),
    )
}

#[cfg(test)]
mod tests {
    use crate::issue::id;

    use crate::issue::Issue;
    use crate::sample::custom;
    use crate::verify::{Expected, verify};

    fn found(change: impl FnOnce(&mut crate::facts::Facts)) -> Option<Issue> {
        let mut facts = custom();
        change(&mut facts);
        let report = verify(&facts, &Expected::default());
        report.checks().find(|check| check.id == id::VFY_007).cloned()
    }

    #[test]
    fn a_known_bug_is_reported_with_the_version_that_fixes_it() {
        insta::assert_json_snapshot!(found(|facts| {
            facts.cni.image = "cni:v1.19.4".into();
            facts.cni.env.insert("ENABLE_POD_ENI".into(), "true".into());
        }));
        assert_eq!(found(|_| {}), None);
    }
}
