//! What to record, as a file says it.

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use serde::Deserialize;

use sandbox::Shape;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// The cluster, as options of the sandbox's `up`.
    cluster: Vec<String>,
    pub session: Option<Session>,
    pub page: Option<Page>,
}

/// A session in a terminal.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Session {
    /// The SVG, from the repository's root.
    pub picture: PathBuf,
    pub title: String,
    pub columns: u16,
    pub rows: u16,
    /// Seconds before it starts again.
    pub hold: f64,
    pub commands: Vec<Typed>,
}

/// A command, typed at a shell's prompt.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    pub command: String,
    /// It runs without being shown: it only prepares the next one.
    #[serde(default)]
    pub hidden: bool,
    /// How many times faster the film is than the program, where no person types.
    #[serde(default = "usual_speed")]
    pub speed: f64,
    /// The longest time in which nothing changes, in seconds of the film.
    #[serde(default = "usual_pause")]
    pub pause: f64,
    /// What a person types when.
    #[serde(default)]
    pub keys: Vec<Keys>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    /// Printed since the last keys.
    pub after: String,
    pub keys: String,
    /// Seconds in which the person reads first.
    #[serde(default = "usual_reading")]
    pub reads: f64,
}

/// A page that the program writes, as it is and as pictures.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// The arguments of the program, with `{}` for the page.
    pub command: Vec<String>,
    /// The page, from the repository's root.
    pub html: PathBuf,
    pub light: PathBuf,
    pub dark: PathBuf,
    pub width: u32,
    pub height: u32,
}

fn usual_speed() -> f64 {
    1.0
}

fn usual_pause() -> f64 {
    1.5
}

fn usual_reading() -> f64 {
    1.0
}

impl Script {
    pub(crate) fn shape(&self) -> Result<Shape> {
        #[derive(Parser)]
        #[command(no_binary_name = true)]
        struct Options {
            #[command(flatten)]
            shape: Shape,
        }
        Ok(Options::try_parse_from(&self.cluster)?.shape)
    }
}
