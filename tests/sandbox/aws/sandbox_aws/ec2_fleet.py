"""EC2 Fleet of type `instant`: a synchronous request for instances from a list of types and subnets.

"How EC2 Fleet works", EC2 user guide, and CreateFleet in the EC2 API reference. A pool is an instance type in a subnet:
a launch template with one of its overrides.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from . import ec2_prices
from .ec2_templates import version_of
from .errors import AwsError
from .moto_patches import ec2
from .registry import implements
from .world import Context


@dataclass
class Pool:
    template: dict[str, Any]  # launch template version
    override: dict[str, Any]
    zone: str
    instance_type: str

    def shown(self) -> dict[str, Any]:
        """LaunchTemplateAndOverrides of the response."""
        return {"LaunchTemplateSpecification": {"LaunchTemplateId": self.template["LaunchTemplateId"],
                                                "Version": str(self.template["VersionNumber"])},
                "Overrides": {**self.override, "InstanceType": self.instance_type, "AvailabilityZone": self.zone}}


@implements("ec2", "CreateFleet")
def create(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    if params.get("Type", "maintain") != "instant":
        raise AwsError("UnsupportedOperation", "The sandbox emulates only fleets of type instant.")
    pools = _pools(context, params)
    fleet = f"fleet-{uuid.uuid4()}"
    errors: list[dict[str, Any]] = []
    launched: list[tuple[Pool, str, list[str]]] = []
    for lifecycle, count in _targets(params["TargetCapacitySpecification"]).items():
        left = _in_order(context, params, pools, lifecycle)
        while count > 0 and left:
            pool = left[0]
            try:
                ids = _launch(context, params, pool, lifecycle, fleet, count)
            except AwsError as error:
                errors.append({"LaunchTemplateAndOverrides": pool.shown(), "Lifecycle": lifecycle,
                               "ErrorCode": error.code, "ErrorMessage": error.message})
                left.pop(0)
                continue
            launched.append((pool, lifecycle, ids))
            count -= len(ids)
    instances = [{"LaunchTemplateAndOverrides": pool.shown(), "Lifecycle": lifecycle, "InstanceIds": ids,
                  "InstanceType": pool.instance_type} for pool, lifecycle, ids in launched]
    return {"FleetId": fleet, "Errors": errors, "Instances": instances}


def _targets(target: dict[str, Any]) -> dict[str, int]:
    """Number of instances by lifecycle. The default type gets what the two numbers leave of the total."""
    found = {"on-demand": target.get("OnDemandTargetCapacity", 0), "spot": target.get("SpotTargetCapacity", 0)}
    default = target.get("DefaultTargetCapacityType", "on-demand")
    if default not in found:
        raise AwsError("UnsupportedOperation", f"The sandbox has no capacity of type {default}.")
    found[default] += max(0, target["TotalTargetCapacity"] - sum(found.values()))
    return found


def _pools(context: Context, params: dict[str, Any]) -> list[Pool]:
    store, found = ec2(context), []
    zones = {subnet_id: zone for zone, subnets in store.subnets.items() for subnet_id in subnets}
    for config in params["LaunchTemplateConfigs"]:
        template = version_of(context, config["LaunchTemplateSpecification"])
        data = template["LaunchTemplateData"]
        inside = next((i.get("SubnetId") for i in data.get("NetworkInterfaces", []) if i.get("SubnetId")), None)
        for override in config.get("Overrides") or [{}]:
            kind = override.get("InstanceType") or data.get("InstanceType")
            if not kind:
                raise AwsError("InvalidFleetConfiguration", "The fleet configuration must name an instance type.")
            subnet = override.get("SubnetId") or inside
            if subnet and subnet not in zones:
                raise AwsError("InvalidSubnetID.NotFound", f"The subnet ID '{subnet}' does not exist")
            zone = zones.get(subnet or "", override.get("AvailabilityZone", ""))
            found.append(Pool(template, override, zone, kind))
    return found


def _in_order(context: Context, params: dict[str, Any], pools: list[Pool], lifecycle: str) -> list[Pool]:
    """By the allocation strategy ("Allocation strategies for EC2 Fleet"). Every pool has spare capacity here, so the
    strategies that weigh capacity choose by price."""
    store = ec2(context)
    options = params.get("SpotOptions" if lifecycle == "spot" else "OnDemandOptions", {})
    if options.get("AllocationStrategy") in ("prioritized", "capacity-optimized-prioritized"):
        return sorted(pools, key=lambda p: p.override.get("Priority", float("inf")))
    if lifecycle == "spot":
        return sorted(pools, key=lambda p: ec2_prices.spot(store, p.instance_type, p.zone))
    return sorted(pools, key=lambda p: ec2_prices.on_demand(store, p.instance_type))


def _launch(context: Context, params: dict[str, Any], pool: Pool, lifecycle: str, fleet: str, count: int) -> list[str]:
    fault = next((f for f in (context.world.take_fault("ec2", where, "launch_failure")
                              for where in (pool.zone, pool.instance_type, "CreateFleet")) if f), None)
    if fault:
        code = fault.get("code", "InsufficientInstanceCapacity")
        raise AwsError(code, fault.get("message") or (
            f"We currently do not have sufficient {pool.instance_type} capacity in the Availability Zone you requested "
            f"({pool.zone}). Our system will be working on provisioning additional capacity."))
    tags = [dict(s) for s in params.get("TagSpecifications", []) if s.get("ResourceType") != "fleet"]
    # "The following tag is automatically assigned to instances launched by a fleet" (Tag an EC2 Fleet).
    tags.append({"ResourceType": "instance", "Tags": [{"Key": "aws:ec2:fleet-id", "Value": fleet}]})
    request = {"LaunchTemplate": {"LaunchTemplateId": pool.template["LaunchTemplateId"],
                                  "Version": str(pool.template["VersionNumber"])},
               "InstanceType": pool.instance_type, "MinCount": 1, "MaxCount": count, "TagSpecifications": tags}
    request |= {k: pool.override[k] for k in ("SubnetId", "ImageId") if k in pool.override}
    if lifecycle == "spot":
        request["InstanceMarketOptions"] = {"MarketType": "spot"}
    made = context.call("ec2", "RunInstances", {**request, "MinCount": count})
    return [i["InstanceId"] for i in made["Instances"]]


@implements("ec2", "DescribeCapacityReservations")
def reservations(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """The account has none."""
    return {"CapacityReservations": []}


@implements("ec2", "DescribePlacementGroups")
def placement_groups(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """The account has none."""
    return {"PlacementGroups": []}
