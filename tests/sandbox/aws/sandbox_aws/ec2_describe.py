"""EC2's Describe calls over moto's state: ids, filters, pages, and the old state that a caller still sees."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from . import addresses, consistency, ec2_shared, filters, paging
from .errors import AwsError
from .moto_patches import ec2
from .registry import OPERATIONS
from .world import Context


@dataclass
class Kind:
    """A resource type: where its items are in the response, and the parameter names of its calls."""

    operation: str
    items: str
    id: str
    ids: str
    missing: str  # error code for an unknown id
    noun: str
    names: dict[str, str] = field(default_factory=dict)  # filter -> path, "|" between alternatives


KINDS = {k.operation: k for k in (
    Kind("DescribeVpcs", "Vpcs", "VpcId", "VpcIds", "InvalidVpcID.NotFound", "vpc ID", {
        "vpc-id": "VpcId", "cidr": "CidrBlock", "state": "State", "is-default": "IsDefault", "isDefault": "IsDefault",
        "dhcp-options-id": "DhcpOptionsId", "owner-id": "OwnerId",
        "cidr-block-association.cidr-block": "CidrBlockAssociationSet.CidrBlock",
        "cidr-block-association.association-id": "CidrBlockAssociationSet.AssociationId",
        "cidr-block-association.state": "CidrBlockAssociationSet.CidrBlockState.State"}),
    Kind("DescribeSubnets", "Subnets", "SubnetId", "SubnetIds", "InvalidSubnetID.NotFound", "subnet ID", {
        "subnet-id": "SubnetId", "vpc-id": "VpcId", "availability-zone": "AvailabilityZone",
        "availabilityZone": "AvailabilityZone", "availability-zone-id": "AvailabilityZoneId",
        "availabilityZoneId": "AvailabilityZoneId", "cidr-block": "CidrBlock", "cidr": "CidrBlock",
        "cidrBlock": "CidrBlock", "state": "State", "default-for-az": "DefaultForAz", "owner-id": "OwnerId",
        "map-public-ip-on-launch": "MapPublicIpOnLaunch", "available-ip-address-count": "AvailableIpAddressCount",
        "subnet-arn": "SubnetArn"}),
    Kind("DescribeRouteTables", "RouteTables", "RouteTableId", "RouteTableIds", "InvalidRouteTableID.NotFound",
         "routeTable ID", {
             "route-table-id": "RouteTableId", "vpc-id": "VpcId", "owner-id": "OwnerId",
             "association.subnet-id": "Associations.SubnetId", "association.main": "Associations.Main",
             "association.route-table-id": "Associations.RouteTableId", "association.gateway-id": "Associations.GatewayId",
             "association.route-table-association-id": "Associations.RouteTableAssociationId",
             "route.destination-cidr-block": "Routes.DestinationCidrBlock", "route.gateway-id": "Routes.GatewayId",
             "route.nat-gateway-id": "Routes.NatGatewayId", "route.state": "Routes.State",
             "route.transit-gateway-id": "Routes.TransitGatewayId"}),
    Kind("DescribeSecurityGroups", "SecurityGroups", "GroupId", "GroupIds", "InvalidGroup.NotFound", "security group", {
        "group-id": "GroupId", "group-name": "GroupName", "vpc-id": "VpcId", "description": "Description",
        "owner-id": "OwnerId", "ip-permission.group-id": "IpPermissions.UserIdGroupPairs.GroupId",
        "ip-permission.cidr": "IpPermissions.IpRanges.CidrIp", "ip-permission.protocol": "IpPermissions.IpProtocol",
        "egress.ip-permission.group-id": "IpPermissionsEgress.UserIdGroupPairs.GroupId"}),
    Kind("DescribeSecurityGroupRules", "SecurityGroupRules", "SecurityGroupRuleId", "SecurityGroupRuleIds",
         "InvalidSecurityGroupRuleId.NotFound", "security group rule ID", {
             "group-id": "GroupId", "security-group-rule-id": "SecurityGroupRuleId"}),
    Kind("DescribeNetworkInterfaces", "NetworkInterfaces", "NetworkInterfaceId", "NetworkInterfaceIds",
         "InvalidNetworkInterfaceID.NotFound", "networkInterface ID", {
             "network-interface-id": "NetworkInterfaceId", "subnet-id": "SubnetId", "vpc-id": "VpcId",
             "availability-zone": "AvailabilityZone", "description": "Description", "group-id": "Groups.GroupId",
             "group-name": "Groups.GroupName", "status": "Status", "private-ip-address": "PrivateIpAddress",
             "addresses.private-ip-address": "PrivateIpAddresses.PrivateIpAddress", "owner-id": "OwnerId",
             "attachment.instance-id": "Attachment.InstanceId", "attachment.attachment-id": "Attachment.AttachmentId",
             "attachment.device-index": "Attachment.DeviceIndex", "attachment.status": "Attachment.Status",
             "attachment.delete-on-termination": "Attachment.DeleteOnTermination", "requester-id": "RequesterId",
             "requester-managed": "RequesterManaged", "interface-type": "InterfaceType", "mac-address": "MacAddress"}),
    Kind("DescribeInstances", "Instances", "InstanceId", "InstanceIds", "InvalidInstanceID.NotFound", "instance ID", {
        "instance-id": "InstanceId", "instance-state-name": "State.Name", "instance-state-code": "State.Code",
        "instance-type": "InstanceType", "vpc-id": "VpcId", "subnet-id": "SubnetId", "image-id": "ImageId",
        "availability-zone": "Placement.AvailabilityZone", "private-dns-name": "PrivateDnsName",
        "private-ip-address": "PrivateIpAddress", "ip-address": "PublicIpAddress", "architecture": "Architecture",
        "instance-lifecycle": "InstanceLifecycle",
        "iam-instance-profile.arn": "IamInstanceProfile.Arn", "instance.group-id": "SecurityGroups.GroupId",
        "group-id": "SecurityGroups.GroupId", "network-interface.subnet-id": "NetworkInterfaces.SubnetId",
        "network-interface.network-interface-id": "NetworkInterfaces.NetworkInterfaceId",
        "network-interface.group-id": "NetworkInterfaces.Groups.GroupId"}),
    Kind("DescribeNatGateways", "NatGateways", "NatGatewayId", "NatGatewayIds", "NatGatewayNotFound", "Nat Gateway", {
        "nat-gateway-id": "NatGatewayId", "state": "State", "subnet-id": "SubnetId", "vpc-id": "VpcId"}),
    Kind("DescribeInternetGateways", "InternetGateways", "InternetGatewayId", "InternetGatewayIds",
         "InvalidInternetGatewayID.NotFound", "internetGateway ID", {
             "internet-gateway-id": "InternetGatewayId", "attachment.vpc-id": "Attachments.VpcId",
             "attachment.state": "Attachments.State"}),
    Kind("DescribeVpcPeeringConnections", "VpcPeeringConnections", "VpcPeeringConnectionId", "VpcPeeringConnectionIds",
         "InvalidVpcPeeringConnectionID.NotFound", "vpcPeeringConnection ID", {
             "vpc-peering-connection-id": "VpcPeeringConnectionId", "status-code": "Status.Code",
             "requester-vpc-info.vpc-id": "RequesterVpcInfo.VpcId", "accepter-vpc-info.vpc-id": "AccepterVpcInfo.VpcId",
             "requester-vpc-info.cidr-block": "RequesterVpcInfo.CidrBlock",
             "accepter-vpc-info.cidr-block": "AccepterVpcInfo.CidrBlock"}),
    Kind("DescribeNetworkAcls", "NetworkAcls", "NetworkAclId", "NetworkAclIds", "InvalidNetworkAclID.NotFound",
         "networkAcl ID", {
             "network-acl-id": "NetworkAclId", "vpc-id": "VpcId", "default": "IsDefault", "owner-id": "OwnerId",
             "association.association-id": "Associations.NetworkAclAssociationId",
             "association.network-acl-id": "Associations.NetworkAclId", "association.subnet-id": "Associations.SubnetId",
             "entry.cidr": "Entries.CidrBlock", "entry.protocol": "Entries.Protocol", "entry.egress": "Entries.Egress",
             "entry.rule-action": "Entries.RuleAction", "entry.rule-number": "Entries.RuleNumber",
             "entry.port-range.from": "Entries.PortRange.From", "entry.port-range.to": "Entries.PortRange.To"}),
    Kind("DescribeVolumes", "Volumes", "VolumeId", "VolumeIds", "InvalidVolume.NotFound", "volume ID", {
        "volume-id": "VolumeId", "status": "State", "encrypted": "Encrypted", "size": "Size", "volume-type": "VolumeType",
        "availability-zone": "AvailabilityZone", "attachment.instance-id": "Attachments.InstanceId",
        "attachment.device": "Attachments.Device", "attachment.status": "Attachments.State",
        "attachment.delete-on-termination": "Attachments.DeleteOnTermination"}),
    Kind("DescribeLaunchTemplates", "LaunchTemplates", "LaunchTemplateId", "LaunchTemplateIds",
         "InvalidLaunchTemplateId.NotFound", "launch template ID", {
             "launch-template-name": "LaunchTemplateName"}),
    Kind("DescribeAvailabilityZones", "AvailabilityZones", "ZoneName", "ZoneNames", "InvalidParameterValue", "zone", {
        "zone-name": "ZoneName", "zone-id": "ZoneId", "state": "State", "region-name": "RegionName",
        "opt-in-status": "OptInStatus", "zone-type": "ZoneType", "group-name": "GroupName"}),
    Kind("DescribeImages", "Images", "ImageId", "ImageIds", "InvalidAMIID.NotFound", "image id", {
        "image-id": "ImageId", "name": "Name", "architecture": "Architecture", "owner-alias": "ImageOwnerAlias",
        "owner-id": "OwnerId", "state": "State", "platform": "Platform", "description": "Description",
        "root-device-type": "RootDeviceType", "virtualization-type": "VirtualizationType", "is-public": "Public",
        "image-type": "ImageType", "hypervisor": "Hypervisor", "creation-date": "CreationDate"}),
)}
_BY_PREFIX = {"vpc": "DescribeVpcs", "subnet": "DescribeSubnets", "rtb": "DescribeRouteTables",
              "sg": "DescribeSecurityGroups", "sgr": "DescribeSecurityGroupRules", "eni": "DescribeNetworkInterfaces",
              "i": "DescribeInstances", "nat": "DescribeNatGateways", "igw": "DescribeInternetGateways",
              "pcx": "DescribeVpcPeeringConnections", "vol": "DescribeVolumes", "lt": "DescribeLaunchTemplates",
              "acl": "DescribeNetworkAcls"}


def _all(context: Context, operation: str, member: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    """moto pages a few of its answers."""
    found: list[dict[str, Any]] = []
    while True:
        answer = context.moto(operation, params, "ec2")
        found += answer.get(member, [])
        if not answer.get("NextToken"):
            return found
        params = {**params, "NextToken": answer["NextToken"]}


def live(context: Context, kind: Kind, only: list[str] | None = None) -> list[dict[str, Any]]:
    """All current items, or those with the ids."""
    params = {kind.ids: only} if only else {}
    if kind.operation == "DescribeInstances":
        found = []
        for reservation in _all(context, kind.operation, "Reservations", params):
            for instance in reservation["Instances"]:
                instance["_reservation"] = {k: v for k, v in reservation.items() if k != "Instances"}
                found.append(_instance(ec2(context), instance))
        return found
    items = _all(context, kind.operation, kind.items, params)
    store = ec2(context)
    if kind.operation == "DescribeSubnets":
        for item in items:
            subnet = store.subnets[item["AvailabilityZone"]].get(item["SubnetId"])
            item["AvailableIpAddressCount"] = addresses.available(store, subnet) if subnet else 0
            item["State"] = subnet.state if subnet else "available"
    elif kind.operation == "DescribeRouteTables":
        for route in (r for item in items for r in item["Routes"]):
            route["State"] = "blackhole" if _is_gone(store, route) else "active"
    elif kind.operation == "DescribeVpcPeeringConnections":
        for side in (item[s] for item in items for s in ("RequesterVpcInfo", "AccepterVpcInfo")):
            vpc = store.vpcs.get(side["VpcId"])
            side["CidrBlockSet"] = [{"CidrBlock": row["cidr_block"]} for row in vpc.get_cidr_block_association_set()] \
                if vpc else []
    elif kind.operation == "DescribeNetworkInterfaces":
        for item in items:
            if not item.get("Association"):
                item.pop("Association", None)
            item["PrivateDnsName"] = _dns_name(context, item.get("PrivateIpAddress", ""))
            prefixes = getattr(store.enis[item["NetworkInterfaceId"]], "prefixes", [])
            item["Ipv4Prefixes"] = [{"Ipv4Prefix": p} for p in prefixes]
            item["Tags"] = item["TagSet"] = item.get("TagSet", [])
    return items


def _is_gone(store: Any, route: dict[str, Any]) -> bool:
    """"blackhole indicates that the route's target isn't available": a gateway that was deleted, for example."""
    nat, peering = route.get("NatGatewayId"), route.get("VpcPeeringConnectionId")
    if nat:
        return nat not in store.nat_gateways or store.nat_gateways[nat].state in ("deleting", "deleted", "failed")
    if peering:
        return peering not in store.vpc_pcxs or store.vpc_pcxs[peering]._status.code != "active"
    return str(route.get("GatewayId", "")).startswith("igw-") and route["GatewayId"] not in store.internet_gateways


def _dns_name(context: Context, address: str) -> str:
    """moto names every interface as in us-east-1."""
    domain = "ec2.internal" if context.region == "us-east-1" else f"{context.region}.compute.internal"
    return f"ip-{address.replace('.', '-')}.{domain}"


def _instance(store: Any, item: dict[str, Any]) -> dict[str, Any]:
    for interface in item.get("NetworkInterfaces", []):
        if not interface.get("Association"):
            interface.pop("Association", None)
        # moto shows only the first address.
        eni = store.enis.get(interface["NetworkInterfaceId"])
        if eni:
            interface["PrivateIpAddresses"] = [{"Primary": bool(a.get("Primary")), "PrivateIpAddress": a["PrivateIpAddress"]}
                                               for a in eni.private_ip_addresses]
            interface["Ipv4Prefixes"] = [{"Ipv4Prefix": p} for p in getattr(eni, "prefixes", [])]
            interface.setdefault("Attachment", {})["DeviceIndex"] = eni.device_index
    shown = dict(getattr(store.get_instance_by_id(item["InstanceId"]), "shown", {}))
    subnet = store.subnets.get(item.get("Placement", {}).get("AvailabilityZone", ""), {}).get(item.get("SubnetId", ""))
    zone_id = {"AvailabilityZoneId": subnet.availability_zone_id} if subnet else {}
    item["Placement"] = {**item.get("Placement", {}), **zone_id, **shown.pop("Placement", {})}
    item.update(shown)
    if item.get("State", {}).get("Name") == "terminated":
        # A terminated instance shows neither addresses nor interfaces.
        for key in ("SubnetId", "VpcId", "PrivateIpAddress", "PublicIpAddress"):
            item.pop(key, None)
        item.update(PrivateDnsName="", PublicDnsName="", NetworkInterfaces=[], SecurityGroups=[])
    return item


def one(context: Context, resource_id: str) -> dict[str, Any] | None:
    """The item with this id, whatever it is."""
    operation = _BY_PREFIX.get(resource_id.split("-")[0])
    if operation is None:
        return None
    try:
        found = live(context, KINDS[operation], [resource_id])
    except AwsError:
        return None
    return next((i for i in found if i.get(KINDS[operation].id) == resource_id), None)


# Filters that do not need the whole response, which takes a millisecond per interface: there can be thousands.
_INTERFACE_IS = {"attachment.instance-id": lambda eni: eni.instance.id if eni.instance else None,
                 "subnet-id": lambda eni: eni.subnet.id}


def _some(context: Context, kind: Kind, ids: list[str], wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if ids:
        try:
            return live(context, kind, ids)
        except AwsError:  # one of them no longer exists; a caller may still see it
            pass
    if kind.operation != "DescribeNetworkInterfaces":
        return live(context, kind)
    # Items that matched until a moment ago are missing here; the old state is added later.
    store = ec2(context)
    now = [eni.id for eni in list(store.enis.values()) if all(_may_match(store, eni, each) for each in wanted)]
    return live(context, kind, now) if now else []


def _may_match(store: Any, eni: Any, wanted: dict[str, Any]) -> bool:
    name, values = wanted["Name"], wanted.get("Values", [])
    if any(c in v for v in values for c in "*?\\"):
        return True
    if name.startswith("tag:"):
        return store.tags.get(eni.id, {}).get(name[4:]) in values
    return name not in _INTERFACE_IS or _INTERFACE_IS[name](eni) in values


def unknown_id(resource_id: str) -> AwsError:
    kind = KINDS[_BY_PREFIX[resource_id.split("-")[0]]]
    return AwsError(kind.missing, f"The {kind.noun} '{resource_id}' does not exist")


def describe(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    kind = KINDS[context.operation]
    wanted = params.get("Filters", params.get("Filter", []))
    ids = list(dict.fromkeys(params.get(kind.ids, [])))  # a caller may name one twice
    if ids and params.get("MaxResults"):
        raise AwsError("InvalidParameterCombination",
                       f"The parameter {kind.ids} cannot be used with the parameter MaxResults")
    filters.check(wanted, kind.names)
    items = consistency.seen(context, _some(context, kind, ids, wanted), kind.id)
    names = params.get("GroupNames", params.get("LaunchTemplateNames", []))
    if ids:
        known = {i[kind.id] for i in items}
        unknown = [i for i in ids if i not in known]
        bad = [i for i in unknown if not _well_formed(i, kind)]
        if bad:
            raise AwsError(kind.missing.replace(".NotFound", ".Malformed"), f'Invalid id: "{bad[0]}"')
        if unknown:
            raise AwsError(kind.missing, f"The {kind.noun} '{unknown[0]}' does not exist")
        items = [i for i in items if i[kind.id] in ids]
    if names:
        items = _named(kind, items, names)
    if kind.operation == "DescribeImages":
        items = _owned(items, params.get("Owners", []), context.account)
    items = ec2_shared.shown(context.world, kind.operation, items)
    items = sorted((i for i in items if filters.matches(i, wanted, kind.names)), key=lambda i: i[kind.id])
    token = None
    if not ids and kind.operation not in ("DescribeAvailabilityZones",):
        if params.get("MaxResults") is not None and not 1 < params["MaxResults"] <= 1000:
            raise AwsError("InvalidParameterValue",
                           f"Value ( {params['MaxResults']} ) for parameter maxResults is invalid. "
                           "Expecting a value between 5 and 1000.")
        items, token = paging.page(params, items, (kind.operation, repr(wanted), repr(names)))
    return {**_shape(kind, items), **({"NextToken": token} if token else {})}


def _well_formed(given: str, kind: Kind) -> bool:
    """Ids are a prefix and 8 or 17 hexadecimal digits."""
    prefixes = [p for p, operation in _BY_PREFIX.items() if operation == kind.operation]
    prefixes += ["ami"] if kind.operation == "DescribeImages" else []
    return not prefixes or bool(re.fullmatch(rf"(?:{'|'.join(prefixes)})-(?:[0-9a-f]{{8}}|[0-9a-f]{{17}})", given))


def _shape(kind: Kind, items: list[dict[str, Any]]) -> dict[str, Any]:
    if kind.operation != "DescribeInstances":
        return {kind.items: items}
    reservations = []
    for item in items:
        reservation = item.pop("_reservation")
        reservations.append({**reservation, "Instances": [item]})
    return {"Reservations": reservations}


def _named(kind: Kind, items: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    key = "GroupName" if kind.operation == "DescribeSecurityGroups" else "LaunchTemplateName"
    unknown = [n for n in names if n not in {i[key] for i in items}]
    if unknown:
        code = kind.missing if key == "GroupName" else "InvalidLaunchTemplateName.NotFoundException"
        raise AwsError(code, f"At least one of the {kind.noun}s specified in the request does not exist: {unknown[0]}")
    return [i for i in items if i[key] in names]


def _owned(items: list[dict[str, Any]], owners: list[str], account: str) -> list[dict[str, Any]]:
    if not owners:
        return items
    names = {account if o == "self" else o for o in owners}
    return [i for i in items if i.get("OwnerId") in names or i.get("ImageOwnerAlias") in names]


for _operation in KINDS:
    OPERATIONS["ec2", _operation] = describe
