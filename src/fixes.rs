//! Commands that fix issues, for `verify` and `doctor`; an eni-custom command if there is one. Pure.

use crate::design::addressing;
use crate::facts::{Addon, Facts, Node, Obstacle, Owner, RouteTable, Subnet, WaitingPod, owner};
use crate::net::cidr::suggest_block;
use crate::net::eniconfig::{EXTERNAL_LABEL, Source};
use crate::shell::shell_quote;

/// An eni-custom command for this cluster. With the region, because another one may have a cluster of this name.
pub(crate) fn command(facts: &Facts, command: &str) -> String {
    format!("eni-custom {command} --cluster {} --region {}", facts.cluster.name, facts.caller.region)
}

/// Several eni-custom commands, one after another.
pub(crate) fn all_of(facts: &Facts, commands: &[&str]) -> String {
    commands.iter().map(|each| command(facts, each)).collect::<Vec<_>>().join(" && ")
}

/// Creates what a zone lacks, up to its ENIConfig; leaves existing resources unchanged.
pub(crate) fn eniconfigs(facts: &Facts) -> String {
    all_of(facts, &["associate-cidr", "create-subnets", "install-crd", "write-eniconfigs"])
}

/// The same, and changes existing ENIConfigs.
pub(crate) fn rewritten_eniconfigs(facts: &Facts) -> String {
    all_of(facts, &["associate-cidr", "create-subnets", "write-eniconfigs --replace-eniconfigs"])
}

/// Removes what overrides the ENIConfig label of these nodes.
pub(crate) fn no_override(source: &Source, nodes: &[&str]) -> String {
    let (verb, key) = match source {
        Source::Annotation(key) => ("annotate", key.as_str()),
        _ => ("label", EXTERNAL_LABEL),
    };
    format!("kubectl {verb} node {} {key}-", nodes.join(" "))
}

/// Gives a zone's pods a subnet of another block: a subnet can't be made larger.
pub(crate) fn more_addresses(facts: &Facts, subnet: &Subnet) -> String {
    let avoid: Vec<_> = facts.cluster.service_cidr.into_iter().collect();
    let block = suggest_block(&addressing(&facts.vpc), &avoid).map_or("BLOCK".into(), |net| net.to_string());
    let routes = facts
        .vpc
        .route_table_of(&subnet.id)
        .map(|table| format!("aws ec2 associate-route-table --subnet-id $S --route-table-id {}; ", table.id));
    format!(
        "{}; S=$(aws ec2 create-subnet --vpc-id {} --availability-zone {} --cidr-block {block} --query Subnet.SubnetId --output text); {}{} # new nodes use it",
        command(facts, &format!("associate-cidr --cidr {block}")),
        facts.vpc.id,
        subnet.zone,
        routes.unwrap_or_default(),
        command(facts, &format!("write-eniconfigs --subnet {}=$S --replace-eniconfigs", subnet.zone)),
    )
}

/// Gives a pod subnet a route out of the VPC, like its nodes' subnet.
pub(crate) fn way_out(facts: &Facts, subnet: &Subnet, pods: &RouteTable, nodes: &RouteTable) -> String {
    let in_zone = |table: &&RouteTable| {
        let zones = table.subnet_ids.iter().filter_map(|id| facts.vpc.subnet(id));
        zones.into_iter().any(|other| other.zone == subnet.zone)
    };
    // The nodes' table may be public, which pods can't use.
    let other = Some(nodes).filter(|table| table.leads_out());
    let other =
        other.or_else(|| facts.vpc.route_tables.iter().filter(|table| table.leads_out()).find(in_zone));
    let Some(other) = other else {
        return format!(
            "aws ec2 create-route --route-table-id {} --destination-cidr-block 0.0.0.0/0 --nat-gateway-id NAT",
            pods.id
        );
    };
    if facts.vpc.uses_main_table(&subnet.id) {
        return format!(
            "aws ec2 associate-route-table --route-table-id {} --subnet-id {}",
            other.id, subnet.id
        );
    }
    let target = other.default_target().unwrap_or("NAT");
    let (verb, flag) = (
        if pods.default_target().is_some() { "replace-route" } else { "create-route" },
        match target.split('-').next() {
            Some("tgw") => "transit-gateway-id",
            Some("eni") => "network-interface-id",
            Some("vgw") => "gateway-id",
            _ => "nat-gateway-id",
        },
    );
    format!(
        "aws ec2 {verb} --route-table-id {} --destination-cidr-block 0.0.0.0/0 --{flag} {target}",
        pods.id
    )
}

/// Drains and terminates a node, so that its owner starts another one.
pub(crate) fn replace(facts: &Facts, node: &Node) -> String {
    format!("kubectl drain --ignore-daemonsets {} && {}", shell_quote(&node.name), end_instance(facts, node))
}

/// Terminates a node's instance at once, because pods can't be evicted if its kubelet is dead. Its owner starts another
/// one.
pub(crate) fn end_instance(facts: &Facts, node: &Node) -> String {
    let id = node.instance_id.as_deref().unwrap_or("INSTANCE");
    match owner(facts, node) {
        Owner::NodeClaim(claim) => format!("kubectl delete nodeclaim {}", shell_quote(&claim)),
        Owner::Managed(_) | Owner::Group(_) => format!(
            "aws autoscaling terminate-instance-in-auto-scaling-group --instance-id {id} --no-should-decrement-desired-capacity"
        ),
        Owner::Unowned => format!("aws ec2 terminate-instances --instance-ids {id}"),
    }
}

/// For pods that can't be scheduled: makes room if the cause is known, else shows their events.
pub(crate) fn no_node(facts: &Facts, pod: &WaitingPod) -> String {
    let cordoned: Vec<&str> = facts
        .ec2_nodes()
        .filter(|node| node.ready && node.unschedulable)
        .map(|node| node.name.as_str())
        .collect();
    if pod.obstacles.contains(&Obstacle::Cordoned) && !cordoned.is_empty() {
        return format!("kubectl uncordon {}", cordoned.join(" "));
    }
    let is_full = pod.obstacles.contains(&Obstacle::MaxPods) || pod.obstacles.contains(&Obstacle::Resources);
    let sizes = facts.node_groups.stacks.values().filter_map(|stack| {
        stack.parameters.get("DesiredCapacity").and_then(|size| size.parse::<u32>().ok())
    });
    match sizes.max().filter(|_| is_full) {
        Some(size) => command(facts, &format!("patch-security-groups --nodes-per-zone {}", size + 1)),
        None => describe(pod),
    }
}

/// Shows the pod's events, if nothing else is known.
pub(crate) fn describe(pod: &WaitingPod) -> String {
    format!("kubectl -n {} describe pod {}", pod.namespace, pod.name)
}

/// Shows ipamd's log on a node, which has the errors of EC2.
pub(crate) fn ipamd_log(node: &Node) -> String {
    format!(
        "kubectl debug node/{} -it --image busybox -- tail -n 100 /host/var/log/aws-routed-eni/ipamd.log",
        node.name
    )
}

/// Replaces an untyped CRD that has another owner.
pub(crate) fn typed_definition(facts: &Facts) -> String {
    match &facts.cni.addon {
        Some(addon) => {
            let newest = format!(
                "--addon-version \"$(aws eks describe-addon-versions --addon-name vpc-cni --kubernetes-version {} \
                 --query 'addons[0].addonVersions[0].addonVersion' --output text)\"",
                facts.cluster.version
            );
            update_addon(facts, addon, &newest)
        }
        None => format!(
            "update aws-node to 1.18.3 or later in its source: {}",
            facts.eniconfigs.crd_holder.as_deref().unwrap_or("its manifest")
        ),
    }
}

/// The command that makes only this change to the add-on. It must repeat the role, or the add-on would lose it.
pub(crate) fn update_addon(facts: &Facts, addon: &Addon, change: &str) -> String {
    let role =
        addon.role.as_ref().map(|role| format!(" --service-account-role-arn {role}")).unwrap_or_default();
    format!(
        "aws eks update-addon --cluster-name {} --addon-name vpc-cni {change}{role} --resolve-conflicts PRESERVE",
        facts.cluster.name
    )
}
