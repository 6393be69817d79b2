//! Nodes: their network interfaces compared with their ENIConfigs, and their max pods.

use std::collections::{BTreeMap, BTreeSet};

use crate::design::{PodNetwork, old_nodes, options};
use crate::facts::Part;
use crate::fixes;
use crate::issue::{Issue, id};
use crate::net::max_pods::{Options, known, max_pods};
use crate::text::{counted, subject};

use super::report::or_ok;
use super::view::{NodeView, Starter, View};

pub(super) fn checks(view: &View<'_>) -> Vec<Issue> {
    if view.nodes.is_empty() {
        return vec![
            Issue::warning(id::VFY_020, "there are no EC2 nodes")
                .at(&view.facts.cluster.name)
                .why("custom networking can't be checked without nodes")
                .fix("start a node, then run this again"),
        ];
    }
    let reporting = view.nodes.iter().filter(|node| !node.node.is_unreachable()).count();
    let mut checks =
        or_ok(not_ready(view), id::VFY_020, format!("{} Ready", subject(reporting, "node", "is", "are")));
    checks.extend(silent(view));
    checks.extend(left_over(view));
    match view.unread(Part::Interfaces) {
        Some(because) => checks.push(Issue::unknown(id::VFY_021, "the nodes' network interfaces", because)),
        None => {
            match view.unread(Part::Instances) {
                Some(because) => checks.push(Issue::unknown(
                    id::VFY_021,
                    "whether pods use primary network interfaces",
                    because,
                )),
                None => checks.extend(or_ok(old(view), id::VFY_021, "all nodes use custom networking")),
            }
            checks.extend(or_ok(
                without(view),
                id::VFY_022,
                "each node has an interface for pods in its ENIConfig's subnet",
            ));
            checks.extend(or_ok(
                groups(view),
                id::VFY_023,
                "these interfaces have their ENIConfig's security groups",
            ));
            checks.extend(or_ok(
                tagged(view),
                id::VFY_027,
                "no interface has two security groups tagged for the cluster",
            ));
        }
    }
    checks.extend(pods(view));
    checks.extend(or_ok(overridden(view), id::VFY_026, "no node's annotation overrides its label"));
    checks
}

/// Makes one issue for all nodes of a kind that have the same problem. The issue is made from its details, the nodes as
/// text, the first of them, and their number.
fn grouped<'a, D: Ord>(
    nodes: impl Iterator<Item = (&'a NodeView<'a>, D)>,
    check: impl Fn(&D, String, &NodeView<'_>, usize) -> Issue,
) -> Vec<Issue> {
    let mut kinds: BTreeMap<(String, D), Vec<&NodeView<'_>>> = BTreeMap::new();
    for (node, detail) in nodes {
        kinds.entry((node.kind(), detail)).or_default().push(node);
    }
    let issue = |((kind, detail), nodes): ((String, D), Vec<&NodeView<'_>>)| {
        let of_kind = format!("{} {kind}", counted(nodes.len(), "node")).trim_end().to_string();
        let names = nodes.iter().map(|node| node.node.name.clone()).collect();
        check(&detail, of_kind, nodes[0], nodes.len()).about(names)
    };
    kinds.into_iter().map(issue).collect()
}

fn not_ready(view: &View<'_>) -> Vec<Issue> {
    let affected = view.nodes.iter().filter(|node| !node.node.ready && !node.node.is_unreachable());
    let affected = affected.map(|node| (node, ()));
    grouped(affected, |_, nodes, first, _| {
        let why = match first.config {
            None => "their ENIConfig does not exist: since 1.13 the CNI waits for it",
            Some(_) => "the Ready condition of each says why",
        };
        Issue::error(id::VFY_020, format!("{nodes} not Ready"))
            .why(why)
            .fix(format!("{} # shows the cause", view.command("doctor")))
    })
}

/// A dead kubelet is not a fault of custom networking, and nothing on its node can be checked.
fn silent(view: &View<'_>) -> Vec<Issue> {
    let silent = view.nodes.iter().filter(|node| node.node.is_unreachable());
    grouped(silent.map(|node| (node, ())), |_, nodes, first, count| {
        let end = fixes::end_instance(view.facts, first.node);
        Issue::warning(id::VFY_086, format!("{nodes} not reporting"))
            .why("the kubelet has stopped reporting: its pods may or may not still run")
            .fix(if count == 1 { end } else { format!("{end} # repeat for the others") })
    })
}

fn left_over(view: &View<'_>) -> Option<Issue> {
    let names: Vec<String> = view.facts.left_over.iter().map(|node| node.name.clone()).collect();
    (!names.is_empty()).then(|| {
        Issue::warning(id::VFY_085, format!("{} without an instance", counted(names.len(), "Node object")))
            .why("the EC2 instance no longer exists, but its Node object was not deleted")
            .fix(format!("kubectl delete node {}", names.join(" ")))
            .about(names)
    })
}

/// Their pods keep their old addresses until the node is replaced: the CNI does not move network interfaces.
fn old(view: &View<'_>) -> Vec<Issue> {
    let drained = old_nodes(view.facts);
    let old = view.nodes.iter().filter(|node| node.old).map(|node| {
        let wanted = match node.config {
            Some(config) => format!("not in {}", config.subnet),
            None => "which no ENIConfig names".into(),
        };
        let why = match &node.network {
            _ if view.expected.gone.contains(&node.node.name) => "the drain should have terminated it".into(),
            PodNetwork::Elsewhere(subnets) => {
                let subnets: Vec<&str> = subnets.iter().map(String::as_str).collect();
                format!("pods get addresses in {}, {wanted}; the CNI does not move network interfaces", subnets.join(", "))
            }
            PodNetwork::JoinedBefore => {
                "it joined before custom networking was enabled: its max pods count the primary network interface"
                    .into()
            }
            // Without the number of such pods, which differs from node to node, equal nodes share one issue.
            _ => format!(
                "pods also get addresses from the primary network interface, in {}; the CNI uses it until the node is replaced",
                node.node.subnet.as_deref().unwrap_or("the node's subnet")
            ),
        };
        (node, why)
    });
    // drain-nodes fixes only the nodes that it drains.
    let fix = |node: &NodeView<'_>| match &node.resolved.overridden {
        Some(_) => fixes::no_override(&node.resolved.source, &[&node.node.name]),
        None if drained.contains(&node.node.name) => view.command("drain-nodes"),
        None => fixes::replace(view.facts, node.node),
    };
    grouped(old, |why, nodes, first, count| {
        let (does, uses) = if count == 1 { ("does", "uses") } else { ("do", "use") };
        let what = format!("{nodes} {does} not use custom networking, or {uses} another ENIConfig");
        Issue::error(id::VFY_021, what).why(why).fix(fix(first))
    })
}

fn without(view: &View<'_>) -> Vec<Issue> {
    let affected = view.new_nodes().filter(|node| node.network == PodNetwork::Missing).map(|node| (node, ()));
    grouped(affected, |_, nodes, first, _| {
        Issue::error(id::VFY_022, format!("{nodes} without an interface for pods"))
            .why(format!(
                "the CNI attaches the first one, in {}, when aws-node starts there",
                first.config.map_or("", |config| config.subnet.as_str())
            ))
            .fix(fixes::ipamd_log(first.node))
    })
}

/// Existing interfaces keep their security groups when the ENIConfig changes (amazon-vpc-cni-k8s#277).
fn groups(view: &View<'_>) -> Vec<Issue> {
    let empty =
        view.new_nodes().any(|node| node.config.is_some_and(|config| config.security_groups.is_empty()));
    if let Some(because) = view.unread(Part::Instances).filter(|_| empty) {
        return vec![Issue::unknown(
            id::VFY_023,
            "whether interfaces have their node's security groups",
            because,
        )];
    }
    let other = view.new_nodes().filter_map(|node| {
        let wanted = node.groups();
        let differing = node.node.interfaces.iter().find(|interface| interface.security_groups != wanted)?;
        Some((node, (&differing.security_groups, wanted)))
    });
    let list = |groups: &BTreeSet<String>| groups.iter().cloned().collect::<Vec<_>>().join(", ");
    grouped(other, |(there, wanted), nodes, first, count| {
        Issue::error(id::VFY_023, format!("{nodes} with other security groups than their ENIConfig"))
            .why(format!(
                "they have {}, the ENIConfig has {}; the CNI sets groups only when it creates an interface",
                list(there),
                list(wanted)
            ))
            .fix(match count {
                1 => fixes::replace(view.facts, first.node),
                _ => format!("{} # repeat for the others", fixes::replace(view.facts, first.node)),
            })
    })
}

/// The AWS Load Balancer Controller expects exactly one such group on an interface.
fn tagged(view: &View<'_>) -> Vec<Issue> {
    if let Some(because) = view.unread(Part::SecurityGroups) {
        return vec![Issue::unknown(
            id::VFY_027,
            "which security groups are tagged for the cluster",
            because,
        )];
    }
    let key = format!("kubernetes.io/cluster/{}", view.facts.cluster.name);
    let is_tagged = |group: &&String| {
        view.facts.firewall.groups.get(*group).is_some_and(|group| group.tags.contains_key(&key))
    };
    // The cluster security group keeps its tag.
    let spare = |groups: &[String]| {
        let spare = groups.iter().find(|group| **group != view.facts.cluster.security_group);
        spare.cloned().unwrap_or_default()
    };
    let twice = view.new_nodes().filter_map(|node| {
        let tagged = |groups: &BTreeSet<String>| groups.iter().filter(is_tagged).cloned().collect::<Vec<_>>();
        let of_pods = node.node.interfaces.iter().map(|interface| &interface.security_groups);
        let all = of_pods.chain([&node.node.security_groups]);
        let worst = all.map(tagged).find(|groups| groups.len() > 1)?;
        Some((node, worst))
    });
    grouped(twice, |groups, nodes, _, _| {
        Issue::warning(
            id::VFY_027,
            format!("{nodes} with two security groups tagged for the cluster on one interface"),
        )
        .why(format!(
            "{} both have the tag {key}: the AWS Load Balancer Controller expects exactly one such group",
            groups.join(" and ")
        ))
        .fix(format!("aws ec2 delete-tags --tags Key={key} --resources {}", spare(groups)))
    })
}

fn pods(view: &View<'_>) -> Vec<Issue> {
    if let Some(because) = view.unread(Part::InstanceTypes) {
        return vec![Issue::unknown(
            id::VFY_024,
            "how many pods the nodes' instance types can hold",
            because,
        )];
    }
    let hard = Options { cap: false, ..options(view.facts) };
    let mode = match (hard.prefix, hard.pod_eni) {
        (false, false) => "custom networking",
        (true, false) => "custom networking and prefix delegation",
        (false, true) => "custom networking and security groups for pods",
        (true, true) => "custom networking, prefix delegation and security groups for pods",
    };
    let mut problems = Vec::new();
    let figure = |node: &NodeView<'_>, options: &Options| {
        let kind = &node.node.instance_type;
        let kind = view.facts.machine.types.get(kind).or_else(|| known(kind))?;
        Some(max_pods(kind, options).map_or(0, |pods| pods.get()))
    };
    let reset = |node: &NodeView<'_>, figure: Option<u32>| {
        let figure = figure.unwrap_or_default();
        match &node.starter {
            Starter::ManagedNodeGroup(group) => format!(
                "aws eks update-nodegroup-version --cluster-name {} --nodegroup-name {group} # EKS recalculates max pods at \
                 each update; with a custom AMI: set --max-pods {figure} in the launch template",
                view.facts.cluster.name
            ),
            Starter::NodePool(_) | Starter::Karpenter => {
                format!(
                    "set RESERVED_ENIS=1 in Karpenter's settings (gives --max-pods {figure}), then replace the nodes"
                )
            }
            Starter::AutoScalingGroup(_) | Starter::Unknown => {
                format!("set --max-pods {figure} in the group's user data, then replace the nodes")
            }
        }
    };
    let detail =
        |node: &NodeView<'_>, limit: u32| format!("{} on {}", counted(limit, "pod"), node.node.instance_type);
    let too_many = view.new_nodes().filter_map(|node| {
        let limit = figure(node, &hard)?;
        (node.node.max_pods > limit).then(|| (node, detail(node, limit)))
    });
    problems.extend(grouped(too_many, |detail, nodes, first, _| {
        Issue::error(
            id::VFY_024,
            format!("{nodes} with max pods {}, but fewer addresses", first.node.max_pods),
        )
        .why(format!("at most {detail} get an address with {mode}; more stay in ContainerCreating"))
        .fix(reset(first, figure(first, &hard)))
    }));
    // More than AWS's recommended cap is the user's choice.
    let advice = Options { cap: true, ..hard };
    let too_few = view.new_nodes().filter_map(|node| {
        let limit = figure(node, &advice)?;
        (node.node.max_pods < limit).then(|| (node, detail(node, limit)))
    });
    problems.extend(grouped(too_few, |detail, nodes, first, _| {
        Issue::warning(
            id::VFY_025,
            format!("{nodes} with max pods {}, fewer than possible", first.node.max_pods),
        )
        .why(format!("AWS recommends {detail} with {mode}"))
        .fix(reset(first, figure(first, &advice)))
    }));
    let unknown = view.new_nodes().filter(|node| figure(node, &hard).is_none()).map(|node| (node, ()));
    problems.extend(grouped(unknown, |_, nodes, first, _| {
        let because = format!("EC2 does not know instance type '{}'", first.node.instance_type);
        Issue::unknown(id::VFY_024, format!("how many pods {nodes} can hold"), because).fix("")
    }));
    let designed = view.nodes.iter().filter_map(|node| {
        let wanted = *view.expected.max_pods.get(&node.node.name)?;
        (node.node.max_pods != wanted).then_some((node, wanted))
    });
    problems.extend(grouped(designed, |wanted, nodes, first, _| {
        Issue::error(id::VFY_028, format!("{nodes} with max pods {}, not {wanted}", first.node.max_pods))
            .why("their user data sets another value")
            .fix("check --max-pods in the kubelet's arguments on one of them")
    }));
    or_ok(problems, id::VFY_024, format!("max pods of each node fits its addresses with {mode}"))
}

fn overridden(view: &View<'_>) -> Vec<Issue> {
    let overridden = view.nodes.iter().filter_map(|node| {
        let label = node.resolved.overridden.as_ref()?;
        Some((
            node,
            format!(
                "{} says '{}', which overrides '{label}' of the node label",
                node.resolved.source, node.resolved.name
            ),
        ))
    });
    grouped(overridden, |detail, nodes, first, _| {
        let fix = fixes::no_override(&first.resolved.source, &[&first.node.name]);
        Issue::warning(id::VFY_026, format!("{nodes} with an overridden ENIConfig label"))
            .why(detail)
            .fix(format!("{fix} # if the override is not intended"))
    })
}
