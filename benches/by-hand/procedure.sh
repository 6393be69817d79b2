#!/usr/bin/env bash
# AWS's procedure for custom networking on a cluster in use, by hand: EKS user guide, "Customize the secondary network
# interface in Amazon EKS nodes" (cni-custom-network-tutorial), steps 2 to 4, with the choices that it makes: ENIConfigs
# named after their zones, the cluster security group, one managed node group without a launch template.
#
# It does what a careful person does: reads the notes on the page too (route tables of the new subnets, the annotation
# that overrides the label), cordons all old nodes first, and drains them with kubectl's defaults. It needs no time to
# read and type, so only waiting for AWS and Kubernetes takes time.
#
# Usage: procedure.sh CLUSTER CIDR SUBNET_PREFIX COMMANDS
#   CIDR            the secondary block, a /16
#   COMMANDS        file that gets a line for each command that a person would type
set -euo pipefail

cluster_name=$1 cidr=$2 prefix=$3 commands=$4
export AWS_PAGER=
: > "$commands"
cd "$(mktemp -d)"

count() {
  printf '$ %s\n' "$*" >&2
  printf '%s\n' "$*" >> "$commands"
}

# One command that a person types.
typed() {
  count "$@"
  "$@"
}

# The same, tried again until it succeeds: AWS knows what was just created only after a moment. Counts once.
again() {
  count "$@"
  local try
  for try in $(seq 60); do
    "$@" && return
    sleep 1
  done
  echo "never succeeded: $*" >&2
  return 1
}

# "Don't continue to the next step until the output is …". Counts once.
until_output() {
  local wanted=$1
  shift
  count "$@"
  until [ "$("$@" 2> /dev/null)" = "$wanted" ]; do sleep 2; done
}

until_fails() {
  count "$@"
  while "$@" > /dev/null 2>&1; do sleep 2; done
}

# -- Step 2: Configure your VPC

typed aws eks describe-addon --cluster-name "$cluster_name" --addon-name vpc-cni --query addon.addonVersion --output text
vpc_id=$(typed aws eks describe-cluster --name "$cluster_name" --query cluster.resourcesVpcConfig.vpcId --output text)
blocks='Vpcs[*].CidrBlockAssociationSet[*].{CIDRBlock: CidrBlock, State: CidrBlockState.State}'
typed aws ec2 describe-vpcs --vpc-ids "$vpc_id" --query "$blocks" --output table
typed aws ec2 associate-vpc-cidr-block --vpc-id "$vpc_id" --cidr-block "$cidr" > /dev/null
until_output associated aws ec2 describe-vpcs --vpc-ids "$vpc_id" \
  --query "Vpcs[0].CidrBlockAssociationSet[?CidrBlock=='$cidr'].CidrBlockState.State" --output text

# The zones and subnets of the nodes: on a cluster in use there are no variables from step 1.
mapfile -t old < <(typed aws ec2 describe-instances \
  --filters "Name=tag:kubernetes.io/cluster/$cluster_name,Values=owned" Name=instance-state-name,Values=running \
  --query 'Reservations[].Instances[].[Placement.AvailabilityZone,SubnetId,InstanceType]' --output text | sort -u)
zones=() subnets=() types=()
for row in "${old[@]}"; do
  read -r zone subnet type <<< "$row"
  zones+=("$zone") subnets+=("$subnet") types+=("$type")
done

# Splits the block into one subnet for each zone: a /18 is 64 numbers of the third byte, a /17 128.
IFS=. read -r first second _ <<< "${cidr%/*}"
new_subnets=()
for at in "${!zones[@]}"; do
  block="$first.$second.$((at * (1 << (24 - prefix)))).0/$prefix"
  tags="ResourceType=subnet,Tags=[{Key=Name,Value=pods-${zones[at]}},{Key=kubernetes.io/role/internal-elb,Value=1}]"
  new_subnets+=("$(typed aws ec2 create-subnet --vpc-id "$vpc_id" --availability-zone "${zones[at]}" \
    --cidr-block "$block" --tag-specifications "$tags" --query Subnet.SubnetId --output text)")
done
# The page's note: without this, pods could not leave the VPC.
for at in "${!zones[@]}"; do
  table=$(typed aws ec2 describe-route-tables --filters "Name=association.subnet-id,Values=${subnets[at]}" \
    --query 'RouteTables[0].RouteTableId' --output text)
  again aws ec2 associate-route-table --route-table-id "$table" --subnet-id "${new_subnets[at]}" > /dev/null
done
typed aws ec2 describe-subnets --filters "Name=vpc-id,Values=$vpc_id" \
  --query 'Subnets[*].{SubnetId: SubnetId,AvailabilityZone: AvailabilityZone,CidrBlock: CidrBlock}' --output table

# -- Step 3: Configure Kubernetes resources

typed kubectl set env daemonset aws-node -n kube-system AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG=true
security_group=$(typed aws eks describe-cluster --name "$cluster_name" \
  --query cluster.resourcesVpcConfig.clusterSecurityGroupId --output text)
for at in "${!zones[@]}"; do
  cat > "${zones[at]}.yaml" <<YAML
apiVersion: crd.k8s.amazonaws.com/v1alpha1
kind: ENIConfig
metadata:
  name: ${zones[at]}
spec:
  securityGroups:
    - $security_group
  subnet: ${new_subnets[at]}
YAML
  typed kubectl apply -f "${zones[at]}.yaml"
done
typed kubectl get ENIConfigs
typed kubectl describe daemonset aws-node -n kube-system | grep ENI_CONFIG_ANNOTATION_DEF || true
typed kubectl set env daemonset aws-node -n kube-system ENI_CONFIG_LABEL_DEF=topology.kubernetes.io/zone
typed kubectl rollout status daemonset aws-node -n kube-system

# -- Step 4: Deploy Amazon EC2 nodes

cat > trust.json <<'JSON'
{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
JSON
node_role=myCustomNetworkingNodeRole
node_role_arn=$(typed aws iam create-role --role-name "$node_role" --assume-role-policy-document file://trust.json \
  --query Role.Arn --output text)
for policy in AmazonEKSWorkerNodePolicy AmazonEC2ContainerRegistryReadOnly AmazonEKS_CNI_Policy; do
  again aws iam attach-role-policy --policy-arn "arn:aws:iam::aws:policy/$policy" --role-name "$node_role"
done
old_nodegroups=$(typed aws eks list-nodegroups --cluster-name "$cluster_name" --query nodegroups --output text)
old_groups=$(typed aws autoscaling describe-auto-scaling-groups \
  --filters "Name=tag:kubernetes.io/cluster/$cluster_name,Values=owned" \
  --query "AutoScalingGroups[?!not_null(Tags[?Key=='eks:nodegroup-name']|[0])].AutoScalingGroupName" --output text)
mapfile -t old_nodes < <(typed kubectl get nodes --output name)
size=${#old_nodes[@]}
again aws eks create-nodegroup --cluster-name "$cluster_name" --nodegroup-name my-nodegroup \
  --subnets "${subnets[@]}" --instance-types "${types[0]}" --node-role "$node_role_arn" \
  --scaling-config "minSize=$size,maxSize=$((size * 2)),desiredSize=$size" > /dev/null
until_output ACTIVE aws eks describe-nodegroup --cluster-name "$cluster_name" --nodegroup-name my-nodegroup \
  --query nodegroup.status --output text

# "Make sure that you have available nodes that are using the custom networking feature."
typed kubectl get nodes --selector eks.amazonaws.com/nodegroup=my-nodegroup
typed kubectl cordon "${old_nodes[@]}"
for node in "${old_nodes[@]}"; do
  typed kubectl drain "$node" --ignore-daemonsets || echo "kubectl gave up on $node" >&2
done
for group in $old_nodegroups; do
  typed aws eks delete-nodegroup --cluster-name "$cluster_name" --nodegroup-name "$group" > /dev/null
done
for group in $old_groups; do
  typed aws autoscaling update-auto-scaling-group --auto-scaling-group-name "$group" \
    --min-size 0 --max-size 0 --desired-capacity 0
done
for group in $old_nodegroups; do
  until_fails aws eks describe-nodegroup --cluster-name "$cluster_name" --nodegroup-name "$group"
done
for group in $old_groups; do
  until_output 0 aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names "$group" \
    --query 'length(AutoScalingGroups[0].Instances)' --output text
done
typed kubectl get pods -A -o wide
