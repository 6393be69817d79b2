//! `setup --plan FILE`: the settings come from the saved plan.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory};

use crate::error::{Error, Result};
use crate::saved::{self, Saved};
use crate::settings::Settings;

use super::Cli;

/// Adds the settings of the saved plan to the command line and parses it again. Without a plan nothing changes.
///
/// Flags on the command line stay; `agree` then reports those that differ from the plan.
pub(super) fn complete(arguments: Vec<OsString>, matches: ArgMatches) -> Result<(Vec<OsString>, ArgMatches)> {
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
        // A flag may have several values, so the plan must not add to those of the command line.
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
        Error::usage("the saved plan contains an invalid setting")
            .at(path.display().to_string())
            .because(error.to_string().trim())
            .fix("create the plan again with eni-custom plan --out: it may be from another version of eni-custom")
    })?;
    Ok((extended, matches))
}

fn same_target(given: &ArgMatches, flag: &str, planned: &str) -> Result<()> {
    match given.try_get_one::<String>(flag) {
        Ok(Some(asked)) if asked != planned => {
            Err(Error::usage(format!("the plan is for {flag} {planned}, not {asked}"))
                .at(format!("--{flag}"))
                .fix(format!(
                    "leave out --{flag} and its environment variable, or create a new plan for {asked}"
                )))
        }
        _ => Ok(()),
    }
}

impl Settings {
    /// Fails if a flag, an environment variable or the configuration file differs from the plan.
    pub(crate) fn agree(&self, saved: &Saved) -> Result<()> {
        let asked = self.asked();
        let flags = asked.keys().chain(saved.settings.keys());
        let Some(flag) = flags.into_iter().find(|flag| asked.get(*flag) != saved.settings.get(*flag)) else {
            return Ok(());
        };
        let shown = |values: Option<&Vec<String>>| match values {
            None => "not set".to_string(),
            Some(values) if values.is_empty() => "set".to_string(),
            Some(values) => values.join(", "),
        };
        Err(Error::usage(format!(
            "{flag} differs from the saved plan: now {}, in the plan {}",
            shown(asked.get(flag)),
            shown(saved.settings.get(flag))
        ))
        .at(self.named(flag))
        .fix("leave it out, the plan already contains it; or create a new plan"))
    }
}
