"""VPC CIDR blocks: what AWS allows, and associations that take some time.

The rules are those of "VPC CIDR blocks" in the VPC user guide, with its table of restrictions.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

from .errors import AwsError
from .moto_patches import ec2
from .registry import implements
from .world import Context

_RFC1918 = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
_SHARED, _BENCHMARK = "100.64.0.0/10", "198.19.0.0/16"
# Range of the primary block -> ranges that no secondary block may overlap.
_RESTRICTED = {
    "10.0.0.0/8": ["172.16.0.0/12", "192.168.0.0/16", _BENCHMARK],
    "172.16.0.0/12": ["10.0.0.0/8", "192.168.0.0/16", "172.31.0.0/16", _BENCHMARK],
    "192.168.0.0/16": ["10.0.0.0/8", "172.16.0.0/12", _BENCHMARK],
    _BENCHMARK: _RFC1918,
}
_ELSEWHERE = [*_RFC1918, _BENCHMARK]  # the primary is public, or from 100.64.0.0/10
_GUIDE = ("For additional restrictions, see "
          "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html#add-cidr-block-restrictions")


def restricted(primary: IPv4Network) -> list[IPv4Network]:
    for own, others in _RESTRICTED.items():
        if primary.subnet_of(IPv4Network(own)):
            ranges = list(others)
            break
    else:
        ranges = list(_ELSEWHERE)
    if primary.subnet_of(IPv4Network("10.0.0.0/15")):
        ranges.append("10.0.0.0/16")
    return [IPv4Network(r) for r in ranges]


def refusal(new: IPv4Network, primary: IPv4Network, present: list[IPv4Network], routes: list[IPv4Network],
            peers: list[IPv4Network]) -> str | None:
    """The reason why AWS rejects the association of `new`, or None."""
    if not 16 <= new.prefixlen <= 28:
        return f"The CIDR '{new}' is invalid."
    if any(new.overlaps(r) for r in restricted(primary)):
        return (f"The CIDR '{new}' is restricted. Use a CIDR from the same private address range as the current VPC "
                f"CIDR, or use a publicly-routable CIDR. {_GUIDE}")
    for block in present:
        if new.overlaps(block):
            return f"The CIDR '{new}' conflicts with the CIDR '{block}' that is associated with the VPC."
    for block in peers:
        if new.overlaps(block):
            return f"The CIDR '{new}' overlaps with the CIDR '{block}' of a VPC peering connection of the VPC."
    for destination in routes:
        # A block that is smaller than a route's destination is more specific than it: allowed.
        if destination.subnet_of(new):
            return f"The CIDR '{new}' is the same as, or larger than, the route destination '{destination}'."
    return None


def parse(text: str) -> IPv4Network:
    try:
        return IPv4Network(text, strict=False)  # AWS converts a block to its canonical form
    except ValueError:
        raise AwsError("InvalidParameterValue",
                       f"Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block.") from None


def _blocks(vpc: Any) -> list[IPv4Network]:
    return [IPv4Network(a["cidr_block"]) for a in vpc.get_cidr_block_association_set()
            if a["cidr_block_state"]["state"] in ("associated", "associating")]


def _route_destinations(store: Any, vpc_id: str) -> list[IPv4Network]:
    return [IPv4Network(r.destination_cidr_block) for t in store.route_tables.values() if t.vpc_id == vpc_id
            for r in t.routes if r.destination_cidr_block and not r.local]


def _peers(store: Any, vpc_id: str) -> list[IPv4Network]:
    found = []
    for peering in store.vpc_pcxs.values():
        status = peering._status.code
        sides = {peering.vpc.id: peering.peer_vpc, peering.peer_vpc.id: peering.vpc}
        if vpc_id not in sides:
            continue
        if status == "active":
            found += _blocks(sides[vpc_id])
        elif status == "pending-acceptance" and peering.vpc.id == vpc_id:
            raise AwsError("OperationNotPermitted", f"The vpc {vpc_id} is the requester of a VPC peering connection in "
                                                    "pending-acceptance; CIDR blocks can't be added to it.")
    return found


@implements("ec2", "AssociateVpcCidrBlock")
def associate(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    if params.get("AmazonProvidedIpv6CidrBlock"):
        return context.moto(params=params)
    if not params.get("CidrBlock"):
        raise AwsError("MissingParameter", "Either 'cidrBlock' or 'ipv6CidrBlock' should be provided.")
    store = ec2(context)
    vpc = store.get_vpc(params["VpcId"]) if params["VpcId"] in store.vpcs else None
    if vpc is None:
        raise AwsError("InvalidVpcID.NotFound", f"The vpc ID '{params['VpcId']}' does not exist")
    new = parse(params["CidrBlock"])
    present = _blocks(vpc)
    why = refusal(new, IPv4Network(vpc.cidr_block), present, _route_destinations(store, vpc.id), _peers(store, vpc.id))
    if why:
        raise AwsError("InvalidVpc.Range", why)
    quota = context.world.shape.cidr_quota
    if len(present) >= quota:
        raise AwsError("CidrLimitExceeded",
                       f"This network '{vpc.id}' has met its maximum number of allowed CIDRs: {quota}")
    from moto.ec2.utils import random_vpc_cidr_association_id

    association = random_vpc_cidr_association_id()
    row = {"association_id": association, "cidr_block": str(new),
           "cidr_block_state": {"state": "associating", "StatusMessage": None}}
    vpc._cidr_block_association_set[association] = row

    def done() -> None:
        if row["cidr_block_state"]["state"] == "associating":
            row["cidr_block_state"]["state"] = "associated"
            for table in list(store.route_tables.values()):
                if table.vpc_id == vpc.id:
                    store.create_route(table.id, str(new), local=True)

    context.world.after("cidr", done)
    return {"VpcId": vpc.id, "CidrBlockAssociation": {
        "AssociationId": association, "CidrBlock": str(new), "CidrBlockState": {"State": "associating"}}}


@implements("ec2", "DisassociateVpcCidrBlock")
def disassociate(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    store = ec2(context)
    for vpc in store.vpcs.values():
        row = vpc._cidr_block_association_set.get(params["AssociationId"])
        if row is None or row["cidr_block_state"]["state"] == "disassociated":
            continue
        if row["cidr_block"] == vpc.cidr_block:
            raise AwsError("OperationNotPermitted", f"The vpc CIDR block with association ID {params['AssociationId']} "
                                                    "may not be disassociated. It is the primary IPv4 CIDR block "
                                                    "of the VPC")
        block = IPv4Network(row["cidr_block"])
        if any(s.vpc_id == vpc.id and s.cidr.subnet_of(block) for s in store.describe_subnets()):
            raise AwsError("InvalidCidrBlock.InUse",
                           f"The vpc {vpc.id} currently has a subnet within CIDR block {block}")
        row["cidr_block_state"]["state"] = "disassociating"

        def gone(vpc: Any = vpc, block: IPv4Network = block) -> None:
            vpc._cidr_block_association_set.pop(params["AssociationId"], None)
            for table in store.route_tables.values():
                if table.vpc_id == vpc.id:
                    for key in [k for k, r in table._routes.items() if r.destination_cidr_block == str(block)]:
                        table._routes.pop(key)

        context.world.after("cidr", gone)
        return {"VpcId": vpc.id, "CidrBlockAssociation": {
            "AssociationId": params["AssociationId"], "CidrBlock": str(block),
            "CidrBlockState": {"State": "disassociating"}}}
    raise AwsError("InvalidVpcCidrBlockAssociationID.NotFound",
                   f"The vpc CIDR block association ID '{params['AssociationId']}' does not exist")


def is_associated(vpc: Any, block: IPv4Network) -> bool:
    return any(block.subnet_of(IPv4Network(a["cidr_block"])) for a in vpc.get_cidr_block_association_set()
               if a["cidr_block_state"]["state"] == "associated")
