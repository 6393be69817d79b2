//! What node groups launch, part by part, as AWS describes it. Pools are made of these parts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use super::{GroupTag, Hook, Image, Instances, LaunchTemplate, ManagedPool, Taint, Unclear};

/// What a group launches its instances from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LaunchSource {
    /// A launch template. The version is a number, `$Latest` or `$Default`; Auto Scaling looks up the last two at each
    /// launch (LaunchTemplateSpecification, Version).
    Template { id: String, version: String },
    /// A launch configuration, the older way.
    Configuration(String),
}

impl fmt::Display for LaunchSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LaunchSource::Template { id, version } => write!(f, "launch template {id} version {version}"),
            LaunchSource::Configuration(name) => write!(f, "launch configuration {name}"),
        }
    }
}

/// What an Auto Scaling group says about its instances and about itself (DescribeAutoScalingGroups).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupSettings {
    pub launch: Option<LaunchSource>,
    /// What the group sets; without a mixed instances policy its launch template decides, and this is empty.
    pub instances: Instances,
    pub subnets: BTreeSet<String>,
    /// All of them, AWS's own too.
    pub tags: Vec<GroupTag>,
    /// In CloudFormation's spelling (AWS::AutoScaling::AutoScalingGroup).
    pub properties: Map<String, Value>,
    pub unclear: Vec<Unclear>,
}

/// What a managed node group says about its nodes (DescribeNodegroup).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ManagedSettings {
    pub pool: ManagedPool,
    /// The launch template that the user gave.
    pub launch: Option<LaunchSource>,
    /// In its order of preference; empty if its launch template has the type.
    pub types: Vec<String>,
    pub spot: bool,
    pub labels: BTreeMap<String, String>,
    pub taints: Vec<Taint>,
    /// ARN
    pub role: Option<String>,
    pub subnets: BTreeSet<String>,
    pub unclear: Vec<Unclear>,
}

/// A launch template or launch configuration, or an instance as if it had one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Launched {
    pub template: LaunchTemplate,
    /// What [`LaunchTemplate::data`] can't hold.
    pub unclear: Vec<Unclear>,
}

/// An image, and whether AWS publishes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownImage {
    pub image: Image,
    /// EC2's alias of its owner is `amazon`.
    pub by_aws: bool,
}

/// An instance profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceProfile {
    pub arn: String,
    /// ARN of its role; a profile has at most one.
    pub role: Option<String>,
}

/// A lifecycle hook of an Auto Scaling group.
#[derive(Debug, Clone, PartialEq)]
pub struct LifecycleHook {
    /// For a hook that a terminating instance waits for.
    pub terminate: Option<Hook>,
    /// In CloudFormation's spelling (LifecycleHookSpecification).
    pub property: Map<String, Value>,
}

/// What belongs to Auto Scaling groups without being in their description, by group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beside {
    /// Names of scaling policies and scheduled actions: `scaling policy cpu`.
    pub scaling: BTreeMap<String, Vec<String>>,
    /// NotificationConfigurations in CloudFormation's spelling.
    pub notifications: BTreeMap<String, Vec<Value>>,
}

/// What was read, or why not: the service's message.
pub type Read<T> = Result<T, String>;

/// What launch sources, images, profiles and groups have, by their names. A launch template's version never changes, so
/// this is read once in a run's first look, and again only with everything else.
#[derive(Debug, Clone, Default)]
pub struct Launches {
    /// `None`: it no longer exists.
    pub sources: BTreeMap<LaunchSource, Read<Option<Launched>>>,
    /// By id; `None`: EC2 does not list it.
    pub images: BTreeMap<String, Option<KnownImage>>,
    pub images_unread: Option<String>,
    /// By name.
    pub profiles: BTreeMap<String, Read<InstanceProfile>>,
    /// Policies of roles that new nodes don't have though the old ones do, and of those that they have instead; by the
    /// role's ARN.
    pub policies: BTreeMap<String, Read<BTreeSet<String>>>,
    /// By Auto Scaling group.
    pub hooks: BTreeMap<String, Read<Vec<LifecycleHook>>>,
    /// Of all groups of the account; `None` before it is read.
    pub beside: Option<Read<Beside>>,
    /// Instances without an owner, by id; `None`: EC2 does not know it.
    pub instances: BTreeMap<String, Option<Launched>>,
    pub instances_unread: Option<String>,
}
