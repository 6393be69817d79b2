//! Step 5: installs the typed ENIConfig CustomResourceDefinition if it is missing or untyped.

use crate::discover::Section;
use crate::error::Result;
use crate::facts::{Crd, Facts};
use crate::k8s::eniconfig;
use crate::scene::Scene;
use crate::session::{Seen, Session};
use crate::step::{Change, Sign, Step};

use super::Rules;

pub(crate) struct InstallCrd;

/// Installs the definition, replacing an untyped one.
#[derive(Debug, Clone)]
pub(crate) struct Install {
    found: Crd,
}

impl Rules for InstallCrd {
    type Change = Install;
    const STEP: Step = Step::InstallCrd;
    const READS: &'static [Section] = &[Section::EniConfigs];

    fn changes(scene: &Scene<'_>) -> Vec<Install> {
        let facts = scene.facts;
        match facts.eniconfigs.crd {
            // CNI < 1.3 ships none, so its presence is checked rather than the version.
            Crd::Missing => vec![Install { found: Crd::Missing }],
            // `versions` is one field: if eni-custom owned it, the current owner's next update would end in a conflict
            // (amazon-vpc-cni-k8s#3028). A check tells the user what to do.
            Crd::Untyped if facts.eniconfigs.crd_holder.is_some() => Vec::new(),
            Crd::Untyped => vec![Install { found: Crd::Untyped }],
            Crd::Typed { .. } => Vec::new(),
        }
    }

    fn describe(change: &Install) -> Change {
        let name = "CustomResourceDefinition eniconfigs.crd.k8s.amazonaws.com";
        match change.found {
            Crd::Missing => Change::new(Sign::Create, name).to("version", "v1alpha1"),
            _ => Change::new(Sign::Change, name).before_after("schema", Some("none"), "present"),
        }
    }

    async fn apply(session: &mut Session, _: Install) -> Result<()> {
        let before = eniconfig::definition(&session.clients.kube.client).await?;
        session
            .remember(|record| match before {
                _ if record.crd_installed || record.crd_before.is_some() => {}
                None => record.crd_installed = true,
                before => record.crd_before = before,
            })
            .await?;
        eniconfig::install_crd(&session.clients.kube.client).await
    }

    async fn settle(session: &mut Session) -> Result<()> {
        session
            .until("the ENIConfig CRD to be established", async || {
                let there = eniconfig::read(&session.clients.kube.client).await?;
                match there.crd {
                    Crd::Typed { established: true } => Ok(Seen::Yes(())),
                    Crd::Untyped if there.crd_holder.is_some() => Ok(Seen::Yes(())),
                    other => Ok(Seen::NotYet(format!("{other:?}"))),
                }
            })
            .await
    }
}

/// Deletes the definition that eni-custom installed, if no ENIConfig of others needs it, or restores the replaced one.
pub(crate) struct UndoInstallCrd;

#[derive(Debug, Clone)]
pub(crate) enum RestoreCrd {
    Delete,
    Previous(serde_json::Value),
}

/// ENIConfigs that eni-custom does not manage.
fn others(facts: &Facts) -> Vec<&str> {
    facts.eniconfigs.items.iter().filter(|config| !config.ours).map(|config| config.name.as_str()).collect()
}

impl Rules for UndoInstallCrd {
    type Change = RestoreCrd;
    const STEP: Step = Step::InstallCrd;
    const READS: &'static [Section] = &[Section::EniConfigs];

    fn changes(scene: &Scene<'_>) -> Vec<RestoreCrd> {
        let facts = scene.facts;
        let Crd::Typed { .. } = facts.eniconfigs.crd else { return Vec::new() };
        match &facts.record.crd_before {
            Some(before) => vec![RestoreCrd::Previous(before.clone())],
            None if facts.record.crd_installed && others(facts).is_empty() => vec![RestoreCrd::Delete],
            None => Vec::new(),
        }
    }

    fn describe(change: &RestoreCrd) -> Change {
        let name = "CustomResourceDefinition eniconfigs.crd.k8s.amazonaws.com";
        match change {
            RestoreCrd::Delete => Change::new(Sign::Remove, name),
            RestoreCrd::Previous(_) => {
                Change::new(Sign::Change, name).before_after("schema", Some("present"), "as before setup")
            }
        }
    }

    fn notes(scene: &Scene<'_>) -> Vec<String> {
        let facts = scene.facts;
        let others = others(facts);
        match facts.record.crd_installed && !others.is_empty() {
            true => vec![format!(
                "the ENIConfig CRD is kept for ENIConfigs that eni-custom does not manage: {}",
                others.join(", ")
            )],
            false => Vec::new(),
        }
    }

    async fn apply(session: &mut Session, change: RestoreCrd) -> Result<()> {
        let client = &session.clients.kube.client;
        match change {
            RestoreCrd::Delete => eniconfig::delete_crd(client).await,
            RestoreCrd::Previous(before) => eniconfig::put_crd_back(client, &before).await,
        }
    }
}
