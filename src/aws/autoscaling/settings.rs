//! What an Auto Scaling group launches and how, with its properties in the spelling of CloudFormation's
//! AWS::AutoScaling::AutoScalingGroup.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::{
    AutoScalingGroup, CapacityReservationSpecification, CapacityReservationTarget, EnabledMetric,
    InstancesDistribution, LaunchTemplateOverrides, LaunchTemplateSpecification, TagDescription,
};
use serde_json::{Map, Value, json};

use crate::aws::properties::{map, object, one, text, texts, unclear};
use crate::aws::requirements;
use crate::facts::{GroupSettings, GroupTag, Instances, LaunchSource, TypeChoice, Unclear};

/// The cooldown that a group has unless somebody sets another, in seconds.
const DEFAULT_COOLDOWN: i32 = 300;

/// The end of the ARN of the service-linked role that a group has unless somebody names another.
const USUAL_ROLE: &str = "/AWSServiceRoleForAutoScaling";

pub(super) fn settings(of: &AutoScalingGroup) -> GroupSettings {
    let subnets = of.vpc_zone_identifier().unwrap_or_default().split(',').map(str::trim);
    GroupSettings {
        launch: launch(of),
        instances: instances(of),
        subnets: subnets.filter(|id| !id.is_empty()).map(ToString::to_string).collect(),
        tags: of.tags().iter().filter_map(tag).collect(),
        properties: properties(of),
        unclear: lost(of),
    }
}

fn launch(of: &AutoScalingGroup) -> Option<LaunchSource> {
    match of.launch_configuration_name() {
        Some(name) => Some(LaunchSource::Configuration(name.into())),
        None => source(of.launch_template().or_else(|| mixed(of))?),
    }
}

/// The launch template of a mixed instances policy.
fn mixed(of: &AutoScalingGroup) -> Option<&LaunchTemplateSpecification> {
    of.mixed_instances_policy()?.launch_template()?.launch_template_specification()
}

fn source(of: &LaunchTemplateSpecification) -> Option<LaunchSource> {
    let version = of.version().filter(|version| !version.is_empty()).unwrap_or("$Default").to_string();
    Some(LaunchSource::Template { id: of.launch_template_id()?.to_string(), version })
}

fn overrides(of: &AutoScalingGroup) -> &[LaunchTemplateOverrides] {
    let template = of.mixed_instances_policy().and_then(|policy| policy.launch_template());
    template.map(|template| template.overrides()).unwrap_or_default()
}

fn instances(of: &AutoScalingGroup) -> Instances {
    let choice = |one: &LaunchTemplateOverrides| {
        let weight = one.weighted_capacity().and_then(|weight| weight.parse().ok());
        Some(TypeChoice { name: one.instance_type()?.to_string(), weight })
    };
    let requirements = overrides(of).iter().find_map(|one| one.instance_requirements());
    let distribution = of.mixed_instances_policy().and_then(|policy| policy.instances_distribution());
    // Without a policy, and by default, instances are On-Demand.
    let spot = distribution.is_some_and(|distribution| {
        distribution.on_demand_base_capacity().unwrap_or_default() == 0
            && distribution.on_demand_percentage_above_base_capacity() == Some(0)
    });
    Instances {
        types: overrides(of).iter().filter_map(choice).collect(),
        requirements: requirements.map(requirements::of_auto_scaling),
        distribution: distribution.map(self::distribution).filter(|of| *of != json!({})),
        spot,
    }
}

fn distribution(of: &InstancesDistribution) -> Value {
    let strategy = of.spot_allocation_strategy();
    object([
        ("OnDemandAllocationStrategy", of.on_demand_allocation_strategy().into()),
        ("OnDemandBaseCapacity", of.on_demand_base_capacity().into()),
        ("OnDemandPercentageAboveBaseCapacity", of.on_demand_percentage_above_base_capacity().into()),
        ("SpotAllocationStrategy", strategy.into()),
        // Auto Scaling accepts it with this strategy only.
        ("SpotInstancePools", of.spot_instance_pools().filter(|_| strategy == Some("lowest-price")).into()),
        ("SpotMaxPrice", of.spot_max_price().filter(|price| !price.is_empty()).into()),
    ])
}

fn tag(of: &TagDescription) -> Option<GroupTag> {
    Some(GroupTag {
        key: of.key()?.to_string(),
        value: of.value().unwrap_or_default().to_string(),
        propagated: of.propagate_at_launch().unwrap_or_default(),
    })
}

/// What a replacement gets too, but its sizes, launch template, subnets and tags.
fn properties(of: &AutoScalingGroup) -> Map<String, Value> {
    // A group has either these lists or traffic sources, and only the latter name a target group of VPC Lattice. The
    // description of a group has both.
    let is_lattice = of.traffic_sources().iter().any(|one| one.r#type() == Some("vpc-lattice"));
    let traffic = of.traffic_sources().iter().filter(|_| is_lattice);
    let traffic =
        traffic.map(|one| object([("Identifier", one.identifier().into()), ("Type", one.r#type().into())]));
    let unless_lattice = |list: &[String]| if is_lattice { Value::Null } else { texts(list) };
    let cooldown = of.default_cooldown().filter(|seconds| *seconds != DEFAULT_COOLDOWN);
    map([
        ("CapacityRebalance", of.capacity_rebalance().into()),
        ("HealthCheckType", of.health_check_type().into()),
        ("HealthCheckGracePeriod", of.health_check_grace_period().into()),
        ("TerminationPolicies", texts(of.termination_policies())),
        ("MaxInstanceLifetime", of.max_instance_lifetime().into()),
        ("NewInstancesProtectedFromScaleIn", of.new_instances_protected_from_scale_in().into()),
        ("DefaultInstanceWarmup", of.default_instance_warmup().into()),
        // CloudFormation takes a text.
        ("Cooldown", cooldown.map(|seconds| seconds.to_string()).into()),
        ("DesiredCapacityType", of.desired_capacity_type().into()),
        ("PlacementGroup", of.placement_group().into()),
        ("Context", of.context().into()),
        (
            "ServiceLinkedRoleARN",
            of.service_linked_role_arn().filter(|arn| !arn.ends_with(USUAL_ROLE)).into(),
        ),
        ("MetricsCollection", metrics(of.enabled_metrics())),
        ("TargetGroupARNs", unless_lattice(of.target_group_arns())),
        ("LoadBalancerNames", unless_lattice(of.load_balancer_names())),
        ("TrafficSources", traffic.collect()),
        (
            "InstanceMaintenancePolicy",
            one(of.instance_maintenance_policy(), |of| {
                object([
                    ("MinHealthyPercentage", of.min_healthy_percentage().into()),
                    ("MaxHealthyPercentage", of.max_healthy_percentage().into()),
                ])
            }),
        ),
        (
            "AvailabilityZoneDistribution",
            one(of.availability_zone_distribution(), |of| {
                object([("CapacityDistributionStrategy", text(of.capacity_distribution_strategy()))])
            }),
        ),
        (
            "AvailabilityZoneImpairmentPolicy",
            one(of.availability_zone_impairment_policy(), |of| {
                object([
                    ("ZonalShiftEnabled", of.zonal_shift_enabled().into()),
                    ("ImpairedZoneHealthCheckBehavior", text(of.impaired_zone_health_check_behavior())),
                ])
            }),
        ),
        (
            "CapacityReservationSpecification",
            one(of.capacity_reservation_specification(), capacity_reservation),
        ),
        (
            "InstanceLifecyclePolicy",
            one(of.instance_lifecycle_policy(), |of| {
                let triggers = one(of.retention_triggers(), |of| {
                    object([("TerminateHookAbandon", text(of.terminate_hook_abandon()))])
                });
                object([("RetentionTriggers", triggers)])
            }),
        ),
    ])
}

fn capacity_reservation(of: &CapacityReservationSpecification) -> Value {
    let target = |of: &CapacityReservationTarget| {
        object([
            ("CapacityReservationIds", texts(of.capacity_reservation_ids())),
            ("CapacityReservationResourceGroupArns", texts(of.capacity_reservation_resource_group_arns())),
        ])
    };
    object([
        ("CapacityReservationPreference", text(of.capacity_reservation_preference())),
        ("CapacityReservationTarget", one(of.capacity_reservation_target(), target)),
    ])
}

/// One entry for each granularity, with all its metrics.
fn metrics(enabled: &[EnabledMetric]) -> Value {
    let mut by_granularity: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in enabled {
        let metrics = by_granularity.entry(one.granularity().unwrap_or("1Minute")).or_default();
        metrics.extend(one.metric());
    }
    let entry = |(granularity, metrics)| json!({ "Granularity": granularity, "Metrics": metrics });
    by_granularity.into_iter().map(entry).collect()
}

/// What a replacement does not get. docs/pools.md has the whole list, and a test compares.
fn lost(of: &AutoScalingGroup) -> Vec<Unclear> {
    let main = mixed(of).and_then(source);
    let differs = |one: &LaunchTemplateOverrides| {
        one.launch_template_specification().is_some_and(|other| source(other) != main)
    };
    let attributes = overrides(of).iter().filter(|one| one.instance_requirements().is_some()).count();
    let types = overrides(of).iter().filter(|one| one.instance_type().is_some()).count();
    let distribution = of.mixed_instances_policy().and_then(|policy| policy.instances_distribution());
    let segments = distribution.is_some_and(|of| !of.distribution_segments().is_empty());
    let protection = of.deletion_protection().map(|level| level.as_str());
    [
        unclear(
            "instance types of the group have launch templates of their own; a replacement has one",
            [(
                "MixedInstancesPolicy.LaunchTemplate.Overrides.LaunchTemplateSpecification",
                overrides(of).iter().any(differs),
            )],
        ),
        unclear(
            "instance types of the group have images of their own; a replacement has one",
            [(
                "MixedInstancesPolicy.LaunchTemplate.Overrides.ImageId",
                overrides(of).iter().any(|one| one.image_id().is_some()),
            )],
        ),
        unclear(
            "a replacement has one set of attributes",
            [(
                "MixedInstancesPolicy.LaunchTemplate.Overrides.InstanceRequirements",
                attributes > 1 || (attributes > 0 && types > 0),
            )],
        ),
        unclear(
            "CloudFormation's AWS::AutoScaling::AutoScalingGroup has no such property",
            [
                ("MixedInstancesPolicy.InstancesDistribution.DistributionSegments", segments),
                ("WarmPoolConfiguration", of.warm_pool_configuration().is_some()),
            ],
        ),
        unclear(
            "undo could not delete a replacement that has it",
            [("DeletionProtection", !matches!(protection, None | Some("none")))],
        ),
    ]
    .concat()
}

#[cfg(test)]
mod tests;
