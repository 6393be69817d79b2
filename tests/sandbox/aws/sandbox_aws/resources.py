"""Which actions on which resources an operation needs, and its condition keys.

Source: the Service Authorization Reference's tables for each service. Resources that can't be determined
from the request are None: then any pattern for the service matches.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import resource_tags

if TYPE_CHECKING:
    from .world import World

Need = tuple[str, "list[str] | None", dict[str, list[str]]]

_EC2_KINDS = {"vpc": "vpc", "subnet": "subnet", "rtb": "route-table", "sg": "security-group", "eni": "network-interface",
              "i": "instance", "lt": "launch-template", "igw": "internet-gateway", "nat": "natgateway", "vol": "volume",
              "eipalloc": "elastic-ip", "sgr": "security-group-rule", "pcx": "vpc-peering-connection", "acl": "network-acl"}
_EC2_ID = re.compile(rf"(?:{'|'.join(_EC2_KINDS)})-[0-9a-f]{{8,17}}")
# The ARN resource type of what a create call creates.
EC2_MAKES = {"CreateSubnet": "subnet", "CreateSecurityGroup": "security-group", "CreateVpc": "vpc",
              "CreateLaunchTemplate": "launch-template", "CreateNetworkInterface": "network-interface",
              "CreateRouteTable": "route-table", "RunInstances": "instance", "CreateNatGateway": "natgateway",
              "CreateNetworkAcl": "network-acl", "CreateFleet": "fleet"}
# If a request refers to more than what it acts on: the relevant members.
_ACTS_ON = {"CreateLaunchTemplate": (), "CreateLaunchTemplateVersion": ("LaunchTemplateId",),
            "CreateRoute": ("RouteTableId",), **{f"{verb}SecurityGroup{way}": ("GroupId",) for way in ("Ingress", "Egress")
                                                 for verb in ("Authorize", "Revoke")}}
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


def _acts_on(operation: str, params: dict[str, Any]) -> list[str]:
    members = _ACTS_ON.get(operation)
    return list(dict.fromkeys(ids_in(params if members is None else [params.get(m) for m in members])))


def needed(world: World, service: str, operation: str, params: dict[str, Any], region: str) -> list[Need]:
    keys = {"aws:RequestedRegion": [region], **_request_tags(params)}
    if service == "ec2":
        keys["ec2:Region"] = [region]
    prefix = "servicequotas" if service == "service-quotas" else service
    arns = _arns(world, service, operation, params, region)
    # Each resource is checked separately, with its tags.
    ids = _acts_on(operation, params) if service == "ec2" and not operation.startswith("Describe") else []
    keys.update(_of_request(service, operation, params))
    needs: list[Need] = [(f"{prefix}:{operation}", [_ec2_arn(i, f"{region}:{world.shape.account}")],
                          {**keys, **resource_tags.of_ec2(world, i, region)}) for i in ids]
    if arns != []:
        needs.append((f"{prefix}:{operation}", arns, {**keys, **resource_tags.of(world, service, params, region)}))
    if service == "ec2" and params.get("TagSpecifications") and operation != "CreateTags":
        own = f"arn:aws:ec2:{region}:{world.shape.account}"
        for kind in sorted({s["ResourceType"] for s in params["TagSpecifications"] if s.get("ResourceType")}):
            needs.append(("ec2:CreateTags", [f"{own}:{kind}/*"], {**keys, "ec2:CreateAction": [operation]}))
    if service == "eks" and operation in ("CreateAccessEntry", "CreateAddon", "CreateNodegroup") and params.get("tags"):
        needs.append(("eks:TagResource", arns, keys))
    if service == "iam" and operation in ("CreateRole", "CreateUser", "CreatePolicy", "CreateInstanceProfile") and \
            params.get("Tags"):
        needs.append((f"iam:Tag{operation.removeprefix('Create')}", arns, keys))
    if service == "autoscaling":
        # "Control Amazon EC2 launch template usage", Auto Scaling user guide: the caller must be allowed to run
        # the instances, to tag them, and to pass the role of their instance profile.
        for spec in _templates(params):
            needs += _launch(world, spec, region)
    if service == "ec2" and operation == "CreateFleet":
        # "Prerequisites for EC2 Fleet", EC2 user guide: the caller runs the instances and passes their role.
        for config in params.get("LaunchTemplateConfigs", []):
            needs += _launch(world, config.get("LaunchTemplateSpecification", {}), region)
    if service == "eks" and operation == "CreateNodegroup":
        needs += _nodegroup(world, params, region)
    if service == "eks" and operation in ("CreateAddon", "UpdateAddon") and params.get("serviceAccountRoleArn"):
        needs.append(("iam:PassRole", [params["serviceAccountRoleArn"]], {"iam:PassedToService": ["eks.amazonaws.com"]}))
    passed = params.get(_PASSES.get((service, operation), ""))
    if passed:
        arn = passed if passed.startswith("arn:") else f"arn:aws:iam::{world.shape.account}:role/{passed}"
        service_name = {"iam": "ec2", "eks": "eks", "cloudformation": "cloudformation"}[service]
        needs.append(("iam:PassRole", [arn], {"iam:PassedToService": [f"{service_name}.amazonaws.com"]}))
    return needs


def _of_request(service: str, operation: str, params: dict[str, Any]) -> dict[str, list[str]]:
    """Keys of single operations (Service Authorization Reference)."""
    if service == "eks" and operation == "CreateAccessEntry":
        keys = {"eks:accessEntryType": [params.get("type", "STANDARD")], "eks:principalArn": [params["principalArn"]]}
        return {**keys, **({"eks:kubernetesGroups": params["kubernetesGroups"]} if params.get("kubernetesGroups") else {})}
    if service == "iam" and operation in ("AttachRolePolicy", "DetachRolePolicy"):
        return {"iam:PolicyARN": [params["PolicyArn"]]}
    return {}


def _nodegroup(world: World, params: dict[str, Any], region: str) -> list[Need]:
    """EKS reads and tries in the caller's name (handlers of AWS::EKS::Nodegroup; "Tagging Amazon EC2 instances", EKS user
    guide: with a launch template ec2:RunInstances and ec2:CreateTags)."""
    here = {"aws:RequestedRegion": [region]}
    needs: list[Need] = [(f"iam:{action}", [params["nodeRole"]], here) for action in ("GetRole", "ListAttachedRolePolicies")]
    needs.append(("ec2:DescribeSubnets", ["*"], here))
    given = params.get("launchTemplate", {})
    spec = {"LaunchTemplateId": given.get("id"), "LaunchTemplateName": given.get("name"), "Version": given.get("version")}
    spec = {k: v for k, v in spec.items() if v}
    if spec:
        needs += [("ec2:DescribeLaunchTemplateVersions", ["*"], here), *_launch(world, spec, region)]
    return needs


def _templates(params: dict[str, Any]) -> list[dict[str, Any]]:
    """The launch templates that a request about an Auto Scaling group names."""
    mixed = params.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
    found = [params.get("LaunchTemplate"), mixed.get("LaunchTemplateSpecification"),
             *(o.get("LaunchTemplateSpecification") for o in mixed.get("Overrides", []))]
    return [spec for spec in found if spec]


def _launch(world: World, spec: dict[str, Any], region: str) -> list[Need]:
    from . import callers, ec2_templates
    from .errors import AwsError
    from .world import Context

    here = {"aws:RequestedRegion": [region]}
    named = spec.get("LaunchTemplateId") or spec.get("LaunchTemplateName", "")
    own = f"arn:aws:ec2:{region}:{world.shape.account}"
    run = {**here, "ec2:LaunchTemplate": [f"{own}:launch-template/{named}"]}
    needs: list[Need] = [("ec2:RunInstances", [f"{own}:instance/*"], run)]
    try:
        data = ec2_templates.version_data(Context(world, "ec2", "", region), spec)
    except AwsError:  # set by the operation itself
        return needs
    # Each resource of the launch is checked separately (Service Authorization Reference, RunInstances).
    used = [f"{own}:network-interface/*", f"{own}:volume/*", f"{own}:launch-template/{named}"]
    used += [_ec2_arn(group, f"{region}:{world.shape.account}") for group in data.get("SecurityGroupIds", [])]
    if data.get("ImageId"):
        used.append(f"arn:aws:ec2:{region}::image/{data['ImageId']}")
    needs.append(("ec2:RunInstances", used, run))
    for kind in sorted({s["ResourceType"] for s in data.get("TagSpecifications", []) if s.get("ResourceType")}):
        needs.append(("ec2:CreateTags", [f"{own}:{kind}/*"], {**here, "ec2:CreateAction": ["RunInstances"]}))
    named = data.get("IamInstanceProfile", {})
    name = (named.get("Arn") or named.get("Name") or "").split("/")[-1]
    profile = callers.iam(world.shape.account).instance_profiles.get(name)
    return needs + [("iam:PassRole", [r.arn], {"iam:PassedToService": ["ec2.amazonaws.com"]})
                    for r in (profile.roles if profile else [])]


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


def _ec2_arn(resource_id: str, here: str) -> str:
    return f"arn:aws:ec2:{here}:{_EC2_KINDS[resource_id.split('-')[0]]}/{resource_id}"


def _arns(world: World, service: str, operation: str, params: dict[str, Any], region: str) -> list[str] | None:
    """The resources of the operation; for EC2 only those that it creates, the rest is known by id."""
    account = world.shape.account
    here = f"{region}:{account}"
    if service == "ec2":
        if operation.startswith("Describe"):
            return ["*"]
        if operation in EC2_MAKES:
            return [f"arn:aws:ec2:{here}:{EC2_MAKES[operation]}/*"]
        return [] if _acts_on(operation, params) else None
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
        if params.get("PolicySourceArn"):
            return [params["PolicySourceArn"]]
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
        group = resource_tags.group_of(world, params, region)
        name = group.name if group else params.get("AutoScalingGroupName")
        if operation.startswith("Describe") or not name:
            return ["*"] if operation.startswith("Describe") else None
        return [f"arn:aws:autoscaling:{here}:autoScalingGroup:*:autoScalingGroupName/{name}"]
    if service == "ssm":
        names = params.get("Names") or [params.get("Name") or params.get("Path") or "*"]
        public = all(n.startswith("/aws/service") for n in names)
        return [f"arn:aws:ssm:{region}::parameter{n}" for n in names] if public else None
    return ["*"] if operation.startswith(("Describe", "List", "Get")) else None
