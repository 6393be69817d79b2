//! Which of the table's actions a plan at hand will lead to. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{ACTIONS, Action, Grant, Names, Need, Only};
use crate::design::{Design, RouteChoice};
use crate::drain::owner::{Owner, owner};
use crate::facts::{Authentication, Facts};
use crate::settings::Settings;
use crate::steps::Step;

/// Actions by name, with what each is judged on. What every run reads was allowed already, and what only a failure
/// needs is left out.
pub fn planned(
    design: &Design,
    facts: &Facts,
    settings: &Settings,
    steps: &[Step],
) -> BTreeMap<&'static str, BTreeSet<Grant>> {
    let owners = owners(design, facts);
    let is_called = |action: &&Action| {
        let Need::In(of) = action.need else { return false };
        of.iter().any(|step| steps.contains(step))
            && match action.only {
                Only::Always => true,
                Only::Addon => facts.cni.addon.is_some(),
                Only::AccessEntries => facts.cluster.authentication != Authentication::ConfigMap,
                Only::Managed => owners.iter().any(|owner| matches!(owner, Owner::Managed(_))),
                Only::Groups => owners.iter().any(|owner| matches!(owner, Owner::Group(_))),
                Only::Owned => {
                    owners.iter().any(|owner| matches!(owner, Owner::Managed(_) | Owner::Group(_)))
                }
                Only::Unowned => settings.terminate_unowned && owners.contains(&Owner::Nobody),
                Only::Trouble => false,
            }
    };
    // The simulator takes no wildcards, and whether one may ask it shows when it is asked.
    let can_be_asked =
        |action: &&Action| !action.name.contains('*') && action.grants != [Grant::OwnPermissions];
    let mut planned: BTreeMap<&'static str, BTreeSet<Grant>> = BTreeMap::new();
    for action in ACTIONS.iter().filter(is_called).filter(can_be_asked) {
        planned.entry(action.name).or_default().extend(action.grants);
    }
    planned
}

/// The cluster's own names, for ARNs.
pub fn names(design: &Design, facts: &Facts) -> Names {
    let owners = owners(design, facts);
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
    Names {
        cluster: Some(facts.cluster.name.clone()),
        region: Some(facts.caller.region.clone()),
        account: Some(facts.caller.account.clone()),
        vpc: Some(facts.vpc.id.clone()),
        route_tables: tables.collect::<BTreeSet<String>>().into_iter().collect(),
        groups: own.chain(managed.iter().flat_map(of_managed)).collect(),
        managed,
    }
}

fn owners(design: &Design, facts: &Facts) -> BTreeSet<Owner> {
    let drained = facts.nodes.iter().filter(|node| design.drained.contains(&node.name));
    drained.map(|node| owner(facts, node)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::design;
    use crate::sample;

    fn of(arguments: &[&str], steps: &[Step], change: impl FnOnce(&mut Facts)) -> BTreeSet<&'static str> {
        let settings = sample::settings(arguments);
        let mut facts = sample::facts();
        change(&mut facts);
        let design = design(&settings, &facts);
        planned(&design, &facts, &settings, steps).into_keys().collect()
    }

    #[test]
    fn nothing_to_change_needs_nothing() {
        assert!(of(&[], &[], |_| {}).is_empty());
        assert!(of(&[], &[Step::DetectCni], |_| {}).is_empty());
    }

    #[test]
    fn what_the_cluster_has_decides() {
        let all = of(&[], &Step::DOCUMENTED, |_| {});
        assert!(all.contains("eks:CreateAccessEntry") && all.contains("iam:PassRole"), "{all:?}");
        // Neither an add-on nor an owner of nodes is there; failures are not planned.
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
    fn every_planned_action_can_be_asked_about() {
        let names =
            Names { cluster: Some("shop".into()), region: Some("eu-west-1".into()), ..Names::default() };
        for action in ACTIONS.iter().filter(|action| action.grants != [Grant::OwnPermissions]) {
            assert!(action.grants.iter().any(|grant| grant.probe(&names).is_some()), "{action:?}");
        }
    }
}
