//! Arguments and their help; what they mean is settings' to say.

mod drain;
mod file;
mod look;
mod offline;
mod planned;
mod read;
mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use ipnet::Ipv4Net;

pub use drain::{DrainArgs, EvictArgs};
pub use look::{DoctorArgs, ProbeArgs, ReportOutputArgs, VerifyArgs};
pub use offline::{IamPolicyArgs, MaxPodsArgs, SchemaOf};
pub use read::parse;

use crate::net::cidr::parse_block;
use crate::nodes::user_data::AmiFamily;
use crate::ui::{ColorWhen, Format, Voice};

use values::{ByZone, parse_duration, parse_name, parse_route_table, parse_security_group, parse_subnet};

/// Moves a live Amazon EKS cluster to VPC CNI custom networking: pods take their addresses and security groups
/// from other subnets than their nodes.
#[derive(Debug, Parser)]
#[command(
    name = "eni-custom",
    version,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 usage (plan --detailed-exitcode: changes), \
3 refused by a check, 4 done but not proven, 130 interrupted.")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,

    #[command(flatten)]
    pub voice: VoiceArgs,
}

/// How every command talks.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global")]
pub struct VoiceArgs {
    /// When to use colors; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorWhen,

    /// Print nothing but errors and the result
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print each AWS and Kubernetes call on stderr
    #[arg(long, short, global = true)]
    pub verbose: bool,

    /// Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did
    #[arg(long, global = true, value_name = "FILE", env = "ENI_CUSTOM_LOG")]
    pub log: Option<PathBuf>,
}

impl VoiceArgs {
    pub fn voice(&self) -> Voice {
        Voice { color: self.color, quiet: self.quiet, verbose: self.verbose }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// All nine steps in the documented order; asks on a terminal, or takes flags with --yes
    Setup(ApplyArgs),
    /// Read everything, change nothing, show what setup would do
    Plan(PlanArgs),
    /// Take back what setup made, in the order that strands nobody
    Undo(UndoArgs),
    /// Step 1: associate a secondary CIDR block with the VPC
    AssociateCidr(OneStepArgs<StepArgs>),
    /// Step 2: create a pod subnet in each Availability Zone that has nodes
    CreateSubnets(OneStepArgs<StepArgs>),
    /// Step 3: switch custom networking on in aws-node's environment
    SetEnv(OneStepArgs<StepArgs>),
    /// Step 4: find the VPC CNI's version, and whether it is new enough
    DetectCni(OneStepArgs<StepArgs>),
    /// Step 5: install the ENIConfig CustomResourceDefinition where it is missing or untyped
    InstallCrd(OneStepArgs<StepArgs>),
    /// Step 6: write an ENIConfig for each pod subnet
    WriteEniconfigs(OneStepArgs<StepArgs>),
    /// Step 7: create self-managed node groups with computed max pods, empty for now
    LaunchNodegroups(OneStepArgs<StepArgs>),
    /// Step 8: put the security groups into the ENIConfigs, then let the node groups grow
    PatchSecurityGroups(OneStepArgs<StepArgs>),
    /// Step 9: drain the old nodes within their PodDisruptionBudgets, and terminate them
    DrainNodes(OneStepArgs<SetupArgs>),
    /// Prove from the outside that custom networking is so: nodes, interfaces, pods' addresses, max pods
    Verify(VerifyArgs),
    /// Explain what is wrong with a cluster, whoever has set it up, and how to fix it
    Doctor(DoctorArgs),
    /// Where the cluster stands, step by step
    Status(SetupArgs),
    /// How many pods an instance type can hold; needs no network
    MaxPods(MaxPodsArgs),
    /// Print the least permissions that the commands need: an IAM policy, or roles for Kubernetes; needs no network
    IamPolicy(IamPolicyArgs),
    /// Print the JSON schema of an output
    Schema {
        #[arg(value_enum)]
        output: SchemaOf,
    },
    /// Print a completion script for a shell
    Completions {
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// What `setup` takes.
#[derive(Debug, Clone, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    pub all: SetupArgs,

    /// Make exactly the changes of this file, which plan --out wrote, or refuse and name what has moved since
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
}

/// What `setup`, `plan` and `drain-nodes` take.
#[derive(Debug, Clone, Args)]
pub struct SetupArgs {
    #[command(flatten)]
    pub step: StepArgs,
    #[command(flatten)]
    pub drain: DrainArgs,
}

/// What a step alone takes.
#[derive(Debug, Clone, Args)]
pub struct OneStepArgs<T: Args> {
    #[command(flatten)]
    pub step: T,

    /// Take this step back; asks for the cluster's name
    #[arg(long, help_heading = "Run")]
    pub undo: bool,
}

/// What `undo` takes.
#[derive(Debug, Clone, Args)]
pub struct UndoArgs {
    #[command(flatten)]
    pub target: TargetArgs,

    /// Show what would be taken back, and change nothing
    #[arg(long)]
    pub plan: bool,

    /// Go back only so far that this step is the last one done
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=8))]
    pub to_step: Option<u8>,

    /// Leave the node groups that setup made, and take back the rest as far as it is not in use
    #[arg(long)]
    pub keep_nodes: bool,

    #[command(flatten)]
    pub evict: EvictArgs,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What each step takes.
#[derive(Debug, Clone, Args)]
pub struct StepArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
    #[command(flatten)]
    pub cni: CniArgs,
    #[command(flatten)]
    pub nodes: NodeArgs,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub all: SetupArgs,

    /// Exit 0 where there is nothing to do, 2 where there is, 3 where a check refuses, 1 on any error
    #[arg(long)]
    pub detailed_exitcode: bool,

    /// Save the plan, for setup --plan FILE; a plan that a check refuses is not saved
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Write what would be made to this folder, for review: ENIConfigs, environment, templates, user data, commands
    #[arg(long, value_name = "DIR")]
    pub export: Option<PathBuf>,

    /// Export to a folder that is not empty
    #[arg(long, requires = "export")]
    pub force: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Cluster")]
pub struct TargetArgs {
    /// Name of the EKS cluster
    #[arg(long, short, env = "ENI_CUSTOM_CLUSTER", value_name = "NAME")]
    pub cluster: Option<String>,

    /// AWS region [default: as the aws CLI finds it]
    #[arg(long, env = "AWS_REGION", value_name = "REGION")]
    pub region: Option<String>,

    /// Profile in ~/.aws/config
    #[arg(long, env = "AWS_PROFILE", value_name = "NAME")]
    pub profile: Option<String>,

    /// Log in to Kubernetes with this kubeconfig [default: natively, with the AWS credentials]
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<String>,

    /// Context in the kubeconfig [default: its current one]
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,

    /// File with defaults for any of these flags
    #[arg(long, env = "ENI_CUSTOM_CONFIG", value_name = "FILE", default_value = "eni-custom.toml")]
    pub config: PathBuf,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Pod subnets")]
pub struct NetworkArgs {
    /// Secondary CIDR block for pods, /16 to /28 [default: one of 100.64.0.0/10 that is free in the VPC]
    #[arg(long, env = "ENI_CUSTOM_CIDR", value_name = "CIDR", value_delimiter = ',', value_parser = parse_block)]
    pub cidr: Vec<Ipv4Net>,

    /// Prefix length of the subnets to be created [default: as large as an even split allows]
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u8).range(16..=28))]
    pub subnet_prefix: Option<u8>,

    /// Use this subnet for a zone's pods instead of creating one
    #[arg(long, value_name = "ZONE=SUBNET", value_delimiter = ',', value_parser = parse_subnet)]
    pub subnet: Vec<ByZone>,

    /// Route table for a zone's created subnet [default: the one of the zone's private node subnet]
    #[arg(long, value_name = "ZONE=RTB", value_delimiter = ',', value_parser = parse_route_table)]
    pub route_table: Vec<ByZone>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "VPC CNI")]
pub struct CniArgs {
    /// Switch custom networking on after the ENIConfigs are written, so that a node that starts in between is
    /// not left NotReady
    #[arg(long, env = "ENI_CUSTOM_ENV_LAST", value_parser = clap::value_parser!(bool), num_args = 0..=1, default_missing_value = "true", default_value = "false", hide_default_value = true, hide_possible_values = true)]
    pub env_last: bool,

    /// Pods' traffic to the internet leaves by their own NAT gateway, with their own addresses
    /// (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)
    #[arg(long)]
    pub external_snat: bool,

    /// Name of a zone's ENIConfig [default: the zone's name]
    #[arg(long, value_name = "ZONE=NAME", value_delimiter = ',', value_parser = parse_name)]
    pub eniconfig_name: Vec<ByZone>,

    /// Node label whose value names the node's ENIConfig [default: topology.kubernetes.io/zone]
    #[arg(long, value_name = "KEY")]
    pub eniconfig_label: Option<String>,

    /// Security group for pods [default: the new node security group and the cluster's]
    #[arg(long, value_name = "SG", value_delimiter = ',', value_parser = parse_security_group)]
    pub security_group: Vec<String>,

    /// Change aws-node's environment even where Helm, GitOps or another field manager owns it
    #[arg(long)]
    pub take_over_env: bool,

    /// Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label
    #[arg(long)]
    pub remove_annotation_def: bool,

    /// Point an ENIConfig that is there already to the designed subnet and groups
    #[arg(long)]
    pub replace_eniconfigs: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "New nodes")]
pub struct NodeArgs {
    /// Instance type [default: the one that most of the old nodes have]
    #[arg(long, env = "ENI_CUSTOM_INSTANCE_TYPE", value_name = "TYPE")]
    pub instance_type: Option<String>,

    /// Family of the image
    #[arg(long, value_name = "FAMILY", default_value = "al2023")]
    pub ami_family: AmiFamily,

    /// Image [default: the newest EKS image of the family, by SSM]
    #[arg(long, value_name = "AMI")]
    pub ami_id: Option<String>,

    /// New nodes in each zone [default: as many as are replaced there, or more where their max pods need it]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub nodes_per_zone: Option<u32>,

    /// Maximum size of each zone's group [default: twice the size]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub max_nodes_per_zone: Option<u32>,

    /// Size of the root volume, GiB
    #[arg(long, value_name = "GIB", default_value_t = 80, value_parser = clap::value_parser!(u32).range(8..=16384))]
    pub volume_size: u32,
}

impl From<StepArgs> for SetupArgs {
    /// A step before the drain, which is not asked how to drain.
    fn from(step: StepArgs) -> Self {
        SetupArgs { step, drain: defaults() }
    }
}

impl From<UndoArgs> for SetupArgs {
    /// What `undo` is not asked is what setup has where nothing is said.
    fn from(undo: UndoArgs) -> Self {
        let UndoArgs { target, evict, run, output, plan, .. } = undo;
        let step = StepArgs { target, network: defaults(), cni: defaults(), nodes: defaults(), run, output };
        let drain = DrainArgs { evict, dry_run: plan, ..defaults() };
        SetupArgs { step, drain }
    }
}

/// Arguments as they are where none is given.
fn defaults<T: Args>() -> T {
    #[derive(Parser)]
    struct Nothing<T: Args> {
        #[command(flatten)]
        args: T,
    }
    Nothing::parse_from([""]).args
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Run")]
pub struct RunArgs {
    /// Go on without asking; risks still need their own flags
    #[arg(long, short)]
    pub yes: bool,

    /// Go on despite this warning, e.g. EC-NET-009; --yes alone is no answer to those that are risks
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub accept: Vec<String>,

    /// The cluster's name, which --disable-eviction and taking back ask for
    #[arg(long, value_name = "NAME")]
    pub confirm_cluster: Option<String>,

    /// Longest wait for any one thing to become so, e.g. 90s, 30m
    #[arg(long, value_name = "TIME", default_value = "20m", value_parser = parse_duration)]
    pub timeout: std::time::Duration,
}

#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// How the result is printed on stdout
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub output: Format,

    /// How progress is printed on stderr
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub events: Format,
}
