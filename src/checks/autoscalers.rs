//! Other tools that start nodes, and the max pods of those nodes.

mod drift;
mod karpenter;

use std::collections::BTreeMap;

use crate::design::{CUSTOM_NETWORK, PoolDesign, options};
use crate::facts::{Karpenter, Node, NodePool, Owner, owner};
use crate::issue::{Issue, id};
use crate::net::max_pods::{Options, known, max_pods};
use crate::step::Step;
use crate::text::{counted, few};

use crate::scene::Scene;

/// The steps from switching custom networking on to the last old node.
const DURING_MIGRATION: [Step; 5] = [
    Step::SetEnv,
    Step::WriteEniconfigs,
    Step::LaunchNodegroups,
    Step::PatchSecurityGroups,
    Step::DrainNodes,
];

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    if !scene.concerns(&DURING_MIGRATION) {
        return;
    }
    autoscalers(scene, findings);
    static_lists(scene, findings);
    if let Some(karpenter) = &scene.facts.karpenter {
        karpenter::check(scene, karpenter, findings);
        drift::check(scene, karpenter, findings);
        early(scene, karpenter, findings);
        unlabelled(scene, karpenter, findings);
    }
    managed(scene, findings);
}

/// With prefix delegation a node has more addresses than any max pods computed from its interfaces.
fn addresses_suffice(scene: &Scene<'_>) -> bool {
    options(scene.facts).prefix
}

/// Old groups that grow during the migration. The drain suspends the groups that it empties, but only once it has
/// started.
fn autoscalers(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let grows = |name: &String| {
        let node = facts.nodes.iter().find(|node| node.name == *name);
        node.is_some_and(|node| matches!(owner(facts, node), Owner::Managed(_) | Owner::Group(_)))
    };
    let names = &facts.integrations.autoscalers;
    if names.is_empty() || !scene.design.old_nodes.iter().any(grows) {
        return;
    }
    let scale = |name: &String| {
        let (namespace, name) = name.split_once('/').unwrap_or_default();
        format!("kubectl -n {namespace} scale deployment {name} --replicas=0")
    };
    findings.push(
        Issue::warning(id::NOD_013, "the Cluster Autoscaler may start nodes in old groups during the migration")
            .at(names.keys().map(|name| format!("Deployment {name}")).collect::<Vec<_>>().join(", "))
            .why("a node that an old group starts after step 3 has custom networking but the old max pods, more than its addresses; and the group is not empty after the drain")
            .fix(format!(
                "{} # until the old nodes are gone; then exclude the old groups from its auto-discovery",
                names.keys().map(scale).collect::<Vec<_>>().join(" && ")
            )),
    );
}

/// A Cluster Autoscaler with a static list of groups does not find new ones by their tags.
fn static_lists(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    for (name, listed) in &facts.integrations.autoscalers {
        let new = scene.design.groups().filter_map(|(_, group)| Some((group, group.there(facts)?)));
        let there: Vec<_> = new.filter(|(_, there)| !listed.contains(&there.name)).collect();
        let is_listed = |pool: &&PoolDesign| pool.old.iter().any(|old| !old.groups.is_disjoint(listed));
        let waiting = scene.design.pools.iter().filter(is_listed);
        let to_come: usize =
            waiting.flat_map(|pool| &pool.groups).filter(|group| group.there(facts).is_none()).count();
        if listed.is_empty() || (there.is_empty() && to_come == 0) {
            continue;
        }
        let flags: Vec<String> = there
            .iter()
            .map(|(group, there)| format!("--nodes={}:{}:{}", group.min_size, group.max_size, there.name))
            .collect();
        let fix = match flags.is_empty() {
            true => "once step 7 has created them, replace the old groups in its command; this issue then shows the flags".into(),
            false => format!("replace the old groups in its command: {}", flags.join(" ")),
        };
        findings.push(
            Issue::warning(id::NOD_023, "the Cluster Autoscaler does not know the new node groups")
                .at(format!("Deployment {name}"))
                .why(format!(
                    "its --nodes flags name {}; without auto-discovery it scales no other groups",
                    few(&listed.iter().cloned().collect::<Vec<_>>())
                ))
                .fix(fix),
        );
    }
}

/// Since 1.13 the CNI waits for a missing ENIConfig, and the node stays NotReady (amazon-vpc-cni-k8s#2683).
fn early(scene: &Scene<'_>, karpenter: &Karpenter, findings: &mut Vec<Issue>) {
    let on = scene.facts.cni.is_on(CUSTOM_NETWORK);
    if on || scene.settings.cni.env_last || !scene.concerns(&[Step::SetEnv]) {
        return;
    }
    findings.push(
        Issue::warning(id::NOD_013, "Karpenter may start nodes before their ENIConfigs exist")
            .at(karpenter.place())
            .why("a node that starts between step 3 and step 6 is NotReady until the ENIConfig of its zone exists")
            .fix("add --env-last to switch custom networking on after the ENIConfigs are created"),
    );
}

/// Only the new node groups label their nodes.
fn unlabelled(scene: &Scene<'_>, karpenter: &Karpenter, findings: &mut Vec<Issue>) {
    if !scene.design.labels_nodes() {
        return;
    }
    let key = &scene.design.label_key;
    // Those of NodePools that Karpenter replaces get the label with them.
    let lacks = |pool: &NodePool| {
        !pool.labels.contains_key(key) && !scene.design.karpenter.drifts.contains(&pool.name)
    };
    if !karpenter.pools.is_empty() && !karpenter.pools.iter().any(lacks) {
        return;
    }
    findings.push(
        Issue::warning(id::NOD_013, "nodes that Karpenter starts would find no ENIConfig")
            .at(karpenter.place())
            .why(format!("nodes find their ENIConfig by label {key}, which only nodes of eni-custom's groups have"))
            .fix(format!(
                "create one NodePool per zone with {key} in spec.template.metadata.labels; or omit --eniconfig-name to name ENIConfigs by zone"
            )),
    );
}

/// EKS computes max pods for managed nodes when their group is created or updated, and takes custom networking into
/// account then (EKS user guide, "Tutorial: custom networking"); with an AMI id in the launch template its user data
/// decides. An existing group starts nodes with the old max pods until it is updated. The actual max pods of its nodes
/// show which applies.
fn managed(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (facts, design) = (scene.facts, scene.design);
    if addresses_suffice(scene) {
        return;
    }
    let hard = Options { cap: false, ..options(facts) };
    let limit = |node: &Node| {
        let kind = facts.machine.types.get(&node.instance_type).or_else(|| known(&node.instance_type))?;
        max_pods(kind, &hard).ok().map(|pods| pods.get())
    };
    let stays = |node: &&Node| scene.settings.drain.keep_old_nodes || !design.drained.contains(&node.name);
    let mut staying: BTreeMap<String, (u32, u32, String)> = BTreeMap::new();
    for node in facts.ec2_nodes().filter(stays) {
        let (Owner::Managed(group), Some(limit)) = (owner(facts, node), limit(node)) else { continue };
        if node.max_pods > limit {
            staying.insert(group, (node.max_pods, limit, node.instance_type.clone()));
        }
    }
    let Some((first, (pods, limit, kind))) = staying.iter().next() else { return };
    let names: Vec<String> = staying.keys().cloned().collect();
    findings.push(
        Issue::warning(id::NOD_015, "managed node groups that you keep start nodes with more pods than addresses")
            .at(few(&names))
            .why(format!(
                "nodes of {first} have max pods for {}, but with custom networking a {kind} has addresses for {limit}; EKS \
                 recomputes max pods only when a group is created or updated",
                counted(*pods, "pod")
            ))
            .fix(format!(
                "aws eks update-nodegroup-version --cluster-name {} --nodegroup-name {first} # once custom networking is \
                 on; it replaces the group's nodes. With an AMI id in the launch template, set max pods there instead",
                facts.cluster.name
            )),
    );
}

#[cfg(test)]
mod tests {
    use crate::facts::{AutoScalingGroup, Facts, ManagedNodeGroup, NodeClass};
    use crate::issue::Severity;
    use crate::sample::{facts, group_instance};

    use super::*;

    fn ids(facts: &Facts, arguments: &[&str]) -> Vec<&'static str> {
        super::super::found(check, facts, arguments).iter().map(|finding| finding.id.as_str()).collect()
    }

    /// One old node belongs to an Auto Scaling group; or to a managed node group.
    fn grouped(managed: bool) -> Facts {
        let mut facts = facts();
        facts.nodes[0].instance_id = Some("i-1".into());
        let instances = vec![group_instance("i-1", "a")];
        let group = AutoScalingGroup {
            name: "old".into(),
            min: 1,
            desired: 1,
            max: 3,
            instances,
            ..AutoScalingGroup::default()
        };
        facts.node_groups.groups.insert("old".into(), group);
        if managed {
            facts.node_groups.managed.push(ManagedNodeGroup {
                name: "workers".into(),
                status: "ACTIVE".into(),
                min: 1,
                desired: 1,
                max: 3,
                groups: vec!["old".into()],
                issues: Vec::new(),
                settings: crate::facts::ManagedSettings::default(),
            });
        }
        facts
    }

    fn karpenter(reserved_enis: u32) -> Facts {
        let mut facts = facts();
        facts.karpenter = Some(Karpenter {
            deployment: Some("karpenter/karpenter".into()),
            reserved_enis,
            classes: [("default".to_string(), NodeClass::default())].into(),
            reserved_by_flag: true,
            ..Karpenter::default()
        });
        facts
    }

    #[test]
    fn a_cluster_without_an_autoscaler_has_no_issue() {
        assert_eq!(ids(&facts(), &[]), [""; 0]);
        assert_eq!(ids(&grouped(true), &[]), [""; 0]);
    }

    #[test]
    fn an_autoscaler_is_reported_while_old_groups_exist() {
        let mut facts = grouped(false);
        facts.integrations.autoscalers.insert("kube-system/cluster-autoscaler".into(), Default::default());
        insta::assert_json_snapshot!(super::super::found(check, &facts, &[]));
        facts.node_groups.groups.clear();
        assert_eq!(ids(&facts, &[]), [""; 0], "no group that it could grow");
    }

    #[test]
    fn karpenter_must_reserve_the_first_interface() {
        let last = ["--env-last"];
        insta::assert_json_snapshot!(super::super::found(check, &karpenter(0), &last));
        assert_eq!(ids(&karpenter(1), &last), [""; 0]);
        let mut by_env = karpenter(0);
        by_env.karpenter.as_mut().unwrap().reserved_by_flag = false;
        assert_eq!(ids(&by_env, &last), [""; 0], "setup sets it");
        let mut fixed = karpenter(0);
        fixed.karpenter.as_mut().unwrap().classes.clear();
        assert_eq!(ids(&fixed, &last), [""; 0], "each class says its own max pods");
        let mut prefixes = karpenter(0);
        prefixes.cni.env.insert("ENABLE_PREFIX_DELEGATION".into(), "true".into());
        assert_eq!(ids(&prefixes, &last), [""; 0], "addresses enough");
    }

    #[test]
    fn karpenter_may_start_nodes_without_eniconfig_or_label() {
        assert_eq!(ids(&karpenter(1), &[]), ["EC-NOD-013"]);
        let named = ["--env-last", "--eniconfig-name", "a=pods-a"];
        assert_eq!(ids(&karpenter(1), &named), ["EC-NOD-013"]);
    }

    #[test]
    fn kept_managed_node_groups_are_reported() {
        let mut facts = grouped(true);
        assert_eq!(
            ids(&facts, &["--keep-old-nodes"]),
            [""; 0],
            "its nodes take what they have addresses for"
        );
        facts.nodes[0].max_pods = 29;
        let found = super::super::found(check, &facts, &["--keep-old-nodes"]);
        assert_eq!(
            found.iter().map(|one| (one.id.as_str(), one.severity())).collect::<Vec<_>>(),
            [("EC-NOD-015", Severity::Warning)]
        );
        assert_eq!(found[0].place, "workers");
        assert!(found[0].why.contains("max pods for 29 pods") && found[0].why.contains("addresses for 20"));
        assert_eq!(ids(&grouped(false), &["--keep-old-nodes"]), [""; 0]);
    }

    #[test]
    fn a_static_list_of_groups_must_name_the_new_ones() {
        let mut facts = facts();
        facts.nodes.clear();
        crate::sample::add_pool(&mut facts, "web", "m5.large", &["a"]);
        let issues = |facts: &Facts| super::super::found(static_lists, facts, &[]);
        facts.integrations.autoscalers = [("kube-system/ca".to_string(), Default::default())].into();
        assert_eq!(issues(&facts), [], "it finds groups by their tags");
        facts.integrations.autoscalers = [("kube-system/ca".to_string(), ["web".to_string()].into())].into();
        assert!(format!("{:?}", issues(&facts)[0]).contains("once step 7 has created them"));
        let tags = [("aws:cloudformation:stack-name".to_string(), "eni-custom-shop-a".to_string())];
        let new = AutoScalingGroup { name: "new-a".into(), tags: tags.into(), ..AutoScalingGroup::default() };
        facts.node_groups.groups.insert("new-a".into(), new);
        assert!(format!("{:?}", issues(&facts)[0]).contains("--nodes=1:2:new-a"), "{:?}", issues(&facts));
        facts.integrations.autoscalers =
            [("kube-system/ca".to_string(), ["new-a".to_string()].into())].into();
        assert_eq!(issues(&facts), []);
    }
}
