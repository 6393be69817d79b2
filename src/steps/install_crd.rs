//! Step 5: the typed ENIConfig CustomResourceDefinition, where it is missing or untyped.

use crate::design::Design;
use crate::discover::Section;
use crate::error::Result;
use crate::facts::{Crd, Facts};
use crate::k8s::eniconfig;
use crate::settings::Settings;
use crate::walk::{Seen, Walk};

use super::{Change, Rules, Sign, Step};

pub struct InstallCrd;

/// The definition is to be written over what is there.
#[derive(Debug, Clone)]
pub struct Install {
    found: Crd,
}

impl Rules for InstallCrd {
    type Change = Install;
    const STEP: Step = Step::InstallCrd;
    const READS: &'static [Section] = &[Section::EniConfigs];

    fn changes(_: &Design, facts: &Facts, _: &Settings) -> Vec<Install> {
        match facts.eniconfigs.crd {
            // CNI < 1.3 ships none, so the version is asked by looking for it.
            Crd::Missing | Crd::Untyped => vec![Install { found: facts.eniconfigs.crd }],
            Crd::Typed { .. } => Vec::new(),
        }
    }

    fn describe(change: &Install) -> Change {
        let name = "CustomResourceDefinition eniconfigs.crd.k8s.amazonaws.com";
        match change.found {
            Crd::Missing => Change::new(Sign::Create, name).to("version", "v1alpha1"),
            _ => Change::new(Sign::Change, name).from_to("schema", Some("untyped"), "typed"),
        }
    }

    async fn apply(walk: &mut Walk, change: Install) -> Result<()> {
        if change.found == Crd::Missing {
            walk.remember(|record| record.crd_installed = true).await?;
        }
        eniconfig::install_crd(&walk.clients.kube.client).await
    }

    async fn settle(walk: &mut Walk) -> Result<()> {
        walk.until("ENIConfig definition established", async || {
            match eniconfig::read(&walk.clients.kube.client).await?.crd {
                Crd::Typed { established: true } => Ok(Seen::Yes(())),
                other => Ok(Seen::NotYet(format!("{other:?}"))),
            }
        })
        .await
    }
}
