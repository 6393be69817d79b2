"""The Auto Scaling API for single instances."""

from __future__ import annotations

from typing import Any

from . import asg_engine, paging
from .asg_model import Group, Member, groups, now, require
from .errors import AwsError
from .registry import implements
from .world import Context


def _find(context: Context, instance_id: str) -> tuple[Group, Member]:
    for group in groups(context).values():
        member = group.member(instance_id)
        if member:
            return group, member
    raise AwsError("ValidationError", f"Instance Id not found - No managed instance found for instance ID: {instance_id}")


@implements("autoscaling", "DescribeAutoScalingInstances")
def describe(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    asked = params.get("InstanceIds")
    rows = [{**m.shown(), "AutoScalingGroupName": g.name} for g in groups(context).values() for m in g.members
            if not asked or m.instance_id in asked]
    rows, token = paging.page(params, sorted(rows, key=lambda r: r["InstanceId"]), ("instances", repr(asked)),
                              size="MaxRecords")
    return {"AutoScalingInstances": rows, **({"NextToken": token} if token else {})}


@implements("autoscaling", "TerminateInstanceInAutoScalingGroup")
def terminate(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group, member = _find(context, params["InstanceId"])
    if params["ShouldDecrementDesiredCapacity"]:
        if group.desired - member.units < group.minimum:
            raise AwsError("ValidationError",
                           f"Currently, desiredSize equals minSize ({group.minimum}). Terminating instance without "
                           "replacement will violate group's min size constraint. Either set "
                           "shouldDecrementDesiredCapacity flag to false or lower group's min size.")
        if member.state in ("Pending", "InService"):
            group.desired -= member.units
    cause = (f"At {now():%Y-%m-%dT%H:%M:%SZ} instance {member.instance_id} was taken out of service in response to a "
             "user request" + (", shrinking the capacity." if params["ShouldDecrementDesiredCapacity"] else "."))
    if member.state.startswith("Terminating") and member.activity:
        activity = member.activity
    else:
        activity = asg_engine.terminate(context.world, group, member, cause)
    asg_engine.wake(context.world, group)
    return {"Activity": activity.shown()}


@implements("autoscaling", "DetachInstances")
def detach(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = require(context, params["AutoScalingGroupName"])
    ids = params.get("InstanceIds", [])
    for instance_id in ids:
        if group.member(instance_id) is None:
            raise AwsError("ValidationError", f"The instance {instance_id} is not part of Auto Scaling group {group.name}.")
    if params["ShouldDecrementDesiredCapacity"]:
        if group.desired - len(ids) < group.minimum:
            raise AwsError("ValidationError", "Detaching the instances would bring the group below its minimum size.")
        group.desired -= len(ids)
    group.members = [m for m in group.members if m.instance_id not in ids]
    for instance_id in ids:
        context.call("ec2", "DeleteTags", {"Resources": [instance_id], "Tags": [{"Key": "aws:autoscaling:groupName"}]})
    asg_engine.wake(context.world, group)
    return {"Activities": []}


@implements("autoscaling", "SetInstanceProtection")
def protect(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = require(context, params["AutoScalingGroupName"])
    for instance_id in params["InstanceIds"]:
        member = group.member(instance_id)
        if member is None:
            raise AwsError("ValidationError", f"The instance {instance_id} is not part of Auto Scaling group {group.name}.")
        member.protected = params["ProtectedFromScaleIn"]
    return {}


@implements("autoscaling", "SetInstanceHealth")
def set_health(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group, member = _find(context, params["InstanceId"])
    member.health = params["HealthStatus"]
    if member.health == "Unhealthy" and member.state == "InService":
        asg_engine.terminate(context.world, group, member, "An instance was taken out of service in response to a user "
                                                           "health-check.")
    return {}
