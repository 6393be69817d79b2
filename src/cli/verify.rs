//! Arguments of `verify`.

use std::path::PathBuf;

use clap::Args;

use crate::probe::Options;
use crate::ui::{Format, ReportFormat};

use super::TargetArgs;
use super::values::parse_duration;

/// What `verify` takes. It checks the cluster as it is, so it has no flags for how it was set up.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit codes: 0 all checks passed (warnings are allowed), 1 the cluster could not be read, \
4 a check failed, or is unknown because something could not be read; with --wait: when the time was over."
)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub target: TargetArgs,

    /// Do not report old nodes without custom networking
    #[arg(long, help_heading = "Old nodes")]
    pub keep_old_nodes: bool,

    /// Check again until all checks pass, for at most this time; prints what changes
    #[arg(long, help_heading = "Wait", value_name = "DURATION", value_parser = parse_duration)]
    pub wait: Option<std::time::Duration>,

    #[command(flatten)]
    pub probe: ProbeArgs,

    /// Write the results as a page for a browser, with a map of the addresses
    #[arg(long, help_heading = "Output", value_name = "FILE")]
    pub html: Option<PathBuf>,

    #[command(flatten)]
    pub output: ReportOutputArgs,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Probe")]
pub struct ProbeArgs {
    /// Start two pods in each zone that try DNS, the API server and a pod in each other zone, then remove them
    #[arg(long)]
    pub probe: bool,

    /// Image of these pods, with sh, nc, nslookup and httpd
    #[arg(long, value_name = "IMAGE", default_value = "public.ecr.aws/docker/library/busybox:stable")]
    pub probe_image: String,

    /// Namespace of these pods, which meet the restricted Pod Security Standard
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub probe_namespace: String,

    /// Longest wait for these pods to start, and again for them to answer, e.g. 90s
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_duration)]
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
    /// Format of the result on stdout
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub output: ReportFormat,

    /// Format of the progress on stderr
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub events: Format,
}
