//! Bugs of the VPC CNI that break custom networking, by version. A `#` is an issue of
//! github.com/aws/amazon-vpc-cni-k8s; versions are from its CHANGELOG.md.

use crate::facts::{Facts, Version, detected_version};

/// One bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bug {
    pub issue: u32,
    /// The first version that has it.
    pub from: Version,
    /// The first version without it.
    pub fixed: Version,
    pub only: Only,
    pub what: &'static str,
}

/// The condition under which a cluster is affected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Only {
    Always,
    /// An ENIConfig without securityGroups.
    EmptyGroups,
    /// Security groups for pods (ENABLE_POD_ENI).
    PodEni,
    /// Subnet discovery (ENABLE_SUBNET_DISCOVERY), which is on by default.
    Discovery,
}

/// The table, by version.
pub(crate) const BUGS: &[Bug] = &[
    Bug {
        issue: 579,
        from: Version(1, 4, 0),
        fixed: Version(1, 5, 2),
        only: Only::Always,
        what: "new nodes get no interface for pods: the ENIConfig is not found",
    },
    Bug {
        issue: 1259,
        from: Version(1, 4, 0),
        fixed: Version(1, 8, 0),
        only: Only::EmptyGroups,
        what: "an ENIConfig without security groups does not use those of the node's primary network interface",
    },
    Bug {
        issue: 2426,
        from: Version(1, 13, 0),
        fixed: Version(1, 13, 2),
        only: Only::EmptyGroups,
        what: "aws-node of a new node crashes repeatedly if its ENIConfig has no security groups",
    },
    Bug {
        issue: 2792,
        from: Version(1, 16, 0),
        fixed: Version(1, 16, 4),
        only: Only::PodEni,
        what: "with security groups for pods the trunk interface is created before the ENIConfig is known, with the \
               node's groups and with prefixes that pods then use",
    },
    Bug {
        issue: 3277,
        from: Version(1, 19, 4),
        fixed: Version(1, 19, 5),
        only: Only::PodEni,
        what: "with security groups for pods a new node does not find its ENIConfig and stays NotReady",
    },
    Bug {
        issue: 3753,
        from: Version(1, 22, 0),
        fixed: Version(1, 22, 4),
        only: Only::Discovery,
        what: "if aws-node's role may not call ec2:DescribeSubnets, a pod gets a network interface's own address",
    },
];

impl Bug {
    /// Description with its GitHub issue: `… (amazon-vpc-cni-k8s#2426)`.
    pub(crate) fn line(&self) -> String {
        format!("{} (amazon-vpc-cni-k8s#{})", self.what, self.issue)
    }
}

/// The bugs that affect this cluster with custom networking, by version. Empty if the version is unknown.
pub(crate) fn bugs(facts: &Facts) -> Vec<&'static Bug> {
    let Some((version, _)) = detected_version(&facts.cni) else { return Vec::new() };
    let empty_groups = facts.eniconfigs.items.iter().any(|config| config.security_groups.is_empty());
    let affected = |only: Only| match only {
        Only::Always => true,
        Only::EmptyGroups => empty_groups,
        Only::PodEni => facts.cni.is_on("ENABLE_POD_ENI"),
        Only::Discovery => crate::subnet_tags::discovers(facts),
    };
    BUGS.iter().filter(|bug| (bug.from..bug.fixed).contains(&version) && affected(bug.only)).collect()
}

/// The first version without any of these.
pub(crate) fn fixed(bugs: &[&Bug]) -> Option<Version> {
    bugs.iter().map(|bug| bug.fixed).max()
}

#[cfg(test)]
mod tests {
    use crate::sample::custom;

    use super::*;

    /// Issues that affect a version with these variables.
    fn issues(version: &str, on: &[&str], empty: bool) -> Vec<u32> {
        let mut facts = custom();
        facts.cni.image = format!("cni:v{version}");
        facts.cni.env.extend(on.iter().map(|name| ((*name).to_string(), "true".to_string())));
        if empty {
            facts.eniconfigs.items[0].security_groups.clear();
        }
        bugs(&facts).iter().map(|bug| bug.issue).collect()
    }

    #[test]
    fn a_bug_affects_versions_from_its_first_to_before_its_fix() {
        let none: [u32; 0] = [];
        assert_eq!(issues("1.4.1", &[], false), [579]);
        assert_eq!(issues("1.5.2", &[], false), none);
        assert_eq!(issues("1.13.0", &[], true), [2426]);
        assert_eq!(issues("1.13.2", &[], true), none);
        assert_eq!(issues("1.16.3", &["ENABLE_POD_ENI"], false), [2792]);
        assert_eq!(issues("1.19.4", &["ENABLE_POD_ENI"], false), [3277]);
        assert_eq!(issues("1.19.5", &["ENABLE_POD_ENI"], false), none);
        assert_eq!(issues("1.22.1", &[], false), [3753]);
        assert_eq!(issues("1.22.4", &[], false), none);
    }

    #[test]
    fn clusters_without_the_affected_feature_have_no_bug() {
        for version in ["1.13.0", "1.16.2", "1.19.4", "1.20.4"] {
            assert!(issues(version, &[], false).is_empty(), "{version}");
        }
    }

    #[test]
    fn each_fix_is_later_than_its_bug() {
        assert!(BUGS.iter().all(|bug| bug.from < bug.fixed));
        assert_eq!(fixed(&[&BUGS[0], &BUGS[4]]), Some(Version(1, 19, 5)));
    }
}
