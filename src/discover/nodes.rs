//! Nodes with what EC2 knows about their instances, and the pods on them.

use std::collections::BTreeMap;

use crate::aws::Aws;
use crate::clients::Clients;
use crate::error::{Error, Result};
use crate::facts::{Budget, Cluster, InstanceState, Interface, Node, NodeKind, Part, Pod, Running};
use crate::goal::Goal;
use crate::k8s::{nodes, pods, workloads};

use super::gaps::Gaps;

/// Nodes and the pods on them.
pub(super) struct NodesAndPods {
    pub nodes: Vec<Node>,
    pub left_over: Vec<Node>,
    pub pods: Vec<Pod>,
    pub budgets: Vec<Budget>,
    pub running: Running,
    pub loose_interfaces: Vec<Interface>,
}

pub(super) async fn nodes_and_pods(
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
