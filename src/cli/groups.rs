//! The groups of arguments that several subcommands share.

use std::path::PathBuf;

use clap::Args;
use ipnet::Ipv4Net;

use crate::facts::AmiFamily;
use crate::net::cidr::parse_block;
use crate::settings::{ManagedImage, NodeRole, ReplaceWith};
use crate::ui::{Format, ResultFormat};

use super::values::{
    ByZone, ForPool, parse_count, parse_duration, parse_for_pool, parse_name, parse_node_role,
    parse_role_path, parse_route_table, parse_security_group, parse_subnet, parse_tag, parse_volume_size,
};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Cluster")]
pub struct TargetArgs {
    /// Name of the EKS cluster
    #[arg(long, short, env = "ENI_CUSTOM_CLUSTER", value_name = "NAME")]
    pub cluster: Option<String>,

    /// AWS region [default: as the AWS CLI resolves it]
    #[arg(long, env = "AWS_REGION", value_name = "REGION")]
    pub region: Option<String>,

    /// Profile in ~/.aws/config
    #[arg(long, env = "AWS_PROFILE", value_name = "NAME")]
    pub profile: Option<String>,

    /// Kubeconfig to authenticate to Kubernetes with [default: none, the AWS credentials are used]
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<String>,

    /// Context of the kubeconfig [default: its current context]
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,

    /// File with defaults for any of these flags
    #[arg(long, env = "ENI_CUSTOM_CONFIG", value_name = "FILE", default_value = "eni-custom.toml")]
    pub config: PathBuf,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Pod subnets")]
pub struct NetworkArgs {
    /// Secondary CIDR block for pods, /16 to /28, repeatable [default: a free block of 100.64.0.0/10]
    #[arg(long, env = "ENI_CUSTOM_CIDR", value_name = "CIDR", value_delimiter = ',', value_parser = parse_block)]
    pub cidr: Vec<Ipv4Net>,

    /// Prefix length of the created subnets, 16 to 28 [default: the block is split evenly]
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u8).range(16..=28))]
    pub subnet_prefix: Option<u8>,

    /// Existing subnet for a zone's pods, repeatable [default: one is created]
    #[arg(long, value_name = "ZONE=SUBNET", value_delimiter = ',', value_parser = parse_subnet)]
    pub subnet: Vec<ByZone>,

    /// Route table for a zone's created subnet, repeatable [default: that of the zone's private node subnet]
    #[arg(long, value_name = "ZONE=RTB", value_delimiter = ',', value_parser = parse_route_table)]
    pub route_table: Vec<ByZone>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "VPC CNI")]
pub struct CniArgs {
    /// Run step 3 after step 6, so that nodes that start in between do not stay NotReady [default: false]
    #[arg(long, env = "ENI_CUSTOM_ENV_LAST", value_name = "BOOL", value_parser = clap::value_parser!(bool), num_args = 0..=1, default_missing_value = "true", default_value = "false", hide_default_value = true, hide_possible_values = true)]
    pub env_last: bool,

    /// Send pods' internet traffic through the NAT gateway of their subnets (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)
    #[arg(long)]
    pub external_snat: bool,

    /// Name of a zone's ENIConfig, repeatable [default: the zone's name]
    #[arg(long, value_name = "ZONE=NAME", value_delimiter = ',', value_parser = parse_name)]
    pub eniconfig_name: Vec<ByZone>,

    /// Node label whose value is the name of the node's ENIConfig [default: topology.kubernetes.io/zone]
    #[arg(long, value_name = "KEY")]
    pub eniconfig_label: Option<String>,

    /// Security group for pods, repeatable [default: the new nodes' group and the cluster security group]
    #[arg(long, value_name = "SG", value_delimiter = ',', value_parser = parse_security_group)]
    pub security_group: Vec<String>,

    /// Change aws-node's environment even if Helm, GitOps or another field manager owns it
    #[arg(long)]
    pub take_over_env: bool,

    /// Change Karpenter's settings and NodePools even if Helm, GitOps or another field manager owns them
    #[arg(long)]
    pub take_over_karpenter: bool,

    /// Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label
    #[arg(long)]
    pub remove_annotation_def: bool,

    /// Change existing ENIConfigs to the planned subnets and security groups
    #[arg(long)]
    pub replace_eniconfigs: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "New nodes")]
pub struct NodeArgs {
    /// Replace only this managed node group or Auto Scaling group ("nodes": nodes without a group), repeatable [default:
    /// all]
    #[arg(long = "pool", value_name = "NAME", value_delimiter = ',')]
    pub pools: Vec<String>,

    /// Kind of the new node groups; POOL=, here and below, sets the value for one pool [default: self-managed]
    #[arg(long, value_name = "[POOL=]self-managed|managed|same", value_parser = parse_for_pool::<ReplaceWith>)]
    pub replace_with: Vec<ForPool<ReplaceWith>>,

    /// Image of managed node groups: EKS's, which it updates, or that of the launch template [default: as the old group]
    #[arg(long, value_name = "[POOL=]eks|own", value_parser = parse_for_pool::<ManagedImage>)]
    pub managed_image: Vec<ForPool<ManagedImage>>,

    /// Instance type [default: those of the old node group]
    #[arg(long, env = "ENI_CUSTOM_INSTANCE_TYPE", value_name = "[POOL=]TYPE", value_parser = parse_for_pool::<String>)]
    pub instance_type: Vec<ForPool<String>>,

    /// AMI family: al2023, al2 or bottlerocket [default: as the old node group, else al2023]
    #[arg(long, value_name = "[POOL=]FAMILY", value_parser = parse_for_pool::<AmiFamily>)]
    pub ami_family: Vec<ForPool<AmiFamily>>,

    /// AMI ID [default: the latest EKS AMI of the family; an AMI of your own is kept]
    #[arg(long, value_name = "[POOL=]AMI", value_parser = parse_for_pool::<String>)]
    pub ami_id: Vec<ForPool<String>>,

    /// New nodes in each zone, 1 to 1000 [default: as many as old ones, more if their max pods require it]
    #[arg(long, value_name = "[POOL=]N", value_parser = parse_count)]
    pub nodes_per_zone: Vec<ForPool<u32>>,

    /// Maximum nodes of each zone's node group [default: its share of the old group's maximum]
    #[arg(long, value_name = "[POOL=]N", value_parser = parse_count)]
    pub max_nodes_per_zone: Vec<ForPool<u32>>,

    /// Size of the root volume in GiB [default: as on the old nodes, else 80]
    #[arg(long, value_name = "[POOL=]GIB", value_parser = parse_volume_size)]
    pub volume_size: Vec<ForPool<u32>>,

    /// IAM role of the nodes: the old nodes', a new one with the least permissions, or this one [default: same]
    #[arg(long, value_name = "[POOL=]same|new|ARN", value_parser = parse_node_role)]
    pub node_role: Vec<ForPool<NodeRole>>,

    /// Tag for the new node groups and what they create, besides the old groups' tags, repeatable
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = parse_tag)]
    pub tags: Vec<(String, String)>,

    /// Permissions boundary of a new role [default: none]
    #[arg(long, value_name = "ARN")]
    pub permissions_boundary: Option<String>,

    /// IAM path of a new role, e.g. /eks/ [default: /]
    #[arg(long, value_name = "PATH", value_parser = parse_role_path)]
    pub role_path: Option<String>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Run")]
pub struct RunArgs {
    /// Ask nothing; risks still need their own flags
    #[arg(long, short)]
    pub yes: bool,

    /// Accept this warning, e.g. EC-NET-009, repeatable; risks need it, --yes does not cover them
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub accept: Vec<String>,

    /// Confirm undo and --disable-eviction with the cluster name, instead of being asked for it
    #[arg(long, value_name = "NAME")]
    pub confirm_cluster: Option<String>,

    /// Longest wait for any one operation, e.g. 90s or 1h30m
    #[arg(long, value_name = "DURATION", default_value = "20m", value_parser = parse_duration)]
    pub timeout: std::time::Duration,
}

#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Format of the result on stdout; markdown is for a comment on a pull request
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub output: ResultFormat,

    /// Format of the progress on stderr
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub events: Format,
}
