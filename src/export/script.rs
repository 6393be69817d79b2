//! `commands.sh`: the script around the steps' commands. Pure.

use super::commands::commands;
use crate::design::Design;
use crate::plan::Plan;
use crate::scene::Scene;
use crate::shell::shell_quote;

/// Shell functions that the commands use.
const FUNCTIONS: &str = r#"
# Retries a command for ten minutes until it succeeds: AWS is eventually consistent.
retry() {
  local try
  for try in $(seq 200); do
    if "$@"; then return; fi
    sleep 3
  done
  echo "timed out: $*" >&2
  return 1
}

block_is_associated() {
  local state="Vpcs[0].CidrBlockAssociationSet[?CidrBlock=='$1'].CidrBlockState.State"
  [ "$(aws ec2 describe-vpcs --vpc-ids "$VPC" --query "$state" --output text)" = associated ]
}

# Prints the id of the subnet with a CIDR block; fails if there is none yet.
subnet() {
  local id
  id=$(aws ec2 describe-subnets --filters "Name=vpc-id,Values=$VPC" "Name=cidr-block,Values=$1" \
    --query 'Subnets[0].SubnetId' --output text)
  [ "$id" != None ] && echo "$id"
}

stack_output() {
  aws cloudformation describe-stacks --stack-name "$1" \
    --query "Stacks[0].Outputs[?OutputKey=='$2'].OutputValue" --output text
}

# Succeeds if at least $2 nodes of the Auto Scaling group $1 are Ready.
group_is_ready() {
  local ids id nodes ready=0
  ids=$(aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names "$1" \
    --query 'AutoScalingGroups[0].Instances[].InstanceId' --output text)
  nodes=$(kubectl get nodes --output jsonpath='{range .items[*]}{.spec.providerID} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}')
  for id in $ids; do
    if grep -q "/$id True" <<< "$nodes"; then ready=$((ready + 1)); fi
  done
  [ "$ready" -ge "$2" ]
}

# Succeeds if at least $2 nodes of the stack's group are Ready.
nodes_are_ready() {
  group_is_ready "$(stack_output "$1" AutoScalingGroupName)" "$2"
}

# The same for the managed node group $1.
managed_nodes_are_ready() {
  local group
  group=$(aws eks describe-nodegroup --cluster-name "$CLUSTER" --nodegroup-name "$1" \
    --query 'nodegroup.resources.autoScalingGroups[0].name' --output text)
  group_is_ready "$group" "$2"
}

# Prints a file with its placeholders replaced by this script's variables.
fill() {
  local text name
  text=$(< "$1")
  for name in $NAMES; do
    text=${text//"\${$name}"/${!name:-}}
  done
  printf '%s\n' "$text"
}
"#;

pub(super) fn script(plan: &Plan, scene: &Scene<'_>) -> String {
    let Scene { design, facts, settings: _, .. } = *scene;
    let mut out = format!(
        "#!/usr/bin/env bash
# AWS's procedure for custom networking, with the values planned for {cluster} by eni-custom {version}.
# Runs all steps, or the given ones: ./commands.sh 1 2
set -euo pipefail
cd \"$(dirname \"$0\")\"

export AWS_REGION={region} AWS_DEFAULT_REGION={region} AWS_PAGER=
CLUSTER={name}
VPC={vpc}
# Placeholders in the files, filled in when their values are known.
NAMES=\"{names}\"
",
        cluster = plan.cluster,
        version = env!("CARGO_PKG_VERSION"),
        region = shell_quote(&plan.region),
        name = shell_quote(&facts.cluster.name),
        vpc = shell_quote(&facts.vpc.id),
        names = names(design).join(" "),
    );
    out.push_str(FUNCTIONS);
    for step in &plan.steps {
        let mut lines = commands(step, scene);
        if lines.is_empty() {
            lines.push("echo 'up to date'".into());
        }
        out.push_str(&format!("\nstep_{}() {{\n", step.number));
        for line in lines.iter().flat_map(|line| line.lines()) {
            out.push_str(&if line.is_empty() { "\n".into() } else { format!("  {line}\n") });
        }
        out.push_str("}\n");
    }
    let numbers: Vec<String> = plan.steps.iter().map(|step| step.number.to_string()).collect();
    out.push_str(&format!(
        "\n[ $# -gt 0 ] || set -- {}\nfor step; do\n  echo \"== step $step\"\n  \"step_$step\"\ndone\n",
        numbers.join(" ")
    ));
    out
}

fn names(design: &Design) -> Vec<String> {
    let subnets = design.zones.iter().map(super::subnet_variable);
    let outputs = [super::NODE_SECURITY_GROUP, super::INSTANCE_PROFILE, super::NEW_ROLE];
    subnets.chain(outputs.map(String::from)).collect()
}
