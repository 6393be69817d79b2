//! The CloudFormation templates, and the parameters they take.
//!
//! `base.yaml` is a fixed text with parameters. The template of a node group is generated: it has all that the old group's
//! nodes had (volumes, tags, instance types, …), which can't be parameters of a fixed text.

pub(crate) mod data;
pub(crate) mod error;
pub(crate) mod launch;
pub(crate) mod managed;
pub(crate) mod node_group;
mod yaml;

use ipnet::Ipv4Net;
use serde_json::{Map, Value, json};

use crate::facts::{AmiFamily, Instances, TypeChoice};
use crate::net::firewall::{Peer, Rule, SecurityGroup, Traffic};
use crate::net::partition::of_region;

use error::TemplateError;
use launch::Launch;
use node_group::{NodeGroupTemplate, Profile};

/// `base.yaml`: one stack per cluster, with role, instance profile and security group of the nodes.
pub(crate) const BASE: &str = include_str!("base.yaml");

/// The rules that [`BASE`] creates: those of the node security group, and one in the cluster security group.
pub(crate) fn base_rules(node_group: &str, cluster_group: &str) -> (SecurityGroup, Rule) {
    let everything = |peer| Rule { traffic: Traffic::ALL, peer };
    let from = |group: &str| everything(Peer::Group(group.into()));
    let group = SecurityGroup {
        id: node_group.into(),
        ingress: vec![from(node_group), from(cluster_group)],
        egress: vec![everything(Peer::Cidr(Ipv4Net::default()))],
        ..SecurityGroup::default()
    };
    (group, from(node_group))
}

/// The parameters of a node group's template.
pub(crate) const SIZES: [&str; 3] = ["MinSize", "DesiredCapacity", "MaxSize"];

/// GiB of the volume with the containers' images and files, if nothing says otherwise.
pub(crate) const DEFAULT_VOLUME_SIZE: u32 = 80;

/// AWS's policies of the role that [`BASE`] creates; the last one only on request.
pub(crate) const ROLE_POLICIES: [&str; 4] = [
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonSSMManagedInstanceCore",
    "AmazonEKS_CNI_Policy",
];

/// The capability that CreateStack needs for [`BASE`]: it creates a role whose name CloudFormation chooses.
pub(crate) const BASE_CAPABILITY: &str = "CAPABILITY_IAM";

/// Names and values, in the template's order.
pub(crate) type Parameters = Vec<(&'static str, String)>;

/// Outputs of [`BASE`].
pub(crate) mod output {
    /// Role that must be authorised to join the cluster; absent if the stack has none.
    pub(crate) const NODE_ROLE_ARN: &str = "NodeRoleArn";
    /// For [`PlainNodeGroup::instance_profile_arn`](super::PlainNodeGroup::instance_profile_arn); absent without a role.
    pub(crate) const INSTANCE_PROFILE_ARN: &str = "InstanceProfileArn";
    /// For the node groups and the ENIConfigs.
    pub(crate) const NODE_SECURITY_GROUP_ID: &str = "NodeSecurityGroupId";
}

/// Parameters of [`BASE`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseParameters<'a> {
    /// Name of the EKS cluster.
    pub cluster_name: &'a str,
    /// The cluster's VPC.
    pub vpc_id: &'a str,
    /// The security group that EKS made for the cluster.
    pub cluster_security_group_id: &'a str,
    /// Whether the role gets AmazonEKS_CNI_Policy; not needed if aws-node has its own role.
    pub cni_policy: bool,
    /// Decides the service principal of EC2 that may assume the role.
    pub region: &'a str,
    /// Whether the stack has a role and an instance profile for new nodes; not needed where they have the old nodes' role.
    pub create_role: bool,
    /// ARN of the permissions boundary of that role.
    pub permissions_boundary: Option<&'a str>,
    /// Path of that role and of its instance profile, such as `/eks/`.
    pub role_path: Option<&'a str>,
}

impl BaseParameters<'_> {
    /// For CreateStack.
    pub(crate) fn parameters(&self) -> Parameters {
        vec![
            ("ClusterName", self.cluster_name.to_string()),
            ("VpcId", self.vpc_id.to_string()),
            ("ClusterSecurityGroupId", self.cluster_security_group_id.to_string()),
            ("AttachCniPolicy", self.cni_policy.to_string()),
            ("Ec2ServicePrincipal", of_region(self.region).ec2_principal.to_string()),
            ("CreateNodeRole", self.create_role.to_string()),
            ("PermissionsBoundary", self.permissions_boundary.unwrap_or_default().to_string()),
            ("RolePath", self.role_path.unwrap_or_default().to_string()),
        ]
    }
}

/// A self-managed node group without anything of an old group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlainNodeGroup<'a> {
    /// Name of the EKS cluster.
    pub cluster_name: &'a str,
    /// Name of the node group, and of its instances.
    pub node_group_name: &'a str,
    /// The nodes' own subnets, all in one zone; not the pods'.
    pub subnet_ids: &'a [String],
    /// Output of the base stack.
    pub node_security_group_id: &'a str,
    /// The security group that EKS made for the cluster.
    pub cluster_security_group_id: &'a str,
    /// Output of the base stack.
    pub instance_profile_arn: &'a str,
    /// `m5.large`
    pub instance_type: &'a str,
    /// `ami-…`
    pub image_id: &'a str,
    /// Decides which volume `volume_size` is about.
    pub ami_family: AmiFamily,
    /// As [`render`](super::user_data::render) gives it, not yet in base64.
    pub user_data: &'a str,
    /// GiB for the containers' images and files.
    pub volume_size: u32,
}

impl PlainNodeGroup<'_> {
    /// For CreateStack.
    pub(crate) fn template(&self) -> Result<String, TemplateError> {
        let data = Map::from_iter([
            ("ImageId".to_string(), json!(self.image_id)),
            (
                "SecurityGroupIds".to_string(),
                json!([self.node_security_group_id, self.cluster_security_group_id]),
            ),
        ]);
        let kind = TypeChoice { name: self.instance_type.into(), weight: None };
        NodeGroupTemplate {
            launch: Launch {
                cluster: self.cluster_name,
                name: self.node_group_name,
                data: &data,
                user_data: self.user_data.as_bytes(),
                family: Some(self.ami_family),
                volume_size: self.volume_size,
                imds_defaults: true,
                tags: &[],
            },
            subnets: self.subnet_ids,
            profile: Profile::Existing(self.instance_profile_arn),
            instances: &Instances { types: vec![kind], ..Instances::default() },
            group: &Map::<String, Value>::new(),
            group_tags: &[],
        }
        .render()
    }
}

/// Sizes of a node group. An *update* of a stack resets the group to the desired capacity, so pass the group's current one.
pub(crate) fn sizes(min: u32, desired: u32, max: u32) -> Parameters {
    SIZES.into_iter().zip([min, desired, max].map(|size| size.to_string())).collect()
}

#[cfg(test)]
mod rendered;

#[cfg(test)]
mod tests {
    use super::*;

    /// Names below a section's head, one level in.
    fn names(template: &'static str, section: &str) -> Vec<&'static str> {
        let (_, rest) = template.split_once(&format!("\n{section}:\n")).unwrap();
        rest.lines()
            .take_while(|line| line.is_empty() || line.starts_with([' ', '#']))
            .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
            .filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase()))
            .collect()
    }

    #[test]
    fn the_role_has_the_listed_policies() {
        let attached = BASE.lines().filter_map(|line| line.rsplit_once("iam::aws:policy/"));
        assert_eq!(attached.map(|(_, name)| name).collect::<Vec<_>>(), ROLE_POLICIES);
    }

    fn names_given(parameters: &Parameters) -> Vec<&'static str> {
        parameters.iter().map(|(name, _)| *name).collect()
    }

    fn base() -> Parameters {
        BaseParameters {
            cluster_name: "sandbox",
            vpc_id: "vpc-1",
            cluster_security_group_id: "sg-2",
            cni_policy: true,
            region: "eusc-de-east-1",
            create_role: true,
            permissions_boundary: None,
            role_path: Some("/eks/"),
        }
        .parameters()
    }

    #[test]
    fn the_listed_rules_are_those_of_the_base_template() {
        let group = |text: &str| match text {
            "!GetAtt NodeSecurityGroup.GroupId" => "sg-nodes",
            "!Ref ClusterSecurityGroupId" => "sg-cluster",
            other => panic!("{other}"),
        };
        let value = |resource: &str, key: &str| {
            let line = resource.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "));
            line.unwrap().to_string()
        };
        let mut written: Vec<(String, Rule)> = Vec::new();
        for resource in BASE.split("Type: AWS::EC2::SecurityGroupIngress").skip(1) {
            assert_eq!(value(resource, "IpProtocol"), "\"-1\"");
            let peer = Peer::Group(group(&value(resource, "SourceSecurityGroupId")).into());
            let into = group(&value(resource, "GroupId")).to_string();
            written.push((into, Rule { traffic: Traffic::ALL, peer }));
        }
        let (nodes, to_cluster) = base_rules("sg-nodes", "sg-cluster");
        let mut expected: Vec<(String, Rule)> =
            nodes.ingress.into_iter().map(|rule| ("sg-nodes".to_string(), rule)).collect();
        expected.push(("sg-cluster".into(), to_cluster));
        assert_eq!(written, expected);
        assert_eq!(BASE.matches("SecurityGroupEgress:").count(), 1);
        assert_eq!(value(BASE, "CidrIp"), "0.0.0.0/0");
    }

    #[test]
    fn exactly_the_parameters_of_the_templates_are_passed() {
        assert_eq!(names_given(&base()), names(BASE, "Parameters"));
    }

    #[test]
    fn outputs_have_the_expected_names() {
        use output::*;
        assert_eq!(names(BASE, "Outputs"), [NODE_ROLE_ARN, INSTANCE_PROFILE_ARN, NODE_SECURITY_GROUP_ID]);
    }

    #[test]
    fn parameter_values_are_formatted_for_cloudformation() {
        let value = |parameters: &Parameters, wanted: &str| {
            parameters.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.clone()).unwrap()
        };
        assert_eq!(value(&base(), "AttachCniPolicy"), "true");
        assert_eq!(
            (value(&base(), "PermissionsBoundary"), value(&base(), "RolePath")),
            ("".into(), "/eks/".into())
        );
        let written: Vec<String> =
            sizes(0, 2, 3).iter().map(|(name, size)| format!("{name} {size}")).collect();
        assert_eq!(written, ["MinSize 0", "DesiredCapacity 2", "MaxSize 3"]);
    }

    /// CloudFormation accepts 51,200 bytes of a template in the request itself.
    #[test]
    fn the_base_template_fits_a_request() {
        assert!(BASE.len() < error::LONGEST_TEMPLATE);
    }
}
