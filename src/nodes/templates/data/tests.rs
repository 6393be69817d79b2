use super::*;

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn groups(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn security_groups_are_added_where_ec2_accepts_them() {
    for (data, expected) in [
        (json!({}), json!({ "SecurityGroupIds": ["sg-nodes", "sg-cluster"] })),
        (
            json!({ "SecurityGroupIds": ["sg-cluster", "sg-db"] }),
            json!({ "SecurityGroupIds": ["sg-cluster", "sg-db", "sg-nodes"] }),
        ),
        (
            json!({ "NetworkInterfaces": [{ "DeviceIndex": 0, "Groups": ["sg-db"] }] }),
            json!({ "NetworkInterfaces": [{ "DeviceIndex": 0, "Groups": ["sg-db", "sg-nodes", "sg-cluster"] }] }),
        ),
        (
            json!({ "SecurityGroupIds": ["sg-db"], "NetworkInterfaces": [{ "InterfaceType": "efa" }] }),
            json!({ "NetworkInterfaces": [{ "InterfaceType": "efa", "Groups": ["sg-db", "sg-nodes", "sg-cluster"] }] }),
        ),
        (
            json!({ "NetworkInterfaces": [] }),
            json!({ "NetworkInterfaces": [], "SecurityGroupIds": ["sg-nodes", "sg-cluster"] }),
        ),
    ] {
        let mut data = map(data);
        add_security_groups(&mut data, &groups(&["sg-nodes", "sg-cluster"]));
        assert_eq!(Value::Object(data.clone()), expected);
        let again = data.clone();
        add_security_groups(&mut data, &groups(&["sg-nodes", "sg-cluster"]));
        assert_eq!(data, again, "adding twice changes nothing");
        assert!(security_groups(&data).contains(&"sg-nodes"));
    }
}

#[test]
fn only_the_first_of_several_interfaces_gets_further_groups() {
    let mut data = map(json!({ "NetworkInterfaces": [
        { "DeviceIndex": 1, "NetworkCardIndex": 1, "InterfaceType": "efa-only", "Groups": ["sg-efa"] },
        { "DeviceIndex": 0, "NetworkCardIndex": 0, "InterfaceType": "efa", "Groups": ["sg-efa"] },
    ] }));
    add_security_groups(&mut data, &groups(&["sg-nodes"]));
    assert_eq!(data["NetworkInterfaces"][0]["Groups"], json!(["sg-efa"]));
    assert_eq!(data["NetworkInterfaces"][1]["Groups"], json!(["sg-efa", "sg-nodes"]));
    assert_eq!(security_groups(&data), ["sg-efa", "sg-nodes"]);
}

#[test]
fn what_no_group_can_have_is_removed_and_said_once() {
    let mut data = map(json!({
        "ImageId": "ami-1",
        "Operator": { "Managed": false },
        "Placement": { "AvailabilityZone": "us-west-2a" },
        "MetadataOptions": { "HttpTokens": "required", "State": "applied" },
        "NetworkInterfaces": [
            { "DeviceIndex": 0, "SubnetId": "subnet-1", "PrivateIpAddress": "10.0.0.7" },
            { "DeviceIndex": 1, "NetworkInterfaceId": "eni-1" },
        ],
        "Monitoring": { "Enabled": true, "MetricCategoryIds": ["a"] },
        "SecondaryInterfaces": [],
    }));
    let lost: Vec<String> = remove_unsupported(&mut data).into_iter().map(|one| one.what).collect();
    assert_eq!(
        lost,
        [
            "NetworkInterfaces[1].NetworkInterfaceId",
            "NetworkInterfaces[0].PrivateIpAddress",
            "Monitoring.MetricCategoryIds",
            "SecondaryInterfaces",
        ]
    );
    let left = json!({
        "ImageId": "ami-1",
        "MetadataOptions": { "HttpTokens": "required" },
        "NetworkInterfaces": [{ "DeviceIndex": 0 }, { "DeviceIndex": 1 }],
        "Monitoring": { "Enabled": true },
    });
    assert_eq!(Value::Object(data.clone()), left);
    assert_eq!(remove_unsupported(&mut data), []);
}

#[test]
fn managed_node_groups_lose_what_eks_prohibits() {
    let spot = |options: Value| json!({ "MarketType": "spot", "SpotOptions": options });
    for (data, lost) in [
        (json!({ "IamInstanceProfile": { "Name": "old" } }), &[][..]),
        (json!({ "NetworkInterfaces": [{ "SubnetId": "subnet-1" }] }), &[]),
        (json!({ "InstanceInitiatedShutdownBehavior": "stop" }), &[]),
        (json!({ "InstanceInitiatedShutdownBehavior": "terminate" }), &["InstanceInitiatedShutdownBehavior"]),
        (json!({ "HibernationOptions": { "Configured": false } }), &[]),
        (json!({ "HibernationOptions": { "Configured": true } }), &["HibernationOptions"]),
        (json!({ "InstanceRequirements": { "VCpuCount": { "Min": 2 } } }), &["InstanceRequirements"]),
        (json!({ "InstanceMarketOptions": spot(json!({ "SpotInstanceType": "one-time" })) }), &[]),
        (
            json!({ "InstanceMarketOptions": spot(json!({ "MaxPrice": "0.1" })) }),
            &["InstanceMarketOptions.SpotOptions.MaxPrice"],
        ),
    ] {
        let mut data = map(data);
        let found: Vec<String> = remove_prohibited(&mut data).into_iter().map(|one| one.what).collect();
        assert_eq!(found, lost, "{data:?}");
        assert!(data.values().all(|value| *value == json!([{}])), "{data:?}");
    }
    let block = json!({ "InstanceMarketOptions": { "MarketType": "capacity-block" } });
    let mut data = map(block.clone());
    assert_eq!(remove_prohibited(&mut data), []);
    assert_eq!(Value::Object(data), block, "a managed node group can have a capacity block");
}
