"""Managed node groups: each is an Auto Scaling group that EKS created."""

from __future__ import annotations

from typing import Any

from . import paging
from .eks_model import Cluster, Nodegroup, Update, now, once, require
from .errors import AwsError
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
        return {}

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
    scaling = _scaling(context, nodegroup)
    return {"nodegroupName": nodegroup.name, "nodegroupArn": nodegroup.arn, "clusterName": cluster.name,
            "version": cluster.version, "releaseVersion": f"{cluster.version}.2-20261108", "createdAt": nodegroup.created,
            "modifiedAt": nodegroup.modified, "status": nodegroup.status, "capacityType": "ON_DEMAND",
            "scalingConfig": scaling, "instanceTypes": nodegroup.instance_types, "subnets": nodegroup.subnets,
            "amiType": nodegroup.ami_type, "nodeRole": nodegroup.role, "labels": nodegroup.labels, "diskSize": 20,
            "resources": {"autoScalingGroups": [{"name": nodegroup.group}]}, "health": {"issues": nodegroup.issues},
            "updateConfig": {"maxUnavailable": 1}, "tags": nodegroup.tags}


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
    unsupported = sorted({"taints", "updateConfig", "nodeRepairConfig", "warmPoolConfig"} & params.keys())
    if unsupported:
        raise AwsError("InvalidRequestException", f"the sandbox does not emulate {', '.join(unsupported)} of a node group",
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
    labels = params.get("labels", {})
    if labels:
        update.params["LabelsToAdd"] = str(labels.get("addOrUpdateLabels", {}))
    cluster.updates.append(update)
    nodegroup.status = "UPDATING"

    def apply() -> None:
        if wanted:
            # Change only what was requested: the group's size may have changed in the meantime.
            sizes = {theirs: wanted[ours] for ours, theirs in _SIZES.items() if ours in wanted}
            context.call("autoscaling", "UpdateAutoScalingGroup", {"AutoScalingGroupName": group.name, **sizes})
        nodegroup.labels.update(labels.get("addOrUpdateLabels", {}))
        for key in labels.get("removeLabels", []):
            nodegroup.labels.pop(key, None)
        nodegroup.sizes = {}
        nodegroup.status, nodegroup.modified, update.status = "ACTIVE", now(), "Successful"

    context.world.after("eks-update", apply)
    return {"update": update.shown()}


@implements("eks", "DeleteNodegroup")
def delete(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = require(context, params["clusterName"])
    nodegroup = _find(cluster, params["nodegroupName"])
    nodegroup.status = "DELETING"
    groups = context.world.regions[context.region].groups
    if nodegroup.group in groups:
        context.call("autoscaling", "DeleteAutoScalingGroup", {"AutoScalingGroupName": nodegroup.group,
                                                               "ForceDelete": True})

    def gone() -> None:
        if nodegroup.group in groups:
            context.world.after("eks-update", gone)
        else:
            cluster.nodegroups.pop(nodegroup.name, None)

    context.world.after("eks-update", gone)
    return {"nodegroup": _shown(context, cluster, nodegroup)}
