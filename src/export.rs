//! Exports a plan as files that a team can review and commit: manifests, templates, and the commands of AWS's documented
//! procedure. Pure except for `write`.

mod commands;
mod karpenter;
mod script;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::addon::{Edit, merged};
use crate::design::{Design, ZoneDesign};
use crate::error::{Error, Result};
use crate::facts::{Crd, EniConfig, EnvOwner, Facts, env_owner};
use crate::goal::Goal;
use crate::k8s::eniconfig::CRD_YAML;
use crate::nodes::templates::{BASE, Parameters, output};
use crate::plan::Plan;
use crate::scene::Scene;
use crate::settings::Settings;
use crate::steps::{self, BaseOutputs};

/// File contents by path in the folder.
pub(crate) type Files = BTreeMap<String, String>;

/// The script with the documented commands.
pub(crate) const COMMANDS: &str = "commands.sh";
/// Placeholder name for an id that is known only when the base stack exists: `${NODE_SECURITY_GROUP_ID}`.
const NODE_SECURITY_GROUP: &str = "NODE_SECURITY_GROUP_ID";
/// Values of an add-on that creates ENIConfigs: as step 6 writes them, and with the final groups (step 8).
const ADDON_FIRST: &str = "env/addon-eniconfigs-step-6.json";
const ADDON_LAST: &str = "env/addon-eniconfigs-step-8.json";
const INSTANCE_PROFILE: &str = "INSTANCE_PROFILE_ARN";
/// The role of the base stack, in the templates of managed node groups.
const NEW_ROLE: &str = "NEW_NODE_ROLE_ARN";

/// The files of a plan without errors. The same plan gives the same bytes.
pub(crate) fn files(plan: &Plan, scene: &Scene<'_>) -> Result<Files> {
    let Scene { design, facts, settings, .. } = *scene;
    let mut files = Files::new();
    for zone in &design.zones {
        files.insert(format!("eniconfigs/{}.yaml", zone.eniconfig), eniconfig(design, facts, zone));
    }
    for (pool, group) in design.groups() {
        files.insert(format!("user-data/{}.txt", group.stack), steps::user_data(design, facts, pool, group)?);
        let security_group = base_output(design, facts, output::NODE_SECURITY_GROUP_ID, NODE_SECURITY_GROUP);
        let profile = base_output(design, facts, output::INSTANCE_PROFILE_ARN, INSTANCE_PROFILE);
        let role = base_output(design, facts, output::NODE_ROLE_ARN, NEW_ROLE);
        let base = BaseOutputs {
            security_group: &security_group,
            role: design.creates_role().then_some(role.as_str()),
            instance_profile: design.creates_role().then_some(profile.as_str()),
        };
        let template = steps::node_group_template(design, facts, (pool, group), base)?;
        files.insert(template_file(&group.stack), template);
        files.insert(parameters_file(&group.stack), parameters_json(steps::first_sizes(group)));
    }
    files.insert(template_file("base"), BASE.into());
    files.insert(
        parameters_file(&design.base_stack),
        parameters_json(steps::base_parameters(design, facts, design.creates_role())),
    );
    if !matches!(facts.eniconfigs.crd, Crd::Typed { .. }) {
        files.insert("crd/eniconfigs.crd.k8s.amazonaws.com.yaml".into(), CRD_YAML.into());
    }
    if facts.addon_creates_eniconfigs() {
        files.insert(ADDON_FIRST.into(), addon_values(design, facts, &design.first_groups(facts)));
        files.insert(ADDON_LAST.into(), addon_values(design, facts, &groups(design, facts)));
    }
    let (path, text) = environment(design, facts);
    files.insert(path.into(), text);
    files.insert(COMMANDS.into(), script::script(plan, scene));
    files.insert("README.md".into(), readme(plan, facts, settings, &files));
    Ok(files)
}

fn template_file(name: &str) -> String {
    format!("cloudformation/{name}.yaml")
}

fn parameters_file(stack: &str) -> String {
    format!("cloudformation/{stack}.parameters.json")
}

/// In the format of `aws cloudformation create-stack --parameters`.
fn parameters_json(parameters: Parameters) -> String {
    let list: Vec<Value> = parameters
        .into_iter()
        .map(|(name, value)| json!({ "ParameterKey": name, "ParameterValue": value }))
        .collect();
    format!("{:#}\n", Value::Array(list))
}

/// An output of the base stack, or its placeholder.
fn base_output(design: &Design, facts: &Facts, output: &str, variable: &str) -> String {
    let stack = facts.node_groups.stacks.get(&design.base_stack);
    let known = stack.and_then(|stack| stack.outputs.get(output));
    known.cloned().unwrap_or_else(|| format!("${{{variable}}}"))
}

/// The placeholder name of a zone's pod subnet.
fn subnet_variable(zone: &ZoneDesign) -> String {
    let name =
        zone.zone.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    format!("SUBNET_{}", name.collect::<String>())
}

fn subnet(zone: &ZoneDesign) -> String {
    zone.pod_subnet.id().map_or_else(|| format!("${{{}}}", subnet_variable(zone)), ToString::to_string)
}

/// The final groups of a zone's ENIConfig.
fn groups(design: &Design, facts: &Facts) -> Vec<String> {
    design.final_groups(facts).unwrap_or_else(|| {
        let own = base_output(design, facts, output::NODE_SECURITY_GROUP_ID, NODE_SECURITY_GROUP);
        let shared = design.shared_groups.iter().cloned();
        [own, facts.cluster.security_group.clone()].into_iter().chain(shared).collect()
    })
}

fn eniconfig(design: &Design, facts: &Facts, zone: &ZoneDesign) -> String {
    eniconfig_with(zone, &groups(design, facts))
}

/// JSON strings are valid YAML, so they need no further quoting.
fn eniconfig_with(zone: &ZoneDesign, groups: &[String]) -> String {
    let list: String = groups.iter().map(|group| format!("    - {}\n", json!(group))).collect();
    format!(
        "apiVersion: crd.k8s.amazonaws.com/v1alpha1\nkind: ENIConfig\nmetadata:\n  name: {}\nspec:\n  subnet: {}\n  securityGroups:\n{list}",
        json!(zone.eniconfig),
        json!(subnet(zone)),
    )
}

/// aws-node's environment, in the format that its owner needs.
fn environment(design: &Design, facts: &Facts) -> (&'static str, String) {
    let pairs = |indent: &str| -> String {
        design.env.iter().map(|(name, value)| format!("{indent}{name}: {}\n", json!(value))).collect()
    };
    match env_owner(&facts.cni) {
        EnvOwner::Addon => {
            let merged = steps::addon_configuration(design, facts).unwrap_or_default();
            ("env/addon-configuration.json", pretty(merged))
        }
        EnvOwner::DaemonSet => {
            let set = design.env.iter().map(|(name, value)| {
                format!("            - name: {name}\n              value: {}\n", json!(value))
            });
            let removed = design
                .env_removed
                .iter()
                .map(|name| format!("            - name: {name}\n              $patch: delete\n"));
            let variables: String = set.chain(removed).collect();
            let text = format!(
                "# kubectl --namespace kube-system patch daemonset aws-node --patch-file\nspec:\n  template:\n    spec:\n      containers:\n        - name: aws-node\n          env:\n{variables}"
            );
            ("env/daemonset-patch.yaml", text)
        }
        EnvOwner::Release { tool, name } => {
            let removed: String =
                design.env_removed.iter().map(|name| format!("# {name} must not be set.\n")).collect();
            let text = format!(
                "# Values for the chart aws-vpc-cni of https://aws.github.io/eks-charts, which {tool} '{name}' owns.\n{removed}env:\n{}",
                pairs("  ")
            );
            ("env/helm-values.yaml", text)
        }
    }
}

/// The add-on's values with each zone's ENIConfig, if the add-on creates them.
fn addon_values(design: &Design, facts: &Facts, groups: &[String]) -> String {
    let eniconfigs = design.zones.iter().map(|zone| EniConfig {
        name: zone.eniconfig.clone(),
        subnet: subnet(zone),
        security_groups: groups.to_vec(),
        ours: true,
    });
    let edit = Edit { eniconfigs: eniconfigs.collect(), ..Edit::default() };
    let values = steps::addon_configuration(design, facts).unwrap_or_default();
    pretty(merged(&values, &edit).unwrap_or(values))
}

/// Pretty-printed JSON; other text as a JSON string.
fn pretty(text: String) -> String {
    let value: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    format!("{value:#}\n")
}

fn readme(plan: &Plan, facts: &Facts, settings: &Settings, files: &Files) -> String {
    let list: String = files.keys().map(|path| format!("- `{path}`\n")).collect();
    format!(
        "# Custom networking for {}\n\nThe changes that `{}` would make in {}, as files.\n\n{list}\n`commands.sh` makes these changes with the aws CLI and kubectl, in the order of AWS's documentation. It runs all steps, or\nthe given ones: `./commands.sh 1 2`. It replaces placeholders such as `${{SUBNET_…}}` with ids that are known only then.\n",
        facts.cluster.name,
        settings.command_line(Goal::Setup),
        plan.cluster,
    )
}

/// Errors unless the folder is empty, does not exist, or `force` is set.
pub(crate) fn may_write(folder: &Path, force: bool) -> Result<()> {
    let at = |error: Error| error.at(folder.display().to_string());
    let taken = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(at(Error::usage("the folder can't be used").because(error))),
    };
    match taken && !force {
        true => Err(at(Error::usage("the folder is not empty"))
            .fix("set another folder with --export, or add --force to overwrite its files")),
        false => Ok(()),
    }
}

/// Writes the files; other files in the folder are kept.
pub(crate) fn write(files: &Files, folder: &Path) -> Result<()> {
    let failed = |path: &Path, error: std::io::Error| {
        Error::failed("the plan can't be exported").at(path.display().to_string()).because(error)
    };
    for (name, text) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        }
        std::fs::write(&path, text).map_err(|error| failed(&path, error))?;
        if name.ends_with(".sh") {
            executable(&path).map_err(|error| failed(&path, error))?;
        }
    }
    Ok(())
}

fn executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = std::fs::metadata(path)?.permissions();
    permissions.set_mode(permissions.mode() | 0o111);
    std::fs::set_permissions(path, permissions)
}

#[cfg(test)]
mod tests;
