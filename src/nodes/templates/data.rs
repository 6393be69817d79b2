//! LaunchTemplateData, in CloudFormation's spelling: what the copy of an old group's can't have, and the security groups
//! that it must have. Pure.
//!
//! Sources: the schema of AWS::EC2::LaunchTemplate; EC2 API reference, ResponseLaunchTemplateData; EC2 Auto Scaling user
//! guide, "Create a launch template using advanced settings"; EKS user guide, "Customize managed nodes with launch
//! templates".

use serde_json::{Map, Value, json};

use crate::facts::{AmiFamily, Unclear};

/// Properties of LaunchTemplateData.
const PROPERTIES: &[&str] = &[
    "BlockDeviceMappings",
    "CapacityReservationSpecification",
    "CpuOptions",
    "CreditSpecification",
    "DisableApiStop",
    "DisableApiTermination",
    "EbsOptimized",
    "EnclaveOptions",
    "HibernationOptions",
    "IamInstanceProfile",
    "ImageId",
    "InstanceInitiatedShutdownBehavior",
    "InstanceMarketOptions",
    "InstanceRequirements",
    "InstanceType",
    "KernelId",
    "KeyName",
    "LicenseSpecifications",
    "MaintenanceOptions",
    "MetadataOptions",
    "Monitoring",
    "NetworkInterfaces",
    "NetworkPerformanceOptions",
    "Placement",
    "PrivateDnsNameOptions",
    "RamDiskId",
    "SecurityGroupIds",
    "TagSpecifications",
    "UserData",
];

/// The group's subnets decide it, or EC2 only reports it.
const DECIDED_ELSEWHERE: &[&str] = &[
    "NetworkInterfaces[].SubnetId",
    "NetworkInterfaces[].Ipv6Addresses[].IsPrimaryIpv6",
    "Placement.AvailabilityZone",
    "Placement.AvailabilityZoneId",
    "MetadataOptions.State",
    "Operator",
];

const ONE_INSTANCE: &str = "only one instance can have it";
const NO_PROPERTY: &str = "CloudFormation can't set it";

/// What no group can have, or CloudFormation can't set.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("NetworkInterfaces[].NetworkInterfaceId", ONE_INSTANCE),
    ("NetworkInterfaces[].PrivateIpAddress", ONE_INSTANCE),
    ("NetworkInterfaces[].PrivateIpAddresses", ONE_INSTANCE),
    ("NetworkInterfaces[].Ipv6Addresses", ONE_INSTANCE),
    ("NetworkInterfaces[].Ipv4Prefixes", ONE_INSTANCE),
    ("NetworkInterfaces[].Ipv6Prefixes", ONE_INSTANCE),
    ("Monitoring.MetricCategoryIds", NO_PROPERTY),
    ("InstanceRequirements.RequireEncryptionInTransit", NO_PROPERTY),
    ("SecurityGroups", "EC2 knows security groups by their names only in the default VPC"),
];

/// Removes what the launch template of an Auto Scaling group can't have, or CloudFormation can't set. Returns what is lost
/// by it; what is decided elsewhere, such as the subnet, is not.
pub(crate) fn remove_unsupported(data: &mut Map<String, Value>) -> Vec<Unclear> {
    for path in DECIDED_ELSEWHERE {
        remove(data, path);
    }
    let lost = |what: String, why: &str| Unclear { what, why: why.into() };
    let mut unclear = Vec::new();
    for (path, why) in UNSUPPORTED {
        unclear.extend(remove(data, path).into_iter().map(|(at, _)| lost(at, why)));
    }
    let unknown = data.keys().filter(|key| !PROPERTIES.contains(&key.as_str())).cloned();
    for key in unknown.collect::<Vec<_>>() {
        data.shift_remove(&key);
        unclear.push(lost(key, NO_PROPERTY));
    }
    unclear
}

/// Removes what EKS prohibits in the launch template of a managed node group, and what no launch template can have.
/// Returns what is lost by it: what EKS sets itself, and its defaults, are not.
pub(crate) fn remove_prohibited(data: &mut Map<String, Value>) -> Vec<Unclear> {
    let mut unclear = remove_unsupported(data);
    let mut lost = |what: &str, why: &str| unclear.push(Unclear { what: what.into(), why: why.into() });
    data.shift_remove("IamInstanceProfile");
    if data.shift_remove("InstanceInitiatedShutdownBehavior").is_some_and(|value| value != "stop") {
        lost("InstanceInitiatedShutdownBehavior", "EKS controls when instances of a managed node group end");
    }
    if data.shift_remove("HibernationOptions").is_some_and(|value| value["Configured"] == true) {
        lost("HibernationOptions", "EKS controls when instances of a managed node group end");
    }
    if data.shift_remove("InstanceRequirements").is_some() {
        lost("InstanceRequirements", "a managed node group has a list of instance types");
    }
    // "Instance market options are not supported with the launch template": EKS has a capacity type instead.
    if let Some(spot) = remove_spot(data)
        && spot.get("MaxPrice").is_some()
    {
        lost("InstanceMarketOptions.SpotOptions.MaxPrice", "a managed node group has no highest Spot price");
    }
    unclear
}

/// Removes the request for Spot instances, and returns its options. A mixed instances policy and a managed node group say
/// by themselves which instances are Spot, and refuse a launch template that does.
pub(crate) fn remove_spot(data: &mut Map<String, Value>) -> Option<Map<String, Value>> {
    if !is_spot(data) {
        return None;
    }
    let mut options = data.shift_remove("InstanceMarketOptions")?;
    Some(options["SpotOptions"].as_object_mut().map(std::mem::take).unwrap_or_default())
}

/// Whether the launch template itself requests Spot instances.
pub(crate) fn is_spot(data: &Map<String, Value>) -> bool {
    market(data) == Some("spot")
}

/// `spot`, `capacity-block`, …
pub(super) fn market(data: &Map<String, Value>) -> Option<&str> {
    data.get("InstanceMarketOptions")?.get("MarketType")?.as_str()
}

/// Adds security groups: to the first network interface where the launch template describes interfaces, as EC2 then accepts
/// no groups of the instance. Further interfaces (EFA) keep theirs.
pub(crate) fn add_security_groups(data: &mut Map<String, Value>, groups: &[String]) {
    let of_instance = match first_interface(data) {
        Some(_) => data.shift_remove("SecurityGroupIds"),
        None => None,
    };
    let list = match first_interface(data) {
        Some(interface) => list(interface, "Groups"),
        None => list(data, "SecurityGroupIds"),
    };
    let of_instance = of_instance.iter().filter_map(Value::as_array).flatten().cloned();
    for group in of_instance.chain(groups.iter().map(|group| json!(group))) {
        if !list.contains(&group) {
            list.push(group);
        }
    }
}

/// Sets the security groups of the primary network interface: in the description of the interface where the launch
/// template has one, as EC2 then accepts no groups of the instance. Further interfaces (EFA) keep theirs.
pub(crate) fn set_security_groups(data: &mut Map<String, Value>, groups: &[String]) {
    match first_interface(data) {
        Some(interface) => {
            interface.insert("Groups".into(), json!(groups));
            data.shift_remove("SecurityGroupIds");
        }
        None => {
            data.insert("SecurityGroupIds".into(), json!(groups));
        }
    }
}

/// Sets the size of the volume for images and containers, if the launch template describes it.
pub(crate) fn set_volume_size(data: &mut Map<String, Value>, family: AmiFamily, size: u32) {
    let mappings = data.get_mut("BlockDeviceMappings").and_then(Value::as_array_mut);
    let is_it = |mapping: &&mut Value| mapping["DeviceName"] == volume_device(family);
    if let Some(ebs) = mappings.into_iter().flatten().find(is_it).and_then(|one| one.get_mut("Ebs")) {
        ebs["VolumeSize"] = json!(size);
    }
}

/// Security groups of the instance, or of its first network interface.
pub(crate) fn security_groups(data: &Map<String, Value>) -> Vec<&str> {
    let interfaces = data.get("NetworkInterfaces").and_then(Value::as_array);
    let groups = match interfaces.and_then(|all| all.get(first(all))) {
        Some(interface) => interface.get("Groups"),
        None => data.get("SecurityGroupIds"),
    };
    groups.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The volume for images and containers: Bottlerocket has a second volume for them, its root volume holds nothing but the
/// system.
pub(crate) fn volume_device(family: AmiFamily) -> &'static str {
    match family {
        AmiFamily::Al2023 | AmiFamily::Al2 => "/dev/xvda",
        AmiFamily::Bottlerocket => "/dev/xvdb",
    }
}

fn list<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Vec<Value> {
    let value = map.entry(key).or_insert_with(|| json!([]));
    if !value.is_array() {
        *value = json!([]);
    }
    value.as_array_mut().expect("it is one now")
}

fn first_interface(data: &mut Map<String, Value>) -> Option<&mut Map<String, Value>> {
    let interfaces = data.get_mut("NetworkInterfaces")?.as_array_mut()?;
    let first = first(interfaces);
    interfaces.get_mut(first)?.as_object_mut()
}

/// The index of the primary interface: device 0 of network card 0. Zero is also the default of both.
fn first(interfaces: &[Value]) -> usize {
    let is_zero = |interface: &Value, key: &str| interface[key].as_i64().unwrap_or_default() == 0;
    let is_primary = |one: &Value| is_zero(one, "DeviceIndex") && is_zero(one, "NetworkCardIndex");
    interfaces.iter().position(is_primary).unwrap_or_default()
}

/// Removes each value at a path such as `NetworkInterfaces[].SubnetId`, and maps that are empty without it. Returns them
/// with their paths.
fn remove(data: &mut Map<String, Value>, path: &str) -> Vec<(String, Value)> {
    let Some((head, rest)) = path.split_once('.') else {
        return data.shift_remove(path).map(|value| (path.to_string(), value)).into_iter().collect();
    };
    let key = head.trim_end_matches("[]");
    let mut removed = Vec::new();
    match data.get_mut(key) {
        Some(Value::Array(items)) if head.ends_with("[]") => {
            for (index, item) in items.iter_mut().enumerate() {
                let inner = item.as_object_mut().map(|item| remove(item, rest)).unwrap_or_default();
                removed.extend(inner.into_iter().map(|(at, value)| (format!("{key}[{index}].{at}"), value)));
            }
        }
        Some(Value::Object(map)) => {
            let inner = remove(map, rest);
            let is_empty = map.is_empty() && !inner.is_empty();
            removed.extend(inner.into_iter().map(|(at, value)| (format!("{key}.{at}"), value)));
            if is_empty {
                data.shift_remove(key);
            }
        }
        _ => {}
    }
    removed
}

#[cfg(test)]
mod tests;
