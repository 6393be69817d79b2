"""Managed node groups: each is an Auto Scaling group that EKS created."""

from __future__ import annotations

import uuid
from typing import Any

from . import amis, eks_nodegroup_make, eks_nodegroup_nodes, paging
from .ec2_templates import version_of
from .eks_model import Cluster, Nodegroup, Update, now, once, require
from .errors import AwsError
from .eks_nodegroup_rules import Rules
from .registry import implements
from .world import Context


# EKS's names of a group's sizes -> Auto Scaling's.
_SIZES = {"minSize": "MinSize", "maxSize": "MaxSize", "desiredSize": "DesiredCapacity"}


def _find(cluster: Cluster, name: str) -> Nodegroup:
    found = cluster.nodegroups.get(name)
    if found is None:
        raise AwsError("ResourceNotFoundException", f"No node group found for name: {name}.", 404,
                       clusterName=cluster.name, nodegroupName=name)
    return found


def _scaling(context: Context, nodegroup: Nodegroup) -> dict[str, int]:
    """EKS notices changes of the Auto Scaling group after a while."""
    world = context.world
    group = world.regions[context.region].groups.get(nodegroup.group)
    if group is None:
        return nodegroup.sizes

    def look() -> None:
        nodegroup.looking = False
        nodegroup.sizes = {"minSize": group.minimum, "maxSize": group.maximum, "desiredSize": group.desired}

    if not nodegroup.sizes or world.shape.aws == "calm":
        look()
    elif not nodegroup.looking and nodegroup.sizes["desiredSize"] != group.desired:
        nodegroup.looking = True
        world.after("eks-update", look)
    return nodegroup.sizes


def _shown(context: Context, cluster: Cluster, nodegroup: Nodegroup) -> dict[str, Any]:
    row = {
        "nodegroupName": nodegroup.name, "nodegroupArn": nodegroup.arn, "clusterName": cluster.name,
        "version": cluster.version, "releaseVersion": _release(context, cluster, nodegroup), "createdAt": nodegroup.created,
        "modifiedAt": nodegroup.modified, "status": nodegroup.status, "capacityType": nodegroup.capacity_type,
        "scalingConfig": _scaling(context, nodegroup), "subnets": nodegroup.subnets, "amiType": nodegroup.ami_type,
        "nodeRole": nodegroup.role, "labels": nodegroup.labels, "health": {"issues": nodegroup.issues},
        "updateConfig": nodegroup.update_config, "nodeRepairConfig": nodegroup.repair, "tags": nodegroup.tags,
        "resources": {"autoScalingGroups": [{"name": nodegroup.group}]} if nodegroup.group else {}}
    if nodegroup.remote_group:
        row["resources"]["remoteAccessSecurityGroup"] = nodegroup.remote_group
    optional = {"taints": nodegroup.taints, "diskSize": nodegroup.disk_size, "remoteAccess": nodegroup.remote_access,
                "launchTemplate": nodegroup.launch_template,
                "instanceTypes": [] if nodegroup.types_in_template else nodegroup.instance_types}
    return {**row, **{k: v for k, v in optional.items() if v}}


def _release(context: Context, cluster: Cluster, nodegroup: Nodegroup) -> str:
    """The image's release; of somebody's own image its id."""
    if nodegroup.ami_type == "CUSTOM":
        return nodegroup.image
    if nodegroup.ami_type.startswith("BOTTLEROCKET"):
        return f"{amis.BOTTLEROCKET}-0a1b2c3d"
    return nodegroup.release or f"{cluster.version}.2-{amis.RELEASE}"


@implements("eks", "CreateNodegroup")
def create(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = require(context, params["clusterName"])
    return once(cluster, "CreateNodegroup", params, lambda: _create(context, cluster, params))


def _create(context: Context, cluster: Cluster, params: dict[str, Any]) -> dict[str, Any]:
    name = params["nodegroupName"]
    if name in cluster.nodegroups:
        raise AwsError("ResourceInUseException", f"NodeGroup already exists with name {name} and cluster name {cluster.name}",
                       409, clusterName=cluster.name, nodegroupName=name)
    template = _given_template(context, cluster, params)
    rules = Rules(context, cluster, params, template)
    rules.check()
    arn = f"arn:aws:eks:{context.region}:{context.account}:nodegroup/{cluster.name}/{name}/{uuid.uuid4()}"
    low, high, desired = rules.sizes()
    group = Nodegroup(
        name, arn, "", params["nodeRole"], params["subnets"], rules.types(), rules.ami_type(),
        labels=dict(params.get("labels", {})), tags=dict(params.get("tags", {})), status="CREATING",
        taints=params.get("taints", []), capacity_type=params.get("capacityType", "ON_DEMAND"),
        disk_size=None if template else params.get("diskSize", 20), remote_access=params.get("remoteAccess"),
        update_config=params.get("updateConfig") or {"maxUnavailable": 1},
        repair=params.get("nodeRepairConfig") or {"enabled": False}, image=rules.image(),
        release=params.get("releaseVersion", ""), types_in_template=bool(rules.data.get("InstanceType")),
        sizes={"minSize": low, "maxSize": high, "desiredSize": desired})
    if template:
        group.launch_template = {"id": template["LaunchTemplateId"], "name": template["LaunchTemplateName"],
                                 "version": str(template["VersionNumber"])}
    cluster.nodegroups[name] = group
    eks_nodegroup_make.start(context, cluster, group, rules.data, (low, high, desired))
    return {"nodegroup": _shown(context, cluster, group)}


def _given_template(context: Context, cluster: Cluster, params: dict[str, Any]) -> dict[str, Any] | None:
    given = params.get("launchTemplate")
    if not given:
        return None
    if bool(given.get("id")) == bool(given.get("name")):
        raise AwsError("InvalidParameterException", "You must specify either the launch template ID or the launch template "
                       "name in the request, but not both.", clusterName=cluster.name, nodegroupName=params["nodegroupName"])
    spec = {"LaunchTemplateId": given.get("id"), "LaunchTemplateName": given.get("name"), "Version": given.get("version")}
    try:
        return version_of(context, {k: v for k, v in spec.items() if v})
    except AwsError as error:
        raise AwsError("InvalidParameterException", error.message, clusterName=cluster.name,
                       nodegroupName=params["nodegroupName"]) from error


@implements("eks", "ListNodegroups")
def list_all(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = require(context, params["clusterName"])
    names, token = paging.page(params, sorted(cluster.nodegroups), ("nodegroups", cluster.name), size="maxResults",
                               token="nextToken", code="InvalidParameterException")
    return {"nodegroups": names, **({"nextToken": token} if token else {})}


@implements("eks", "DescribeNodegroup")
def describe(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = require(context, params["clusterName"])
    return {"nodegroup": _shown(context, cluster, _find(cluster, params["nodegroupName"]))}


@implements("eks", "UpdateNodegroupConfig")
def update_config(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = require(context, params["clusterName"])
    nodegroup = _find(cluster, params["nodegroupName"])
    return once(cluster, "UpdateNodegroupConfig", params, lambda: _update(context, cluster, nodegroup, params))


def _update(context: Context, cluster: Cluster, nodegroup: Nodegroup, params: dict[str, Any]) -> dict[str, Any]:
    if nodegroup.status != "ACTIVE":
        raise AwsError("ResourceInUseException", "Nodegroup cannot be updated as it is currently not in Active State",
                       409, clusterName=cluster.name, nodegroupName=nodegroup.name)
    if "warmPoolConfig" in params:
        raise AwsError("InvalidRequestException", "the sandbox does not emulate warmPoolConfig of a node group",
                       clusterName=cluster.name, nodegroupName=nodegroup.name)
    group = context.world.regions[context.region].groups[nodegroup.group]
    wanted = params.get("scalingConfig", {})
    low, high = wanted.get("minSize", group.minimum), wanted.get("maxSize", group.maximum)
    desired = wanted.get("desiredSize", group.desired)
    if high < 1:
        raise AwsError("InvalidParameterException", "maxSize must be at least 1", nodegroupName=nodegroup.name)
    if low > high:
        raise AwsError("InvalidParameterException", f"Minimum capacity {low} can't be greater than maximum size {high}",
                       nodegroupName=nodegroup.name)
    if not low <= desired <= high:
        raise AwsError("InvalidParameterException",
                       f"desired capacity {desired} can't be less than {low} or greater than {high}",
                       nodegroupName=nodegroup.name)
    update = Update("ConfigUpdate", {k[0].upper() + k[1:]: str(v) for k, v in wanted.items()}, nodegroup=nodegroup.name)
    eks_nodegroup_nodes.name_changes(update, params)
    cluster.updates.append(update)
    nodegroup.status = "UPDATING"

    def apply() -> None:
        if wanted:
            # Change only what was requested: the group's size may have changed in the meantime.
            sizes = {theirs: wanted[ours] for ours, theirs in _SIZES.items() if ours in wanted}
            context.call("autoscaling", "UpdateAutoScalingGroup", {"AutoScalingGroupName": group.name, **sizes})
        eks_nodegroup_nodes.change(context, cluster, nodegroup, params)
        nodegroup.sizes = {}
        nodegroup.status, nodegroup.modified, update.status = "ACTIVE", now(), "Successful"

    context.world.after("eks-update", apply)
    return {"update": update.shown()}


@implements("eks", "DeleteNodegroup")
def delete(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = require(context, params["clusterName"])
    nodegroup = _find(cluster, params["nodegroupName"])
    if nodegroup.status == "DELETING":
        return {"nodegroup": _shown(context, cluster, nodegroup)}
    nodegroup.status = "DELETING"
    groups = context.world.regions[context.region].groups
    if nodegroup.group in groups:
        context.call("autoscaling", "DeleteAutoScalingGroup", {"AutoScalingGroupName": nodegroup.group,
                                                               "ForceDelete": True})

    def gone() -> None:
        if nodegroup.group in groups:
            context.world.after("eks-update", gone)
        elif cluster.nodegroups.pop(nodegroup.name, None):
            eks_nodegroup_make.remove(Context(context.world, "eks", "DeleteNodegroup", context.region), cluster, nodegroup)

    context.world.after("eks-update", gone)
    return {"nodegroup": _shown(context, cluster, nodegroup)}
