//! Tests of the rendered templates, of both kinds of node groups.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use crate::facts::{GroupTag, Taint};
use crate::net::max_pods::{Options, known, max_pods};
use crate::nodes::user_data::{Boot, Carried, MaxPodsRule, NodeLabel, render};

use super::data::{add_security_groups, remove_prohibited};
use super::error::{LONGEST_TEMPLATE, LONGEST_USER_DATA};
use super::managed::ManagedTemplate;
use super::*;

/// All that a group's template is made from, with nothing special.
struct Input {
    data: Map<String, Value>,
    user_data: Vec<u8>,
    family: Option<AmiFamily>,
    tags: Vec<(String, String)>,
    profile: Profile<'static>,
    instances: Instances,
    group: Map<String, Value>,
    group_tags: Vec<GroupTag>,
    ami_type: &'static str,
    labels: BTreeMap<String, String>,
    taints: Vec<Taint>,
    settings: Map<String, Value>,
    node_group_tags: BTreeMap<String, String>,
    name: &'static str,
}

const ROLE: &str = "arn:aws-us-gov:iam::123456789012:role/eks/nodes";

fn input(data: Value) -> Input {
    Input {
        data: map(data),
        user_data: b"#!/bin/bash\necho \"${HOME}\"\n".to_vec(),
        family: Some(AmiFamily::Al2023),
        tags: Vec::new(),
        profile: Profile::Existing("arn:aws-us-gov:iam::123456789012:instance-profile/eks/nodes"),
        instances: types(&["m5.large"]),
        group: Map::new(),
        group_tags: Vec::new(),
        ami_type: "AL2023_x86_64_STANDARD",
        labels: BTreeMap::new(),
        taints: Vec::new(),
        settings: Map::new(),
        node_group_tags: BTreeMap::new(),
        name: "shop-web-us-west-2a",
    }
}

impl Input {
    fn launch(&self) -> Launch<'_> {
        Launch {
            cluster: "shop",
            name: self.name,
            data: &self.data,
            user_data: &self.user_data,
            family: self.family,
            volume_size: 80,
            imds_defaults: true,
            tags: &self.tags,
        }
    }

    fn render(&self) -> Result<String, TemplateError> {
        let template = NodeGroupTemplate {
            launch: self.launch(),
            subnets: &["subnet-0123456789abcdef0".into()],
            profile: self.profile,
            instances: &self.instances,
            group: &self.group,
            group_tags: &self.group_tags,
        };
        template.render()
    }

    fn managed(&self) -> Result<String, TemplateError> {
        let template = ManagedTemplate {
            launch: self.launch(),
            cluster_security_group: "sg-00000000000000002",
            subnets: &["subnet-0123456789abcdef0".into(), "subnet-0123456789abcdef1".into()],
            node_role: ROLE,
            ami_type: self.ami_type,
            instances: &self.instances,
            labels: &self.labels,
            taints: &self.taints,
            settings: &self.settings,
            tags: &self.node_group_tags,
        };
        template.render()
    }

    fn data(&self) -> Value {
        parsed(&self.render().unwrap())["LaunchTemplate"]["Properties"]["LaunchTemplateData"].clone()
    }

    fn auto_scaling_group(&self) -> Value {
        parsed(&self.render().unwrap())["NodeGroup"]["Properties"].clone()
    }

    fn node_group(&self) -> Value {
        parsed(&self.managed().unwrap())["NodeGroup"]["Properties"].clone()
    }
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn types(names: &[&str]) -> Instances {
    let each = names.iter().map(|name| TypeChoice { name: name.to_string(), weight: None });
    Instances { types: each.collect(), ..Instances::default() }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn group_tag(key: &str, value: &str, propagated: bool) -> GroupTag {
    GroupTag { key: key.into(), value: value.into(), propagated }
}

/// The resources: the fixed head has tags of CloudFormation's own, the generated part has none.
fn parsed(template: &str) -> Value {
    let (_, resources) = template.split_once("\nResources:\n").unwrap();
    serde_saphyr::from_str(resources).unwrap()
}

fn decoded(user_data: &Value) -> Vec<u8> {
    use base64::Engine;
    match user_data {
        Value::String(text) => base64::engine::general_purpose::STANDARD.decode(text).unwrap(),
        Value::Object(function) => function["Fn::Base64"].as_str().unwrap().as_bytes().to_vec(),
        Value::Null => Vec::new(),
        other => panic!("{other}"),
    }
}

fn plain() -> Input {
    let groups = json!(["sg-00000000000000001", "sg-00000000000000002"]);
    let mut input = input(json!({ "ImageId": "ami-0123456789abcdef0", "SecurityGroupIds": groups }));
    let label = NodeLabel::new("k8s.amazonaws.com/eniConfig", "us-west-2a").unwrap();
    input.user_data = boot(AmiFamily::Al2023, "QUJD", &[label]).into_bytes();
    input
}

fn boot(family: AmiFamily, certificate_authority: &str, labels: &[NodeLabel]) -> String {
    let boot = Boot {
        cluster: "shop",
        endpoint: "https://0123456789ABCDEF0123456789ABCDEF.gr7.us-gov-west-1.eks.amazonaws.com",
        certificate_authority,
        service_cidr: "172.20.0.0/16".parse().unwrap(),
        max_pods: MaxPodsRule::Fixed(max_pods(known("m5.large").unwrap(), &Options::default()).unwrap()),
        taints: &[],
        carried: &Carried::default(),
        labels,
    };
    render(family, &boot).unwrap()
}

/// A pool with much of its own.
fn rich() -> Input {
    let mut input = input(json!({
        "ImageId": "ami-0123456789abcdef0",
        "KeyName": "ops",
        "InstanceType": "m5.large",
        "IamInstanceProfile": { "Name": "old" },
        "EbsOptimized": true,
        "Monitoring": { "Enabled": true },
        "SecurityGroupIds": ["sg-00000000000000003", "sg-00000000000000001", "sg-00000000000000002"],
        "BlockDeviceMappings": [{
            "DeviceName": "/dev/xvda",
            "Ebs": {
                "VolumeSize": 200,
                "VolumeType": "io2",
                "Iops": 4000,
                "Encrypted": true,
                "KmsKeyId": "arn:aws:kms:us-west-2:123456789012:key/00000000-0000-0000-0000-000000000000",
            },
        }],
        "MetadataOptions": { "HttpTokens": "optional", "HttpPutResponseHopLimit": 3 },
        "Placement": { "Tenancy": "dedicated" },
        "TagSpecifications": [
            { "ResourceType": "instance", "Tags": [{ "Key": "cost centre", "Value": "0123" }] },
            { "ResourceType": "volume", "Tags": [{ "Key": "Name", "Value": "!Ref web" }, { "Key": "backup", "Value": "true" }] },
        ],
    }));
    input.tags = pairs(&[("owner", "team: platform"), ("backup", "no")]);
    input.group = map(json!({
        "HealthCheckGracePeriod": 300,
        "CapacityRebalance": true,
        "TerminationPolicies": ["OldestInstance", "Default"],
    }));
    input.group_tags = vec![
        group_tag("Name", "web", true),
        group_tag("k8s.io/cluster-autoscaler/enabled", "true", false),
        group_tag("k8s.io/cluster-autoscaler/node-template/taint/dedicated", "db:NoSchedule", false),
        group_tag("aws:cloudformation:stack-name", "old", true),
        group_tag("eks:nodegroup-name", "old", true),
    ];
    input
}

fn mixed() -> Input {
    let mut input = rich();
    input.instances = types(&["m5.large", "m5a.large", "m6i.xlarge"]);
    input.instances.types[2].weight = Some(2);
    input.instances.types[0].weight = Some(1);
    input.instances.types[1].weight = Some(1);
    input.instances.distribution = Some(json!({
        "OnDemandBaseCapacity": 1,
        "OnDemandPercentageAboveBaseCapacity": 25,
        "SpotAllocationStrategy": "capacity-optimized",
    }));
    input
}

fn requirements() -> Input {
    let mut input = plain();
    input.instances.requirements = Some(json!({
        "VCpuCount": { "Min": 2, "Max": 8 },
        "MemoryMiB": { "Min": 4096 },
        "CpuManufacturers": ["intel", "amd"],
    }));
    input.instances.spot = true;
    input
}

fn interfaces() -> Input {
    let mut data = map(json!({
        "ImageId": "ami-0123456789abcdef0",
        "NetworkInterfaces": [
            { "DeviceIndex": 0, "NetworkCardIndex": 0, "InterfaceType": "efa", "Groups": ["sg-00000000000000003"], "SubnetId": "subnet-0123456789abcdef9" },
            { "DeviceIndex": 1, "NetworkCardIndex": 1, "InterfaceType": "efa-only", "Groups": ["sg-00000000000000003"] },
        ],
        "Placement": { "GroupName": "training" },
    }));
    add_security_groups(&mut data, &["sg-00000000000000001".into(), "sg-00000000000000002".into()]);
    let mut input = input(Value::Object(data));
    input.instances = types(&["p4d.24xlarge"]);
    input.profile = Profile::OfRole { role: "nodes", path: Some("/eks/") };
    input.tags = pairs(&[("owner", "ml")]);
    input.family = Some(AmiFamily::Bottlerocket);
    input.user_data = boot(AmiFamily::Bottlerocket, "QUJD", &[]).into_bytes();
    input
}

fn managed() -> Input {
    let mut input = rich();
    remove_prohibited(&mut input.data);
    input.data.shift_remove("ImageId");
    input.instances = Instances { spot: true, ..types(&["m5.large", "m5a.large"]) };
    input.labels = [("team".to_string(), "web".to_string()), ("tier".into(), "1".into())].into();
    input.taints = vec![
        Taint { key: "dedicated".into(), value: "db".into(), effect: "NoSchedule".into() },
        Taint { key: "spot".into(), value: String::new(), effect: "PreferNoSchedule".into() },
    ];
    input.settings = map(json!({
        "UpdateConfig": { "MaxUnavailablePercentage": 33 },
        "NodeRepairConfig": { "Enabled": true },
    }));
    input.node_group_tags =
        [("owner".to_string(), "nobody".to_string()), ("env".into(), "prod".into())].into();
    input
}

fn own_image() -> Input {
    let mut input = plain();
    input.labels = [("team".to_string(), "web".to_string())].into();
    input
}

/// `UPDATE_GOLDEN=1 cargo test` rewrites the files; review the diff. tests/it/templates.rs checks them with cfn-lint.
#[test]
fn templates_match_the_golden_files() {
    for (name, rendered) in [
        ("plain", plain().render()),
        ("rich", rich().render()),
        ("mixed-instances", mixed().render()),
        ("instance-requirements", requirements().render()),
        ("network-interfaces-of-role", interfaces().render()),
        ("managed", managed().managed()),
        ("managed-own-image", own_image().managed()),
    ] {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/nodes/golden/templates/{name}.yaml"));
        let rendered = rendered.unwrap();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &rendered).unwrap();
        }
        assert_eq!(rendered, std::fs::read_to_string(&path).unwrap_or_default(), "{}", path.display());
    }
}

#[test]
fn a_plain_group_is_the_same_by_its_own_name() {
    let input = plain();
    let group = PlainNodeGroup {
        cluster_name: "shop",
        node_group_name: input.name,
        subnet_ids: &["subnet-0123456789abcdef0".into()],
        node_security_group_id: "sg-00000000000000001",
        cluster_security_group_id: "sg-00000000000000002",
        instance_profile_arn: "arn:aws-us-gov:iam::123456789012:instance-profile/eks/nodes",
        instance_type: "m5.large",
        image_id: "ami-0123456789abcdef0",
        ami_family: AmiFamily::Al2023,
        user_data: std::str::from_utf8(&input.user_data).unwrap(),
        volume_size: 80,
    };
    assert_eq!(group.template().unwrap(), input.render().unwrap());
}

#[test]
fn only_sizes_are_parameters_and_every_name_that_is_referred_to_exists() {
    for template in [mixed().render(), interfaces().render(), managed().managed()].map(Result::unwrap) {
        let (head, resources) = template.split_once("\nResources:\n").unwrap();
        let parameters = head.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
        let names: Vec<&str> = parameters.filter(|name| !name.starts_with([' ', '#'])).collect();
        assert_eq!(names[..3], SIZES);
        let resources: Value = serde_saphyr::from_str(resources).unwrap();
        let mut referred = Vec::new();
        references(&resources, &mut referred);
        assert!(referred.len() >= 4);
        for name in referred {
            assert!(SIZES.contains(&name.as_str()) || resources.get(&name).is_some(), "{name}");
        }
        for name in head.split("!Ref ").skip(1).map(|rest| rest.lines().next().unwrap()) {
            assert!(resources.get(name).is_some(), "{name}");
        }
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| match key.as_str() {
            "Ref" => found.push(value.as_str().unwrap().into()),
            "Fn::GetAtt" => found.push(value[0].as_str().unwrap().into()),
            _ => references(value, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn one_type_is_in_the_launch_template_and_several_are_overrides() {
    let one = plain();
    assert_eq!(one.data()["InstanceType"], "m5.large");
    assert!(one.auto_scaling_group().get("MixedInstancesPolicy").is_none());

    let several = mixed();
    assert!(several.data().get("InstanceType").is_none());
    let policy = &several.auto_scaling_group()["MixedInstancesPolicy"];
    assert_eq!(policy["InstancesDistribution"], several.instances.distribution.clone().unwrap());
    let overrides = policy["LaunchTemplate"]["Overrides"].as_array().unwrap();
    assert_eq!(overrides[2], json!({ "InstanceType": "m6i.xlarge", "WeightedCapacity": "2" }));

    let policy = &requirements().auto_scaling_group()["MixedInstancesPolicy"];
    assert_eq!(policy["LaunchTemplate"]["Overrides"][0]["InstanceRequirements"]["VCpuCount"]["Max"], 8);

    let mut only_template = rich();
    only_template.instances = Instances::default();
    assert_eq!(only_template.data()["InstanceType"], "m5.large");
    only_template.data.shift_remove("InstanceType");
    assert_eq!(only_template.render(), Err(TemplateError::NoInstanceType));
    assert_eq!(only_template.managed(), Err(TemplateError::NoInstanceType));
}

#[test]
fn a_group_of_spot_instances_stays_one() {
    let market = json!({ "MarketType": "spot", "SpotOptions": { "MaxPrice": "0.05", "SpotInstanceType": "one-time" } });
    let mut input = plain();
    input.data.insert("InstanceMarketOptions".into(), market.clone());
    input.instances.spot = true;
    assert_eq!(input.data()["InstanceMarketOptions"], market, "one type needs no policy");

    input.instances = Instances { spot: true, ..types(&["m5.large", "m5a.large"]) };
    assert!(input.data().get("InstanceMarketOptions").is_none(), "a policy does not accept them");
    let distribution = &input.auto_scaling_group()["MixedInstancesPolicy"]["InstancesDistribution"];
    assert_eq!(
        *distribution,
        json!({
            "OnDemandBaseCapacity": 0,
            "OnDemandPercentageAboveBaseCapacity": 0,
            "SpotAllocationStrategy": "price-capacity-optimized",
            "SpotMaxPrice": "0.05",
        })
    );

    // A managed node group's launch template says nothing about it.
    let mut input = plain();
    input.instances.spot = true;
    let distribution = &input.auto_scaling_group()["MixedInstancesPolicy"]["InstancesDistribution"];
    assert_eq!(distribution["OnDemandPercentageAboveBaseCapacity"], 0);
    assert_eq!(input.node_group()["CapacityType"], "SPOT");

    let mut input = plain();
    input.data.insert("InstanceMarketOptions".into(), json!({ "MarketType": "capacity-block" }));
    assert!(input.render().is_ok());
    let group = input.node_group();
    assert_eq!((&group["CapacityType"], group.get("InstanceTypes")), (&json!("CAPACITY_BLOCK"), None));
    input.instances = types(&["m5.large", "m5a.large"]);
    assert_eq!(input.render(), Err(TemplateError::Market("capacity-block".into())));
    assert!(matches!(input.managed(), Err(TemplateError::NotManaged(_))));
}

#[test]
fn tags_are_the_pool_s_with_the_user_s_and_without_those_of_aws() {
    let input = rich();
    let list = |tags: &Value| -> Vec<String> {
        let text = |tag: &Value, key: &str| tag[key].as_str().unwrap().to_string();
        let propagated = |tag: &Value| if tag["PropagateAtLaunch"] == true { " (propagated)" } else { "" };
        let tags = tags.as_array().unwrap().iter();
        tags.map(|tag| format!("{}={}{}", text(tag, "Key"), text(tag, "Value"), propagated(tag))).collect()
    };
    assert_eq!(
        list(&input.auto_scaling_group()["Tags"]),
        [
            "Name=web (propagated)",
            "kubernetes.io/cluster/shop=owned (propagated)",
            "k8s.io/cluster-autoscaler/enabled=true",
            "k8s.io/cluster-autoscaler/node-template/taint/dedicated=db:NoSchedule",
            "owner=team: platform (propagated)",
            "backup=no (propagated)",
        ]
    );
    let specifications = &input.data()["TagSpecifications"];
    assert_eq!(list(&specifications[0]["Tags"]), ["cost centre=0123"]);
    assert_eq!(
        list(&specifications[1]["Tags"]),
        ["Name=!Ref web", "kubernetes.io/cluster/shop=owned", "backup=no", "owner=team: platform"]
    );
    assert_eq!(specifications[2]["ResourceType"], "network-interface");
    let template = &parsed(&input.render().unwrap())["LaunchTemplate"]["Properties"]["TagSpecifications"][0];
    assert_eq!(template["ResourceType"], "launch-template");
    assert_eq!(list(&template["Tags"]), ["owner=team: platform", "backup=no"]);

    let input = managed();
    assert_eq!(
        input.node_group()["Tags"],
        json!({ "env": "prod", "owner": "team: platform", "backup": "no" })
    );
    let data = &parsed(&input.managed().unwrap())["LaunchTemplate"]["Properties"]["LaunchTemplateData"];
    assert_eq!(
        list(&data["TagSpecifications"][0]["Tags"]),
        ["Name=shop-web-us-west-2a", "cost centre=0123", "owner=team: platform", "backup=no"]
    );
}

#[test]
fn defaults_fill_only_what_the_old_launch_template_lacks() {
    let data = plain().data();
    assert_eq!(data["MetadataOptions"]["HttpPutResponseHopLimit"], 2);
    assert_eq!(data["BlockDeviceMappings"][0]["DeviceName"], "/dev/xvda");
    assert_eq!(interfaces().data()["BlockDeviceMappings"][0]["DeviceName"], "/dev/xvdb");
    let before = rich();
    for key in ["MetadataOptions", "BlockDeviceMappings", "KeyName", "Placement"] {
        assert_eq!(before.data()[key], before.data[key]);
    }
    let mut other = plain();
    other.family = None;
    assert!(other.data().get("BlockDeviceMappings").is_none(), "the image of another family has its own");
}

#[test]
fn an_instance_profile_for_a_role_is_in_the_same_stack() {
    let input = interfaces();
    let resources = parsed(&input.render().unwrap());
    assert_eq!(
        resources["NodeInstanceProfile"]["Properties"],
        json!({ "Roles": ["nodes"], "Path": "/eks/" })
    );
    let arn = json!({ "Fn::GetAtt": ["NodeInstanceProfile", "Arn"] });
    assert_eq!(input.data()["IamInstanceProfile"], json!({ "Arn": arn }));
}

#[test]
fn a_managed_group_has_what_eks_wants_and_a_launch_template_without_it() {
    let input = managed();
    let resources = parsed(&input.managed().unwrap());
    let data = &resources["LaunchTemplate"]["Properties"]["LaunchTemplateData"];
    for key in ["IamInstanceProfile", "InstanceType", "ImageId"] {
        assert!(data.get(key).is_none(), "{key}");
    }
    let group = &resources["NodeGroup"]["Properties"];
    assert_eq!((&group["AmiType"], &group["NodeRole"]), (&json!("AL2023_x86_64_STANDARD"), &json!(ROLE)));
    assert_eq!(group["InstanceTypes"], json!(["m5.large", "m5a.large"]));
    assert_eq!(group["Taints"][0], json!({ "Key": "dedicated", "Value": "db", "Effect": "NO_SCHEDULE" }));
    assert_eq!(group["Taints"][1], json!({ "Key": "spot", "Effect": "PREFER_NO_SCHEDULE" }));
    assert_eq!(group["ScalingConfig"]["DesiredSize"], json!({ "Ref": "DesiredCapacity" }));
    assert_eq!(group["UpdateConfig"]["MaxUnavailablePercentage"], 33);
    assert!(own_image().node_group().get("AmiType").is_none(), "EKS refuses it next to an image id");

    // EKS adds the cluster's group only where there is none at all.
    let groups = |data: Value| {
        let resources = parsed(&super::rendered::input(data).managed().unwrap());
        resources["LaunchTemplate"]["Properties"]["LaunchTemplateData"].get("SecurityGroupIds").cloned()
    };
    assert_eq!(groups(json!({})), None);
    let with = groups(json!({ "SecurityGroupIds": ["sg-3"] }));
    assert_eq!(with, Some(json!(["sg-3", "sg-00000000000000002"])));
}

#[test]
fn what_a_managed_group_can_t_have_is_refused() {
    let refused = |change: fn(&mut Input)| {
        let mut input = managed();
        change(&mut input);
        input.managed().unwrap_err().to_string()
    };
    for (error, change) in [
        (
            "HibernationOptions",
            (|input| drop(input.data.insert("HibernationOptions".into(), json!({ "Configured": true }))))
                as fn(&mut Input),
        ),
        ("InstanceRequirements", |input| input.instances.requirements = Some(json!({}))),
        ("InstancesDistribution", |input| input.instances.distribution = Some(json!({}))),
        ("weights", |input| input.instances.types[0].weight = Some(2)),
        ("20 instance types, not 21", |input| input.instances = types(&["m5.large"; 21])),
        ("RemoteAccess", |input| drop(input.settings.insert("RemoteAccess".into(), json!({})))),
        ("at most 63", |input| input.name = "shop/web"),
        ("\"Sometimes\"", |input| input.taints[0].effect = "Sometimes".into()),
    ] {
        let text = refused(change);
        assert!(text.contains(error), "{text}");
    }
}

#[test]
fn user_data_is_text_where_a_person_can_read_it() {
    let written = |bytes: &[u8]| {
        let mut input = plain();
        input.user_data = bytes.to_vec();
        (input.render().unwrap(), input.data()["UserData"].clone())
    };
    let script = b"#!/bin/bash\nset -e\n\n\techo \"${HOME}\" '!Ref x'  \n  indented: yes\n\n";
    let (template, user_data) = written(script);
    assert!(template.contains("\n            #!/bin/bash\n            set -e\n"), "{template}");
    assert_eq!(decoded(&user_data), script);
    for bytes in [
        &b"\x1f\x8b\x08\x00binary"[..],
        "umlaut \u{fc}\n".as_bytes(),
        b"MIME-Version: 1.0\r\n\r\n",
        b"\n\tindented: first\n",
        b"password={{resolve:ssm:/db/password}}\n",
    ] {
        let (template, user_data) = written(bytes);
        assert!(user_data.is_string() && !template.contains("{{resolve"), "{template}");
        assert_eq!(decoded(&user_data), bytes);
    }
    assert_eq!(written(b"").1, Value::Null);
}

#[test]
fn too_much_is_an_error_that_says_what_and_by_how_much() {
    let mut input = plain();
    input.user_data = vec![b'a'; LONGEST_USER_DATA];
    assert!(input.render().is_ok());
    input.user_data.push(b'a');
    let text = input.render().unwrap_err().to_string();
    assert_eq!(text, "user data has 16385 bytes, 1 more than the 16384 that EC2 accepts");
    input.user_data.truncate(10);
    input.tags = (0..600).map(|at| (format!("key-{at}"), "v".repeat(40))).collect();
    let Err(error @ TemplateError::TemplateTooLong { bytes, user_data: 10 }) = input.render() else {
        panic!()
    };
    assert!(
        error.to_string().contains(&format!("{} more than the 51200", bytes - LONGEST_TEMPLATE)),
        "{error}"
    );
}

/// The longest names that AWS allows, a certificate authority somewhat longer than EKS's and several labels.
#[test]
fn user_data_of_every_family_is_readable_and_fits() {
    let labels: Vec<NodeLabel> = (0..4)
        .map(|n| NodeLabel::new(&format!("k8s.example.com/label-{n}"), "us-gov-west-1a").unwrap())
        .collect();
    for family in AmiFamily::ALL {
        let mut input = plain();
        input.family = Some(family);
        input.user_data = boot(family, &"A".repeat(1700), &labels).into_bytes();
        assert!(input.data()["UserData"].get("Fn::Base64").is_some(), "{family}");
    }
}

#[test]
fn nothing_of_an_old_group_becomes_a_function_or_a_dynamic_reference() {
    let tag = |key: &str, value: &str| json!([{ "ResourceType": "volume", "Tags": [{ "Key": key, "Value": value }] }]);
    let with = |key: &str, value: Value| {
        let mut input = plain();
        input.data.insert(key.into(), value);
        input
    };
    let secret = "{{resolve:secretsmanager:db}}";
    let error = with("TagSpecifications", tag("a", secret)).render().unwrap_err();
    let at = "LaunchTemplateData.TagSpecifications[0].Tags[2].Value".to_string();
    assert_eq!(error, TemplateError::DynamicReference { at });
    assert!(matches!(
        with("TagSpecifications", tag(secret, "a")).managed(),
        Err(TemplateError::DynamicReference { .. })
    ));
    for key in ["Ref", "Fn::Sub", "Fn::Transform"] {
        let error = with("CpuOptions", json!({ key: "AWS::AccountId" })).render().unwrap_err();
        assert_eq!(
            error,
            TemplateError::Function { at: "LaunchTemplateData.CpuOptions".into(), key: key.into() }
        );
    }
    assert!(matches!(with("CpuOptions", Value::Null).render(), Err(TemplateError::Null { .. })));
    // A label or a tag of a managed node group is a key of a map.
    let mut input = managed();
    input.labels.insert("Ref".into(), "a".into());
    assert!(matches!(input.managed(), Err(TemplateError::Function { .. })));
    let mut input = rich();
    input.group.insert("MinSize".into(), json!(7));
    assert_eq!(input.render(), Err(TemplateError::Reserved { property: "MinSize".into() }));
    input.group = map(json!({ "HealthCheckType": secret }));
    assert!(matches!(input.render(), Err(TemplateError::DynamicReference { .. })));
    let error = with("NetworkInterfaces", json!([{ "NetworkInterfaceId": "eni-1" }])).render().unwrap_err();
    let text = "the launch template can't have NetworkInterfaces[0].NetworkInterfaceId (only one instance can have it)";
    assert_eq!(error.to_string(), text);
}

/// Texts that YAML or CloudFormation could take for something else, and any other.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "",
            " ",
            "~",
            "null",
            "true",
            "no",
            "on",
            "y",
            "0123",
            "0x1f",
            "0b1",
            "1e3",
            "1_000",
            "12:30:45",
            ".5",
            ".inf",
            "=",
            "<<",
            "2026-11-30",
            "!Ref x",
            "!Sub ${AWS::Region}",
            "${AWS::Region}",
            "Fn::Sub",
            "a: b",
            "- a",
            "? a",
            "# a",
            "a #b",
            "&a",
            "*a",
            "@a",
            "`a",
            "%a",
            "|",
            ">",
            "{a}",
            "[a",
            "'a'",
            "\"a\"",
            "\\n",
            "a\nb",
            "a\n",
            "\na",
            " a",
            "a ",
            "\t",
            "a\r\nb",
            "\u{85}",
            "\u{feff}a",
            "\u{fc}",
            "---",
            "...",
            "{{a}}",
            "        SecurityGroupIds:\n  NodeGroup:\n",
        ])
        .prop_map(String::from),
        any::<String>(),
        "[ -~\n]{0,120}",
    ]
    .prop_filter("a dynamic reference is refused", |text| !text.contains("{{resolve:"))
}

/// Values as a launch template has them, below any key.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        text().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[A-Z][A-Za-z]{0,8}", inner, 0..4)
                .prop_filter("a function is refused", |map| !map.contains_key("Ref"))
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_reaches_aws_as_it_was(
        options in value(),
        keys in prop::collection::vec((text(), text()), 0..4),
        user_data in prop_oneof![text().prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..200)],
        setting in value(),
    ) {
        let mut input = plain();
        let volumes = json!([options]);
        input.data.insert("BlockDeviceMappings".into(), volumes.clone());
        input.group.insert("Context".into(), setting.clone());
        input.user_data = user_data.clone();
        let tags: Vec<_> = keys.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        let specification = json!([{ "ResourceType": "spot-instances-request", "Tags": tags }]);
        input.data.insert("TagSpecifications".into(), specification);
        input.group_tags = keys.iter().map(|(key, value)| group_tag(key, value, true)).collect();

        let template = input.render().unwrap();
        prop_assert_eq!(&template, &input.render().unwrap());
        prop_assert!(template.contains("\n        # The cluster's group makes"));
        let (data, group) = (input.data(), input.auto_scaling_group());
        prop_assert_eq!(&data["BlockDeviceMappings"], &volumes);
        prop_assert_eq!(decoded(&data["UserData"]), user_data);
        prop_assert_eq!(&group["Context"], &setting);
        let distinct: BTreeMap<&String, &String> = keys.iter().map(|(key, value)| (key, value)).collect();
        for (key, value) in distinct.iter().filter(|(key, _)| !key.starts_with("aws:") && !key.starts_with("eks:")) {
            let is_it = |tag: &&Value| tag["Key"] == **key;
            let of_group = group["Tags"].as_array().unwrap().iter().find(is_it).unwrap();
            prop_assert_eq!(&of_group["Value"], *value);
            let specified = data["TagSpecifications"][0]["Tags"].as_array().unwrap().iter().find(is_it).unwrap();
            prop_assert_eq!(&specified["Value"], *value);
        }
    }
}
