use aws_smithy_types::DateTime;

use crate::aws::fields::assert_each_has_its_place;

use super::*;

use aws_sdk_autoscaling::types::{
    AcceleratorCountRequest, AcceleratorManufacturer, AcceleratorName, AcceleratorTotalMemoryMiBRequest,
    AcceleratorType, AutoScalingGroup, AvailabilityZoneDistribution, AvailabilityZoneImpairmentPolicy,
    BareMetal, BaselineEbsBandwidthMbpsRequest, BaselinePerformanceFactorsRequest, BurstablePerformance,
    CapacityDistributionStrategy, CapacityReservationPreference, CapacityReservationSpecification,
    CapacityReservationTarget, CpuManufacturer, CpuPerformanceFactorRequest, DeletionProtection,
    DistributionSegment, EnabledMetric, ImpairedZoneHealthCheckBehavior, Instance, InstanceGeneration,
    InstanceLifecyclePolicy, InstanceMaintenancePolicy, InstanceRequirements, InstanceReusePolicy,
    InstancesDistribution, LaunchTemplate, LaunchTemplateOverrides, LaunchTemplateSpecification,
    LifecycleState, LocalStorage, LocalStorageType, MemoryGiBPerVCpuRequest, MemoryMiBRequest,
    MixedInstancesPolicy, NetworkBandwidthGbpsRequest, NetworkInterfaceCountRequest, Operator,
    PerformanceFactorReferenceRequest, RetentionAction, RetentionTriggers, SuspendedProcess, TagDescription,
    TargetCapacityType, TotalLocalStorageGbRequest, TrafficSourceIdentifier, VCpuCountRequest,
    WarmPoolConfiguration, WarmPoolState, WarmPoolStatus,
};
fn full() -> AutoScalingGroup {
    AutoScalingGroup::builder()
        .auto_scaling_group_name("auto_scaling_group_name")
        .auto_scaling_group_arn("auto_scaling_group_arn")
        .launch_configuration_name("launch_configuration_name")
        .launch_template(
            LaunchTemplateSpecification::builder()
                .launch_template_id("launch_template_id")
                .launch_template_name("launch_template_name")
                .version("version")
                .build(),
        )
        .mixed_instances_policy(
            MixedInstancesPolicy::builder()
                .launch_template(
                    LaunchTemplate::builder()
                        .launch_template_specification(
                            LaunchTemplateSpecification::builder()
                                .launch_template_id("launch_template_id")
                                .launch_template_name("launch_template_name")
                                .version("version")
                                .build(),
                        )
                        .overrides(
                            LaunchTemplateOverrides::builder()
                                .instance_type("instance_type")
                                .weighted_capacity("weighted_capacity")
                                .launch_template_specification(
                                    LaunchTemplateSpecification::builder()
                                        .launch_template_id("another")
                                        .launch_template_name("launch_template_name")
                                        .version("version")
                                        .build(),
                                )
                                .instance_requirements(
                                    InstanceRequirements::builder()
                                        .v_cpu_count(VCpuCountRequest::builder().min(1).max(2).build())
                                        .memory_mib(MemoryMiBRequest::builder().min(3).max(4).build())
                                        .cpu_manufacturers(CpuManufacturer::AmazonWebServices)
                                        .memory_gib_per_v_cpu(
                                            MemoryGiBPerVCpuRequest::builder().min(5.5).max(6.5).build(),
                                        )
                                        .excluded_instance_types("excluded_instance_types")
                                        .instance_generations(InstanceGeneration::Current)
                                        .spot_max_price_percentage_over_lowest_price(7)
                                        .max_spot_price_as_percentage_of_optimal_on_demand_price(8)
                                        .on_demand_max_price_percentage_over_lowest_price(9)
                                        .bare_metal(BareMetal::Excluded)
                                        .burstable_performance(BurstablePerformance::Excluded)
                                        .require_hibernate_support(true)
                                        .network_interface_count(
                                            NetworkInterfaceCountRequest::builder().min(10).max(11).build(),
                                        )
                                        .local_storage(LocalStorage::Excluded)
                                        .local_storage_types(LocalStorageType::Hdd)
                                        .total_local_storage_gb(
                                            TotalLocalStorageGbRequest::builder().min(12.5).max(13.5).build(),
                                        )
                                        .baseline_ebs_bandwidth_mbps(
                                            BaselineEbsBandwidthMbpsRequest::builder()
                                                .min(14)
                                                .max(15)
                                                .build(),
                                        )
                                        .accelerator_types(AcceleratorType::Fpga)
                                        .accelerator_count(
                                            AcceleratorCountRequest::builder().min(16).max(17).build(),
                                        )
                                        .accelerator_manufacturers(AcceleratorManufacturer::AmazonWebServices)
                                        .accelerator_names(AcceleratorName::A100)
                                        .accelerator_total_memory_mib(
                                            AcceleratorTotalMemoryMiBRequest::builder()
                                                .min(18)
                                                .max(19)
                                                .build(),
                                        )
                                        .network_bandwidth_gbps(
                                            NetworkBandwidthGbpsRequest::builder()
                                                .min(20.5)
                                                .max(21.5)
                                                .build(),
                                        )
                                        .allowed_instance_types("allowed_instance_types")
                                        .baseline_performance_factors(
                                            BaselinePerformanceFactorsRequest::builder()
                                                .cpu(
                                                    CpuPerformanceFactorRequest::builder()
                                                        .references(
                                                            PerformanceFactorReferenceRequest::builder()
                                                                .instance_family("instance_family")
                                                                .build(),
                                                        )
                                                        .build(),
                                                )
                                                .build(),
                                        )
                                        .build(),
                                )
                                .image_id("image_id")
                                .build(),
                        )
                        .build(),
                )
                .instances_distribution(
                    InstancesDistribution::builder()
                        .on_demand_allocation_strategy("on_demand_allocation_strategy")
                        .on_demand_base_capacity(22)
                        .on_demand_percentage_above_base_capacity(23)
                        .spot_allocation_strategy("spot_allocation_strategy")
                        .spot_instance_pools(24)
                        .spot_max_price("spot_max_price")
                        .distribution_segments(
                            DistributionSegment::builder()
                                .target_capacity_types(TargetCapacityType::CapacityBlock)
                                .build(),
                        )
                        .build(),
                )
                .build(),
        )
        .min_size(25)
        .max_size(26)
        .desired_capacity(27)
        .predicted_capacity(28)
        .default_cooldown(29)
        .availability_zones("availability_zones")
        .availability_zone_ids("availability_zone_ids")
        .load_balancer_names("load_balancer_names")
        .target_group_arns("target_group_arns")
        .health_check_type("health_check_type")
        .health_check_grace_period(30)
        .instances(
            Instance::builder()
                .instance_id("instance_id")
                .instance_type("instance_type")
                .availability_zone("availability_zone")
                .availability_zone_id("availability_zone_id")
                .lifecycle_state(LifecycleState::Detached)
                .health_status("health_status")
                .launch_configuration_name("launch_configuration_name")
                .launch_template(
                    LaunchTemplateSpecification::builder()
                        .launch_template_id("launch_template_id")
                        .launch_template_name("launch_template_name")
                        .version("version")
                        .build(),
                )
                .image_id("image_id")
                .protected_from_scale_in(true)
                .weighted_capacity("weighted_capacity")
                .build(),
        )
        .created_time(DateTime::from_secs(0))
        .suspended_processes(
            SuspendedProcess::builder()
                .process_name("process_name")
                .suspension_reason("suspension_reason")
                .build(),
        )
        .placement_group("placement_group")
        .vpc_zone_identifier("vpc_zone_identifier")
        .enabled_metrics(EnabledMetric::builder().metric("metric").granularity("granularity").build())
        .status("status")
        .tags(
            TagDescription::builder()
                .resource_id("resource_id")
                .resource_type("resource_type")
                .key("key")
                .value("value")
                .propagate_at_launch(true)
                .build(),
        )
        .termination_policies("termination_policies")
        .new_instances_protected_from_scale_in(true)
        .service_linked_role_arn("service_linked_role_arn")
        .max_instance_lifetime(31)
        .capacity_rebalance(true)
        .warm_pool_configuration(
            WarmPoolConfiguration::builder()
                .max_group_prepared_capacity(32)
                .min_size(33)
                .pool_state(WarmPoolState::Hibernated)
                .status(WarmPoolStatus::PendingDelete)
                .instance_reuse_policy(InstanceReusePolicy::builder().reuse_on_scale_in(true).build())
                .build(),
        )
        .warm_pool_size(34)
        .context("context")
        .desired_capacity_type("desired_capacity_type")
        .default_instance_warmup(35)
        .traffic_sources(TrafficSourceIdentifier::builder().identifier("identifier").r#type("type").build())
        .instance_maintenance_policy(
            InstanceMaintenancePolicy::builder()
                .min_healthy_percentage(36)
                .max_healthy_percentage(37)
                .build(),
        )
        .deletion_protection(DeletionProtection::PreventAllDeletion)
        .availability_zone_distribution(
            AvailabilityZoneDistribution::builder()
                .capacity_distribution_strategy(CapacityDistributionStrategy::BalancedBestEffort)
                .build(),
        )
        .availability_zone_impairment_policy(
            AvailabilityZoneImpairmentPolicy::builder()
                .zonal_shift_enabled(true)
                .impaired_zone_health_check_behavior(ImpairedZoneHealthCheckBehavior::IgnoreUnhealthy)
                .build(),
        )
        .capacity_reservation_specification(
            CapacityReservationSpecification::builder()
                .capacity_reservation_preference(CapacityReservationPreference::CapacityReservationsFirst)
                .capacity_reservation_target(
                    CapacityReservationTarget::builder()
                        .capacity_reservation_ids("capacity_reservation_ids")
                        .capacity_reservation_resource_group_arns("capacity_reservation_resource_group_arns")
                        .build(),
                )
                .build(),
        )
        .instance_lifecycle_policy(
            InstanceLifecyclePolicy::builder()
                .retention_triggers(
                    RetentionTriggers::builder().terminate_hook_abandon(RetentionAction::Retain).build(),
                )
                .build(),
        )
        .operator(Operator::builder().principal("principal").build())
        .build()
}

#[test]
fn each_field_becomes_a_property_or_is_explained() {
    let full = full();
    let settings = settings(&full);
    // Instances are apart from the properties.
    let types: Vec<Value> = settings
        .instances
        .types
        .iter()
        .map(|one| json!({ "InstanceType": one.name, "WeightedCapacity": one.weight }))
        .collect();
    let overrides = json!([{ "InstanceRequirements": settings.instances.requirements }, types]);
    let mut properties = settings.properties;
    properties.insert(
        "MixedInstancesPolicy".into(),
        json!({
            "InstancesDistribution": settings.instances.distribution,
            "LaunchTemplate": { "Overrides": overrides },
        }),
    );
    // Whether it is of a drain is known later.
    let mut unclear = settings.unclear;
    unclear.push(Unclear { what: "SuspendedProcesses".into(), why: String::new() });
    assert_each_has_its_place("Auto Scaling group", &full, &Value::Object(properties), &unclear);
}

#[test]
fn the_properties_of_a_group_with_everything() {
    let GroupSettings { instances, properties, unclear, .. } = settings(&full());
    let unclear: Vec<String> = unclear.into_iter().map(|one| format!("{}: {}", one.what, one.why)).collect();
    let shown = json!({
        "properties": properties, "requirements": instances.requirements,
        "distribution": instances.distribution, "unclear": unclear,
    });
    insta::assert_json_snapshot!(shown);
}

fn template(id: &str, version: &str) -> LaunchTemplateSpecification {
    LaunchTemplateSpecification::builder().launch_template_id(id).version(version).build()
}

fn policy(overrides: Vec<LaunchTemplateOverrides>, distribution: InstancesDistribution) -> AutoScalingGroup {
    let launch = LaunchTemplate::builder()
        .launch_template_specification(template("lt-1", "$Latest"))
        .set_overrides(Some(overrides))
        .build();
    let policy =
        MixedInstancesPolicy::builder().launch_template(launch).instances_distribution(distribution).build();
    AutoScalingGroup::builder().mixed_instances_policy(policy).build()
}

#[test]
fn a_group_launches_from_its_template_its_policys_or_a_configuration() {
    let of =
        |id: &str, version: &str| Some(LaunchSource::Template { id: id.into(), version: version.into() });
    let group = AutoScalingGroup::builder();
    assert_eq!(launch(&group.clone().launch_template(template("lt-1", "3")).build()), of("lt-1", "3"));
    assert_eq!(launch(&group.clone().launch_template(template("lt-1", "")).build()), of("lt-1", "$Default"));
    let of_policy = policy(Vec::new(), InstancesDistribution::builder().build());
    assert_eq!(launch(&of_policy), of("lt-1", "$Latest"));
    let old = group.clone().launch_configuration_name("web").build();
    assert_eq!(launch(&old), Some(LaunchSource::Configuration("web".into())));
    assert_eq!(launch(&group.build()), None);
}

#[test]
fn types_have_their_order_and_weights_and_a_group_without_on_demand_instances_is_spot() {
    let kind = |name: &str, weight: Option<&str>| {
        let weight = weight.map(ToString::to_string);
        LaunchTemplateOverrides::builder().instance_type(name).set_weighted_capacity(weight).build()
    };
    let of = |base: Option<i32>, above: Option<i32>| {
        let distribution = InstancesDistribution::builder()
            .set_on_demand_base_capacity(base)
            .set_on_demand_percentage_above_base_capacity(above)
            .build();
        instances(&policy(vec![kind("m5.large", Some("2")), kind("c5.large", None)], distribution))
    };
    let types: Vec<_> = of(None, None).types.into_iter().map(|one| (one.name, one.weight)).collect();
    assert_eq!(types, [("m5.large".to_string(), Some(2)), ("c5.large".to_string(), None)]);
    for (base, above, spot) in
        [(None, None, false), (Some(0), Some(0), true), (None, Some(0), true), (Some(1), Some(0), false)]
    {
        assert_eq!(of(base, above).spot, spot, "{base:?} {above:?}");
    }
}

#[test]
fn a_launch_template_of_an_instance_type_is_lost_only_if_it_is_another_one() {
    let of = |spec: LaunchTemplateSpecification| {
        let one = LaunchTemplateOverrides::builder().instance_type("m5.large");
        let one = one.launch_template_specification(spec).build();
        lost(&policy(vec![one], InstancesDistribution::builder().build())).len()
    };
    assert_eq!((of(template("lt-1", "$Latest")), of(template("lt-2", "1"))), (0, 1));
}

#[test]
fn target_groups_of_vpc_lattice_are_traffic_sources_and_all_others_are_in_lists() {
    let source = |kind: &str| TrafficSourceIdentifier::builder().identifier(kind).r#type(kind).build();
    let group = AutoScalingGroup::builder().target_group_arns("elbv2").traffic_sources(source("elbv2"));
    let usual = properties(&group.clone().build());
    assert_eq!(Value::Object(usual), json!({ "TargetGroupARNs": ["elbv2"] }));
    let lattice = properties(&group.traffic_sources(source("vpc-lattice")).build());
    let both = json!([
        { "Identifier": "elbv2", "Type": "elbv2" },
        { "Identifier": "vpc-lattice", "Type": "vpc-lattice" },
    ]);
    assert_eq!(Value::Object(lattice), json!({ "TrafficSources": both }));
}
