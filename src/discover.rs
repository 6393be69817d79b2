//! Reads all facts that decisions depend on, with parallel calls. Changes nothing.

mod gaps;
mod groups;
mod integrations;
mod machine;
mod undo;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use gaps::Gaps;
use integrations::integrations;
use machine::{instance_types, machine_for, types_in_use};

use crate::aws::Aws;
use crate::clients::Clients;
use crate::design::undo::our_nodes;
use crate::design::{old_nodes, stack_name};
use crate::error::{Error, Result};
use crate::eviction::surge;
use crate::facts::{
    Authentication, Backends, Budget, Caller, Cluster, Cni, ControllerKind, Facts, InstanceState,
    Integrations, Interface, LoadBalancers, Machine, Node, NodeGroups, NodeKind, Part, Permissions, Pod,
    Quotas, Running, Stack, StatefulSets, Surge, UndoFacts, Volume, Vpc, same_groups,
};
use crate::goal::Goal;
use crate::k8s::{
    Kube, aws_auth, backends, cni, deployments, eniconfig, load_balancers, nodes, pods, record,
    stateful_sets, volumes, workloads,
};
use crate::net::cidr::DEFAULT_BLOCK_QUOTA;
use crate::net::firewall::Firewall;
use crate::settings::Settings;
use crate::tags::TAG_REPLACEMENT;

pub use gaps::Reading;

/// A part of the facts that can be read again on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Vpc,
    Cni,
    EniConfigs,
    NodeGroups,
    /// Nodes and the pods on them.
    Nodes,
    /// Security groups, network ACLs, and the backends that must be reachable.
    Reach,
}

impl Section {
    pub const ALL: [Section; 6] = [
        Section::Vpc,
        Section::Cni,
        Section::EniConfigs,
        Section::NodeGroups,
        Section::Nodes,
        Section::Reach,
    ];

    /// Sections that become visible with a delay; rules and webhooks do not change on their own.
    pub const WAITED_FOR: [Section; 5] =
        [Section::Vpc, Section::Cni, Section::EniConfigs, Section::NodeGroups, Section::Nodes];
}

/// Reads all facts.
pub async fn discover(
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
            Some(selector) => nodes::selected(&kube.client, selector).await.map(Some),
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
        (firewall, backends),
    ) = tokio::try_join!(
        vpc(aws, &cluster),
        cni(clients, &cluster, &gaps),
        gaps.read(Part::EniConfigs, eniconfig::read(&kube.client)),
        gaps.read(Part::NodeGroups, node_groups(clients, &cluster, goal, settings, BTreeSet::new())),
        nodes_and_pods(clients, &cluster, goal, &gaps),
        labelled,
        gaps.read(Part::Record, record::read(&kube.client, &cluster.arn)),
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
        cni,
        eniconfigs,
        node_groups,
        nodes: loaded.nodes,
        left_over: loaded.left_over,
        labelled_nodes,
        pods: loaded.pods,
        budgets: loaded.budgets,
        running: loaded.running,
        volumes: BTreeMap::new(),
        stateful_sets: StatefulSets::default(),
        load_balancers: LoadBalancers::default(),
        surges: Vec::new(),
        loose_interfaces: loaded.loose_interfaces,
        undo: goal.is_undo().then(|| UndoFacts { replacement_stacks, ..UndoFacts::default() }),
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
    facts.unread = gaps.unread();
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

/// Reads sections again. The machine depends on the nodes, so it is read again with them.
pub async fn refresh(
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
    let (vpc, cni, eniconfigs, node_groups, loaded, reach) = tokio::try_join!(
        only(reads(Section::Vpc), vpc(aws, cluster)),
        only(reads(Section::Cni), cni(clients, cluster, &gaps)),
        only(reads(Section::EniConfigs), eniconfig::read(&kube.client)),
        only(reads(Section::NodeGroups), node_groups(clients, cluster, goal, settings, names)),
        only(reads(Section::Nodes), nodes_and_pods(clients, cluster, goal, &gaps)),
        only(reads(Section::Reach), reach(clients, cluster, &gaps)),
    )?;
    let nodes_read = loaded.is_some();
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
    facts.cni = cni.unwrap_or_else(|| facts.cni.clone());
    facts.eniconfigs = eniconfigs.unwrap_or_else(|| facts.eniconfigs.clone());
    if let Some((node_groups, replacement_stacks)) = node_groups {
        if let Some(undo) = &mut facts.undo {
            undo.replacement_stacks = replacement_stacks;
        }
        let hooks = std::mem::take(&mut facts.node_groups.hooks);
        facts.node_groups = NodeGroups { hooks, ..node_groups };
    }
    if nodes_read {
        groups::named(aws, facts).await?;
        complete(clients, goal, settings, facts).await?;
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
    let (machine, (volumes, stateful_sets), load_balancers) = tokio::try_join!(
        machine_for(&clients.aws, goal, settings, facts),
        bindings(&clients.kube, &leaving, facts),
        async { Ok(load_balancers(&clients.kube, &leaving).await) },
    )?;
    facts.surges = surges(&clients.kube, settings, &leaving, facts).await?;
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

/// Volumes and StatefulSets of the pods on nodes that will be drained. Makes no call if the pods have neither.
async fn bindings(
    kube: &Kube,
    leaving: &BTreeSet<String>,
    facts: &Facts,
) -> Result<(BTreeMap<String, Volume>, StatefulSets)> {
    let moving = || facts.pods.iter().filter(|pod| leaving.contains(&pod.node));
    let claims: BTreeSet<String> = moving().flat_map(Pod::claims).collect();
    let sets: BTreeSet<String> = moving()
        .filter_map(|pod| Some((pod, pod.controlled_by(&ControllerKind::StatefulSet)?)))
        .map(|(pod, owner)| format!("{}/{}", pod.namespace, owner.name))
        .collect();
    tokio::try_join!(volumes::bound(&kube.client, &claims), stateful_sets::read(&kube.client, &sets))
}

/// Load balancers that forward to nodes that will be drained. If they can't be read, they are unknown.
async fn load_balancers(kube: &Kube, leaving: &BTreeSet<String>) -> LoadBalancers {
    if leaving.is_empty() {
        return LoadBalancers::default();
    }
    let unknown =
        |error: Error| LoadBalancers { unknown: Some(error.in_short()), ..LoadBalancers::default() };
    load_balancers::read(&kube.client).await.unwrap_or_else(unknown)
}

/// What could keep Deployments from having a second replica. If it can't be read, the drain finds out.
async fn surges(
    kube: &Kube,
    settings: &Settings,
    leaving: &BTreeSet<String>,
    facts: &Facts,
) -> Result<Vec<Surge>> {
    if !settings.drain.surge_singletons {
        return Ok(Vec::new());
    }
    match deployments::surges(&kube.client, &surge::singletons(facts, leaving)).await {
        Err(error) if error.code() == "Forbidden" => Ok(Vec::new()),
        surges => surges,
    }
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

/// Nodes and the pods on them.
struct NodesAndPods {
    nodes: Vec<Node>,
    left_over: Vec<Node>,
    pods: Vec<Pod>,
    budgets: Vec<Budget>,
    running: Running,
    loose_interfaces: Vec<Interface>,
}

async fn nodes_and_pods(
    clients: &Clients,
    cluster: &Cluster,
    goal: Goal,
    gaps: &Gaps,
) -> Result<NodesAndPods> {
    let Clients { aws, kube } = clients;
    let nodes = async {
        let (nodes, interfaces) = tokio::try_join!(
            nodes::list(&kube.client),
            gaps.read(Part::Interfaces, aws.ec2.pod_interfaces(&cluster.vpc_id)),
        )?;
        let (attached, loose): (Vec<_>, Vec<_>) = interfaces.into_iter().partition(|each| each.attached);
        let (nodes, left_over) = with_instances(aws, nodes, attached, gaps).await?;
        Ok::<_, Error>((nodes, left_over, loose))
    };
    let pods = async {
        tokio::try_join!(
            gaps.read(Part::Pods, pods::list(&kube.client)),
            gaps.read(Part::Pods, pods::budgets(&kube.client)),
        )
    };
    let running = async {
        match goal.is_undo() {
            // An undo is not verified, so the workloads are not needed.
            true => Ok(Running::default()),
            false => Ok(workloads::running(&kube.client).await),
        }
    };
    let ((nodes, left_over, loose_interfaces), (pods, budgets), running) =
        tokio::try_join!(nodes, pods, running)?;
    Ok(NodesAndPods { nodes, left_over, pods, budgets, running, loose_interfaces })
}

async fn vpc(aws: &Aws, cluster: &Cluster) -> Result<Vpc> {
    let id = &cluster.vpc_id;
    let quotas = async {
        // A missing permission here does not stop the run: AWS itself checks the quotas.
        Ok(aws.quotas.of_vpc().await.map_err(|error| error.in_short()))
    };
    let (blocks, subnets, route_tables, peerings, quotas) = tokio::try_join!(
        aws.ec2.vpc(id),
        aws.ec2.subnets(id),
        aws.ec2.route_tables(id),
        aws.ec2.peerings(id),
        quotas,
    )?;
    let quotas = Quotas::of(quotas);
    Ok(Vpc {
        id: id.clone(),
        owner: blocks.owner,
        primary: blocks.primary,
        blocks: blocks.blocks,
        subnets,
        route_tables,
        peerings,
        block_quota: quotas.blocks.map_or(DEFAULT_BLOCK_QUOTA, |blocks| blocks as usize),
        quotas,
    })
}

/// The caller may lack the permission for each of these calls. No change needs them, so the result is then unknown.
async fn reach(clients: &Clients, cluster: &Cluster, gaps: &Gaps) -> Result<(Firewall, Backends)> {
    let ec2 = &clients.aws.ec2;
    let (groups, acls, backends) = tokio::join!(
        ec2.security_groups(&cluster.vpc_id),
        ec2.network_acls(&cluster.vpc_id),
        backends::read(&clients.kube.client),
    );
    let mut firewall = Firewall::default();
    match groups {
        Ok(groups) => firewall.groups = groups,
        Err(error) => {
            gaps.note(Part::SecurityGroups, &error);
            firewall.groups_unknown = Some(error.in_short());
        }
    }
    match acls {
        Ok(acls) => firewall.acls = acls,
        Err(error) => firewall.acls_unknown = Some(error.in_short()),
    }
    let unknown = |error: Error| Backends { unknown: Some(error.in_short()), ..Backends::default() };
    Ok((firewall, backends.unwrap_or_else(unknown)))
}

/// The node groups, and the stacks of replacement node groups. `names`: Auto Scaling groups that are already known, with
/// or without the cluster's tag.
async fn node_groups(
    clients: &Clients,
    cluster: &Cluster,
    goal: Goal,
    settings: &Settings,
    names: BTreeSet<String>,
) -> Result<(NodeGroups, BTreeMap<String, Stack>)> {
    let aws = &clients.aws;
    let entries = async {
        match cluster.authentication {
            // EKS refuses to list access entries in authentication mode CONFIG_MAP.
            Authentication::ConfigMap => Ok(BTreeMap::new()),
            _ => aws.eks.access_entries(&cluster.name).await,
        }
    };
    let (stacks, groups, managed, access_entries, (aws_auth, aws_auth_holder)) = tokio::try_join!(
        stacks(clients, cluster, goal, settings),
        aws.autoscaling.groups(&cluster.name, &names),
        aws.eks.managed_node_groups(&cluster.name),
        entries,
        aws_auth::map_roles(&clients.kube.client),
    )?;
    let (replacement_stacks, stacks) =
        stacks.into_iter().partition(|(_, stack)| stack.tags.contains_key(TAG_REPLACEMENT));
    let node_groups = NodeGroups {
        stacks,
        groups,
        managed,
        access_entries,
        aws_auth,
        aws_auth_holder,
        ..NodeGroups::default()
    };
    Ok((node_groups, replacement_stacks))
}

/// The stacks that a design of this cluster could name: one for each zone of the region, and one for each existing
/// ENIConfig, because its name may be adopted.
async fn stacks(
    clients: &Clients,
    cluster: &Cluster,
    goal: Goal,
    settings: &Settings,
) -> Result<BTreeMap<String, Stack>> {
    let aws = &clients.aws;
    if goal.is_undo() {
        return undo::stacks(aws, cluster).await;
    }
    let zones = aws.ec2.zones().await?;
    let eniconfigs = eniconfig::read(&clients.kube.client).await.unwrap_or_default().items;
    let mut names: BTreeSet<String> = [stack_name(&cluster.name, "base")].into();
    names.extend(eniconfigs.iter().map(|config| stack_name(&cluster.name, &config.name)));
    names.extend(zones.iter().map(|zone| {
        let eniconfig = settings.cni.eniconfig_names.get(zone).unwrap_or(zone);
        stack_name(&cluster.name, eniconfig)
    }));
    let found = try_join_all(names.iter().map(|name| aws.cloudformation.stack(name))).await?;
    Ok(found.into_iter().flatten().map(|stack| (stack.name.clone(), stack)).collect())
}

/// Adds EC2 data to the nodes, and separates Nodes whose instances are gone.
async fn with_instances(
    aws: &Aws,
    mut nodes: Vec<Node>,
    interfaces: Vec<Interface>,
    gaps: &Gaps,
) -> Result<(Vec<Node>, Vec<Node>)> {
    let ids: Vec<String> = nodes.iter().filter_map(|node| node.instance_id.clone()).collect();
    let instances = gaps.read(Part::Instances, aws.ec2.instances(&ids)).await?;
    let mut attached: BTreeMap<String, Vec<Interface>> = BTreeMap::new();
    for interface in interfaces {
        attached.entry(interface.instance.clone()).or_default().push(interface);
    }
    for node in &mut nodes {
        let Some(id) = &node.instance_id else { continue };
        if let Some(instance) = instances.get(id) {
            node.subnet = Some(instance.subnet.clone());
            node.security_groups = instance.security_groups.clone();
            node.group = instance.group.clone();
            node.primary_addresses = instance.pod_addresses;
        }
        node.interfaces = attached.remove(id).unwrap_or_default();
        node.pod_subnets = node.interfaces.iter().map(|interface| interface.subnet.clone()).collect();
        node.pod_addresses = node.interfaces.iter().map(|interface| interface.addresses).sum();
    }
    // The cloud controller deletes the Node of a terminated instance. A Node that still exists long after its kubelet
    // stopped reporting is left over. If no instance was read at all, nothing is known.
    let is_left_over = |node: &Node| {
        let known = node.instance_id.as_ref().map(|id| instances.get(id).map(|known| &known.state));
        let gone = matches!(known, Some(None | Some(InstanceState::Terminated)));
        gone && node.kind == NodeKind::Ec2 && node.is_unreachable() && !instances.is_empty()
    };
    let left_over: Vec<Node> = nodes.extract_if(.., |node| is_left_over(node)).collect();
    // The Node of a terminated instance still exists for a moment.
    nodes.retain(|node| {
        let state =
            node.instance_id.as_ref().and_then(|id| instances.get(id)).map(|instance| &instance.state);
        !matches!(state, Some(InstanceState::Terminated | InstanceState::ShuttingDown))
    });
    Ok((nodes, left_over))
}
