//! Step 5: the typed ENIConfig CustomResourceDefinition, where it is missing or untyped.

use crate::design::Design;
use crate::discover::Section;
use crate::error::Result;
use crate::facts::{Crd, Facts};
use crate::k8s::eniconfig;
use crate::session::{Seen, Session};
use crate::settings::Settings;
use crate::step::{Change, Sign, Step};

use super::Rules;

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
            Crd::Missing => vec![Install { found: Crd::Missing }],
            // Its versions are one field: with another's in it, the owner's next update ends in a conflict
            // (amazon-vpc-cni-k8s#3028). A check says what to do.
            Crd::Untyped if facts.eniconfigs.crd_holder.is_some() => Vec::new(),
            Crd::Untyped => vec![Install { found: Crd::Untyped }],
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
            .until("ENIConfig definition established", async || {
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

/// Takes the definition away that we installed, where nobody else's ENIConfigs need it, or puts back the one that
/// we wrote over.
pub struct Back;

#[derive(Debug, Clone)]
pub enum Restore {
    Delete,
    PutBack(serde_json::Value),
}

/// ENIConfigs that somebody else wrote.
fn others(facts: &Facts) -> Vec<&str> {
    facts.eniconfigs.items.iter().filter(|config| !config.ours).map(|config| config.name.as_str()).collect()
}

impl Rules for Back {
    type Change = Restore;
    const STEP: Step = Step::InstallCrd;
    const READS: &'static [Section] = &[Section::EniConfigs];

    fn changes(_: &Design, facts: &Facts, _: &Settings) -> Vec<Restore> {
        let Crd::Typed { .. } = facts.eniconfigs.crd else { return Vec::new() };
        match &facts.record.crd_before {
            Some(before) => vec![Restore::PutBack(before.clone())],
            None if facts.record.crd_installed && others(facts).is_empty() => vec![Restore::Delete],
            None => Vec::new(),
        }
    }

    fn describe(change: &Restore) -> Change {
        let name = "CustomResourceDefinition eniconfigs.crd.k8s.amazonaws.com";
        match change {
            Restore::Delete => Change::new(Sign::Remove, name),
            Restore::PutBack(_) => {
                Change::new(Sign::Change, name).from_to("schema", Some("typed"), "as it was before")
            }
        }
    }

    fn notes(_: &Design, facts: &Facts, _: &Settings) -> Vec<String> {
        let others = others(facts);
        match facts.record.crd_installed && !others.is_empty() {
            true => vec![format!("the definition stays: {} need it", others.join(", "))],
            false => Vec::new(),
        }
    }

    async fn apply(session: &mut Session, change: Restore) -> Result<()> {
        let client = &session.clients.kube.client;
        match change {
            Restore::Delete => eniconfig::delete_crd(client).await,
            Restore::PutBack(before) => eniconfig::put_crd_back(client, &before).await,
        }
    }
}
