"""The Auto Scaling API: groups, tags, processes, activities."""

from __future__ import annotations

from typing import Any

from . import asg_configurations, asg_engine, asg_hooks, asg_mixed, consistency, ec2_instances, filters, paging
from .asg_model import Group, groups, now, require
from .ec2_templates import version_of
from .errors import AwsError
from .moto_patches import ec2
from .registry import implements
from .world import Context

PROCESSES = ("Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck",
             "InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions")


def _subnets(context: Context, text: str) -> tuple[list[str], list[str]]:
    ids = [s.strip() for s in text.split(",") if s.strip()]
    store = ec2(context)
    zones = {s: z for z, subnets in store.subnets.items() for s in subnets}
    for subnet in ids:
        if subnet not in zones:
            raise AwsError("ValidationError", f"The subnet ID '{subnet}' does not exist")
    return ids, [store.subnets[zones[s]][s].availability_zone for s in ids]


def _template(context: Context, spec: dict[str, Any], override: str | None = None,
              by_attributes: bool = False) -> dict[str, str]:
    """Checks the launch template as CreateAutoScalingGroup does, with the checks of RunInstances."""
    try:
        version = version_of(context, spec)
        data = version["LaunchTemplateData"]
        if not data.get("ImageId"):
            raise AwsError("MissingParameter", "The request must contain the parameter ImageId")
        instance_type = override or data.get("InstanceType")
        if not by_attributes and (instance_type or not data.get("InstanceRequirements")):
            ec2_instances._check_image(ec2(context), data["ImageId"], instance_type or "m1.small")
        ec2_instances._profile(context, data.get("IamInstanceProfile"))
        groups_named = data.get("SecurityGroupIds") or [
            g for i in data.get("NetworkInterfaces", []) for g in i.get("Groups", [])]
        for group in groups_named:
            if ec2(context).get_security_group_from_id(group) is None:
                raise AwsError("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
    except AwsError as error:
        raise AwsError("ValidationError",
                       f"You must use a valid fully-formed launch template. {error.message}") from error
    return _named(version, spec)


def _named(version: dict[str, Any], spec: dict[str, Any]) -> dict[str, str]:
    """A launch template as DescribeAutoScalingGroups names it."""
    return {"LaunchTemplateId": version["LaunchTemplateId"], "LaunchTemplateName": version["LaunchTemplateName"],
            "Version": str(spec.get("Version") or "$Default")}


# Settings that the engine does not act on. DescribeAutoScalingGroups shows them as they were given.
_SETTINGS = ("PlacementGroup", "MaxInstanceLifetime", "Context", "DesiredCapacityType", "DefaultInstanceWarmup",
             "InstanceMaintenancePolicy", "AvailabilityZoneDistribution", "AvailabilityZoneImpairmentPolicy",
             "CapacityReservationSpecification", "LoadBalancerNames", "TargetGroupARNs", "TrafficSources",
             "DeletionProtection", "ServiceLinkedRoleARN", "InstanceLifecyclePolicy")


def _launch(context: Context, params: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any] | None]:
    """The launch template and the mixed instances policy of a request; neither with a launch configuration."""
    if params.get("LaunchConfigurationName"):
        asg_configurations.require(context, params["LaunchConfigurationName"])
        return {}, None
    if not params.get("MixedInstancesPolicy"):
        return _template(context, params["LaunchTemplate"]), None
    mixed = asg_mixed.checked(context, params["MixedInstancesPolicy"])
    body = mixed["LaunchTemplate"]
    base = body["LaunchTemplateSpecification"]
    for override in body.get("Overrides") or [{}]:
        spec = override.get("LaunchTemplateSpecification") or base
        # "Launch templates that request Spot Instances" are incompatible with a policy (API reference).
        if version_of(context, spec)["LaunchTemplateData"].get("InstanceMarketOptions"):
            raise AwsError("ValidationError",
                           "Incompatible launch template: You cannot use a launch template that is set to request Spot "
                           "Instances (InstanceMarketOptions) when you configure an Auto Scaling group with a mixed "
                           "instances policy. Add a different launch template to the group and try again.")
        _template(context, spec, override.get("InstanceType"), "InstanceRequirements" in override)
    return _named(version_of(context, base), base), mixed


def _check_sizes(minimum: int, maximum: int, desired: int) -> None:
    if minimum > maximum:
        raise AwsError("ValidationError", f"Max bound, {maximum}, must be greater than or equal to min bound, {minimum}")
    if not minimum <= desired <= maximum:
        raise AwsError("ValidationError", f"Desired capacity:{desired} must be between the specified min size:{minimum} "
                                          f"and max size:{maximum}")


@implements("autoscaling", "CreateAutoScalingGroup")
def create(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    name = params["AutoScalingGroupName"]
    if name in groups(context):
        raise AwsError("AlreadyExists", f"AutoScalingGroup by this name already exists - A group with the name {name} "
                                        "already exists")
    mixed = params.get("MixedInstancesPolicy")
    if not params.get("LaunchTemplate") and not mixed and not params.get("LaunchConfigurationName"):
        raise AwsError("ValidationError", "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, "
                                          "InstanceId or MixedInstancesPolicy parameter.")
    if not params.get("VPCZoneIdentifier"):
        raise AwsError("ValidationError", "At least one Availability Zone or VPC Subnet is required.")
    minimum, maximum = params["MinSize"], params["MaxSize"]
    desired = params.get("DesiredCapacity", minimum)
    _check_sizes(minimum, maximum, desired)
    subnets, zones = _subnets(context, params["VPCZoneIdentifier"])
    template, policy = _launch(context, params)
    group = Group(name, context.region, context.account, minimum, maximum, desired, template, subnets, zones, mixed=policy,
                  protect_new=params.get("NewInstancesProtectedFromScaleIn", False),
                  health_check=params.get("HealthCheckType", "EC2"), grace=params.get("HealthCheckGracePeriod", 0),
                  cooldown=params.get("DefaultCooldown", 300), policies=params.get("TerminationPolicies", ["Default"]),
                  capacity_rebalance=params.get("CapacityRebalance", False))
    group.configuration = params.get("LaunchConfigurationName", "")
    group.settings = {k: params[k] for k in _SETTINGS if k in params}
    for one in params.get("LifecycleHookSpecificationList", []):
        group.hooks[one["LifecycleHookName"]] = asg_hooks.hook(
            one["LifecycleHookName"], name, one["LifecycleTransition"], one.get("HeartbeatTimeout", 3600),
            one.get("DefaultResult", "ABANDON"))
    _put_tags(context, group, params.get("Tags", []))
    groups(context)[name] = group
    asg_engine.wake(context.world, group)
    return {}


@implements("autoscaling", "UpdateAutoScalingGroup")
def update(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = require(context, params["AutoScalingGroupName"])
    minimum, maximum = params.get("MinSize", group.minimum), params.get("MaxSize", group.maximum)
    # Without a desired capacity in the request, a new bound can change it ("UpdateAutoScalingGroup").
    desired = params.get("DesiredCapacity", min(max(group.desired, minimum), maximum))
    _check_sizes(minimum, maximum, desired)
    if any(params.get(k) for k in ("LaunchTemplate", "MixedInstancesPolicy", "LaunchConfigurationName")):
        group.template, group.mixed = _launch(context, params)
        group.configuration = params.get("LaunchConfigurationName", "")
        weights = {o.get("InstanceType"): o.get("WeightedCapacity") for o in group.overrides()}
        for member in group.members:
            weight = weights.get(member.instance_type)
            member.weight = int(weight) if weight else None
    if params.get("VPCZoneIdentifier"):
        group.subnets, group.subnet_zones = _subnets(context, params["VPCZoneIdentifier"])
    group.minimum, group.maximum, group.desired = minimum, maximum, desired
    group.protect_new = params.get("NewInstancesProtectedFromScaleIn", group.protect_new)
    group.health_check = params.get("HealthCheckType", group.health_check)
    group.grace = params.get("HealthCheckGracePeriod", group.grace)
    group.cooldown = params.get("DefaultCooldown", group.cooldown)
    group.policies = params.get("TerminationPolicies", group.policies)
    group.capacity_rebalance = params.get("CapacityRebalance", group.capacity_rebalance)
    group.settings.update({k: params[k] for k in _SETTINGS if k in params})
    asg_engine.wake(context.world, group)
    return {}


@implements("autoscaling", "SetDesiredCapacity")
def set_desired(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = require(context, params["AutoScalingGroupName"])
    wanted = params["DesiredCapacity"]
    if wanted > group.maximum:
        raise AwsError("ValidationError", f"New SetDesiredCapacity value {wanted} is above max value {group.maximum} for "
                                          "the AutoScalingGroup.")
    if wanted < group.minimum:
        raise AwsError("ValidationError", f"New SetDesiredCapacity value {wanted} is below min value {group.minimum} for "
                                          "the AutoScalingGroup.")
    group.desired = wanted
    asg_engine.wake(context.world, group)
    return {}


@implements("autoscaling", "DeleteAutoScalingGroup")
def delete(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = require(context, params["AutoScalingGroupName"])
    if group.members and not params.get("ForceDelete"):
        raise AwsError("ResourceInUse", "You cannot delete an AutoScalingGroup while there are instances or pending Spot "
                                        "instance request(s) still in the group.")
    group.status = "Delete in progress"
    group.minimum = group.desired = 0
    for member in group.members:
        member.protected = False
    asg_engine.wake(context.world, group)
    return {}


@implements("autoscaling", "DescribeAutoScalingGroups")
def describe(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    rows = consistency.seen(context, [g.shown() for g in groups(context).values()], "AutoScalingGroupName")
    names = params.get("AutoScalingGroupNames")
    if names:
        rows = [r for r in rows if r["AutoScalingGroupName"] in names or r["AutoScalingGroupARN"] in names]
    rows = [r for r in rows if _filtered(r, params.get("Filters", []))]
    rows, token = paging.page(params, sorted(rows, key=lambda r: r["AutoScalingGroupName"]),
                              ("groups", repr(names), repr(params.get("Filters"))), size="MaxRecords")
    return {"AutoScalingGroups": rows, **({"NextToken": token} if token else {})}


def _filtered(row: dict[str, Any], wanted: list[dict[str, Any]]) -> bool:
    for one in wanted:
        if not (one["Name"].startswith("tag:") or one["Name"] in ("tag-key", "tag-value")):
            raise AwsError("ValidationError", f"Filter type {one['Name']} is not correct. Allowed Filter types are: "
                                              "tag-key, tag-value, tag:<key>")
    return filters.matches(row, wanted, {})


@implements("autoscaling", "DescribeScalingActivities")
def activities(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    name = params.get("AutoScalingGroupName")
    wanted = params.get("ActivityIds")
    rows = [a.shown() for g in groups(context).values() if name in (None, g.name, g.arn) for a in g.activities
            if not wanted or a.id in wanted]
    rows, token = paging.page(params, rows, ("activities", name, repr(wanted)), size="MaxRecords")
    return {"Activities": rows, **({"NextToken": token} if token else {})}


@implements("autoscaling", "SuspendProcesses", "ResumeProcesses")
def processes(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = require(context, params["AutoScalingGroupName"])
    named = params.get("ScalingProcesses") or list(PROCESSES)
    unknown = [p for p in named if p not in PROCESSES]
    if unknown:
        raise AwsError("ValidationError", f"Process name {unknown[0]} is not valid.")
    for process in named:
        if context.operation == "SuspendProcesses":
            group.suspended[process] = f"User suspended at {now():%Y-%m-%dT%H:%M:%SZ}"
        else:
            group.suspended.pop(process, None)
    asg_engine.wake(context.world, group)
    return {}


def _put_tags(context: Context, group: Group, tags: list[dict[str, Any]]) -> None:
    for tag in tags:
        if tag["Key"].startswith("aws:") and context.caller is not None:
            raise AwsError("ValidationError", "Tag key cannot start with the reserved prefix: aws:")
        group.tags[tag["Key"]] = (tag.get("Value", ""), tag.get("PropagateAtLaunch", False))


@implements("autoscaling", "CreateOrUpdateTags")
def put_tags(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    for tag in params["Tags"]:
        _put_tags(context, require(context, tag.get("ResourceId", "")), [tag])
    return {}


@implements("autoscaling", "DeleteTags")
def delete_tags(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    for tag in params["Tags"]:
        require(context, tag.get("ResourceId", "")).tags.pop(tag["Key"], None)
    return {}


@implements("autoscaling", "DescribeTags")
def describe_tags(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    paths = {"auto-scaling-group": "ResourceId", "key": "Key", "value": "Value", "propagate-at-launch": "PropagateAtLaunch"}
    wanted = params.get("Filters", [])
    rows = [t for g in groups(context).values() for t in g.shown_tags()
            if all(str(t[paths[f["Name"]]]).lower() in [v.lower() for v in f["Values"]] for f in wanted)]
    rows, token = paging.page(params, rows, ("tags", repr(wanted)), size="MaxRecords")
    return {"Tags": rows, **({"NextToken": token} if token else {})}


@implements("autoscaling", "DescribePolicies", "DescribeScheduledActions", "DescribeInstanceRefreshes",
            "DescribeNotificationConfigurations")
def none_of_these(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"DescribePolicies": {"ScalingPolicies": []},
            "DescribeNotificationConfigurations": {"NotificationConfigurations": []},
            "DescribeScheduledActions": {"ScheduledUpdateGroupActions": []},
            "DescribeInstanceRefreshes": {"InstanceRefreshes": []}}[context.operation]


def _reader(context: Context, name: str) -> dict[str, Any] | None:
    group = groups(context).get(name)
    return group.shown() if group else None


consistency.READERS["autoscaling"] = _reader
for _operation in ("CreateAutoScalingGroup", "UpdateAutoScalingGroup", "SetDesiredCapacity", "SuspendProcesses",
                   "ResumeProcesses"):
    consistency.TOUCHES["autoscaling", _operation] = lambda c, p: [p["AutoScalingGroupName"]]
consistency.TOUCHES["autoscaling", "CreateOrUpdateTags"] = lambda c, p: [t.get("ResourceId", "") for t in p["Tags"]]
consistency.TOUCHES["autoscaling", "TerminateInstanceInAutoScalingGroup"] = lambda c, p: [
    g.name for g in groups(c).values() if g.member(p["InstanceId"])]
