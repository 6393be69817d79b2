"""AWS Fargate for EKS: profiles, and the network interfaces of its pods.

"Simplify compute management with AWS Fargate", EKS user guide: each pod runs alone on a node of its own, with an address
of the profile's private subnets, and custom networking does not apply to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address
from typing import Any

from . import addresses, paging
from .eks_model import Cluster, now, require
from .errors import AwsError
from .moto_patches import ec2
from .registry import implements
from .world import Context, World


@dataclass
class Profile:
    name: str
    arn: str
    role: str
    subnets: list[str]
    selectors: list[dict[str, Any]]
    created: datetime = field(default_factory=now)


@implements("eks", "ListFargateProfiles")
def list_all(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    profiles = require(context, params["clusterName"]).fargate
    names, token = paging.page(params, sorted(profiles), ("fargate",), size="maxResults", token="nextToken",
                               code="InvalidParameterException")
    return {"fargateProfileNames": names, **({"nextToken": token} if token else {})}


@implements("eks", "DescribeFargateProfile")
def describe(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = require(context, params["clusterName"])
    found = cluster.fargate.get(params["fargateProfileName"])
    if found is None:
        raise AwsError("ResourceNotFoundException", f"No Fargate Profile found with name: {params['fargateProfileName']}.",
                       404, clusterName=cluster.name, fargateProfileName=params["fargateProfileName"])
    return {"fargateProfile": {
        "fargateProfileName": found.name, "fargateProfileArn": found.arn, "clusterName": cluster.name,
        "createdAt": found.created, "podExecutionRoleArn": found.role, "subnets": found.subnets,
        "selectors": found.selectors, "status": "ACTIVE", "tags": {}, "health": {"issues": []}}}


def start(world: World, namespace: str) -> dict[str, Any] | None:
    """Creates the interface of a new pod, in the zone with the fewest. None: no profile selects the namespace."""
    cluster: Cluster = world.home.clusters[world.shape.cluster]
    profile = next((p for p in cluster.fargate.values()
                    if namespace in [s["namespace"] for s in p.selectors]), None)
    if profile is None:
        return None
    store: Any = ec2(Context(world, "ec2", "", world.shape.region))
    ours = [eni.subnet.id for eni in store.enis.values() if eni.description == _DESCRIPTION]
    subnet = store.get_subnet(min(profile.subnets, key=ours.count))
    # The pod gets the second address of its node's range of two.
    address = next(a for a in (addresses.pick(store, subnet)[0] for _ in range(100)) if int(IPv4Address(a)) % 2)
    eni = store.create_network_interface(subnet, address, group_ids=[cluster.security_group], description=_DESCRIPTION)
    eni.requester_managed, eni.status = True, "in-use"
    name = f"fargate-ip-{address.replace('.', '-')}.{world.shape.region}.compute.internal"
    return {"profile": profile.name, "interface": eni.id, "address": address, "zone": subnet.availability_zone, "node": name}


_DESCRIPTION = "fargate"


def stop(world: World, interface: str) -> None:
    store: Any = ec2(Context(world, "ec2", "", world.shape.region))
    eni = store.enis.pop(interface, None)
    if eni:
        eni.subnet.del_subnet_ip(eni.private_ip_address)
