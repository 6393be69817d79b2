"""The addresses of a subnet: which are in use, and which is assigned next.

AWS keeps the first four addresses and the last one of each subnet ("Subnet sizing", VPC user guide).
"""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from .errors import AwsError

PREFIX_SIZE = 16  # addresses in a delegated /28


def taken(store: Any, subnet_id: str) -> set[int]:
    found: set[int] = set()
    for eni in store.enis.values():
        if eni.subnet.id != subnet_id:
            continue
        found.update(int(IPv4Address(a["PrivateIpAddress"])) for a in eni.private_ip_addresses)
        for prefix in getattr(eni, "prefixes", []):
            first = int(IPv4Network(prefix).network_address)
            found.update(range(first, first + PREFIX_SIZE))
    return found


def available(store: Any, subnet: Any) -> int:
    return max(0, subnet.cidr.num_addresses - 5 - len(taken(store, subnet.id)))


def _short(subnet: Any) -> AwsError:
    return AwsError("InsufficientFreeAddressesInSubnet",
                    f"There are not enough free addresses in subnet '{subnet.id}' to satisfy the requested number of "
                    "addresses.")


def pick(store: Any, subnet: Any, count: int = 1) -> list[str]:
    """Free addresses, at random places as AWS hands them out."""
    first, last = int(subnet.cidr.network_address) + 4, int(subnet.cidr.broadcast_address)
    used = taken(store, subnet.id)
    if last - first - len(used) < count:
        raise _short(subnet)
    chosen: list[int] = []
    at = random.randrange(first, last)
    while len(chosen) < count:
        if at not in used:
            chosen.append(at)
        at = first if at + 1 >= last else at + 1
    return [str(IPv4Address(a)) for a in chosen]


def pick_prefixes(store: Any, subnet: Any, count: int) -> list[str]:
    """Free /28 blocks; a subnet with scattered addresses may have none ("Prefix delegation", EKS user guide)."""
    used = taken(store, subnet.id)
    reserved = {int(subnet.cidr.network_address) + i for i in range(4)} | {int(subnet.cidr.broadcast_address)}
    chosen: list[str] = []
    blocks = subnet.cidr.subnets(new_prefix=28) if subnet.cidr.prefixlen <= 28 else []
    for block in blocks:
        if len(chosen) == count:
            break
        inside = range(int(block.network_address), int(block.network_address) + PREFIX_SIZE)
        if not any(a in used or a in reserved for a in inside):
            chosen.append(str(block))
    if len(chosen) < count:
        raise AwsError("InsufficientCidrBlocks",
                       "The specified subnet does not have enough free cidr blocks to satisfy the request.")
    return chosen
