//! Step 4: reports the VPC CNI version, its source, and the features it supports. Changes nothing.

use crate::design::Design;
use crate::discover::Section;
use crate::error::Result;
use crate::facts::{Facts, Version, detected_version};
use crate::session::Session;
use crate::settings::Settings;
use crate::step::{Change, Step};

use super::Rules;

pub struct DetectCni;

/// The step makes no changes.
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
        let features = [
            (Version::CUSTOM_NETWORKING, "custom networking"),
            (Version::PREFIX_DELEGATION, "prefix delegation"),
        ];
        let supported: Vec<&str> =
            features.iter().filter(|(least, _)| version >= *least).map(|(_, name)| *name).collect();
        vec![format!("VPC CNI {version} (from {source}); supports {}", supported.join(", "))]
    }

    async fn apply(_: &mut Session, change: Never) -> Result<()> {
        match change {}
    }
}

/// The step changed nothing, so there is nothing to undo.
pub struct UndoDetectCni;

impl Rules for UndoDetectCni {
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
