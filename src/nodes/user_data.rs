//! User data: what an instance reads at its first boot to become a node, for each AMI family.
//!
//! Every family gets the cluster's name, endpoint, certificate authority and DNS address, so that a node joins
//! without a call to DescribeCluster, and the number of pods that custom networking leaves room for. What an old node's
//! user data has beyond that, the new node gets too: [`carry`] reads it, [`render`] writes it again.

mod al2;
mod al2023;
mod ami;
mod block_yaml;
mod bottlerocket;
mod carried;
mod kubelet;
mod label;
mod max_pods;
mod mime;
mod script;
mod taint;

pub(crate) use ami::{ami_parameter, knows_expression};
pub(crate) use carried::{Carried, carry};
pub(crate) use label::NodeLabel;
pub(crate) use max_pods::MaxPodsRule;
pub(crate) use taint::NodeTaint;

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::facts::AmiFamily;
use crate::net::max_pods::MaxPods;
use al2::KeptScript;
use al2023::KeptConfig;
use carried::Kept;

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
    /// kubelet's maxPods. Only AL2023 computes it; the other families get the lowest number.
    pub max_pods: MaxPodsRule,
    /// Labels that the node registers with: the CNI finds its ENIConfig by one of them.
    pub labels: &'a [NodeLabel],
    /// Taints that the node registers with.
    pub taints: &'a [NodeTaint],
    /// Of an old node of the same family. Its labels and taints are not written, only those above are.
    pub carried: &'a Carried,
}

/// Bytes of user data that EC2 accepts, before base64 (EC2 user guide, "Run commands when you launch an EC2 instance").
const LONGEST: usize = 16 * 1024;

/// Why there is no user data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UserDataError {
    /// More than EC2 accepts.
    #[error("user data has {bytes} bytes, {} more than the {LONGEST} that EC2 accepts", .bytes - LONGEST)]
    TooLong {
        /// Length before base64.
        bytes: usize,
    },
    /// Each family has its own format.
    #[error("user data for {carried} can't be carried over to {family}")]
    OtherFamily {
        /// Of the old nodes.
        carried: AmiFamily,
        /// Of the new nodes.
        family: AmiFamily,
    },
    /// Only the call of bootstrap.sh can have them, and EKS writes it.
    #[error("EKS calls bootstrap.sh itself, and the old nodes' call has options or a script around it")]
    CallOfEks,
    /// The settings can't be written as TOML.
    #[error("the settings can't be written: {0}")]
    Toml(#[from] toml::ser::Error),
}

/// The user data as text; EC2 expects it in base64.
///
/// The same `boot` gives the same bytes, and any character in it reaches the node unchanged. What was carried comes
/// first and `boot` last, so that `boot` wins.
pub(crate) fn render(family: AmiFamily, boot: &Boot<'_>) -> Result<String, UserDataError> {
    let kept = &boot.carried.kept;
    if let Some(carried) = kept.family().filter(|carried| *carried != family) {
        return Err(UserDataError::OtherFamily { carried, family });
    }
    let user_data = match (family, kept) {
        (AmiFamily::Al2023, Kept::Al2023(kept)) => al2023::render(boot, kept),
        (AmiFamily::Al2023, _) => al2023::render(boot, &KeptConfig::default()),
        (AmiFamily::Al2, Kept::Al2(kept)) => al2::render(boot, kept),
        (AmiFamily::Al2, _) => al2::render(boot, &KeptScript::default()),
        (AmiFamily::Bottlerocket, Kept::Bottlerocket(kept)) => bottlerocket::render(boot, kept)?,
        (AmiFamily::Bottlerocket, _) => bottlerocket::render(boot, &toml::Table::new())?,
    };
    let bytes = user_data.len();
    if bytes > LONGEST { Err(UserDataError::TooLong { bytes }) } else { Ok(user_data) }
}

/// User data that EKS merges its own into, for a managed node group whose image it chooses: what was carried, and nothing
/// that EKS sets itself. Empty if nothing is needed. ("Customize managed nodes with launch templates", EKS user guide:
/// MIME multipart for Amazon Linux, without the cluster's name, endpoint and certificate; TOML for Bottlerocket.)
///
/// `max_pods`: EKS's number wins on Amazon Linux, ours on Bottlerocket.
pub(crate) fn for_eks(
    family: AmiFamily,
    carried: &Carried,
    max_pods: MaxPods,
) -> Result<String, UserDataError> {
    let user_data = match (family, &carried.kept) {
        (AmiFamily::Bottlerocket, Kept::Bottlerocket(kept)) => bottlerocket::for_eks(max_pods, kept)?,
        (AmiFamily::Bottlerocket, Kept::Nothing) => bottlerocket::for_eks(max_pods, &toml::Table::new())?,
        (AmiFamily::Al2023, Kept::Al2023(kept)) => al2023::for_eks(kept),
        (AmiFamily::Al2, Kept::Al2(kept)) => al2::for_eks(kept)?,
        (_, Kept::Nothing) => String::new(),
        (family, kept) => {
            return Err(UserDataError::OtherFamily { carried: kept.family().unwrap_or(family), family });
        }
    };
    let bytes = user_data.len();
    if bytes > LONGEST { Err(UserDataError::TooLong { bytes }) } else { Ok(user_data) }
}

/// Address of the cluster's DNS service: the tenth of the service CIDR, on every EKS cluster.
pub(crate) fn cluster_dns_ip(service_cidr: Ipv4Net) -> Ipv4Addr {
    Ipv4Addr::from_bits(service_cidr.network().to_bits().saturating_add(10))
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

#[cfg(test)]
mod tests;
