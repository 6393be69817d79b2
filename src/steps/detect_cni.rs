//! Step 4: the VPC CNI's version, where it was read, and what it allows. Changes nothing.

use std::fmt;

use crate::design::Design;
use crate::discover::Section;
use crate::error::Result;
use crate::facts::{Cni, Facts};
use crate::settings::Settings;
use crate::walk::Walk;

use super::{Change, Rules, Step};

pub struct DetectCni;

/// A version of the VPC CNI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

/// What told the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionSource {
    Addon,
    ImageTag,
    Label,
}

/// The step has no change to make.
#[derive(Debug, Clone)]
pub enum Never {}

impl Version {
    /// Custom networking as documented needs it.
    pub const CUSTOM_NETWORKING: Version = Version(1, 4, 0);
    /// Ships the ENIConfig definition by itself from here on.
    pub const SHIPS_CRD: Version = Version(1, 3, 0);
    pub const PREFIX_DELEGATION: Version = Version(1, 9, 0);
    /// An ENIConfig without groups takes the primary interface's.
    pub const EMPTY_GROUPS: Version = Version(1, 8, 0);
    /// A node without its ENIConfig stays NotReady from here on.
    pub const WAITS_FOR_ENICONFIG: Version = Version(1, 13, 0);

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
        // The chart counts its own versions; it is the image's that is asked for.
        cni.labels.get("app.kubernetes.io/version").map(String::as_str).or(chart).and_then(Version::parse)
    };
    addon()
        .map(|version| (version, VersionSource::Addon))
        .or_else(|| tag().map(|version| (version, VersionSource::ImageTag)))
        .or_else(|| label().map(|version| (version, VersionSource::Label)))
}

impl Rules for DetectCni {
    type Change = Never;
    const STEP: Step = Step::DetectCni;
    const READS: &'static [Section] = &[Section::Cni];

    fn changes(_: &Design, _: &Facts, _: &Settings) -> Vec<Never> {
        Vec::new()
    }

    fn describe(change: &Never) -> Change {
        match *change {}
    }

    fn notes(_: &Design, facts: &Facts, _: &Settings) -> Vec<String> {
        let Some((version, source)) = detected_version(&facts.cni) else { return Vec::new() };
        let allows = [
            (Version::CUSTOM_NETWORKING, "custom networking"),
            (Version::PREFIX_DELEGATION, "prefix delegation"),
        ];
        let allowed: Vec<&str> =
            allows.iter().filter(|(least, _)| version >= *least).map(|(_, name)| *name).collect();
        vec![format!("VPC CNI {version}, as {source} says; allows {}", allowed.join(", "))]
    }

    async fn apply(_: &mut Walk, change: Never) -> Result<()> {
        match change {}
    }
}

/// Nothing was changed, so nothing is taken back.
pub struct Back;

impl Rules for Back {
    type Change = std::convert::Infallible;
    const STEP: Step = Step::DetectCni;
    const READS: &'static [Section] = &[];

    fn changes(_: &Design, _: &Facts, _: &Settings) -> Vec<Self::Change> {
        Vec::new()
    }

    fn describe(change: &Self::Change) -> Change {
        match *change {}
    }

    async fn apply(_: &mut Walk, change: Self::Change) -> Result<()> {
        match change {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Addon;

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
