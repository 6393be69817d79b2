"""Instance types: moto has them all; here they are returned in pages."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS

from . import filters, moto_bridge, paging
from .errors import AwsError
from .moto_patches import ec2
from .registry import implements
from .world import Context

_OFFERING = {"instance-type": "InstanceType", "location": "Location"}


@implements("ec2", "DescribeInstanceTypes")
def types(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    store = ec2(context)
    asked = params.get("InstanceTypes", [])
    if asked and params.get("MaxResults"):
        raise AwsError("InvalidParameterCombination", "The parameter MaxResults cannot be used with InstanceTypes")
    if len(asked) > 100:
        raise AwsError("InvalidParameterValue", "The number of instance types must not exceed 100")
    known = {t["InstanceType"] for t in store.instance_types}
    unknown = [t for t in asked if t not in known]
    if unknown:
        raise AwsError("InvalidInstanceType",
                       f"The following supplied instance types do not exist: [{', '.join(unknown)}]")
    wanted = {f["Name"]: f.get("Values", []) for f in params.get("Filters", [])}
    names = asked or [t["InstanceType"] for t in store.describe_instance_types(filters=wanted)]
    names, token = paging.page(params, names, ("types", str(wanted)), most=100)
    answer = {"InstanceTypes": _described(context.region, tuple(names)) if names else []}
    return {**answer, "NextToken": token} if token else answer


@lru_cache(maxsize=256)
def _described(region: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """moto looks through all types for each name."""
    return moto_bridge.call("ec2", "DescribeInstanceTypes", {"InstanceTypes": list(names)}, region)["InstanceTypes"]


@implements("ec2", "DescribeInstanceTypeOfferings")
def offerings(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    rows = INSTANCE_TYPE_OFFERINGS[params.get("LocationType", "region")].get(context.region, [])
    wanted = params.get("Filters", [])
    filters.check(wanted, _OFFERING)
    rows = [r for r in rows if filters.matches(r, wanted, _OFFERING)] if wanted else rows
    # A caller that asks for long pages reads all types in all zones.
    most = 1000 if params.get("MaxResults", 0) > 100 else 100
    found, token = paging.page(params, rows, ("offerings", str(wanted)), most=most)
    return {"InstanceTypeOfferings": found, **({"NextToken": token} if token else {})}
