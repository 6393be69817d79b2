"""Subnets, NAT gateways and route tables: checks that moto lacks."""

from __future__ import annotations

from typing import Any

from . import addresses, ec2_cidr, quotas
from .errors import AwsError
from .moto_patches import ec2
from .registry import implements
from .world import Context


@implements("ec2", "CreateSubnet")
def create_subnet(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    store = ec2(context)
    if params["VpcId"] not in store.vpcs:
        raise AwsError("InvalidVpcID.NotFound", f"The vpc ID '{params['VpcId']}' does not exist")
    if params.get("CidrBlock"):
        block = ec2_cidr.parse(params["CidrBlock"])
        vpc = store.get_vpc(params["VpcId"])
        # "The allowed block size is between a /28 netmask and /16 netmask" (Subnet CIDR blocks, VPC user guide).
        if not 16 <= block.prefixlen <= 28 or not ec2_cidr.is_associated(vpc, block):
            raise AwsError("InvalidSubnet.Range", f"The CIDR '{params['CidrBlock']}' is invalid.")
        params = {**params, "CidrBlock": str(block)}
    if sum(s.vpc_id == params["VpcId"] for zone in store.subnets.values() for s in zone.values()) >= \
            quotas.value(context, "vpc", quotas.SUBNETS):
        raise AwsError("SubnetLimitExceeded", "The maximum number of subnets has been reached.")
    zone_id = params.get("AvailabilityZoneId")
    zones = context.moto("DescribeAvailabilityZones")["AvailabilityZones"]
    if zone_id:
        names = [z["ZoneName"] for z in zones if z["ZoneId"] == zone_id]
        if not names:
            raise AwsError("InvalidParameterValue", f"Value ({zone_id}) for parameter availabilityZoneId is invalid.")
        params = {**{k: v for k, v in params.items() if k != "AvailabilityZoneId"}, "AvailabilityZone": names[0]}
    elif params.get("AvailabilityZone") and params["AvailabilityZone"] not in [z["ZoneName"] for z in zones]:
        raise AwsError("InvalidParameterValue", f"Value ({params['AvailabilityZone']}) for parameter availabilityZone "
                                                "is invalid. Subnets can currently only be created in the following "
                                                f"availability zones: {', '.join(z['ZoneName'] for z in zones)}.")
    answer = context.moto(params=params)
    subnet = store.get_subnet(answer["Subnet"]["SubnetId"])
    # moto treats the first subnet of a zone as a default subnet.
    subnet.default_for_az = subnet.map_public_ip_on_launch = False
    subnet.state = "pending"

    def available() -> None:
        subnet.state = "available"

    if context.caller is None:
        available()
    else:
        context.world.after("eni", available)
    answer["Subnet"].update(State=subnet.state, DefaultForAz=False, MapPublicIpOnLaunch=False,
                            AvailableIpAddressCount=addresses.available(store, subnet))
    return answer


@implements("ec2", "DeleteSubnet")
def delete_subnet(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    store = ec2(context)
    if any(e.subnet.id == params["SubnetId"] for e in store.enis.values()):
        raise AwsError("DependencyViolation",
                       f"The subnet '{params['SubnetId']}' has dependencies and cannot be deleted.")
    answer = context.moto(params=params)
    for table in store.route_tables.values():
        for association in [a for a, s in table._associations.items() if s == params["SubnetId"]]:
            table._associations.pop(association)
    for acl in store.network_acls.values():
        for key in [k for k, a in acl._associations.items() if a.subnet_id == params["SubnetId"]]:
            acl._associations.pop(key)
    return answer


@implements("ec2", "CreateNatGateway")
def create_nat_gateway(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    answer = context.moto(params=params)
    store = ec2(context)
    gateway = store.nat_gateways[answer["NatGateway"]["NatGatewayId"]]
    # moto picks any address; on AWS it is one of the subnet's.
    address = addresses.pick(store, gateway._eni.subnet)[0]
    gateway.private_ip = gateway._eni.private_ip_address = address
    gateway._eni.private_ip_addresses = [{"Primary": True, "PrivateIpAddress": address}]
    for row in gateway.address_set:
        row["privateIp"] = address
    gateway._eni.description = f"Interface for NAT Gateway {gateway.id}"
    gateway._eni.interface_type = "nat_gateway"
    gateway._eni.requester_managed = True
    gateway._eni.status = "in-use"
    if context.caller is not None:
        gateway.state = "pending"
        context.world.after("nat", lambda: setattr(gateway, "state", "available"))
        answer["NatGateway"]["State"] = "pending"
    return answer


@implements("ec2", "DeleteNatGateway")
def delete_nat_gateway(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    store = ec2(context)
    gateway = store.nat_gateways.get(params["NatGatewayId"])
    answer = context.moto(params=params)
    if gateway:
        store.enis.pop(gateway._eni.id, None)
    return answer


@implements("ec2", "AssociateRouteTable")
def associate_route_table(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    store = ec2(context)
    subnet = params.get("SubnetId")
    for table in store.route_tables.values():
        for association, associated in table._associations.items():
            if subnet and associated == subnet and table.id != params["RouteTableId"]:
                raise AwsError("Resource.AlreadyAssociated",
                               f"the specified association for route table {params['RouteTableId']} conflicts with an "
                               f"existing association ({association})")
    if subnet:
        store.get_subnet(subnet) if _has_subnet(store, subnet) else _no_subnet(subnet)
    answer = context.moto(params=params)
    answer["AssociationState"] = {"State": "associated"}
    return answer


def _has_subnet(store: Any, subnet_id: str) -> bool:
    return any(subnet_id in zone for zone in store.subnets.values())


def _no_subnet(subnet_id: str) -> None:
    raise AwsError("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")
