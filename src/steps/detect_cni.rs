//! Step 4: reports the VPC CNI version, its source, and the features it supports. Changes nothing.

use crate::discover::Section;
use crate::error::Result;
use crate::facts::{Version, detected_version};
use crate::scene::Scene;
use crate::session::Session;
use crate::step::{Change, Step};

use super::Rules;

pub(crate) struct DetectCni;

/// The step makes no changes.
#[derive(Debug, Clone)]
pub(crate) enum Never {}

impl Rules for DetectCni {
    type Change = Never;
    const STEP: Step = Step::DetectCni;
    const READS: &'static [Section] = &[Section::Cni];

    fn changes(_: &Scene<'_>) -> Vec<Never> {
        Vec::new()
    }

    fn describe(change: &Never) -> Change {
        match *change {}
    }

    fn notes(scene: &Scene<'_>) -> Vec<String> {
        let facts = scene.facts;
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
pub(crate) struct UndoDetectCni;

impl Rules for UndoDetectCni {
    type Change = std::convert::Infallible;
    const STEP: Step = Step::DetectCni;
    const READS: &'static [Section] = &[];

    fn changes(_: &Scene<'_>) -> Vec<Self::Change> {
        Vec::new()
    }

    fn describe(change: &Self::Change) -> Change {
        match *change {}
    }

    async fn apply(_: &mut Session, change: Self::Change) -> Result<()> {
        match change {}
    }
}
