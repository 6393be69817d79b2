//! The two CloudFormation templates, and the parameters they take.
//!
//! The templates are fixed texts: what differs between clusters and node groups is in the parameters, so that a
//! stack's template can be compared with this repository. User data is a parameter too. CloudFormation accepts 4,096
//! bytes per parameter; user data in base64 has about 2,900 with a certificate authority of EKS (1.5 kB).

pub(crate) mod data;
pub(crate) mod error;
pub(crate) mod launch;
pub(crate) mod managed;
#[cfg_attr(not(test), expect(dead_code, reason = "for groups that mirror an old one"))]
pub(crate) mod node_group;
mod yaml;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::Ipv4Net;

use crate::net::firewall::{Peer, Rule, SecurityGroup, Traffic};
use crate::net::partition::of_region;

use crate::facts::AmiFamily;

/// `base.yaml`: one stack per cluster, with role, instance profile and security group of the nodes.
pub(crate) const BASE: &str = include_str!("base.yaml");

/// `node-group.yaml`: one stack per ENIConfig, with launch template and Auto Scaling group.
pub(crate) const NODE_GROUP: &str = include_str!("node-group.yaml");

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
/// The parameters of a generated template.
pub(crate) const SIZES: [&str; 3] = ["MinSize", "DesiredCapacity", "MaxSize"];

/// Parameters of [`NODE_GROUP`], in the template's order.
pub(crate) const NODE_GROUP_PARAMETERS: [&str; 14] = [
    "ClusterName",
    "NodeGroupName",
    "SubnetIds",
    "NodeSecurityGroupId",
    "ClusterSecurityGroupId",
    "InstanceProfileArn",
    "InstanceType",
    "ImageId",
    "UserData",
    "MinSize",
    "DesiredCapacity",
    "MaxSize",
    "VolumeDevice",
    "VolumeSize",
];

/// GiB of the volume with the containers' images and files, if nothing says otherwise.
pub(crate) const DEFAULT_VOLUME_SIZE: u32 = 80;

/// The capability that CreateStack needs for [`BASE`]: it creates a role whose name CloudFormation chooses.
pub(crate) const BASE_CAPABILITY: &str = "CAPABILITY_IAM";

/// Bytes that CloudFormation accepts for one parameter value: CloudFormation user guide, quotas.
const LONGEST_PARAMETER: usize = 4096;

/// Names and values, in the template's order.
pub(crate) type Parameters = Vec<(&'static str, String)>;

/// Outputs of [`BASE`].
pub(crate) mod output {
    /// Role that must be authorised to join the cluster; absent if the stack has none.
    pub(crate) const NODE_ROLE_ARN: &str = "NodeRoleArn";
    /// For [`NodeGroupParameters::instance_profile_arn`](super::NodeGroupParameters::instance_profile_arn);
    /// absent without a role.
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

/// Parameters of [`NODE_GROUP`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeGroupParameters<'a> {
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
    /// Fewest nodes.
    pub min_size: u32,
    /// Nodes to run. An *update* of a stack resets the group to this number, so pass the group's current size.
    pub desired_capacity: u32,
    /// Most nodes.
    pub max_size: u32,
    /// GiB for the containers' images and files.
    pub volume_size: u32,
}

/// Why there can't be a stack with these parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParameterError {
    /// More than CloudFormation accepts for a parameter.
    #[error(
        "user data has {bytes} bytes in base64, and CloudFormation accepts {LONGEST_PARAMETER} for a parameter; the cluster's certificate authority or the node labels are unusually long"
    )]
    UserDataTooLong {
        /// Length in base64.
        bytes: usize,
    },
}

impl NodeGroupParameters<'_> {
    /// For CreateStack and UpdateStack.
    pub(crate) fn parameters(&self) -> Result<Parameters, ParameterError> {
        let user_data = STANDARD.encode(self.user_data);
        if user_data.len() > LONGEST_PARAMETER {
            return Err(ParameterError::UserDataTooLong { bytes: user_data.len() });
        }
        Ok(vec![
            ("ClusterName", self.cluster_name.to_string()),
            ("NodeGroupName", self.node_group_name.to_string()),
            ("SubnetIds", self.subnet_ids.join(",")),
            ("NodeSecurityGroupId", self.node_security_group_id.to_string()),
            ("ClusterSecurityGroupId", self.cluster_security_group_id.to_string()),
            ("InstanceProfileArn", self.instance_profile_arn.to_string()),
            ("InstanceType", self.instance_type.to_string()),
            ("ImageId", self.image_id.to_string()),
            ("UserData", user_data),
            ("MinSize", self.min_size.to_string()),
            ("DesiredCapacity", self.desired_capacity.to_string()),
            ("MaxSize", self.max_size.to_string()),
            ("VolumeDevice", volume_device(self.ami_family).to_string()),
            ("VolumeSize", self.volume_size.to_string()),
        ])
    }
}

/// The volume for images and containers: Bottlerocket has a second volume for them.
fn volume_device(family: AmiFamily) -> &'static str {
    match family {
        AmiFamily::Al2023 | AmiFamily::Al2 => "/dev/xvda",
        AmiFamily::Bottlerocket => "/dev/xvdb",
    }
}

#[cfg(test)]
mod rendered;

#[cfg(test)]
mod tests {
    use super::*;

    use crate::net::max_pods::{Options, known, max_pods};
    use crate::nodes::user_data::{Boot, Carried, MaxPodsRule, NodeLabel, render};

    /// Names below a section's head, one level in.
    fn names(template: &'static str, section: &str) -> Vec<&'static str> {
        let (_, rest) = template.split_once(&format!("\n{section}:\n")).unwrap();
        rest.lines()
            .take_while(|line| line.is_empty() || line.starts_with([' ', '#']))
            .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
            .filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase()))
            .collect()
    }

    fn names_given(parameters: &Parameters) -> Vec<&'static str> {
        parameters.iter().map(|(name, _)| *name).collect()
    }

    fn node_group(user_data: &str, ami_family: AmiFamily) -> Result<Parameters, ParameterError> {
        NodeGroupParameters {
            cluster_name: "sandbox",
            node_group_name: "sandbox-us-west-2a",
            subnet_ids: &["subnet-1".to_string(), "subnet-2".to_string()],
            node_security_group_id: "sg-1",
            cluster_security_group_id: "sg-2",
            instance_profile_arn: "arn:aws:iam::123456789012:instance-profile/x",
            instance_type: "m5.large",
            image_id: "ami-1",
            ami_family,
            user_data,
            min_size: 0,
            desired_capacity: 0,
            max_size: 3,
            volume_size: 80,
        }
        .parameters()
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
        assert_eq!(names_given(&node_group("", AmiFamily::Al2023).unwrap()), names(NODE_GROUP, "Parameters"));
        assert_eq!(NODE_GROUP_PARAMETERS.to_vec(), names(NODE_GROUP, "Parameters"));
    }

    #[test]
    fn outputs_have_the_expected_names() {
        use output::*;
        assert_eq!(names(BASE, "Outputs"), [NODE_ROLE_ARN, INSTANCE_PROFILE_ARN, NODE_SECURITY_GROUP_ID]);
        assert_eq!(names(NODE_GROUP, "Outputs"), ["AutoScalingGroupName", "LaunchTemplateId"]);
    }

    #[test]
    fn parameter_values_are_formatted_for_cloudformation() {
        let value = |parameters: &Parameters, wanted: &str| {
            parameters.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.clone()).unwrap()
        };
        let group = node_group("#!/bin/sh\n", AmiFamily::Al2).unwrap();
        assert_eq!(value(&group, "SubnetIds"), "subnet-1,subnet-2");
        assert_eq!(value(&group, "UserData"), "IyEvYmluL3NoCg==");
        assert_eq!(value(&group, "VolumeDevice"), "/dev/xvda");
        assert_eq!(value(&node_group("", AmiFamily::Bottlerocket).unwrap(), "VolumeDevice"), "/dev/xvdb");
        assert_eq!(value(&base(), "AttachCniPolicy"), "true");
        assert_eq!(
            (value(&base(), "PermissionsBoundary"), value(&base(), "RolePath")),
            ("".into(), "/eks/".into())
        );
    }

    /// The longest names that AWS allows, a certificate authority somewhat longer than EKS's and several labels.
    #[test]
    fn user_data_fits_a_parameter() {
        let labels: Vec<NodeLabel> = (0..4)
            .map(|n| NodeLabel::new(&format!("k8s.example.com/label-{n}"), "us-gov-west-1a").unwrap())
            .collect();
        let boot = Boot {
            cluster: &"c".repeat(100),
            endpoint: "https://0123456789ABCDEF0123456789ABCDEF.gr7.ap-southeast-2.eks.amazonaws.com.cn",
            certificate_authority: &"A".repeat(1700),
            service_cidr: "172.20.0.0/16".parse().unwrap(),
            max_pods: MaxPodsRule::Fixed(max_pods(known("m5.large").unwrap(), &Options::default()).unwrap()),
            labels: &labels,
            taints: &[],
            carried: &Carried::default(),
        };
        for family in AmiFamily::ALL {
            node_group(&render(family, &boot).unwrap(), family)
                .unwrap_or_else(|error| panic!("{family}: {error}"));
        }
        let boot = Boot { certificate_authority: &"A".repeat(4000), ..boot };
        let error = node_group(&render(AmiFamily::Al2, &boot).unwrap(), AmiFamily::Al2).unwrap_err();
        assert!(matches!(error, ParameterError::UserDataTooLong { bytes } if bytes > 4096));
    }

    /// CloudFormation accepts 51,200 bytes of a template in the request itself.
    #[test]
    fn templates_fit_a_request() {
        assert!(BASE.len() < 51_200 && NODE_GROUP.len() < 51_200);
    }
}
