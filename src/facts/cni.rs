//! The VPC CNI's version, and who owns its environment. Pure.

use std::fmt;

use crate::facts::Cni;
use crate::ownership;

/// A version of the VPC CNI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

/// Where the version was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionSource {
    Addon,
    ImageTag,
    Label,
}

impl Version {
    /// The first version that AWS documents for custom networking.
    pub const CUSTOM_NETWORKING: Version = Version(1, 4, 0);
    pub const PREFIX_DELEGATION: Version = Version(1, 9, 0);

    /// `v1.20.4-eksbuild.1`, `1.20.4`, `v1.20`
    pub fn parse(text: &str) -> Option<Version> {
        let numbers = text.trim().trim_start_matches('v').split(['-', '+']).next()?;
        let mut parts = numbers.split('.').map(|part| part.parse::<u32>().ok());
        let major = parts.next()??;
        let minor = parts.next()??;
        let patch = parts.next().unwrap_or(Some(0))?;
        Some(Version(major, minor, patch))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl fmt::Display for VersionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            VersionSource::Addon => "the EKS add-on",
            VersionSource::ImageTag => "the image's tag",
            VersionSource::Label => "the DaemonSet's labels",
        })
    }
}

/// From the add-on, else the image tag, else labels. An image by digest alone has no tag to read.
pub fn detected_version(cni: &Cni) -> Option<(Version, VersionSource)> {
    let addon = || cni.addon.as_ref().and_then(|addon| Version::parse(&addon.version));
    let tag = || {
        let name = cni.image.split('@').next()?.rsplit('/').next()?;
        Version::parse(name.split_once(':')?.1)
    };
    let label = || {
        let chart = cni
            .labels
            .get("helm.sh/chart")
            .and_then(|chart| chart.rsplit_once('-'))
            .map(|(_, version)| version);
        // The chart has its own version; the image's version is needed.
        cni.labels.get("app.kubernetes.io/version").map(String::as_str).or(chart).and_then(Version::parse)
    };
    addon()
        .map(|version| (version, VersionSource::Addon))
        .or_else(|| tag().map(|version| (version, VersionSource::ImageTag)))
        .or_else(|| label().map(|version| (version, VersionSource::Label)))
}

/// Who owns aws-node, and would revert changes that are made elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvOwner {
    Addon,
    DaemonSet,
    /// Helm release or GitOps application, by its name.
    Release {
        tool: &'static str,
        name: String,
    },
}

impl fmt::Display for EnvOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EnvOwner::Addon => f.write_str("EKS add-on vpc-cni"),
            EnvOwner::DaemonSet => f.write_str("none (plain DaemonSet)"),
            EnvOwner::Release { tool, name } => write!(f, "{tool} '{name}'"),
        }
    }
}

impl EnvOwner {
    /// The object that is changed, for messages.
    pub fn resource(&self) -> String {
        match self {
            EnvOwner::Addon => "EKS add-on vpc-cni, env in configurationValues".into(),
            EnvOwner::DaemonSet => "DaemonSet kube-system/aws-node, env".into(),
            EnvOwner::Release { tool, name } => {
                format!("DaemonSet kube-system/aws-node of {tool} '{name}', env")
            }
        }
    }
}

/// Who owns aws-node.
pub fn env_owner(cni: &Cni) -> EnvOwner {
    if cni.addon.is_some() {
        return EnvOwner::Addon;
    }
    let release = ownership::release(&cni.labels, &cni.annotations);
    release.map_or(EnvOwner::DaemonSet, |(tool, name)| EnvOwner::Release { tool, name })
}

#[cfg(test)]
mod tests {
    use crate::facts::Addon;

    use super::*;

    fn cni(addon: Option<&str>, image: &str, label: Option<&str>) -> Cni {
        Cni {
            image: image.into(),
            addon: addon.map(|version| Addon {
                version: version.into(),
                status: "ACTIVE".into(),
                role: None,
                configuration: String::new(),
                issues: Vec::new(),
            }),
            labels: label
                .map(|label| ("app.kubernetes.io/version".into(), label.into()))
                .into_iter()
                .collect(),
            ..Cni::default()
        }
    }

    #[test]
    fn the_version_comes_from_the_addon_then_the_tag_then_the_labels() {
        let ecr = "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni";
        let cases = [
            (cni(Some("v1.20.4-eksbuild.1"), "x:v1.2.3", None), Version(1, 20, 4), VersionSource::Addon),
            (
                cni(None, &format!("{ecr}:v1.18.3-eksbuild.2"), Some("v1.0.0")),
                Version(1, 18, 3),
                VersionSource::ImageTag,
            ),
            (
                cni(None, "localhost:5000/cni:v1.7.5@sha256:0123", None),
                Version(1, 7, 5),
                VersionSource::ImageTag,
            ),
            (
                cni(None, &format!("{ecr}@sha256:0123"), Some("v1.12.6")),
                Version(1, 12, 6),
                VersionSource::Label,
            ),
        ];
        for (cni, version, source) in cases {
            assert_eq!(detected_version(&cni), Some((version, source)), "{}", cni.image);
        }
        assert_eq!(detected_version(&cni(None, "localhost:5000/cni@sha256:0123", None)), None);
    }
}
