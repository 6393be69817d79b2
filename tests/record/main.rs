//! Makes the pictures of the documentation from the real program on a cluster of the sandbox: a session in a terminal as
//! an animated SVG, and a page as HTML and PNG.
//!
//! ```text
//! cargo run --example record -- tests/record/setup.toml tests/record/plan.toml
//! ```

mod film;
mod pages;
mod script;
mod svg;
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use sandbox::tools::say;
use sandbox::{Sandbox, program, tools};
use script::Script;

/// Record the pictures of the documentation
#[derive(Parser)]
#[command(name = "record")]
struct Cli {
    /// What to record: tests/record/*.toml
    #[arg(required = true, value_name = "FILE")]
    scripts: Vec<PathBuf>,
}

fn main() -> ExitCode {
    match Cli::parse().scripts.iter().try_for_each(|script| record(script)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn record(path: &Path) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let script: Script = toml::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
    let shape = script.shape()?;
    program::build()?;
    tools::for_shape(&shape)?;
    say(&format!("recording {}", path.display()));
    let sandbox = Sandbox::start(&shape)?;
    if let Some(session) = &script.session {
        let film = terminal::film(&sandbox, session)?;
        let picture = svg::animated(&film, session);
        write(&session.picture, picture.as_bytes())?;
    }
    if let Some(page) = &script.page {
        pages::take(&sandbox, page)?;
    }
    Ok(())
}

/// Writes a file of the repository.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let full = tools::repository().join(path);
    fs::write(&full, bytes).with_context(|| format!("writing {}", full.display()))?;
    say(&format!("{}: {} KB", path.display(), bytes.len() / 1000));
    Ok(())
}
