//! How nodes find their ENIConfigs where custom networking is on already: it is adopted, and changed only where that is
//! asked for. Live nodes would take their next interfaces by another ENIConfig, or by none.

use std::collections::BTreeMap;

use crate::facts::{EniConfig, Facts, Node};
use crate::net::eniconfig::{DEFAULT_KEY, Source, resolve};
use crate::settings::Settings;

use super::{CUSTOM_NETWORK, LABEL_DEF, ZONE_LABEL};

/// The key of the label that names ENIConfigs now, where that works for at least one node.
pub fn key(facts: &Facts) -> Option<String> {
    if !facts.cni.is_on(CUSTOM_NETWORK) {
        return None;
    }
    match facts.cni.env.get(LABEL_DEF).filter(|key| !key.is_empty()) {
        Some(key) => Some(key.clone()),
        None => is_keyless(facts).then(|| DEFAULT_KEY.into()),
    }
}

/// ENI_CONFIG_LABEL_DEF is not set, and nodes find ENIConfigs all the same: by the CNI's own label or annotation, or by
/// the name `default` (amazon-vpc-cni-k8s, pkg/eniconfig).
pub fn is_keyless(facts: &Facts) -> bool {
    facts.cni.is_on(CUSTOM_NETWORK)
        && facts.cni.env.get(LABEL_DEF).is_none_or(String::is_empty)
        && facts.ec2_nodes().any(|node| found(facts, node).is_some())
}

/// The ENIConfig that a node takes now.
fn found<'a>(facts: &'a Facts, node: &Node) -> Option<&'a EniConfig> {
    let resolved = resolve(&node.labels, &node.annotations, &facts.cni.env);
    let named = facts.eniconfigs.items.iter().find(|config| config.name == resolved.name);
    named.filter(|_| resolved.source != Source::ExternalLabel)
}

/// The name of a zone's ENIConfig: the one asked for; the one that most of its nodes take now, where names are free; else
/// the zone's.
pub fn eniconfig(settings: &Settings, facts: &Facts, label_key: &str, zone: &str) -> String {
    if let Some(name) = settings.eniconfig_names.get(zone) {
        return name.clone();
    }
    // The label of the zone has its name, whatever an ENIConfig is called.
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

/// A node that would take another ENIConfig.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Switched {
    pub from: String,
    pub to: String,
    pub node: String,
}

/// Nodes that would take another ENIConfig than now with this environment, where custom networking is on.
pub fn switched(facts: &Facts, env: &BTreeMap<String, String>) -> Vec<Switched> {
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

    /// Set up by hand years ago: no key, labels of the CNI's own, names that somebody chose.
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
    fn what_is_there_is_adopted_and_no_node_is_switched() {
        let mut facts = by_hand();
        let on: BTreeMap<String, String> = [(CUSTOM_NETWORK.into(), "True".into())].into();
        assert_eq!(of(&facts, &[]), (on.clone(), vec!["pods-one".into(), "pods-two".into()], 0));
        // By annotation.
        for node in &mut facts.nodes {
            let name = node.labels.remove(DEFAULT_KEY).unwrap();
            node.annotations.insert(DEFAULT_KEY.into(), name);
        }
        assert_eq!(of(&facts, &[]), (on, vec!["pods-one".into(), "pods-two".into()], 0));
        // By a label of one's own.
        let mut facts = by_hand();
        facts.cni.env.insert(LABEL_DEF.into(), DEFAULT_KEY.into());
        let (env, names, switched) = of(&facts, &[]);
        assert_eq!((env[LABEL_DEF].as_str(), names[0].as_str(), switched), (DEFAULT_KEY, "pods-one", 0));
    }

    #[test]
    fn what_is_asked_for_is_done_and_its_nodes_are_named() {
        let (env, names, switched) = of(&by_hand(), &["--eniconfig-label", ZONE_LABEL]);
        assert_eq!((env[LABEL_DEF].as_str(), names[0].as_str(), switched), (ZONE_LABEL, "a", 2));
        assert_eq!(of(&by_hand(), &["--eniconfig-name", "a=other"]).1, ["other", "pods-two"]);
    }

    #[test]
    fn a_switch_that_serves_no_node_is_no_convention() {
        let mut facts = by_hand();
        facts.nodes.iter_mut().for_each(|node| drop(node.labels.remove(DEFAULT_KEY)));
        let (env, names, switched) = of(&facts, &[]);
        assert_eq!((env[LABEL_DEF].as_str(), names[0].as_str(), switched), (ZONE_LABEL, "a", 0));
        facts.eniconfigs.items[0].name = "default".into();
        assert_eq!(of(&facts, &[]).1, ["default", "b"]);
    }
}
