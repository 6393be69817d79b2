"""Instance types: moto has them all; here they are returned in pages."""

from __future__ import annotations

from typing import Any

from . import paging
from .errors import AwsError
from .moto_patches import ec2
from .registry import implements
from .world import Context


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
    filters = {f["Name"]: f.get("Values", []) for f in params.get("Filters", [])}
    names = asked or [t["InstanceType"] for t in store.describe_instance_types(filters=filters)]
    names, token = paging.page(params, names, ("types", str(filters)), most=100)
    answer: dict[str, Any] = {"InstanceTypes": []}
    if names:
        answer = context.moto(params={"InstanceTypes": names})
    return {**answer, "NextToken": token} if token else answer


@implements("ec2", "DescribeInstanceTypeOfferings")
def offerings(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    rows = context.moto(params={k: v for k, v in params.items() if k not in ("MaxResults", "NextToken")})
    found, token = paging.page(params, rows["InstanceTypeOfferings"], ("offerings", str(params.get("Filters"))), most=100)
    return {"InstanceTypeOfferings": found, **({"NextToken": token} if token else {})}
