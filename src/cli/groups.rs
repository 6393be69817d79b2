//! The groups of arguments that several subcommands share.

use std::path::PathBuf;

use clap::Args;
use ipnet::Ipv4Net;

use crate::facts::AmiFamily;
use crate::net::cidr::parse_block;
use crate::ui::Format;

use super::values::{
    ByZone, parse_duration, parse_name, parse_route_table, parse_security_group, parse_subnet,
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

    /// Authenticate to Kubernetes with this kubeconfig [default: with the AWS credentials]
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<String>,

    /// Context in the kubeconfig [default: its current context]
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,

    /// File with defaults for any of these flags
    #[arg(long, env = "ENI_CUSTOM_CONFIG", value_name = "FILE", default_value = "eni-custom.toml")]
    pub config: PathBuf,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Pod subnets")]
pub struct NetworkArgs {
    /// Secondary CIDR block for pods, /16 to /28 [default: a block of 100.64.0.0/10 that is free in the VPC]
    #[arg(long, env = "ENI_CUSTOM_CIDR", value_name = "CIDR", value_delimiter = ',', value_parser = parse_block)]
    pub cidr: Vec<Ipv4Net>,

    /// Prefix length of the created subnets [default: the block split evenly, as large as possible]
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u8).range(16..=28))]
    pub subnet_prefix: Option<u8>,

    /// Use this subnet for a zone's pods instead of creating one
    #[arg(long, value_name = "ZONE=SUBNET", value_delimiter = ',', value_parser = parse_subnet)]
    pub subnet: Vec<ByZone>,

    /// Route table for a zone's created subnet [default: that of the zone's private node subnet]
    #[arg(long, value_name = "ZONE=RTB", value_delimiter = ',', value_parser = parse_route_table)]
    pub route_table: Vec<ByZone>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "VPC CNI")]
pub struct CniArgs {
    /// Enable custom networking after the ENIConfigs are written, so that nodes that start in between do not stay
    /// NotReady
    #[arg(long, env = "ENI_CUSTOM_ENV_LAST", value_name = "BOOL", value_parser = clap::value_parser!(bool), num_args = 0..=1, default_missing_value = "true", default_value = "false", hide_default_value = true, hide_possible_values = true)]
    pub env_last: bool,

    /// Send pods' internet traffic through the NAT gateway of their own subnets, with the pods' addresses
    /// (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)
    #[arg(long)]
    pub external_snat: bool,

    /// Name of a zone's ENIConfig [default: the zone's name]
    #[arg(long, value_name = "ZONE=NAME", value_delimiter = ',', value_parser = parse_name)]
    pub eniconfig_name: Vec<ByZone>,

    /// Node label whose value is the name of the node's ENIConfig [default: topology.kubernetes.io/zone]
    #[arg(long, value_name = "KEY")]
    pub eniconfig_label: Option<String>,

    /// Security group for pods [default: the new node security group and the cluster security group]
    #[arg(long, value_name = "SG", value_delimiter = ',', value_parser = parse_security_group)]
    pub security_group: Vec<String>,

    /// Change aws-node's environment even if Helm, GitOps or another field manager owns it
    #[arg(long)]
    pub take_over_env: bool,

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
    /// Instance type [default: the most common one among the old nodes]
    #[arg(long, env = "ENI_CUSTOM_INSTANCE_TYPE", value_name = "TYPE")]
    pub instance_type: Option<String>,

    /// AMI family [default: that of the old nodes, else al2023]
    #[arg(long, value_name = "FAMILY")]
    pub ami_family: Option<AmiFamily>,

    /// AMI ID [default: the latest EKS AMI of the family, from SSM]
    #[arg(long, value_name = "AMI")]
    pub ami_id: Option<String>,

    /// New nodes in each zone [default: as many as are replaced there, or more if their max pods require it]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub nodes_per_zone: Option<u32>,

    /// Maximum size of each zone's node group [default: twice its size]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub max_nodes_per_zone: Option<u32>,

    /// Size of the root volume in GiB [default: as on the old nodes, else 80]
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u32).range(8..=16384))]
    pub volume_size: Option<u32>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Run")]
pub struct RunArgs {
    /// Do not ask for confirmation; risks still need their own flags
    #[arg(long, short)]
    pub yes: bool,

    /// Continue despite this warning, e.g. EC-NET-009; risks need it, --yes does not cover them
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub accept: Vec<String>,

    /// Name of the cluster, to confirm undo and --disable-eviction
    #[arg(long, value_name = "NAME")]
    pub confirm_cluster: Option<String>,

    /// Longest wait for any one operation, e.g. 90s, 30m or 1h30m
    #[arg(long, value_name = "DURATION", default_value = "20m", value_parser = parse_duration)]
    pub timeout: std::time::Duration,
}

#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Format of the result on stdout
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub output: Format,

    /// Format of the progress on stderr
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub events: Format,
}
