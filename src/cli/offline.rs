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
}

#[derive(Debug, Clone, Args)]
pub struct MaxPodsArgs {
    /// Instance types, e.g. m5.large
    #[arg(value_name = "TYPE", required_unless_present = "all", conflicts_with = "all")]
    pub types: Vec<String>,

    /// All known instance types
    #[arg(long)]
    pub all: bool,

    /// Format of the result on stdout
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub output: Format,
}

#[derive(Debug, Clone, Args)]
pub struct IamPolicyArgs {
    /// Name of the EKS cluster [default: any]
    #[arg(long, short, env = "ENI_CUSTOM_CLUSTER", value_name = "NAME")]
    pub cluster: Option<String>,

    /// AWS region [default: any]
    #[arg(long, env = "AWS_REGION", value_name = "REGION")]
    pub region: Option<String>,

    /// AWS account ID [default: any]
    #[arg(long, value_name = "ID", value_parser = parse_account)]
    pub account: Option<String>,

    /// The cluster's VPC [default: any]
    #[arg(long, value_name = "VPC")]
    pub vpc: Option<String>,

    /// ARN of the vpc-cni add-on's IAM role, as describe-addon shows it [default: it has none]
    #[arg(long, value_name = "ARN", value_parser = parse_role)]
    pub addon_role: Option<String>,

    /// ARN of an IAM role that new nodes keep from the old ones [default: none; setup then needs --node-role new]
    #[arg(long, value_name = "ARN", value_parser = parse_role)]
    pub node_role: Vec<String>,

    /// IAM path of a new role, if setup gets one with --role-path
    #[arg(long, value_name = "PATH", value_parser = parse_role_path)]
    pub role_path: Option<String>,

    /// For the commands that only read: plan, status, verify, doctor
    #[arg(long, conflicts_with = "step")]
    pub read_only: bool,

    /// For one step only
    #[arg(long, value_name = "NAME", value_parser = step_parser())]
    pub step: Option<Step>,

    /// For undo and for --undo of a step, instead of setup
    #[arg(long)]
    pub undo: bool,

    /// Also for undo when an old node group is gone and needs a replacement node group
    #[arg(long, alias = "stand-ins", requires = "undo")]
    pub replacements: bool,

    /// Also for setup --replace-with managed or same, and for its undo
    #[arg(long = "managed-node-groups")]
    pub managed: bool,

    /// Also for drain-nodes --terminate-unowned
    #[arg(long)]
    pub terminate_unowned: bool,

    /// Also for clusters where Karpenter starts nodes (affects the Kubernetes roles)
    #[arg(long)]
    pub karpenter: bool,

    /// Also for setup or drain-nodes --delete-old-groups
    #[arg(long)]
    pub delete_old_groups: bool,

    /// Print Kubernetes roles and bindings as YAML instead of the IAM policy
    #[arg(long, conflicts_with = "why")]
    pub kubernetes: bool,

    /// Kubernetes group to bind the roles to
    #[arg(long, value_name = "NAME", default_value = "eni-custom", requires = "kubernetes")]
    pub group: String,

    /// Print each action with the steps that need it and the reason, instead of the policy
    #[arg(long)]
    pub why: bool,
}

fn step_parser() -> impl TypedValueParser<Value = Step> {
    PossibleValuesParser::new(Step::DOCUMENTED.map(Step::name))
        .try_map(|name| Step::DOCUMENTED.into_iter().find(|step| step.name() == name).ok_or("unknown step"))
}
