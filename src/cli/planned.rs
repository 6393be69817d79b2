//! `setup --plan FILE`: what was asked comes from the saved plan.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory};

use crate::error::{Error, Result};
use crate::saved::{self, Saved};
use crate::settings::Settings;

use super::Cli;

/// The command line with what the saved plan says, and parsed again. Without a plan: as it was.
///
/// What was typed stays as it is; `agree` then finds what contradicts the plan.
pub fn complete(arguments: Vec<OsString>, matches: ArgMatches) -> Result<(Vec<OsString>, ArgMatches)> {
    let Some((name, given)) = matches.subcommand() else { return Ok((arguments, matches)) };
    let Ok(Some(path)) = given.try_get_one::<PathBuf>("plan") else { return Ok((arguments, matches)) };
    let saved = saved::read(path)?;
    let command = Cli::command();
    let Some(subcommand) = command.find_subcommand(name) else { return Ok((arguments, matches)) };
    let source = |flag: &str| {
        let arg = subcommand.get_arguments().find(|arg| arg.get_long() == Some(flag))?;
        given.value_source(arg.get_id().as_str())
    };

    let mut extended = arguments;
    for (flag, value) in [("cluster", &saved.cluster), ("region", &saved.region)] {
        match source(flag) {
            None | Some(ValueSource::DefaultValue) => extended.push(format!("--{flag}={value}").into()),
            Some(_) => same_target(given, flag, value)?,
        }
    }
    for (flag, values) in &saved.settings {
        // Values of a flag add up, so a flag that was typed is left alone.
        if source(flag) == Some(ValueSource::CommandLine) {
            continue;
        }
        match values.is_empty() {
            true => extended.push(format!("--{flag}").into()),
            false => extended.extend(values.iter().map(|value| format!("--{flag}={value}").into())),
        }
    }
    extended.extend(saved.accepted.iter().map(|id| format!("--accept={id}").into()));
    let matches = Cli::command().try_get_matches_from(&extended).map_err(|error| {
        Error::usage("the plan has a setting that can't be used")
            .at(path.display().to_string())
            .because(error.to_string().trim())
            .fix("it may be of another version of this program: plan anew")
    })?;
    Ok((extended, matches))
}

fn same_target(given: &ArgMatches, flag: &str, planned: &str) -> Result<()> {
    match given.try_get_one::<String>(flag) {
        Ok(Some(asked)) if asked != planned => {
            Err(Error::usage(format!("the plan is for {flag} {planned}, and {asked} is asked for"))
                .at(format!("--{flag}"))
                .fix(format!("leave out --{flag} and its environment variable, or plan anew for {asked}")))
        }
        _ => Ok(()),
    }
}

impl Settings {
    /// Refuses where a flag, the environment or the file says otherwise than the plan.
    pub fn agree(&self, saved: &Saved) -> Result<()> {
        let asked = self.asked();
        let flags = asked.keys().chain(saved.settings.keys());
        let Some(flag) = flags.into_iter().find(|flag| asked.get(*flag) != saved.settings.get(*flag)) else {
            return Ok(());
        };
        let told = |values: Option<&Vec<String>>| match values {
            None => "nothing".to_string(),
            Some(values) if values.is_empty() => "it".to_string(),
            Some(values) => values.join(", "),
        };
        Err(Error::usage(format!(
            "{flag} contradicts the plan: {} is asked for, and the plan was made with {}",
            told(asked.get(flag)),
            told(saved.settings.get(flag))
        ))
        .at(self.named(flag))
        .fix("leave it out: what was asked is in the plan; or plan anew"))
    }
}
