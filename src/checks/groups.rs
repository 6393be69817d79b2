//! The node groups whose nodes are drained: whether they can be suspended, and what Auto Scaling and EKS do during the
//! drain.

use std::collections::BTreeSet;

use crate::facts::{EksStatus, ManagedNodeGroup, Node, Owner, group, owner};
use crate::issue::severity::Warning;
use crate::issue::{IdOf, Issue, id};
use crate::step::Step;

use crate::scene::Scene;

pub(crate) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    if !scene.concerns(&[Step::DrainNodes]) || scene.settings.drain.keep_old_nodes {
        return;
    }
    untagged(scene, findings);
    warm_pools(scene, findings);
    hooks(scene, findings);
    for managed in managed(scene) {
        findings.extend(not_active(&scene.facts.cluster.name, managed, id::NOD_017));
    }
}

fn drained<'a>(scene: &'a Scene<'_>) -> impl Iterator<Item = &'a Node> {
    scene.facts.nodes.iter().filter(|node| scene.design.drained.contains(&node.name))
}

fn managed<'a>(scene: &'a Scene<'_>) -> Vec<&'a ManagedNodeGroup> {
    let owners: BTreeSet<Owner> = drained(scene).map(|node| owner(scene.facts, node)).collect();
    let is_drained = |managed: &&ManagedNodeGroup| owners.contains(&Owner::Managed(managed.name.clone()));
    scene.facts.node_groups.managed.iter().filter(is_drained).collect()
}

/// EKS changes the sizes of a node group only while it is ACTIVE.
pub(super) fn not_active(cluster: &str, managed: &ManagedNodeGroup, id: IdOf<Warning>) -> Option<Issue> {
    let name = &managed.name;
    let placed = |finding: Issue| finding.at(format!("managed node group {name}"));
    match &managed.status {
        EksStatus::Active => None,
        status if status.is_changing() => Some(placed(
            Issue::warning(id, format!("managed node group {name} is {status}"))
                .why("EKS makes one change to a node group at a time: the run waits for it, at most --timeout; a version update replaces nodes meanwhile")
                .fix(format!(
                    "aws eks wait nodegroup-active --cluster-name {cluster} --nodegroup-name {name}"
                )),
        )),
        status => Some(placed(
            Issue::warning(id, format!("managed node group {name} is {status}"))
                .why(match managed.issues.is_empty() {
                    true => "EKS may reject a change of its sizes, and then its nodes can't be replaced".to_string(),
                    false => format!("EKS may reject a change of its sizes: {}", managed.issues.join("; ")),
                })
                .fix(format!(
                    "aws eks describe-nodegroup --cluster-name {cluster} --nodegroup-name {name} --query nodegroup.health.issues # fix these issues first"
                )),
        )),
    }
}

/// Nodes need the tag on their instance, not on the group (terraform-aws-eks#2072), but the policy that iam-policy
/// prints allows changes only to tagged groups.
fn untagged(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let cluster = &facts.cluster.name;
    let untagged = names(scene).into_iter().filter_map(|name| facts.node_groups.groups.get(name));
    for group in untagged.filter(|group| !group.is_tagged(cluster)) {
        findings.push(
            Issue::warning(id::NOD_016, "an Auto Scaling group with old nodes lacks the cluster's tag")
                .at(&group.name)
                .why("the policy that eni-custom iam-policy prints allows changes only to groups with the tag")
                .fix(format!(
                    "aws autoscaling create-or-update-tags --tags ResourceId={},ResourceType=auto-scaling-group,Key=kubernetes.io/cluster/{cluster},Value=owned,PropagateAtLaunch=true",
                    group.name
                )),
        );
    }
}

/// Auto Scaling groups of the nodes that are drained.
fn names<'a>(scene: &'a Scene<'_>) -> BTreeSet<&'a str> {
    drained(scene).filter_map(|node| group(scene.facts, node)).collect()
}

/// Instances in a warm pool have already run their user data, so they join with the old max pods (Auto Scaling user
/// guide, "Warm pools"; eksctl#4347).
fn warm_pools(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    for name in names(scene) {
        let pool = scene.facts.node_groups.groups.get(name).and_then(|group| group.warm_pool.as_ref());
        let Some(pool) = pool else { continue };
        let reuse = match pool.reuse {
            true => "; drained instances return to the pool and are not terminated",
            false => "",
        };
        findings.push(
            Issue::warning(id::NOD_018, format!("Auto Scaling group {name} has a warm pool"))
                .at(name)
                .why(format!(
                    "its instances ({}) were initialized with the old max pods and join with it when the group grows{reuse}",
                    pool.state
                ))
                .fix(format!(
                    "aws autoscaling delete-warm-pool --auto-scaling-group-name {name} --force-delete"
                )),
        );
    }
}

/// The hook that EKS adds to the groups of managed node groups, and completes itself.
const OF_EKS: &str = "Terminate-LC-Hook";

/// The drain waits for lifecycle hooks, so they are reported.
fn hooks(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let there = &scene.facts.node_groups;
    for name in names(scene) {
        let command = format!("aws autoscaling describe-lifecycle-hooks --auto-scaling-group-name {name}");
        match there.hooks.get(name) {
            Some(Ok(hooks)) => {
                let own = hooks.iter().filter(|hook| there.manager(name).is_none() || hook.name != OF_EKS);
                for hook in own {
                    findings.push(
                        Issue::note(
                            id::NOD_019,
                            format!("lifecycle hook {} delays the termination of drained nodes", hook.name),
                        )
                        .at(name)
                        .why(format!(
                            "each instance waits in Terminating:Wait until the hook is completed, at most {} s without a heartbeat and {} s in total; the drain waits too",
                            hook.heartbeat, hook.longest
                        ))
                        .fix(format!("nothing to do if something completes the hook; {command} # shows it")),
                    );
                }
            }
            Some(Err(error)) => findings.push(
                Issue::note(
                    id::NOD_019,
                    "unknown whether lifecycle hooks delay the termination of drained nodes",
                )
                .at(name)
                .why(error)
                .fix(command),
            ),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::reported;
    use crate::facts::{AutoScalingGroup, Facts, Hook, WarmPool};
    use crate::sample::{facts, group_instance};

    use super::*;

    /// A managed node group has an old node.
    fn managed(status: &str, issues: &[&str]) -> Facts {
        let mut facts = facts();
        facts.nodes[0].instance_id = Some("i-1".into());
        let group = AutoScalingGroup {
            name: "eks-old".into(),
            instances: vec![group_instance("i-1", "a")],
            tags: [("kubernetes.io/cluster/shop".to_string(), "owned".to_string())].into(),
            ..AutoScalingGroup::default()
        };
        facts.node_groups.groups.insert(group.name.clone(), group);
        facts.node_groups.managed.push(ManagedNodeGroup {
            name: "old".into(),
            status: status.into(),
            min: 1,
            desired: 1,
            max: 3,
            groups: vec!["eks-old".into()],
            issues: issues.iter().map(ToString::to_string).collect(),
            settings: crate::facts::ManagedSettings::default(),
        });
        facts
    }

    #[test]
    fn a_managed_node_group_that_is_not_active_is_reported() {
        assert_eq!(reported(check, &managed("ACTIVE", &[]), &[]), [""; 0]);
        for status in ["UPDATING", "DEGRADED"] {
            let expected = format!("EC-NOD-017 Warning: managed node group old is {status}");
            assert_eq!(reported(check, &managed(status, &["AccessDenied: no"]), &[]), [expected]);
        }
        assert_eq!(reported(check, &managed("DEGRADED", &[]), &["--keep-old-nodes"]), [""; 0]);
    }

    #[test]
    fn warm_pools_and_hooks_are_reported_except_those_of_eks() {
        let mut facts = managed("ACTIVE", &[]);
        let hook = |name: &str| Hook { name: name.into(), heartbeat: 1800, longest: 172_800 };
        facts.node_groups.hooks.insert("eks-old".into(), Ok(vec![hook(OF_EKS)]));
        assert_eq!(reported(check, &facts, &[]), [""; 0]);
        facts.node_groups.hooks.insert("eks-old".into(), Ok(vec![hook(OF_EKS), hook("drain")]));
        let group = facts.node_groups.groups.get_mut("eks-old").unwrap();
        group.warm_pool = Some(WarmPool { state: "Stopped".into(), reuse: false });
        assert_eq!(
            reported(check, &facts, &[]),
            [
                "EC-NOD-018 Warning: Auto Scaling group eks-old has a warm pool",
                "EC-NOD-019 Note: lifecycle hook drain delays the termination of drained nodes"
            ]
        );
    }

    #[test]
    fn a_group_without_the_cluster_s_tag_is_reported() {
        let mut facts = managed("ACTIVE", &[]);
        let group = facts.node_groups.groups.get_mut("eks-old").unwrap();
        group.tags.clear();
        assert_eq!(
            reported(check, &facts, &[]),
            ["EC-NOD-016 Warning: an Auto Scaling group with old nodes lacks the cluster's tag"]
        );
        let group = facts.node_groups.groups.get_mut("eks-old").unwrap();
        group.tags.insert("k8s.io/cluster/shop".into(), String::new());
        assert_eq!(reported(check, &facts, &[]), [""; 0]);
    }
}
