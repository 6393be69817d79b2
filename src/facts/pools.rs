//! Pools: what the nodes of one old node group have in common, as their owner would launch them again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{AmiFamily, Image, Owner, Sizes, Taint};

/// The nodes of one node group, and what a group that replaces it must have.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// The managed node group's name, else the Auto Scaling group's; `unowned-1`, … for nodes without an owner.
    pub name: String,
    pub owner: Owner,
    /// Names of its nodes.
    pub nodes: BTreeSet<String>,
    /// Its Auto Scaling groups; none for nodes without an owner.
    pub groups: BTreeSet<String>,
    pub template: LaunchTemplate,
    pub instances: Instances,
    /// Labels that its nodes get from their owner, without those of Kubernetes, of the cloud provider and of EKS.
    pub labels: BTreeMap<String, String>,
    /// Labels of EKS (`eks.amazonaws.com/…`), which only some replacements get.
    pub eks_labels: BTreeMap<String, String>,
    /// Taints that its nodes get from their owner.
    pub taints: Vec<Taint>,
    /// `None` for a family that is not one of AWS's three, such as Ubuntu.
    pub family: Option<AmiFamily>,
    /// The image in use; `None` if EC2 does not list it any more.
    pub image: Option<Image>,
    /// Somebody else's image than AWS's: it stays, because only its owner knows what is in it.
    pub own_image: bool,
    /// ARN of the node role.
    pub role: Option<String>,
    /// ARN of the instance profile, unless EKS created it: EKS deletes it with the managed node group.
    pub instance_profile: Option<String>,
    /// Subnets of its nodes.
    pub subnets: BTreeSet<String>,
    /// Nodes that start in it, at least and at most.
    pub sizes: Sizes,
    pub tags: Vec<GroupTag>,
    /// Settings of the group itself, in CloudFormation's spelling (AWS::AutoScaling::AutoScalingGroup): those that a
    /// replacement mirrors, such as HealthCheckGracePeriod and CapacityRebalance.
    pub group: Map<String, Value>,
    /// The managed node group's settings that a managed replacement mirrors, in CloudFormation's spelling
    /// (AWS::EKS::Nodegroup): UpdateConfig, NodeRepairConfig.
    pub managed: Option<ManagedPool>,
    /// What its owner has that a replacement would not get.
    pub unclear: Vec<Unclear>,
}

/// The launch template in use.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LaunchTemplate {
    /// `launch template lt-1 version 3`, `launch configuration web`, `instance i-1`
    pub source: String,
    /// LaunchTemplateData in CloudFormation's spelling (AWS::EC2::LaunchTemplate), without UserData. A replacement
    /// copies it and sets what must differ.
    pub data: Map<String, Value>,
    /// Decoded from base64, compressed or not as it was given; empty if there is none.
    pub user_data: Vec<u8>,
}

impl LaunchTemplate {
    /// Security groups of the primary network interface: those of the template, or of its interface with device index 0.
    pub fn security_groups(&self) -> Vec<String> {
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(|id| Some(id.as_str()?.to_string())).collect()
        };
        if let Some(groups) = self.data.get("SecurityGroupIds") {
            return texts(groups);
        }
        let interfaces = self.data.get("NetworkInterfaces").and_then(Value::as_array);
        let is_primary = |interface: &&Value| {
            interface.get("DeviceIndex").and_then(Value::as_i64).unwrap_or_default() == 0
        };
        let primary = interfaces.into_iter().flatten().find(is_primary);
        primary.and_then(|interface| interface.get("Groups")).map(texts).unwrap_or_default()
    }

    /// `ami-…`, or `resolve:ssm:…` for a parameter that EC2 looks up at each launch.
    pub fn image(&self) -> Option<&str> {
        self.data.get("ImageId")?.as_str()
    }
}

/// Which instances a group starts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Instances {
    /// In the group's order of preference; more than one with a mixed instances policy or in a managed node group. With
    /// attribute-based selection, the types of the nodes that run.
    pub types: Vec<TypeChoice>,
    /// Attribute-based selection: InstanceRequirements in CloudFormation's spelling.
    pub requirements: Option<Value>,
    /// InstancesDistribution of a mixed instances policy, in CloudFormation's spelling.
    pub distribution: Option<Value>,
    /// All instances are Spot instances.
    pub spot: bool,
}

/// One instance type of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypeChoice {
    /// `m5.large`
    pub name: String,
    /// Its capacity units (WeightedCapacity).
    pub weight: Option<u32>,
}

/// A tag of an Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupTag {
    pub key: String,
    pub value: String,
    /// Its instances get it too.
    pub propagated: bool,
}

/// What only a managed node group has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ManagedPool {
    /// `AL2023_x86_64_STANDARD`, `CUSTOM`, …
    pub ami_type: String,
    /// Kubernetes version: `1.34`
    pub version: String,
    /// Release of EKS's image, `1.34.2-20261108`; of an own image, its id.
    pub release: String,
    /// The launch template that the user gave, as `lt-… version`; EKS makes its own from it.
    pub launch_template: Option<String>,
    /// The security group that EKS made for SSH, and deletes with the managed node group.
    pub remote_access_group: Option<String>,
    /// UpdateConfig, NodeRepairConfig and WarmPoolConfig in CloudFormation's spelling.
    pub settings: Map<String, Value>,
    pub tags: BTreeMap<String, String>,
}

/// Something that a replacement would not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclear {
    /// `InstanceMaintenancePolicy`, `user data part 2 (text/x-custom)`
    pub what: String,
    pub why: String,
}
