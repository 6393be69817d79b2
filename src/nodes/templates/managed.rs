//! A managed node group with a launch template of its own. Pure.
//!
//! Source of the rules: EKS user guide, "Customize managed nodes with launch templates"; EKS API reference,
//! CreateNodegroup.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::facts::{Instances, Taint};

use super::data::{add_security_groups, is_spot, market, remove_prohibited, security_groups};
use super::error::{LONGEST_NAME, MOST_TYPES, TemplateError};
use super::launch::{Launch, Tags, merge, version_in_use};
use super::yaml::{Comment, inert, reference, template};

const HEAD: &str = include_str!("managed.yaml");

/// A managed node group. Its sizes are parameters of the template; all else is in it.
#[derive(Debug, Clone)]
pub(crate) struct ManagedTemplate<'a> {
    /// Its `name` is also the node group's.
    pub launch: Launch<'a>,
    /// The security group that EKS made for the cluster. EKS adds it by itself only where the launch template has none.
    pub cluster_security_group: &'a str,
    /// The nodes' own subnets, not the pods'.
    pub subnets: &'a [String],
    /// ARN.
    pub node_role: &'a str,
    /// `AL2023_x86_64_STANDARD`, …; not sent where the launch template has an image.
    pub ami_type: &'a str,
    pub instances: &'a Instances,
    pub labels: &'a BTreeMap<String, String>,
    pub taints: &'a [Taint],
    /// UpdateConfig, NodeRepairConfig.
    pub settings: &'a Map<String, Value>,
    /// The old node group's own tags. They are not those of its instances.
    pub tags: &'a BTreeMap<String, String>,
}

/// Properties that the template sets, or that EKS prohibits with a launch template or with an image of one's own.
const RESERVED: &[&str] = &[
    "AmiType",
    "CapacityType",
    "ClusterName",
    "DiskSize",
    "InstanceTypes",
    "Labels",
    "LaunchTemplate",
    "NodeRole",
    "NodegroupName",
    "ReleaseVersion",
    "RemoteAccess",
    "ScalingConfig",
    "Subnets",
    "Tags",
    "Taints",
    "Version",
];

const GROUP: Comment = Comment {
    line: "  NodeGroup:",
    text: "Subnets, role, instance types and capacity type are the node group's: EKS refuses a launch template that has\n\
           them as well.",
};

impl ManagedTemplate<'_> {
    /// The template as YAML. The same input gives the same bytes.
    pub(crate) fn render(&self) -> Result<String, TemplateError> {
        let mut data = self.launch.data.clone();
        // Spot is the node group's capacity type.
        let spot = self.instances.spot || is_spot(&data);
        let prohibited = remove_prohibited(&mut data);
        if !prohibited.is_empty() {
            return Err(TemplateError::Unsupported(prohibited));
        }
        if !security_groups(&data).is_empty() {
            add_security_groups(&mut data, &[self.cluster_security_group.to_string()]);
        }
        let capacity = match (market(&data), spot) {
            (Some("capacity-block"), false) => "CAPACITY_BLOCK",
            (Some(other), _) => return Err(TemplateError::Market(other.into())),
            (None, true) => "SPOT",
            (None, false) => "ON_DEMAND",
        };
        let types = self.types(&data)?;
        let mut group = self.group(capacity, data.contains_key("ImageId"))?;
        let in_template = match (capacity, &types[..]) {
            // EKS wants the type of a capacity block in the launch template.
            ("CAPACITY_BLOCK", [one]) => Some(one.as_str()),
            ("CAPACITY_BLOCK", _) => {
                return Err(TemplateError::NotManaged("a capacity block of several types"));
            }
            _ => {
                inert("InstanceTypes", &json!(types))?;
                group.insert("InstanceTypes".into(), json!(types));
                None
            }
        };
        // The tags of the group are not those of its instances. EKS sets the cluster's tag itself.
        let name = vec![("Name".to_string(), self.launch.name.to_string())];
        let launch = self.launch.template(data, in_template, None, Some(name))?;
        let mut comments = launch.comments;
        comments.push(GROUP);
        let resources = json!({
            "LaunchTemplate": launch.resource,
            "NodeGroup": { "Type": "AWS::EKS::Nodegroup", "Properties": group },
        });
        template(HEAD, resources, &comments, launch.user_data)
    }

    fn types(&self, data: &Map<String, Value>) -> Result<Vec<String>, TemplateError> {
        let Instances { types, requirements, distribution, .. } = self.instances;
        if requirements.is_some() {
            return Err(TemplateError::NotManaged("InstanceRequirements, only a list of instance types"));
        }
        if distribution.is_some() {
            return Err(TemplateError::NotManaged(
                "InstancesDistribution: all its instances are On-Demand or Spot",
            ));
        }
        if types.iter().any(|one| one.weight.is_some()) {
            return Err(TemplateError::NotManaged("weights of instance types"));
        }
        let in_template = data.get("InstanceType").and_then(Value::as_str);
        let mut names: Vec<String> = types.iter().map(|one| one.name.clone()).collect();
        if names.is_empty() {
            names.extend(in_template.map(ToString::to_string));
        }
        match names.len() {
            // EKS would start t3.medium.
            0 => Err(TemplateError::NoInstanceType),
            count if count > MOST_TYPES => Err(TemplateError::TooManyTypes(count)),
            _ => Ok(names),
        }
    }

    fn group(&self, capacity: &str, own_image: bool) -> Result<Map<String, Value>, TemplateError> {
        if let Some(property) = self.settings.keys().find(|key| RESERVED.contains(&key.as_str())) {
            return Err(TemplateError::Reserved { property: property.clone() });
        }
        if !is_name(self.launch.name) {
            return Err(TemplateError::Name(self.launch.name.into()));
        }
        let mut group = Map::new();
        let mut set = |key: &str, value: Value| drop(group.insert(key.into(), value));
        set("ClusterName", json!(self.launch.cluster));
        set("NodegroupName", json!(self.launch.name));
        set("Subnets", json!(self.subnets));
        set("NodeRole", json!(self.node_role));
        if !own_image {
            set("AmiType", json!(self.ami_type));
        }
        set("CapacityType", json!(capacity));
        if !self.labels.is_empty() {
            set("Labels", json!(self.labels));
        }
        if !self.taints.is_empty() {
            set("Taints", self.taints.iter().map(taint).collect::<Result<Value, _>>()?);
        }
        let mut tags: Tags = Tags::new();
        merge(&mut tags, &self.tags.clone().into_iter().collect::<Tags>());
        merge(&mut tags, self.launch.tags);
        if !tags.is_empty() {
            set(
                "Tags",
                tags.into_iter().map(|(key, value)| (key, json!(value))).collect::<Map<_, _>>().into(),
            );
        }
        group.extend(self.settings.clone());
        inert("NodeGroup", &Value::Object(group.clone()))?;
        let sizes = json!({
            "MinSize": reference("MinSize"),
            "DesiredSize": reference("DesiredCapacity"),
            "MaxSize": reference("MaxSize"),
        });
        group.insert("ScalingConfig".into(), sizes);
        group.insert("LaunchTemplate".into(), version_in_use("Id"));
        Ok(group)
    }
}

/// EKS's spelling of a taint.
fn taint(taint: &Taint) -> Result<Value, TemplateError> {
    let effect = match taint.effect.as_str() {
        "NoSchedule" => "NO_SCHEDULE",
        "NoExecute" => "NO_EXECUTE",
        "PreferNoSchedule" => "PREFER_NO_SCHEDULE",
        other => return Err(TemplateError::TaintEffect(other.into())),
    };
    Ok(match taint.value.as_str() {
        "" => json!({ "Key": taint.key, "Effect": effect }),
        value => json!({ "Key": taint.key, "Value": value, "Effect": effect }),
    })
}

fn is_name(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(is_inner)
}
