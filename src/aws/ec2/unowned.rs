//! Instances without an owner, described as if they had a launch template.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    Instance, InstanceAttributeName, InstanceLifecycleType, InstanceMetadataOptionsResponse, MonitoringState,
    Placement,
};
use serde_json::{Map, Value, json};

use crate::aws::launched::launched;
use crate::aws::properties::{each, map, object, one, text, texts, unclear};
use crate::error::Result;
use crate::facts::{Launched, Unclear};

use super::{Ec2, failure, filter};

impl Ec2 {
    /// These instances by id, without their user data; those that EC2 does not know are left out.
    pub(crate) async fn launched(&self, ids: &[String]) -> Result<BTreeMap<String, Launched>> {
        let mut found: Vec<Instance> = Vec::new();
        // A filter takes 200 values.
        for ids in ids.chunks(200) {
            let mut pages = self
                .client
                .describe_instances()
                .filters(filter("instance-id", ids.iter().map(String::as_str)))
                .into_paginator()
                .items()
                .send();
            while let Some(reservation) = pages.next().await {
                let reservation = reservation.map_err(|error| failure("DescribeInstances", &error))?;
                found.extend(reservation.instances().iter().cloned());
            }
        }
        let read = |instance: Instance| {
            let id = instance.instance_id().unwrap_or_default().to_string();
            let launched = launched(format!("instance {id}"), data(&instance), None, lost(&instance));
            (id, launched)
        };
        Ok(found.into_iter().map(read).collect())
    }

    /// An instance's user data, and nothing else of it.
    pub(crate) async fn user_data(&self, id: &str) -> Result<Launched> {
        let reply = self
            .client
            .describe_instance_attribute()
            .instance_id(id)
            .attribute(InstanceAttributeName::UserData)
            .send()
            .await
            .map_err(|error| failure("DescribeInstanceAttribute", &error).at(id))?;
        let user_data = reply.user_data().and_then(|data| data.value());
        Ok(launched(format!("instance {id}"), Map::new(), user_data, Vec::new()))
    }
}

/// What EC2 shows of an instance whether it was set or not is left out: CPU options.
fn data(of: &Instance) -> Map<String, Value> {
    let is_spot = of.instance_lifecycle() == Some(&InstanceLifecycleType::Spot);
    let monitored = of.monitoring().and_then(|monitoring| monitoring.state());
    let is_monitored = matches!(monitored, Some(MonitoringState::Enabled | MonitoringState::Pending));
    let on = |is_on: Option<bool>, name: &str| is_on.filter(|is_on| *is_on).map(|on| json!({ name: on }));
    let mut groups: Vec<&str> = of.security_groups().iter().filter_map(|group| group.group_id()).collect();
    groups.sort_unstable();
    map([
        ("ImageId", of.image_id().into()),
        ("InstanceType", text(of.instance_type())),
        ("KeyName", of.key_name().into()),
        ("EbsOptimized", of.ebs_optimized().filter(|on| *on).into()),
        (
            "IamInstanceProfile",
            one(of.iam_instance_profile(), |profile| object([("Arn", profile.arn().into())])),
        ),
        ("SecurityGroupIds", texts(&groups)),
        ("Monitoring", is_monitored.then(|| json!({ "Enabled": true })).into()),
        ("MetadataOptions", one(of.metadata_options(), metadata)),
        ("Placement", one(of.placement(), placement)),
        ("EnclaveOptions", on(of.enclave_options().and_then(|of| of.enabled()), "Enabled").into()),
        (
            "HibernationOptions",
            on(of.hibernation_options().and_then(|of| of.configured()), "Configured").into(),
        ),
        (
            "LicenseSpecifications",
            each(of.licenses(), |of| {
                object([("LicenseConfigurationArn", of.license_configuration_arn().into())])
            }),
        ),
        ("InstanceMarketOptions", is_spot.then(|| json!({ "MarketType": "spot" })).into()),
        (
            "TagSpecifications",
            json!([{
                "ResourceType": "instance",
                "Tags": each(of.tags(), |tag| object([("Key", tag.key().into()), ("Value", tag.value().into())])),
            }]),
        ),
    ])
}

fn lost(of: &Instance) -> Vec<Unclear> {
    let reserved = of.capacity_reservation_specification();
    let has_target = reserved.is_some_and(|of| of.capacity_reservation_target().is_some());
    unclear(
        "it is not in EC2's description of an instance, so a replacement gets the image's default",
        [
            ("BlockDeviceMappings", !of.block_device_mappings().is_empty()),
            ("CapacityReservationTarget", has_target),
        ],
    )
}

fn metadata(of: &InstanceMetadataOptionsResponse) -> Value {
    object([
        ("HttpTokens", text(of.http_tokens())),
        ("HttpPutResponseHopLimit", of.http_put_response_hop_limit().into()),
        ("HttpEndpoint", text(of.http_endpoint())),
        ("HttpProtocolIpv6", text(of.http_protocol_ipv6())),
        ("InstanceMetadataTags", text(of.instance_metadata_tags())),
    ])
}

/// Without zone and partition, which a launch chooses.
fn placement(of: &Placement) -> Value {
    let tenancy = of.tenancy().filter(|tenancy| tenancy.as_str() != "default");
    object([
        ("GroupName", of.group_name().filter(|name| !name.is_empty()).into()),
        ("Tenancy", text(tenancy)),
        ("HostId", of.host_id().into()),
        ("HostResourceGroupArn", of.host_resource_group_arn().into()),
    ])
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{
        CapacityReservationSpecificationResponse, CapacityReservationTargetResponse, EnclaveOptions,
        GroupIdentifier, IamInstanceProfile, InstanceBlockDeviceMapping, InstanceType, Monitoring, Tag,
        Tenancy,
    };

    use super::*;

    #[test]
    fn an_instance_has_the_data_of_the_launch_template_that_would_launch_it() {
        let group = |id: &str| GroupIdentifier::builder().group_id(id).build();
        let of = |tenancy: Tenancy, state: MonitoringState, enclaves: bool| {
            Instance::builder()
                .image_id("ami-1")
                .instance_type(InstanceType::M5Large)
                .ebs_optimized(enclaves)
                .iam_instance_profile(IamInstanceProfile::builder().arn("arn:p").id("x").build())
                .security_groups(group("sg-2"))
                .security_groups(group("sg-1"))
                .monitoring(Monitoring::builder().state(state).build())
                .placement(
                    Placement::builder().group_name("").tenancy(tenancy).availability_zone("a").build(),
                )
                .enclave_options(EnclaveOptions::builder().enabled(enclaves).build())
                .subnet_id("subnet-1")
        };
        let plain = of(Tenancy::Default, MonitoringState::Disabled, false).build();
        let expected = json!({
            "ImageId": "ami-1", "InstanceType": "m5.large", "IamInstanceProfile": { "Arn": "arn:p" },
            "SecurityGroupIds": ["sg-1", "sg-2"], "TagSpecifications": [{ "ResourceType": "instance", "Tags": [] }],
        });
        assert_eq!((Value::Object(data(&plain)), lost(&plain)), (expected, Vec::new()));
        let special = of(Tenancy::Dedicated, MonitoringState::Enabled, true)
            .instance_lifecycle(InstanceLifecycleType::Spot)
            .tags(Tag::builder().key("Name").value("n").build());
        let tags = json!([{ "ResourceType": "instance", "Tags": [{ "Key": "Name", "Value": "n" }] }]);
        let special = Value::Object(data(&special.build()));
        for (name, expected) in [
            ("EbsOptimized", json!(true)),
            ("Monitoring", json!({ "Enabled": true })),
            ("Placement", json!({ "Tenancy": "dedicated" })),
            ("EnclaveOptions", json!({ "Enabled": true })),
            ("InstanceMarketOptions", json!({ "MarketType": "spot" })),
            ("TagSpecifications", tags),
        ] {
            assert_eq!(special[name], expected, "{name}");
        }
    }

    #[test]
    fn volumes_and_a_capacity_reservation_are_not_in_the_description_of_an_instance() {
        let reserved = CapacityReservationSpecificationResponse::builder();
        let reserved =
            reserved.capacity_reservation_target(CapacityReservationTargetResponse::builder().build());
        let of = Instance::builder()
            .block_device_mappings(InstanceBlockDeviceMapping::builder().device_name("/dev/xvda").build())
            .capacity_reservation_specification(reserved.build())
            .build();
        let found: Vec<String> = lost(&of).into_iter().map(|one| one.what).collect();
        assert_eq!(found, ["BlockDeviceMappings", "CapacityReservationTarget"]);
    }
}
