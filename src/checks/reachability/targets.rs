//! Load balancers with target type `ip`, which send to pods; with `instance` they still send to nodes.

use crate::issue::{Issue, id};
use crate::reach::{firewall, pod_groups};
use crate::text::few;

use crate::scene::Scene;

/// The AWS Load Balancer Controller adds its rule to one group of the target's interface: the only one, or else the one
/// tagged for the cluster. With none or several tagged groups it registers no target.
pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (design, facts) = (scene.design, scene.facts);
    let firewall = firewall(design, facts);
    let groups: Vec<String> = pod_groups(design, facts).into_iter().collect();
    if facts.integrations.ip_targets.is_empty() || firewall.groups_unknown.is_some() || groups.len() < 2 {
        return;
    }
    let key = format!("kubernetes.io/cluster/{}", facts.cluster.name);
    let is_tagged =
        |id: &&String| firewall.groups.get(*id).is_some_and(|group| group.tags.contains_key(&key));
    let tagged: Vec<String> = groups.iter().filter(is_tagged).cloned().collect();
    if tagged.len() == 1 {
        return;
    }
    let why = match tagged.len() {
        0 => format!("of the pods' security groups {} none has the tag {key}", groups.join(", ")),
        _ => format!("the pods' security groups {} have the tag {key}", tagged.join(" and ")),
    };
    let targets: Vec<String> = facts.integrations.ip_targets.iter().cloned().collect();
    findings.push(
        Issue::warning(id::RCH_016, "the AWS Load Balancer Controller could not register pods as targets")
            .at(format!("TargetGroupBinding {}", few(&targets)))
            .why(format!("{why}; the controller needs exactly one tagged group on an interface"))
            .fix(match tagged.as_slice() {
                [] => format!("aws ec2 create-tags --tags Key={key},Value=shared --resources {}", groups[0]),
                [.., last] => format!("aws ec2 delete-tags --tags Key={key} --resources {last}"),
            }),
    );
}
