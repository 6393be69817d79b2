"""What a cluster with Karpenter has in AWS (shape `karpenter`): roles, tags, and what the controller itself runs on.

As in "Getting Started with Karpenter". beside: a managed node group for critical add-ons. alone: a Fargate profile for
the controller, and no node group.
"""

from __future__ import annotations

import json
from typing import Any

from . import callers, eks_access, seed_pools
from .eks_fargate import Profile
from .eks_model import Cluster
from .seed_nodes import node_role
from .world import Context, World

_DISCOVERY = "karpenter.sh/discovery"
# The actions of KarpenterControllerPolicy. The real one limits them to resources with the cluster's tags.
_ACTIONS = [
    "ec2:CreateFleet", "ec2:CreateLaunchTemplate", "ec2:CreateTags", "ec2:DeleteLaunchTemplate", "ec2:Describe*",
    "ec2:RunInstances", "ec2:TerminateInstances", "eks:DescribeCluster", "iam:AddRoleToInstanceProfile",
    "iam:CreateInstanceProfile", "iam:DeleteInstanceProfile", "iam:GetInstanceProfile", "iam:ListInstanceProfiles",
    "iam:PassRole", "iam:RemoveRoleFromInstanceProfile", "iam:TagInstanceProfile", "pricing:GetProducts",
    "ssm:GetParameter"]


def run(world: World, context: Context, cluster: Cluster, system_role: str) -> None:
    """`system_role` is the role of the managed node group."""
    _node_role(world, context, cluster)
    _controller_role(world, context, cluster)
    # Where EC2NodeClasses find their subnets and security groups.
    context.call("ec2", "CreateTags", {
        "Resources": [*world.ids["private_subnets"].values(), cluster.security_group],
        "Tags": [{"Key": _DISCOVERY, "Value": cluster.name}]})
    if world.shape.karpenter == "alone":
        _fargate(world, context, cluster)
        return
    count = len(world.shape.azs)
    seed_pools.Pools(world, context, cluster, system_role).managed(
        "system", instanceTypes=[world.shape.instance_type], labels={"role": "system"},
        scalingConfig={"minSize": 1, "maxSize": max(2 * count, 3), "desiredSize": count},
        taints=[{"key": "CriticalAddonsOnly", "value": "true", "effect": "NO_SCHEDULE"}])


def _node_role(world: World, context: Context, cluster: Cluster) -> None:
    """Karpenter makes the instance profile itself."""
    arn = node_role(world, context, f"KarpenterNodeRole-{cluster.name}")
    if world.shape.authentication_mode != "CONFIG_MAP":
        eks_access.make(context, cluster, arn, "EC2_LINUX")


def _controller_role(world: World, context: Context, cluster: Cluster) -> None:
    name = callers.CONTROLLER_ROLE + cluster.name
    namespace = "karpenter" if world.shape.karpenter == "alone" else "kube-system"
    issuer = f"oidc.eks.{world.shape.region}.amazonaws.com/id/{cluster.id}"
    trust = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": f"arn:aws:iam::{world.shape.account}:oidc-provider/{issuer}"},
        "Condition": {"StringEquals": {f"{issuer}:sub": f"system:serviceaccount:{namespace}:karpenter"}}}]}
    arn = context.call("iam", "CreateRole", {"RoleName": name, "AssumeRolePolicyDocument": json.dumps(trust)})["Role"]["Arn"]
    context.call("iam", "PutRolePolicy", {"RoleName": name, "PolicyName": "KarpenterControllerPolicy", "PolicyDocument": json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": _ACTIONS, "Resource": "*"}]})})
    # What the service account's token would be exchanged for.
    session = context.moto("AssumeRole", {"RoleArn": arn, "RoleSessionName": "karpenter"}, "sts")
    world.ids["keys"]["karpenter"] = {
        "access_key_id": session["Credentials"]["AccessKeyId"], "arn": session["AssumedRoleUser"]["Arn"],
        "secret_access_key": session["Credentials"]["SecretAccessKey"],
        "session_token": session["Credentials"]["SessionToken"]}


def _fargate(world: World, context: Context, cluster: Cluster) -> None:
    """"AWS Fargate" in "Getting Started with Karpenter": nothing else has to run before Karpenter does."""
    from .seed import trust

    name = f"{cluster.name}-fargate"
    role = context.call("iam", "CreateRole", {"RoleName": name, "AssumeRolePolicyDocument": trust(
        "eks-fargate-pods.amazonaws.com")})["Role"]["Arn"]
    if world.shape.authentication_mode != "CONFIG_MAP":
        eks_access.make(context, cluster, role, "FARGATE_LINUX")
    arn = f"arn:aws:eks:{world.shape.region}:{world.shape.account}:fargateprofile/{cluster.name}/karpenter/{cluster.id}"
    selectors: list[dict[str, Any]] = [{"namespace": "karpenter", "labels": {}}]
    cluster.fargate["karpenter"] = Profile("karpenter", arn, role, list(world.ids["private_subnets"].values()), selectors)
