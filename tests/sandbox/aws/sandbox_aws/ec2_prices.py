"""Prices of instance types: the order in which fleets choose them, and the history of Spot prices.

AWS's price list is not part of the sandbox. These prices follow its structure (so much for each vCPU and each GiB, less
for AMD and Graviton, more for GPUs), so that "the cheapest type that fits" is the same as on AWS for common families.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from . import ec2_enis, paging
from .ec2_instances import offered
from .moto_patches import ec2
from .registry import implements
from .world import Context, chance

_VCPU, _GIB, _GPU = 0.0316, 0.0041, 0.35  # USD per hour: m5.large 0.096, c5.large 0.080, r5.large 0.129
_PRODUCT = "Linux/UNIX"


@lru_cache(maxsize=4096)
def on_demand(store: Any, instance_type: str) -> float:
    info = ec2_enis.kind(store, instance_type)
    gpus = sum(g.get("Count", 0) for g in info.get("GpuInfo", {}).get("Gpus", []))
    price = info["VCpuInfo"]["DefaultVCpus"] * _VCPU + info["MemoryInfo"]["SizeInMiB"] / 1024 * _GIB + gpus * _GPU
    processor = re.match(r"[a-z]+\d+([a-z]*)", instance_type)
    options = processor[1] if processor else ""
    if "g" in options:
        price *= 0.8
    elif "a" in options:
        price *= 0.9
    return round(price, 4)


def spot(store: Any, instance_type: str, zone: str) -> float:
    """30 to 45 percent of the On-Demand price, by zone."""
    return round(on_demand(store, instance_type) * (0.30 + 0.15 * chance(instance_type, zone)), 4)


@implements("ec2", "DescribeSpotPriceHistory")
def history(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """The current prices. The real API has those of the last 90 days."""
    store = ec2(context)
    filters = {f["Name"]: f.get("Values", []) for f in params.get("Filters", [])}
    types = set(params.get("InstanceTypes", []) or filters.get("instance-type", []))
    zones = {params["AvailabilityZone"]} if params.get("AvailabilityZone") else set(filters.get("availability-zone", []))
    products = params.get("ProductDescriptions", []) or filters.get("product-description", [])
    now = datetime.now(timezone.utc).replace(microsecond=0)
    rows = []
    if not products or _PRODUCT in products:
        for zone, known in sorted(offered(context.region).items()):
            if zones and zone not in zones:
                continue
            for name in sorted(known & types if types else known):
                if "spot" in ec2_enis.kind(store, name).get("SupportedUsageClasses", []):
                    rows.append({"AvailabilityZone": zone, "InstanceType": name, "ProductDescription": _PRODUCT,
                                 "SpotPrice": f"{spot(store, name, zone):.6f}", "Timestamp": now})
    found, token = paging.page(params, rows, ("spot-prices", repr(filters), repr(sorted(types))), most=1000)
    return {"SpotPriceHistory": found, **({"NextToken": token} if token else {})}
