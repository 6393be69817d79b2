//! Labels and taints that user data registers a node with. Pure.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use crate::facts::{AmiFamily, Taint, Unclear};
use crate::nodes::user_data::{NodeTaint, carry};

/// What kubelet is told in user data.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Arguments {
    pub labels: BTreeMap<String, String>,
    pub taints: Vec<Taint>,
    /// Why these may not be all.
    pub unclear: Option<String>,
}

pub(super) fn arguments(
    family: Option<AmiFamily>,
    user_data: &[u8],
    service_cidr: Option<Ipv4Net>,
) -> Arguments {
    if user_data.is_empty() {
        return Arguments::default();
    }
    let Some(family) = family else {
        return Arguments { unclear: Some("its AMI family is unknown".into()), ..Arguments::default() };
    };
    let carried = carry(family, user_data, service_cidr);
    let taint = |taint: &NodeTaint| Taint {
        key: taint.key().into(),
        value: taint.value().into(),
        effect: taint.effect().to_string(),
    };
    let labels = carried.labels.iter().map(|label| (label.key().to_string(), label.value().to_string()));
    let why = |Unclear { what, why }: &Unclear| format!("{what}: {why}");
    Arguments {
        labels: labels.collect(),
        taints: carried.taints.iter().map(taint).collect(),
        unclear: carried.unclear.first().map(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_taints_are_found_in_each_familys_user_data() {
        let labels = [("team".to_string(), "web".to_string()), ("tier".into(), String::new())].into();
        let taints = vec![Taint { key: "db".into(), value: "yes".into(), effect: "NoSchedule".into() }];
        let expected = Arguments { labels, taints, unclear: None };
        let flags = "--node-labels=team=web,tier= --register-with-taints=db=yes:NoSchedule";
        let script = format!("#!/bin/bash\n/etc/eks/bootstrap.sh shop --kubelet-extra-args '{flags}'\n");
        let config = format!(
            "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  kubelet:\n    flags: [\"{}\"]\n",
            flags.replace(' ', "\", \"")
        );
        let settings = "[settings.kubernetes.node-labels]\nteam = \"web\"\ntier = \"\"\n[settings.kubernetes.node-taints]\ndb = [\"yes:NoSchedule\"]\n";
        for (family, user_data) in [
            (AmiFamily::Al2, script.as_str()),
            (AmiFamily::Al2023, &config),
            (AmiFamily::Bottlerocket, settings),
        ] {
            assert_eq!(arguments(Some(family), user_data.as_bytes(), None), expected, "{family}");
        }
    }

    #[test]
    fn user_data_that_is_not_understood_says_so_and_no_user_data_is_no_trouble() {
        let why = |family, user_data: &[u8]| arguments(family, user_data, None).unclear;
        assert_eq!(why(None, b"#cloud-config"), Some("its AMI family is unknown".into()));
        assert!(why(Some(AmiFamily::Al2023), b"\x1f\x8b\x08").is_some(), "neither text nor gzip");
        assert_eq!((why(None, b""), why(Some(AmiFamily::Al2), b"")), (None, None));
    }
}
