//! Reads all facts that decisions depend on, with parallel calls. Changes nothing.

mod gaps;
mod groups;
mod integrations;
mod leaving;
mod machine;
mod network;
mod nodes;
mod pools;
mod undo;

use std::collections::{BTreeMap, BTreeSet};

use gaps::Gaps;
use groups::node_groups;
use integrations::integrations;
use machine::{instance_types, machine_for, types_in_use};
use network::{reach, vpc};
use nodes::{NodesAndPods, nodes_and_pods};

use crate::clients::Clients;
use crate::design::old_nodes;
use crate::design::undo::our_nodes;
use crate::error::Result;
use crate::facts::{
    Caller, Cluster, Cni, Facts, Integrations, Launches, LoadBalancers, Machine, NodeGroups, Part,
    Permissions, StatefulSets, UndoFacts, same_groups,
};
use crate::goal::Goal;
use crate::k8s::{cni, eniconfig, karpenter, nodes as kube_nodes, record};
use crate::settings::Settings;
use crate::step::Step;

pub(crate) use gaps::Reading;

/// A part of the facts that can be read again on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Vpc,
    Cni,
    EniConfigs,
    NodeGroups,
    /// Nodes and the pods on them.
    Nodes,
    Karpenter,
    /// Security groups, network ACLs, and the backends that must be reachable.
    Reach,
}

impl Section {
    pub(crate) const ALL: [Section; 7] = [
        Section::Vpc,
        Section::Cni,
        Section::EniConfigs,
        Section::NodeGroups,
        Section::Nodes,
        Section::Karpenter,
        Section::Reach,
    ];

    /// Sections that become visible with a delay; rules and webhooks do not change on their own.
    pub(crate) const WAITED_FOR: [Section; 5] =
        [Section::Vpc, Section::Cni, Section::EniConfigs, Section::NodeGroups, Section::Nodes];
}

/// Reads all facts.
pub(crate) async fn discover(
    clients: &Clients,
    goal: Goal,
    settings: &Settings,
    caller: Caller,
    cluster: Cluster,
    reading: Reading,
) -> Result<Facts> {
    let Clients { aws, kube } = clients;
    let gaps = Gaps::new(reading);
    let labelled = async {
        match &settings.drain.selector {
            Some(selector) => kube_nodes::selected(&kube.client, selector).await.map(Some),
            None => Ok(None),
        }
    };
    let (
        vpc,
        cni,
        eniconfigs,
        (node_groups, replacement_stacks),
        loaded,
        labelled_nodes,
        record,
        karpenter,
        (firewall, backends),
    ) = tokio::try_join!(
        vpc(aws, &cluster),
        cni(clients, &cluster, &gaps),
        gaps.read(Part::EniConfigs, eniconfig::read(&kube.client)),
        gaps.read(Part::NodeGroups, node_groups(clients, &cluster, goal, settings, BTreeSet::new())),
        nodes_and_pods(clients, &cluster, goal, &gaps),
        labelled,
        gaps.read(Part::Record, record::read(&kube.client, &cluster.arn)),
        gaps.read(Part::Karpenter, karpenter::read(&kube.client)),
        reach(clients, &cluster, &gaps),
    )?;
    let mut facts = Facts {
        caller,
        permissions: Permissions::default(),
        cluster,
        vpc,
        firewall,
        backends,
        integrations: Integrations::default(),
        machine: Machine::default(),
        karpenter,
        cni,
        eniconfigs,
        node_groups,
        nodes: loaded.nodes,
        left_over: loaded.left_over,
        labelled_nodes,
        pools: Vec::new(),
        launches: Launches::default(),
        pods: loaded.pods,
        budgets: loaded.budgets,
        running: loaded.running,
        volumes: BTreeMap::new(),
        stateful_sets: StatefulSets::default(),
        load_balancers: LoadBalancers::default(),
        surges: Vec::new(),
        loose_interfaces: loaded.loose_interfaces,
        undo: goal.undo().map(|undo| UndoFacts {
            ends_custom_networking: undo.covers(Step::SetEnv),
            replacement_stacks,
            ..UndoFacts::default()
        }),
        record,
        unread: BTreeMap::new(),
    };
    gaps.read(Part::NodeGroups, groups::named(aws, &mut facts)).await?;
    if let Some(undo) = &mut facts.undo {
        undo.occupants = undo::occupants(clients, &facts.cluster, &facts.vpc).await?;
    }
    match reading {
        Reading::Whole => {
            let integrations = async {
                match goal.is_undo() {
                    // Undo restores the earlier state, which worked with these autoscalers and policies.
                    true => Ok(Integrations::default()),
                    false => Ok(integrations(clients).await),
                }
            };
            (_, facts.integrations) =
                tokio::try_join!(complete(clients, goal, settings, &mut facts), integrations)?;
        }
        // A read-only command starts no node and moves no pod.
        Reading::Partial => {
            let names = types_in_use(&facts);
            let types = gaps.read(Part::InstanceTypes, instance_types(aws, &names));
            facts.machine.types = types.await?;
        }
    }
    facts.unread.extend(gaps.unread());
    claim_eniconfigs(&mut facts);
    Ok(facts)
}

/// ENIConfigs created by the add-on do not have our label; the record says which of them are ours.
fn claim_eniconfigs(facts: &mut Facts) {
    let named = facts.addon_values().map(|values| values.eniconfigs()).unwrap_or_default();
    for config in &mut facts.eniconfigs.items {
        let by_addon = named.contains(&config.name) || facts.eniconfigs.by_eks.contains(&config.name);
        let Some(before) = facts.record.eniconfigs.get(&config.name).filter(|_| by_addon) else { continue };
        // An ENIConfig that is as recorded before our change is not ours.
        let as_before = before.as_ref().is_some_and(|before| {
            before.subnet == config.subnet && same_groups(&before.security_groups, &config.security_groups)
        });
        config.ours |= !as_before;
    }
}

/// Reads sections again. The machine depends on the nodes, so it is read again with them; pools are made again with nodes
/// and node groups.
pub(crate) async fn refresh(
    clients: &Clients,
    goal: Goal,
    settings: &Settings,
    facts: &mut Facts,
    sections: &[Section],
) -> Result<()> {
    let Clients { aws, kube } = clients;
    let cluster = &facts.cluster;
    let reads = |section| sections.contains(&section);
    let gaps = Gaps::new(Reading::Whole);
    let names = facts.group_names().collect();
    let (vpc, cni, eniconfigs, node_groups, loaded, karpenter, reach) = tokio::try_join!(
        only(reads(Section::Vpc), vpc(aws, cluster)),
        only(reads(Section::Cni), cni(clients, cluster, &gaps)),
        only(reads(Section::EniConfigs), eniconfig::read(&kube.client)),
        only(reads(Section::NodeGroups), node_groups(clients, cluster, goal, settings, names)),
        only(reads(Section::Nodes), nodes_and_pods(clients, cluster, goal, &gaps)),
        only(reads(Section::Karpenter), karpenter::read(&kube.client)),
        only(reads(Section::Reach), reach(clients, cluster, &gaps)),
    )?;
    let (nodes_read, groups_read) = (loaded.is_some(), node_groups.is_some());
    if let Some(NodesAndPods { nodes, left_over, pods, budgets, running, loose_interfaces }) = loaded {
        facts.running = running;
        (facts.nodes, facts.left_over) = (nodes, left_over);
        (facts.pods, facts.budgets) = (pods, budgets);
        facts.loose_interfaces = loose_interfaces;
    }
    if let Some(reach) = reach {
        (facts.firewall, facts.backends) = reach;
    }
    if let Some(vpc) = vpc {
        if let Some(undo) = &mut facts.undo {
            undo.occupants = undo::occupants(clients, &facts.cluster, &vpc).await?;
        }
        facts.vpc = vpc;
    }
    facts.karpenter = karpenter.unwrap_or_else(|| facts.karpenter.clone());
    facts.cni = cni.unwrap_or_else(|| facts.cni.clone());
    facts.eniconfigs = eniconfigs.unwrap_or_else(|| facts.eniconfigs.clone());
    if let Some((node_groups, replacement_stacks)) = node_groups {
        if let Some(undo) = &mut facts.undo {
            undo.replacement_stacks = replacement_stacks;
        }
        let hooks = std::mem::take(&mut facts.node_groups.hooks);
        facts.node_groups = NodeGroups { hooks, ..node_groups };
    }
    if sections == Section::ALL {
        facts.launches = Launches::default();
    }
    if nodes_read {
        groups::named(aws, facts).await?;
        complete(clients, goal, settings, facts).await?;
    } else if groups_read && !goal.is_undo() {
        let launches = pools::launches(aws, facts).await?;
        take_pools(facts, launches);
    }
    if sections == Section::ALL {
        facts.record = record::read(&kube.client, &facts.cluster.arn).await?;
    }
    claim_eniconfigs(facts);
    Ok(())
}

/// Reads what depends on the nodes.
async fn complete(clients: &Clients, goal: Goal, settings: &Settings, facts: &mut Facts) -> Result<()> {
    // Nodes that may be drained.
    let leaving = if goal.is_undo() { our_nodes(facts) } else { old_nodes(facts) };
    // Undo starts the old groups again, as they are.
    if !goal.is_undo() {
        let launches = pools::launches(&clients.aws, facts).await?;
        take_pools(facts, launches);
        facts.launches.policies = pools::policies(&clients.aws, settings, facts).await;
    }
    // The pools say which instance types and images the new nodes need.
    let (machine, (volumes, stateful_sets), load_balancers) = tokio::try_join!(
        machine_for(&clients.aws, goal, settings, facts),
        leaving::bindings(&clients.kube, &leaving, facts),
        async { Ok(leaving::load_balancers(&clients.kube, &leaving).await) },
    )?;
    facts.surges = leaving::surges(&clients.kube, settings, &leaving, facts).await?;
    facts.load_balancers = load_balancers;
    (facts.machine, facts.volumes, facts.stateful_sets) = (machine, volumes, stateful_sets);
    if goal.is_undo() {
        let images = undo::images(&clients.aws, settings, facts).await;
        let image_trouble = undo::image_trouble(&clients.aws, facts).await;
        facts.undo = facts.undo.take().map(|undo| UndoFacts { images, image_trouble, ..undo });
    } else {
        facts.node_groups.hooks = groups::hooks(&clients.aws, facts).await;
    }
    Ok(())
}

/// Makes the pools of what is known now. If a part could not be read, that is noted: the pools are not complete.
fn take_pools(facts: &mut Facts, launches: Launches) {
    facts.unread.remove(&Part::Pools);
    facts.unread.extend(pools::unread(&launches));
    facts.launches = launches;
    facts.pools = pools::pools(facts);
}

async fn only<T>(wanted: bool, read: impl Future<Output = Result<T>>) -> Result<Option<T>> {
    if wanted { read.await.map(Some) } else { Ok(None) }
}

async fn cni(clients: &Clients, cluster: &Cluster, gaps: &Gaps) -> Result<Cni> {
    let (cni, addon) = tokio::try_join!(
        gaps.read(Part::Cni, cni::read(&clients.kube.client)),
        gaps.read(Part::Addon, clients.aws.eks.addon(&cluster.name)),
    )?;
    Ok(Cni { addon, ..cni })
}
