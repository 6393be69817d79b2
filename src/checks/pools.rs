//! What the new nodes would not have of the old ones.

use std::collections::BTreeSet;

use crate::design::PoolDesign;
use crate::issue::{Issue, id};
use crate::nodes::user_data::carry;
use crate::scene::Scene;
use crate::step::Step;
use crate::text::{closest, did_you_mean, few};

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    unknown_pools(scene, findings);
    if !scene.concerns(&[Step::LaunchNodegroups]) {
        return;
    }
    for pool in &scene.design.pools {
        // A group that exists is not changed.
        if pool.groups.iter().all(|group| scene.facts.node_groups.stacks.contains_key(&group.stack)) {
            continue;
        }
        unclear(pool, findings);
        labels(pool, findings);
        user_data(scene, pool, findings);
        security_groups(scene, pool, findings);
    }
}

/// Pools that a setting names and that the cluster does not have.
fn unknown_pools(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (settings, nodes) = (scene.settings, &scene.settings.nodes);
    let known = names(scene);
    let own = [
        ("instance-type", nodes.instance_type.names()),
        ("ami-family", nodes.ami_family.names()),
        ("ami-id", nodes.ami_id.names()),
        ("nodes-per-zone", nodes.nodes_per_zone.names()),
        ("max-nodes-per-zone", nodes.max_nodes_per_zone.names()),
        ("volume-size", nodes.volume_size.names()),
        ("node-role", nodes.node_role.names()),
        ("pool", nodes.pools.iter().collect()),
    ];
    for (flag, names) in own {
        for name in names.into_iter().filter(|name| !known.contains(name.as_str())) {
            let all = || few(&known.iter().map(ToString::to_string).collect::<Vec<_>>());
            findings.push(
                Issue::error(id::NOD_052, format!("the cluster has no pool '{name}' to replace"))
                    .at(settings.named(flag))
                    .why(format!("the pools are {}", all()))
                    .fix(did_you_mean(&closest(name, known.iter().copied())).unwrap_or_else(|| {
                        "use the name of a managed node group or of an Auto Scaling group that has old nodes".into()
                    })),
            );
        }
    }
}

/// Names of the pools that could be replaced.
fn names<'a>(scene: &Scene<'a>) -> BTreeSet<&'a str> {
    let Scene { facts, design, .. } = *scene;
    let designed = design.pools.iter().map(|pool| pool.name.as_str());
    designed.chain(facts.pools.iter().map(|pool| pool.name.as_str())).collect()
}

/// What is not understood is never dropped in silence.
fn unclear(pool: &PoolDesign, findings: &mut Vec<Issue>) {
    for unclear in &pool.mirror.unclear {
        findings.push(
            Issue::warning(
                id::NOD_050,
                format!("the new nodes of pool {} do not get {}", pool.name, unclear.what),
            )
            .at(source(pool))
            .why(&unclear.why)
            .fix(format!(
                "if the nodes do not need it: --accept {}; else replace the pool yourself, and choose the others with --pool",
                id::NOD_050.id()
            )),
        );
    }
}

/// Labels with reserved prefixes are set by people or controllers after a node has joined.
fn labels(pool: &PoolDesign, findings: &mut Vec<Issue>) {
    let unsettable = &pool.mirror.unsettable;
    if unsettable.is_empty() {
        return;
    }
    let names: Vec<String> = unsettable.keys().cloned().collect();
    findings.push(
        Issue::warning(
            id::NOD_051,
            format!("the new nodes of pool {} do not set {}", pool.name, few(&names)),
        )
        .at(format!("pool {}", pool.name))
        .why(unsettable.values().next().cloned().unwrap_or_default())
        .fix(format!(
            "if nothing sets it again: kubectl label nodes -l … {}=…; pods that ask for such a label stay Pending until then",
            names[0]
        )),
    );
}

/// Each AMI family has its own format of user data.
fn user_data(scene: &Scene<'_>, pool: &PoolDesign, findings: &mut Vec<Issue>) {
    let Some(old) = &pool.old else { return };
    if pool.machine.family_unknown {
        findings.push(
            Issue::error(id::NOD_054, format!("user data can't be written for the nodes of pool {}", pool.name))
                .at(source(pool))
                .why("their image is not Amazon Linux or Bottlerocket, and each system has its own way to join a cluster")
                .fix(format!(
                    "--ami-family {}=al2023 for AWS's image; or replace the pool yourself, and choose the others with --pool",
                    pool.name
                )),
        );
        return;
    }
    let Some(family) = old.family.filter(|family| *family != pool.machine.family) else { return };
    let carried = carry(family, &old.template.user_data, scene.facts.cluster.service_cidr);
    if carried.keeps_settings() {
        findings.push(
            Issue::warning(
                id::NOD_050,
                format!("the new nodes of pool {} do not get the user data of the old ones", pool.name),
            )
            .at(source(pool))
            .why(format!("it is for {family}, and the new nodes are {}", pool.machine.family))
            .fix(format!("omit --ami-family to keep {family}; or --accept {}", id::NOD_050.id())),
        );
    }
}

/// Pods get the groups of their ENIConfig, and a zone has one for all pools.
fn security_groups(scene: &Scene<'_>, pool: &PoolDesign, findings: &mut Vec<Issue>) {
    let design = scene.design;
    let of_pods =
        if design.security_groups.is_empty() { &design.shared_groups } else { &design.security_groups };
    let lost: Vec<String> =
        pool.mirror.security_groups.iter().filter(|id| !of_pods.contains(id)).cloned().collect();
    if lost.is_empty() {
        return;
    }
    let all = of_pods.iter().chain(&lost).cloned().collect::<Vec<_>>().join(",");
    findings.push(
        Issue::warning(id::NOD_053, format!("the pods of pool {} are no longer in {}", pool.name, few(&lost)))
            .at(format!("ENIConfigs of {}", scene.facts.cluster.name))
            .why("the nodes keep the group, but pods get the security groups of their ENIConfig, which all pools share; EC-RCH-017 reports what would then be blocked")
            .fix(format!("to give it to the pods of all pools: --security-group NODE_GROUP,{},{all}", scene.facts.cluster.security_group)),
    );
}

/// Where a person finds what the pool's owner launches.
fn source(pool: &PoolDesign) -> String {
    let source = pool.old.as_ref().map(|old| old.template.source.clone()).filter(|source| !source.is_empty());
    source.unwrap_or_else(|| format!("pool {}", pool.name))
}
