use aws_smithy_types::DateTime;

use crate::aws::fields::assert_each_has_its_place;

use super::*;

use aws_sdk_eks::types::{
    AmiTypes, AutoScalingGroup, CapacityTypes, Issue, LaunchTemplateSpecification, NodeRepairConfig,
    NodeRepairConfigOverrides, Nodegroup, NodegroupHealth, NodegroupIssueCode, NodegroupResources,
    NodegroupScalingConfig, NodegroupStatus, NodegroupUpdateConfig, NodegroupUpdateStrategies,
    RemoteAccessConfig, RepairAction, TaintEffect, WarmPoolConfig, WarmPoolState,
};
fn full() -> Nodegroup {
    Nodegroup::builder()
        .nodegroup_name("nodegroup_name")
        .nodegroup_arn("nodegroup_arn")
        .cluster_name("cluster_name")
        .version("version")
        .release_version("release_version")
        .created_at(DateTime::from_secs(0))
        .modified_at(DateTime::from_secs(0))
        .status(NodegroupStatus::Active)
        .capacity_type(CapacityTypes::CapacityBlock)
        .scaling_config(NodegroupScalingConfig::builder().min_size(1).max_size(2).desired_size(3).build())
        .instance_types("instance_types")
        .subnets("subnets")
        .remote_access(
            RemoteAccessConfig::builder()
                .ec2_ssh_key("ec2_ssh_key")
                .source_security_groups("source_security_groups")
                .build(),
        )
        .ami_type(AmiTypes::Al2023Arm64Nvidia)
        .node_role("node_role")
        .labels("labels", "value")
        .taints(
            aws_sdk_eks::types::Taint::builder()
                .key("key")
                .value("value")
                .effect(TaintEffect::NoExecute)
                .build(),
        )
        .resources(
            NodegroupResources::builder()
                .auto_scaling_groups(AutoScalingGroup::builder().name("name").build())
                .remote_access_security_group("remote_access_security_group")
                .build(),
        )
        .disk_size(4)
        .health(
            NodegroupHealth::builder()
                .issues(
                    Issue::builder()
                        .code(NodegroupIssueCode::AccessDenied)
                        .message("message")
                        .resource_ids("resource_ids")
                        .build(),
                )
                .build(),
        )
        .update_config(
            NodegroupUpdateConfig::builder()
                .max_unavailable(5)
                .max_unavailable_percentage(6)
                .update_strategy(NodegroupUpdateStrategies::Default)
                .build(),
        )
        .node_repair_config(
            NodeRepairConfig::builder()
                .enabled(true)
                .max_unhealthy_node_threshold_count(7)
                .max_unhealthy_node_threshold_percentage(8)
                .max_parallel_nodes_repaired_count(9)
                .max_parallel_nodes_repaired_percentage(10)
                .node_repair_config_overrides(
                    NodeRepairConfigOverrides::builder()
                        .node_monitoring_condition("node_monitoring_condition")
                        .node_unhealthy_reason("node_unhealthy_reason")
                        .min_repair_wait_time_mins(11)
                        .repair_action(RepairAction::NoAction)
                        .build(),
                )
                .build(),
        )
        .launch_template(
            LaunchTemplateSpecification::builder().name("name").version("version").id("id").build(),
        )
        .tags("tags", "value")
        .warm_pool_config(
            WarmPoolConfig::builder()
                .enabled(true)
                .min_size(12)
                .max_group_prepared_capacity(13)
                .pool_state(WarmPoolState::Hibernated)
                .reuse_on_scale_in(true)
                .build(),
        )
        .build()
}

#[test]
fn each_field_becomes_a_property_or_is_explained() {
    let full = full();
    let properties = Value::Object(properties(&full));
    assert_each_has_its_place("Managed node group", &full, &properties, &lost(&full));
}

#[test]
fn the_properties_of_a_managed_node_group_with_everything() {
    insta::assert_json_snapshot!(properties(&full()));
}

#[test]
fn taints_have_the_effects_of_kubernetes() {
    let taints = |effect: TaintEffect| {
        let taint = aws_sdk_eks::types::Taint::builder().key("db").value("yes").effect(effect).build();
        settings(&Nodegroup::builder().taints(taint).build()).taints
    };
    for (effect, expected) in [
        (TaintEffect::NoSchedule, "NoSchedule"),
        (TaintEffect::NoExecute, "NoExecute"),
        (TaintEffect::PreferNoSchedule, "PreferNoSchedule"),
    ] {
        let expected = Taint { key: "db".into(), value: "yes".into(), effect: expected.into() };
        assert_eq!(taints(effect), [expected]);
    }
}
