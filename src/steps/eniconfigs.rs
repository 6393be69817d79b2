//! Where ENIConfigs are written: into the add-on's configuration values if the add-on creates them (it would revert
//! changes to the objects), else into the objects.

use crate::addon::{Edit, Keys, merged, restored, same};
use crate::error::Result;
use crate::facts::{EniConfig, Facts, same_groups};
use crate::k8s::eniconfig;
use crate::session::Session;
use crate::step::Step;

use super::set_env::update_addon;

/// A note if the ENIConfigs are written into the add-on's values rather than into the objects.
pub(crate) fn note(facts: &Facts, changes: bool) -> Vec<String> {
    match changes && facts.addon_creates_eniconfigs() {
        true => vec![
            "the add-on vpc-cni creates the ENIConfigs: changes are written into its eniConfig.subnets"
                .into(),
        ],
        false => Vec::new(),
    }
}

/// Writes ENIConfigs. One add-on update contains all of them, because each update takes a minute or more.
pub(crate) async fn write(
    session: &mut Session,
    step: Step,
    configs: &[EniConfig],
    take_over: bool,
) -> Result<()> {
    for config in configs {
        let before = session.facts.eniconfigs.items.iter().find(|there| there.name == config.name).cloned();
        session
            .remember(|record| {
                record.eniconfigs.entry(config.name.clone()).or_insert(before);
            })
            .await?;
    }
    let by_addon = session.facts.addon_creates_eniconfigs();
    if by_addon {
        remember_values(session).await?;
        let edit = Edit { eniconfigs: configs.to_vec(), ..Edit::default() };
        update_addon(session, step, |now| merged(now, &edit)).await?;
    }
    let client = session.clients.kube.client.clone();
    // PRESERVE keeps what somebody set in the object by hand, so the objects are read again.
    let there = if by_addon { eniconfig::read(&client).await?.items } else { Vec::new() };
    let is_there = |config: &EniConfig| {
        there.iter().any(|one| {
            one.name == config.name
                && one.subnet == config.subnet
                && same_groups(&one.security_groups, &config.security_groups)
        })
    };
    for config in configs.iter().filter(|config| !is_there(config)) {
        eniconfig::apply(&client, config, take_over || by_addon, false).await?;
    }
    Ok(())
}

/// Restores the add-on's values for the ENIConfigs in the record.
pub(crate) async fn restore_values(session: &Session, step: Step) -> Result<()> {
    let record = &session.facts.record;
    let (Some(before), true) = (&record.addon_configuration, session.facts.cni.addon.is_some()) else {
        return Ok(());
    };
    let keys = Keys { eniconfigs: record.eniconfigs.keys().cloned().collect(), ..Keys::default() };
    update_addon(session, step, |now| {
        let restored = restored(now, before, &keys)?;
        Ok(if same(&restored, now) { now.to_string() } else { restored })
    })
    .await
}

/// Records the add-on's values before they are changed for the first time.
async fn remember_values(session: &mut Session) -> Result<()> {
    let values = session.facts.cni.addon.as_ref().map(|addon| addon.configuration.clone());
    session
        .remember(|record| {
            if record.addon_configuration.is_none() {
                record.addon_configuration = values;
            }
        })
        .await
}
