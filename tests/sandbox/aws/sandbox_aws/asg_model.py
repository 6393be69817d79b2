"""Auto Scaling groups, their members and activities, and how responses show them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from .errors import AwsError
from .world import Context, World

# Members that count towards the group's size.
ACTIVE = ("Pending", "InService")


def now() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)


@dataclass
class Member:
    instance_id: str
    zone: str
    instance_type: str
    template: dict[str, str]
    state: str = "Pending"
    health: str = "Healthy"
    protected: bool = False
    balancing: bool = False  # launched beyond the desired capacity, to balance the zones
    configuration: str = ""
    weight: int | None = None  # capacity units; None: the group has no weights
    spot: bool = False
    hooks: set[str] = field(default_factory=set)  # terminate hooks that it waits for
    go_on: Callable[[], None] | None = None  # once they are completed
    activity: Activity | None = None

    def shown(self) -> dict[str, Any]:
        return {"InstanceId": self.instance_id, "InstanceType": self.instance_type, "AvailabilityZone": self.zone,
                "LifecycleState": self.state, "HealthStatus": self.health, "ProtectedFromScaleIn": self.protected,
                **({"LaunchTemplate": self.template} if self.template else {}),
                **({"LaunchConfigurationName": self.configuration} if self.configuration else {}),
                **({} if self.weight is None else {"WeightedCapacity": str(self.weight)})}

    @property
    def units(self) -> int:
        return 1 if self.weight is None else self.weight


@dataclass
class Activity:
    group: str
    description: str
    cause: str
    status: str = "InProgress"
    message: str = ""
    progress: int = 0
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    start: datetime = field(default_factory=now)
    end: datetime | None = None

    def finish(self, status: str = "Successful", message: str = "") -> None:
        self.status, self.message, self.progress, self.end = status, message, 100, now()

    def shown(self) -> dict[str, Any]:
        row = {"ActivityId": self.id, "AutoScalingGroupName": self.group, "Description": self.description,
               "Cause": self.cause, "StartTime": self.start, "StatusCode": self.status, "Progress": self.progress,
               "Details": "{}", "AutoScalingGroupState": ""}
        if self.message:
            row["StatusMessage"] = self.message
        if self.end:
            row["EndTime"] = self.end
        return {k: v for k, v in row.items() if v != ""}


@dataclass
class Group:
    name: str
    region: str
    account: str
    minimum: int
    maximum: int
    desired: int
    template: dict[str, str]  # LaunchTemplateId, LaunchTemplateName, Version as asked for; empty with a configuration
    subnets: list[str]
    subnet_zones: list[str]  # of each subnet
    tags: dict[str, tuple[str, bool]] = field(default_factory=dict)  # key -> (value, propagate at launch)
    members: list[Member] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)  # newest first
    suspended: dict[str, str] = field(default_factory=dict)
    protect_new: bool = False
    health_check: str = "EC2"
    grace: int = 0
    cooldown: int = 300
    policies: list[str] = field(default_factory=lambda: ["Default"])
    capacity_rebalance: bool = False
    status: str | None = None  # "Delete in progress"
    created: datetime = field(default_factory=now)
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))
    mixed: dict[str, Any] | None = None  # MixedInstancesPolicy
    configuration: str = ""  # launch configuration
    hooks: dict[str, dict[str, Any]] = field(default_factory=dict)  # lifecycle hooks by name
    warm_pool: dict[str, Any] | None = None  # WarmPoolConfiguration
    settings: dict[str, Any] = field(default_factory=dict)  # others, shown as they were given
    notifications: list[dict[str, Any]] = field(default_factory=list)
    metrics: set[str] = field(default_factory=set)
    retry_pending: bool = False
    balance_pending: bool = False

    def overrides(self) -> list[dict[str, Any]]:
        return self.mixed["LaunchTemplate"].get("Overrides", []) if self.mixed else []

    def capacity(self) -> int:
        return sum(m.units for m in self.active())

    @property
    def zones(self) -> list[str]:
        return sorted(set(self.subnet_zones))

    @property
    def arn(self) -> str:
        return (f"arn:aws:autoscaling:{self.region}:{self.account}:autoScalingGroup:{self.uid}"
                f":autoScalingGroupName/{self.name}")

    def active(self) -> list[Member]:
        return [m for m in self.members if m.state in ACTIVE]

    def member(self, instance_id: str) -> Member | None:
        return next((m for m in self.members if m.instance_id == instance_id), None)

    def shown_tags(self) -> list[dict[str, Any]]:
        return [{"ResourceId": self.name, "ResourceType": "auto-scaling-group", "Key": k, "Value": v,
                 "PropagateAtLaunch": p} for k, (v, p) in sorted(self.tags.items())]

    def shown(self) -> dict[str, Any]:
        row: dict[str, Any] = {
            "AutoScalingGroupName": self.name, "AutoScalingGroupARN": self.arn, "MinSize": self.minimum,
            "MaxSize": self.maximum, "DesiredCapacity": self.desired, "DefaultCooldown": self.cooldown,
            "AvailabilityZones": self.zones, "LoadBalancerNames": [], "TargetGroupARNs": [], "TrafficSources": [],
            "HealthCheckType": self.health_check, "HealthCheckGracePeriod": self.grace,
            "Instances": [m.shown() for m in self.members], "CreatedTime": self.created,
            "SuspendedProcesses": [{"ProcessName": p, "SuspensionReason": r} for p, r in sorted(self.suspended.items())],
            "VPCZoneIdentifier": ",".join(self.subnets),
            "EnabledMetrics": [{"Metric": m, "Granularity": "1Minute"} for m in sorted(self.metrics)], "Tags": self.shown_tags(),
            "TerminationPolicies": self.policies, "NewInstancesProtectedFromScaleIn": self.protect_new,
            "ServiceLinkedRoleARN": f"arn:aws:iam::{self.account}:role/aws-service-role/autoscaling.amazonaws.com/"
                                    "AWSServiceRoleForAutoScaling",
            "CapacityRebalance": self.capacity_rebalance,
            **self._launch(), **self.settings}
        if self.warm_pool is not None:
            row.update(WarmPoolConfiguration=self.warm_pool, WarmPoolSize=0)
        if self.status:
            row["Status"] = self.status
        return row

    def _launch(self) -> dict[str, Any]:
        if self.configuration:
            return {"LaunchConfigurationName": self.configuration}
        if not self.mixed:
            return {"LaunchTemplate": self.template}
        body = {**self.mixed["LaunchTemplate"], "LaunchTemplateSpecification": self.template}
        return {"MixedInstancesPolicy": {**self.mixed, "LaunchTemplate": body}}


def groups(context: Context) -> dict[str, Group]:
    return context.world.regions[context.region].groups


def require(context: Context, name: str) -> Group:
    found = groups(context).get(name)
    if found is None:
        raise AwsError("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    return found


def owner(world: World, instance_id: str) -> tuple[Group, Member] | None:
    for region in world.regions.values():
        for group in region.groups.values():
            member = group.member(instance_id)
            if member:
                return group, member
    return None
