use std::collections::BTreeMap;

use serde_json::json;

use crate::design::{Design, design, our_instances};
use crate::facts::{GroupInstance, ManagedNodeGroup, ManagedPool, ManagedSettings, StackStatus, TypeChoice};
use crate::sample::{add_pool, facts, settings};
use crate::tags::{TAG_CLUSTER, TAG_ENICONFIG};

use super::*;

/// The managed node group `web` in both zones, and the Auto Scaling group `batch`.
fn cluster() -> Facts {
    let mut facts = facts();
    facts.nodes.clear();
    facts.machine.images = crate::sample::images();
    add_pool(&mut facts, "batch", "m5.large", &["b"]);
    add_pool(&mut facts, "web", "m5.large", &["a", "b"]);
    let pool = &mut facts.pools[1];
    pool.owner = Owner::Managed("web".into());
    pool.managed = Some(ManagedPool { ami_type: "AL2023_x86_64_STANDARD".into(), ..ManagedPool::default() });
    facts
}

fn designed(facts: &Facts, arguments: &[&str]) -> Design {
    design(&settings(arguments), facts)
}

/// The kind of each pool.
fn kinds(facts: &Facts, arguments: &[&str]) -> Vec<String> {
    let kind = |pool: &PoolDesign| match pool.kind {
        GroupKind::SelfManaged => format!("{} self-managed", pool.name),
        GroupKind::Managed(image) => format!("{} managed {image}", pool.name),
    };
    designed(facts, arguments).pools.iter().map(kind).collect()
}

/// The stacks with their zones and sizes.
fn groups(facts: &Facts, arguments: &[&str]) -> Vec<String> {
    let design = designed(facts, arguments);
    let shown = design.groups().map(|(_, group)| {
        format!(
            "{} {}: {} {} {}",
            group.stack,
            group.zone_names(),
            group.min_size,
            group.size,
            group.max_size
        )
    });
    shown.collect()
}

/// A stack that an earlier run created.
fn launched(facts: &mut Facts, name: &str, status: &str, tags: &[(&str, &str)]) {
    let stack = Stack {
        name: name.into(),
        id: name.into(),
        status: StackStatus::from(status),
        reason: String::new(),
        updated: String::new(),
        parameters: BTreeMap::new(),
        outputs: BTreeMap::new(),
        tags: [(TAG_CLUSTER, "shop")]
            .iter()
            .chain(tags)
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect(),
    };
    facts.node_groups.stacks.insert(name.into(), stack);
}

#[test]
fn the_settings_say_which_pools_get_managed_node_groups() {
    for (arguments, expected) in [
        (&[][..], ["batch self-managed", "web self-managed"]),
        (&["--replace-with", "same"], ["batch self-managed", "web managed eks"]),
        (&["--replace-with", "managed"], ["batch managed eks", "web managed eks"]),
        (
            &["--replace-with", "same", "--replace-with", "batch=managed", "--managed-image", "batch=own"],
            ["batch managed own", "web managed eks"],
        ),
        (&["--replace-with", "same", "--ami-id", "web=ami-1"], ["batch self-managed", "web managed own"]),
    ] {
        assert_eq!(kinds(&cluster(), arguments), expected, "{arguments:?}");
    }
}

#[test]
fn an_image_that_eks_did_not_choose_stays_the_owner_s() {
    let mut facts = cluster();
    facts.pools[1].managed.as_mut().unwrap().ami_type = "CUSTOM".into();
    let web =
        |arguments: &[&str]| kinds(&facts, &[&["--replace-with", "same"], arguments].concat())[1].clone();
    assert_eq!(web(&[]), "web managed own");
    assert_eq!(web(&["--managed-image", "eks"]), "web managed eks");
    assert_eq!(web(&["--ami-family", "web=bottlerocket"]), "web managed eks", "the image does not stay");
}

#[test]
fn a_managed_node_group_is_for_all_zones_unless_its_nodes_need_a_label() {
    let same = ["--replace-with", "same"];
    assert_eq!(
        groups(&cluster(), &same),
        ["eni-custom-shop-batch-b b: 1 1 2", "eni-custom-shop-web-managed a, b: 1 2 4"]
    );
    let names = ["--eniconfig-name", "a=blue,b=green"];
    assert_eq!(
        groups(&cluster(), &[&same[..], &names].concat())[1..],
        ["eni-custom-shop-web-blue a: 1 1 2", "eni-custom-shop-web-green b: 0 1 2"]
    );
    let sizes = ["--nodes-per-zone", "web=3", "--max-nodes-per-zone", "web=4"];
    assert_eq!(
        groups(&cluster(), &[&same[..], &sizes].concat())[1],
        "eni-custom-shop-web-managed a, b: 1 6 8"
    );
}

#[test]
fn nodes_of_a_group_of_all_zones_are_counted_in_each() {
    let design = designed(&cluster(), &["--replace-with", "same", "--nodes-per-zone", "web=1"]);
    let (_, group) = design.groups().last().unwrap();
    let shares = |units| design.zones.iter().map(|zone| group.share(units, zone)).collect::<Vec<_>>();
    assert_eq!((shares(3), shares(2), group.largest_share(3)), (vec![2, 1], vec![1, 1], 2));
}

#[test]
fn an_existing_group_decides_the_kind_whatever_the_settings_say() {
    let mut facts = cluster();
    let (pool, managed) = ((TAG_POOL, "web"), (TAG_KIND, MANAGED));
    launched(
        &mut facts,
        "eni-custom-shop-web-managed",
        "CREATE_COMPLETE",
        &[pool, managed, (TAG_ENICONFIG, "a b")],
    );
    launched(
        &mut facts,
        "eni-custom-shop-batch-b",
        "CREATE_COMPLETE",
        &[(TAG_POOL, "batch"), (TAG_ENICONFIG, "b")],
    );
    let kept = ["batch self-managed", "web managed eks"];
    assert_eq!(
        (kinds(&facts, &[]), kinds(&facts, &["--replace-with", "managed"])),
        (kept.map(String::from).into(), kept.map(String::from).into())
    );
    assert_eq!(groups(&facts, &[])[1], "eni-custom-shop-web-managed a, b: 1 2 4");
    facts.node_groups.stacks.get_mut("eni-custom-shop-web-managed").unwrap().status =
        "ROLLBACK_COMPLETE".into();
    assert_eq!(kinds(&facts, &[])[1], "web self-managed", "it is deleted first");
}

#[test]
fn managed_node_groups_of_eni_custom_are_no_pools_to_replace_and_their_nodes_not_old() {
    let mut facts = cluster();
    let new = add_pool(&mut facts, "eks-new", "m5.large", &["a"]);
    let name = "eni-custom-shop-web-managed";
    let tags = [(TAG_CLUSTER, "shop"), (TAG_POOL, "web"), (TAG_KIND, MANAGED)];
    let pool = ManagedPool {
        ami_type: "CUSTOM".into(),
        tags: tags.map(|(key, value)| (key.to_string(), value.to_string())).into(),
        ..ManagedPool::default()
    };
    facts.node_groups.managed = vec![ManagedNodeGroup {
        name: name.into(),
        status: "ACTIVE".into(),
        min: 1,
        desired: 1,
        max: 2,
        groups: vec!["eks-new".into()],
        issues: Vec::new(),
        settings: ManagedSettings { pool, ..ManagedSettings::default() },
    }];
    let group = facts.node_groups.groups.get_mut("eks-new").unwrap();
    group.tags.insert("eks:nodegroup-name".into(), name.into());
    group.instances = vec![GroupInstance { id: "i-eks-new-a".into(), ..group.instances[0].clone() }];
    facts.pools[2] = Pool { owner: Owner::Managed(name.into()), ..new };
    assert!(our_instances(&facts).contains("i-eks-new-a"));
    let design = designed(&facts, &[]);
    assert_eq!(design.pools.iter().map(|pool| pool.name.as_str()).collect::<Vec<_>>(), ["batch", "web"]);
    assert!(!design.old_nodes.contains("eks-new-a"), "{:?}", design.old_nodes);
    launched(&mut facts, name, "CREATE_COMPLETE", &tags[1..]);
    let design = designed(&facts, &[]);
    let (web, group) = design.groups().last().unwrap();
    assert_eq!(group.there(&facts).map(|there| there.name.as_str()), Some("eks-new"));
    assert_eq!(web.kind, GroupKind::Managed(ManagedImage::Own), "as EKS shows it");
}

#[test]
fn eks_sets_one_number_of_max_pods_for_all_types() {
    let mut facts = cluster();
    let types = ["m5.large", "m5.2xlarge"].map(|name| TypeChoice { name: name.into(), weight: None });
    facts.pools[1].instances.types = types.into();
    let kind = crate::net::max_pods::known("m5.2xlarge").unwrap().clone();
    facts.machine.types.insert(kind.name.clone(), kind);
    let numbers = |arguments: &[&str]| -> Vec<u32> {
        let design = designed(&facts, arguments);
        design.pools[1].machine.types.iter().map(|one| one.max_pods.get()).collect()
    };
    assert_eq!(numbers(&[]), [20, 44]);
    assert_eq!(numbers(&["--replace-with", "same"]), [20, 20]);
    assert_eq!(numbers(&["--replace-with", "same", "--managed-image", "own"]), [20, 44]);
}

#[test]
fn the_ami_type_follows_family_architecture_and_accelerator() {
    for (family, is_arm, instance_type, expected) in [
        (AmiFamily::Al2023, false, "m5.large", Some("AL2023_x86_64_STANDARD")),
        (AmiFamily::Al2023, true, "m6g.large", Some("AL2023_ARM_64_STANDARD")),
        (AmiFamily::Al2023, false, "g5.xlarge", Some("AL2023_x86_64_NVIDIA")),
        (AmiFamily::Al2023, true, "g5g.xlarge", Some("AL2023_ARM_64_NVIDIA")),
        (AmiFamily::Al2023, false, "inf2.xlarge", Some("AL2023_x86_64_NEURON")),
        (AmiFamily::Al2, false, "p3.2xlarge", Some("AL2_x86_64_GPU")),
        (AmiFamily::Bottlerocket, true, "m6g.large", Some("BOTTLEROCKET_ARM_64")),
        (AmiFamily::Bottlerocket, false, "inf2.xlarge", Some("BOTTLEROCKET_x86_64")),
        (AmiFamily::Bottlerocket, false, "g5.xlarge", Some("BOTTLEROCKET_x86_64_NVIDIA")),
        (AmiFamily::Al2023, false, "g4ad.xlarge", None),
        (AmiFamily::Al2, true, "g5g.xlarge", None),
    ] {
        assert_eq!(
            ami_type(family, is_arm, accelerator(instance_type)),
            expected,
            "{family} {instance_type}"
        );
    }
}

#[test]
fn the_ami_type_of_the_old_group_stays_where_it_fits() {
    let mut facts = cluster();
    let fips = "BOTTLEROCKET_x86_64_FIPS";
    facts.pools[1].family = Some(AmiFamily::Bottlerocket);
    facts.pools[1].managed.as_mut().unwrap().ami_type = fips.into();
    let kind = crate::net::max_pods::known("m6g.large").unwrap().clone();
    facts.machine.types.insert(kind.name.clone(), kind);
    let ami_type = |arguments: &[&str]| {
        let design = designed(&facts, &[&["--replace-with", "same"], arguments].concat());
        design.pools[1].ami_type().unwrap().to_string()
    };
    assert_eq!(ami_type(&[]), fips);
    assert_eq!(ami_type(&["--ami-family", "web=al2023"]), "AL2023_x86_64_STANDARD");
    assert_eq!(ami_type(&["--instance-type", "web=m6g.large"]), "BOTTLEROCKET_ARM_64");
}

#[test]
fn a_group_that_is_all_spot_or_all_on_demand_needs_no_distribution() {
    let spot = |distribution: serde_json::Value| {
        let mut facts = cluster();
        facts.pools[1].instances.distribution = Some(distribution);
        let design = designed(&facts, &["--replace-with", "same"]);
        let instances = design.pools[1].managed_instances();
        (instances.distribution.is_none(), instances.spot)
    };
    let distribution = |base, above| json!({ "OnDemandBaseCapacity": base, "OnDemandPercentageAboveBaseCapacity": above, "SpotAllocationStrategy": "x" });
    assert_eq!(spot(distribution(0, 0)), (true, true));
    assert_eq!(spot(distribution(0, 100)), (true, false));
    assert!(!spot(distribution(1, 0)).0 && !spot(distribution(0, 50)).0);
}
