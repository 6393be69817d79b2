"""Mixed instances policies: which type the next instance of a group has, and whether it is a Spot Instance.

"Auto Scaling groups with multiple instance types and purchase options", Auto Scaling user guide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from . import asg_configurations
from .asg_model import Group
from .ec2_templates import version_of
from .errors import AwsError
from .moto_patches import ec2
from .world import Context

# "The following are the default values" (InstancesDistribution, API reference).
_DEFAULTS = {"OnDemandAllocationStrategy": "prioritized", "OnDemandBaseCapacity": 0,
             "OnDemandPercentageAboveBaseCapacity": 100, "SpotAllocationStrategy": "lowest-price"}
_STRATEGIES = {"OnDemandAllocationStrategy": ("lowest-price", "prioritized"),
               "SpotAllocationStrategy": ("lowest-price", "capacity-optimized", "capacity-optimized-prioritized",
                                          "price-capacity-optimized")}
_MOST_OVERRIDES = 40


@dataclass
class Choice:
    """An instance that the group could launch."""

    instance_type: str
    weight: int | None
    data: dict[str, Any]  # what RunInstances is given
    template: dict[str, str] | None  # launch template version; None: a launch configuration


def _wrong(text: str) -> AwsError:
    return AwsError("ValidationError", text)


def checked(context: Context, mixed: dict[str, Any]) -> dict[str, Any]:
    """The policy with its defaults, as DescribeAutoScalingGroups shows it."""
    body = mixed.get("LaunchTemplate")
    if not body or not body.get("LaunchTemplateSpecification"):
        raise _wrong("Valid requests must contain a LaunchTemplateSpecification in the MixedInstancesPolicy.")
    overrides = body.get("Overrides", [])
    if len(overrides) > _MOST_OVERRIDES:
        raise _wrong(f"The number of overrides exceeds the maximum of {_MOST_OVERRIDES}.")
    weights = ["WeightedCapacity" in o for o in overrides]
    if any(weights) and not all(weights):
        raise _wrong("If you specify WeightedCapacity for one instance type, you must specify it for all of them.")
    if any("InstanceType" in o and "InstanceRequirements" in o for o in overrides):
        raise _wrong("You can't specify InstanceType and InstanceRequirements in the same override.")
    if len({"InstanceRequirements" in o for o in overrides}) > 1:
        raise _wrong("You can't mix overrides with InstanceRequirements and overrides with InstanceType.")
    types = [o["InstanceType"] for o in overrides if "InstanceType" in o]
    if len(set(types)) != len(types):
        raise _wrong("Instance types in the overrides must be unique.")
    given = mixed.get("InstancesDistribution", {})
    found = {**_DEFAULTS, **given}
    if overrides and not types:
        # "With attribute-based instance type selection, lowest-price is the only On-Demand strategy".
        found["OnDemandAllocationStrategy"] = given.get("OnDemandAllocationStrategy", "lowest-price")
        if found["OnDemandAllocationStrategy"] != "lowest-price":
            raise _wrong("OnDemandAllocationStrategy must be lowest-price with InstanceRequirements.")
    _check_strategies(found)
    if found["SpotAllocationStrategy"] == "lowest-price":
        found.setdefault("SpotInstancePools", 2)
    elif "SpotInstancePools" in found:
        raise _wrong("SpotInstancePools option is only available with the lowest-price allocation strategy.")
    return {"LaunchTemplate": {"LaunchTemplateSpecification": body["LaunchTemplateSpecification"],
                               **({"Overrides": overrides} if overrides else {})}, "InstancesDistribution": found}


def _check_strategies(distribution: dict[str, Any]) -> None:
    for name, known in _STRATEGIES.items():
        if distribution[name] not in known:
            raise _wrong(f"Invalid {name}: {distribution[name]}. Valid values are: [{', '.join(known)}].")
    if not 0 <= distribution["OnDemandPercentageAboveBaseCapacity"] <= 100:
        raise _wrong("OnDemandPercentageAboveBaseCapacity must be between 0 and 100.")


def next_is_spot(group: Group) -> bool:
    """On-Demand capacity first up to the base, then its percentage of the rest, rounded up."""
    if not group.mixed:
        return False
    distribution = group.mixed["InstancesDistribution"]
    base, share = distribution["OnDemandBaseCapacity"], distribution["OnDemandPercentageAboveBaseCapacity"]
    wanted = min(group.desired, base) + math.ceil(max(0, group.desired - base) * share / 100)
    return sum(m.units for m in group.active() if not m.spot) >= wanted


def choices(context: Context, group: Group, spot: bool) -> list[Choice]:
    """In the order in which the group tries them."""
    if group.configuration:
        data = asg_configurations.launch_data(context, group.configuration)
        return [Choice(data["InstanceType"], None, data, None)]
    found: list[Choice] = []
    for override in group.overrides() or [{}]:
        template = version_of(context, override.get("LaunchTemplateSpecification") or group.template)
        data = template.pop("LaunchTemplateData")
        shown = {"LaunchTemplateId": template["LaunchTemplateId"], "LaunchTemplateName": template["LaunchTemplateName"],
                 "Version": str(template["VersionNumber"])}
        weight = int(override["WeightedCapacity"]) if "WeightedCapacity" in override else None
        wanted = override.get("InstanceRequirements") or ("InstanceType" not in override and data.get("InstanceRequirements"))
        types = matching(context, wanted, data.get("ImageId")) if wanted else [
            override.get("InstanceType") or data.get("InstanceType", "m1.small")]
        found += [Choice(t, weight, data, shown) for t in types]
    if not group.mixed:
        return found
    distribution = group.mixed["InstancesDistribution"]
    strategy = distribution["SpotAllocationStrategy" if spot else "OnDemandAllocationStrategy"]
    if strategy in ("prioritized", "capacity-optimized-prioritized"):
        return found
    if strategy == "lowest-price":
        return sorted(found, key=lambda c: _price(context, c) / (c.weight or 1))
    # The deepest pools change from day to day: spread over the types, the emptiest of the group first.
    used = {c.instance_type: sum(m.instance_type == c.instance_type for m in group.active()) for c in found}
    return sorted(found, key=lambda c: used[c.instance_type])


def _info(context: Context, instance_type: str) -> dict[str, Any]:
    return next((t for t in ec2(context).instance_types if t["InstanceType"] == instance_type), {})


def _price(context: Context, choice: Choice) -> float:
    """About proportional to processors and memory; there is no price list here."""
    info = _info(context, choice.instance_type)
    return info.get("VCpuInfo", {}).get("DefaultVCpus", 2) + info.get("MemoryInfo", {}).get("SizeInMiB", 4096) / 8192


def _within(value: float, limits: dict[str, Any] | None) -> bool:
    limits = limits or {}
    return limits.get("Min", 0) <= value <= limits.get("Max", math.inf)


def _named(name: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(name, p) for p in patterns)


def matching(context: Context, wanted: dict[str, Any], image_id: str | None) -> list[str]:
    """The types with these attributes that fit the image, the smallest first ("InstanceRequirements", API reference)."""
    image = ec2(context).amis.get(image_id or "")
    found = []
    for info in ec2(context).instance_types:
        name = info["InstanceType"]
        accelerators = [g for kind in ("GpuInfo", "InferenceAcceleratorInfo")
                        for g in info.get(kind, {}).get("Gpus", info.get(kind, {}).get("Accelerators", []))]
        arch = info.get("ProcessorInfo", {}).get("SupportedArchitectures", [])
        maker = {"Intel": "intel", "AMD": "amd", "AWS": "amazon-web-services", "Apple": "apple"}.get(
            info.get("ProcessorInfo", {}).get("Manufacturer", ""), "")
        fits = (
            _within(info["VCpuInfo"]["DefaultVCpus"], wanted.get("VCpuCount"))
            and _within(info["MemoryInfo"]["SizeInMiB"], wanted.get("MemoryMiB"))
            and _within(sum(a.get("Count", 0) for a in accelerators), wanted.get("AcceleratorCount"))
            and (image is None or image.architecture in arch)
            and (not wanted.get("CpuManufacturers") or maker in wanted["CpuManufacturers"])
            and (wanted.get("BareMetal", "excluded") == "included"
                 or info.get("BareMetal", False) == (wanted.get("BareMetal") == "required"))
            and (wanted.get("BurstablePerformance", "excluded") == "included"
                 or info.get("BurstablePerformanceSupported", False) == (wanted.get("BurstablePerformance") == "required"))
            and ("current" not in wanted.get("InstanceGenerations", []) or info.get("CurrentGeneration", True)
                 or "previous" in wanted["InstanceGenerations"])
            and (not wanted.get("AllowedInstanceTypes") or _named(name, wanted["AllowedInstanceTypes"]))
            and not _named(name, wanted.get("ExcludedInstanceTypes", [])))
        if fits:
            found.append((info["VCpuInfo"]["DefaultVCpus"], info["MemoryInfo"]["SizeInMiB"], name))
    if not found:
        raise _wrong("No instance types match the InstanceRequirements.")
    return [name for _, _, name in sorted(found)]
