//! Bugs of the VPC CNI's version that this cluster meets.

use crate::cni_bugs::{bugs, fixed};
use crate::facts::detected_version;
use crate::issue::Issue;
use crate::words::counted;

use super::view::View;

/// Nothing where there is none, or where the version can't be told: that is told by itself.
pub fn check(view: &View<'_>) -> Option<Issue> {
    let (version, _) = detected_version(&view.facts.cni)?;
    let bugs = bugs(view.facts);
    let fixed = fixed(&bugs)?;
    let told: Vec<String> = bugs.iter().map(|bug| bug.told()).collect();
    Some(
        Issue::warning("EC-VFY-007", format!("VPC CNI {version} has {}", counted(bugs.len(), "known bug")))
            .at("DaemonSet kube-system/aws-node")
            .why(told.join("; "))
            .fix(format!("update aws-node to {fixed} or later, then replace nodes that are not Ready")),
    )
}

#[cfg(test)]
mod tests {
    use crate::issue::Issue;
    use crate::sample::custom;
    use crate::verify::{Expected, verify};

    fn told(change: impl FnOnce(&mut crate::facts::Facts)) -> Option<Issue> {
        let mut facts = custom();
        change(&mut facts);
        let report = verify(&facts, &Expected::default());
        report.checks().find(|check| check.id == "EC-VFY-007").cloned()
    }

    #[test]
    fn a_version_with_a_bug_that_is_met_is_told_with_the_one_that_fixes_it() {
        insta::assert_json_snapshot!(told(|facts| {
            facts.cni.image = "cni:v1.19.4".into();
            facts.cni.env.insert("ENABLE_POD_ENI".into(), "true".into());
        }));
        assert_eq!(told(|_| {}), None);
    }
}
