//! Makes settings of the command line, a saved plan and the configuration file. A flag wins over the environment, the
//! environment over the file, the file over the default.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::error::{Error, Result};
use crate::issue::Id;
use crate::issue::id::acceptable;
use crate::settings::{
    CniSettings, DrainSettings, KubeconfigChoice, ManagedImage, NetworkSettings, NodeSettings, Origin,
    Origins, PerPool, RunSettings, Settings, TargetSettings,
};

use crate::ui::plugin::called_as;

use super::values::{ByZone, ForPool};
use super::{Cli, SetupArgs, StepArgs, explained, file, help, planned};

/// Why there are no arguments to run with.
#[derive(Debug)]
pub enum Stop {
    /// Wrong usage, or `--help`: clap's text.
    Clap(clap::Error),
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Error(error)
    }
}

/// Parses the command line, then a saved plan if one is given, then the configuration file for flags that are still
/// unset.
pub fn parse() -> std::result::Result<(Cli, Origins), Stop> {
    let arguments: Vec<_> = std::env::args_os().collect();
    let called_as = called_as(arguments.first().map(AsRef::as_ref));
    let matches = help::command(called_as).try_get_matches_from(&arguments).map_err(Stop::Clap)?;
    let (arguments, matches) = planned::complete(arguments, matches)?;
    let (matches, from_file) = file::complete(arguments, matches)?;
    let origins = Origins::of(&matches, from_file);
    let cli = Cli::from_arg_matches(&matches).map_err(|error| Error::usage(error.to_string()))?;
    Ok((cli, origins))
}

impl Origins {
    fn of(matches: &ArgMatches, from_file: BTreeMap<String, String>) -> Self {
        let mut origins = BTreeMap::new();
        let mut explained = Vec::new();
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
            explained = explained::explained(command, matches, &origins);
        }
        Origins { of: origins, explained }
    }
}

impl Settings {
    /// Makes settings of parsed arguments. `read_only`: the command changes nothing.
    ///
    /// # Errors
    /// A usage error if values contradict each other.
    pub(crate) fn new(args: SetupArgs, origins: Origins, read_only: bool) -> Result<Self> {
        let SetupArgs { step: StepArgs { target, network, cni, nodes, run, output: _ }, drain } = args;
        let blank_is_none = |value: Option<String>| value.filter(|value| !value.is_empty());
        let settings = Settings {
            target: TargetSettings {
                cluster: blank_is_none(target.cluster),
                region: blank_is_none(target.region),
                profile: blank_is_none(target.profile),
                kubeconfig: KubeconfigChoice {
                    path: blank_is_none(target.kubeconfig),
                    context: blank_is_none(target.context),
                },
            },
            network: NetworkSettings {
                cidrs: network.cidr,
                subnet_prefix: network.subnet_prefix,
                subnets: by_zone("--subnet", network.subnet)?,
                route_tables: by_zone("--route-table", network.route_table)?,
            },
            cni: CniSettings {
                env_last: cni.env_last,
                external_snat: cni.external_snat,
                eniconfig_names: by_zone("--eniconfig-name", cni.eniconfig_name)?,
                eniconfig_label: cni.eniconfig_label,
                security_groups: cni.security_group,
                take_over_env: cni.take_over_env,
                take_over_karpenter: cni.take_over_karpenter,
                remove_annotation_def: cni.remove_annotation_def,
                replace_eniconfigs: cni.replace_eniconfigs,
            },
            nodes: NodeSettings {
                pools: nodes.pools,
                replace_with: per_pool("--replace-with", nodes.replace_with)?,
                managed_image: per_pool("--managed-image", nodes.managed_image)?,
                instance_type: per_pool("--instance-type", nodes.instance_type)?,
                ami_family: per_pool("--ami-family", nodes.ami_family)?,
                ami_id: per_pool("--ami-id", nodes.ami_id)?,
                nodes_per_zone: per_pool("--nodes-per-zone", nodes.nodes_per_zone)?,
                max_nodes_per_zone: per_pool("--max-nodes-per-zone", nodes.max_nodes_per_zone)?,
                volume_size: per_pool("--volume-size", nodes.volume_size)?,
                node_role: per_pool("--node-role", nodes.node_role)?,
                tags: tags(nodes.tags)?,
                permissions_boundary: nodes.permissions_boundary,
                role_path: nodes.role_path,
            },
            drain: DrainSettings {
                selector: blank_is_none(drain.selector),
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
                disable_eviction: drain.evict.disable_eviction,
                evict_bare_pods: drain.evict.evict_bare_pods,
                delete_emptydir_data: drain.evict.delete_emptydir_data,
                delete_local_volumes: drain.evict.delete_local_volumes,
                terminate_unowned: drain.terminate_unowned,
                delete_old_groups: drain.delete_old_groups,
                keep_old_nodes: drain.keep_old_nodes,
                karpenter: drain.karpenter,
                preview: drain.dry_run,
            },
            run: RunSettings {
                yes: run.yes,
                read_only,
                confirm_cluster: run.confirm_cluster,
                accept: accepted(run.accept)?,
                timeout: run.timeout,
            },
            origins: origins.of,
        };
        settings.check_together()?;
        Ok(settings)
    }

    /// Checks that involve several values.
    fn check_together(&self) -> Result<()> {
        let NodeSettings { nodes_per_zone, max_nodes_per_zone, .. } = &self.nodes;
        let pools = nodes_per_zone.pools.keys().chain(max_nodes_per_zone.pools.keys()).map(String::as_str);
        // No pool has an empty name, so it stands for all that are not named.
        for pool in pools.chain([""]) {
            if let (Some(size), Some(max)) = (nodes_per_zone.of(pool), max_nodes_per_zone.of(pool))
                && max < size
            {
                let of_pool = if pool.is_empty() { String::new() } else { format!(" for pool {pool}") };
                return Err(Error::usage(format!(
                    "--max-nodes-per-zone {max} is less than --nodes-per-zone {size}{of_pool}"
                )));
            }
        }
        let NodeSettings { ami_id, managed_image, .. } = &self.nodes;
        for pool in ami_id.pools.keys().chain(managed_image.pools.keys()).map(String::as_str).chain([""]) {
            if let (Some(id), Some(ManagedImage::Eks)) = (ami_id.of(pool), managed_image.of(pool)) {
                let of_pool = if pool.is_empty() { String::new() } else { format!(" for pool {pool}") };
                return Err(Error::usage(format!("--ami-id {id} and --managed-image eks{of_pool}"))
                    .because("EKS chooses the image, or the launch template names one")
                    .fix("omit one of them"));
            }
        }
        for (at, block) in self.network.cidrs.iter().enumerate() {
            let clash =
                self.network.cidrs[..at].iter().find(|other| other.contains(block) || block.contains(*other));
            if let Some(other) = clash {
                return Err(Error::usage(format!("{block} and {other} overlap")).at(self.named("cidr")));
            }
        }
        Ok(())
    }
}

fn accepted(ids: Vec<String>) -> Result<BTreeSet<Id>> {
    let accepted = |id: String| {
        acceptable(&id).map_err(|why| {
            Error::usage(why).at(format!("--accept {id}")).fix("see docs/checks.md for the ids")
        })
    };
    ids.into_iter().map(accepted).collect()
}

fn by_zone(flag: &str, pairs: Vec<ByZone>) -> Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for ByZone { zone, value } in pairs {
        if let Some(other) = values.insert(zone.clone(), value.clone())
            && other != value
        {
            return Err(Error::usage(format!("{flag} has two values for {zone}: {other} and {value}")));
        }
    }
    Ok(values)
}

fn per_pool<T: Display + PartialEq>(flag: &str, given: Vec<ForPool<T>>) -> Result<PerPool<T>> {
    let mut values = PerPool::default();
    for ForPool { pool, value } in given {
        let (before, whose) = match &pool {
            Some(pool) => (values.pools.get(pool), format!("pool {pool}")),
            None => (values.all.as_ref(), "all pools".to_string()),
        };
        if let Some(before) = before.filter(|before| **before != value) {
            return Err(Error::usage(format!("{flag} has two values for {whose}: {before} and {value}")));
        }
        match pool {
            Some(pool) => drop(values.pools.insert(pool, value)),
            None => values.all = Some(value),
        }
    }
    Ok(values)
}

fn tags(given: Vec<(String, String)>) -> Result<BTreeMap<String, String>> {
    let mut tags = BTreeMap::new();
    for (key, value) in given {
        if let Some(other) = tags.insert(key.clone(), value.clone()).filter(|other| *other != value) {
            return Err(Error::usage(format!("--tag has two values for {key}: {other} and {value}")));
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_has_one_value() {
        let pair = |value: &str| ByZone { zone: "us-west-2a".into(), value: value.into() };
        assert!(by_zone("--subnet", vec![pair("subnet-1"), pair("subnet-1")]).is_ok());
        assert!(by_zone("--subnet", vec![pair("subnet-1"), pair("subnet-2")]).is_err());
    }

    #[test]
    fn a_pool_has_one_value_of_its_own_and_the_others_that_of_all() {
        let one = |pool: Option<&str>, value: u32| ForPool { pool: pool.map(Into::into), value };
        let sizes =
            per_pool("--nodes-per-zone", vec![one(None, 2), one(Some("gpu"), 1), one(None, 2)]).unwrap();
        assert_eq!((sizes.of("gpu"), sizes.of("web")), (Some(&1), Some(&2)));
        assert!(per_pool("--nodes-per-zone", vec![one(Some("gpu"), 2), one(Some("gpu"), 1)]).is_err());
    }

    #[test]
    fn an_ami_id_contradicts_the_image_of_eks() {
        let settings = |arguments: &[&str]| {
            use clap::Parser;
            let cli =
                crate::cli::Cli::try_parse_from(["eni-custom", "setup"].iter().chain(arguments)).unwrap();
            match cli.command {
                crate::cli::Command::Setup(args) => Settings::new(args.all, Origins::default(), false),
                other => unreachable!("{other:?}"),
            }
        };
        let refused = settings(&["--ami-id", "ami-1", "--managed-image", "web=eks"]).unwrap_err();
        assert_eq!(refused.what(), "--ami-id ami-1 and --managed-image eks for pool web");
        assert!(settings(&["--ami-id", "gpu=ami-1", "--managed-image", "web=eks"]).is_ok());
    }
}
