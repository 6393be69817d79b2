"""The old nodes: a managed node group, a self-managed one in its CloudFormation stack, or both."""

from __future__ import annotations

import base64
import re
import uuid
from pathlib import Path
from typing import Any

import yaml

from . import amis, asg_engine, asg_hooks, eks_access, eks_max_pods, eks_user_data
from .asg_model import Group
from .eks_model import Cluster, Nodegroup
from .world import Context, World

CNI_POLICY = "AmazonEKS_CNI_Policy"
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly", CNI_POLICY,
                 "AmazonSSMManagedInstanceCore")


def run(world: World, context: Context) -> None:
    shape = world.shape
    world.ids.update(managed_nodegroups=[], self_managed_asgs=[], old_node_role_arn=None, old_node_roles=[])
    if shape.auto_mode:
        return
    cluster = world.home.clusters[shape.cluster]
    role = role_of_nodes(world, context, "old-nodes")
    world.ids["old_node_role_arn"] = role
    if shape.authentication_mode != "CONFIG_MAP":
        eks_access.make(context, cluster, role, "EC2_LINUX")
    if shape.karpenter:
        from . import seed_karpenter

        seed_karpenter.run(world, context, cluster, role)
        return
    if shape.pools != "plain":
        from . import seed_pools

        seed_pools.run(world, context, cluster, role)
        return
    if shape.old_nodes in ("managed", "both"):
        _managed(world, context, cluster, role)
    if shape.old_nodes in ("self-managed", "both"):
        _self_managed(world, context, cluster)


def subnets(world: World) -> list[str]:
    kind = "public_subnets" if world.shape.public_nodes else "private_subnets"
    return list(world.ids[kind].values())


def role_of_nodes(world: World, context: Context, name: str) -> str:
    """A node role of the cluster, with its instance profile."""
    name = f"{world.shape.cluster}-{name}"
    arn = node_role(world, context, name)
    context.call("iam", "CreateInstanceProfile", {"InstanceProfileName": name})
    context.call("iam", "AddRoleToInstanceProfile", {"InstanceProfileName": name, "RoleName": name})
    return arn


def node_role(world: World, context: Context, name: str) -> str:
    from .seed import trust

    arn = context.call("iam", "CreateRole", {"RoleName": name, "AssumeRolePolicyDocument": trust(
        "ec2.amazonaws.com")})["Role"]["Arn"]
    for policy in NODE_POLICIES:
        # "We recommend that you create a separate IAM role for the CNI" (EKS user guide, "Amazon EKS node IAM role").
        if policy == CNI_POLICY and world.shape.irsa:
            continue
        context.call("iam", "AttachRolePolicy", {"RoleName": name, "PolicyArn": f"arn:aws:iam::aws:policy/{policy}"})
    world.ids["old_node_roles"].append(arn)
    return arn


def node_config(cluster: Cluster, extra: dict[str, Any] | None = None) -> str:
    """AL2023's user data: MIME with a NodeConfig ("Specify launch template user data", EKS user guide)."""
    config: dict[str, Any] = {
        "apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig",
        "spec": {"cluster": {"apiServerEndpoint": cluster.endpoint, "certificateAuthority": cluster.ca,
                             "cidr": cluster.service_cidr, "name": cluster.name}, **(extra or {})}}
    text = yaml.safe_dump(config, sort_keys=False, width=10_000)
    return ('MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="//"\n\n--//\n'
            f"Content-Type: application/node.eks.aws\n\n---\n{text}\n--//--\n")


def _template(context: Context, name: str, data: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    spec = [{"ResourceType": "launch-template", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}] if tags else []
    return context.call("ec2", "CreateLaunchTemplate", {
        "LaunchTemplateName": name, "LaunchTemplateData": data, "TagSpecifications": spec})["LaunchTemplate"]


def _arch(instance_type: str) -> str:
    """Graviton families have a g after their generation: m7g, c6gn, r8gd."""
    return "arm64" if re.match(r"[a-z]+\d+g|a1\.", instance_type) else "x86_64"


def _image(world: World) -> str:
    shape = world.shape
    arch = _arch(shape.instance_type)
    variant = "nvidia" if re.match(r"(g(?!4ad)|gr|p)\d", shape.instance_type) else "standard"
    path = f"/aws/service/eks/optimized-ami/{shape.kubernetes_version}/amazon-linux-2023/{arch}/{variant}/recommended"
    found = amis.parameters().get(f"{path}/image_id")
    return found or amis.parameters()[path.replace(shape.kubernetes_version, amis.VERSIONS[-1]) + "/image_id"]


def _managed(world: World, context: Context, cluster: Cluster, role: str) -> None:
    shape, name, uid = world.shape, "old-managed", uuid.uuid4()
    group_name = f"eks-{name}-{uid}"
    max_pods = {"kubelet": {"config": {"maxPods": eks_max_pods.recommended(context, [shape.instance_type], {}),
                                       "clusterDNS": [eks_user_data.dns(cluster)]},
                            "flags": [f"--node-labels=eks.amazonaws.com/nodegroup={name},"
                                      "eks.amazonaws.com/capacityType=ON_DEMAND"]}}
    tags = {"eks:cluster-name": cluster.name, "eks:nodegroup-name": name}
    owned = f"kubernetes.io/cluster/{cluster.name}"
    template = _template(context, f"eks-{uid}", {
        "ImageId": _image(world), "InstanceType": shape.instance_type,
        "SecurityGroupIds": [cluster.security_group], "IamInstanceProfile": {"Name": role.split("/")[-1]},
        "UserData": base64.b64encode(node_config(cluster, max_pods).encode()).decode(),
        "MetadataOptions": {"HttpPutResponseHopLimit": 2, "HttpTokens": "required"},
        "TagSpecifications": [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}
                              for kind in ("instance", "volume")]}, tags)
    count = shape.nodes_per_az * len(shape.azs)
    group = _group(world, group_name, template, 1, max(count * 2, 3), count)
    asg_hooks.of_eks(group)
    group.tags = {"eks:cluster-name": (cluster.name, True), "eks:nodegroup-name": (name, True), owned: ("owned", True),
                  "k8s.io/cluster-autoscaler/enabled": ("true", True),
                  f"k8s.io/cluster-autoscaler/{cluster.name}": ("owned", True)}
    arn = f"arn:aws:eks:{shape.region}:{shape.account}:nodegroup/{cluster.name}/{name}/{uid}"
    labels = {"eks.amazonaws.com/nodegroup": name, "eks.amazonaws.com/capacityType": "ON_DEMAND"}
    cluster.nodegroups[name] = Nodegroup(name, arn, group_name, role, subnets(world), [shape.instance_type],
                                         "AL2023_x86_64_STANDARD" if _arch(shape.instance_type) == "x86_64" else
                                         "AL2023_ARM_64_STANDARD", labels=labels, image=_image(world),
                                         own_template=template["LaunchTemplateId"])
    world.ids["managed_nodegroups"].append(name)


def _group(world: World, name: str, template: dict[str, Any], low: int, high: int, desired: int) -> Group:
    shape = world.shape
    spec = {"LaunchTemplateId": template["LaunchTemplateId"], "LaunchTemplateName": template["LaunchTemplateName"],
            "Version": "1"}
    group = Group(name, shape.region, shape.account, low, high, desired, spec, subnets(world), list(shape.azs))
    world.home.groups[name] = group
    world.after(0.0, lambda: asg_engine.reconcile(world, group))
    return group


def _self_managed(world: World, context: Context, cluster: Cluster) -> None:
    """As in AWS's node group template: a node security group tagged for the cluster, with rules in both directions."""
    shape = world.shape
    count = shape.nodes_per_az * len(shape.azs)
    parameters = {
        "Cluster": cluster.name, "ClusterGroup": cluster.security_group, "Vpc": cluster.vpc,
        "Subnets": ",".join(subnets(world)), "Image": _image(world), "InstanceType": shape.instance_type,
        "Profile": f"{shape.cluster}-old-nodes", "Max": str(max(3 * len(shape.azs), 2 * count)),
        "Desired": str(count), "UserData": node_config(cluster)}
    from .cfn import engine

    template = (Path(__file__).parent / "old_nodes.yaml").read_text()
    stack = engine.create_now(context, f"{shape.cluster}-old-nodes", template, parameters)
    world.ids["self_managed_asgs"].append(stack.physical_id("NodeGroup"))


