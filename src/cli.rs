//! Arguments and their help texts. `settings` gives them their meaning.

mod doctor;
mod drain;
mod explained;
mod file;
mod groups;
pub(crate) mod help;
mod offline;
mod planned;
mod read;
mod values;
mod verify;

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub use doctor::DoctorArgs;
pub use drain::{DrainArgs, EvictArgs};
pub use groups::{CniArgs, NetworkArgs, NodeArgs, OutputArgs, RunArgs, TargetArgs};
pub use offline::{IamPolicyArgs, MaxPodsArgs, SchemaOf};
pub use read::{Stop, parse};
pub use verify::{ProbeArgs, ReportOutputArgs, VerifyArgs};

use crate::exit::Codes;
use crate::goal::Undo;
use crate::ui::{ColorWhen, Environment, Voice};

/// Move a live Amazon EKS cluster to VPC CNI custom networking
#[derive(Debug, Parser)]
#[command(
    name = "eni-custom",
    version,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage (plan --detailed-exitcode: changes), \
3 refused by a check, 4 changed but not verified, 130 interrupted.

eni-custom COMMAND --help shows the flags of a command.")]
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
    /// Use colors; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorWhen,

    /// Print nothing but errors and the result
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print each AWS and Kubernetes call on stderr
    #[arg(long, short, global = true)]
    pub verbose: bool,

    /// Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb
    #[arg(long, global = true, env = "ENI_CUSTOM_PLAIN", value_parser = FalseyValueParser::new())]
    pub plain: bool,

    /// Append each AWS and Kubernetes call, with its duration and status, to this file
    #[arg(long, global = true, value_name = "FILE", env = "ENI_CUSTOM_LOG")]
    pub log: Option<PathBuf>,
}

impl Cli {
    /// The exit codes of the subcommand.
    pub fn exit_codes(&self) -> Codes {
        match &self.command {
            Command::Plan(PlanArgs { detailed_exitcode: true, .. }) => Codes::Detailed,
            _ => Codes::Usual,
        }
    }
}

impl VoiceArgs {
    pub fn voice(&self) -> Voice {
        let terminal = Environment::read();
        Voice {
            color: self.color,
            quiet: self.quiet,
            verbose: self.verbose,
            plain: self.plain || terminal.is_plain(),
            ascii: terminal.is_ascii(),
            codes: Codes::default(),
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run all nine steps in the documented order
    Setup(ApplyArgs),
    /// Show what setup would do; changes nothing
    Plan(PlanArgs),
    /// Undo what setup made; pods are never without nodes
    Undo(UndoArgs),
    /// Step 1: associate a secondary CIDR block with the VPC
    AssociateCidr(OneStepArgs<StepArgs>),
    /// Step 2: create a pod subnet in each zone that has nodes
    CreateSubnets(OneStepArgs<StepArgs>),
    /// Step 3: enable custom networking in aws-node
    SetEnv(OneStepArgs<StepArgs>),
    /// Step 4: check that the VPC CNI supports it
    DetectCni(OneStepArgs<StepArgs>),
    /// Step 5: install the ENIConfig CRD if it is missing
    InstallCrd(OneStepArgs<StepArgs>),
    /// Step 6: write an ENIConfig for each pod subnet
    WriteEniconfigs(OneStepArgs<StepArgs>),
    /// Step 7: create the new node groups, without nodes yet
    LaunchNodegroups(OneStepArgs<StepArgs>),
    /// Step 8: write security groups, then start the new nodes
    PatchSecurityGroups(OneStepArgs<StepArgs>),
    /// Step 9: drain the old nodes and terminate them
    DrainNodes(OneStepArgs<SetupArgs>),
    /// Check that custom networking works
    Verify(VerifyArgs),
    /// Explain what is wrong and how to fix it
    Doctor(DoctorArgs),
    /// Show which steps are done
    Status(SetupArgs),
    /// Calculate how many pods an instance type can hold
    MaxPods(MaxPodsArgs),
    /// Print the least IAM policy, or Kubernetes roles
    IamPolicy(IamPolicyArgs),
    /// Print the JSON schema of an output
    Schema {
        /// The command that prints it with --output json
        #[arg(value_enum)]
        output: SchemaOf,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Write the man pages to a folder
    Man {
        /// The folder; it is created if it does not exist
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

/// What `setup` takes.
#[derive(Debug, Clone, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    pub all: SetupArgs,

    /// Apply exactly the plan that plan --out saved, or refuse if the cluster has changed since
    #[arg(long, help_heading = "Plan", value_name = "FILE")]
    pub plan: Option<PathBuf>,

    /// Write the flags and answers of this run to this file: later runs take their defaults from it (see --config)
    #[arg(long, help_heading = "Settings", value_name = "FILE")]
    pub save: Option<PathBuf>,

    /// Print each setting with its value and its origin (flag, environment, file or default); reads no cluster
    #[arg(long, help_heading = "Settings")]
    pub explain_settings: bool,
}

/// What `setup`, `plan` and `drain-nodes` take.
#[derive(Debug, Clone, Args)]
pub struct SetupArgs {
    #[command(flatten)]
    pub step: StepArgs,
    #[command(flatten)]
    pub drain: DrainArgs,
}

/// What a single step takes.
#[derive(Debug, Clone, Args)]
pub struct OneStepArgs<T: Args> {
    #[command(flatten)]
    pub step: T,

    /// Undo this step; asks for the cluster name
    #[arg(long, help_heading = "Run")]
    pub undo: bool,
}

/// What `undo` takes.
#[derive(Debug, Clone, Args)]
pub struct UndoArgs {
    #[command(flatten)]
    pub target: TargetArgs,

    /// Show what would be undone; changes nothing
    #[arg(long, alias = "plan", help_heading = "Undo")]
    pub dry_run: bool,

    /// Undo only as far as needed to make this step the last one done [default: 0, undo all]
    #[arg(long, help_heading = "Undo", value_name = "N", value_parser = clap::value_parser!(u8).range(0..=8))]
    pub to_step: Option<u8>,

    /// Keep the node groups that setup made; undo everything else that is not in use
    #[arg(long, help_heading = "Undo")]
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

    /// Exit with 0 if there is nothing to do, 2 for changes, 3 if a check refuses, 1 on any error
    #[arg(long, help_heading = "Plan")]
    pub detailed_exitcode: bool,

    /// Save the plan for setup --plan, unless a check refuses it
    #[arg(long, help_heading = "Plan", value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Write what would be created to this folder: ENIConfigs, environment, templates, user data, commands
    #[arg(long, help_heading = "Plan", value_name = "DIR")]
    pub export: Option<PathBuf>,

    /// Write the plan as a page for a browser, with a map of the addresses; one file, also if a check refuses the plan
    #[arg(long, help_heading = "Plan", value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Allow --export to a folder that is not empty
    #[arg(long, help_heading = "Plan", requires = "export")]
    pub force: bool,
}

impl From<TargetArgs> for SetupArgs {
    /// Commands that only read have no flags but the cluster's: the others keep their defaults.
    fn from(target: TargetArgs) -> Self {
        SetupArgs { step: StepArgs { target, ..defaults() }, drain: defaults() }
    }
}

impl From<StepArgs> for SetupArgs {
    /// A step before the drain has no drain flags: they keep their defaults.
    fn from(step: StepArgs) -> Self {
        SetupArgs { step, drain: defaults() }
    }
}

impl UndoArgs {
    pub fn goal(&self) -> Undo {
        let keep_nodes = self.keep_nodes;
        match self.to_step {
            None | Some(0) => Undo::All { keep_nodes },
            Some(last) => Undo::DownTo { last, keep_nodes },
        }
    }
}

impl From<UndoArgs> for SetupArgs {
    /// Flags that `undo` does not have keep the defaults of `setup`.
    fn from(undo: UndoArgs) -> Self {
        let UndoArgs { target, evict, run, output, .. } = undo;
        let step = StepArgs { target, network: defaults(), cni: defaults(), nodes: defaults(), run, output };
        let drain = DrainArgs { evict, ..defaults() };
        SetupArgs { step, drain }
    }
}

/// Arguments with their default values.
fn defaults<T: Args>() -> T {
    #[derive(Parser)]
    struct Defaults<T: Args> {
        #[command(flatten)]
        args: T,
    }
    Defaults::parse_from([""]).args
}
