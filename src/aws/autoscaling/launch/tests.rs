use aws_smithy_types::DateTime;

use crate::aws::fields::assert_each_has_its_place;

use super::*;

use aws_sdk_autoscaling::types::{
    BlockDeviceMapping, Ebs, InstanceMetadataEndpointState, InstanceMetadataHttpTokensState,
    InstanceMetadataOptions, InstanceMonitoring, LaunchConfiguration,
};
fn full() -> LaunchConfiguration {
    LaunchConfiguration::builder()
        .launch_configuration_name("launch_configuration_name")
        .launch_configuration_arn("launch_configuration_arn")
        .image_id("image_id")
        .key_name("key_name")
        .security_groups("security_groups")
        .classic_link_vpc_id("classic_link_vpc_id")
        .classic_link_vpc_security_groups("classic_link_vpc_security_groups")
        .user_data("user_data")
        .instance_type("instance_type")
        .kernel_id("kernel_id")
        .ramdisk_id("ramdisk_id")
        .block_device_mappings(
            BlockDeviceMapping::builder()
                .virtual_name("virtual_name")
                .device_name("device_name")
                .ebs(
                    Ebs::builder()
                        .snapshot_id("snapshot_id")
                        .volume_size(1)
                        .volume_type("volume_type")
                        .delete_on_termination(true)
                        .iops(2)
                        .encrypted(true)
                        .throughput(3)
                        .build(),
                )
                .no_device(true)
                .build(),
        )
        .instance_monitoring(InstanceMonitoring::builder().enabled(true).build())
        .spot_price("spot_price")
        .iam_instance_profile("iam_instance_profile")
        .created_time(DateTime::from_secs(0))
        .ebs_optimized(true)
        .associate_public_ip_address(true)
        .placement_tenancy("placement_tenancy")
        .metadata_options(
            InstanceMetadataOptions::builder()
                .http_tokens(InstanceMetadataHttpTokensState::Optional)
                .http_put_response_hop_limit(4)
                .http_endpoint(InstanceMetadataEndpointState::Disabled)
                .build(),
        )
        .build()
}

#[test]
fn each_field_becomes_a_property_or_is_explained() {
    let full = full();
    assert_each_has_its_place("Launch configuration", &full, &Value::Object(data(&full)), &lost(&full));
}

#[test]
fn the_launch_template_of_a_launch_configuration_with_everything() {
    insta::assert_json_snapshot!(data(&full()));
}

#[test]
fn security_groups_are_in_the_first_interface_only_if_that_says_whether_there_is_a_public_address() {
    let plain = LaunchConfiguration::builder()
        .security_groups("sg-1")
        .iam_instance_profile("arn:aws:iam::1:instance-profile/nodes")
        // As EC2 shows them if there are none.
        .kernel_id("")
        .key_name("");
    let of = data(&plain.clone().build());
    let profile = json!({ "Arn": "arn:aws:iam::1:instance-profile/nodes" });
    let expected = json!({ "SecurityGroupIds": ["sg-1"], "IamInstanceProfile": profile });
    assert_eq!(Value::Object(of), expected);
    let public = data(&plain.associate_public_ip_address(false).build());
    let first = json!({ "DeviceIndex": 0, "AssociatePublicIpAddress": false, "Groups": ["sg-1"] });
    assert_eq!((public.get("SecurityGroupIds"), &public["NetworkInterfaces"]), (None, &json!([first])));
}
