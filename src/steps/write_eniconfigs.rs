//! Step 6: an ENIConfig for each pod subnet, under the name that the CNI looks for.

use crate::design::{CUSTOM_NETWORK, Design};
use crate::discover::Section;
use crate::error::Result;
use crate::facts::{EniConfig, Facts};
use crate::k8s::eniconfig;
use crate::settings::Settings;
use crate::walk::Walk;

use super::set_env::rolled_out;
use super::{Change, Rules, Sign, Step};

pub struct WriteEniconfigs;

#[derive(Debug, Clone)]
pub struct WriteOne {
    zone: String,
    name: String,
    /// Nothing as long as the subnet is not made.
    config: Option<EniConfig>,
    groups: Vec<String>,
    /// The subnet that it names now.
    before: Option<String>,
}

impl Rules for WriteEniconfigs {
    type Change = WriteOne;
    const STEP: Step = Step::WriteEniconfigs;
    const READS: &'static [Section] = &[Section::EniConfigs, Section::Cni];

    fn changes(design: &Design, facts: &Facts, _: &Settings) -> Vec<WriteOne> {
        let zones = design.zones.iter().filter_map(|zone| {
            let there = facts.eniconfigs.items.iter().find(|config| config.name == zone.eniconfig);
            let subnet = zone.pod_subnet.id();
            // Groups are step 8's; here the subnet decides.
            if there.is_some_and(|config| Some(config.subnet.as_str()) == subnet) {
                return None;
            }
            let groups = design.first_groups(facts);
            Some(WriteOne {
                zone: zone.zone.clone(),
                name: zone.eniconfig.clone(),
                config: subnet.map(|subnet| EniConfig {
                    name: zone.eniconfig.clone(),
                    subnet: subnet.into(),
                    security_groups: groups.clone(),
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
            Some(config) => described.from_to("subnet", change.before.clone(), &config.subnet),
            None => described.later("subnet"),
        };
        described.to("securityGroups", change.groups.join(", "))
    }

    async fn rehearse(walk: &Walk, changes: &[WriteOne]) -> Result<()> {
        for config in changes.iter().filter_map(|change| change.config.as_ref()) {
            eniconfig::apply(&walk.clients.kube.client, config, walk.settings.replace_eniconfigs, true)
                .await?;
        }
        Ok(())
    }

    async fn apply(walk: &mut Walk, change: WriteOne) -> Result<()> {
        // Without its subnet the step is refused before it begins.
        let Some(config) = &change.config else { return Ok(()) };
        eniconfig::apply(&walk.clients.kube.client, config, walk.settings.replace_eniconfigs, false).await
    }

    async fn settle(walk: &mut Walk) -> Result<()> {
        let on = walk.facts.cni.env.get(CUSTOM_NETWORK).is_some_and(|value| value == "true");
        if on { rolled_out(walk).await } else { Ok(()) }
    }
}
