//! The program under test, for the examples: Cargo does not build it with them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::tools;

/// The eni-custom of the same build as this example, which is in `target/PROFILE/examples`.
pub fn path() -> Result<PathBuf> {
    let me = env::current_exe().context("finding this program's own file")?;
    let profile = me.parent().and_then(Path::parent).context("not run from a target folder")?;
    Ok(profile.join("eni-custom"))
}

/// Builds eni-custom: Cargo does not build it with an example.
pub fn build() -> Result<()> {
    let program = path()?;
    let cargo = env::var_os("CARGO");
    if cargo.is_some() || !program.exists() {
        let profile = match program.parent().and_then(Path::file_name).and_then(|name| name.to_str()) {
            None | Some("debug") => "dev",
            Some(other) => other,
        };
        let mut build = Command::new(cargo.unwrap_or_else(|| "cargo".into()));
        // Variables that `cargo run` sets. If they change, the build script of ring runs again and everything that
        // depends on ring is rebuilt: minutes, here and again in the next build.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                build.env_remove(&name);
            }
        }
        build.current_dir(tools::repository()).args(["build", "--quiet", "--bin", "eni-custom", "--profile"]);
        let status = build.arg(profile).status().context("running cargo")?;
        if !status.success() {
            bail!("building eni-custom failed");
        }
    }
    if !program.exists() {
        bail!("Cargo built eni-custom, but {} does not exist", program.display());
    }
    Ok(())
}
