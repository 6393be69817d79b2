"""A VPC that another account shares with this one, by its subnets ("Share your VPC subnets", VPC user guide).

A participant sees the VPC, its subnets and route tables with their owner, and can create its own instances, interfaces
and security groups in them. Only the owner can change blocks, subnets, routes and network ACLs.
"""

from __future__ import annotations

from typing import Any

from .errors import AwsError
from .world import World

_SHOWN = ("DescribeVpcs", "DescribeSubnets", "DescribeRouteTables", "DescribeNetworkAcls")
_OWNERS = frozenset({
    "AssociateVpcCidrBlock", "DisassociateVpcCidrBlock", "ModifyVpcAttribute", "CreateSubnet", "DeleteSubnet",
    "ModifySubnetAttribute", "CreateSubnetCidrReservation", "AssociateRouteTable", "DisassociateRouteTable",
    "CreateRouteTable", "CreateRoute", "DeleteRoute", "CreateNetworkAcl", "CreateNetworkAclEntry",
    "DeleteNetworkAclEntry", "CreateVpcPeeringConnection"})


def check(world: World, operation: str) -> None:
    if world.vpc_owner and operation in _OWNERS:
        raise AwsError("UnauthorizedOperation", "You are not authorized to perform this operation.", 403)


def shown(world: World, operation: str, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not world.vpc_owner or operation not in _SHOWN:
        return items
    return [{**item, "OwnerId": world.vpc_owner} for item in items]
