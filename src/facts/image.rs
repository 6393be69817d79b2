//! Machine images of nodes, and the families of AWS's own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The family of AWS's images that a node boots from; each has its own format of user data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AmiFamily {
    /// Amazon Linux 2023: a NodeConfig, read by nodeadm.
    #[default]
    Al2023,
    /// Amazon Linux 2: a shell script that runs /etc/eks/bootstrap.sh.
    Al2,
    /// Bottlerocket: settings in TOML.
    Bottlerocket,
}

impl AmiFamily {
    /// All of them, the default first.
    pub const ALL: [AmiFamily; 3] = [AmiFamily::Al2023, AmiFamily::Al2, AmiFamily::Bottlerocket];
}

impl fmt::Display for AmiFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AmiFamily::Al2023 => "al2023",
            AmiFamily::Al2 => "al2",
            AmiFamily::Bottlerocket => "bottlerocket",
        })
    }
}

/// A name other than `al2023`, `al2` and `bottlerocket`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an AMI family; expected al2023, al2 or bottlerocket")]
pub struct UnknownAmiFamily(pub String);

impl FromStr for AmiFamily {
    type Err = UnknownAmiFamily;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = AmiFamily::ALL.into_iter().find(|family| family.to_string() == text);
        found.ok_or_else(|| UnknownAmiFamily(text.to_string()))
    }
}

/// A machine image (EC2 DescribeImages).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub id: String,
    pub name: String,
    /// `x86_64` or `arm64`
    pub architecture: String,
}
