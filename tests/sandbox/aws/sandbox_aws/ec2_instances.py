"""Instances: they start and terminate over time, use addresses of their subnet and release them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS

from . import addresses, amis, ec2_groups, ec2_volumes, quotas
from .errors import AwsError
from .moto_patches import ec2
from .registry import implements
from .world import Context, World, chance

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
# The VPC CNI's interfaces ("aws-K8S-<instance id>"), which can be leaked.
CNI_DESCRIPTION = "aws-K8S-"
_VCPUS: dict[str, int] = {}

# Called when an instance changes its state: Auto Scaling registers here.
LISTENERS: list[Callable[[World, str, str], None]] = []


def set_state(world: World, instance: Any, name: str) -> None:
    instance._state.name, instance._state.code = name, CODES[name]
    for listener in LISTENERS:
        listener(world, instance.id, name)


@implements("ec2", "RunInstances")
def run(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    store = ec2(context)
    if params.get("LaunchTemplate"):
        params = _with_template(context, params)
    if not params.get("ImageId"):
        raise AwsError("MissingParameter", "The request must contain the parameter ImageId")
    _check_image(store, params["ImageId"], params.get("InstanceType", "m1.small"))
    profile = _profile(context, params.pop("IamInstanceProfile", None))
    count, public, prefixes = params.get("MinCount", 1), None, 0
    mappings, tags = params.pop("BlockDeviceMappings", []), _tags(params.pop("TagSpecifications", []))
    spot = params.get("InstanceMarketOptions", {}).get("MarketType") == "spot"
    interface = next((i for i in params.pop("NetworkInterfaces", []) if i.get("DeviceIndex", 0) == 0), None)
    if interface:
        if params.get("SecurityGroupIds"):
            raise AwsError("InvalidParameterCombination", "Network interfaces and an instance-level security groups may "
                                                          "not be specified on the same request")
        public, prefixes = interface.get("AssociatePublicIpAddress"), interface.get("Ipv4PrefixCount", 0)
        if interface.get("Groups"):
            params["SecurityGroupIds"] = interface["Groups"]
        params.setdefault("SubnetId", interface.get("SubnetId"))
    subnet = _subnet(store, params)
    ec2_groups.check_count(context, params.get("SecurityGroupIds", []))
    _check_groups(store, subnet, params.get("SecurityGroupIds", []))
    _check_offered(context, params.get("InstanceType", "m1.small"), subnet.availability_zone)
    if not spot:  # Spot Instances have quotas of their own
        _check_vcpus(context, store, params.get("InstanceType", "m1.small"), count)
    if amis.family(store.amis[params["ImageId"]].name) == "al2023":
        # Its images have imds-support v2.0 ("Order of precedence for instance metadata options", EC2 user guide).
        params["MetadataOptions"] = {"HttpTokens": "required", "HttpPutResponseHopLimit": 2,
                                     **params.get("MetadataOptions", {})}
    made = []
    for address in addresses.pick(store, subnet, count):
        wanted = {k: v for k, v in params.items() if k in (
            "ImageId", "InstanceType", "UserData", "SecurityGroupIds", "KeyName", "MetadataOptions", "Monitoring",
            "EbsOptimized", "InstanceMarketOptions", "DisableApiTermination")}
        answer = context.moto("RunInstances", {
            **wanted, "SubnetId": subnet.id, "PrivateIpAddress": address, "MinCount": 1, "MaxCount": 1})
        instance = store.get_instance_by_id(answer["Instances"][0]["InstanceId"])
        instance.add_tags(tags.get("instance", {}))
        ec2_volumes.attach(context, store, instance, mappings, tags.get("volume", {}))
        instance.nics[0].add_tags(tags.get("network-interface", {}))
        if prefixes:
            instance.nics[0].prefixes = addresses.pick_prefixes(store, subnet, prefixes)
        _finish(context, instance, profile, public, params)
        made.append(answer["Instances"][0])
    return {**answer, "Instances": made}


def _with_template(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """The launch template's values, overridden by the request's. Tags of both apply, and EC2 adds two of its own
    ("Launch instances from a launch template", EC2 user guide)."""
    from .ec2_templates import version_of

    template = version_of(context, params["LaunchTemplate"])
    data = template["LaunchTemplateData"]
    tags = _tags(data.get("TagSpecifications", []))
    own = {"aws:ec2launchtemplate:id": template["LaunchTemplateId"],
           "aws:ec2launchtemplate:version": str(template["VersionNumber"])}
    for kind, more in [*_tags(params.get("TagSpecifications", [])).items(), ("instance", own)]:
        tags.setdefault(kind, {}).update(more)
    return {**data, **{k: v for k, v in params.items() if k != "LaunchTemplate"},
            "TagSpecifications": [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in each.items()]}
                                  for kind, each in tags.items()]}


def _tags(specifications: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """By resource type."""
    found: dict[str, dict[str, str]] = {}
    for one in specifications:
        found.setdefault(one.get("ResourceType", "instance"), {}).update(
            {t["Key"]: t.get("Value", "") for t in one.get("Tags", [])})
    return found


def _also_shown(params: dict[str, Any], instance: Any) -> dict[str, Any]:
    """What DescribeInstances shows of a request, and moto does not."""
    placement = {k: v for k, v in params.get("Placement", {}).items() if k in (
        "GroupName", "PartitionNumber", "Tenancy", "HostId", "GroupId")}
    found = {"Placement": placement} if placement else {}
    found |= {k: params[k] for k in ("EnclaveOptions", "PrivateDnsNameOptions", "MaintenanceOptions",
                                     "CapacityReservationSpecification") if k in params}
    if instance.lifecycle == "spot":
        found["SpotInstanceRequestId"] = "sir-" + instance.id[-8:]
    return found


def _finish(context: Context, instance: Any, profile: Any, public: bool | None, params: dict[str, Any]) -> None:
    if profile is not None:
        instance.iam_instance_profile = {"Arn": profile.arn, "Id": profile.id}
    primary = instance.nics[0]
    primary.description, primary.delete_on_termination = "", True
    if public is False:
        primary.public_ip, primary.public_ip_auto_assign = None, False
    elif public and not primary.public_ip:
        primary.public_ip_auto_assign = True
        primary.start()
    instance.shown = _also_shown(params, instance)
    set_state(context.world, instance, "pending")

    def running() -> None:
        if instance.state == "pending":
            set_state(context.world, instance, "running")

    context.world.after("pending", running)


def _subnet(store: Any, params: dict[str, Any]) -> Any:
    for zone in store.subnets.values():
        if params.get("SubnetId") in zone:
            return zone[params["SubnetId"]]
    if params.get("SubnetId"):
        raise AwsError("InvalidSubnetID.NotFound", f"The subnet ID '{params['SubnetId']}' does not exist")
    return next(iter(store.get_default_subnets().values()))


def _check_groups(store: Any, subnet: Any, groups: list[str]) -> None:
    for group_id in groups:
        group = store.get_security_group_from_id(group_id)
        if group is None:
            raise AwsError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
        if group.vpc_id != subnet.vpc_id:
            raise AwsError("InvalidParameter", f"Security group {group_id} and subnet {subnet.id} belong to different "
                                               "networks.")


@lru_cache
def offered(region: str) -> dict[str, set[str]]:
    """Zone -> instance types."""
    found: dict[str, set[str]] = {}
    for row in INSTANCE_TYPE_OFFERINGS["availability-zone"].get(region, []):
        found.setdefault(row["Location"], set()).add(row["InstanceType"])
    return found


def _check_offered(context: Context, instance_type: str, zone: str) -> None:
    known = offered(context.region)
    if instance_type not in known.get(zone, {instance_type}):
        others = sorted(z for z, types in known.items() if instance_type in types)
        raise AwsError("Unsupported",
                       f"Your requested instance type ({instance_type}) is not supported in your requested Availability "
                       f"Zone ({zone}). Please retry your request by not specifying an Availability Zone or choosing "
                       f"{', '.join(others)}.")


def _vcpus(store: Any, instance_type: str) -> int:
    """Whether the quota of Standard instances counts the type; G, P, Inf, Trn, X and others have their own quotas."""
    if not re.match(r"(a|c|d|h|i|im|is|m|r|t|z)\d", instance_type):
        return 0
    if instance_type not in _VCPUS:
        _VCPUS[instance_type] = store.describe_instance_types([instance_type])[0]["VCpuInfo"]["DefaultVCpus"]
    return _VCPUS[instance_type]


def _check_vcpus(context: Context, store: Any, instance_type: str, count: int) -> None:
    most, new = int(quotas.value(context, "ec2", quotas.VCPUS)), count * _vcpus(store, instance_type)
    used = sum(_vcpus(store, i.instance_type) for i in store.all_instances()
               if i.state in ("pending", "running") and i.lifecycle != "spot")
    if new and used + new > most:
        raise AwsError("VcpuLimitExceeded",
                       f"You have requested more vCPU capacity than your current vCPU limit of {most} allows for the "
                       "instance bucket that the specified instance type belongs to. Please visit "
                       "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.")


def _check_image(store: Any, image_id: str, instance_type: str) -> None:
    if image_id not in store.amis:
        raise AwsError("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
    known = [t for t in store.instance_types if t["InstanceType"] == instance_type]
    if not known:
        raise AwsError("InvalidParameterValue", f"Invalid value '{instance_type}' for InstanceType.")
    supported = known[0].get("ProcessorInfo", {}).get("SupportedArchitectures", ["x86_64"])
    if store.amis[image_id].architecture not in supported:
        raise AwsError("InvalidParameterValue",
                       f"The architecture '{', '.join(supported)}' of the specified instance type does not match the "
                       f"architecture '{store.amis[image_id].architecture}' of the specified AMI. Specify an instance "
                       "type and an AMI that have matching architectures, and try again.")


def _profile(context: Context, wanted: dict[str, str] | None) -> Any:
    if not wanted:
        return None
    from .iam import profile
    found = profile(context.world, wanted.get("Arn") or wanted.get("Name", ""))
    if found is None:
        shown = f"iamInstanceProfile.{'arn' if wanted.get('Arn') else 'name'}"
        raise AwsError("InvalidParameterValue",
                       f"Value ({wanted.get('Arn') or wanted.get('Name')}) for parameter {shown} is invalid. "
                       f"Invalid IAM Instance Profile {'ARN' if wanted.get('Arn') else 'name'}")
    if not found.roles:
        raise AwsError("InvalidParameterValue", f'IAM Instance Profile "{found.arn}" has no associated IAM Roles')
    return found


@implements("ec2", "TerminateInstances")
def terminate(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    store = ec2(context)
    found = []
    for instance_id in params["InstanceIds"]:
        instance = store.get_instance_by_id(instance_id)
        if instance is None:
            raise AwsError("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")
        if instance.disable_api_termination:
            raise AwsError("OperationNotPermitted", f"The instance '{instance_id}' may not be terminated. Modify its "
                                                    "'disableApiTermination' instance attribute and try again.")
        found.append(instance)
    rows = []
    for instance in found:
        before = instance.state
        if before not in ("shutting-down", "terminated"):
            set_state(context.world, instance, "shutting-down")
            context.world.after("shutting-down", lambda i=instance: _end(context, store, i))
        rows.append({"InstanceId": instance.id, "PreviousState": {"Code": CODES[before], "Name": before},
                     "CurrentState": {"Code": instance.state_code, "Name": instance.state}})
    return {"TerminatingInstances": rows}


def _end(context: Context, store: Any, instance: Any) -> None:
    """Interfaces with DeleteOnTermination are deleted with the instance; others, and leaked ones, stay `available`."""
    instance.last_subnet_id, instance.last_private_ip = instance.subnet_id, instance.private_ip
    for eni in list(instance.nics.values()):
        leak = None
        if eni.description.startswith(CNI_DESCRIPTION):
            leak = context.world.take_fault("ec2", "TerminateInstances", "eni_leak")
            if leak is None and context.world.shape.aws == "rough" and chance(eni.id) < 0.2:
                leak = {"seconds": 8}
        if eni.device_index == 0 or (eni.delete_on_termination and leak is None):
            store.enis.pop(eni.id, None)
            eni.subnet.del_subnet_ip(eni.private_ip_address)
            continue
        eni.status, eni.attachment_id, eni.instance, eni.device_index = "available", None, None, None
        if leak and leak.get("seconds"):
            context.world.after(float(leak["seconds"]), lambda e=eni: store.enis.pop(e.id, None))
    instance.teardown_defaults()
    instance.state_reason.code = "Client.UserInitiatedShutdown"
    instance.state_reason.message = "Client.UserInitiatedShutdown: User initiated shutdown"
    set_state(context.world, instance, "terminated")
    # "A terminated instance remains visible for a short while (usually less than one hour)", EC2 user guide.
    context.world.after(1200.0, lambda: _forget(store, instance))


def _forget(store: Any, instance: Any) -> None:
    for key, reservation in list(store.reservations.items()):
        if instance in reservation.instances:
            reservation.instances.remove(instance)
            if not reservation.instances:
                store.reservations.pop(key)
