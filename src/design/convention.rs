//! How nodes find their ENIConfigs if custom networking is already on. The existing label is adopted and changed only on
//! request: otherwise running nodes would use another ENIConfig, or none, for their next interfaces.

use std::collections::BTreeMap;

use crate::facts::{EniConfig, Facts, Node};
use crate::net::eniconfig::{DEFAULT_KEY, Source, resolve};
use crate::settings::Settings;

use super::{CUSTOM_NETWORK, LABEL_DEF, ZONE_LABEL};

/// The key of the label that names ENIConfigs now, if it works for at least one node.
pub(super) fn key(facts: &Facts) -> Option<String> {
    if !facts.cni.is_on(CUSTOM_NETWORK) {
        return None;
    }
    match facts.cni.env.get(LABEL_DEF).filter(|key| !key.is_empty()) {
        Some(key) => Some(key.clone()),
        None => is_keyless(facts).then(|| DEFAULT_KEY.into()),
    }
}

/// ENI_CONFIG_LABEL_DEF is not set, but nodes find ENIConfigs: by the CNI's default label or annotation, or by the name
/// `default` (amazon-vpc-cni-k8s, pkg/eniconfig).
pub(super) fn is_keyless(facts: &Facts) -> bool {
    facts.cni.is_on(CUSTOM_NETWORK)
        && facts.cni.env.get(LABEL_DEF).is_none_or(String::is_empty)
        && facts.ec2_nodes().any(|node| found(facts, node).is_some())
}

/// The ENIConfig that a node uses now.
fn found<'a>(facts: &'a Facts, node: &Node) -> Option<&'a EniConfig> {
    let resolved = resolve(&node.labels, &node.annotations, &facts.cni.env);
    let named = facts.eniconfigs.items.iter().find(|config| config.name == resolved.name);
    named.filter(|_| resolved.source != Source::ExternalLabel)
}

/// The name of a zone's ENIConfig: the one set by flag; else, unless the zone label decides, the one that most of the
/// zone's nodes use; else the zone's name.
pub(super) fn eniconfig(settings: &Settings, facts: &Facts, label_key: &str, zone: &str) -> String {
    if let Some(name) = settings.cni.eniconfig_names.get(zone) {
        return name.clone();
    }
    // The value of the zone label is the zone's name.
    if label_key == ZONE_LABEL || key(facts).as_deref() != Some(label_key) {
        return zone.to_string();
    }
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for node in facts.ec2_nodes().filter(|node| node.zone == zone) {
        let config = found(facts, node);
        let here =
            |config: &&EniConfig| facts.vpc.subnet(&config.subnet).is_some_and(|subnet| subnet.zone == zone);
        if let Some(config) = config.filter(here) {
            *counted.entry(&config.name).or_default() += 1;
        }
    }
    let most = counted.into_iter().max_by_key(|(name, nodes)| (*nodes, std::cmp::Reverse(*name)));
    most.map_or(zone, |(name, _)| name).to_string()
}

/// A node that would use another ENIConfig.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Switched {
    pub from: String,
    pub to: String,
    pub node: String,
}

/// Nodes that would use another ENIConfig with this environment, if custom networking is on.
pub(crate) fn switched(facts: &Facts, env: &BTreeMap<String, String>) -> Vec<Switched> {
    if !facts.cni.is_on(CUSTOM_NETWORK) {
        return Vec::new();
    }
    let nodes = facts.ec2_nodes().filter_map(|node| {
        let from = found(facts, node)?.name.clone();
        let to = resolve(&node.labels, &node.annotations, env).name;
        (from != to).then(|| Switched { from, to, node: node.name.clone() })
    });
    let mut nodes: Vec<Switched> = nodes.collect();
    nodes.sort();
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::design;
    use crate::sample::{custom, settings};

    /// A setup by hand: no ENI_CONFIG_LABEL_DEF, the CNI's default label, and custom names.
    fn by_hand() -> Facts {
        let mut facts = custom();
        facts.cni.env = [(CUSTOM_NETWORK.to_string(), "True".to_string())].into();
        for (config, name) in facts.eniconfigs.items.iter_mut().zip(["pods-one", "pods-two"]) {
            config.name = name.into();
            config.ours = false;
        }
        for node in &mut facts.nodes {
            let name = if node.zone == "a" { "pods-one" } else { "pods-two" };
            node.labels.insert(DEFAULT_KEY.into(), name.into());
        }
        facts
    }

    fn of(facts: &Facts, arguments: &[&str]) -> (BTreeMap<String, String>, Vec<String>, usize) {
        let design = design(&settings(arguments), facts);
        let mut env = facts.cni.env.clone();
        env.extend(design.env.clone());
        let names = design.zones.iter().map(|zone| zone.eniconfig.clone()).collect();
        (design.env, names, switched(facts, &env).len())
    }

    #[test]
    fn an_existing_setup_is_adopted_and_no_node_switches() {
        let mut facts = by_hand();
        let on: BTreeMap<String, String> = [(CUSTOM_NETWORK.into(), "True".into())].into();
        assert_eq!(of(&facts, &[]), (on.clone(), vec!["pods-one".into(), "pods-two".into()], 0));
        // By annotation.
        for node in &mut facts.nodes {
            let name = node.labels.remove(DEFAULT_KEY).unwrap();
            node.annotations.insert(DEFAULT_KEY.into(), name);
        }
        assert_eq!(of(&facts, &[]), (on, vec!["pods-one".into(), "pods-two".into()], 0));
        // By a custom label.
        let mut facts = by_hand();
        facts.cni.env.insert(LABEL_DEF.into(), DEFAULT_KEY.into());
        let (env, names, switched) = of(&facts, &[]);
        assert_eq!((env[LABEL_DEF].as_str(), names[0].as_str(), switched), (DEFAULT_KEY, "pods-one", 0));
    }

    #[test]
    fn a_requested_change_is_made_and_its_nodes_are_named() {
        let (env, names, switched) = of(&by_hand(), &["--eniconfig-label", ZONE_LABEL]);
        assert_eq!((env[LABEL_DEF].as_str(), names[0].as_str(), switched), (ZONE_LABEL, "a", 2));
        assert_eq!(of(&by_hand(), &["--eniconfig-name", "a=other"]).1, ["other", "pods-two"]);
    }

    #[test]
    fn a_label_that_works_for_no_node_is_not_adopted() {
        let mut facts = by_hand();
        facts.nodes.iter_mut().for_each(|node| drop(node.labels.remove(DEFAULT_KEY)));
        let (env, names, switched) = of(&facts, &[]);
        assert_eq!((env[LABEL_DEF].as_str(), names[0].as_str(), switched), (ZONE_LABEL, "a", 0));
        facts.eniconfigs.items[0].name = "default".into();
        assert_eq!(of(&facts, &[]).1, ["default", "b"]);
    }
}
