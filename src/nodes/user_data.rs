//! User data: what an instance reads at its first boot to become a node, for each AMI family.
//!
//! Every family gets the cluster's name, endpoint, certificate authority and DNS address, so that a node joins
//! without a call to DescribeCluster, and the number of pods that custom networking leaves room for.

mod label;

pub(crate) use label::NodeLabel;

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::facts::AmiFamily;
use crate::net::accelerators::Accelerator;
use crate::net::max_pods::{Architecture, MaxPods};
use crate::shell::single_quoted;

/// The settings of a node.
#[derive(Debug, Clone)]
pub(crate) struct Boot<'a> {
    /// Name of the EKS cluster.
    pub cluster: &'a str,
    /// `https://….eks.amazonaws.com`, as DescribeCluster gives it.
    pub endpoint: &'a str,
    /// PEM in base64, as DescribeCluster gives it (`certificateAuthority.data`).
    pub certificate_authority: &'a str,
    /// The cluster's `serviceIpv4Cidr`.
    pub service_cidr: Ipv4Net,
    /// kubelet's maxPods.
    pub max_pods: MaxPods,
    /// Labels that the node registers with: the CNI finds its ENIConfig by one of them.
    pub labels: &'a [NodeLabel],
}

/// The user data as text; EC2 expects it in base64.
///
/// The same `boot` gives the same bytes, and any character in it reaches the node unchanged.
pub(crate) fn render(family: AmiFamily, boot: &Boot<'_>) -> String {
    match family {
        AmiFamily::Al2023 => al2023(boot),
        AmiFamily::Al2 => al2(boot),
        AmiFamily::Bottlerocket => bottlerocket(boot),
    }
}

/// Address of the cluster's DNS service: the tenth of the service CIDR, on every EKS cluster.
pub(crate) fn cluster_dns_ip(service_cidr: Ipv4Net) -> Ipv4Addr {
    Ipv4Addr::from_bits(service_cidr.network().to_bits().saturating_add(10))
}

/// nodeadm derives the DNS address from `cidr`, so it is not given.
///
/// The number of pods is written in two fields. kubelet uses `config.maxPods`. The memory that is reserved for kubelet
/// (11 MiB per pod) follows `maxPodsExpression`; without it, it follows the instance type's number *without* custom
/// networking, which is too much. nodeadm supports the expression since AMI release v20251007; an older one ignores
/// unknown fields (its decoder is not strict). The expression is CEL, and a plain number is valid CEL.
fn al2023(boot: &Boot<'_>) -> String {
    let flags = match node_labels(boot.labels) {
        Some(labels) => format!("    flags:\n      - {}\n", quoted(&format!("--node-labels={labels}"))),
        None => String::new(),
    };
    format!(
        r#"MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: application/node.eks.aws

---
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: {cluster}
    apiServerEndpoint: {endpoint}
    certificateAuthority: {certificate_authority}
    cidr: {service_cidr}
  kubelet:
    maxPodsExpression: "{max_pods}"
    config:
      maxPods: {max_pods}
{flags}
--//--
"#,
        cluster = quoted(boot.cluster),
        endpoint = quoted(boot.endpoint),
        certificate_authority = quoted(boot.certificate_authority),
        service_cidr = boot.service_cidr,
        max_pods = boot.max_pods,
    )
}

/// `--use-max-pods false` keeps bootstrap.sh from writing its own number for the instance type. The memory reserved
/// for kubelet still follows that number; bootstrap.sh has no option to change it.
fn al2(boot: &Boot<'_>) -> String {
    let mut kubelet = format!("--max-pods={}", boot.max_pods);
    if let Some(labels) = node_labels(boot.labels) {
        kubelet.push_str(" --node-labels=");
        kubelet.push_str(&labels);
    }
    format!(
        r"#!/bin/bash
/etc/eks/bootstrap.sh {cluster} \
  --apiserver-endpoint {endpoint} \
  --b64-cluster-ca {certificate_authority} \
  --dns-cluster-ip {dns} \
  --use-max-pods false \
  --kubelet-extra-args {kubelet}
",
        cluster = single_quoted(boot.cluster),
        endpoint = single_quoted(boot.endpoint),
        certificate_authority = single_quoted(boot.certificate_authority),
        dns = cluster_dns_ip(boot.service_cidr),
        kubelet = single_quoted(&kubelet),
    )
}

/// Bottlerocket reserves memory by `max-pods` itself.
fn bottlerocket(boot: &Boot<'_>) -> String {
    let mut settings = format!(
        "[settings.kubernetes]
api-server = {}
cluster-certificate = {}
cluster-dns-ip = \"{}\"
cluster-name = {}
max-pods = {}
",
        quoted(boot.endpoint),
        quoted(boot.certificate_authority),
        cluster_dns_ip(boot.service_cidr),
        quoted(boot.cluster),
        boot.max_pods,
    );
    if !boot.labels.is_empty() {
        settings.push_str("\n[settings.kubernetes.node-labels]\n");
        for label in boot.labels {
            settings.push_str(&format!("{} = {}\n", quoted(label.key()), quoted(label.value())));
        }
    }
    settings
}

/// In the format of kubelet's `--node-labels`; `None` without labels.
fn node_labels(labels: &[NodeLabel]) -> Option<String> {
    let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
    (!labels.is_empty()).then(|| labels.join(","))
}

/// A text in double quotes that is valid in YAML and TOML, in ASCII, so that it fits one line of 7-bit MIME.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            '\0'..='\u{ffff}' => quoted.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => quoted.push_str(&format!("\\U{:08x}", u32::from(character))),
        }
    }
    quoted.push('"');
    quoted
}

/// Why there is no AMI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AmiError {
    /// The last release of EKS's AL2 AMIs was for 1.32.
    #[error(
        "there is no AL2 AMI for Kubernetes {kubernetes_version}: AWS publishes none for 1.33 and later; use al2023 or bottlerocket"
    )]
    Al2NotPublished {
        /// The cluster's version.
        kubernetes_version: String,
    },
    /// Not of the form `1.34`.
    #[error("{text:?} is not a Kubernetes version; expected one such as 1.34")]
    NoVersion {
        /// As it was given.
        text: String,
    },
}

/// The public SSM parameter that holds the id of the latest AMI of a family.
///
/// `kubernetes_version`: the cluster's, as EKS writes it (`1.34`).
pub(crate) fn ami_parameter(
    family: AmiFamily,
    kubernetes_version: &str,
    architecture: Architecture,
    accelerator: Option<Accelerator>,
) -> Result<String, AmiError> {
    let (major, minor) = version(kubernetes_version)
        .ok_or_else(|| AmiError::NoVersion { text: kubernetes_version.to_string() })?;
    let al2023 = match accelerator {
        Some(Accelerator::Nvidia) => "nvidia",
        Some(Accelerator::Neuron) => "neuron",
        Some(Accelerator::Other) | None => "standard",
    };
    Ok(match (family, architecture) {
        (AmiFamily::Al2023, architecture) => format!(
            "/aws/service/eks/optimized-ami/{major}.{minor}/amazon-linux-2023/{architecture}/{al2023}/recommended/image_id"
        ),
        (AmiFamily::Al2, _) if (major, minor) >= (1, 33) => {
            return Err(AmiError::Al2NotPublished { kubernetes_version: kubernetes_version.to_string() });
        }
        // One image has the drivers of both.
        (AmiFamily::Al2, _) if matches!(accelerator, Some(Accelerator::Nvidia | Accelerator::Neuron)) => {
            format!("/aws/service/eks/optimized-ami/{major}.{minor}/amazon-linux-2-gpu/recommended/image_id")
        }
        (AmiFamily::Al2, Architecture::X86_64) => {
            format!("/aws/service/eks/optimized-ami/{major}.{minor}/amazon-linux-2/recommended/image_id")
        }
        (AmiFamily::Al2, Architecture::Arm64) => {
            format!(
                "/aws/service/eks/optimized-ami/{major}.{minor}/amazon-linux-2-arm64/recommended/image_id"
            )
        }
        // The plain variant has the drivers of Inferentia and Trainium.
        (AmiFamily::Bottlerocket, architecture) => {
            let nvidia = if accelerator == Some(Accelerator::Nvidia) { "-nvidia" } else { "" };
            format!(
                "/aws/service/bottlerocket/aws-k8s-{major}.{minor}{nvidia}/{architecture}/latest/image_id"
            )
        }
    })
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    let number = |digits: &str| {
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    Some((number(major)?, number(minor)?))
}

#[cfg(test)]
mod tests;
