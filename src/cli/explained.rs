//! `setup --explain-settings`: each flag with its value and where it came from.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches, Command};

use crate::settings::{Explained, Origin};

/// The flags that are not settings.
const LEFT_OUT: [&str; 3] = ["help", "version", "explain-settings"];

/// Every flag of the command that a person sees, by its heading in the help, in that order.
pub(super) fn explained(
    command: &Command,
    matches: &ArgMatches,
    origins: &BTreeMap<String, Origin>,
) -> Vec<Explained> {
    command.get_arguments().filter_map(|arg| explain(arg, matches, origins)).collect()
}

fn explain(arg: &Arg, matches: &ArgMatches, origins: &BTreeMap<String, Origin>) -> Option<Explained> {
    let flag = arg.get_long().filter(|long| !arg.is_hide_set() && !LEFT_OUT.contains(long))?;
    // A switch that is off has the value "false" too.
    let is_switch = !arg.get_action().takes_values();
    let origin = origins.get(flag).cloned().unwrap_or(Origin::Default);
    let raw = matches.get_raw(arg.get_id().as_str()).into_iter().flatten();
    let raw: Vec<String> = raw.map(|value| value.to_string_lossy().into_owned()).collect();
    let values = match is_switch {
        true => vec![(origin != Origin::Default).to_string()],
        false => raw,
    };
    let heading = arg.get_help_heading().unwrap_or_default().to_string();
    Some(Explained { heading, flag: flag.to_string(), values, origin })
}
