"""Service Quotas: only those that are relevant here."""

from __future__ import annotations

from typing import Any

from . import paging
from .errors import AwsError
from .registry import implements
from .world import Context


RULES_PER_GROUP, GROUPS_PER_INTERFACE, SUBNETS, VCPUS = "L-0EA8095F", "L-2AFB9258", "L-407747CB", "L-1216C47A"


def _quotas(context: Context) -> dict[tuple[str, str], tuple[str, float, bool]]:
    """(service, quota code) -> (name, value, adjustable)"""
    return {
        ("vpc", "L-83CA0A9D"): ("IPv4 CIDR blocks per VPC", float(context.world.shape.cidr_quota), True),
        ("vpc", SUBNETS): ("Subnets per VPC", 200.0, True),
        ("vpc", RULES_PER_GROUP): ("Inbound or outbound rules per security group", 60.0, True),
        ("vpc", GROUPS_PER_INTERFACE): ("Security groups per network interface", 5.0, True),
        ("vpc", "L-E79EC296"): ("VPC security groups per Region", 2500.0, True),
        ("vpc", "L-DF5E4CA3"): ("Network interfaces per Region", 5000.0, True),
        ("ec2", VCPUS): ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
                         float(context.world.shape.vcpu_quota), True),
        ("ec2", "L-DB2E81BA"): ("Running On-Demand G and VT instances", 64.0, True),
        ("ec2", "L-417A185B"): ("Running On-Demand P instances", 96.0, True),
        ("cloudformation", "L-0485CB21"): ("Stack count", 2000.0, True),
    }


def value(context: Context, service: str, code: str) -> float:
    return _quotas(context)[service, code][1]


def _row(context: Context, key: tuple[str, str]) -> dict[str, Any]:
    name, number, adjustable = _quotas(context)[key]
    return {"ServiceCode": key[0], "ServiceName": key[0], "QuotaCode": key[1], "QuotaName": name, "Value": number,
            "Unit": "None", "Adjustable": adjustable, "GlobalQuota": False,
            "QuotaArn": f"arn:aws:servicequotas:{context.region}:{context.account}:{key[0]}/{key[1]}"}


@implements("service-quotas", "GetServiceQuota", "GetAWSDefaultServiceQuota")
def get(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    key = (params["ServiceCode"], params["QuotaCode"])
    if key not in _quotas(context):
        raise AwsError("NoSuchResourceException", "The request failed because the specified service quota does not exist.")
    return {"Quota": _row(context, key)}


@implements("service-quotas", "ListServiceQuotas", "ListAWSDefaultServiceQuotas")
def list_all(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    rows = [_row(context, k) for k in _quotas(context) if k[0] == params["ServiceCode"]]
    rows, token = paging.page(params, rows, ("quotas", params["ServiceCode"]), code="InvalidPaginationTokenException")
    return {"Quotas": rows, **({"NextToken": token} if token else {})}
