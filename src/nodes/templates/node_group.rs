//! A self-managed node group: launch template and Auto Scaling group. Pure.

use serde_json::{Map, Value, json};

use crate::facts::{GroupTag, Instances, TypeChoice};

use super::data::{is_spot, market, remove_spot, remove_unsupported};
use super::error::TemplateError;
use super::launch::{Launch, Tags, default_tags, merge, version_in_use};
use super::yaml::{Comment, attribute, inert, inert_map, reference, template};

const HEAD: &str = include_str!("node-group.yaml");

/// A self-managed node group. Its sizes are parameters of the template; all else is in it.
#[derive(Debug, Clone)]
pub(crate) struct NodeGroupTemplate<'a> {
    pub launch: Launch<'a>,
    /// The nodes' own subnets, all in one zone; not the pods'.
    pub subnets: &'a [String],
    pub profile: Profile<'a>,
    pub instances: &'a Instances,
    /// Properties of AWS::AutoScaling::AutoScalingGroup, such as HealthCheckGracePeriod.
    pub group: &'a Map<String, Value>,
    pub group_tags: &'a [GroupTag],
}

/// The instance profile of the new nodes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Profile<'a> {
    /// Its ARN.
    Existing(&'a str),
    /// A new one in the group's stack, for an existing role.
    OfRole {
        /// Its name, without its path.
        role: &'a str,
        /// Of the instance profile; `/` if absent.
        path: Option<&'a str>,
    },
}

/// Properties of the group that the template sets, or that name another way to launch instances.
const RESERVED: &[&str] = &[
    "AutoScalingGroupName",
    "AvailabilityZoneIds",
    "AvailabilityZones",
    "DesiredCapacity",
    "InstanceId",
    "LaunchConfigurationName",
    "LaunchTemplate",
    "MaxSize",
    "MinSize",
    "MixedInstancesPolicy",
    "Tags",
    "VPCZoneIdentifier",
];

const PROFILE: Comment = Comment {
    line: "  NodeInstanceProfile:",
    text: "For the role of the old nodes. Their instance profile may be deleted with the old node group.",
};
const GROUP: Comment = Comment {
    line: "  NodeGroup:",
    text: "No UpdatePolicy: a new version of the launch template is for the instances that start from then on. None that\n\
           runs is replaced unless somebody asks for it.",
};

impl NodeGroupTemplate<'_> {
    /// The template as YAML. The same input gives the same bytes.
    pub(crate) fn render(&self) -> Result<String, TemplateError> {
        let mut data = self.launch.data.clone();
        let unsupported = remove_unsupported(&mut data);
        if !unsupported.is_empty() {
            return Err(TemplateError::Unsupported(unsupported));
        }
        let launched = launched(self.instances, &mut data)?;
        let mut resources = Map::new();
        let profile = match self.profile {
            Profile::Existing(arn) => {
                inert("IamInstanceProfile", &json!(arn))?;
                json!(arn)
            }
            Profile::OfRole { role, path } => {
                let mut properties = Map::from_iter([("Roles".to_string(), json!([role]))]);
                properties.extend(path.map(|path| ("Path".to_string(), json!(path))));
                inert_map("NodeInstanceProfile", &properties)?;
                let resource = json!({ "Type": "AWS::IAM::InstanceProfile", "Properties": properties });
                resources.insert("NodeInstanceProfile".into(), resource);
                attribute("NodeInstanceProfile", "Arn")
            }
        };
        let instance_type = match &launched {
            Launched::Template { instance_type } => Some(instance_type.as_str()),
            Launched::Mixed { .. } => None,
        };
        let launch = self.launch.template(data, instance_type, Some(profile), None)?;
        // In this order: comments are put above the first line that fits.
        resources.shift_insert(0, "LaunchTemplate".into(), launch.resource);
        resources.insert("NodeGroup".into(), self.auto_scaling_group(launched)?);
        let mut comments = launch.comments;
        comments.extend([PROFILE, GROUP]);
        template(HEAD, Value::Object(resources), &comments, launch.user_data)
    }

    fn auto_scaling_group(&self, launched: Launched) -> Result<Value, TemplateError> {
        if let Some(property) = self.group.keys().find(|key| RESERVED.contains(&key.as_str())) {
            return Err(TemplateError::Reserved { property: property.clone() });
        }
        let tags = self.group_tags();
        inert("VPCZoneIdentifier", &json!(self.subnets))?;
        inert("Tags", &tags)?;
        inert_map("NodeGroup", self.group)?;
        let mut properties = Map::from_iter([("VPCZoneIdentifier".to_string(), json!(self.subnets))]);
        match launched {
            Launched::Template { .. } => {
                properties.insert("LaunchTemplate".into(), version_in_use("LaunchTemplateId"));
            }
            Launched::Mixed { overrides, distribution } => {
                inert("Overrides", &overrides)?;
                let mut policy = Map::new();
                if let Some(distribution) = distribution {
                    inert("InstancesDistribution", &distribution)?;
                    policy.insert("InstancesDistribution".into(), distribution);
                }
                let template = json!({
                    "LaunchTemplateSpecification": version_in_use("LaunchTemplateId"),
                    "Overrides": overrides,
                });
                policy.insert("LaunchTemplate".into(), template);
                properties.insert("MixedInstancesPolicy".into(), Value::Object(policy));
            }
        }
        for size in super::SIZES {
            properties.insert(size.into(), reference(size));
        }
        properties.extend(self.group.clone());
        properties.insert("Tags".into(), tags);
        Ok(json!({ "Type": "AWS::AutoScaling::AutoScalingGroup", "Properties": properties }))
    }

    fn group_tags(&self) -> Value {
        let mut tags = default_tags(self.launch.cluster, self.launch.name);
        let of_group = self.group_tags.iter().map(|tag| (tag.key.clone(), tag.value.clone()));
        merge(&mut tags, &of_group.collect::<Tags>());
        merge(&mut tags, self.launch.tags);
        let propagated = |key: &str| {
            let own = self.launch.tags.iter().any(|(there, _)| there == key);
            let before = self.group_tags.iter().find(|tag| tag.key == key);
            own || before.is_none_or(|tag| tag.propagated)
        };
        tags.iter()
            .map(|(key, value)| json!({ "Key": key, "Value": value, "PropagateAtLaunch": propagated(key) }))
            .collect()
    }
}

/// What decides the types of a group's instances.
enum Launched {
    Template { instance_type: String },
    Mixed { overrides: Value, distribution: Option<Value> },
}

/// A launch template is enough for one type without a weight and without a distribution. Takes out of the launch template
/// what the mixed instances policy has.
fn launched(instances: &Instances, data: &mut Map<String, Value>) -> Result<Launched, TemplateError> {
    let in_template = data.shift_remove("InstanceType");
    let of_template = data.shift_remove("InstanceRequirements");
    let requirements = instances.requirements.clone().or(of_template);
    let types = match (&instances.types[..], in_template.as_ref().and_then(Value::as_str)) {
        ([], Some(name)) => vec![TypeChoice { name: name.into(), weight: None }],
        (types, _) => types.to_vec(),
    };
    let names_spot = is_spot(data);
    if let (None, None, [one]) = (&requirements, &instances.distribution, &types[..])
        && one.weight.is_none()
        && (names_spot || !instances.spot)
    {
        return Ok(Launched::Template { instance_type: one.name.clone() });
    }
    let overrides = match (requirements, &types[..]) {
        (Some(requirements), _) => json!([{ "InstanceRequirements": requirements }]),
        (None, []) => return Err(TemplateError::NoInstanceType),
        (None, types) => types.iter().map(type_override).collect(),
    };
    let options = remove_spot(data).unwrap_or_default();
    if let Some(other) = market(data) {
        return Err(TemplateError::Market(other.into()));
    }
    let all_spot = (instances.spot || names_spot).then(|| only_spot(options));
    Ok(Launched::Mixed { overrides, distribution: instances.distribution.clone().or(all_spot) })
}

fn type_override(one: &TypeChoice) -> Value {
    match one.weight {
        // A string in CloudFormation's schema.
        Some(weight) => json!({ "InstanceType": one.name, "WeightedCapacity": weight.to_string() }),
        None => json!({ "InstanceType": one.name }),
    }
}

/// No On-Demand instances. The strategy is the one of managed node groups of Spot instances (EKS user guide, "Managed node
/// group capacity types").
fn only_spot(mut options: Map<String, Value>) -> Value {
    let mut distribution = json!({
        "OnDemandBaseCapacity": 0,
        "OnDemandPercentageAboveBaseCapacity": 0,
        "SpotAllocationStrategy": "price-capacity-optimized",
    });
    if let Some(price) = options.shift_remove("MaxPrice") {
        distribution["SpotMaxPrice"] = price;
    }
    distribution
}
