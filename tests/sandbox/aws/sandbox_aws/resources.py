"""Which actions on which resources an operation needs, and the condition keys that go with it.

Source: the Service Authorization Reference's tables for each service. Resources that can't be told
from the request are None: any pattern for the service matches then.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .world import World

Need = tuple[str, "list[str] | None", dict[str, list[str]]]

_EC2_KINDS = {"vpc": "vpc", "subnet": "subnet", "rtb": "route-table", "sg": "security-group", "eni": "network-interface",
              "i": "instance", "lt": "launch-template", "igw": "internet-gateway", "nat": "natgateway", "vol": "volume",
              "eipalloc": "elastic-ip", "sgr": "security-group-rule", "pcx": "vpc-peering-connection"}
_EC2_ID = re.compile(rf"(?:{'|'.join(_EC2_KINDS)})-[0-9a-f]{{8,17}}")
# What a create call makes, as its resource type in ARNs.
_EC2_MAKES = {"CreateSubnet": "subnet", "CreateSecurityGroup": "security-group", "CreateVpc": "vpc",
              "CreateLaunchTemplate": "launch-template", "CreateNetworkInterface": "network-interface",
              "CreateRouteTable": "route-table", "RunInstances": "instance", "CreateNatGateway": "natgateway"}
_PASSES = {("iam", "AddRoleToInstanceProfile"): "RoleName", ("eks", "CreateNodegroup"): "nodeRole",
           ("cloudformation", "CreateStack"): "RoleARN", ("cloudformation", "UpdateStack"): "RoleARN"}


def ids_in(value: Any) -> list[str]:
    """Every EC2 resource id anywhere in a value."""
    if isinstance(value, str):
        return [value] if _EC2_ID.fullmatch(value) else []
    if isinstance(value, dict):
        return [i for v in value.values() for i in ids_in(v)]
    if isinstance(value, list):
        return [i for v in value for i in ids_in(v)]
    return []


def needed(world: World, service: str, operation: str, params: dict[str, Any], region: str) -> list[Need]:
    keys = {"aws:RequestedRegion": [region], **_request_tags(params)}
    if service == "ec2":
        keys["ec2:Region"] = [region]
    prefix = "servicequotas" if service == "service-quotas" else service
    arns = _arns(world, service, operation, params, region)
    needs: list[Need] = [(f"{prefix}:{operation}", arns, keys)]
    if service == "ec2" and params.get("TagSpecifications") and operation != "CreateTags":
        needs.append(("ec2:CreateTags", None, {**keys, "ec2:CreateAction": [operation]}))
    if service == "eks" and operation in ("CreateAccessEntry", "CreateAddon", "CreateNodegroup") and params.get("tags"):
        needs.append(("eks:TagResource", arns, keys))
    if service == "autoscaling" and params.get("LaunchTemplate"):
        # "Launch template support", Auto Scaling user guide: the caller must be allowed to run the instances.
        needs.append(("ec2:RunInstances", None, {"aws:RequestedRegion": [region]}))
    passed = params.get(_PASSES.get((service, operation), ""))
    if passed:
        arn = passed if passed.startswith("arn:") else f"arn:aws:iam::{world.shape.account}:role/{passed}"
        service_name = {"iam": "ec2", "eks": "eks", "cloudformation": "cloudformation"}[service]
        needs.append(("iam:PassRole", [arn], {"iam:PassedToService": [f"{service_name}.amazonaws.com"]}))
    return needs


def _request_tags(params: dict[str, Any]) -> dict[str, list[str]]:
    found: dict[str, str] = {}
    for spec in params.get("TagSpecifications", []):
        found.update({t.get("Key", ""): t.get("Value", "") for t in spec.get("Tags", [])})
    tags = params.get("Tags", params.get("tags"))
    if isinstance(tags, dict):
        found.update(tags)
    elif isinstance(tags, list):
        found.update({t.get("Key", ""): t.get("Value", "") for t in tags if isinstance(t, dict)})
    if not found:
        return {}
    return {"aws:TagKeys": list(found), **{f"aws:RequestTag/{k}": [v] for k, v in found.items()}}


def _arns(world: World, service: str, operation: str, params: dict[str, Any], region: str) -> list[str] | None:
    account = world.shape.account
    here = f"{region}:{account}"
    if service == "ec2":
        if operation.startswith("Describe"):
            return ["*"]
        found = [f"arn:aws:ec2:{here}:{_EC2_KINDS[i.split('-')[0]]}/{i}" for i in dict.fromkeys(ids_in(params))]
        if operation in _EC2_MAKES:
            found.append(f"arn:aws:ec2:{here}:{_EC2_MAKES[operation]}/*")
        return found or None
    if service == "eks":
        cluster = params.get("clusterName") or params.get("name")
        if operation in ("ListClusters", "DescribeAddonVersions", "DescribeAddonConfiguration") or not cluster:
            return ["*"]
        if params.get("principalArn"):
            return [f"arn:aws:eks:{here}:access-entry/{cluster}/*"] if not operation.startswith("Create") else \
                [f"arn:aws:eks:{here}:cluster/{cluster}"]
        if params.get("addonName") and operation != "CreateAddon":
            return [f"arn:aws:eks:{here}:addon/{cluster}/{params['addonName']}/*"]
        if params.get("nodegroupName") and operation != "CreateNodegroup":
            return [f"arn:aws:eks:{here}:nodegroup/{cluster}/{params['nodegroupName']}/*"]
        return [f"arn:aws:eks:{here}:cluster/{cluster}"]
    if service == "iam":
        for member, kind in (("RoleName", "role"), ("InstanceProfileName", "instance-profile"), ("UserName", "user")):
            if params.get(member) and (kind != "role" or "InstanceProfileName" not in params):
                return [f"arn:aws:iam::{account}:{kind}/{params[member]}"]
        return None if operation.startswith("Create") else ["*"]
    if service == "cloudformation":
        stack = params.get("StackName", "")
        if stack.startswith("arn:"):
            return [stack]
        return [f"arn:aws:cloudformation:{here}:stack/{stack}/*"] if stack else ["*"]
    if service == "autoscaling":
        name = params.get("AutoScalingGroupName")
        if operation.startswith("Describe") or not name:
            return ["*"] if operation.startswith("Describe") else None
        return [f"arn:aws:autoscaling:{here}:autoScalingGroup:*:autoScalingGroupName/{name}"]
    if service == "ssm":
        name = params.get("Name", "*")
        return [f"arn:aws:ssm:{region}::parameter{name}"] if name.startswith("/aws/service") else None
    return ["*"] if operation.startswith(("Describe", "List", "Get")) else None
