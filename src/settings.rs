//! What was asked: flag before environment before file before default, each value checked once.

mod command_line;
mod file;
mod planned;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use ipnet::Ipv4Net;

use crate::checks::registry;
use crate::cli::{Cli, Command, SetupArgs, StepArgs};
use crate::error::{Error, Result};
use crate::k8s::KubeconfigChoice;
use crate::nodes::user_data::AmiFamily;
use crate::steps::Step;

pub use command_line::shell_quote;

/// A value for one Availability Zone, as `us-west-2a=subnet-0123`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByZone {
    pub zone: String,
    pub value: String,
}

/// Where a value came from, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Flag,
    Environment(String),
    File(String),
    Default,
}

/// What a run needs to know, checked value by value.
#[derive(Debug, Clone)]
pub struct Settings {
    pub cluster: Option<String>,
    pub region: Option<String>,
    pub profile: Option<String>,
    pub kubeconfig: KubeconfigChoice,
    pub cidrs: Vec<Ipv4Net>,
    pub subnet_prefix: Option<u8>,
    pub subnets: BTreeMap<String, String>,
    pub route_tables: BTreeMap<String, String>,
    pub env_last: bool,
    pub external_snat: bool,
    pub eniconfig_names: BTreeMap<String, String>,
    pub eniconfig_label: Option<String>,
    pub security_groups: Vec<String>,
    pub take_over_env: bool,
    pub remove_annotation_def: bool,
    pub replace_eniconfigs: bool,
    pub instance_type: Option<String>,
    pub ami_family: AmiFamily,
    pub ami_id: Option<String>,
    pub nodes_per_zone: Option<u32>,
    pub max_nodes_per_zone: Option<u32>,
    pub volume_size: u32,
    pub nodes: Option<String>,
    pub node: Vec<String>,
    pub old_node_groups: Vec<String>,
    pub drain_timeout: Option<Duration>,
    pub pod_timeout: Option<Duration>,
    pub skip_wait_for_delete_timeout: Option<Duration>,
    pub max_in_flight: usize,
    pub lb_drain: Option<Duration>,
    pub max_unavailable_nodes: Option<usize>,
    pub surge_singletons: bool,
    pub no_default_budget: bool,
    pub dry_run: bool,
    pub disable_eviction: bool,
    pub confirm_cluster: Option<String>,
    pub evict_bare_pods: bool,
    pub delete_emptydir_data: bool,
    pub delete_local_volumes: bool,
    pub terminate_unowned: bool,
    pub keep_old_nodes: bool,
    pub yes: bool,
    /// Ids of warnings that are no reason to stop.
    pub accept: BTreeSet<String>,
    pub timeout: Duration,
    /// The command changes nothing: `plan`, `--dry-run`.
    pub only_looks: bool,
    /// Where something is taken back: what.
    pub undo: Option<Undo>,
    origins: BTreeMap<String, Origin>,
}

/// What is to be taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Undo {
    /// Number of the last step that stays done; nothing where none does.
    pub to_step: Option<u8>,
    pub keep_nodes: bool,
    /// One step alone.
    pub only: Option<Step>,
}

impl Undo {
    pub fn takes_back(self, step: Step) -> bool {
        match self.only {
            Some(only) => only == step,
            None => step.number() > self.to_step.unwrap_or_default(),
        }
    }
}

/// Parses the command line, a saved plan where one is given, and the file for what both leave open. Exits by itself
/// on --help and bad usage, as clap does.
pub fn parse() -> Result<(Command, Origins)> {
    let arguments: Vec<_> = std::env::args_os().collect();
    let matches = Cli::command().try_get_matches_from(&arguments).unwrap_or_else(|error| {
        // There 2 says that there are changes.
        if error.use_stderr() && arguments.iter().any(|argument| argument == "--detailed-exitcode") {
            let _ = error.print();
            std::process::exit(crate::exit::Exit::Failed as i32);
        }
        error.exit()
    });
    let (arguments, matches) = planned::complete(arguments, matches)?;
    let (matches, from_file) = file::complete(arguments, matches)?;
    let origins = Origins::of(&matches, from_file);
    let cli = Cli::from_arg_matches(&matches).map_err(|error| Error::usage(error.to_string()))?;
    Ok((cli.command, origins))
}

/// Which flags were given where.
#[derive(Debug, Clone, Default)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    fn of(matches: &ArgMatches, from_file: BTreeMap<String, String>) -> Self {
        let mut origins = BTreeMap::new();
        let command = Cli::command();
        if let Some((name, matches)) = matches.subcommand()
            && let Some(command) = command.find_subcommand(name)
        {
            for arg in command.get_arguments() {
                let Some(long) = arg.get_long() else { continue };
                let origin = match (from_file.get(long), matches.value_source(arg.get_id().as_str())) {
                    (Some(path), _) => Origin::File(path.clone()),
                    (None, Some(ValueSource::CommandLine)) => Origin::Flag,
                    (None, Some(ValueSource::EnvVariable)) => Origin::Environment(
                        arg.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
                    ),
                    _ => Origin::Default,
                };
                origins.insert(long.to_string(), origin);
            }
        }
        Origins(origins)
    }
}

impl Settings {
    pub fn new(args: SetupArgs, origins: Origins) -> Result<Self> {
        let SetupArgs { step: StepArgs { target, network, cni, nodes, run, output: _ }, drain } = args;
        let blank_is_none = |value: Option<String>| value.filter(|value| !value.is_empty());
        let settings = Settings {
            cluster: blank_is_none(target.cluster),
            region: blank_is_none(target.region),
            profile: blank_is_none(target.profile),
            kubeconfig: KubeconfigChoice {
                path: blank_is_none(target.kubeconfig),
                context: blank_is_none(target.context),
            },
            cidrs: network.cidr,
            subnet_prefix: network.subnet_prefix,
            subnets: by_zone("--subnet", network.subnet)?,
            route_tables: by_zone("--route-table", network.route_table)?,
            env_last: cni.env_last,
            external_snat: cni.external_snat,
            eniconfig_names: by_zone("--eniconfig-name", cni.eniconfig_name)?,
            eniconfig_label: cni.eniconfig_label,
            security_groups: cni.security_group,
            take_over_env: cni.take_over_env,
            remove_annotation_def: cni.remove_annotation_def,
            replace_eniconfigs: cni.replace_eniconfigs,
            instance_type: nodes.instance_type,
            ami_family: nodes.ami_family,
            ami_id: nodes.ami_id,
            nodes_per_zone: nodes.nodes_per_zone,
            max_nodes_per_zone: nodes.max_nodes_per_zone,
            volume_size: nodes.volume_size,
            nodes: blank_is_none(drain.nodes),
            node: drain.node,
            old_node_groups: drain.old_node_group,
            drain_timeout: drain.evict.drain_timeout,
            pod_timeout: drain.evict.pod_timeout,
            skip_wait_for_delete_timeout: drain.evict.skip_wait_for_delete_timeout,
            max_in_flight: drain.evict.max_in_flight,
            lb_drain: drain.evict.lb_drain,
            max_unavailable_nodes: drain.evict.max_unavailable_nodes,
            surge_singletons: drain.evict.surge_singletons,
            no_default_budget: drain.evict.no_default_budget,
            dry_run: drain.dry_run,
            disable_eviction: drain.evict.disable_eviction,
            confirm_cluster: run.confirm_cluster,
            evict_bare_pods: drain.evict.evict_bare_pods,
            delete_emptydir_data: drain.evict.delete_emptydir_data,
            delete_local_volumes: drain.evict.delete_local_volumes,
            terminate_unowned: drain.terminate_unowned,
            keep_old_nodes: drain.keep_old_nodes,
            yes: run.yes,
            accept: accepted(run.accept)?,
            timeout: run.timeout,
            only_looks: false,
            undo: None,
            origins: origins.0,
        };
        settings.check_together()?;
        Ok(settings)
    }

    /// What single values can't show.
    fn check_together(&self) -> Result<()> {
        if let (Some(size), Some(max)) = (self.nodes_per_zone, self.max_nodes_per_zone)
            && max < size
        {
            return Err(Error::usage(format!("--max-nodes-per-zone {max} is below --nodes-per-zone {size}")));
        }
        for (at, block) in self.cidrs.iter().enumerate() {
            let clash = self.cidrs[..at].iter().find(|other| other.contains(block) || block.contains(*other));
            if let Some(other) = clash {
                return Err(Error::usage(format!("{block} and {other} overlap")).at(self.named("cidr")));
            }
        }
        Ok(())
    }

    /// How a person finds the value again: `--cidr`, `ENI_CUSTOM_CIDR`, `cidr in eni-custom.toml`.
    pub fn named(&self, flag: &str) -> String {
        match self.origins.get(flag) {
            Some(Origin::Environment(name)) => name.clone(),
            Some(Origin::File(path)) => format!("{flag} in {path}"),
            _ => format!("--{flag}"),
        }
    }

    /// The profile was named by `--profile`, which is stronger than credentials in the environment.
    pub fn profile_is_flag(&self) -> bool {
        self.origins.get("profile") == Some(&Origin::Flag)
    }

    /// How long the whole drain may take: its own limit, else that of any wait where it was given, else an hour.
    pub fn drain_deadline(&self) -> Duration {
        let given = self.is_set("timeout").then_some(self.timeout);
        self.drain_timeout.or(given).unwrap_or(Duration::from_secs(3600))
    }

    /// The flag that says how long: the one to be told of where it is too short.
    pub fn drain_deadline_flag(&self) -> &'static str {
        if self.drain_timeout.is_none() && self.is_set("timeout") { "timeout" } else { "drain-timeout" }
    }

    /// The same settings, with a flag that was given on the command line.
    #[cfg(test)]
    pub(crate) fn given(mut self, flag: &str) -> Self {
        self.origins.insert(flag.into(), Origin::Flag);
        self
    }

    fn is_set(&self, flag: &str) -> bool {
        !matches!(self.origins.get(flag), None | Some(Origin::Default))
    }
}

fn accepted(ids: Vec<String>) -> Result<BTreeSet<String>> {
    let accepted = |id: String| {
        let known = registry::acceptable(&id).map_err(|why| {
            Error::usage(why).at(format!("--accept {id}")).next("the ids are explained in docs/checks.md")
        });
        known.map(ToString::to_string)
    };
    ids.into_iter().map(accepted).collect()
}

fn by_zone(flag: &str, pairs: Vec<ByZone>) -> Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for ByZone { zone, value } in pairs {
        if let Some(other) = values.insert(zone.clone(), value.clone())
            && other != value
        {
            return Err(Error::usage(format!("{flag} names {zone} twice: {other} and {value}")));
        }
    }
    Ok(values)
}

/// `us-west-2a=subnet-0123456789abcdef0`
pub fn parse_subnet(text: &str) -> std::result::Result<ByZone, String> {
    zone_and(text, |value| is_id(value, "subnet-"), "subnet-…")
}

/// `us-west-2a=rtb-0123456789abcdef0`
pub fn parse_route_table(text: &str) -> std::result::Result<ByZone, String> {
    zone_and(text, |value| is_id(value, "rtb-"), "rtb-…")
}

/// `us-west-2a=blue`, where the name is one that Kubernetes takes.
pub fn parse_name(text: &str) -> std::result::Result<ByZone, String> {
    // RFC 1123 subdomain, and at most 63 characters: it is also the value of a label.
    let is_name = |value: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        let outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        value.len() <= 63
            && value.chars().all(inner)
            && outer(value.chars().next())
            && outer(value.chars().next_back())
    };
    zone_and(text, is_name, "a name of lower-case letters, digits, '-' and '.'")
}

/// `sg-0123456789abcdef0`
pub fn parse_security_group(text: &str) -> std::result::Result<String, String> {
    if is_id(text, "sg-") { Ok(text.into()) } else { Err("a security group's id is wanted: sg-…".into()) }
}

/// `123456789012`
pub fn parse_account(text: &str) -> std::result::Result<String, String> {
    let is_account = text.len() == 12 && text.chars().all(|c| c.is_ascii_digit());
    if is_account { Ok(text.into()) } else { Err("an account's twelve digits are wanted".into()) }
}

/// `arn:aws:iam::123456789012:role/name`
pub fn parse_role(text: &str) -> std::result::Result<String, String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let is_role = matches!(parts[..], ["arn", _, "iam", "", account, role]
        if parse_account(account).is_ok() && role.strip_prefix("role/").is_some_and(|name| !name.is_empty())
            && !role.contains(['*', '?', ' ']));
    if is_role {
        Ok(text.into())
    } else {
        Err("expected the ARN of an IAM role: arn:aws:iam::…:role/…".into())
    }
}

/// `90s`, `30m`, `2h`
pub fn parse_duration(text: &str) -> std::result::Result<Duration, String> {
    let wanted = || "a time is wanted: 90s, 30m or 2h".to_string();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wanted)?);
    let number: u64 = number.parse().map_err(|_| wanted())?;
    let seconds = match unit {
        "s" => number,
        "m" => number.saturating_mul(60),
        "h" => number.saturating_mul(3600),
        _ => return Err(wanted()),
    };
    if seconds == 0 { Err("the time must be above zero".into()) } else { Ok(Duration::from_secs(seconds)) }
}

/// A duration, or `0s` for none.
pub fn parse_wait(text: &str) -> std::result::Result<Duration, String> {
    if text == "0s" { Ok(Duration::ZERO) } else { parse_duration(text) }
}

fn zone_and(text: &str, valid: impl Fn(&str) -> bool, wanted: &str) -> std::result::Result<ByZone, String> {
    match text.split_once('=') {
        Some((zone, value)) if !zone.is_empty() && valid(value) => {
            Ok(ByZone { zone: zone.into(), value: value.into() })
        }
        _ => Err(format!("ZONE={wanted} is wanted, as in us-west-2a={}", wanted.trim_end_matches('…'))),
    }
}

fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_seconds_minutes_and_hours_and_nothing_else() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("2h"), Ok(Duration::from_secs(7200)));
        for bad in ["", "90", "0s", "h", "1d", "-5m", "1m30s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wait_may_be_none() {
        assert_eq!(parse_wait("0s"), Ok(Duration::ZERO));
        assert_eq!(parse_wait("5m"), Ok(Duration::from_secs(300)));
        assert!(parse_wait("0").is_err());
    }

    #[test]
    fn a_zone_takes_one_value() {
        let pair = |value: &str| ByZone { zone: "us-west-2a".into(), value: value.into() };
        assert!(by_zone("--subnet", vec![pair("subnet-1"), pair("subnet-1")]).is_ok());
        assert!(by_zone("--subnet", vec![pair("subnet-1"), pair("subnet-2")]).is_err());
    }

    #[test]
    fn ids_and_names_are_checked() {
        assert!(parse_subnet("us-west-2a=subnet-0ab").is_ok());
        assert!(parse_subnet("us-west-2a=sg-0ab").is_err());
        assert!(parse_subnet("subnet-0ab").is_err());
        assert!(parse_name("us-west-2a=blue-1.x").is_ok());
        assert!(parse_name("us-west-2a=Blue").is_err());
        assert!(parse_security_group("sg-").is_err());
    }
}
