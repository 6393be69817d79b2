//! Arguments of `doctor`.

use std::path::PathBuf;

use clap::Args;

use super::{OutputArgs, TargetArgs};

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit codes: 0 nothing is broken (warnings are allowed), 1 the cluster could not be read, \
4 something is broken, or is unknown because it could not be read."
)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub target: TargetArgs,

    /// Also write facts and issues to this new tar.gz, without tokens and user data, for a support ticket
    #[arg(long, help_heading = "Bundle", value_name = "FILE")]
    pub bundle: Option<PathBuf>,

    /// Mask AWS account IDs in the bundle
    #[arg(long, help_heading = "Bundle", requires = "bundle")]
    pub mask_account: bool,

    #[command(flatten)]
    pub output: OutputArgs,
}
