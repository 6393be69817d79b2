//! The actions of the table that a plan will call. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::design::replacement;
use crate::design::undo::our_nodes;
use crate::design::{Design, RouteChoice};
use crate::facts::{Authentication, Facts, Owner, Stack, owner};
use crate::scene::Scene;
use crate::step::Step;
use crate::tags::{MANAGED, TAG_ENICONFIG, TAG_KIND};

use super::{Action, Grant, Names, Need, Only, all};

/// Actions by name, with the grants that IAM evaluates. Excludes what every run reads, since that was already allowed,
/// and what only a failure needs. `steps`: those of the goal that have changes.
pub(crate) fn planned(scene: &Scene<'_>, steps: &[Step]) -> BTreeMap<&'static str, BTreeSet<Grant>> {
    let Scene { design, facts, settings, .. } = *scene;
    let owners = owners(scene);
    let replaces =
        scene.goal.is_undo() && steps.contains(&Step::DrainNodes) && replacement::is_needed(design, facts);
    let of_steps = |need: Need| match (need, scene.undo()) {
        (Need::Discovery | Need::DiscoverySetup | Need::DiscoveryUndo, _) => false,
        (Need::In { setup, .. }, None) => setup.iter().any(|step| steps.contains(step)),
        (Need::In { setup, undo }, Some(_)) => {
            undo.iter().any(|step| steps.contains(step))
                || (replaces && setup.contains(&Step::LaunchNodegroups))
        }
    };
    let is_called = |action: &&Action| {
        of_steps(action.need)
            && match action.only {
                Only::Always => true,
                Only::Addon => facts.cni.addon.is_some(),
                Only::AddonEniconfigs => facts.addon_creates_eniconfigs(),
                Only::AddonRole => addon_role(facts).is_some(),
                Only::AccessEntries => facts.cluster.authentication != Authentication::ConfigMap,
                Only::NewRole => design.creates_role(),
                Only::OtherRole => !facts.launches.policies.is_empty(),
                Only::NewProfile => design.creates_profile(),
                Only::NewManaged => has_kind(scene, true),
                Only::NewGroups => has_kind(scene, false),
                Only::Hooks => has_property(design, "LifecycleHookSpecificationList"),
                Only::Notifications => has_property(design, "NotificationConfigurations"),
                Only::Metrics => has_property(design, "MetricsCollection"),
                Only::Managed => owners.iter().any(|owner| matches!(owner, Owner::Managed(_))),
                Only::Owned => {
                    owners.iter().any(|owner| matches!(owner, Owner::Managed(_) | Owner::Group(_)))
                }
                Only::Unowned => settings.drain.terminate_unowned && owners.contains(&Owner::Unowned),
                Only::OldGroups => !design.deleted.is_empty(),
                Only::Trouble | Only::NewManagedRarely => false,
                Only::StacksStay => stacks_stay(scene),
                Only::ManagedStacksStay => stacks_stay(scene) && has_kind(scene, true),
            }
    };
    // The simulator accepts no wildcards, and calling it shows whether calling it is allowed.
    let can_be_asked =
        |action: &&Action| !action.name.contains('*') && action.grants != [Grant::OwnPermissions];
    let mut planned: BTreeMap<&'static str, BTreeSet<Grant>> = BTreeMap::new();
    for action in all().filter(is_called).filter(can_be_asked) {
        planned.entry(action.name).or_default().extend(action.grants);
    }
    planned
}

/// The cluster's own names, for ARNs.
pub(crate) fn names(scene: &Scene<'_>) -> Names {
    let Scene { design, facts, .. } = *scene;
    let owners = owners(scene);
    let tables = design.zones.iter().filter_map(|zone| match &zone.route_table {
        RouteChoice::Table(id) => Some(id.clone()),
        RouteChoice::None(_) => None,
    });
    let of_managed = |name: &String| {
        let managed = facts.node_groups.managed.iter().find(|group| group.name == *name);
        managed.map(|group| group.groups.clone()).unwrap_or_default()
    };
    let managed: Vec<String> = owners
        .iter()
        .filter_map(|owner| match owner {
            Owner::Managed(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    let own = owners.iter().filter_map(|owner| match owner {
        Owner::Group(name) => Some(name.clone()),
        _ => None,
    });
    let owned: Vec<String> = own.chain(managed.iter().flat_map(of_managed)).collect();
    Names {
        cluster: Some(facts.cluster.name.clone()),
        region: Some(facts.caller.region.clone()),
        account: Some(facts.caller.account.clone()),
        vpc: Some(facts.vpc.id.clone()),
        route_tables: tables.collect::<BTreeSet<String>>().into_iter().collect(),
        untagged: owned.iter().any(|name| {
            let group = facts.node_groups.groups.get(name);
            group.is_some_and(|group| !group.is_tagged(&facts.cluster.name))
        }),
        groups: owned,
        managed,
        addon_role: addon_role(facts),
        role_path: scene.settings.nodes.role_path.clone(),
        node_roles: design.existing_roles().map(ToString::to_string).collect(),
    }
}

fn stacks_stay(scene: &Scene<'_>) -> bool {
    scene.undo().is_some_and(|undo| !undo.covers(Step::LaunchNodegroups))
}

/// Whether there are new node groups of this kind; for undo, those that exist.
fn has_kind(scene: &Scene<'_>, managed: bool) -> bool {
    if !scene.goal.is_undo() {
        return scene.design.pools.iter().any(|pool| pool.kind.is_managed() == managed);
    }
    // Replacements of old groups that are gone are self-managed.
    let stacks = scene.facts.node_groups.stacks.values();
    let is_managed = |stack: &Stack| stack.tags.get(TAG_KIND).is_some_and(|kind| kind == MANAGED);
    let is_of_group = |stack: &&Stack| stack.tags.contains_key(TAG_ENICONFIG);
    !managed || stacks.filter(is_of_group).any(is_managed)
}

/// Whether a new group has this property, because the old one has.
fn has_property(design: &Design, name: &str) -> bool {
    design.pools.iter().any(|pool| pool.mirror.group.contains_key(name))
}

fn addon_role(facts: &Facts) -> Option<String> {
    facts.cni.addon.as_ref().and_then(|addon| addon.role.clone())
}

/// The owners of the drained nodes; for undo also the groups that are scaled up again.
fn owners(scene: &Scene<'_>) -> BTreeSet<Owner> {
    let Scene { design, facts, .. } = *scene;
    let undoing = scene.goal.is_undo();
    let drained = if undoing { our_nodes(facts) } else { design.drained.clone() };
    let drained = facts.nodes.iter().filter(|node| drained.contains(&node.name));
    let mut owners: BTreeSet<Owner> = drained.map(|node| owner(facts, node)).collect();
    if undoing {
        let is_there = |name: &&String| facts.node_groups.groups.contains_key(*name);
        let groups = facts.record.group_names().filter(is_there);
        owners.extend(groups.map(|name| match facts.node_groups.manager(name) {
            Some(managed) => Owner::Managed(managed.name.clone()),
            None => Owner::Group(name.clone()),
        }));
        owners.extend(facts.record.managed.keys().cloned().map(Owner::Managed));
    }
    owners
}

#[cfg(test)]
mod tests {
    use crate::design::design;
    use crate::goal::{Goal, Undo};
    use crate::sample;

    use super::*;

    fn of(arguments: &[&str], steps: &[Step], change: impl FnOnce(&mut Facts)) -> BTreeSet<&'static str> {
        let settings = sample::settings(arguments);
        let mut facts = sample::facts();
        change(&mut facts);
        let design = design(&settings, &facts);
        let scene = Scene { goal: Goal::Setup, settings: &settings, facts: &facts, design: &design };
        planned(&scene, steps).into_keys().collect()
    }

    #[test]
    fn no_change_needs_no_permission() {
        assert!(of(&[], &[], |_| {}).is_empty());
        assert!(of(&[], &[Step::DetectCni], |_| {}).is_empty());
    }

    #[test]
    fn the_cluster_decides_which_actions_are_planned() {
        let all = of(&[], &Step::DOCUMENTED, |_| {});
        assert!(all.contains("eks:CreateAccessEntry") && all.contains("iam:PassRole"), "{all:?}");
        // The sample has no add-on and no owner of nodes; failures are not planned.
        for action in
            ["eks:UpdateAddon", "eks:UpdateNodegroupConfig", "ec2:TerminateInstances", "iam:DeleteRole"]
        {
            assert!(!all.contains(action), "{action}");
        }
        let config_map = |facts: &mut Facts| facts.cluster.authentication = Authentication::ConfigMap;
        assert!(!of(&[], &Step::DOCUMENTED, config_map).contains("eks:CreateAccessEntry"));
        assert!(of(&["--terminate-unowned"], &[Step::DrainNodes], |_| {}).contains("ec2:TerminateInstances"));
    }

    #[test]
    fn the_role_of_the_add_on_is_simulated_by_its_arn() {
        let role = "arn:aws:iam::1:role/vpc-cni".to_string();
        let mut facts = sample::facts();
        facts.cni.addon = Some(sample::addon(""));
        let settings = sample::settings(&[]);
        let passes = |facts: &Facts| {
            let design = design(&settings, facts);
            let scene = Scene { goal: Goal::Setup, settings: &settings, facts, design: &design };
            let grants = planned(&scene, &[Step::SetEnv]).remove("iam:PassRole")?;
            let names = names(&scene);
            Some(
                grants
                    .into_iter()
                    .filter_map(|grant| grant.probe(&names))
                    .flat_map(|probe| probe.arns)
                    .collect(),
            )
        };
        assert_eq!(passes(&facts), None);
        facts.cni.addon = Some(crate::facts::Addon { role: Some(role.clone()), ..sample::addon("") });
        assert_eq!(passes(&facts), Some(vec![role]));
    }

    #[test]
    fn undo_needs_what_deletes_resources_and_not_what_creates_them() {
        let of = |undo: Undo, change: &dyn Fn(&mut Facts)| {
            let settings = sample::settings(&[]);
            let mut facts = sample::facts();
            change(&mut facts);
            let design = design(&settings, &facts);
            let goal = Goal::Undo(undo);
            let scene = Scene { goal, settings: &settings, facts: &facts, design: &design };
            planned(&scene, &scene.steps()).into_keys().collect::<BTreeSet<_>>()
        };
        let whole = of(Undo::WHOLE, &|_| {});
        for action in ["ec2:DeleteSubnet", "iam:DeleteRole", "cloudformation:DeleteStack"] {
            assert!(whole.contains(action), "{action}");
        }
        for action in ["ec2:CreateSubnet", "cloudformation:UpdateStack", "ec2:RunInstances", "iam:CreateRole"]
        {
            assert!(!whole.contains(action), "{action}");
        }
        let to_step_7 = Undo::DownTo { last: 7, keep_nodes: false };
        assert!(of(to_step_7, &|_| {}).contains("cloudformation:UpdateStack"));
        let gone = |facts: &mut Facts| sample::old_group_gone(facts);
        assert!(of(Undo::WHOLE, &gone).contains("iam:CreateRole"));
    }

    #[test]
    fn every_planned_action_can_be_simulated() {
        let names =
            Names { cluster: Some("shop".into()), addon_role: Some("arn".into()), ..Names::default() };
        for action in all().filter(|action| action.grants != [Grant::OwnPermissions]) {
            assert!(action.grants.iter().any(|grant| grant.probe(&names).is_some()), "{action:?}");
        }
    }
}
