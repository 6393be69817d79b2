"""Notifications, metrics and load balancers of a group: kept and shown, without an effect."""

from __future__ import annotations

from typing import Any

from .asg_model import groups, require
from .registry import implements
from .world import Context

METRICS = ("GroupMinSize", "GroupMaxSize", "GroupDesiredCapacity", "GroupInServiceInstances", "GroupPendingInstances",
           "GroupStandbyInstances", "GroupTerminatingInstances", "GroupTotalInstances")
# Operation -> (members of the request, setting).
_LISTS = {"LoadBalancerTargetGroups": ("TargetGroupARNs", "TargetGroupARNs"),
          "LoadBalancers": ("LoadBalancerNames", "LoadBalancerNames"), "TrafficSources": ("TrafficSources", "TrafficSources")}


@implements("autoscaling", "PutNotificationConfiguration")
def put_notification(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = require(context, params["AutoScalingGroupName"])
    group.notifications = [n for n in group.notifications if n["TopicARN"] != params["TopicARN"]]
    group.notifications += [{"AutoScalingGroupName": group.name, "TopicARN": params["TopicARN"], "NotificationType": kind}
                            for kind in params["NotificationTypes"]]
    return {}


@implements("autoscaling", "DeleteNotificationConfiguration")
def delete_notification(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = require(context, params["AutoScalingGroupName"])
    group.notifications = [n for n in group.notifications if n["TopicARN"] != params["TopicARN"]]
    return {}


@implements("autoscaling", "DescribeNotificationConfigurations")
def notifications(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = params.get("AutoScalingGroupNames")
    return {"NotificationConfigurations": [n for g in groups(context).values() if not names or g.name in names
                                           for n in g.notifications]}


@implements("autoscaling", "EnableMetricsCollection", "DisableMetricsCollection")
def metrics(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group, named = require(context, params["AutoScalingGroupName"]), set(params.get("Metrics") or METRICS)
    group.metrics = group.metrics | named if context.operation.startswith("Enable") else group.metrics - named
    return {}


@implements("autoscaling", *(f"{verb}{what}" for verb in ("Attach", "Detach") for what in _LISTS))
def balancers(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = require(context, params["AutoScalingGroupName"])
    member, setting = _LISTS[context.operation[6:]]
    had = [x for x in group.settings.get(setting, []) if x not in params[member]]
    group.settings[setting] = had + (params[member] if context.operation.startswith("Attach") else [])
    return {}
