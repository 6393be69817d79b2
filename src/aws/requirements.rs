//! Attribute-based instance type selection. EC2 and Auto Scaling have the same structure as two types.

use serde_json::Value;

use super::properties::{each, object, one, text, texts};

/// InstanceRequirements of an SDK in CloudFormation's spelling.
macro_rules! requirements {
    ($name:ident, $of:ty) => {
        pub(super) fn $name(of: &$of) -> Value {
            object([
                ("VCpuCount", one(of.v_cpu_count(), |range| between(range.min(), range.max()))),
                ("MemoryMiB", one(of.memory_mib(), |range| between(range.min(), range.max()))),
                ("CpuManufacturers", texts(of.cpu_manufacturers())),
                (
                    "MemoryGiBPerVCpu",
                    one(of.memory_gib_per_v_cpu(), |range| between(range.min(), range.max())),
                ),
                ("ExcludedInstanceTypes", texts(of.excluded_instance_types())),
                ("InstanceGenerations", texts(of.instance_generations())),
                (
                    "SpotMaxPricePercentageOverLowestPrice",
                    of.spot_max_price_percentage_over_lowest_price().into(),
                ),
                (
                    "MaxSpotPriceAsPercentageOfOptimalOnDemandPrice",
                    of.max_spot_price_as_percentage_of_optimal_on_demand_price().into(),
                ),
                (
                    "OnDemandMaxPricePercentageOverLowestPrice",
                    of.on_demand_max_price_percentage_over_lowest_price().into(),
                ),
                ("BareMetal", text(of.bare_metal())),
                ("BurstablePerformance", text(of.burstable_performance())),
                ("RequireHibernateSupport", of.require_hibernate_support().into()),
                (
                    "NetworkInterfaceCount",
                    one(of.network_interface_count(), |range| between(range.min(), range.max())),
                ),
                ("LocalStorage", text(of.local_storage())),
                ("LocalStorageTypes", texts(of.local_storage_types())),
                (
                    "TotalLocalStorageGB",
                    one(of.total_local_storage_gb(), |range| between(range.min(), range.max())),
                ),
                (
                    "BaselineEbsBandwidthMbps",
                    one(of.baseline_ebs_bandwidth_mbps(), |range| between(range.min(), range.max())),
                ),
                ("AcceleratorTypes", texts(of.accelerator_types())),
                ("AcceleratorCount", one(of.accelerator_count(), |range| between(range.min(), range.max()))),
                ("AcceleratorManufacturers", texts(of.accelerator_manufacturers())),
                ("AcceleratorNames", texts(of.accelerator_names())),
                (
                    "AcceleratorTotalMemoryMiB",
                    one(of.accelerator_total_memory_mib(), |range| between(range.min(), range.max())),
                ),
                (
                    "NetworkBandwidthGbps",
                    one(of.network_bandwidth_gbps(), |range| between(range.min(), range.max())),
                ),
                ("AllowedInstanceTypes", texts(of.allowed_instance_types())),
                (
                    "BaselinePerformanceFactors",
                    one(of.baseline_performance_factors(), |factors| {
                        let cpu = one(factors.cpu(), |cpu| {
                            let reference = each(cpu.references(), |reference| {
                                object([("InstanceFamily", reference.instance_family().into())])
                            });
                            object([("References", reference)])
                        });
                        object([("Cpu", cpu)])
                    }),
                ),
            ])
        }
    };
}

requirements!(of_ec2, aws_sdk_ec2::types::InstanceRequirements);
requirements!(of_auto_scaling, aws_sdk_autoscaling::types::InstanceRequirements);

fn between<T: Into<Value>>(min: Option<T>, max: Option<T>) -> Value {
    object([("Min", min.into()), ("Max", max.into())])
}
