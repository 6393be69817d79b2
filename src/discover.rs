//! Reads everything that decisions are taken from. Changes nothing; calls that can go side by side do.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use crate::aws::ec2::PodInterface;
use crate::aws::{Aws, TAG_CLUSTER};
use crate::design::{old_nodes, stack_name, wanted_type};
use crate::error::Result;
use crate::facts::{
    Authentication, Budget, Caller, Cluster, Cni, Facts, Interface, Machine, Node, NodeGroups, Pod, Stack,
    Vpc,
};
use crate::k8s::{Kube, aws_auth, cni, eniconfig, nodes, pods, record, stateful_sets, volumes};
use crate::net::cidr::DEFAULT_BLOCK_QUOTA;
use crate::net::max_pods::Architecture;
use crate::nodes::user_data::ami_parameter;
use crate::settings::Settings;
use crate::walk::Clients;

/// A part of the facts that can be read anew by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Vpc,
    Cni,
    EniConfigs,
    NodeGroups,
    /// Nodes and what stands on them.
    Nodes,
}

impl Section {
    pub const ALL: [Section; 5] =
        [Section::Vpc, Section::Cni, Section::EniConfigs, Section::NodeGroups, Section::Nodes];
}

/// Everything, as it is now.
pub async fn discover(
    clients: &Clients,
    settings: &Settings,
    caller: Caller,
    cluster: Cluster,
) -> Result<Facts> {
    let Clients { aws, kube } = clients;
    let labelled = async {
        match &settings.nodes {
            Some(selector) => nodes::selected(&kube.client, selector).await.map(Some),
            None => Ok(None),
        }
    };
    let (vpc, cni, eniconfigs, node_groups, (nodes, pods, budgets), labelled_nodes, record) = tokio::try_join!(
        vpc(aws, &cluster),
        cni(clients, &cluster),
        eniconfig::read(&kube.client),
        node_groups(clients, &cluster, settings),
        nodes_and_pods(clients, &cluster),
        labelled,
        record::read(&kube.client),
    )?;
    let mut facts = Facts {
        caller,
        cluster,
        vpc,
        machine: Machine::default(),
        cni,
        eniconfigs,
        node_groups,
        nodes,
        labelled_nodes,
        pods,
        budgets,
        volumes: BTreeMap::new(),
        ordered_sets: BTreeSet::new(),
        interfaces: Vec::new(),
        record,
    };
    facts.interfaces = interfaces(clients, settings, &facts.cluster, &facts.vpc).await?;
    complete(clients, settings, &mut facts).await?;
    Ok(facts)
}

/// Reads parts anew. What was asked for decides about the machine, so it is read again with the nodes.
pub async fn refresh(
    clients: &Clients,
    settings: &Settings,
    facts: &mut Facts,
    sections: &[Section],
) -> Result<()> {
    let Clients { aws, kube } = clients;
    let cluster = &facts.cluster;
    let reads = |section| sections.contains(&section);
    let (vpc, cni, eniconfigs, node_groups, nodes) = tokio::try_join!(
        only(reads(Section::Vpc), vpc(aws, cluster)),
        only(reads(Section::Cni), cni(clients, cluster)),
        only(reads(Section::EniConfigs), eniconfig::read(&kube.client)),
        only(reads(Section::NodeGroups), node_groups(clients, cluster, settings)),
        only(reads(Section::Nodes), nodes_and_pods(clients, cluster)),
    )?;
    let nodes_anew = nodes.is_some();
    if let Some((nodes, pods, budgets)) = nodes {
        (facts.nodes, facts.pods, facts.budgets) = (nodes, pods, budgets);
    }
    if let Some(vpc) = vpc {
        facts.interfaces = interfaces(clients, settings, &facts.cluster, &vpc).await?;
        facts.vpc = vpc;
    }
    facts.cni = cni.unwrap_or_else(|| facts.cni.clone());
    facts.eniconfigs = eniconfigs.unwrap_or_else(|| facts.eniconfigs.clone());
    facts.node_groups = node_groups.unwrap_or_else(|| facts.node_groups.clone());
    if nodes_anew {
        complete(clients, settings, facts).await?;
    }
    if sections == Section::ALL {
        facts.record = record::read(&kube.client).await?;
    }
    Ok(())
}

/// What stands in the subnets that we made; asked for only where they are to go.
async fn interfaces(
    clients: &Clients,
    settings: &Settings,
    cluster: &Cluster,
    vpc: &Vpc,
) -> Result<Vec<Interface>> {
    let ours = vpc.subnets.iter().filter(|subnet| subnet.tags.get(TAG_CLUSTER) == Some(&cluster.name));
    let ours: Vec<String> = ours.map(|subnet| subnet.id.clone()).collect();
    match settings.undo {
        Some(_) => clients.aws.ec2.interfaces(&ours).await,
        None => Ok(Vec::new()),
    }
}

/// What can be asked for only when the nodes are known.
async fn complete(clients: &Clients, settings: &Settings, facts: &mut Facts) -> Result<()> {
    let (machine, (volumes, ordered_sets)) =
        tokio::try_join!(machine_for(&clients.aws, settings, facts), bindings(&clients.kube, facts))?;
    (facts.machine, facts.volumes, facts.ordered_sets) = (machine, volumes, ordered_sets);
    Ok(())
}

/// What ties the pods on old nodes: their volumes' zones, and their StatefulSets' order. Where they have neither,
/// nothing is asked.
async fn bindings(
    kube: &Kube,
    facts: &Facts,
) -> Result<(BTreeMap<String, BTreeSet<String>>, BTreeSet<String>)> {
    let old = old_nodes(facts);
    let on_old = || facts.pods.iter().filter(|pod| old.contains(&pod.node));
    let claims: BTreeSet<String> = on_old().flat_map(Pod::claims).collect();
    let sets: BTreeSet<String> = on_old()
        .filter_map(|pod| Some((pod, pod.controller.as_ref().filter(|owner| owner.kind == "StatefulSet")?)))
        .map(|(pod, owner)| format!("{}/{}", pod.namespace, owner.name))
        .collect();
    tokio::try_join!(volumes::zones(&kube.client, &claims), stateful_sets::ordered(&kube.client, &sets))
}

async fn only<T>(wanted: bool, read: impl Future<Output = Result<T>>) -> Result<Option<T>> {
    if wanted { read.await.map(Some) } else { Ok(None) }
}

async fn cni(clients: &Clients, cluster: &Cluster) -> Result<Cni> {
    let (cni, addon) =
        tokio::try_join!(cni::read(&clients.kube.client), clients.aws.eks.addon(&cluster.name))?;
    Ok(Cni { addon, ..cni })
}

async fn nodes_and_pods(clients: &Clients, cluster: &Cluster) -> Result<(Vec<Node>, Vec<Pod>, Vec<Budget>)> {
    let Clients { aws, kube } = clients;
    let nodes = async {
        let (nodes, interfaces) =
            tokio::try_join!(nodes::list(&kube.client), aws.ec2.pod_interfaces(&cluster.vpc_id))?;
        with_instances(aws, nodes, interfaces).await
    };
    tokio::try_join!(nodes, pods::list(&kube.client), pods::budgets(&kube.client))
}

async fn vpc(aws: &Aws, cluster: &Cluster) -> Result<Vpc> {
    let id = &cluster.vpc_id;
    let quota = async {
        // A missing permission here is no reason to stop: AWS itself checks the quota.
        Ok(aws.quotas.cidr_blocks_per_vpc().await.unwrap_or(DEFAULT_BLOCK_QUOTA))
    };
    let (blocks, subnets, route_tables, peerings, block_quota) = tokio::try_join!(
        aws.ec2.vpc(id),
        aws.ec2.subnets(id),
        aws.ec2.route_tables(id),
        aws.ec2.peerings(id),
        quota,
    )?;
    Ok(Vpc {
        id: id.clone(),
        primary: blocks.primary,
        blocks: blocks.blocks,
        subnets,
        route_tables,
        peerings,
        block_quota,
    })
}

async fn node_groups(clients: &Clients, cluster: &Cluster, settings: &Settings) -> Result<NodeGroups> {
    let aws = &clients.aws;
    let entries = async {
        match cluster.authentication {
            // EKS refuses to list entries of a cluster that reads the ConfigMap alone.
            Authentication::ConfigMap => Ok(BTreeMap::new()),
            _ => aws.eks.access_entries(&cluster.name).await,
        }
    };
    let (stacks, groups, managed, access_entries, aws_auth) = tokio::try_join!(
        stacks(aws, cluster, settings),
        aws.autoscaling.groups_of_cluster(&cluster.name),
        aws.eks.managed_node_groups(&cluster.name),
        entries,
        aws_auth::map_roles(&clients.kube.client),
    )?;
    Ok(NodeGroups { stacks, groups, managed, access_entries, aws_auth })
}

/// The stacks that a design of this cluster could name: one for each zone of the region.
///
/// Where they are taken back, whatever has our tag: their names were asked for in another run.
async fn stacks(aws: &Aws, cluster: &Cluster, settings: &Settings) -> Result<BTreeMap<String, Stack>> {
    if settings.undo.is_some() {
        let found = aws.cloudformation.stacks_tagged(TAG_CLUSTER, &cluster.name).await?;
        return Ok(found.into_iter().map(|stack| (stack.name.clone(), stack)).collect());
    }
    let zones = aws.ec2.zones().await?;
    let mut names = vec![stack_name(&cluster.name, "base")];
    names.extend(zones.iter().map(|zone| {
        let eniconfig = settings.eniconfig_names.get(zone).unwrap_or(zone);
        stack_name(&cluster.name, eniconfig)
    }));
    let found = try_join_all(names.iter().map(|name| aws.cloudformation.stack(name))).await?;
    Ok(found.into_iter().flatten().map(|stack| (stack.name.clone(), stack)).collect())
}

/// Nodes with what EC2 knows of their instances.
async fn with_instances(aws: &Aws, mut nodes: Vec<Node>, interfaces: Vec<PodInterface>) -> Result<Vec<Node>> {
    let ids: Vec<String> = nodes.iter().filter_map(|node| node.instance_id.clone()).collect();
    let instances = aws.ec2.instances(&ids).await?;
    let mut attached: BTreeMap<String, (BTreeSet<String>, u32)> = BTreeMap::new();
    for interface in interfaces {
        let (subnets, addresses) = attached.entry(interface.instance).or_default();
        subnets.insert(interface.subnet);
        *addresses += interface.addresses;
    }
    for node in &mut nodes {
        let Some(id) = &node.instance_id else { continue };
        node.subnet = instances.get(id).map(|instance| instance.subnet.clone());
        (node.pod_subnets, node.pod_addresses) = attached.remove(id).unwrap_or_default();
    }
    // An instance that is gone leaves its Node for a moment.
    nodes.retain(|node| {
        let state = node
            .instance_id
            .as_ref()
            .and_then(|id| instances.get(id))
            .map(|instance| instance.state.as_str());
        !matches!(state, Some("terminated" | "shutting-down"))
    });
    Ok(nodes)
}

/// Instance types at hand, and the image for new nodes.
async fn machine_for(aws: &Aws, settings: &Settings, facts: &Facts) -> Result<Machine> {
    let in_use = facts.ec2_nodes().map(|node| node.instance_type.clone());
    let mut names: BTreeSet<String> = in_use.filter(|name| !name.is_empty()).collect();
    let wanted = wanted_type(settings, facts);
    names.extend(wanted.clone());
    let types = if names.is_empty() { BTreeMap::new() } else { aws.ec2.instance_types(&names).await? };
    let unknown_type = wanted.clone().filter(|name| !types.contains_key(name));
    let mut machine = Machine { types, unknown_type, image: None, image_error: None };
    let Some(instance_type) = wanted.and_then(|name| machine.types.get(&name)) else { return Ok(machine) };
    let architecture = instance_type.architectures.first().copied().unwrap_or(Architecture::X86_64);
    let id = match &settings.ami_id {
        Some(id) => Ok(id.clone()),
        None => match ami_parameter(settings.ami_family, &facts.cluster.version, architecture) {
            Ok(path) => aws.ssm.parameter(&path).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        },
    };
    let image = match id {
        Ok(id) => aws.ec2.image(&id).await.map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    match image {
        Ok(image) => machine.image = Some(image),
        Err(error) => machine.image_error = Some(error),
    }
    Ok(machine)
}
