//! Each pool before and after, row by row. Pure.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::design::{GroupDesign, GroupKind, PoolDesign, RoleDesign};
use crate::facts::{Facts, Instances, Owner, Pool, Taint};
use crate::scene::Scene;
use crate::settings::ManagedImage;
use crate::text::counted;

/// A pool, with the node groups that replace it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct PoolOutlook {
    pub name: String,
    /// `managed node group web`, `Auto Scaling group web`; null if the old group is gone.
    pub replaces: Option<String>,
    /// What replaces it: `self-managed` or `managed`.
    pub kind: &'static str,
    pub groups: Vec<GroupOutlook>,
    /// What the nodes have.
    pub rows: Vec<PoolRow>,
}

/// A new node group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct GroupOutlook {
    /// Its zones: one, unless it is a managed node group whose nodes find their ENIConfig by their zone.
    pub zones: Vec<String>,
    pub eniconfigs: Vec<String>,
    /// Name of its CloudFormation stack.
    pub stack: String,
    /// Sizes in capacity units: nodes, unless the instance types have weights.
    pub min: u32,
    pub desired: u32,
    pub max: u32,
}

/// One property of a pool's nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct PoolRow {
    pub what: &'static str,
    pub before: String,
    pub after: String,
    /// Why they differ; null if they don't.
    pub why: Option<&'static str>,
}

impl PoolRow {
    fn same(what: &'static str, value: String) -> Self {
        PoolRow { what, after: value.clone(), before: value, why: None }
    }

    fn changed(what: &'static str, before: String, after: String, why: &'static str) -> Self {
        let why = (before != after).then_some(why);
        PoolRow { what, before, after, why }
    }
}

pub(super) fn pools(scene: &Scene<'_>) -> Vec<PoolOutlook> {
    let outlook = |pool: &PoolDesign| {
        let old = pool.old.as_ref().filter(|_| !pool.is_kept);
        PoolOutlook {
            name: pool.name.clone(),
            replaces: old.map(|old| old.owner.to_string()),
            kind: if pool.kind.is_managed() { "managed" } else { "self-managed" },
            groups: pool.groups.iter().map(group).collect(),
            rows: old.map(|old| rows(scene, pool, old)).unwrap_or_default(),
        }
    };
    scene.design.pools.iter().map(outlook).collect()
}

fn group(group: &GroupDesign) -> GroupOutlook {
    GroupOutlook {
        zones: group.zones.iter().map(|zone| zone.zone.clone()).collect(),
        eniconfigs: group.zones.iter().map(|zone| zone.eniconfig.clone()).collect(),
        stack: group.stack.clone(),
        min: group.min_size,
        desired: group.size,
        max: group.max_size,
    }
}

fn rows(scene: &Scene<'_>, pool: &PoolDesign, old: &Pool) -> Vec<PoolRow> {
    let machine = &pool.machine;
    let types: Vec<String> = machine.types.iter().map(|one| typed(&one.kind.name, one.weight)).collect();
    let new_labels: BTreeMap<String, String> = pool.mirror.labels.clone();
    let old_labels: BTreeMap<String, String> =
        old.labels.iter().chain(&old.eks_labels).map(|(key, value)| (key.clone(), value.clone())).collect();
    vec![
        kind(pool, old),
        sizes(pool, old),
        PoolRow::changed("instance types", old_types(&old.instances), list(types), "--instance-type"),
        PoolRow::same("capacity", capacity(&old.instances)),
        max_pods(scene.facts, pool, old),
        image(pool, old),
        role(pool, old),
        security_groups(scene, pool, old),
        volumes(pool, old),
        PoolRow::changed(
            "labels",
            pairs(&old_labels),
            pairs(&new_labels),
            "EKS's own labels only where a pod asks for them; some labels can't be set by a kubelet",
        ),
        PoolRow::same("taints", list(old.taints.iter().map(taint).collect())),
        tags(pool, old),
    ]
}

const UNKNOWN: &str = "unknown";

fn kind(pool: &PoolDesign, old: &Pool) -> PoolRow {
    const MANAGED: &str = "managed node group";
    const SELF_MANAGED: &str = "Auto Scaling group";
    let before = match old.owner {
        Owner::Managed(_) => MANAGED,
        _ => SELF_MANAGED,
    };
    let (after, why) = match pool.kind {
        GroupKind::SelfManaged => {
            (SELF_MANAGED, "--replace-with managed or same creates managed node groups")
        }
        GroupKind::Managed(_) => (MANAGED, "--replace-with"),
    };
    PoolRow::changed("kind", before.into(), after.into(), why)
}

fn sizes(pool: &PoolDesign, old: &Pool) -> PoolRow {
    let before = format!("{} to {}, now {}", old.sizes.min, old.sizes.max, old.sizes.desired);
    let of_group = |group: &GroupDesign| {
        format!("{} {} to {}, then {}", group.zone_names(), group.min_size, group.max_size, group.size)
    };
    let after = list(pool.groups.iter().map(of_group).collect());
    let why = match &pool.groups[..] {
        [one] if one.zones.len() > 1 => {
            "one group for all zones: its nodes find their ENIConfig by their zone"
        }
        _ => "one group for each zone, because pods' subnets are zonal",
    };
    PoolRow::changed("sizes", before, after, why)
}

fn old_types(instances: &Instances) -> String {
    match &instances.requirements {
        Some(requirements) => format!("by attributes: {requirements}"),
        None => list(instances.types.iter().map(|one| typed(&one.name, one.weight)).collect()),
    }
}

fn typed(name: &str, weight: Option<u32>) -> String {
    weight.map_or_else(|| name.to_string(), |weight| format!("{name} (weight {weight})"))
}

/// `On-Demand`, `Spot (price-capacity-optimized)`, or how a mixed instances policy divides the capacity.
fn capacity(instances: &Instances) -> String {
    const ALL: u64 = 100;
    let Some(distribution) = &instances.distribution else {
        return if instances.spot { "Spot" } else { "On-Demand" }.into();
    };
    let number = |key: &str| distribution.get(key).and_then(Value::as_u64);
    let text = |key: &str| distribution.get(key).and_then(Value::as_str);
    // Defaults: Auto Scaling API reference, InstancesDistribution.
    let base = number("OnDemandBaseCapacity").unwrap_or(0);
    let above = number("OnDemandPercentageAboveBaseCapacity").unwrap_or(ALL);
    let price = text("SpotMaxPrice").filter(|price| !price.is_empty());
    let limit = price.map(|price| format!(", at most {price} USD an hour")).unwrap_or_default();
    let spot = format!("Spot ({}{limit})", text("SpotAllocationStrategy").unwrap_or("lowest-price"));
    match (base, above) {
        (_, ALL..) => "On-Demand".into(),
        (0, 0) => spot,
        (_, 0) => format!("{base} On-Demand, then {spot}"),
        (0, _) => format!("{above} % On-Demand, the rest {spot}"),
        _ => format!("{base} On-Demand, then {above} % On-Demand, the rest {spot}"),
    }
}

fn max_pods(facts: &Facts, pool: &PoolDesign, old: &Pool) -> PoolRow {
    let nodes = facts.ec2_nodes().filter(|node| old.nodes.contains(&node.name));
    let before: BTreeSet<u32> = nodes.map(|node| node.max_pods).collect();
    let after: BTreeSet<u32> = pool.machine.types.iter().map(|one| one.max_pods.get()).collect();
    let numbers = |all: BTreeSet<u32>| list(all.iter().map(ToString::to_string).collect());
    let why = "with custom networking the primary network interface carries no pods";
    match before.is_empty() {
        // A group without nodes shows no number.
        true => PoolRow::changed("max pods", UNKNOWN.into(), numbers(after), why),
        false => PoolRow::changed("max pods", numbers(before), numbers(after), why),
    }
}

fn image(pool: &PoolDesign, old: &Pool) -> PoolRow {
    let shown = |image: &Option<crate::facts::Image>| {
        image.as_ref().map_or_else(|| UNKNOWN.to_string(), |image| format!("{} {}", image.id, image.name))
    };
    let (before, after) = (shown(&old.image), shown(&pool.machine.image));
    match pool.kind {
        GroupKind::Managed(ManagedImage::Eks) => {
            let after = format!("{after} (EKS: {})", pool.ami_type().unwrap_or(UNKNOWN));
            PoolRow::changed(
                "AMI",
                before,
                after,
                "the newest of its family, which EKS chooses and updates when asked to",
            )
        }
        GroupKind::Managed(ManagedImage::Own) => {
            let after = format!("{after} (in the launch template)");
            PoolRow::changed(
                "AMI",
                before,
                after,
                "EKS does not update an image in the launch template: that is up to you",
            )
        }
        GroupKind::SelfManaged => PoolRow::changed(
            "AMI",
            before,
            after,
            "the newest of its family for the cluster's Kubernetes version",
        ),
    }
}

fn role(pool: &PoolDesign, old: &Pool) -> PoolRow {
    let before = old.role.clone().unwrap_or_else(|| UNKNOWN.into());
    let after = match &pool.mirror.role {
        RoleDesign::New => "new, with no more than nodes need".to_string(),
        RoleDesign::Existing { arn, .. } => arn.clone(),
    };
    PoolRow::changed("node role", before, after, "--node-role, or the old role could not be read")
}

fn security_groups(scene: &Scene<'_>, pool: &PoolDesign, old: &Pool) -> PoolRow {
    let before = old.template.security_groups();
    let own = scene.design.node_security_group(scene.facts).unwrap_or_else(|| "a new node group".into());
    let own = [own, scene.facts.cluster.security_group.clone()];
    let after: BTreeSet<String> =
        own.into_iter().chain(pool.mirror.security_groups.iter().cloned()).collect();
    let before: BTreeSet<String> = before.into_iter().collect();
    let shown = |groups: BTreeSet<String>| list(groups.into_iter().collect());
    PoolRow::changed(
        "security groups",
        shown(before),
        shown(after),
        "the cluster's and one for all new nodes and pods, which reach each other whatever their pool",
    )
}

fn volumes(pool: &PoolDesign, old: &Pool) -> PoolRow {
    let mappings = old.template.data.get("BlockDeviceMappings").and_then(Value::as_array);
    let before = list(mappings.into_iter().flatten().filter_map(Value::as_object).map(volume).collect());
    let before = if mappings.is_some() { before } else { "those of the image".into() };
    let after = match pool.machine.volume_size {
        None => before.clone(),
        Some(size) if mappings.is_some() => format!("{before}, with {size} GiB"),
        Some(size) => format!("{size} GiB gp3, encrypted"),
    };
    PoolRow::changed("volumes", before, after, "--volume-size")
}

/// `/dev/xvda 100 GiB gp3, encrypted`
fn volume(mapping: &Map<String, Value>) -> String {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_string();
    let device = text(mapping.get("DeviceName"));
    let Some(ebs) = mapping.get("Ebs").and_then(Value::as_object) else { return device };
    let size = ebs.get("VolumeSize").map_or_else(|| UNKNOWN.to_string(), ToString::to_string);
    let encrypted = ebs.get("Encrypted").and_then(Value::as_bool).unwrap_or_default();
    let key =
        ebs.get("KmsKeyId").and_then(Value::as_str).map(|key| format!(" with {key}")).unwrap_or_default();
    let encrypted = if encrypted { format!(", encrypted{key}") } else { String::new() };
    let kind =
        ebs.get("VolumeType").and_then(Value::as_str).map(|kind| format!(" {kind}")).unwrap_or_default();
    format!("{device} {size} GiB{kind}{encrypted}")
}

fn tags(pool: &PoolDesign, old: &Pool) -> PoolRow {
    if let (Some(managed), true) = (&old.managed, pool.kind.is_managed()) {
        let shown = |tags: &BTreeMap<String, String>| match tags.len() {
            0..=3 => pairs(tags),
            count => counted(count, "tag"),
        };
        return PoolRow::same("tags", shown(&managed.tags));
    }
    let count = |tags: &[crate::facts::GroupTag]| counted(tags.len(), "tag");
    let shown = |tags: &[crate::facts::GroupTag]| match tags.len() {
        0..=3 => list(tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect()),
        _ => count(tags),
    };
    PoolRow::changed(
        "tags",
        shown(&old.tags),
        shown(&pool.mirror.tags),
        "for the Cluster Autoscaler, or --tag",
    )
}

fn taint(taint: &Taint) -> String {
    match taint.value.is_empty() {
        true => format!("{}:{}", taint.key, taint.effect),
        false => format!("{}={}:{}", taint.key, taint.value, taint.effect),
    }
}

fn pairs(labels: &BTreeMap<String, String>) -> String {
    list(labels.iter().map(|(key, value)| format!("{key}={value}")).collect())
}

fn list(items: Vec<String>) -> String {
    if items.is_empty() { "none".into() } else { items.join(", ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn capacity_is_shown_as_what_is_launched() {
        let of = |distribution: Value| {
            capacity(&Instances { distribution: Some(distribution), ..Instances::default() })
        };
        let optimized = "price-capacity-optimized";
        let (base, above, spot) =
            ("OnDemandBaseCapacity", "OnDemandPercentageAboveBaseCapacity", "SpotAllocationStrategy");
        assert_eq!(of(json!({above: 100, spot: optimized})), "On-Demand");
        assert_eq!(of(json!({})), "On-Demand");
        assert_eq!(of(json!({above: 0})), "Spot (lowest-price)");
        assert_eq!(
            of(json!({base: 2, above: 0, spot: optimized, "SpotMaxPrice": "0.05"})),
            "2 On-Demand, then Spot (price-capacity-optimized, at most 0.05 USD an hour)"
        );
        assert_eq!(
            of(json!({base: 1, above: 25, spot: optimized})),
            "1 On-Demand, then 25 % On-Demand, the rest Spot (price-capacity-optimized)"
        );
        assert_eq!(capacity(&Instances { spot: true, ..Instances::default() }), "Spot");
    }
}
