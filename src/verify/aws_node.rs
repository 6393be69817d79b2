//! aws-node: its environment, rollout and version, and whether its owner would change them.

use crate::addon::Values;
use crate::design::{ANNOTATION_DEF, CUSTOM_NETWORK, EXTERNAL_SNAT, LABEL_DEF, ZONE_LABEL};
use crate::facts::{Cni, EnvOwner, Node, Part, UpdateStrategy, Version, detected_version, env_owner, silent};
use crate::issue::{Issue, id};
use crate::net::eniconfig::is_on;
use crate::ownership::Manager;

use super::view::View;

const DAEMON_SET: &str = "DaemonSet kube-system/aws-node";
/// Variables that decide about custom networking. The owner of aws-node must set them too.
const VARIABLES: [&str; 4] = [CUSTOM_NETWORK, LABEL_DEF, ANNOTATION_DEF, EXTERNAL_SNAT];
const LEGACY_ZONE_LABEL: &str = "failure-domain.beta.kubernetes.io/zone";

pub(super) fn checks(view: &View<'_>) -> Vec<Issue> {
    if let Some(because) = view.unread(Part::Cni) {
        return vec![Issue::unknown(id::VFY_001, "whether custom networking is on", because).at(DAEMON_SET)];
    }
    if view.facts.cni.missing {
        return vec![
            Issue::error(id::VFY_001, "there is no aws-node")
                .at(DAEMON_SET)
                .why("without it nothing reads ENIConfigs")
                .fix(format!(
                    "aws eks create-addon --cluster-name {} --addon-name vpc-cni",
                    view.facts.cluster.name
                )),
        ];
    }
    let mut checks = vec![switch(view), version(view)];
    if view.on {
        checks.push(rollout(view));
        checks.extend(owner(view));
        checks.extend(zone_label(view));
        checks.extend(super::bugs::check(view));
    }
    checks.extend(expected(view));
    checks
}

fn switch(view: &View<'_>) -> Issue {
    if view.on {
        return Issue::passed(id::VFY_001, "custom networking is on");
    }
    let value = view.facts.cni.env.get(CUSTOM_NETWORK).map_or("not set".into(), |value| format!("'{value}'"));
    Issue::error(id::VFY_001, "custom networking is off")
        .at(DAEMON_SET)
        .why(format!("{CUSTOM_NETWORK} is {value}: pods get addresses from their nodes' subnets"))
        .fix(format!("{} # all nine steps; set-env changes this alone", view.command("setup")))
}

fn version(view: &View<'_>) -> Issue {
    match detected_version(&view.facts.cni) {
        None => Issue::unknown(
            id::VFY_004,
            "the VPC CNI's version",
            "neither the add-on, the image tag nor a label names it",
        )
        .at(&view.facts.cni.image)
        .fix("kubectl -n kube-system label daemonset aws-node app.kubernetes.io/version=VERSION"),
        Some((version, source)) if version < Version::CUSTOM_NETWORKING => {
            Issue::error(id::VFY_004, format!("VPC CNI {version} is too old for custom networking"))
                .at(DAEMON_SET)
                .why(format!(
                    "{} or later is needed; the version is from {source}",
                    Version::CUSTOM_NETWORKING
                ))
                .fix(format!(
                    "aws eks describe-addon-versions --addon-name vpc-cni --kubernetes-version {} # update aws-node to one of these",
                    view.facts.cluster.version
                ))
        }
        Some((version, _)) => Issue::passed(id::VFY_004, format!("VPC CNI {version} supports custom networking")),
    }
}

fn rollout(view: &View<'_>) -> Issue {
    let mut rollout = view.facts.cni.rollout.clone();
    if view.unread(Part::Pods).is_some() {
        // Without pods only the controller's own count is known.
        rollout.revision.clear();
    }
    let progress = rollout.progress(&view.facts.nodes, &view.facts.pods);
    if progress.is_done() {
        return Issue::passed(id::VFY_002, "aws-node runs on each Ready node with its current environment");
    }
    let outdated = progress.outdated();
    let delete = format!("kubectl -n kube-system delete pod {}", outdated.join(" "));
    // The controller also counts Node objects without an instance.
    let nodes: Vec<Node> = view.facts.nodes.iter().chain(&view.facts.left_over).cloned().collect();
    let blocked = !rollout.held_up(&nodes, &view.facts.pods, &silent(&nodes)).is_empty();
    let (why, fix) = match progress.failing() {
        _ if rollout.strategy == UpdateStrategy::OnDelete && !outdated.is_empty() => {
            ("its updateStrategy is OnDelete: its pods must be deleted by hand".to_string(), delete)
        }
        _ if blocked => ("nodes with an unreachable kubelet block its rollout".to_string(), delete),
        Some((pod, _)) => (String::new(), format!("kubectl -n kube-system logs {pod} -c aws-node")),
        None => (String::new(), "kubectl -n kube-system rollout status daemonset/aws-node".to_string()),
    };
    let why = [why, progress.summary()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
    Issue::error(id::VFY_002, "aws-node's rollout is not complete")
        .at(DAEMON_SET)
        .why(why.join("; "))
        .fix(fix)
}

/// A value that was set without the owner is reset by the owner's next update.
fn owner(view: &View<'_>) -> Vec<Issue> {
    let cni = &view.facts.cni;
    if let Some(because) = view.unread(Part::Addon) {
        return vec![Issue::unknown(
            id::VFY_003,
            "whether the add-on vpc-cni has the same environment",
            because,
        )];
    }
    let passed = |whose: &str| vec![Issue::passed(id::VFY_003, format!("{whose} keeps this environment"))];
    match env_owner(cni) {
        EnvOwner::DaemonSet => passed("the DaemonSet itself"),
        EnvOwner::Addon => {
            let text = cni.addon.as_ref().map(|addon| addon.configuration.as_str()).unwrap_or_default();
            let values = match Values::parse(text) {
                Ok(values) => values,
                Err(error) => {
                    let because = format!("its configurationValues can't be read: {error}");
                    return vec![Issue::unknown(
                        id::VFY_003,
                        "whether the add-on vpc-cni has the same environment",
                        &because,
                    )];
                }
            };
            let known = |name: &str| values.env(name).map(ToString::to_string);
            // A variable that the add-on does not set gets its default.
            let differs = |name: &&str| match (known(name), cni.env.get(*name)) {
                (Some(theirs), Some(current)) => theirs != *current,
                (None, Some(current)) => !is_default(name, current),
                (Some(_), None) => true,
                (None, None) => false,
            };
            let differing: Vec<String> =
                VARIABLES.iter().filter(|name| differs(name)).map(ToString::to_string).collect();
            if differing.is_empty() {
                return passed("the add-on vpc-cni");
            }
            let difference = |name: &String| {
                let theirs = known(name).map_or("not set".into(), |value| format!("'{value}'"));
                let here = cni.env.get(name).map_or("not set".into(), |value| format!("'{value}'"));
                format!("{name}: add-on {theirs}, cluster {here}")
            };
            vec![
                Issue::error(id::VFY_003, "the add-on vpc-cni would reset aws-node's environment")
                    .at("EKS add-on vpc-cni")
                    .why(format!(
                        "its next update applies its configurationValues; {}",
                        differing.iter().map(difference).collect::<Vec<_>>().join("; ")
                    ))
                    .fix(view.command(&set_env(cni, &differing))),
            ]
        }
        EnvOwner::Release { tool, name } => {
            // A value set only by hand or by eni-custom is not part of the release.
            let foreign: Vec<String> = VARIABLES
                .iter()
                .filter(|variable| {
                    let managers = cni.env_managers.get(**variable);
                    managers.is_some_and(|managers| managers.iter().all(Manager::is_by_hand))
                })
                .map(ToString::to_string)
                .collect();
            if foreign.is_empty() {
                return passed(&format!("{tool} '{name}'"));
            }
            let values: Vec<String> = foreign
                .iter()
                .filter_map(|variable| Some(format!("{variable}={}", cni.env.get(variable)?)))
                .collect();
            // With --take-over-env the user has chosen this.
            let rated = match view.expected.taken_over {
                true => id::VFY_003.warning(),
                false => id::VFY_003.error(),
            };
            vec![
                Issue::new(rated, format!("{tool} '{name}' would reset aws-node's environment"))
                    .at(DAEMON_SET)
                    .why(format!("set by hand, not by {tool}: {}", values.join(", ")))
                    .fix(format!("set env {} in {tool} '{name}'", values.join(", "))),
            ]
        }
    }
}

/// The command that writes these variables where their owner keeps them. Variables other than the two of custom
/// networking need a flag.
fn set_env(cni: &Cni, differing: &[String]) -> String {
    let differs = |name: &str| differing.iter().any(|each| each == name);
    let mut command = "set-env".to_string();
    if differs(EXTERNAL_SNAT) && is_on(cni.env.get(EXTERNAL_SNAT)) {
        command.push_str(" --external-snat");
    }
    if differs(ANNOTATION_DEF) {
        command.push_str(" --remove-annotation-def");
    }
    command
}

/// The add-on's defaults (its manifest, "AWS_VPC_K8S_CNI_…: false"): off, and no label or annotation.
fn is_default(name: &str, value: &str) -> bool {
    matches!(name, CUSTOM_NETWORK | EXTERNAL_SNAT) && !is_on(Some(&value.to_string()))
}

fn zone_label(view: &View<'_>) -> Option<Issue> {
    (view.facts.cni.env.get(LABEL_DEF)? == LEGACY_ZONE_LABEL).then(|| {
        Issue::warning(id::VFY_006, "the ENIConfig's name is read from a deprecated node label")
            .at(LABEL_DEF)
            .why(format!("{LEGACY_ZONE_LABEL} is deprecated since 1.17; newer nodes may not have it"))
            .fix(view.command(&format!("set-env --eniconfig-label {ZONE_LABEL}")))
    })
}

/// After a run the variables must have exactly the values that it set.
fn expected(view: &View<'_>) -> Vec<Issue> {
    let differs = |(name, value): &(&String, &String)| view.facts.cni.env.get(*name) != Some(*value);
    let differing = view.expected.env.iter().filter(differs).map(|(name, value)| {
        Issue::error(id::VFY_005, format!("aws-node's {name} is not '{value}'"))
            .at(DAEMON_SET)
            .why("this run set it, and something has changed it since")
            .fix(view.command("set-env"))
    });
    differing.collect()
}
