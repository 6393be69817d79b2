use aws_smithy_types::DateTime;
use serde_json::json;

use crate::aws::fields::assert_each_has_its_place;

use super::*;

use aws_sdk_ec2::types::{
    AcceleratorCount, AcceleratorManufacturer, AcceleratorName, AcceleratorTotalMemoryMiB, AcceleratorType,
    AmdSevSnpSpecification, BareMetal, BaselineEbsBandwidthMbps, BaselinePerformanceFactors,
    BurstablePerformance, CapacityReservationPreference, CapacityReservationTargetResponse,
    ConnectionTrackingSpecification, CpuManufacturer, CpuPerformanceFactor, CreditSpecification,
    ElasticGpuSpecificationResponse, HostnameType, InstanceBandwidthWeighting, InstanceGeneration,
    InstanceInterruptionBehavior, InstanceIpv6Address, InstanceRequirements, InstanceType,
    Ipv4PrefixSpecificationResponse, Ipv6PrefixSpecificationResponse, LaunchTemplateAutoRecoveryState,
    LaunchTemplateBlockDeviceMapping, LaunchTemplateCapacityReservationSpecificationResponse,
    LaunchTemplateCpuOptions, LaunchTemplateEbsBlockDevice,
    LaunchTemplateElasticInferenceAcceleratorResponse, LaunchTemplateEnaSrdSpecification,
    LaunchTemplateEnaSrdUdpSpecification, LaunchTemplateEnclaveOptions, LaunchTemplateHibernationOptions,
    LaunchTemplateHttpTokensState, LaunchTemplateIamInstanceProfileSpecification,
    LaunchTemplateInstanceMaintenanceOptions, LaunchTemplateInstanceMarketOptions,
    LaunchTemplateInstanceMetadataEndpointState, LaunchTemplateInstanceMetadataOptions,
    LaunchTemplateInstanceMetadataOptionsState, LaunchTemplateInstanceMetadataProtocolIpv6,
    LaunchTemplateInstanceMetadataTagsState, LaunchTemplateInstanceNetworkInterfaceSpecification,
    LaunchTemplateInstanceSecondaryInterfaceSpecification, LaunchTemplateLicenseConfiguration,
    LaunchTemplateNetworkPerformanceOptions, LaunchTemplatePlacement, LaunchTemplatePrivateDnsNameOptions,
    LaunchTemplateSpotMarketOptions, LaunchTemplateTagSpecification, LaunchTemplatesMonitoring, LocalStorage,
    LocalStorageType, MarketType, MemoryGiBPerVCpu, MemoryMiB, NestedVirtualizationSpecification,
    NetworkBandwidthGbps, NetworkInterfaceCount, OperatorResponse, PerformanceFactorReference,
    PrivateIpAddressSpecification, ResourceType, ResponseLaunchTemplateData,
    SecondaryInterfacePrivateIpAddressSpecification, SecondaryInterfaceType, ShutdownBehavior,
    SpotInstanceType, Tag, Tenancy, TotalLocalStorageGb, VCpuCountRange, VolumeType,
};
fn full() -> ResponseLaunchTemplateData {
    ResponseLaunchTemplateData::builder()
        .kernel_id("kernel_id")
        .ebs_optimized(true)
        .iam_instance_profile(
            LaunchTemplateIamInstanceProfileSpecification::builder().arn("arn").name("name").build(),
        )
        .block_device_mappings(
            LaunchTemplateBlockDeviceMapping::builder()
                .device_name("device_name")
                .virtual_name("virtual_name")
                .ebs(
                    LaunchTemplateEbsBlockDevice::builder()
                        .encrypted(true)
                        .delete_on_termination(true)
                        .iops(1)
                        .kms_key_id("kms_key_id")
                        .snapshot_id("snapshot_id")
                        .volume_size(2)
                        .volume_type(VolumeType::Gp2)
                        .throughput(3)
                        .volume_initialization_rate(4)
                        .ebs_card_index(5)
                        .build(),
                )
                .no_device("no_device")
                .build(),
        )
        .network_interfaces(
            LaunchTemplateInstanceNetworkInterfaceSpecification::builder()
                .associate_carrier_ip_address(true)
                .associate_public_ip_address(true)
                .delete_on_termination(true)
                .description("description")
                .device_index(6)
                .groups("groups")
                .interface_type("interface_type")
                .ipv6_address_count(7)
                .ipv6_addresses(
                    InstanceIpv6Address::builder().ipv6_address("ipv6_address").is_primary_ipv6(true).build(),
                )
                .network_interface_id("network_interface_id")
                .private_ip_address("private_ip_address")
                .private_ip_addresses(
                    PrivateIpAddressSpecification::builder()
                        .primary(true)
                        .private_ip_address("private_ip_address")
                        .build(),
                )
                .secondary_private_ip_address_count(8)
                .subnet_id("subnet_id")
                .network_card_index(9)
                .ipv4_prefixes(Ipv4PrefixSpecificationResponse::builder().ipv4_prefix("ipv4_prefix").build())
                .ipv4_prefix_count(10)
                .ipv6_prefixes(Ipv6PrefixSpecificationResponse::builder().ipv6_prefix("ipv6_prefix").build())
                .ipv6_prefix_count(11)
                .primary_ipv6(true)
                .ena_srd_specification(
                    LaunchTemplateEnaSrdSpecification::builder()
                        .ena_srd_enabled(true)
                        .ena_srd_udp_specification(
                            LaunchTemplateEnaSrdUdpSpecification::builder().ena_srd_udp_enabled(true).build(),
                        )
                        .build(),
                )
                .connection_tracking_specification(
                    ConnectionTrackingSpecification::builder()
                        .tcp_established_timeout(12)
                        .udp_timeout(13)
                        .udp_stream_timeout(14)
                        .build(),
                )
                .ena_queue_count(15)
                .build(),
        )
        .image_id("image_id")
        .instance_type(InstanceType::A12xlarge)
        .key_name("key_name")
        .monitoring(LaunchTemplatesMonitoring::builder().enabled(true).build())
        .placement(
            LaunchTemplatePlacement::builder()
                .availability_zone("availability_zone")
                .availability_zone_id("availability_zone_id")
                .affinity("affinity")
                .group_name("group_name")
                .host_id("host_id")
                .tenancy(Tenancy::Dedicated)
                .spread_domain("spread_domain")
                .host_resource_group_arn("host_resource_group_arn")
                .partition_number(16)
                .group_id("group_id")
                .build(),
        )
        .ram_disk_id("ram_disk_id")
        .disable_api_termination(true)
        .instance_initiated_shutdown_behavior(ShutdownBehavior::Stop)
        .user_data("user_data")
        .tag_specifications(
            LaunchTemplateTagSpecification::builder()
                .resource_type(ResourceType::ApplicationStatusCheck)
                .tags(Tag::builder().key("key").value("value").build())
                .build(),
        )
        .elastic_gpu_specifications(ElasticGpuSpecificationResponse::builder().r#type("type").build())
        .elastic_inference_accelerators(
            LaunchTemplateElasticInferenceAcceleratorResponse::builder().r#type("type").count(17).build(),
        )
        .security_group_ids("security_group_ids")
        .security_groups("security_groups")
        .instance_market_options(
            LaunchTemplateInstanceMarketOptions::builder()
                .market_type(MarketType::CapacityBlock)
                .spot_options(
                    LaunchTemplateSpotMarketOptions::builder()
                        .max_price("max_price")
                        .spot_instance_type(SpotInstanceType::OneTime)
                        .block_duration_minutes(18)
                        .valid_until(DateTime::from_secs(0))
                        .instance_interruption_behavior(InstanceInterruptionBehavior::Hibernate)
                        .build(),
                )
                .build(),
        )
        .credit_specification(CreditSpecification::builder().cpu_credits("cpu_credits").build())
        .cpu_options(
            LaunchTemplateCpuOptions::builder()
                .core_count(19)
                .threads_per_core(20)
                .amd_sev_snp(AmdSevSnpSpecification::Disabled)
                .nested_virtualization(NestedVirtualizationSpecification::Disabled)
                .build(),
        )
        .capacity_reservation_specification(
            LaunchTemplateCapacityReservationSpecificationResponse::builder()
                .capacity_reservation_preference(CapacityReservationPreference::CapacityReservationsOnly)
                .capacity_reservation_target(
                    CapacityReservationTargetResponse::builder()
                        .capacity_reservation_id("capacity_reservation_id")
                        .capacity_reservation_resource_group_arn("capacity_reservation_resource_group_arn")
                        .build(),
                )
                .build(),
        )
        .license_specifications(
            LaunchTemplateLicenseConfiguration::builder()
                .license_configuration_arn("license_configuration_arn")
                .build(),
        )
        .hibernation_options(LaunchTemplateHibernationOptions::builder().configured(true).build())
        .metadata_options(
            LaunchTemplateInstanceMetadataOptions::builder()
                .state(LaunchTemplateInstanceMetadataOptionsState::Applied)
                .http_tokens(LaunchTemplateHttpTokensState::Optional)
                .http_put_response_hop_limit(21)
                .http_endpoint(LaunchTemplateInstanceMetadataEndpointState::Disabled)
                .http_protocol_ipv6(LaunchTemplateInstanceMetadataProtocolIpv6::Disabled)
                .instance_metadata_tags(LaunchTemplateInstanceMetadataTagsState::Disabled)
                .build(),
        )
        .enclave_options(LaunchTemplateEnclaveOptions::builder().enabled(true).build())
        .instance_requirements(
            InstanceRequirements::builder()
                .v_cpu_count(VCpuCountRange::builder().min(22).max(23).build())
                .memory_mib(MemoryMiB::builder().min(24).max(25).build())
                .cpu_manufacturers(CpuManufacturer::AmazonWebServices)
                .memory_gib_per_v_cpu(MemoryGiBPerVCpu::builder().min(26.5).max(27.5).build())
                .excluded_instance_types("excluded_instance_types")
                .instance_generations(InstanceGeneration::Current)
                .spot_max_price_percentage_over_lowest_price(28)
                .on_demand_max_price_percentage_over_lowest_price(29)
                .bare_metal(BareMetal::Excluded)
                .burstable_performance(BurstablePerformance::Excluded)
                .require_hibernate_support(true)
                .network_interface_count(NetworkInterfaceCount::builder().min(30).max(31).build())
                .local_storage(LocalStorage::Excluded)
                .local_storage_types(LocalStorageType::Hdd)
                .total_local_storage_gb(TotalLocalStorageGb::builder().min(32.5).max(33.5).build())
                .baseline_ebs_bandwidth_mbps(BaselineEbsBandwidthMbps::builder().min(34).max(35).build())
                .accelerator_types(AcceleratorType::Fpga)
                .accelerator_count(AcceleratorCount::builder().min(36).max(37).build())
                .accelerator_manufacturers(AcceleratorManufacturer::AmazonWebServices)
                .accelerator_names(AcceleratorName::A100)
                .accelerator_total_memory_mib(AcceleratorTotalMemoryMiB::builder().min(38).max(39).build())
                .network_bandwidth_gbps(NetworkBandwidthGbps::builder().min(40.5).max(41.5).build())
                .allowed_instance_types("allowed_instance_types")
                .max_spot_price_as_percentage_of_optimal_on_demand_price(42)
                .baseline_performance_factors(
                    BaselinePerformanceFactors::builder()
                        .cpu(
                            CpuPerformanceFactor::builder()
                                .references(
                                    PerformanceFactorReference::builder()
                                        .instance_family("instance_family")
                                        .build(),
                                )
                                .build(),
                        )
                        .build(),
                )
                .require_encryption_in_transit(true)
                .build(),
        )
        .private_dns_name_options(
            LaunchTemplatePrivateDnsNameOptions::builder()
                .hostname_type(HostnameType::IpName)
                .enable_resource_name_dns_a_record(true)
                .enable_resource_name_dns_aaaa_record(true)
                .build(),
        )
        .maintenance_options(
            LaunchTemplateInstanceMaintenanceOptions::builder()
                .auto_recovery(LaunchTemplateAutoRecoveryState::Default)
                .build(),
        )
        .disable_api_stop(true)
        .operator(
            OperatorResponse::builder().managed(true).principal("principal").hidden_by_default(true).build(),
        )
        .network_performance_options(
            LaunchTemplateNetworkPerformanceOptions::builder()
                .bandwidth_weighting(InstanceBandwidthWeighting::Default)
                .build(),
        )
        .secondary_interfaces(
            LaunchTemplateInstanceSecondaryInterfaceSpecification::builder()
                .delete_on_termination(true)
                .device_index(43)
                .private_ip_addresses(
                    SecondaryInterfacePrivateIpAddressSpecification::builder()
                        .private_ip_address("private_ip_address")
                        .build(),
                )
                .private_ip_address_count(44)
                .secondary_subnet_id("secondary_subnet_id")
                .interface_type(SecondaryInterfaceType::Secondary)
                .network_card_index(45)
                .build(),
        )
        .build()
}

#[test]
fn each_field_becomes_a_property_or_is_explained() {
    let full = full();
    assert_each_has_its_place("Launch template", &full, &Value::Object(data(&full)), &lost(&full));
}

#[test]
fn the_properties_of_a_launch_template_with_everything() {
    insta::assert_json_snapshot!(data(&full()));
}

#[test]
fn what_is_not_set_is_no_property_and_an_empty_text_is_one() {
    let none = LaunchTemplateBlockDeviceMapping::builder().device_name("/dev/xvdb").no_device("").build();
    let data = |of: ResponseLaunchTemplateData| Value::Object(data(&of));
    assert_eq!(data(ResponseLaunchTemplateData::builder().build()), json!({}));
    let of = ResponseLaunchTemplateData::builder()
        .ebs_optimized(false)
        .block_device_mappings(none)
        .monitoring(LaunchTemplatesMonitoring::builder().build())
        .build();
    let expected = json!([{ "DeviceName": "/dev/xvdb", "NoDevice": "" }]);
    assert_eq!(lost(&of), []);
    assert_eq!(data(of), json!({ "EbsOptimized": false, "BlockDeviceMappings": expected }));
}
