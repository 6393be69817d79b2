//! The aws CLI and kubectl commands of each step. Pure.

use std::collections::BTreeMap;
use std::iter;

use serde_json::json;

use crate::design::{Design, GroupDesign, PodSubnet, PoolDesign, RouteChoice, ZoneDesign};
use crate::eviction::local::LocalData;
use crate::facts::{
    Authentication, EnvOwner, Facts, Node, Owner as NodeOwner, env_owner, owner as node_owner,
};
use crate::nodes::templates::{self, BASE_CAPABILITY, SIZES};
use crate::plan::StepPlan;
use crate::scene::Scene;
use crate::shell::shell_quote;
use crate::step::Step;
use crate::steps;
use crate::tags::node_group_name;

use super::{
    ADDON_FIRST, ADDON_LAST, INSTANCE_PROFILE, NEW_ROLE, NODE_SECURITY_GROUP, groups, karpenter,
    parameters_file, subnet_variable, template_file,
};

/// A step's commands; empty if it has nothing to do.
pub(super) fn commands(step: &StepPlan, scene: &Scene<'_>) -> Vec<String> {
    let Scene { design, facts, settings: _, .. } = *scene;
    // The version is always read.
    if step.changes.is_empty() && step.step != Step::DetectCni {
        return Vec::new();
    }
    match step.step {
        Step::AssociateCidr => associate(design, facts),
        Step::CreateSubnets => design.zones.iter().flat_map(|zone| create(design, facts, zone)).collect(),
        Step::SetEnv => [karpenter::reserve(scene), set_env(facts)].concat(),
        Step::DetectCni => vec![
            "kubectl --namespace kube-system describe daemonset aws-node | grep amazon-k8s-cni: | cut -d : -f 3"
                .into(),
        ],
        Step::InstallCrd => vec![
            "kubectl apply --server-side --force-conflicts --filename crd/eniconfigs.crd.k8s.amazonaws.com.yaml"
                .into(),
            "kubectl wait --for condition=Established crd/eniconfigs.crd.k8s.amazonaws.com".into(),
        ],
        Step::WriteEniconfigs => write_eniconfigs(design, facts),
        Step::LaunchNodegroups => launch(design, facts),
        Step::PatchSecurityGroups => patch(design, facts),
        Step::DrainNodes => drain(scene),
    }
}

fn associate(design: &Design, facts: &Facts) -> Vec<String> {
    let missing =
        design.blocks.iter().filter(|block| !facts.vpc.blocks.iter().any(|there| there.cidr == **block));
    missing
        .flat_map(|block| {
            [
                format!("aws ec2 associate-vpc-cidr-block --vpc-id \"$VPC\" --cidr-block {block}"),
                format!("retry block_is_associated {block}"),
            ]
        })
        .collect()
}

fn create(design: &Design, facts: &Facts, zone: &ZoneDesign) -> Vec<String> {
    let RouteChoice::Table(table) = &zone.route_table else { return Vec::new() };
    let route = |subnet: &str| {
        format!("retry aws ec2 associate-route-table --route-table-id {table} --subnet-id {subnet}")
    };
    match &zone.pod_subnet {
        PodSubnet::New { cidr } => {
            let mut tags = design.zone_tags(zone);
            tags.push(("Name".into(), format!("{}-pods-{}", design.cluster, zone.zone)));
            let tags: Vec<_> =
                tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
            let tags = json!([{ "ResourceType": "subnet", "Tags": tags }]).to_string();
            let variable = subnet_variable(zone);
            vec![
                format!(
                    "{variable}=$(aws ec2 create-subnet --vpc-id \"$VPC\" --availability-zone-id {} --cidr-block {cidr} \\\n  \
                     --tag-specifications {} --query Subnet.SubnetId --output text)",
                    shell_quote(&zone.zone_id),
                    shell_quote(&tags)
                ),
                route(&format!("\"${variable}\"")),
            ]
        }
        PodSubnet::There { id, ours: true }
            if !facts.vpc.route_tables.iter().any(|table| table.subnet_ids.contains(id)) =>
        {
            vec![route(id)]
        }
        _ => Vec::new(),
    }
}

fn set_env(facts: &Facts) -> Vec<String> {
    match env_owner(&facts.cni) {
        EnvOwner::Addon => update_addon("file://env/addon-configuration.json"),
        EnvOwner::DaemonSet => vec![
            "kubectl --namespace kube-system patch daemonset aws-node --patch-file env/daemonset-patch.yaml".into(),
        ],
        EnvOwner::Release { tool, name } => vec![
            format!("# {tool} {} would revert a change made here: commit env/helm-values.yaml there.", one_line(&name)),
            "if ! kubectl --namespace kube-system get daemonset aws-node --output yaml | grep -A 1 CUSTOM_NETWORK_CFG | grep -q true; then".into(),
            "  echo 'commit env/helm-values.yaml where aws-node is managed, then run this script again' >&2\n  exit 1\nfi".into(),
        ],
    }
}

/// Updates only the configuration values of the add-on.
fn update_addon(values: &str) -> Vec<String> {
    vec![
        "# An update without the add-on's role would remove it.".into(),
        "ADDON_ROLE=$(aws eks describe-addon --cluster-name \"$CLUSTER\" --addon-name vpc-cni \\\n  \
             --query addon.serviceAccountRoleArn --output text)"
            .into(),
        "[ \"$ADDON_ROLE\" != None ] || ADDON_ROLE=".into(),
        format!(
            "aws eks update-addon --cluster-name \"$CLUSTER\" --addon-name vpc-cni --resolve-conflicts PRESERVE \\\n  \
             ${{ADDON_ROLE:+--service-account-role-arn \"$ADDON_ROLE\"}} \\\n  \
             --configuration-values {values}"
        ),
        "aws eks wait addon-active --cluster-name \"$CLUSTER\" --addon-name vpc-cni".into(),
    ]
}

/// Replaces control characters, so that text in a comment can't end it.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Sets the variables of the zones' subnets, created by this run or an earlier one.
fn subnets(design: &Design) -> impl Iterator<Item = String> {
    design.zones.iter().filter_map(|zone| {
        let PodSubnet::New { cidr } = &zone.pod_subnet else { return None };
        let variable = subnet_variable(zone);
        Some(format!("{variable}=${{{variable}:-$(retry subnet {cidr})}}"))
    })
}

fn write_eniconfigs(design: &Design, facts: &Facts) -> Vec<String> {
    let mut lines: Vec<String> = subnets(design).collect();
    if facts.addon_creates_eniconfigs() {
        lines.extend(update_addon(&format!("\"$(fill {ADDON_FIRST})\"")));
        return lines;
    }
    let first = design.first_groups(facts);
    for zone in &design.zones {
        let file = shell_quote(&format!("eniconfigs/{}.yaml", zone.eniconfig));
        if first == groups(design, facts) {
            lines.push(format!("fill {file} | kubectl apply --filename -"));
            continue;
        }
        // The node security group is created one step later.
        let subnet = zone.pod_subnet.id().map_or_else(|| format!("${}", subnet_variable(zone)), Into::into);
        let object = json!({
            "apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig",
            "metadata": { "name": zone.eniconfig },
            "spec": { "subnet": "SUBNET", "securityGroups": first },
        });
        let object = shell_quote(&object.to_string()).replace("SUBNET", &format!("'\"{subnet}\"'"));
        lines.push(format!("kubectl apply --filename - <<< {object}"));
    }
    lines
}

/// Reads the outputs of the base stack that files need.
fn outputs(design: &Design) -> Vec<String> {
    let base = shell_quote(&design.base_stack);
    let group = format!("{NODE_SECURITY_GROUP}=$(stack_output {base} NodeSecurityGroupId)");
    let profile = format!("{INSTANCE_PROFILE}=$(stack_output {base} InstanceProfileArn)");
    let role = format!("{NEW_ROLE}=$(stack_output {base} NodeRoleArn)");
    let is_managed = design.pools.iter().any(|pool| pool.kind.is_managed());
    iter::once(group)
        .chain(design.creates_role().then_some(profile))
        .chain((design.creates_role() && is_managed).then_some(role))
        .collect()
}

fn launch(design: &Design, facts: &Facts) -> Vec<String> {
    let there = |stack: &String| facts.node_groups.stacks.contains_key(stack);
    let mut lines = Vec::new();
    if !there(&design.base_stack) {
        lines.push(stack(&design.base_stack, "file://cloudformation/base.yaml", &design.tags()));
        lines.push(stack_is_complete(&design.base_stack, "create"));
    } else if steps::lacks_role(design, facts) {
        let parameters = steps::base_parameters(design, facts, true);
        let given: Vec<String> = parameters.iter().map(|(name, value)| parameter(name, value)).collect();
        lines.push(update_stack(&design.base_stack, &given));
        lines.push(stack_is_complete(&design.base_stack, "update"));
    }
    lines.extend(outputs(design));
    for role in design.roles(facts) {
        match role {
            Some(role) if steps::is_authorised(facts, &role) => {}
            Some(role) => lines.extend(authorise(facts, &shell_quote(&role))),
            None => {
                let output = format!("$(stack_output {} NodeRoleArn)", shell_quote(&design.base_stack));
                lines.extend(authorise(facts, &output));
            }
        }
    }
    let new: Vec<_> = design.groups().filter(|(_, group)| !there(&group.stack)).collect();
    lines.extend(new.iter().map(|(pool, group)| {
        let template = format!("\"$(fill {})\"", shell_quote(&template_file(&group.stack)));
        stack(&group.stack, &template, &design.group_tags(pool, group))
    }));
    lines.extend(new.iter().map(|(_, group)| stack_is_complete(&group.stack, "create")));
    lines
}

fn stack(name: &str, template: &str, tags: &[(String, String)]) -> String {
    let tags: Vec<_> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    format!(
        "aws cloudformation create-stack --stack-name {} --template-body {template} \\\n  \
         --parameters \"$(fill {})\" --capabilities {BASE_CAPABILITY} \\\n  --tags {}",
        shell_quote(name),
        shell_quote(&parameters_file(name)),
        shell_quote(&json!(tags).to_string())
    )
}

fn update_stack(name: &str, parameters: &[String]) -> String {
    format!(
        "aws cloudformation update-stack --stack-name {} --use-previous-template --capabilities {BASE_CAPABILITY} \\\n  --parameters {}",
        shell_quote(name),
        parameters.join(" \\\n    ")
    )
}

/// In the shorthand of `--parameters`.
fn parameter(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace(',', "\\,");
    shell_quote(&format!("ParameterKey={name},ParameterValue={value}"))
}

fn stack_is_complete(name: &str, verb: &str) -> String {
    format!("aws cloudformation wait stack-{verb}-complete --stack-name {}", shell_quote(name))
}

/// Allows nodes with a role to join. EKS accepts a new IAM role only after some seconds. `role`: for the shell.
fn authorise(facts: &Facts, role: &str) -> Vec<String> {
    let role = format!("NODE_ROLE_ARN={role}");
    match facts.cluster.authentication {
        Authentication::ConfigMap => vec![
            role,
            "# Works if the entries of mapRoles are not indented, as EKS writes them.".into(),
            "ROLES=$(kubectl --namespace kube-system get configmap aws-auth --output jsonpath='{.data.mapRoles}')".into(),
            "ENTRY=$(printf -- '- rolearn: %s\\n  username: system:node:{{EC2PrivateDNSName}}\\n  groups: [system:bootstrappers, system:nodes]' \"$NODE_ROLE_ARN\")".into(),
            "ENTRIES=$(printf '%s\\n%s\\n' \"$ROLES\" \"$ENTRY\" | sed 's/^/    /')".into(),
            "if ! grep -qF \"$NODE_ROLE_ARN\" <<< \"$ROLES\"; then".into(),
            "  kubectl --namespace kube-system patch configmap aws-auth --patch \"$(printf 'data:\\n  mapRoles: |\\n%s\\n' \"$ENTRIES\")\"".into(),
            "fi".into(),
        ],
        _ => vec![
            role,
            "retry aws eks create-access-entry --cluster-name \"$CLUSTER\" --principal-arn \"$NODE_ROLE_ARN\" --type EC2_LINUX"
                .into(),
        ],
    }
}

fn patch(design: &Design, facts: &Facts) -> Vec<String> {
    let mut lines: Vec<String> = subnets(design).collect();
    lines.extend(outputs(design));
    if facts.addon_creates_eniconfigs() {
        lines.extend(update_addon(&format!("\"$(fill {ADDON_LAST})\"")));
    } else {
        for zone in &design.zones {
            let file = shell_quote(&format!("eniconfigs/{}.yaml", zone.eniconfig));
            lines.push(format!("fill {file} | kubectl apply --filename -"));
        }
    }
    let growing: Vec<(&PoolDesign, &GroupDesign)> =
        design.groups().filter(|(_, group)| steps::grows(facts, group)).collect();
    for (_, group) in &growing {
        let sizes = templates::sizes(group.min_size, group.size, group.max_size);
        let given = sizes.iter().map(|(name, value)| parameter(name, value));
        // A stack of an earlier version has further parameters.
        let there = facts.node_groups.stacks.get(&group.stack);
        let kept = there
            .into_iter()
            .flat_map(|stack| stack.parameters.keys())
            .filter(|name| !SIZES.contains(&name.as_str()))
            .map(|name| format!("ParameterKey={name},UsePreviousValue=true"));
        let parameters: Vec<String> = kept.chain(given).collect();
        lines.push(update_stack(&group.stack, &parameters));
    }
    lines.extend(growing.iter().map(|(_, group)| stack_is_complete(&group.stack, "update")));
    lines.extend(growing.iter().filter(|(_, group)| group.size > 0).map(|(pool, group)| ready(pool, group)));
    lines
}

fn ready(pool: &PoolDesign, group: &GroupDesign) -> String {
    match pool.kind.is_managed() {
        true => format!(
            "retry managed_nodes_are_ready {} {}",
            shell_quote(&node_group_name(&group.stack)),
            group.size
        ),
        false => format!("retry nodes_are_ready {} {}", shell_quote(&group.stack), group.size),
    }
}

fn drain(scene: &Scene<'_>) -> Vec<String> {
    let Scene { design, facts, settings, .. } = *scene;
    let nodes: Vec<_> = facts.nodes.iter().filter(|node| design.drained.contains(&node.name)).collect();
    let names: Vec<String> = nodes.iter().map(|node| shell_quote(&node.name)).collect();
    if names.is_empty() {
        return [karpenter::replace(scene), delete_groups(scene)].concat();
    }
    let mut flags = String::from("--ignore-daemonsets");
    for (flag, set) in [
        ("--delete-emptydir-data", settings.drain.delete_emptydir_data),
        ("--force", settings.drain.evict_bare_pods),
        ("--disable-eviction", settings.drain.disable_eviction),
    ] {
        if set {
            flags.push(' ');
            flags.push_str(flag);
        }
    }
    let mut lines = vec![
        "# Cordon all old nodes first, so that no pod moves to another old node.".to_string(),
        format!("kubectl cordon {}", names.join(" ")),
    ];
    lines.extend(local_claims(scene));
    lines.push(
        "# kubectl drain respects only PodDisruptionBudgets: a workload without one loses all its pods at once."
            .to_string(),
    );
    lines.push(format!("kubectl drain {flags} {}", names.join(" ")));
    lines.extend(terminate(facts, &nodes));
    lines.extend(karpenter::replace(scene));
    lines.extend(delete_groups(scene));
    lines
}

fn delete_groups(scene: &Scene<'_>) -> Vec<String> {
    let cluster = shell_quote(&scene.facts.cluster.name);
    let delete = |name: &String| {
        format!("aws eks delete-nodegroup --cluster-name {cluster} --nodegroup-name {}", shell_quote(name))
    };
    scene.design.deleted.iter().map(delete).collect()
}

/// Deletes claims on local disks of drained nodes: StatefulSets create new ones when the claims and pods are gone.
fn local_claims(scene: &Scene<'_>) -> Vec<String> {
    let Scene { design, facts, settings, .. } = *scene;
    let local = LocalData::of(facts, &design.drained);
    let leaving = facts
        .pods
        .iter()
        .filter(|pod| settings.drain.delete_local_volumes && design.drained.contains(&pod.node));
    let claims = leaving.flat_map(|pod| local.replaceable(pod));
    let delete = |(claim, _): (String, String)| {
        let (namespace, name) = claim.split_once('/')?;
        Some(format!("kubectl -n {} delete pvc {} --wait=false", shell_quote(namespace), shell_quote(name)))
    };
    claims.filter_map(delete).collect()
}

/// Terminates drained nodes through their owners, so that they are not replaced.
fn terminate(facts: &Facts, nodes: &[&Node]) -> Vec<String> {
    let mut managed: BTreeMap<String, i32> = BTreeMap::new();
    let mut grouped: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut lines = Vec::new();
    for node in nodes {
        let id = node.instance_id.as_deref();
        match (node_owner(facts, node), id) {
            (NodeOwner::Managed(name), _) => *managed.entry(name).or_default() += 1,
            (NodeOwner::Group(name), id) => grouped.entry(name).or_default().extend(id),
            (NodeOwner::NodeClaim(claim), _) => {
                lines.push(format!("kubectl delete nodeclaim {}", shell_quote(&claim)));
            }
            (NodeOwner::Unowned, Some(id)) => {
                lines.push(format!("aws ec2 terminate-instances --instance-ids {}", shell_quote(id)));
            }
            (NodeOwner::Unowned, None) => {}
        }
    }
    for (name, ids) in &grouped {
        let Some(group) = facts.node_groups.groups.get(name) else { continue };
        let left = (group.desired - i32::try_from(ids.len()).unwrap_or(i32::MAX)).max(0);
        // Auto Scaling refuses a desired capacity below the minimum.
        if left < group.min {
            lines.push(format!(
                "aws autoscaling update-auto-scaling-group --auto-scaling-group-name {} --min-size {left}",
                shell_quote(name)
            ));
        }
        lines.extend(ids.iter().map(|id| {
            format!(
                "aws autoscaling terminate-instance-in-auto-scaling-group --instance-id {} \\\n  --should-decrement-desired-capacity",
                shell_quote(id)
            )
        }));
    }
    for group in &facts.node_groups.managed {
        let Some(going) = managed.get(&group.name) else { continue };
        let desired = (group.desired - going).max(0);
        lines.push(format!(
            "aws eks update-nodegroup-config --cluster-name \"$CLUSTER\" --nodegroup-name {} \\\n  --scaling-config minSize={},maxSize={},desiredSize={desired}",
            shell_quote(&group.name),
            group.min.min(desired),
            group.max.max(1),
        ));
    }
    lines
}
