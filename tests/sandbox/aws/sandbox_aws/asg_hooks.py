"""Lifecycle hooks and warm pools of Auto Scaling groups.

An instance that a group terminates waits in Terminating:Wait until every terminate hook is completed or its heartbeat
timeout (3600 s by default) is over; a heartbeat restarts it, up to the global timeout: 48 hours, or 100 times the
heartbeat timeout ("Amazon EC2 Auto Scaling lifecycle hooks", Auto Scaling user guide).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .asg_model import Group, Member, groups, require
from .errors import AwsError
from .registry import implements
from .world import Context, World

_TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
_DAYS = 172_800
# EKS adds this hook to each managed node group's Auto Scaling group, drains the node and completes the hook.
EKS = "Terminate-LC-Hook"


def hook(name: str, group: str, transition: str, heartbeat: int, result: str) -> dict[str, Any]:
    return {"LifecycleHookName": name, "AutoScalingGroupName": group, "LifecycleTransition": transition,
            "HeartbeatTimeout": heartbeat, "GlobalTimeout": min(_DAYS, 100 * heartbeat), "DefaultResult": result}


def of_eks(group: Group) -> None:
    group.hooks[EKS] = hook(EKS, group.name, _TERMINATING, 1800, "CONTINUE")


def hold(world: World, group: Group, member: Member, go_on: Callable[[], None]) -> bool:
    """Whether the member waits for hooks. It continues by itself afterwards."""
    waiting = {n: h for n, h in group.hooks.items() if h["LifecycleTransition"] == _TERMINATING}
    if not waiting:
        return False
    member.state, member.hooks, member.go_on = "Terminating:Wait", set(waiting), go_on
    for name, one in waiting.items():
        seconds = world.seconds("launch") if name == EKS else float(one["HeartbeatTimeout"])
        world.after(seconds, lambda n=name: _complete(member, n))
    return True


def _complete(member: Member, name: str) -> None:
    if name in member.hooks:
        member.hooks.discard(name)
        if not member.hooks and member.go_on:
            member.state = "Terminating:Proceed"
            member.go_on()


@implements("autoscaling", "PutLifecycleHook")
def put(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group, name = require(context, params["AutoScalingGroupName"]), params["LifecycleHookName"]
    old = group.hooks.get(name, {})
    transition = params.get("LifecycleTransition") or old.get("LifecycleTransition")
    if not transition:
        raise AwsError("ValidationError", "LifecycleTransition is required for new lifecycle hooks.")
    group.hooks[name] = hook(name, group.name, transition,
                             params.get("HeartbeatTimeout", old.get("HeartbeatTimeout", 3600)),
                             params.get("DefaultResult", old.get("DefaultResult", "ABANDON")))
    return {}


@implements("autoscaling", "DeleteLifecycleHook")
def delete(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group, name = require(context, params["AutoScalingGroupName"]), params["LifecycleHookName"]
    if group.hooks.pop(name, None) is None:
        raise AwsError("ValidationError", f"No Lifecycle Hook found with name: {name}")
    for member in group.members:
        _complete(member, name)
    return {}


@implements("autoscaling", "DescribeLifecycleHooks")
def describe(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group, names = require(context, params["AutoScalingGroupName"]), params.get("LifecycleHookNames")
    return {"LifecycleHooks": [h for n, h in sorted(group.hooks.items()) if not names or n in names]}


@implements("autoscaling", "CompleteLifecycleAction")
def complete(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group, name = require(context, params["AutoScalingGroupName"]), params["LifecycleHookName"]
    member = group.member(params.get("InstanceId", ""))
    if member is None or name not in member.hooks:
        raise AwsError("ValidationError", f"No active Lifecycle Action found with instance ID {params.get('InstanceId')}")
    _complete(member, name)
    return {}


@implements("autoscaling", "PutWarmPool")
def put_warm_pool(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Only its configuration: the sandbox launches no instances for it."""
    group = require(context, params["AutoScalingGroupName"])
    if group.mixed:
        raise AwsError("ValidationError", "You can't add a warm pool to an Auto Scaling group that has a mixed instances "
                                          "policy.")
    group.warm_pool = {"MinSize": params.get("MinSize", 0), "PoolState": params.get("PoolState", "Stopped"),
                       **{k: params[k] for k in ("MaxGroupPreparedCapacity", "InstanceReusePolicy") if k in params}}
    return {}


@implements("autoscaling", "DeleteWarmPool")
def delete_warm_pool(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    require(context, params["AutoScalingGroupName"]).warm_pool = None
    return {}


@implements("autoscaling", "DescribeWarmPool")
def describe_warm_pool(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = groups(context).get(params["AutoScalingGroupName"])
    return {"Instances": [], **({"WarmPoolConfiguration": group.warm_pool} if group and group.warm_pool else {})}
