//! What mends, as commands to be typed: ours where we have one. For `verify` and `doctor` alike. Pure.

use crate::design::addressing;
use crate::drain::owner::{Owner, owner};
use crate::facts::{Facts, Node, Subnet};
use crate::net::cidr::suggest_block;
use crate::settings::shell_quote;

/// Where reading is not allowed.
pub const PERMISSION: &str =
    "allow what eni-custom iam-policy --read-only prints, and with --kubernetes; then run this again";

/// A command of this program's, for this cluster.
pub fn ours(facts: &Facts, command: &str) -> String {
    format!("eni-custom {command} --cluster {}", facts.cluster.name)
}

/// A zone's pods get a subnet of a further block: a subnet can't be made larger.
pub fn more_addresses(facts: &Facts, subnet: &Subnet) -> String {
    let avoid: Vec<_> = facts.cluster.service_cidr.into_iter().collect();
    let block = suggest_block(&addressing(&facts.vpc), &avoid).map_or("BLOCK".into(), |net| net.to_string());
    let routes = facts
        .vpc
        .route_table_of(&subnet.id)
        .map(|table| format!("aws ec2 associate-route-table --subnet-id $S --route-table-id {}; ", table.id));
    format!(
        "{}; S=$(aws ec2 create-subnet --vpc-id {} --availability-zone {} --cidr-block {block} --query Subnet.SubnetId --output text); {}{}; new nodes take it",
        ours(facts, &format!("associate-cidr --cidr {block}")),
        facts.vpc.id,
        subnet.zone,
        routes.unwrap_or_default(),
        ours(facts, &format!("write-eniconfigs --subnet {}=$S --replace-eniconfigs", subnet.zone)),
    )
}

/// A node goes, and whoever owns it starts another one.
pub fn replace(facts: &Facts, node: &Node) -> String {
    format!("kubectl drain --ignore-daemonsets {} && {}", shell_quote(&node.name), end_instance(facts, node))
}

/// Ends a node's instance at once: where its kubelet is gone, nothing on it can be evicted. Whoever owns it starts
/// another one.
pub fn end_instance(facts: &Facts, node: &Node) -> String {
    let id = node.instance_id.as_deref().unwrap_or("INSTANCE");
    match owner(facts, node) {
        Owner::NodeClaim(claim) => format!("kubectl delete nodeclaim {}", shell_quote(&claim)),
        Owner::Managed(_) | Owner::Group(_) => format!(
            "aws autoscaling terminate-instance-in-auto-scaling-group --instance-id {id} --no-should-decrement-desired-capacity"
        ),
        Owner::Nobody => format!("aws ec2 terminate-instances --instance-ids {id}"),
    }
}

/// What ipamd says on a node: EC2's refusals stand there.
pub fn ipamd_log(node: &Node) -> String {
    format!(
        "kubectl debug node/{} -it --image busybox -- tail -n 100 /host/var/log/aws-routed-eni/ipamd.log",
        node.name
    )
}
