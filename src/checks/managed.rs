//! Managed node groups as replacements: whether a pool can be one, and what is different then.

use std::collections::BTreeSet;

use crate::design::{CUSTOM_NETWORK, GroupKind, PoolDesign, RoleDesign};
use crate::facts::{ManagedNodeGroup, Owner};
use crate::fixes;
use crate::issue::{Issue, id};
use crate::scene::Scene;
use crate::settings::{ManagedImage, ReplaceWith};
use crate::step::Step;
use crate::steps::{BaseOutputs, node_group_template};
use crate::text::few;

use super::pools::{is_launched, source};

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    if scene.concerns(&[Step::DrainNodes]) {
        locked_out(scene, findings);
    }
    if !scene.concerns(&[Step::LaunchNodegroups]) {
        return;
    }
    for pool in &scene.design.pools {
        kept(scene, pool, findings);
        let GroupKind::Managed(image) = pool.kind else { continue };
        if is_launched(scene, pool) {
            continue;
        }
        possible(scene, pool, findings);
        match image {
            ManagedImage::Eks => switched_on(scene, pool, findings),
            ManagedImage::Own => own_image(pool, findings),
        }
    }
}

/// The first value that CloudFormation or EKS would refuse.
fn possible(scene: &Scene<'_>, pool: &PoolDesign, findings: &mut Vec<Issue>) {
    // The checks of images and instance types report these.
    if pool.machine.image.is_none() || pool.machine.types.is_empty() {
        return;
    }
    let base = BaseOutputs { security_group: "sg", role: Some("role"), instance_profile: Some("profile") };
    let render = |group| node_group_template(scene.design, scene.facts, (pool, group), base).err();
    let Some(error) = pool.groups.first().and_then(render) else { return };
    findings.push(
        Issue::error(id::NOD_061, format!("pool {} can't become a managed node group", pool.name))
            .at(source(pool))
            .why(error.reason().map_or_else(|| error.to_string(), |reason| reason.message.clone()))
            .fix(format!("--replace-with {}=self-managed", pool.name)),
    );
}

/// EKS computes max pods when it creates the node group, by aws-node's environment at that moment.
fn switched_on(scene: &Scene<'_>, pool: &PoolDesign, findings: &mut Vec<Issue>) {
    if scene.facts.cni.is_on(CUSTOM_NETWORK) || scene.concerns(&[Step::SetEnv]) {
        return;
    }
    findings.push(
        Issue::error(id::NOD_063, format!("custom networking is not on yet, so EKS would set wrong max pods for pool {}", pool.name))
            .at(CUSTOM_NETWORK)
            .why("EKS computes max pods by aws-node's environment when it creates a managed node group, and never again for its nodes")
            .fix(fixes::command(scene.facts, "set-env")),
    );
}

fn own_image(pool: &PoolDesign, findings: &mut Vec<Issue>) {
    let image = pool.machine.image.as_ref().map_or("?", |image| image.id.as_str());
    findings.push(
        Issue::note(id::NOD_062, format!("EKS will not update the image of the managed node group of pool {}", pool.name))
            .at(image)
            .why("its launch template names the image, so EKS neither chooses one nor writes user data")
            .fix("nothing to do now; for an update, create a launch template version with a newer image and user data that fits it"),
    );
}

/// Nodes that could no longer join once the old managed node groups are deleted. "If you delete a managed node group that
/// uses a node IAM role that isn't used by any other managed node group in the cluster, the role is removed from the
/// aws-auth ConfigMap" (EKS user guide, "Delete a managed node group"); an access entry goes the same way.
fn locked_out(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let Scene { design, facts, .. } = *scene;
    let (going, staying): (Vec<&ManagedNodeGroup>, Vec<&ManagedNodeGroup>) =
        facts.node_groups.managed.iter().partition(|group| design.deleted.contains(&group.name));
    let roles: BTreeSet<&String> = going.iter().filter_map(|group| group.settings.role.as_ref()).collect();
    for role in roles {
        let has_it =
            |pool: &&PoolDesign| matches!(&pool.mirror.role, RoleDesign::Existing { arn, .. } if arn == role);
        let (managed, own): (Vec<&PoolDesign>, Vec<&PoolDesign>) =
            design.pools.iter().filter(has_it).partition(|pool| pool.kind.is_managed());
        if !managed.is_empty() || staying.iter().any(|group| group.settings.role.as_ref() == Some(role)) {
            continue;
        }
        let old = facts.pools.iter().filter(|pool| !matches!(pool.owner, Owner::Managed(_)));
        let old = old.filter(|pool| pool.role.as_ref() == Some(role)).map(|pool| pool.name.clone());
        let pools: BTreeSet<String> = own.into_iter().map(|pool| pool.name.clone()).chain(old).collect();
        if pools.is_empty() {
            continue;
        }
        let pools: Vec<String> = pools.into_iter().collect();
        findings.push(
            Issue::error(
                id::NOD_065,
                format!("--delete-old-groups would lock the self-managed nodes of {} out of the cluster", few(&pools)),
            )
            .at(role)
            .why("they have the role of the deleted managed node groups; EKS lets it join only as long as a managed node group has it")
            .fix("--replace-with same, --node-role new, or leave out --delete-old-groups"),
        );
    }
}

/// A setting that differs from what an earlier run created.
fn kept(scene: &Scene<'_>, pool: &PoolDesign, findings: &mut Vec<Issue>) {
    let stack = |name: &String| scene.facts.node_groups.stacks.get(name);
    let Some(there) = pool.groups.iter().find_map(|group| stack(&group.stack)) else { return };
    if there.status.never_completed() {
        return;
    }
    let nodes = &scene.settings.nodes;
    let was_managed = pool.old.as_ref().is_some_and(|old| matches!(old.owner, Owner::Managed(_)));
    let other_kind = nodes.replace_with.of(&pool.name).filter(|wanted| {
        let managed = match wanted {
            ReplaceWith::SelfManaged => false,
            ReplaceWith::Managed => true,
            ReplaceWith::Same => was_managed,
        };
        managed != pool.kind.is_managed()
    });
    let other_image = nodes.managed_image.of(&pool.name).filter(|wanted| match pool.kind {
        GroupKind::Managed(image) => image != **wanted,
        GroupKind::SelfManaged => false,
    });
    let (flag, value) = match (other_kind, other_image) {
        (Some(kind), _) => ("replace-with", kind.to_string()),
        (None, Some(image)) => ("managed-image", image.to_string()),
        (None, None) => return,
    };
    findings.push(
        Issue::note(id::NOD_064, format!("the node groups of pool {} stay as they are", pool.name))
            .at(scene.settings.named(flag))
            .why(format!("an earlier run has created them, and node groups do not change to {value}"))
            .fix(format!(
                "nothing to do; to create others: {}, then setup with the flag",
                fixes::command(scene.facts, "undo")
            )),
    );
}

#[cfg(test)]
mod tests {
    use crate::checks::{found, reported};
    use crate::facts::{EksStatus, Facts, ManagedPool, ManagedSettings, TypeChoice};
    use crate::sample::{add_pool, facts};

    use super::*;

    /// A cluster with the pool `web`, a managed node group.
    fn cluster() -> Facts {
        let mut facts = facts();
        facts.nodes.clear();
        add_pool(&mut facts, "web", "m5.large", &["a"]);
        let pool = &mut facts.pools[0];
        pool.owner = Owner::Managed("web".into());
        pool.managed =
            Some(ManagedPool { ami_type: "AL2023_x86_64_STANDARD".into(), ..ManagedPool::default() });
        facts.machine.images = crate::sample::images();
        facts
    }

    #[test]
    fn a_managed_node_group_becomes_one_without_an_issue() {
        for arguments in [&[][..], &["--replace-with", "same"], &["--replace-with", "managed"]] {
            assert_eq!(reported(check, &cluster(), arguments), [""; 0], "{arguments:?}");
        }
    }

    #[test]
    fn what_eks_would_refuse_is_an_error_before_the_first_change() {
        let mut facts = cluster();
        let weighted = |weight| TypeChoice { name: "m5.large".into(), weight: Some(weight) };
        facts.pools[0].instances.types = vec![weighted(2)];
        let issues = found(check, &facts, &["--replace-with", "same"]);
        assert_eq!(issues.len(), 1, "{issues:?}");
        assert_eq!(issues[0].id, id::NOD_061);
        assert!(issues[0].why.contains("weights"), "{issues:?}");
        assert_eq!(issues[0].fix, "--replace-with web=self-managed");
        assert_eq!(reported(check, &facts, &[]), [""; 0]);
    }

    #[test]
    fn an_image_in_the_launch_template_is_the_owner_s_to_update() {
        let arguments = ["--replace-with", "same", "--managed-image", "own"];
        let note = "EC-NOD-062 Note: EKS will not update the image of the managed node group of pool web";
        assert_eq!(reported(check, &cluster(), &arguments), [note]);
    }

    #[test]
    fn no_node_is_locked_out_by_the_deletion_of_its_role_s_last_managed_node_group() {
        let mut facts = cluster();
        facts.pools[0].role = Some("arn:aws:iam::1:role/nodes".into());
        let role = facts.pools[0].role.clone();
        facts.node_groups.managed = vec![ManagedNodeGroup {
            name: "web".into(),
            status: EksStatus::Active,
            min: 1,
            desired: 1,
            max: 1,
            groups: Vec::new(),
            issues: Vec::new(),
            settings: ManagedSettings { role, ..ManagedSettings::default() },
        }];
        assert_eq!(reported(check, &facts, &[]), [""; 0]);
        let error = "EC-NOD-065 Error: --delete-old-groups would lock the self-managed nodes of web out of the cluster";
        assert_eq!(reported(check, &facts, &["--delete-old-groups"]), [error]);
        for arguments in [["--replace-with", "same"], ["--node-role", "new"]] {
            let arguments = [&arguments[..], &["--delete-old-groups"]].concat();
            assert_eq!(reported(check, &facts, &arguments), [""; 0], "{arguments:?}");
        }
    }

    #[test]
    fn eks_must_not_compute_max_pods_before_custom_networking_is_on() {
        let launch = |facts: &Facts| {
            let settings = crate::sample::settings(&["--replace-with", "same"]);
            let design = crate::design::design(&settings, facts);
            let goal = crate::goal::Goal::Step(Step::LaunchNodegroups);
            let scene = Scene { goal, settings: &settings, facts, design: &design };
            let mut findings = Vec::new();
            check(&scene, &mut findings);
            findings.iter().map(|issue| issue.id.as_str()).collect::<Vec<_>>()
        };
        let mut facts = cluster();
        assert_eq!(launch(&facts), ["EC-NOD-063"]);
        facts.cni.env = [(CUSTOM_NETWORK.to_string(), "true".to_string())].into();
        facts.record.pools = ["web".to_string()].into();
        assert_eq!(launch(&facts), [""; 0]);
    }
}
