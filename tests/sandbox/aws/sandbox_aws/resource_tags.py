"""The tags that a resource has, as condition keys: aws:ResourceTag/<key> and the service's own spelling of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .world import World

Keys = dict[str, "list[str]"]


def _keys(tags: dict[str, str], service: str) -> Keys:
    return {f"{prefix}:ResourceTag/{k}": [v] for k, v in tags.items() for prefix in ("aws", service)}


def of_ec2(world: World, resource_id: str, region: str) -> Keys:
    from moto.ec2.models import ec2_backends

    return _keys(ec2_backends[world.shape.account][region].tags.get(resource_id, {}), "ec2")


def group_of(world: World, params: dict[str, Any], region: str) -> Any:
    """The Auto Scaling group of a request, directly or through one of its instances."""
    from .asg_model import owner

    found = owner(world, params["InstanceId"]) if "InstanceId" in params else None
    return found[0] if found else world.regions[region].groups.get(params.get("AutoScalingGroupName", ""))


def of(world: World, service: str, params: dict[str, Any], region: str) -> Keys:
    here = world.regions[region]
    if service == "autoscaling":
        group = group_of(world, params, region)
        return _keys({k: v for k, (v, _) in group.tags.items()}, service) if group else {}
    if service == "cloudformation":
        name = params.get("StackName")
        stack = next((s for s in reversed(here.stacks) if name in (s.id, s.name)), None)
        return _keys(stack.tags, service) if stack else {}
    if service == "eks":
        cluster = here.clusters.get(params.get("clusterName") or params.get("name"))
        if cluster is None:
            return {}
        found = cluster.nodegroups.get(params.get("nodegroupName")) or cluster.addons.get(params.get("addonName")) or \
            cluster.entries.get(params.get("principalArn")) or cluster
        return _keys(found.tags, service)
    return {}
