//! The launch template of a new node group: the old group's, with what must differ. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::facts::AmiFamily;

use super::data::volume_device;
use super::error::{LONGEST_USER_DATA, TemplateError};
use super::yaml::{Comment, attribute, inert, inert_map, is_dynamic, reference};

/// What the launch templates of both kinds of node groups have.
#[derive(Debug, Clone)]
pub(crate) struct Launch<'a> {
    /// Name of the EKS cluster.
    pub cluster: &'a str,
    /// Name of the new node group; of its instances and volumes too, where the old ones had none.
    pub name: &'a str,
    /// LaunchTemplateData in CloudFormation's spelling: the old group's, with the image and the security groups of the
    /// new nodes. The renderer sets instance types, instance profile, user data and tags.
    pub data: &'a Map<String, Value>,
    /// Decoded; empty for none.
    pub user_data: &'a [u8],
    /// Decides which volume `volume_size` is about; `None` for images of others, whose own volumes stay.
    pub family: Option<AmiFamily>,
    /// GiB for the containers' images and files, if `data` has no volumes.
    pub volume_size: u32,
    /// Requires IMDSv2, with two hops, if `data` has no metadata options. Those of an old group stay as they are.
    pub imds_defaults: bool,
    /// Further tags for all that the group creates.
    pub tags: &'a [(String, String)],
}

/// Keys and values, each key once.
pub(super) type Tags = Vec<(String, String)>;

/// A launch template, ready for a template's resources.
pub(super) struct LaunchTemplate {
    pub resource: Value,
    pub comments: Vec<Comment>,
    /// Bytes of user data in the template.
    pub user_data: usize,
}

/// What a template sets, whatever the old group has.
const SET_HERE: [&str; 3] = ["InstanceType", "IamInstanceProfile", "UserData"];

const GROUPS: Comment = Comment {
    line: "        SecurityGroupIds:",
    text: "The cluster's group makes these nodes as reachable as those of managed node groups, for whatever rules\n\
           others have built on it. It is the one with the tag that the AWS Load Balancer Controller looks for.",
};
const VOLUMES: Comment = Comment {
    line: "        BlockDeviceMappings:",
    text: "For the containers' images and files. Encrypted with the account's default key.",
};
const METADATA: Comment = Comment {
    line: "        MetadataOptions:",
    text: "IMDSv2 only. Two hops, as in AWS's own node-group template: a pod that reads the region or its credentials\n\
           from the instance did so on the old nodes, and must not fail for having moved. One hop, the default of\n\
           AL2023's AMIs, is the better choice where every pod has an IAM role of its own.",
};

impl Launch<'_> {
    /// `data`: the old group's, as the kind of node group allows it. `instance_tags`: tags of the instances where it has
    /// none of those keys, if only the launch template gives them theirs.
    pub(super) fn template(
        &self,
        data: Map<String, Value>,
        instance_type: Option<&str>,
        instance_profile: Option<Value>,
        instance_tags: Option<Tags>,
    ) -> Result<LaunchTemplate, TemplateError> {
        let mut comments = Vec::new();
        let mut own = Map::new();
        own.extend(instance_type.map(|name| ("InstanceType".to_string(), json!(name))));
        own.extend(data.into_iter().filter(|(key, _)| !SET_HERE.contains(&key.as_str())));
        if own.contains_key("SecurityGroupIds") {
            comments.push(GROUPS);
        }
        if !own.contains_key("BlockDeviceMappings")
            && let Some(family) = self.family
        {
            own.insert("BlockDeviceMappings".into(), volume(family, self.volume_size));
            comments.push(VOLUMES);
        }
        if self.imds_defaults && !own.contains_key("MetadataOptions") {
            let options =
                json!({ "HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 2 });
            own.insert("MetadataOptions".into(), options);
            comments.push(METADATA);
        }
        let before = own.shift_remove("TagSpecifications");
        let mut specifications = Specifications::new(before);
        if let Some(defaults) = instance_tags {
            specifications.add("instance", &defaults, self.tags);
        }
        specifications.add("volume", &default_tags(self.cluster, self.name), self.tags);
        specifications.add("network-interface", &[], self.tags);
        own.insert("TagSpecifications".into(), specifications.into());
        inert_map("LaunchTemplateData", &own)?;

        // Only from here on there are functions.
        let mut data = Map::new();
        for key in ["InstanceType", "ImageId"] {
            data.extend(own.shift_remove(key).map(|value| (key.to_string(), value)));
        }
        data.extend(instance_profile.map(|arn| ("IamInstanceProfile".to_string(), json!({ "Arn": arn }))));
        data.extend(own);
        let user_data = user_data(self.user_data)?;
        let bytes = user_data.as_ref().map_or(0, length);
        data.extend(user_data.map(|text| ("UserData".to_string(), text)));
        let mut properties = json!({ "LaunchTemplateData": data });
        let mut of_template = Specifications(Vec::new());
        of_template.add("launch-template", &[], self.tags);
        let of_template = Value::from(of_template);
        inert("TagSpecifications", &of_template)?;
        if of_template != json!([]) {
            properties["TagSpecifications"] = of_template;
        }
        let resource = json!({ "Type": "AWS::EC2::LaunchTemplate", "Properties": properties });
        Ok(LaunchTemplate { resource, comments, user_data: bytes })
    }
}

/// How a group refers to the launch template of its stack.
pub(super) fn version_in_use(id: &str) -> Value {
    json!({ id: reference("LaunchTemplate"), "Version": attribute("LaunchTemplate", "LatestVersionNumber") })
}

/// The cloud provider takes an instance for one of its cluster's by the second tag.
pub(super) fn default_tags(cluster: &str, name: &str) -> Tags {
    vec![("Name".into(), name.into()), (format!("kubernetes.io/cluster/{cluster}"), "owned".into())]
}

/// Later tags replace earlier ones of the same key. `aws:` is reserved for AWS, and no request may have it; `eks:` tags
/// mark what EKS manages, such as the old group.
pub(super) fn merge(tags: &mut Tags, later: &[(String, String)]) {
    for (key, value) in later.iter().filter(|(key, _)| !key.starts_with("aws:") && !key.starts_with("eks:")) {
        match tags.iter_mut().find(|(there, _)| there == key) {
            Some(tag) => tag.1.clone_from(value),
            None => tags.push((key.clone(), value.clone())),
        }
    }
}

fn tag_list(tags: &[(String, String)]) -> Value {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// TagSpecifications of a launch template, by resource type, in the old group's order.
struct Specifications(Vec<(String, Tags)>);

impl Specifications {
    fn new(before: Option<Value>) -> Self {
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_string();
        let of = |specification: &Value| {
            let tags = specification["Tags"].as_array().into_iter().flatten();
            let mut merged = Tags::new();
            let tags: Tags = tags.map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect();
            merge(&mut merged, &tags);
            (text(specification, "ResourceType"), merged)
        };
        let before = before.as_ref().and_then(Value::as_array).into_iter().flatten();
        Specifications(before.map(of).collect())
    }

    /// Adds tags to a type of resource: defaults, then the old group's, then these.
    fn add(&mut self, resource: &str, defaults: &[(String, String)], tags: &[(String, String)]) {
        let at = self.0.iter().position(|(there, _)| there == resource);
        let before = at.map(|at| self.0[at].1.clone()).unwrap_or_default();
        let mut merged = defaults.to_vec();
        merge(&mut merged, &before);
        merge(&mut merged, tags);
        match at {
            Some(at) => self.0[at].1 = merged,
            None => self.0.push((resource.into(), merged)),
        }
    }
}

impl From<Specifications> for Value {
    fn from(specifications: Specifications) -> Value {
        let with_tags = specifications.0.iter().filter(|(_, tags)| !tags.is_empty());
        with_tags
            .map(|(resource, tags)| json!({ "ResourceType": resource, "Tags": tag_list(tags) }))
            .collect()
    }
}

fn volume(family: AmiFamily, size: u32) -> Value {
    json!([{
        "DeviceName": volume_device(family),
        "Ebs": { "VolumeType": "gp3", "VolumeSize": size, "Encrypted": true, "DeleteOnTermination": true },
    }])
}

/// Text that a person can read, otherwise base64.
fn user_data(bytes: &[u8]) -> Result<Option<Value>, TemplateError> {
    if bytes.len() > LONGEST_USER_DATA {
        return Err(TemplateError::UserDataTooLong { bytes: bytes.len() });
    }
    Ok(match std::str::from_utf8(bytes) {
        Ok("") => None,
        Ok(text) if is_plain(text) => Some(json!({ "Fn::Base64": text })),
        _ => Some(json!(STANDARD.encode(bytes))),
    })
}

/// Printable ASCII without a dynamic reference. CloudFormation shows other characters as question marks
/// (cloudformation-coverage-roadmap#814), YAML has no block scalar for carriage returns, and libyaml reads none that begins
/// with a tab.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| matches!(c, ' '..='~' | '\n' | '\t'))
        && !text.trim_start_matches('\n').starts_with('\t')
        && !is_dynamic(text)
}

fn length(user_data: &Value) -> usize {
    let text = user_data.get("Fn::Base64").unwrap_or(user_data);
    text.as_str().map_or(0, str::len)
}
