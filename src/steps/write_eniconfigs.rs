//! Step 6: an ENIConfig for each pod subnet, with the name that the CNI looks up.

use crate::design::CUSTOM_NETWORK;
use crate::discover::Section;
use crate::error::Result;
use crate::facts::EniConfig;
use crate::k8s::eniconfig;
use crate::scene::Scene;
use crate::session::Session;
use crate::step::{Change, Sign, Step};

use super::set_env::rolled_out;
use super::{Rules, eniconfigs};

pub(crate) struct WriteEniconfigs;

#[derive(Debug, Clone)]
pub(crate) struct WriteOne {
    zone: String,
    name: String,
    /// `None` as long as the subnet does not exist.
    config: Option<EniConfig>,
    groups: Vec<String>,
    /// The subnet that the ENIConfig names now.
    before: Option<String>,
}

impl Rules for WriteEniconfigs {
    type Change = WriteOne;
    const STEP: Step = Step::WriteEniconfigs;
    const READS: &'static [Section] = &[Section::EniConfigs, Section::Cni];

    fn changes(scene: &Scene<'_>) -> Vec<WriteOne> {
        let Scene { design, facts, .. } = *scene;
        let values = facts.addon_values();
        // If the add-on's values differ, the add-on would revert the object to them.
        let agreed = |config: &EniConfig| !values.as_ref().is_some_and(|values| values.differs(config));
        let zones = design.zones.iter().filter_map(|zone| {
            let there = facts.eniconfigs.items.iter().find(|config| config.name == zone.eniconfig);
            let subnet = zone.pod_subnet.id();
            // Step 8 writes the groups, so only the subnet is compared here.
            let right = there.filter(|config| Some(config.subnet.as_str()) == subnet);
            if right.is_some_and(agreed) {
                return None;
            }
            let groups =
                right.map_or_else(|| design.first_groups(facts), |config| config.security_groups.clone());
            Some(WriteOne {
                zone: zone.zone.clone(),
                name: zone.eniconfig.clone(),
                config: subnet.map(|subnet| EniConfig {
                    name: zone.eniconfig.clone(),
                    subnet: subnet.into(),
                    security_groups: groups.clone(),
                    ours: true,
                }),
                groups,
                before: there.map(|config| config.subnet.clone()),
            })
        });
        zones.collect()
    }

    fn describe(change: &WriteOne) -> Change {
        let sign = if change.before.is_some() { Sign::Change } else { Sign::Create };
        let described = Change::new(sign, format!("ENIConfig {}", change.name)).to("zone", &change.zone);
        let described = match &change.config {
            Some(config) => described.before_after("subnet", change.before.clone(), &config.subnet),
            None => described.later("subnet"),
        };
        described.to("securityGroups", change.groups.join(", "))
    }

    fn notes(scene: &Scene<'_>) -> Vec<String> {
        let Scene { design: _, facts, settings: _, .. } = *scene;
        eniconfigs::note(facts, !Self::changes(scene).is_empty())
    }

    async fn rehearse(session: &Session, changes: &[WriteOne]) -> Result<()> {
        // The add-on writes these, and EKS validates its values first.
        if session.facts.addon_creates_eniconfigs() {
            return Ok(());
        }
        for config in changes.iter().filter_map(|change| change.config.as_ref()) {
            eniconfig::apply(
                &session.clients.kube.client,
                config,
                session.settings.cni.replace_eniconfigs,
                true,
            )
            .await?;
        }
        Ok(())
    }

    async fn apply(session: &mut Session, change: WriteOne) -> Result<()> {
        // If a subnet is missing, the checks refuse the step before it starts.
        let Some(config) = change.config else { return Ok(()) };
        let configs: Vec<EniConfig> = match session.facts.addon_creates_eniconfigs() {
            true => Self::changes(&session.scene()).into_iter().filter_map(|change| change.config).collect(),
            false => vec![config],
        };
        let take_over = session.settings.cni.replace_eniconfigs;
        eniconfigs::write(session, Step::WriteEniconfigs, &configs, take_over).await
    }

    async fn settle(session: &mut Session) -> Result<()> {
        let on = session.facts.cni.is_on(CUSTOM_NETWORK);
        if on { rolled_out(session).await } else { Ok(()) }
    }
}

/// Deletes the ENIConfigs that eni-custom created, and restores those that it changed.
pub(crate) struct UndoWriteEniconfigs;

#[derive(Debug, Clone)]
pub(crate) enum RestoreEniconfig {
    Delete { name: String, subnet: String },
    Previous { before: EniConfig, subnet: String },
}

impl Rules for UndoWriteEniconfigs {
    type Change = RestoreEniconfig;
    const STEP: Step = Step::WriteEniconfigs;
    const READS: &'static [Section] = &[Section::EniConfigs];

    fn changes(scene: &Scene<'_>) -> Vec<RestoreEniconfig> {
        let facts = scene.facts;
        let ours = facts.eniconfigs.items.iter().filter(|config| config.ours);
        ours.map(|config| {
            let before = facts.record.eniconfigs.get(&config.name).cloned().flatten();
            // A recorded ENIConfig of our own is from an earlier run whose record is gone.
            match before.filter(|before| !before.ours) {
                Some(before) => RestoreEniconfig::Previous { before, subnet: config.subnet.clone() },
                None => RestoreEniconfig::Delete { name: config.name.clone(), subnet: config.subnet.clone() },
            }
        })
        .collect()
    }

    fn describe(change: &RestoreEniconfig) -> Change {
        match change {
            RestoreEniconfig::Delete { name, subnet } => {
                Change::new(Sign::Remove, format!("ENIConfig {name}")).to("subnet", subnet)
            }
            RestoreEniconfig::Previous { before, subnet } => {
                Change::new(Sign::Change, format!("ENIConfig {}", before.name))
                    .before_after("subnet", Some(subnet), &before.subnet)
                    .to("securityGroups", before.security_groups.join(", "))
            }
        }
    }

    async fn apply(session: &mut Session, change: RestoreEniconfig) -> Result<()> {
        eniconfigs::restore_values(session, Step::WriteEniconfigs).await?;
        let client = &session.clients.kube.client;
        match change {
            RestoreEniconfig::Delete { name, .. } => eniconfig::delete(client, &name).await,
            RestoreEniconfig::Previous { before, .. } => eniconfig::put_back(client, &before).await,
        }
    }
}
