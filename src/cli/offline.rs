//! Arguments of the commands that need no network access: `max-pods`, `iam-policy`, `schema`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::step::Step;
use crate::ui::Format;

use super::values::{parse_account, parse_role, parse_role_path};

/// An output that has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// plan --output json, undo --dry-run --output json
    Plan,
    /// verify --output json
    Verify,
    /// doctor --output json
    Doctor,
    /// status --output json
    Status,
    /// One line of --events json
    Events,
}

#[derive(Debug, Clone, Args)]
pub struct MaxPodsArgs {
    /// Instance types, e.g. m5.large
    #[arg(value_name = "TYPE", required_unless_present = "all", conflicts_with = "all")]
    pub types: Vec<String>,

    /// All known instance types
    #[arg(long, help_heading = "Output")]
    pub all: bool,

    /// Format of the result on stdout
    #[arg(long, short, help_heading = "Output", value_name = "FORMAT", default_value = "text")]
    pub output: Format,
}

#[derive(Debug, Clone, Args)]
pub struct IamPolicyArgs {
    /// Name of the EKS cluster [default: any]
    #[arg(long, help_heading = "Cluster", short, env = "ENI_CUSTOM_CLUSTER", value_name = "NAME")]
    pub cluster: Option<String>,

    /// AWS region [default: any]
    #[arg(long, help_heading = "Cluster", env = "AWS_REGION", value_name = "REGION")]
    pub region: Option<String>,

    /// AWS account ID [default: any]
    #[arg(long, help_heading = "Cluster", value_name = "ID", value_parser = parse_account)]
    pub account: Option<String>,

    /// The cluster's VPC [default: any]
    #[arg(long, help_heading = "Cluster", value_name = "VPC")]
    pub vpc: Option<String>,

    /// IAM role of the vpc-cni add-on, as aws eks describe-addon shows it [default: none]
    #[arg(long, help_heading = "Cluster", value_name = "ARN", value_parser = parse_role)]
    pub addon_role: Option<String>,

    /// IAM role that new nodes keep from the old ones, repeatable [default: none, for setup --node-role new]
    #[arg(long, help_heading = "Cluster", value_name = "ARN", value_parser = parse_role)]
    pub node_role: Vec<String>,

    /// IAM path of a new role, for setup --role-path [default: /]
    #[arg(long, help_heading = "Cluster", value_name = "PATH", value_parser = parse_role_path)]
    pub role_path: Option<String>,

    /// Only for the commands that read: plan, status, verify, doctor
    #[arg(long, help_heading = "Permissions", conflicts_with = "step")]
    pub read_only: bool,

    /// Only for this step
    #[arg(long, help_heading = "Permissions", value_name = "NAME", value_parser = step_parser())]
    pub step: Option<Step>,

    /// For undo, or --undo of a step, instead of setup
    #[arg(long, help_heading = "Permissions")]
    pub undo: bool,

    /// Also for undo where an old node group was deleted and gets a replacement
    #[arg(long, help_heading = "Permissions", alias = "stand-ins", requires = "undo")]
    pub replacements: bool,

    /// Also for setup --replace-with managed or same, and its undo
    #[arg(help_heading = "Permissions", long = "managed-node-groups")]
    pub managed: bool,

    /// Also for drain-nodes --terminate-unowned
    #[arg(long, help_heading = "Permissions")]
    pub terminate_unowned: bool,

    /// Also for clusters where Karpenter starts nodes; changes the Kubernetes roles only
    #[arg(long, help_heading = "Permissions")]
    pub karpenter: bool,

    /// Also for setup or drain-nodes --delete-old-groups
    #[arg(long, help_heading = "Permissions")]
    pub delete_old_groups: bool,

    /// Print Kubernetes roles and bindings as YAML, instead of the IAM policy
    #[arg(long, help_heading = "Output", conflicts_with = "why")]
    pub kubernetes: bool,

    /// Kubernetes group that the roles are bound to
    #[arg(
        long,
        help_heading = "Output",
        value_name = "NAME",
        default_value = "eni-custom",
        requires = "kubernetes"
    )]
    pub group: String,

    /// Print each action with the steps that need it and why, instead of the policy
    #[arg(long, help_heading = "Output")]
    pub why: bool,
}

fn step_parser() -> impl TypedValueParser<Value = Step> {
    PossibleValuesParser::new(Step::DOCUMENTED.map(Step::name))
        .try_map(|name| Step::DOCUMENTED.into_iter().find(|step| step.name() == name).ok_or("unknown step"))
}
