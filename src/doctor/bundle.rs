//! The support bundle: a tar.gz with facts and findings. The facts contain no token, no user data and no manifest; values
//! of aws-node's environment that could be secret are left out.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::facts::Facts;
use crate::verify::Report;

use super::Diagnoses;

/// Replaces an account ID.
const MASKED: &str = "************";
/// Prefixes of the CNI's own variables. Other variables may hold secrets.
const SETTINGS: [&str; 12] = [
    "AWS_VPC_",
    "AWS_MANAGE_",
    "ADDITIONAL_ENI_TAGS",
    "ANNOTATE_POD_IP",
    "CLUSTER_NAME",
    "DISABLE_",
    "ENABLE_",
    "ENI_CONFIG_",
    "MAX_ENI",
    "MINIMUM_IP_TARGET",
    "POD_SECURITY_GROUP_ENFORCING_MODE",
    "WARM_",
];

/// The archive's bytes; `calls` are the lines of the log. `mask` replaces account IDs in all files.
pub(crate) fn bundle(
    facts: &Facts,
    report: &Report,
    diagnoses: &Diagnoses,
    calls: String,
    mask: bool,
) -> Result<Vec<u8>> {
    let versions = json!({
        "eni-custom": env!("CARGO_PKG_VERSION"),
        "kubernetes": facts.cluster.version,
        "vpc-cni": facts.cni.image.rsplit('/').next(),
        "add-on": facts.cni.addon.as_ref().map(|addon| &addon.version),
    });
    let files = [
        ("versions.json", text(&versions)?),
        ("facts.json", text(&summary(facts))?),
        ("verify.json", text(report)?),
        ("doctor.json", text(diagnoses)?),
        ("calls.log", calls),
    ];
    let failed = |error: std::io::Error| Error::failed("write the bundle").because(error);
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, text) in files {
        let text = if mask { masked(&text, &facts.caller.account) } else { text };
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        archive.append_data(&mut header, format!("eni-custom/{name}"), text.as_bytes()).map_err(failed)?;
    }
    let mut compressed = archive.into_inner().map_err(failed)?;
    compressed.flush().map_err(failed)?;
    compressed.finish().map_err(failed)
}

fn text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string_pretty(value).map_err(|error| Error::failed("write the bundle").because(error))
}

/// Masks the caller's account anywhere, and other accounts in ARNs and registry host names.
fn masked(text: &str, account: &str) -> String {
    let text = if account.len() == 12 { text.replace(account, MASKED) } else { text.to_string() };
    let mut out = String::with_capacity(text.len());
    let mut digits = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        // An account ID is twelve digits, with no letter or digit next to it.
        let is_delimited =
            !out.ends_with(|before: char| before.is_ascii_alphanumeric()) && !c.is_ascii_alphanumeric();
        out.push_str(if digits.len() == 12 && is_delimited { MASKED } else { &digits });
        digits.clear();
        out.push(c);
    }
    out.pop();
    out
}

fn summary(facts: &Facts) -> Value {
    let (cluster, cni, vpc) = (&facts.cluster, &facts.cni, &facts.vpc);
    let env = |name: &str, value: &str| match SETTINGS.iter().any(|known| name.starts_with(known)) {
        true => value.to_string(),
        false => "(left out)".into(),
    };
    let mut pods: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in &facts.pods {
        *pods.entry(&pod.node).or_default() += 1;
    }
    let nodes = facts.nodes.iter().map(|node| {
        json!({
            "name": node.name, "kind": format!("{:?}", node.kind), "instance": node.instance_id, "zone": node.zone,
            "instance_type": node.instance_type, "ready": node.ready, "unschedulable": node.unschedulable,
            "max_pods": node.max_pods, "subnet": node.subnet, "security_groups": node.security_groups,
            "labels": node.labels,
            "eniconfig": crate::net::eniconfig::resolve(&node.labels, &node.annotations, &cni.env).name,
            "interfaces": node.interfaces.iter().map(|interface| json!({
                "id": interface.id, "subnet": interface.subnet, "security_groups": interface.security_groups,
                "addresses": interface.addresses,
            })).collect::<Vec<_>>(),
            "pods": pods.get(node.name.as_str()).copied().unwrap_or_default(),
        })
    });
    json!({
        "cluster": {
            "arn": cluster.arn, "version": cluster.version, "status": cluster.status, "vpc": cluster.vpc_id,
            "security_group": cluster.security_group, "service_cidr": cluster.service_cidr, "ipv6": cluster.ipv6,
            "auto_mode": cluster.auto_mode, "authentication": format!("{:?}", cluster.authentication),
            "subnets": cluster.subnet_ids,
        },
        "vpc": {
            "blocks": vpc.blocks.iter().map(|block| json!({"cidr": block.cidr, "state": block.state})).collect::<Vec<_>>(),
            "subnets": vpc.subnets.iter().map(|subnet| json!({
                "id": subnet.id, "zone": subnet.zone, "zone_id": subnet.zone_id, "cidr": subnet.cidr,
                "state": subnet.state, "free": subnet.free,
                "route_table": vpc.route_table_of(&subnet.id).map(|table| &table.id),
            })).collect::<Vec<_>>(),
            "route_tables": vpc.route_tables.iter().map(|table| json!({
                "id": table.id, "main": table.main,
                "routes": table.routes.iter().map(|route| format!("{} {}", route.destination, route.target)).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        },
        "aws_node": {
            "missing": cni.missing,
            "env": cni.env.iter().map(|(name, value)| (name.clone(), env(name, value))).collect::<BTreeMap<_, _>>(),
            "managers": cni.env_managers, "addon_status": cni.addon.as_ref().map(|addon| &addon.status),
            "rollout": format!("{:?}", cni.rollout),
        },
        "eniconfigs": {
            "definition": format!("{:?}", facts.eniconfigs.crd),
            "items": facts.eniconfigs.items.iter().map(|config| json!({
                "name": config.name, "subnet": config.subnet, "security_groups": config.security_groups,
            })).collect::<Vec<_>>(),
            "malformed": facts.eniconfigs.malformed,
        },
        "nodes": nodes.collect::<Vec<_>>(),
        "unread": facts.unread.iter().map(|(part, why)| (format!("{part:?}"), why.clone())).collect::<BTreeMap<_, _>>(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use crate::doctor::tests::diagnosed;
    use crate::facts::Symptoms;
    use crate::sample::custom;
    use crate::verify::{Expected, verify};

    use super::*;

    #[test]
    fn a_bundle_contains_facts_and_findings_but_no_secrets_and_no_masked_accounts() {
        let mut facts = custom();
        facts.caller.account = "123456789012".into();
        facts.cluster.arn = "arn:aws:eks:r:123456789012:cluster/shop".into();
        facts.cni.image = "602401143452.dkr.ecr.r.amazonaws.com/amazon-k8s-cni:v1.20.4".into();
        facts.cni.env.insert("HTTPS_PROXY".into(), "http://me:secret@proxy".into());
        let (report, diagnoses) =
            (verify(&facts, &Expected::default()), diagnosed(&facts, &Symptoms::default()));
        let read = |mask: bool| {
            let bytes =
                bundle(&facts, &report, &diagnoses, "aws EKS DescribeCluster: 200".into(), mask).unwrap();
            let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&bytes[..]));
            let mut all = String::new();
            let mut names = Vec::new();
            for entry in archive.entries().unwrap() {
                let mut entry = entry.unwrap();
                names.push(entry.path().unwrap().display().to_string());
                entry.read_to_string(&mut all).unwrap();
            }
            assert_eq!(names.len(), 5, "{names:?}");
            all
        };
        let plain = read(false);
        assert!(plain.contains("123456789012") && plain.contains("pods-a") && !plain.contains("secret"));
        let masked = read(true);
        assert!(!masked.contains("123456789012") && masked.contains("************:cluster/shop"));
    }

    #[test]
    fn other_accounts_are_masked_and_other_numbers_are_not() {
        let text = "arn:aws:iam::210987654321:role/x 0123456789012 i-012345678901a 111122223333.dkr";
        let result = masked(text, "1");
        assert_eq!(result, "arn:aws:iam::************:role/x 0123456789012 i-012345678901a ************.dkr");
    }
}
