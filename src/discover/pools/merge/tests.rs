use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::facts::{
    AmiFamily, Beside, GroupSettings, GroupTag, Hook, Image, InstanceProfile, KnownImage, LaunchSource,
    LaunchTemplate, Launched, LifecycleHook, ManagedSettings, Taint,
};
use crate::sample;

use super::*;

fn template(id: &str) -> LaunchSource {
    LaunchSource::Template { id: id.into(), version: "3".into() }
}

fn launched(id: &str, data: Value, user_data: &str) -> Launched {
    let Value::Object(data) = data else { panic!("{data}") };
    let template =
        LaunchTemplate { source: template(id).to_string(), data, user_data: user_data.as_bytes().to_vec() };
    Launched { template, unclear: Vec::new() }
}

fn group(name: &str, instances: &[&str]) -> AutoScalingGroup {
    AutoScalingGroup {
        name: name.into(),
        min: 1,
        desired: i32::try_from(instances.len()).unwrap(),
        max: 5,
        instances: instances.iter().map(|id| sample::group_instance(id, "a")).collect(),
        settings: GroupSettings {
            launch: Some(template("lt-1")),
            subnets: ["subnet-a".into()].into(),
            ..GroupSettings::default()
        },
        ..AutoScalingGroup::default()
    }
}

fn node(name: &str, labels: &[(&str, &str)]) -> Node {
    let mut node = Node { instance_id: Some(format!("i-{name}")), ..sample::node(name, "a") };
    node.subnet = Some("subnet-a".into());
    node.labels.extend(labels.iter().map(|(key, value)| (key.to_string(), value.to_string())));
    node
}

fn image(name: &str, by_aws: bool) -> Option<KnownImage> {
    let image = Image { id: "ami-1".into(), name: name.into(), architecture: "x86_64".into() };
    Some(KnownImage { image, by_aws })
}

/// One self-managed group `web` with two nodes, and everything about it read.
fn facts() -> Facts {
    let mut facts = sample::facts();
    facts.nodes = vec![node("n-1", &[("team", "web")]), node("n-2", &[("team", "web"), ("by-hand", "x")])];
    facts.node_groups.groups = [("web".into(), group("web", &["i-n-1", "i-n-2"]))].into();
    let data = json!({
        "ImageId": "ami-1", "InstanceType": "m5.large", "IamInstanceProfile": { "Name": "nodes" },
        "TagSpecifications": [{ "ResourceType": "volume", "Tags": [{ "Key": "aws:a", "Value": "b" }] }],
    });
    let launches = &mut facts.launches;
    launches.sources = [(template("lt-1"), Ok(Some(launched("lt-1", data, ""))))].into();
    launches.images =
        [("ami-1".into(), image("amazon-eks-node-al2023-x86_64-standard-1.34-v20251108", true))].into();
    let arn = "arn:aws:iam::1:instance-profile/nodes".to_string();
    let profile = InstanceProfile { arn, role: Some("arn:aws:iam::1:role/nodes".into()) };
    launches.profiles = [("nodes".into(), Ok(profile))].into();
    launches.hooks = [("web".into(), Ok(Vec::new()))].into();
    launches.beside = Some(Ok(Beside::default()));
    facts
}

fn only(facts: &Facts) -> Pool {
    let mut pools = pools(facts);
    assert_eq!(pools.len(), 1, "{pools:#?}");
    pools.remove(0)
}

fn with(change: impl FnOnce(&mut Facts)) -> Pool {
    let mut facts = facts();
    change(&mut facts);
    only(&facts)
}

fn web(facts: &mut Facts) -> &mut AutoScalingGroup {
    facts.node_groups.groups.get_mut("web").unwrap()
}

fn data(facts: &mut Facts) -> &mut serde_json::Map<String, Value> {
    let launched = facts.launches.sources.get_mut(&template("lt-1")).unwrap();
    &mut launched.as_mut().unwrap().as_mut().unwrap().template.data
}

fn set_user_data(facts: &mut Facts, text: &str) {
    let launched = facts.launches.sources.get_mut(&template("lt-1")).unwrap();
    launched.as_mut().unwrap().as_mut().unwrap().template.user_data = text.into();
}

fn whats(pool: &Pool) -> Vec<&str> {
    pool.unclear.iter().map(|one| one.what.as_str()).collect()
}

fn types(pool: &Pool) -> Vec<&str> {
    pool.instances.types.iter().map(|one| one.name.as_str()).collect()
}

fn text(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

#[test]
fn a_self_managed_group_is_a_pool_of_its_nodes_template_image_and_role() {
    let pool = with(|_| {});
    assert_eq!((pool.name.as_str(), &pool.owner), ("web", &Owner::Group("web".into())));
    assert_eq!(pool.nodes, BTreeSet::from(["n-1".to_string(), "n-2".to_string()]));
    assert_eq!(pool.groups, BTreeSet::from(["web".to_string()]));
    assert_eq!(pool.labels, text(&[("team", "web")]));
    assert_eq!((pool.family, pool.own_image), (Some(AmiFamily::Al2023), false));
    assert_eq!(pool.image.as_ref().map(|image| image.id.as_str()), Some("ami-1"));
    assert_eq!(pool.role.as_deref(), Some("arn:aws:iam::1:role/nodes"));
    assert_eq!(pool.instance_profile.as_deref(), Some("arn:aws:iam::1:instance-profile/nodes"));
    assert_eq!(pool.subnets, BTreeSet::from(["subnet-a".to_string()]));
    assert_eq!(pool.sizes, Sizes { min: 1, desired: 2, max: 5 });
    assert_eq!(types(&pool), ["m5.large"]);
    assert_eq!(pool.template.source, "launch template lt-1 version 3");
    assert_eq!(pool.template.data.get("TagSpecifications"), None);
    assert_eq!(pool.unclear, []);
}

#[test]
fn a_group_without_nodes_has_the_labels_and_taints_of_its_user_data() {
    let user_data = "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  kubelet:\n    flags:\n      - --node-labels=team=db\n      - --register-with-taints=db=yes:NoSchedule\n";
    let pool = with(|facts| {
        facts.nodes.clear();
        set_user_data(facts, user_data);
    });
    let taint = Taint { key: "db".into(), value: "yes".into(), effect: "NoSchedule".into() };
    assert_eq!((pool.labels, pool.taints), (text(&[("team", "db")]), vec![taint]));
    let with_nodes = with(|facts| set_user_data(facts, user_data));
    assert_eq!((with_nodes.labels, with_nodes.taints), (text(&[("team", "web")]), Vec::new()));
}

#[test]
fn user_data_of_an_unknown_family_is_unclear_only_if_no_node_shows_the_labels() {
    let unknown = |facts: &mut Facts| {
        facts.launches.images = [("ami-1".into(), image("ubuntu-eks/k8s_1.34", false))].into();
        facts.nodes.iter_mut().for_each(|node| node.os_image = "Ubuntu 24.04.1 LTS".into());
        set_user_data(facts, "#cloud-config");
    };
    let pool = with(unknown);
    assert_eq!((pool.family, pool.own_image, whats(&pool)), (None, true, vec![]));
    let without_nodes = with(|facts| {
        unknown(facts);
        facts.nodes.clear();
    });
    assert_eq!(whats(&without_nodes), ["labels and taints"]);
    let compressed = with(|facts| {
        facts.nodes.clear();
        let source = facts.launches.sources.get_mut(&template("lt-1")).unwrap();
        source.as_mut().unwrap().as_mut().unwrap().template.user_data = b"\x1f\x8b\x08".to_vec();
    });
    assert_eq!(whats(&compressed), ["labels and taints"]);
}

/// What decides, from first to last: the group's overrides or attributes, those of the template, the nodes.
#[test]
fn instance_types_are_the_groups_the_templates_or_the_nodes() {
    let choice = |name: &str| TypeChoice { name: name.into(), weight: Some(2) };
    let overridden =
        with(|facts| web(facts).settings.instances.types = vec![choice("c5.large"), choice("m5.large")]);
    assert_eq!(
        (types(&overridden), overridden.instances.types[0].weight),
        (vec!["c5.large", "m5.large"], Some(2))
    );
    let attributes = |facts: &mut Facts| {
        facts.nodes[0].instance_type = "r5.large".into();
        facts.nodes.push(Node { instance_type: "r5.large".into(), ..facts.nodes[0].clone() });
    };
    let of_group = with(|facts| {
        attributes(facts);
        web(facts).settings.instances.requirements = Some(json!({ "BareMetal": "excluded" }));
    });
    assert_eq!(
        (types(&of_group), of_group.instances.requirements.is_some()),
        (vec!["r5.large", "m5.large"], true)
    );
    let of_template = with(|facts| {
        attributes(facts);
        data(facts).remove("InstanceType");
        data(facts).insert("InstanceRequirements".into(), json!({ "BareMetal": "excluded" }));
    });
    assert_eq!(of_template.instances.requirements, Some(json!({ "BareMetal": "excluded" })));
    assert_eq!(types(&of_template), ["r5.large", "m5.large"]);
    let by_nodes = with(|facts| drop(data(facts).remove("InstanceType")));
    assert_eq!((types(&by_nodes), &by_nodes.instances.requirements), (vec!["m5.large"], &None));
}

#[test]
fn a_template_that_asks_for_spot_makes_a_spot_pool() {
    let spot = with(|facts| {
        drop(data(facts).insert("InstanceMarketOptions".into(), json!({ "MarketType": "spot" })))
    });
    assert!(spot.instances.spot && !with(|_| {}).instances.spot);
}

#[test]
fn what_could_not_be_had_is_unclear() {
    let denied = || "UnauthorizedOperation: no".to_string();
    let source = "launch template lt-1 version 3";
    let set = |read: Result<Option<Launched>, String>| {
        with(|facts| drop(facts.launches.sources.insert(template("lt-1"), read)))
    };
    assert_eq!(whats(&set(Err(denied()))), [source]);
    assert_eq!(whats(&set(Ok(None))), [source]);
    assert!(set(Err(denied())).unclear[0].why.contains(&denied()));
    assert_eq!(whats(&with(|facts| web(facts).settings.launch = None)), ["launch template"]);
    assert_eq!(
        whats(&with(|facts| drop(facts.launches.images.insert("ami-1".into(), None)))),
        ["ImageId ami-1"]
    );
    let unread = with(|facts| {
        facts.launches.images.clear();
        facts.launches.images_unread = Some(denied());
    });
    assert_eq!((whats(&unread), unread.family), (vec!["ImageId ami-1"], Some(AmiFamily::Al2023)));
    let profile = with(|facts| drop(facts.launches.profiles.insert("nodes".into(), Err(denied()))));
    assert_eq!((whats(&profile), &profile.role), (vec!["instance profile nodes"], &None));
    let hooks = with(|facts| drop(facts.launches.hooks.insert("web".into(), Err(denied()))));
    assert_eq!(whats(&hooks), ["lifecycle hooks"]);
    let scaling = with(|facts| facts.launches.beside = Some(Err(denied())));
    assert_eq!(whats(&scaling), [BESIDE]);
}

#[test]
fn hooks_are_mirrored_and_scaling_policies_and_suspended_processes_are_not() {
    let hook = |name: &str| {
        let property = json!({ "LifecycleHookName": name });
        let terminate = Some(Hook { name: name.into(), heartbeat: 60, longest: 6000 });
        LifecycleHook { terminate, property: property.as_object().unwrap().clone() }
    };
    let pool = with(|facts| {
        let hooks = vec![hook("drain"), hook("Terminate-LC-Hook")];
        facts.launches.hooks.insert("web".into(), Ok(hooks));
        let names = [("web".into(), vec!["scaling policy cpu".into()]), ("other".into(), vec!["x".into()])];
        let notifications = [("web".into(), vec![json!({ "TopicARN": "t" })])].into();
        facts.launches.beside = Some(Ok(Beside { scaling: names.into(), notifications }));
        web(facts).suspended = ["Launch".into(), "AZRebalance".into(), "HealthCheck".into()].into();
        // This drain has suspended Launch; somebody else AZRebalance, before.
        facts.record.held = [("web".into(), ["Launch".into()].into())].into();
        facts.record.suspended_before = [("web".into(), ["AZRebalance".into()].into())].into();
    });
    let expected = json!([{ "LifecycleHookName": "drain" }, { "LifecycleHookName": "Terminate-LC-Hook" }]);
    assert_eq!(
        pool.group["LifecycleHookSpecificationList"], expected,
        "EKS adds its hook to managed groups only"
    );
    assert_eq!(pool.group["NotificationConfigurations"], json!([{ "TopicARN": "t" }]));
    let expected = ["scaling policy cpu", "suspended process AZRebalance", "suspended process HealthCheck"];
    assert_eq!(whats(&pool), expected);
}

/// The same group, made by EKS for a managed node group.
fn managed(facts: &mut Facts) {
    let tag = |key: &str| GroupTag { key: key.into(), value: "x".into(), propagated: true };
    web(facts).settings.tags = vec![tag("eks:nodegroup-name"), tag("team")];
    facts.nodes.iter_mut().for_each(|node| {
        node.labels.insert("eks.amazonaws.com/nodegroup".into(), "general".into());
    });
    let settings = ManagedSettings {
        pool: ManagedPool {
            ami_type: "AL2023_x86_64_STANDARD".into(),
            tags: text(&[("aws:cloudformation:stack-id", "x"), ("team", "web")]),
            ..ManagedPool::default()
        },
        launch: Some(template("lt-user")),
        types: vec!["m5.large".into(), "m5a.large".into()],
        spot: true,
        labels: text(&[("tier", "front")]),
        taints: vec![Taint { key: "db".into(), value: "yes".into(), effect: "NoSchedule".into() }],
        role: Some("arn:aws:iam::1:role/eks".into()),
        subnets: ["subnet-b".into()].into(),
        unclear: vec![Unclear { what: "x".into(), why: "y".into() }],
    };
    facts.node_groups.managed = vec![ManagedNodeGroup {
        name: "general".into(),
        status: "ACTIVE".into(),
        min: 9,
        desired: 9,
        max: 9,
        groups: vec!["web".into()],
        issues: Vec::new(),
        settings,
    }];
}

#[test]
fn a_managed_node_group_is_a_pool_by_its_own_description_and_the_template_that_eks_made() {
    let pool = with(managed);
    assert_eq!((pool.name.as_str(), &pool.owner), ("general", &Owner::Managed("general".into())));
    assert_eq!((pool.labels, pool.taints.len()), (text(&[("tier", "front")]), 1));
    assert_eq!(pool.eks_labels, text(&[("eks.amazonaws.com/nodegroup", "general")]));
    assert_eq!(pool.template.source, "launch template lt-1 version 3");
    assert_eq!((types(&with(managed)), pool.instances.spot), (vec!["m5.large", "m5a.large"], true));
    assert_eq!((pool.role.as_deref(), pool.instance_profile), (Some("arn:aws:iam::1:role/eks"), None));
    assert_eq!(pool.sizes, Sizes { min: 1, desired: 2, max: 5 }, "the group's");
    assert_eq!(pool.subnets, BTreeSet::from(["subnet-b".to_string()]));
    assert_eq!(pool.tags.iter().map(|tag| tag.key.as_str()).collect::<Vec<_>>(), ["team"]);
    assert_eq!(pool.managed.unwrap().tags, text(&[("team", "web")]));
    assert_eq!(pool.nodes.len(), 2);
    assert_eq!(whats(&with(managed)), ["x"]);
}

#[test]
fn hooks_of_eks_are_not_a_managed_node_groups_own() {
    let property = |name: &str| json!({ "LifecycleHookName": name }).as_object().unwrap().clone();
    let pool = with(|facts| {
        managed(facts);
        let hooks = ["Launch-LC-Hook", "Terminate-LC-Hook", "own"];
        let hooks = hooks.map(|name| LifecycleHook { terminate: None, property: property(name) });
        facts.launches.hooks.insert("web".into(), Ok(hooks.into()));
    });
    assert_eq!(pool.group["LifecycleHookSpecificationList"], json!([{ "LifecycleHookName": "own" }]));
}

#[test]
fn an_own_image_of_a_managed_node_group_is_somebody_elses() {
    let own = |ami_type: &str| {
        with(|facts| {
            managed(facts);
            facts.node_groups.managed[0].settings.pool.ami_type = ami_type.into();
            facts.launches.images = [("ami-1".into(), image("golden", false))].into();
        })
    };
    let custom = own("CUSTOM");
    assert_eq!((custom.own_image, custom.family), (true, Some(AmiFamily::Al2023)), "by its nodes");
    assert!(!own("BOTTLEROCKET_x86_64").own_image);
}

#[test]
fn an_image_by_a_parameter_is_aws_s_if_aws_publishes_it() {
    let of = |image: &str| with(|facts| drop(data(facts).insert("ImageId".into(), image.into())));
    let public = of("resolve:ssm:/aws/service/bottlerocket/aws-k8s-1.34/x86_64/latest/image_id");
    assert_eq!((public.own_image, public.family), (false, Some(AmiFamily::Bottlerocket)));
    let own = of("resolve:ssm:/golden/eks");
    assert_eq!((own.own_image, own.family, own.image), (true, Some(AmiFamily::Al2023), None));
}

#[test]
fn alike_nodes_without_an_owner_are_a_pool_and_karpenters_are_in_none() {
    let mut facts = facts();
    facts.node_groups.groups.clear();
    facts.nodes = vec![
        node("a", &[("team", "web")]),
        node("b", &[("team", "db")]),
        node("c", &[("team", "web")]),
        node("d", &[("team", "web")]),
        Node { node_claim: Some("claim".into()), ..node("e", &[]) },
        Node { kind: NodeKind::Fargate, ..node("f", &[]) },
    ];
    let of = |name: &str| {
        let kind = if name == "d" { "c5.large" } else { "m5.large" };
        let tags = [("Name", name), ("team", "web"), ("kubernetes.io/cluster/shop", "owned")];
        let tags = tags.map(|(key, value)| json!({ "Key": key, "Value": value }));
        let tags = json!([{ "ResourceType": "instance", "Tags": tags }]);
        launched("i", json!({ "ImageId": "ami-1", "InstanceType": kind, "TagSpecifications": tags }), "")
    };
    facts.launches.instances = ["a", "b", "c", "d"].map(|name| (format!("i-{name}"), Some(of(name)))).into();
    let pools = pools(&facts);
    let found: Vec<(&str, Vec<&str>, i32)> = pools
        .iter()
        .map(|pool| (pool.name.as_str(), pool.nodes.iter().map(String::as_str).collect(), pool.sizes.max))
        .collect();
    assert_eq!(
        found,
        [("unowned-1", vec!["a", "c"], 2), ("unowned-2", vec!["b"], 1), ("unowned-3", vec!["d"], 1)]
    );
    assert_eq!(pools[0].owner, Owner::Unowned);
    let tags = |pool: &Pool| pool.tags.iter().map(|tag| tag.key.clone()).collect::<Vec<_>>();
    assert_eq!(
        (tags(&pools[0]), tags(&pools[1])),
        (vec!["team".to_string()], vec!["Name".into(), "team".into()])
    );
    assert_eq!(pools[0].template.data.get("TagSpecifications"), None);
    assert_eq!(pools[0].subnets, BTreeSet::from(["subnet-a".to_string()]));
}

#[test]
fn instances_that_could_not_be_read_are_unclear() {
    let mut facts = facts();
    facts.node_groups.groups.clear();
    facts.launches.instances_unread = Some("UnauthorizedOperation: no".into());
    facts.nodes.truncate(1);
    let pool = only(&facts);
    assert_eq!((pool.name.as_str(), whats(&pool)), ("unowned-1", vec!["instance i-n-1"]));
    assert_eq!(types(&pool), ["m5.large"], "by the node");
}

#[test]
fn pools_are_sorted_by_name() {
    let mut facts = facts();
    let groups = &mut facts.node_groups.groups;
    groups.insert("zulu".into(), group("zulu", &[]));
    groups.insert("alpha".into(), group("alpha", &[]));
    let names: Vec<String> = pools(&facts).into_iter().map(|pool| pool.name).collect();
    assert_eq!(names, ["alpha", "web", "zulu"]);
}
