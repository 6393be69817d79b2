"""What an Auto Scaling group does by itself: it launches and terminates instances until it has the desired number."""

from __future__ import annotations

from typing import Any

from . import asg_balance, asg_hooks, asg_mixed, ec2_instances
from .asg_model import Activity, Group, Member, now
from .errors import AwsError
from .world import Context, World

# Failed launches are retried, on AWS less and less often; here after this many "launch" times.
_RETRY = 10


def context_of(world: World, group: Group) -> Context:
    return Context(world, "autoscaling", "", group.region)


def wake(world: World, group: Group) -> None:
    world.after("launch", lambda: reconcile(world, group))


def reconcile(world: World, group: Group) -> None:
    if group.name not in world.regions[group.region].groups:
        return
    missing = group.desired - sum(m.units for m in group.active() if not m.balancing)
    cause = (f"At {now():%Y-%m-%dT%H:%M:%SZ} an instance was started in response to a difference between desired and "
             f"actual capacity, increasing the capacity from {group.capacity()} to {group.desired}.")
    if missing > 0 and "Launch" not in group.suspended and not group.status:
        while missing > 0:
            # "If the attempt fails, [it] attempts to launch the instances in another Availability Zone".
            if not any(_launch(world, group, cause, subnet) for subnet in _candidates(group)):
                break
            missing -= group.members[-1].units
    elif missing < 0 and "Terminate" not in group.suspended:
        for member in _victims(group, -missing):
            terminate(world, group, member,
                      f"At {now():%Y-%m-%dT%H:%M:%SZ} instance {member.instance_id} was selected for termination.")
    if group.status and not group.members:
        del world.regions[group.region].groups[group.name]
    asg_balance.watch(world, group, lambda subnet, why: _launch(world, group, why, subnet, balancing=True))


def _launch(world: World, group: Group, cause: str, subnet: str, balancing: bool = False) -> bool:
    context = context_of(world, group)
    activity = Activity(group.name, "Launching a new EC2 instance", cause)
    group.activities.insert(0, activity)
    spot = asg_mixed.next_is_spot(group)
    try:
        zone = _zone(context, subnet)
        options = asg_mixed.choices(context, group, spot)
        fault = next((f for f in (world.take_fault("autoscaling", where, "launch_failure")
                                  for where in (zone, group.name, "Launch")) if f), None)
        if fault:
            raise _launch_failure(fault, options[0].instance_type, zone)
        choice, answer = _first(context, group, options, spot, subnet)
    except AwsError as error:
        activity.description = "Launching a new EC2 instance"
        kind = "Spot" if spot else "On-Demand"
        activity.finish("Failed", f"Could not launch {kind} Instances. {error.code} - {error.message} "
                                  "Launching EC2 instance failed.")
        if not group.retry_pending:
            group.retry_pending = True

            def again() -> None:
                group.retry_pending = False
                reconcile(world, group)

            world.after(world.seconds("launch") * _RETRY, again)
        return False
    instance = answer["Instances"][0]
    activity.description = f"Launching a new EC2 instance: {instance['InstanceId']}"
    group.members.append(Member(instance["InstanceId"], zone, choice.instance_type, choice.template or {}, weight=choice.weight,
                                spot=spot, protected=group.protect_new, balancing=balancing, activity=activity,
                                configuration=group.configuration))
    return True


def _first(context: Context, group: Group, options: list[asg_mixed.Choice], spot: bool,
           subnet: str) -> tuple[asg_mixed.Choice, dict[str, Any]]:
    """Launches the first type that the zone has."""
    for index, choice in enumerate(options):
        try:
            return choice, _run(context, group, choice, spot, subnet)
        except AwsError:
            if index == len(options) - 1:
                raise
    raise AwsError("ValidationError", "The group has no instance type.")


def _run(context: Context, group: Group, choice: asg_mixed.Choice, spot: bool, subnet: str) -> dict[str, Any]:
    data = choice.data
    own = {s["ResourceType"]: {t["Key"]: t.get("Value", "") for t in s.get("Tags", [])}
           for s in data.get("TagSpecifications", []) if s.get("ResourceType")}
    # The group's tags are on its instances only; those of volumes and interfaces are the template's ("Tag Auto Scaling
    # groups and instances").
    own.setdefault("instance", {}).update({k: v for k, (v, propagate) in group.tags.items() if propagate})
    own["instance"]["aws:autoscaling:groupName"] = group.name
    if choice.template:
        own["instance"].update({"aws:ec2launchtemplate:id": choice.template["LaunchTemplateId"],
                                "aws:ec2launchtemplate:version": choice.template["Version"]})
    params = {k: v for k, v in data.items() if k not in ("TagSpecifications", "InstanceRequirements")}
    if spot:
        params["InstanceMarketOptions"] = {"MarketType": "spot"}
    return context.call("ec2", "RunInstances", {
        **params, "InstanceType": choice.instance_type, "SubnetId": subnet, "MinCount": 1, "MaxCount": 1,
        "TagSpecifications": [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}
                              for kind, tags in own.items()]})


def _launch_failure(fault: dict[str, Any], instance_type: str, zone: str) -> AwsError:
    code = fault.get("code", "InsufficientInstanceCapacity")
    texts = {
        "InsufficientInstanceCapacity":
            f"We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested "
            f"({zone}). Our system will be working on provisioning additional capacity.",
        "VcpuLimitExceeded":
            "You have requested more vCPU capacity than your current vCPU limit allows for the instance bucket that "
            "the specified instance type belongs to."}
    return AwsError(code, fault.get("message") or texts.get(code, "The launch failed."))


def _zone(context: Context, subnet: str) -> str:
    found = context.moto("DescribeSubnets", {"SubnetIds": [subnet]}, "ec2")["Subnets"]
    return found[0]["AvailabilityZone"]


def _candidates(group: Group) -> list[str]:
    """A subnet of each zone, those of the zones with the fewest members first."""
    count = asg_balance.counts(group)
    first = {z: s for s, z in reversed(list(zip(group.subnets, group.subnet_zones, strict=True)))}
    return sorted(first.values(), key=lambda s: (count[group.subnet_zones[group.subnets.index(s)]], group.subnets.index(s)))


def _victims(group: Group, count: int) -> list[Member]:
    """Default termination policy: from the zone with most members, the oldest first; never below the desired units."""
    chosen: list[Member] = []
    left = [m for m in group.active() if not m.protected]
    while left and sum(m.units for m in chosen) < count:
        left = [m for m in left if sum(c.units for c in chosen) + m.units <= count]
        if not left:
            break
        zones = {z: sum(m.zone == z for m in group.active() if m not in chosen) for z in group.zones}
        victim = max(left, key=lambda m: (zones.get(m.zone, 0), -left.index(m)))
        chosen.append(victim)
        left.remove(victim)
    return chosen


def terminate(world: World, group: Group, member: Member, cause: str) -> Activity:
    activity = Activity(group.name, f"Terminating EC2 instance: {member.instance_id}", cause)
    group.activities.insert(0, activity)
    member.state, member.activity = "Terminating", activity
    if not asg_hooks.hold(world, group, member, lambda: _end(world, group, member)):
        _end(world, group, member)
    return activity


def _end(world: World, group: Group, member: Member) -> None:
    context = context_of(world, group)
    world.after(world.seconds("launch"), lambda: context.call(
        "ec2", "TerminateInstances", {"InstanceIds": [member.instance_id]}))


def _listen(world: World, instance_id: str, state: str) -> None:
    for region in world.regions.values():
        for group in list(region.groups.values()):
            member = group.member(instance_id)
            if member:
                _changed(world, group, member, state)


def _changed(world: World, group: Group, member: Member, state: str) -> None:
    if state == "running" and member.state == "Pending":
        member.state = "InService"
        if member.balancing:
            member.balancing = False
            wake(world, group)
        if member.activity:
            member.activity.finish()
    elif state in ("shutting-down", "stopping") and member.state in ("Pending", "InService"):
        # Terminated from outside: the health check notices it and the group replaces it.
        member.state, member.health = "Terminating", "Unhealthy"
        member.activity = Activity(group.name, f"Terminating EC2 instance: {member.instance_id}",
                                   f"At {now():%Y-%m-%dT%H:%M:%SZ} an instance was taken out of service in response to "
                                   "an EC2 health check indicating it has been terminated or stopped.")
        group.activities.insert(0, member.activity)
    elif state == "terminated":
        if member.activity:
            member.activity.finish()
        if member in group.members:
            group.members.remove(member)
        wake(world, group)


ec2_instances.LISTENERS.append(_listen)
