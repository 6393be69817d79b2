"""Network interfaces: addresses from their subnet, limits of the instance type, one set of groups each."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from . import addresses, ec2_groups
from .errors import AwsError
from .moto_patches import ec2
from .registry import implements
from .world import Context


@lru_cache(maxsize=None)
def kind(store: Any, instance_type: str) -> dict[str, Any]:
    """DescribeInstanceTypes for one type. moto searches all types each time."""
    return store.describe_instance_types([instance_type])[0]


def limits(store: Any, instance_type: str) -> tuple[int, int]:
    """(interfaces, IPv4 addresses per interface) of the default network card."""
    info = kind(store, instance_type).get("NetworkInfo", {})
    card = next((c for c in info.get("NetworkCards", []) if c["NetworkCardIndex"] == info.get(
        "DefaultNetworkCardIndex", 0)), {})
    return (card.get("MaximumNetworkInterfaces", info.get("MaximumNetworkInterfaces", 1)),
            info.get("Ipv4AddressesPerInterface", 1))


def _subnet(store: Any, subnet_id: str) -> Any:
    for zone in store.subnets.values():
        if subnet_id in zone:
            return zone[subnet_id]
    raise AwsError("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")


def eni_of(store: Any, eni_id: str) -> Any:
    if eni_id not in store.enis:
        raise AwsError("InvalidNetworkInterfaceID.NotFound", f"The networkInterface ID '{eni_id}' does not exist")
    return store.enis[eni_id]


@implements("ec2", "CreateNetworkInterface")
def create(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    store = ec2(context)
    subnet = _subnet(store, params["SubnetId"])
    groups = params.get("Groups", [])
    ec2_groups.check_count(context, groups)
    for group_id in groups:
        group = store.get_security_group_from_id(group_id)
        if group is None:  # moto would create a group of that name
            raise AwsError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
        if group.vpc_id != subnet.vpc_id:
            raise AwsError("InvalidParameterValue",
                           "You have specified two resources that belong to different networks.")
    given = [a["PrivateIpAddress"] for a in params.get("PrivateIpAddresses", []) if a.get("PrivateIpAddress")]
    if params.get("PrivateIpAddress"):
        given.insert(0, params["PrivateIpAddress"])
    more = params.get("SecondaryPrivateIpAddressCount", 0) + (0 if given else 1)
    all_addresses = given + (addresses.pick(store, subnet, more) if more else [])
    prefixes = addresses.pick_prefixes(store, subnet, params["Ipv4PrefixCount"]) if params.get("Ipv4PrefixCount") \
        else [p["Ipv4Prefix"] for p in params.get("Ipv4Prefixes", [])]
    plain = {k: v for k, v in params.items() if k in (
        "SubnetId", "Groups", "Description", "TagSpecifications", "Ipv6AddressCount", "ClientToken", "InterfaceType")}
    plain["PrivateIpAddresses"] = [{"PrivateIpAddress": a, "Primary": i == 0} for i, a in enumerate(all_addresses)]
    answer = context.moto(params=plain)
    eni = store.enis[answer["NetworkInterface"]["NetworkInterfaceId"]]
    eni.prefixes = prefixes
    eni.requester_id = context.caller.user_id if context.caller else "amazon-aws"
    # On AWS: pending until it is available; "available" here at once, a caller can't notice the difference.
    answer["NetworkInterface"]["Status"] = "pending"
    answer["NetworkInterface"]["Ipv4Prefixes"] = [{"Ipv4Prefix": p} for p in prefixes]
    return answer


@implements("ec2", "AttachNetworkInterface")
def attach(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    store = ec2(context)
    eni = eni_of(store, params["NetworkInterfaceId"])
    instance = store.get_instance_by_id(params["InstanceId"])
    if instance is None:
        raise AwsError("InvalidInstanceID.NotFound", f"The instance ID '{params['InstanceId']}' does not exist")
    if eni.attachment_id:
        raise AwsError("InvalidNetworkInterface.InUse", f"Interface: [{eni.id}] in use.")
    if instance.state not in ("running", "stopped", "pending"):
        raise AwsError("IncorrectState", f"Instance '{instance.id}' is not 'running' or 'stopped'")
    if eni.subnet.availability_zone != instance.availability_zone:
        raise AwsError("InvalidParameterCombination",
                       "You may not attach a network interface to an instance if they are not in the same "
                       "availability zone")
    most, per_eni = limits(store, instance.instance_type)
    if len(instance.nics) >= most:
        raise AwsError("AttachmentLimitExceeded",
                       f"Interface count {len(instance.nics) + 1} exceeds the limit for {instance.instance_type}")
    if len(eni.private_ip_addresses) + len(getattr(eni, "prefixes", [])) > per_eni:
        raise AwsError("PrivateIpAddressLimitExceeded",
                       f"Number of private addresses will exceed limit for {instance.instance_type}.")
    if params["DeviceIndex"] in instance.nics:
        raise AwsError("InvalidParameterValue",
                       f"Instance '{instance.id}' already has an interface attached at device index "
                       f"'{params['DeviceIndex']}'.")
    return context.moto(params=params)


@implements("ec2", "ModifyNetworkInterfaceAttribute")
def modify(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    eni = eni_of(ec2(context), params["NetworkInterfaceId"])
    ec2_groups.check_count(context, params.get("Groups", []))
    change = params.get("Attachment")
    if change and "DeleteOnTermination" in change:
        eni.delete_on_termination = change["DeleteOnTermination"]
        if len(params) == 2:
            return {}
    return context.moto(params={k: v for k, v in params.items() if k != "Attachment"})


@implements("ec2", "AssignPrivateIpAddresses")
def assign(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    store = ec2(context)
    eni = eni_of(store, params["NetworkInterfaceId"])
    added, prefixes = [], []
    if params.get("SecondaryPrivateIpAddressCount") or params.get("PrivateIpAddresses"):
        count = params.get("SecondaryPrivateIpAddressCount", 0)
        added = params.get("PrivateIpAddresses") or addresses.pick(store, eni.subnet, count)
    if params.get("Ipv4PrefixCount") or params.get("Ipv4Prefixes"):
        prefixes = params.get("Ipv4Prefixes") or addresses.pick_prefixes(store, eni.subnet, params["Ipv4PrefixCount"])
    if eni.instance:
        _, per_eni = limits(store, eni.instance.instance_type)
        total = len(eni.private_ip_addresses) + len(getattr(eni, "prefixes", [])) + len(added) + len(prefixes)
        if total > per_eni:
            raise AwsError("PrivateIpAddressLimitExceeded",
                           f"Number of private addresses will exceed limit for {eni.instance.instance_type}.")
    eni.private_ip_addresses += [{"Primary": False, "PrivateIpAddress": a} for a in added]
    eni.prefixes = [*getattr(eni, "prefixes", []), *prefixes]
    return {"NetworkInterfaceId": eni.id, "AssignedPrivateIpAddresses": [{"PrivateIpAddress": a} for a in added],
            "AssignedIpv4Prefixes": [{"Ipv4Prefix": p} for p in prefixes]}


@implements("ec2", "DeleteNetworkInterface")
def delete(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    eni = eni_of(ec2(context), params["NetworkInterfaceId"])
    if eni.attachment_id or eni.status == "in-use":
        raise AwsError("InvalidParameterValue", f"Network interface '{eni.id}' is currently in use.")
    return context.moto(params=params)


