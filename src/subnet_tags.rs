//! Subnet tags that exclude a subnet from pod addresses although an ENIConfig names it. Pure.
//!
//! Since 1.22.0 aws-node reads the tags of every attached interface's subnet, even with custom networking, and may
//! exclude an interface from pod addresses (amazon-vpc-cni-k8s v1.22.0, pkg/ipamd `excludedENIBasedOnSubnetTags`,
//! pkg/awsutils `IsSubnetExcluded`). ENABLE_SUBNET_DISCOVERY=false switches it off; it is on by default.

use crate::facts::{Facts, Subnet, Version, detected_version};

const ROLE: &str = "kubernetes.io/role/cni";
const OF_CLUSTER: &str = "cni.networking.k8s.aws/cluster/";
/// The first version that obeys these tags with custom networking.
const SINCE: Version = Version(1, 22, 0);

/// Why a subnet is excluded, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exclusion {
    pub why: String,
    pub fix: String,
}

/// Whether aws-node of this cluster obeys these tags; `None` if its version is unknown.
pub(crate) fn acts(facts: &Facts) -> Option<bool> {
    let (version, _) = detected_version(&facts.cni)?;
    Some(version >= SINCE && discovers(facts))
}

/// ENABLE_SUBNET_DISCOVERY is true unless it is set to a value that Go parses as false.
pub(crate) fn discovers(facts: &Facts) -> bool {
    let off = ["0", "f", "F", "false", "FALSE", "False"];
    !facts.cni.env.get("ENABLE_SUBNET_DISCOVERY").is_some_and(|value| off.contains(&value.as_str()))
}

/// Whether its tags exclude this cluster's pods, regardless of aws-node's version.
pub(crate) fn exclusion(subnet: &Subnet, cluster: &str) -> Option<Exclusion> {
    let role = subnet.tags.get(ROLE).filter(|value| !value.is_empty())?;
    let id = &subnet.id;
    if role == "0" {
        return Some(Exclusion {
            why: format!("it is tagged {ROLE}=0"),
            fix: format!("aws ec2 delete-tags --resources {id} --tags Key={ROLE}"),
        });
    }
    let own = format!("{OF_CLUSTER}{cluster}");
    let others: Vec<&str> =
        subnet.tags.keys().map(String::as_str).filter(|key| key.starts_with(OF_CLUSTER)).collect();
    (!others.is_empty() && !others.contains(&own.as_str())).then(|| Exclusion {
        why: format!("it is tagged {ROLE}={role}, but only for other clusters: {}", others.join(", ")),
        fix: format!("aws ec2 create-tags --resources {id} --tags Key={own},Value=shared"),
    })
}

#[cfg(test)]
mod tests {
    use crate::sample::facts;

    use super::*;

    #[test]
    fn a_subnet_is_excluded_by_role_0_or_by_another_cluster_s_tag() {
        let excluded = |tags: &[(&str, &str)]| {
            let mut subnet = facts().vpc.subnets.remove(0);
            subnet.tags = tags.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
            exclusion(&subnet, "shop").is_some()
        };
        let (own, other) = ("cni.networking.k8s.aws/cluster/shop", "cni.networking.k8s.aws/cluster/bank");
        assert!(!excluded(&[]));
        assert!(excluded(&[(ROLE, "0")]));
        assert!(excluded(&[(ROLE, "0"), (own, "shared")]), "0 always excludes");
        assert!(!excluded(&[(ROLE, "1")]));
        assert!(excluded(&[(ROLE, "1"), (other, "shared")]));
        assert!(!excluded(&[(ROLE, "1"), (other, "shared"), (own, "shared")]));
        assert!(!excluded(&[(other, "shared")]), "without the role tag no other tag matters");
        assert!(!excluded(&[(ROLE, "")]));
    }

    #[test]
    fn the_version_and_the_variable_decide_whether_tags_apply() {
        let acting = |image: &str, switch: Option<&str>| {
            let mut facts = facts();
            facts.cni.image = image.into();
            facts
                .cni
                .env
                .extend(switch.map(|value| ("ENABLE_SUBNET_DISCOVERY".to_string(), value.to_string())));
            acts(&facts)
        };
        assert_eq!(acting("cni:v1.22.0", None), Some(true));
        assert_eq!(acting("cni:v1.21.2", None), Some(false));
        assert_eq!(acting("cni:v1.23.1", Some("false")), Some(false));
        assert_eq!(acting("cni:v1.23.1", Some("true")), Some(true));
        assert_eq!(acting("cni@sha256:1234", None), None);
    }
}
