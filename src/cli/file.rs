//! `eni-custom.toml`: defaults for flags, each under the flag's name.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, CommandFactory};
use toml::{Table, Value};

use crate::error::{Error, Result};
use crate::text::{closest, did_you_mean};

use super::Cli;

/// Parses the command line again, with the values of the file for flags that neither the command line nor the
/// environment sets. Also returns which flags came from the file, with its path.
pub(super) fn complete(
    arguments: Vec<OsString>,
    matches: ArgMatches,
) -> Result<(ArgMatches, BTreeMap<String, String>)> {
    let none = BTreeMap::new();
    let mut command = Cli::command();
    // Only then do subcommands have the global flags too.
    command.build();
    let Some((name, given)) = matches.subcommand() else { return Ok((matches, none)) };
    let Some(subcommand) = command.find_subcommand(name) else { return Ok((matches, none)) };
    // max-pods and completions read no file.
    let Ok(Some(path)) = given.try_get_one::<std::path::PathBuf>("config") else {
        return Ok((matches, none));
    };
    let asked_for = given.value_source("config") != Some(ValueSource::DefaultValue);
    let Some(table) = read(path, asked_for)? else { return Ok((matches, none)) };
    let path = path.display().to_string();

    let mut extended = arguments;
    let mut from_file = BTreeMap::new();
    for (key, value) in &table {
        if let (POOL, Value::Table(pools)) = (key.as_str(), value) {
            let settings = of_pools(&path, pools, &command, subcommand, given)?;
            from_file.extend(settings.flags.into_iter().map(|flag| (flag, path.clone())));
            extended.extend(settings.arguments);
            continue;
        }
        let Some(arg) = subcommand.get_arguments().find(|arg| has_name(arg, key)) else {
            if is_known(&command, key) {
                // A flag of another subcommand: the file serves all of them.
                continue;
            }
            return Err(unknown(&path, key, &command));
        };
        let is_unset =
            matches!(given.value_source(arg.get_id().as_str()), None | Some(ValueSource::DefaultValue));
        if !is_unset {
            continue;
        }
        let switch = matches!(arg.get_action(), ArgAction::SetTrue);
        for word in texts(value).ok_or_else(|| {
            Error::usage(format!("{key} must be a string, a number, true, false, or a list of these"))
                .at(&path)
        })? {
            match (switch, word.as_str()) {
                (true, "true") => extended.push(format!("--{key}").into()),
                (true, "false") => {}
                (true, _) => return Err(Error::usage(format!("{key} must be true or false")).at(&path)),
                (false, _) => extended.push(format!("--{key}={word}").into()),
            }
        }
        from_file.insert(arg.get_long().unwrap_or(key).to_string(), path.clone());
    }
    let matches = Cli::command().try_get_matches_from(extended).map_err(|error| {
        Error::usage("the configuration file contains an invalid value")
            .at(&path)
            .because(error.to_string().trim())
    })?;
    Ok((matches, from_file))
}

/// The table that has one table for each pool: `[pool.gpu]`.
const POOL: &str = "pool";

/// Settings of pools, as flags.
#[derive(Default)]
struct OfPools {
    flags: BTreeSet<String>,
    arguments: Vec<OsString>,
}

/// `[pool.gpu] instance-type = "g5.xlarge"` is `--instance-type gpu=g5.xlarge`. It wins over a flag for all pools, and
/// over nothing that the command line says of the same pool.
fn of_pools(
    path: &str,
    pools: &Table,
    command: &clap::Command,
    subcommand: &clap::Command,
    given: &ArgMatches,
) -> Result<OfPools> {
    let mut found = OfPools::default();
    for (pool, value) in pools {
        let place = format!("[pool.{pool}] in {path}");
        let Value::Table(settings) = value else {
            return Err(Error::usage(format!("pool.{pool} must be a table of settings")).at(path));
        };
        for (key, value) in settings {
            let takes_pools = |arg: &&clap::Arg| has_name(arg, key) && is_per_pool(arg);
            let is_known =
                command.get_subcommands().flat_map(clap::Command::get_arguments).any(|arg| takes_pools(&arg));
            if !is_known {
                return Err(Error::usage(format!("a pool has no setting '{key}'"))
                    .at(place)
                    .fix("use a flag whose value may begin with POOL=: eni-custom setup --help lists them"));
            }
            let Some(arg) = subcommand.get_arguments().find(takes_pools) else { continue };
            let raw: Vec<&OsStr> = given.get_raw(arg.get_id().as_str()).into_iter().flatten().collect();
            let of_pool = format!("{pool}=");
            if raw.iter().any(|value| value.to_string_lossy().starts_with(&of_pool)) {
                continue;
            }
            let flag = arg.get_long().unwrap_or(key);
            // A flag on the command line would hide the environment.
            if given.value_source(arg.get_id().as_str()) == Some(ValueSource::EnvVariable)
                && found.flags.insert(flag.into())
            {
                let from_environment =
                    raw.iter().map(|value| format!("--{flag}={}", value.to_string_lossy()).into());
                found.arguments.extend(from_environment);
            }
            let [value] = texts(value).unwrap_or_default().try_into().map_err(|_: Vec<String>| {
                Error::usage(format!("{key} must be a string or a number")).at(&place)
            })?;
            found.arguments.push(format!("--{flag}={pool}={value}").into());
            found.flags.insert(flag.into());
        }
    }
    Ok(found)
}

/// Whether a flag takes a value for one pool, as its help shows: `[POOL=]TYPE`.
fn is_per_pool(arg: &clap::Arg) -> bool {
    arg.get_value_names().is_some_and(|names| names.iter().any(|name| name.starts_with("[POOL=]")))
}

fn read(path: &Path, asked_for: bool) -> Result<Option<Table>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !asked_for => return Ok(None),
        Err(error) => {
            return Err(Error::usage("the configuration file can't be read")
                .at(path.display().to_string())
                .because(error));
        }
    };
    text.parse().map(Some).map_err(|error: toml::de::Error| {
        Error::usage("the configuration file is not valid TOML")
            .at(path.display().to_string())
            .because(error.to_string().trim())
    })
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Integer(number) => Some(vec![number.to_string()]),
        Value::Boolean(set) => Some(vec![set.to_string()]),
        Value::Array(items) => {
            items.iter().map(texts).collect::<Option<Vec<_>>>().map(|lists| lists.concat())
        }
        // [subnet] us-west-2a = "subnet-…"
        Value::Table(pairs) => {
            let pair = |(zone, value): (&String, &Value)| Some(format!("{zone}={}", value.as_str()?));
            pairs.iter().map(pair).collect()
        }
        _ => None,
    }
}

fn is_known(command: &clap::Command, key: &str) -> bool {
    command.get_subcommands().flat_map(clap::Command::get_arguments).any(|arg| has_name(arg, key))
}

/// Whether a flag has this name, or had it in an earlier version.
fn has_name(arg: &clap::Arg, key: &str) -> bool {
    arg.get_long() == Some(key) || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&key))
}

fn unknown(path: &str, key: &str, command: &clap::Command) -> Error {
    let all = command.get_subcommands().flat_map(clap::Command::get_arguments);
    let like = closest(key, all.filter_map(clap::Arg::get_long));
    let what = match did_you_mean(&like) {
        Some(question) => format!("unknown setting '{key}'; {question}"),
        None => format!("unknown setting '{key}'"),
    };
    Error::usage(what)
        .at(path)
        .fix("use the name of a flag, without its dashes: eni-custom setup --help lists them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_setting_names_the_one_that_was_meant_and_where_all_are_listed() {
        let mut command = Cli::command();
        command.build();
        let error = unknown("eni-custom.toml", "cdir", &command);
        assert_eq!(error.what(), "unknown setting 'cdir'; did you mean cidr?");
        assert_eq!(error.place(), Some("eni-custom.toml"));
        assert!(error.fix_command().unwrap().contains("eni-custom setup --help"));
        assert_eq!(
            unknown("eni-custom.toml", "nothing-like-it", &command).what(),
            "unknown setting 'nothing-like-it'"
        );
    }

    /// The values of a flag, with this file and these arguments of `plan`.
    fn values(text: &str, arguments: &[&str], flag: &str) -> Result<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("eni-custom.toml");
        std::fs::write(&file, text).unwrap();
        let config = format!("--config={}", file.display());
        let arguments: Vec<OsString> =
            ["eni-custom", "plan", &config].iter().chain(arguments).map(OsString::from).collect();
        let matches = Cli::command().try_get_matches_from(&arguments).unwrap();
        let (matches, _) = complete(arguments, matches)?;
        let raw = matches.subcommand().unwrap().1.get_raw(flag).into_iter().flatten();
        Ok(raw.map(|value| value.to_string_lossy().into_owned()).collect())
    }

    #[test]
    fn a_pool_s_table_adds_to_the_setting_of_all_pools_and_the_command_line_wins_for_its_own_pool() {
        let text =
            "instance-type = \"m5.large\"\n[pool.gpu]\ninstance-type = \"g5.xlarge\"\nnodes-per-zone = 2\n";
        let values = |arguments: &[&str], flag| values(text, arguments, flag).unwrap();
        assert_eq!(values(&[], "instance_type"), ["m5.large", "gpu=g5.xlarge"]);
        assert_eq!(values(&[], "nodes_per_zone"), ["gpu=2"]);
        assert_eq!(values(&["--instance-type=c5.large"], "instance_type"), ["c5.large", "gpu=g5.xlarge"]);
        assert_eq!(values(&["--instance-type=gpu=g6.xlarge"], "instance_type"), ["gpu=g6.xlarge"]);
    }

    #[test]
    fn a_pool_has_only_settings_that_can_differ_between_pools() {
        for (text, says) in [
            ("[pool.gpu]\ncidr = \"100.64.0.0/16\"\n", "a pool has no setting 'cidr'"),
            ("[pool]\ngpu = 1\n", "pool.gpu must be a table of settings"),
            ("[pool.gpu]\ninstance-type = [\"a\", \"b\"]\n", "instance-type must be a string or a number"),
        ] {
            assert_eq!(values(text, &[], "instance_type").unwrap_err().what(), says);
        }
        assert_eq!(values("pool = [\"gpu\", \"web\"]\n", &[], "pools").unwrap(), ["gpu", "web"]);
    }
}
