//! What a managed node group launches and how, with its properties in the spelling of CloudFormation's
//! AWS::EKS::Nodegroup.

use aws_sdk_eks::types::{
    CapacityTypes, LaunchTemplateSpecification, NodeRepairConfig, NodeRepairConfigOverrides, Nodegroup,
    TaintEffect, WarmPoolConfig,
};
use serde_json::{Map, Value};

use crate::aws::properties::{each, map, object, one, text};
use crate::facts::{LaunchSource, ManagedPool, ManagedSettings, Taint, Unclear};

pub(super) fn settings(of: &Nodegroup) -> ManagedSettings {
    let launch = of.launch_template().and_then(source);
    ManagedSettings {
        pool: ManagedPool {
            ami_type: of.ami_type().map(|kind| kind.as_str()).unwrap_or_default().to_string(),
            version: of.version().unwrap_or_default().to_string(),
            release: of.release_version().unwrap_or_default().to_string(),
            launch_template: launch.as_ref().map(spelled),
            remote_access_group: remote_access_group(of).map(ToString::to_string),
            settings: properties(of),
            tags: of.tags().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect(),
        },
        launch,
        types: of.instance_types().to_vec(),
        spot: of.capacity_type() == Some(&CapacityTypes::Spot),
        labels: of.labels().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect(),
        taints: of.taints().iter().map(taint).collect(),
        role: of.node_role().map(ToString::to_string),
        subnets: of.subnets().iter().cloned().collect(),
        unclear: lost(of),
    }
}

/// EKS resolves the version when it is given.
fn source(of: &LaunchTemplateSpecification) -> Option<LaunchSource> {
    let version = of.version().unwrap_or("$Default").to_string();
    Some(LaunchSource::Template { id: of.id()?.to_string(), version })
}

fn spelled(source: &LaunchSource) -> String {
    match source {
        LaunchSource::Template { id, version } => format!("{id} {version}"),
        LaunchSource::Configuration(name) => name.clone(),
    }
}

/// As nodes have it: `NO_SCHEDULE` is the effect NoSchedule.
fn taint(of: &aws_sdk_eks::types::Taint) -> Taint {
    let effect = match of.effect() {
        Some(TaintEffect::NoSchedule) => "NoSchedule",
        Some(TaintEffect::NoExecute) => "NoExecute",
        Some(TaintEffect::PreferNoSchedule) => "PreferNoSchedule",
        other => other.map(|effect| effect.as_str()).unwrap_or_default(),
    };
    Taint {
        key: of.key().unwrap_or_default().to_string(),
        value: of.value().unwrap_or_default().to_string(),
        effect: effect.into(),
    }
}

fn properties(of: &Nodegroup) -> Map<String, Value> {
    map([
        (
            "UpdateConfig",
            one(of.update_config(), |of| {
                object([
                    ("MaxUnavailable", of.max_unavailable().into()),
                    ("MaxUnavailablePercentage", of.max_unavailable_percentage().into()),
                    ("UpdateStrategy", text(of.update_strategy())),
                ])
            }),
        ),
        ("NodeRepairConfig", one(of.node_repair_config(), repair)),
        ("WarmPoolConfig", one(of.warm_pool_config(), warm_pool)),
    ])
}

fn repair(of: &NodeRepairConfig) -> Value {
    let special = |of: &NodeRepairConfigOverrides| {
        object([
            ("NodeMonitoringCondition", of.node_monitoring_condition().into()),
            ("NodeUnhealthyReason", of.node_unhealthy_reason().into()),
            ("MinRepairWaitTimeMins", of.min_repair_wait_time_mins().into()),
            ("RepairAction", text(of.repair_action())),
        ])
    };
    object([
        ("Enabled", of.enabled().into()),
        ("MaxUnhealthyNodeThresholdCount", of.max_unhealthy_node_threshold_count().into()),
        ("MaxUnhealthyNodeThresholdPercentage", of.max_unhealthy_node_threshold_percentage().into()),
        ("MaxParallelNodesRepairedCount", of.max_parallel_nodes_repaired_count().into()),
        ("MaxParallelNodesRepairedPercentage", of.max_parallel_nodes_repaired_percentage().into()),
        ("NodeRepairConfigOverrides", each(of.node_repair_config_overrides(), special)),
    ])
}

fn warm_pool(of: &WarmPoolConfig) -> Value {
    object([
        ("Enabled", of.enabled().into()),
        ("MinSize", of.min_size().into()),
        ("MaxGroupPreparedCapacity", of.max_group_prepared_capacity().into()),
        ("PoolState", text(of.pool_state())),
        ("ReuseOnScaleIn", of.reuse_on_scale_in().into()),
    ])
}

/// EKS puts the SSH key and this security group into the launch template that it makes, so the group is among those of
/// the nodes.
fn lost(of: &Nodegroup) -> Vec<Unclear> {
    let lost = remote_access_group(of).map(|group| Unclear {
        what: "the security group for remote access".into(),
        why: format!("EKS deletes its security group {group} with the managed node group"),
    });
    lost.into_iter().collect()
}

fn remote_access_group(of: &Nodegroup) -> Option<&str> {
    of.resources().and_then(|resources| resources.remote_access_security_group())
}

#[cfg(test)]
mod tests;
