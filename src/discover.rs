//! Reads everything that decisions are taken from. Changes nothing; calls that can go side by side do.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::Aws;
use crate::error::Result;
use crate::facts::{Authentication, Caller, Cluster, Facts, Machine, Node, NodeGroups, NodeKind, Vpc};
use crate::k8s::{Kube, aws_auth, cni, eniconfig, nodes, pods, record};
use crate::net::cidr::DEFAULT_BLOCK_QUOTA;
use crate::net::max_pods::Architecture;
use crate::nodes::user_data::ami_parameter;
use crate::settings::Settings;
use crate::walk::Clients;

/// Everything, as it is now.
pub async fn discover(clients: &Clients, settings: &Settings) -> Result<Facts> {
    let Clients { aws, kube } = clients;
    let name = settings.cluster.as_deref().unwrap_or_default();
    let (caller, cluster) = tokio::try_join!(aws.sts.caller(), aws.eks.cluster(name))?;
    discover_cluster(aws, kube, settings, caller, cluster).await
}

async fn discover_cluster(
    aws: &Aws,
    kube: &Kube,
    settings: &Settings,
    caller: Caller,
    cluster: Cluster,
) -> Result<Facts> {
    let client = &kube.client;
    let (vpc, cni, addon, eniconfigs, node_groups, (nodes, interfaces), pods, budgets, record) = tokio::try_join!(
        vpc(aws, &cluster),
        cni::read(client),
        aws.eks.addon(&cluster.name),
        eniconfig::read(client),
        node_groups(aws, kube, &cluster),
        async { tokio::try_join!(nodes::list(client), aws.ec2.pod_interfaces(&cluster.vpc_id)) },
        pods::list(client),
        pods::budgets(client),
        record::read(client),
    )?;
    let (nodes, machine) = tokio::try_join!(
        with_instances(aws, nodes.clone(), interfaces),
        machine(aws, settings, &cluster, &nodes)
    )?;
    let cni = crate::facts::Cni { addon, ..cni };
    let stacks = stacks(aws, &cluster, settings, &vpc).await?;
    let node_groups = NodeGroups { stacks, ..node_groups };
    Ok(Facts { caller, cluster, vpc, machine, cni, eniconfigs, node_groups, nodes, pods, budgets, record })
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

async fn node_groups(aws: &Aws, kube: &Kube, cluster: &Cluster) -> Result<NodeGroups> {
    let entries = async {
        match cluster.authentication {
            // EKS refuses to list entries of a cluster that reads the ConfigMap alone.
            Authentication::ConfigMap => Ok(BTreeMap::new()),
            _ => aws.eks.access_entries(&cluster.name).await,
        }
    };
    let (groups, managed, access_entries, aws_auth) = tokio::try_join!(
        aws.autoscaling.groups_of_cluster(&cluster.name),
        aws.eks.managed_node_groups(&cluster.name),
        entries,
        aws_auth::map_roles(&kube.client),
    )?;
    Ok(NodeGroups { stacks: BTreeMap::new(), groups, managed, access_entries, aws_auth })
}

/// The stacks that a design of this cluster could name: one for each zone of the VPC.
async fn stacks(
    aws: &Aws,
    cluster: &Cluster,
    settings: &Settings,
    vpc: &Vpc,
) -> Result<BTreeMap<String, crate::facts::Stack>> {
    let zones: BTreeSet<&str> = vpc.subnets.iter().map(|subnet| subnet.zone.as_str()).collect();
    let mut names = vec![crate::design::stack_name(&cluster.name, "base")];
    names.extend(zones.into_iter().map(|zone| {
        let eniconfig = settings.eniconfig_names.get(zone).map_or(zone, String::as_str);
        crate::design::stack_name(&cluster.name, eniconfig)
    }));
    let found =
        futures::future::try_join_all(names.iter().map(|name| aws.cloudformation.stack(name))).await?;
    Ok(found.into_iter().flatten().map(|stack| (stack.name.clone(), stack)).collect())
}

/// Nodes with what EC2 knows of their instances.
async fn with_instances(
    aws: &Aws,
    mut nodes: Vec<Node>,
    interfaces: Vec<crate::aws::ec2::PodInterface>,
) -> Result<Vec<Node>> {
    let ids: Vec<String> = nodes.iter().filter_map(|node| node.instance_id.clone()).collect();
    let instances = aws.ec2.instances(&ids).await?;
    let mut subnets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for interface in interfaces {
        subnets.entry(interface.instance).or_default().insert(interface.subnet);
    }
    for node in &mut nodes {
        let Some(id) = &node.instance_id else { continue };
        node.subnet = instances.get(id).map(|instance| instance.subnet.clone());
        node.pod_subnets = subnets.remove(id).unwrap_or_default();
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
async fn machine(aws: &Aws, settings: &Settings, cluster: &Cluster, nodes: &[Node]) -> Result<Machine> {
    let in_use =
        nodes.iter().filter(|node| node.kind == NodeKind::Ec2).map(|node| node.instance_type.clone());
    let mut names: BTreeSet<String> = in_use.filter(|name| !name.is_empty()).collect();
    names.extend(settings.instance_type.clone());
    let types = if names.is_empty() { BTreeMap::new() } else { aws.ec2.instance_types(&names).await? };
    let unknown_type = settings.instance_type.clone().filter(|name| !types.contains_key(name));
    let mut machine = Machine { types, unknown_type, image: None, image_error: None };
    let wanted = settings.instance_type.clone().or_else(|| most_common(nodes));
    let Some(instance_type) = wanted.and_then(|name| machine.types.get(&name)) else { return Ok(machine) };
    let architecture = instance_type.architectures.first().copied().unwrap_or(Architecture::X86_64);
    let id = match &settings.ami_id {
        Some(id) => Ok(id.clone()),
        None => match ami_parameter(settings.ami_family, &cluster.version, architecture) {
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

fn most_common(nodes: &[Node]) -> Option<String> {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for node in nodes.iter().filter(|node| node.kind == NodeKind::Ec2 && !node.instance_type.is_empty()) {
        *counted.entry(&node.instance_type).or_default() += 1;
    }
    counted
        .iter()
        .max_by_key(|(name, nodes)| (**nodes, std::cmp::Reverse(**name)))
        .map(|(name, _)| name.to_string())
}
