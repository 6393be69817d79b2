//! Completion of values while a command is typed: names from the account, and what is known without a network.
//!
//! The shell runs the program with COMPLETE set at each Tab. So nothing here prints, asks, or takes long: what can't be
//! read within [`PATIENCE`] is not offered.

mod typed;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::CompleteEnv;

use crate::aws::{Aws, ProfileChoice, profile_names, starts_a_program};
use crate::calls::Calls;
use crate::cli::help;
use crate::error::Result;
use crate::issue::id::{PLAN, acceptable};
use crate::net::max_pods;
use crate::net::proxy::Proxies;
use crate::net::regions::REGIONS;
use crate::ui::plugin::PROGRAM;

use typed::Typed;

/// How long a Tab may take for names from the account.
const PATIENCE: Duration = Duration::from_secs(2);

/// If a shell asks for completions, answers and ends the process.
pub(super) fn complete() {
    CompleteEnv::with_factory(|| with_values(help::command(PROGRAM))).bin(PROGRAM).complete();
}

/// The command line whose flags know their values.
fn with_values(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|one| one.get_name().to_string()).collect();
    names.iter().fold(command, |command, name| {
        command.mut_subcommand(name, |one| {
            let ids: Vec<_> = one.get_arguments().map(|arg| arg.get_id().clone()).collect();
            ids.iter().fold(one, |one, id| one.mut_arg(id, with_value))
        })
    })
}

fn with_value(arg: Arg) -> Arg {
    let values: fn() -> Vec<Value> = match arg.get_long() {
        Some("cluster") => || asked(async |aws, _| aws.eks.cluster_names().await),
        Some("region") => || REGIONS.iter().map(|(name, place)| Value::about(name, place)).collect(),
        Some("profile") => || plain(waited(async |_| Some(profile_names().await))),
        Some("accept") => || {
            let known = PLAN.iter().filter(|id| acceptable(id.as_str()).is_ok());
            known.map(|id| Value::about(id.as_str(), id.title())).collect()
        },
        Some("subnet" | "route-table" | "eniconfig-name") => || {
            let zones = asked(zones);
            zones.into_iter().map(|zone| Value { text: format!("{}=", zone.text), ..zone }).collect()
        },
        Some("pool") => || {
            let mut pools = asked(groups);
            pools.push(Value::about("nodes", "nodes without a group"));
            pools
        },
        Some("old-node-group") => || asked(groups),
        Some("instance-type") => types,
        None if arg.get_id() == "types" => types,
        _ => return arg,
    };
    arg.add(ArgValueCompleter::new(move |current: &OsStr| matching(&values(), current)))
}

/// A value with what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Value {
    text: String,
    about: Option<&'static str>,
}

impl Value {
    fn about(text: &str, about: &'static str) -> Self {
        Value { text: text.into(), about: Some(about) }
    }
}

fn plain(names: Vec<String>) -> Vec<Value> {
    names.into_iter().map(|text| Value { text, about: None }).collect()
}

fn types() -> Vec<Value> {
    plain(max_pods::all().iter().map(|known| known.name.clone()).collect())
}

/// The values that begin with what is typed. Of `gpu=g6.x`, `gpu=` stays and the rest is completed.
fn matching(values: &[Value], current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let of_pool = match current.rsplit_once('=') {
        // A zone's value is an id, which is not completed.
        Some(_) if values.iter().any(|value| value.text.ends_with('=')) => return Vec::new(),
        Some((pool, _)) => &current[..=pool.len()],
        None => "",
    };
    let begun = &current[of_pool.len()..];
    values
        .iter()
        .filter(|value| value.text.starts_with(begun))
        .map(|value| {
            let candidate = CompletionCandidate::new(format!("{of_pool}{}", value.text));
            candidate.help(value.about.map(Into::into))
        })
        .collect()
}

/// The zones of the cluster's VPC.
async fn zones(aws: Aws, typed: Typed) -> Result<Vec<String>> {
    let Some(name) = typed.cluster else { return Ok(Vec::new()) };
    let cluster = aws.eks.cluster(&name).await?;
    let subnets = aws.ec2.subnets(&cluster.vpc_id).await?;
    let zones: BTreeSet<String> = subnets.into_iter().map(|subnet| subnet.zone).collect();
    Ok(zones.into_iter().collect())
}

/// The cluster's managed node groups, and its Auto Scaling groups that no managed node group owns.
async fn groups(aws: Aws, typed: Typed) -> Result<Vec<String>> {
    let Some(cluster) = typed.cluster else { return Ok(Vec::new()) };
    let none = BTreeSet::new();
    let (managed, tagged) = futures::future::try_join(
        aws.eks.managed_node_groups(&cluster),
        aws.autoscaling.groups(&cluster, &none),
    )
    .await?;
    let mut names: BTreeSet<String> = managed.iter().map(|group| group.name.clone()).collect();
    let of_managed: BTreeSet<&String> = managed.iter().flat_map(|group| &group.groups).collect();
    names.extend(tagged.into_keys().filter(|name| !of_managed.contains(name)));
    Ok(names.into_iter().collect())
}

/// Names from the account of the command that is being typed.
fn asked<F: Future<Output = Result<Vec<String>>>>(
    read: impl FnOnce(Aws, Typed) -> F + Send + 'static,
) -> Vec<Value> {
    plain(waited(async move |typed: Typed| {
        let choice = ProfileChoice { name: typed.profile.as_deref(), is_flag: typed.profile_is_flag };
        // It may ask for a password, and Tab would look dead.
        if starts_a_program(choice).await {
            return None;
        }
        let proxies = Proxies::read(|name| std::env::var(name).ok()).ok()?;
        let aws = Aws::connect(choice, typed.region.as_deref(), &proxies, &Calls::default()).await.ok()?;
        read(aws, typed).await.ok()
    }))
}

/// What is read in time; nothing otherwise. The process ends after the answer, and the thread with it.
fn waited<F: Future<Output = Option<Vec<String>>>>(
    read: impl FnOnce(Typed) -> F + Send + 'static,
) -> Vec<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime {
            let _ = sender.send(runtime.block_on(read(Typed::now())));
        }
    });
    receiver.recv_timeout(PATIENCE).ok().flatten().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(values: &[&str], current: &str) -> Vec<String> {
        let values: Vec<Value> =
            values.iter().map(|text| Value { text: (*text).into(), about: None }).collect();
        let found = matching(&values, OsStr::new(current));
        found.iter().map(|one| one.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn what_is_typed_is_completed_and_a_pool_before_it_stays() {
        let types = ["g6.xlarge", "m5.large", "m5.xlarge"];
        assert_eq!(completed(&types, "m5."), ["m5.large", "m5.xlarge"]);
        assert_eq!(completed(&types, "gpu=g"), ["gpu=g6.xlarge"]);
        assert_eq!(completed(&types, "a=b=m5.x"), ["a=b=m5.xlarge"]);
        assert_eq!(completed(&types, "x"), [""; 0]);
        let zones = ["us-west-2a=", "us-west-2b="];
        assert_eq!(completed(&zones, "us-west-2"), zones);
        assert_eq!(completed(&zones, "us-west-2a=subnet-"), [""; 0]);
    }

    #[test]
    fn a_call_that_does_not_return_is_given_up() {
        let started = std::time::Instant::now();
        assert_eq!(waited(async |_| std::future::pending().await), [""; 0]);
        assert!(started.elapsed() < PATIENCE * 2);
    }

    #[test]
    fn flags_that_name_something_have_values() {
        let command = with_values(help::command(PROGRAM));
        let setup = command.find_subcommand("setup").unwrap();
        for flag in ["cluster", "region", "profile", "accept", "subnet", "pool", "instance-type"] {
            let arg = setup.get_arguments().find(|arg| arg.get_long() == Some(flag)).unwrap();
            assert!(arg.get::<ArgValueCompleter>().is_some(), "--{flag}");
        }
        let types = command.find_subcommand("max-pods").unwrap();
        assert!(types.get_positionals().next().unwrap().get::<ArgValueCompleter>().is_some());
    }
}
