//! Karpenter: the max pods of its nodes, and the subnets in which it starts them.

use std::collections::BTreeMap;

use crate::design::{PodSubnet, options};
use crate::facts::node_pools::{given, limit, overfull, types};
use crate::facts::{ClassPods, Karpenter};
use crate::fixes;
use crate::issue::{Issue, id};
use crate::scene::Scene;
use crate::step::Step;
use crate::steps::create_subnets;
use crate::text::{counted, few};

use super::addresses_suffice;

pub(super) fn check(scene: &Scene<'_>, karpenter: &Karpenter, findings: &mut Vec<Issue>) {
    if karpenter.is_beta {
        too_old(karpenter, findings);
        return;
    }
    owned(scene, karpenter, findings);
    match &karpenter.deployment {
        Some(deployment) => reserved(scene, karpenter, deployment, findings),
        None => unknown(scene, karpenter, findings),
    }
    too_many(scene, karpenter, findings);
    expressions(scene, karpenter, findings);
    in_pod_subnets(scene, karpenter, findings);
}

/// NodePools and EC2NodeClasses have the API version v1 since Karpenter 1.0.
fn too_old(karpenter: &Karpenter, findings: &mut Vec<Issue>) {
    let version = match karpenter.version.as_str() {
        "" => String::new(),
        version => format!(" {version}"),
    };
    findings.push(
        Issue::error(id::NOD_070, format!("Karpenter{version} is too old"))
            .at(karpenter.place())
            .why("its NodePools have the API version v1beta1; their nodes can be moved with v1 only")
            .fix("upgrade Karpenter to 1.0 or later, by its upgrade guide"),
    );
}

/// RESERVED_ENIS in a Deployment that somebody else writes.
fn owned(scene: &Scene<'_>, karpenter: &Karpenter, findings: &mut Vec<Issue>) {
    let sets = scene.design.karpenter.reserves && scene.concerns(&[Step::SetEnv]);
    let Some(holder) = karpenter.holder.as_ref().filter(|_| sets && !scene.settings.cni.take_over_karpenter)
    else {
        return;
    };
    findings.push(
        Issue::error(id::NOD_071, format!("Karpenter's settings belong to {holder}"))
            .at(karpenter.place())
            .why(format!("{holder} would revert RESERVED_ENIS, which gives nodes the right max pods"))
            .fix(
                "set settings.reservedENIs to \"1\" in the values of Karpenter's chart and roll that out; or add --take-over-karpenter to change it anyway",
            ),
    );
}

fn reserve(deployment: &str) -> String {
    let (namespace, name) = deployment.split_once('/').unwrap_or_default();
    format!("kubectl -n {namespace} set env deployment {name} RESERVED_ENIS=1")
}

/// Karpenter computes max pods as if the first interface carried pods, unless RESERVED_ENIS is set (Karpenter,
/// "Settings").
fn reserved(scene: &Scene<'_>, karpenter: &Karpenter, deployment: &str, findings: &mut Vec<Issue>) {
    let classes = karpenter.computed();
    let is_set = scene.design.karpenter.reserves && scene.concerns(&[Step::SetEnv]);
    if is_set || karpenter.reserved_enis > 0 || classes.is_empty() || addresses_suffice(scene) {
        return;
    }
    let fix = match (karpenter.reserved_by_flag, scene.concerns(&[Step::SetEnv])) {
        (true, _) => "set --reserved-enis=1 in the controller's arguments".to_string(),
        (false, true) => reserve(deployment),
        (false, false) => fixes::command(scene.facts, "set-env"),
    };
    findings.push(
        Issue::warning(id::NOD_012, "Karpenter would give new nodes more pods than they have addresses for")
            .at(format!("Deployment {deployment}"))
            .why(format!(
                "no network interface is reserved, so max pods of EC2NodeClass {} includes the node's first interface, which carries no pods with custom networking",
                few(&classes)
            ))
            .fix(format!("{fix}; or set kubelet.maxPods in the EC2NodeClass")),
    );
}

/// Without the controller's settings, the max pods of its nodes are unknown.
fn unknown(scene: &Scene<'_>, karpenter: &Karpenter, findings: &mut Vec<Issue>) {
    let classes = karpenter.computed();
    if classes.is_empty() || addresses_suffice(scene) {
        return;
    }
    let options = options(scene.facts);
    // The smallest usable type that a pool may choose decides.
    let fewest = |class: &str| {
        let kinds = karpenter.pools_of(class).flat_map(types);
        kinds.map(|kind| limit(kind, &options)).filter(|limit| *limit > 0).min()
    };
    let patches = classes.iter().filter_map(|class| {
        let pods = fewest(class)?;
        Some(format!(
            "kubectl patch ec2nodeclass {class} --type=merge -p '{{\"spec\":{{\"kubelet\":{{\"maxPods\":{pods}}}}}}}'"
        ))
    });
    findings.push(
        Issue::warning(id::NOD_020, "unknown which max pods Karpenter gives its nodes")
            .at(karpenter.place())
            .why(format!(
                "no Karpenter controller Deployment was found in the cluster, so its RESERVED_ENIS is unknown; if it is not set, max pods of EC2NodeClass {} includes the first interface, which carries no pods with custom networking",
                few(&classes)
            ))
            .fix(format!(
                "{}; or --accept {} if the controller has RESERVED_ENIS=1",
                patches.collect::<Vec<_>>().join(" && "),
                id::NOD_020
            )),
    );
}

/// A class's kubelet.maxPods is the same for every type that its NodePools may choose (karpenter-provider-aws#3903).
fn too_many(scene: &Scene<'_>, karpenter: &Karpenter, findings: &mut Vec<Issue>) {
    let options = options(scene.facts);
    for (name, class) in &karpenter.classes {
        let overfull = overfull(class, karpenter.pools_of(name), &options);
        let gives = match &class.max_pods {
            _ if overfull.is_empty() => continue,
            None => continue,
            Some(ClassPods::Number(pods)) => format!("every node {}", counted(*pods, "pod")),
            Some(ClassPods::Expression(text)) => format!("nodes the result of {text}"),
        };
        let smallest: Vec<String> =
            overfull.iter().map(|(kind, limit)| format!("{kind} ({limit})")).collect();
        let pools: Vec<String> = karpenter.pools_of(name).map(|pool| pool.name.clone()).collect();
        let remove = format!(
            "kubectl patch ec2nodeclass {name} --type=json -p '[{{\"op\":\"remove\",\"path\":\"/spec/kubelet/maxPods\"}}]'"
        );
        let fix = match (&karpenter.deployment, karpenter.reserved_enis) {
            (Some(deployment), 0) => format!("{} && {remove}", reserve(deployment)),
            (Some(_), _) => remove,
            // Without the controller's settings, removing the value would leave max pods unknown.
            (None, _) => {
                format!(
                    "kubectl edit ec2nodeclass {name} # lower kubelet.maxPods; or allow only larger types in its NodePools"
                )
            }
        };
        findings.push(
            Issue::warning(
                id::NOD_021,
                format!(
                    "EC2NodeClass {name} gives {gives}, more than the addresses of {}",
                    counted(overfull.len(), "instance type"),
                ),
            )
            .at(format!("EC2NodeClass {name}, NodePool {}", few(&pools)))
            .why(format!("addresses for pods with custom networking: {}", few(&smallest)))
            .fix(fix),
        );
    }
}

/// Expressions that Karpenter rejects as long as their feature gate is off, and those that can't be computed here.
fn expressions(scene: &Scene<'_>, karpenter: &Karpenter, findings: &mut Vec<Issue>) {
    for (name, class) in &karpenter.classes {
        let Some(ClassPods::Expression(text)) = &class.max_pods else { continue };
        let pools: Vec<String> = karpenter.pools_of(name).map(|pool| pool.name.clone()).collect();
        let place = format!("EC2NodeClass {name}, NodePool {}", few(&pools));
        if karpenter.deployment.is_some() && !karpenter.expressions {
            findings.push(
                Issue::error(id::NOD_078, format!("Karpenter starts no node from EC2NodeClass {name}"))
                    .at(place)
                    .why(format!("kubelet.maxPods is the expression {text}, and the feature gate NodeClassCEL is off"))
                    .fix("turn the gate on (--aws-feature-gates NodeClassCEL=true, settings.awsFeatureGates.nodeClassCEL in the chart), or set a number"),
            );
            continue;
        }
        let wrong = karpenter.pools_of(name).flat_map(types).find_map(|kind| {
            let why = given(class, kind)?.err()?;
            (limit(kind, &options(scene.facts)) > 0).then(|| format!("{}: {why}", kind.name))
        });
        let Some(why) = wrong else { continue };
        findings.push(
            Issue::warning(id::NOD_079, format!("unknown which max pods EC2NodeClass {name} gives its nodes"))
                .at(place)
                .why(format!("{text} can't be computed for {why}"))
                .fix(format!(
                    "kubectl edit ec2nodeclass {name} # ((default_enis - 1) * (ips_per_eni - 1)) + 2 counts as custom networking does; or --accept {}",
                    id::NOD_079
                )),
        );
    }
}

/// Nodes in a pod subnet use its addresses, and its routes are meant for pods (karpenter-provider-aws#9326).
fn in_pod_subnets(scene: &Scene<'_>, karpenter: &Karpenter, findings: &mut Vec<Issue>) {
    let (facts, design) = (scene.facts, scene.design);
    for zone in &design.zones {
        let (id, tags): (Option<&str>, BTreeMap<String, String>) = match &zone.pod_subnet {
            PodSubnet::There { id, .. } => match facts.vpc.subnet(id) {
                Some(subnet) => (Some(id), subnet.tags.clone()),
                None => continue,
            },
            PodSubnet::New { .. } => (None, create_subnets::tags(design, facts, zone).into_iter().collect()),
            PodSubnet::Unknown => continue,
        };
        for name in karpenter.classes_in(id, &tags) {
            let terms = &karpenter.classes[name].subnets;
            let key = terms
                .iter()
                .filter(|term| crate::facts::node_pools::selects(term, id, &tags))
                .find_map(|term| term.tags.keys().next());
            let fix = match (id, key) {
                (Some(id), Some(key)) => format!("aws ec2 delete-tags --resources {id} --tags Key={key}"),
                _ => {
                    format!("kubectl edit ec2nodeclass {name} # use terms that match only the nodes' subnets")
                }
            };
            findings.push(
                Issue::error(id::NOD_022, format!("Karpenter would start nodes in the pod subnet of {}", zone.zone))
                    .at(format!("EC2NodeClass {name}, {}", id.unwrap_or("the subnet to be created")))
                    .why("its subnetSelectorTerms match the pod subnet: nodes would use the pods' addresses and routes")
                    .fix(fix),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::{Facts, NodeClass, NodePool, Requirement, SubnetTerm};
    use crate::sample::{custom, facts};

    use super::*;

    fn found(facts: &Facts) -> Vec<Issue> {
        let found = crate::checks::found(super::super::check, facts, &["--env-last"]);
        found.into_iter().filter(|finding| finding.id.as_str().starts_with("EC-NOD-02")).collect()
    }

    fn karpenter(class: NodeClass) -> Karpenter {
        let m5 = Requirement {
            key: "karpenter.k8s.aws/instance-family".into(),
            operator: "In".into(),
            values: vec!["m5".into()],
        };
        let pool = NodePool {
            name: "web".into(),
            class: "default".into(),
            requirements: vec![m5],
            ..NodePool::default()
        };
        Karpenter {
            deployment: Some("karpenter/karpenter".into()),
            reserved_enis: 1,
            classes: [("default".to_string(), class)].into(),
            pools: vec![pool],
            ..Karpenter::default()
        }
    }

    fn with(karpenter: Karpenter) -> Facts {
        let mut facts = facts();
        facts.karpenter = Some(karpenter);
        facts
    }

    fn by_tag(key: &str, value: &str) -> NodeClass {
        let tags = [(key.to_string(), value.to_string())].into();
        NodeClass { subnets: vec![SubnetTerm { id: None, tags }], ..NodeClass::default() }
    }

    #[test]
    fn node_pools_without_a_controller_are_unknown_unless_max_pods_are_given() {
        let lost = Karpenter { deployment: None, reserved_enis: 0, ..karpenter(NodeClass::default()) };
        insta::assert_json_snapshot!(found(&with(lost.clone())));
        let given = NodeClass { max_pods: Some(ClassPods::Number(20)), ..NodeClass::default() };
        let settled = Karpenter { classes: [("default".to_string(), given)].into(), ..lost.clone() };
        assert_eq!(found(&with(settled)), []);
        let mut prefixes = with(lost);
        prefixes.cni.env.insert("ENABLE_PREFIX_DELEGATION".into(), "true".into());
        assert_eq!(found(&prefixes), [], "addresses enough");
    }

    #[test]
    fn max_pods_of_a_class_must_fit_every_type_of_its_pools() {
        let fits = NodeClass { max_pods: Some(ClassPods::Number(20)), ..NodeClass::default() };
        assert_eq!(found(&with(karpenter(fits))), []);
        let more = NodeClass { max_pods: Some(ClassPods::Number(58)), ..NodeClass::default() };
        insta::assert_json_snapshot!(found(&with(karpenter(more.clone()))));
        let unreserved = Karpenter { reserved_enis: 0, ..karpenter(more) };
        assert!(
            found(&with(unreserved))[0].fix.contains("RESERVED_ENIS=1 && kubectl patch ec2nodeclass default")
        );
    }

    #[test]
    fn an_expression_needs_its_gate_and_must_fit_every_type() {
        let of = |text: &str, expressions| {
            let class =
                NodeClass { max_pods: Some(ClassPods::Expression(text.into())), ..NodeClass::default() };
            let facts = with(Karpenter { expressions, ..karpenter(class) });
            let found = crate::checks::found(super::super::check, &facts, &["--env-last"]);
            let ids = found.iter().map(|finding| finding.id.as_str().to_string());
            ids.filter(|id| ["EC-NOD-021", "EC-NOD-078", "EC-NOD-079"].contains(&id.as_str()))
                .collect::<Vec<_>>()
        };
        let right = "((default_enis - 1) * (ips_per_eni - 1)) + 2";
        assert_eq!(of(right, true), [""; 0]);
        assert_eq!(of(right, false), ["EC-NOD-078"]);
        assert_eq!(of("max_pods", true), ["EC-NOD-021"], "Karpenter's own number counts the first interface");
        assert_eq!(of("memory_mib / 256", true), ["EC-NOD-079"]);
    }

    #[test]
    fn a_selector_that_matches_a_pod_subnet_is_an_error_and_the_name_tag_is_omitted() {
        let mut there = custom();
        there.karpenter = Some(karpenter(by_tag("karpenter.sh/discovery", "shop")));
        assert_eq!(found(&there), []);
        for subnet in there.vpc.subnets.iter_mut().filter(|subnet| subnet.id == "pods-a") {
            subnet.tags.insert("karpenter.sh/discovery".into(), "shop".into());
        }
        insta::assert_json_snapshot!(found(&there));
        assert_eq!(
            found(&with(karpenter(by_tag("Name", "*")))),
            [],
            "the subnets are created without a name"
        );
        let all = found(&with(karpenter(by_tag(crate::tags::TAG_CLUSTER, "*"))));
        assert_eq!(all.len(), 2, "a tag that we need: {all:?}");
    }
}
