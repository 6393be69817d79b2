//! Arguments of those who only look: `verify` and `doctor`.

use std::path::PathBuf;

use clap::{Args, Parser};

use crate::probe::Options;
use crate::ui::{Format, ReportFormat};

use super::values::parse_duration;
use super::{OutputArgs, SetupArgs, TargetArgs};

/// What `verify` takes. It looks at what is, so it is not asked what was meant.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Exit codes: 0 all is proven (warnings may be left), 1 it could not be looked at, \
4 something has failed, or could not be read and so is unknown.")]
pub struct VerifyArgs {
    #[command(flatten)]
    pub target: TargetArgs,

    /// Nodes from before custom networking are meant to stay: say nothing of them
    #[arg(long)]
    pub keep_old_nodes: bool,

    #[command(flatten)]
    pub probe: ProbeArgs,
    #[command(flatten)]
    pub output: ReportOutputArgs,
}

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit codes: 0 nothing is broken (warnings may be left), 1 it could not be looked at, \
4 something is broken, or could not be read and so is unknown."
)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub target: TargetArgs,

    /// Also write facts and findings to a new tar.gz, for a support ticket: no token, no user data is in it
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,

    /// Mask account ids in the bundle
    #[arg(long, requires = "bundle")]
    pub mask_account: bool,

    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Probe")]
pub struct ProbeArgs {
    /// Start two short-lived pods in each zone that try DNS, the API server and a pod in each other zone, and
    /// remove them
    #[arg(long)]
    pub probe: bool,

    /// Image for these pods; it needs sh, nc, nslookup and httpd, as busybox has them
    #[arg(long, value_name = "IMAGE", default_value = "public.ecr.aws/docker/library/busybox:stable")]
    pub probe_image: String,

    /// Namespace for these pods, which meet the restricted Pod Security Standard
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub probe_namespace: String,

    /// Give these pods so long to start, and so long to answer
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = parse_duration)]
    pub probe_timeout: std::time::Duration,
}

impl ProbeArgs {
    pub fn options(&self) -> Options {
        Options {
            image: self.probe_image.clone(),
            namespace: self.probe_namespace.clone(),
            timeout: self.probe_timeout,
        }
    }
}

#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Output")]
pub struct ReportOutputArgs {
    /// How the result is printed on stdout
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub output: ReportFormat,

    /// How progress is printed on stderr
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub events: Format,
}

impl SetupArgs {
    /// For those who only look: nothing is asked but the cluster.
    pub fn of_target(target: TargetArgs) -> std::result::Result<Self, clap::Error> {
        #[derive(Parser)]
        struct Defaults {
            #[command(flatten)]
            all: SetupArgs,
        }
        let mut all = Defaults::try_parse_from([""])?.all;
        all.step.target = target;
        Ok(all)
    }
}
