//! Step 4: the VPC CNI's version, where it was read, and what it allows. Changes nothing.

use crate::design::Design;
use crate::discover::Section;
use crate::error::Result;
use crate::facts::{Facts, Version, detected_version};
use crate::session::Session;
use crate::settings::Settings;
use crate::step::{Change, Step};

use super::Rules;

pub struct DetectCni;

/// The step has no change to make.
#[derive(Debug, Clone)]
pub enum Never {}

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

    async fn apply(_: &mut Session, change: Never) -> Result<()> {
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

    async fn apply(_: &mut Session, change: Self::Change) -> Result<()> {
        match change {}
    }
}
