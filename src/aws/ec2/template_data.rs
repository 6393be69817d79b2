//! A launch template's data in the spelling of CloudFormation's AWS::EC2::LaunchTemplate. One function for each structure.

use aws_sdk_ec2::types::{
    CapacityReservationTargetResponse, ConnectionTrackingSpecification, LaunchTemplateBlockDeviceMapping,
    LaunchTemplateCapacityReservationSpecificationResponse, LaunchTemplateCpuOptions,
    LaunchTemplateEbsBlockDevice, LaunchTemplateEnaSrdSpecification,
    LaunchTemplateIamInstanceProfileSpecification, LaunchTemplateInstanceMarketOptions,
    LaunchTemplateInstanceMetadataOptions, LaunchTemplateInstanceNetworkInterfaceSpecification,
    LaunchTemplatePlacement, LaunchTemplatePrivateDnsNameOptions, LaunchTemplateSpotMarketOptions,
    LaunchTemplateTagSpecification, ResponseLaunchTemplateData, Tag,
};
use serde_json::{Map, Value};

use crate::aws::properties::{each, map, object, one, text, texts, unclear};
use crate::aws::requirements;
use crate::facts::Unclear;

/// All that CloudFormation knows, but the user data.
pub(super) fn data(of: &ResponseLaunchTemplateData) -> Map<String, Value> {
    map([
        ("KernelId", of.kernel_id().into()),
        ("EbsOptimized", of.ebs_optimized().into()),
        ("IamInstanceProfile", one(of.iam_instance_profile(), instance_profile)),
        ("BlockDeviceMappings", each(of.block_device_mappings(), block_device)),
        ("NetworkInterfaces", each(of.network_interfaces(), network_interface)),
        ("ImageId", of.image_id().into()),
        ("InstanceType", text(of.instance_type())),
        ("KeyName", of.key_name().into()),
        ("Monitoring", one(of.monitoring(), |of| object([("Enabled", of.enabled().into())]))),
        ("Placement", one(of.placement(), placement)),
        ("RamDiskId", of.ram_disk_id().into()),
        ("DisableApiTermination", of.disable_api_termination().into()),
        ("InstanceInitiatedShutdownBehavior", text(of.instance_initiated_shutdown_behavior())),
        ("TagSpecifications", each(of.tag_specifications(), tag_specification)),
        ("SecurityGroupIds", texts(of.security_group_ids())),
        ("SecurityGroups", texts(of.security_groups())),
        ("InstanceMarketOptions", one(of.instance_market_options(), market)),
        (
            "CreditSpecification",
            one(of.credit_specification(), |of| object([("CpuCredits", of.cpu_credits().into())])),
        ),
        ("CpuOptions", one(of.cpu_options(), cpu)),
        (
            "CapacityReservationSpecification",
            one(of.capacity_reservation_specification(), capacity_reservation),
        ),
        (
            "LicenseSpecifications",
            each(of.license_specifications(), |of| {
                object([("LicenseConfigurationArn", of.license_configuration_arn().into())])
            }),
        ),
        (
            "HibernationOptions",
            one(of.hibernation_options(), |of| object([("Configured", of.configured().into())])),
        ),
        ("MetadataOptions", one(of.metadata_options(), metadata)),
        ("EnclaveOptions", one(of.enclave_options(), |of| object([("Enabled", of.enabled().into())]))),
        ("InstanceRequirements", one(of.instance_requirements(), requirements::of_ec2)),
        ("PrivateDnsNameOptions", one(of.private_dns_name_options(), dns)),
        (
            "MaintenanceOptions",
            one(of.maintenance_options(), |of| object([("AutoRecovery", text(of.auto_recovery()))])),
        ),
        ("DisableApiStop", of.disable_api_stop().into()),
    ])
}

/// What is set and has no property. docs/pools.md has the whole list, and a test compares.
pub(super) fn lost(of: &ResponseLaunchTemplateData) -> Vec<Unclear> {
    let mut addresses = of.network_interfaces().iter().flat_map(|one| one.ipv6_addresses());
    unclear(
        "CloudFormation's AWS::EC2::LaunchTemplate has no such property",
        [
            ("ElasticGpuSpecifications", !of.elastic_gpu_specifications().is_empty()),
            ("ElasticInferenceAccelerators", !of.elastic_inference_accelerators().is_empty()),
            ("NetworkPerformanceOptions", of.network_performance_options().is_some()),
            ("SecondaryInterfaces", !of.secondary_interfaces().is_empty()),
            (
                "CpuOptions.NestedVirtualization",
                of.cpu_options().is_some_and(|cpu| cpu.nested_virtualization().is_some()),
            ),
            (
                "InstanceRequirements.RequireEncryptionInTransit",
                of.instance_requirements().is_some_and(|of| of.require_encryption_in_transit().is_some()),
            ),
            (
                "NetworkInterfaces.Ipv6Addresses.IsPrimaryIpv6",
                addresses.any(|address| address.is_primary_ipv6().unwrap_or_default()),
            ),
            (
                "Placement.AvailabilityZoneId",
                of.placement().is_some_and(|placement| placement.availability_zone_id().is_some()),
            ),
        ],
    )
}

fn instance_profile(of: &LaunchTemplateIamInstanceProfileSpecification) -> Value {
    object([("Arn", of.arn().into()), ("Name", of.name().into())])
}

fn block_device(of: &LaunchTemplateBlockDeviceMapping) -> Value {
    object([
        ("DeviceName", of.device_name().into()),
        ("VirtualName", of.virtual_name().into()),
        ("Ebs", one(of.ebs(), volume)),
        ("NoDevice", of.no_device().into()),
    ])
}

fn volume(of: &LaunchTemplateEbsBlockDevice) -> Value {
    object([
        ("Encrypted", of.encrypted().into()),
        ("DeleteOnTermination", of.delete_on_termination().into()),
        ("Iops", of.iops().into()),
        ("KmsKeyId", of.kms_key_id().into()),
        ("SnapshotId", of.snapshot_id().into()),
        ("VolumeSize", of.volume_size().into()),
        ("VolumeType", text(of.volume_type())),
        ("Throughput", of.throughput().into()),
        ("VolumeInitializationRate", of.volume_initialization_rate().into()),
        ("EbsCardIndex", of.ebs_card_index().into()),
    ])
}

fn network_interface(of: &LaunchTemplateInstanceNetworkInterfaceSpecification) -> Value {
    object([
        ("AssociateCarrierIpAddress", of.associate_carrier_ip_address().into()),
        ("AssociatePublicIpAddress", of.associate_public_ip_address().into()),
        ("DeleteOnTermination", of.delete_on_termination().into()),
        ("Description", of.description().into()),
        ("DeviceIndex", of.device_index().into()),
        ("Groups", texts(of.groups())),
        ("InterfaceType", of.interface_type().into()),
        ("Ipv6AddressCount", of.ipv6_address_count().into()),
        (
            "Ipv6Addresses",
            each(of.ipv6_addresses(), |of| object([("Ipv6Address", of.ipv6_address().into())])),
        ),
        ("NetworkInterfaceId", of.network_interface_id().into()),
        ("PrivateIpAddress", of.private_ip_address().into()),
        (
            "PrivateIpAddresses",
            each(of.private_ip_addresses(), |of| {
                object([
                    ("Primary", of.primary().into()),
                    ("PrivateIpAddress", of.private_ip_address().into()),
                ])
            }),
        ),
        ("SecondaryPrivateIpAddressCount", of.secondary_private_ip_address_count().into()),
        ("SubnetId", of.subnet_id().into()),
        ("NetworkCardIndex", of.network_card_index().into()),
        ("Ipv4Prefixes", each(of.ipv4_prefixes(), |of| object([("Ipv4Prefix", of.ipv4_prefix().into())]))),
        ("Ipv4PrefixCount", of.ipv4_prefix_count().into()),
        ("Ipv6Prefixes", each(of.ipv6_prefixes(), |of| object([("Ipv6Prefix", of.ipv6_prefix().into())]))),
        ("Ipv6PrefixCount", of.ipv6_prefix_count().into()),
        ("PrimaryIpv6", of.primary_ipv6().into()),
        ("EnaSrdSpecification", one(of.ena_srd_specification(), ena_express)),
        ("ConnectionTrackingSpecification", one(of.connection_tracking_specification(), connection_tracking)),
        ("EnaQueueCount", of.ena_queue_count().into()),
    ])
}

fn ena_express(of: &LaunchTemplateEnaSrdSpecification) -> Value {
    let udp = one(of.ena_srd_udp_specification(), |of| {
        object([("EnaSrdUdpEnabled", of.ena_srd_udp_enabled().into())])
    });
    object([("EnaSrdEnabled", of.ena_srd_enabled().into()), ("EnaSrdUdpSpecification", udp)])
}

fn connection_tracking(of: &ConnectionTrackingSpecification) -> Value {
    object([
        ("TcpEstablishedTimeout", of.tcp_established_timeout().into()),
        ("UdpTimeout", of.udp_timeout().into()),
        ("UdpStreamTimeout", of.udp_stream_timeout().into()),
    ])
}

fn placement(of: &LaunchTemplatePlacement) -> Value {
    object([
        ("AvailabilityZone", of.availability_zone().into()),
        ("Affinity", of.affinity().into()),
        ("GroupName", of.group_name().into()),
        ("HostId", of.host_id().into()),
        ("Tenancy", text(of.tenancy())),
        ("SpreadDomain", of.spread_domain().into()),
        ("HostResourceGroupArn", of.host_resource_group_arn().into()),
        ("PartitionNumber", of.partition_number().into()),
        ("GroupId", of.group_id().into()),
    ])
}

fn tag_specification(of: &LaunchTemplateTagSpecification) -> Value {
    let tag = |of: &Tag| object([("Key", of.key().into()), ("Value", of.value().into())]);
    object([("ResourceType", text(of.resource_type())), ("Tags", each(of.tags(), tag))])
}

fn market(of: &LaunchTemplateInstanceMarketOptions) -> Value {
    object([("MarketType", text(of.market_type())), ("SpotOptions", one(of.spot_options(), spot))])
}

fn spot(of: &LaunchTemplateSpotMarketOptions) -> Value {
    object([
        ("MaxPrice", of.max_price().into()),
        ("SpotInstanceType", text(of.spot_instance_type())),
        ("BlockDurationMinutes", of.block_duration_minutes().into()),
        ("ValidUntil", of.valid_until().map(ToString::to_string).into()),
        ("InstanceInterruptionBehavior", text(of.instance_interruption_behavior())),
    ])
}

fn cpu(of: &LaunchTemplateCpuOptions) -> Value {
    object([
        ("CoreCount", of.core_count().into()),
        ("ThreadsPerCore", of.threads_per_core().into()),
        ("AmdSevSnp", text(of.amd_sev_snp())),
    ])
}

fn capacity_reservation(of: &LaunchTemplateCapacityReservationSpecificationResponse) -> Value {
    let target = |of: &CapacityReservationTargetResponse| {
        object([
            ("CapacityReservationId", of.capacity_reservation_id().into()),
            ("CapacityReservationResourceGroupArn", of.capacity_reservation_resource_group_arn().into()),
        ])
    };
    object([
        ("CapacityReservationPreference", text(of.capacity_reservation_preference())),
        ("CapacityReservationTarget", one(of.capacity_reservation_target(), target)),
    ])
}

/// Without its state: whether a change of the options has been applied.
fn metadata(of: &LaunchTemplateInstanceMetadataOptions) -> Value {
    object([
        ("HttpTokens", text(of.http_tokens())),
        ("HttpPutResponseHopLimit", of.http_put_response_hop_limit().into()),
        ("HttpEndpoint", text(of.http_endpoint())),
        ("HttpProtocolIpv6", text(of.http_protocol_ipv6())),
        ("InstanceMetadataTags", text(of.instance_metadata_tags())),
    ])
}

fn dns(of: &LaunchTemplatePrivateDnsNameOptions) -> Value {
    object([
        ("HostnameType", text(of.hostname_type())),
        ("EnableResourceNameDnsARecord", of.enable_resource_name_dns_a_record().into()),
        ("EnableResourceNameDnsAAAARecord", of.enable_resource_name_dns_aaaa_record().into()),
    ])
}

#[cfg(test)]
mod tests;
