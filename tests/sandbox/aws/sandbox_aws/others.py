"""Events from outside: what happens to node groups during a caller's run.

A test names the call after which the event happens, so that the timing is always the same.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from .asg_model import Group
from .world import Context, World


def _group(world: World, name: str | None) -> Group | None:
    """By its own name or that of the managed node group; else the first one that has instances."""
    groups = world.home.groups
    managed = {n.name: n.group for c in world.home.clusters.values() for n in c.nodegroups.values()}
    if name:
        return groups.get(managed.get(name, name))
    return next((g for g in groups.values() if g.active()), None)


def after(world: World, service: str, operation: str) -> None:
    """Triggers the events that a test requested after this operation."""
    for kind, do in (("node_start", _start), ("node_end", _end)):
        fault = world.take_fault(service, operation, kind)
        if fault is None:
            continue
        group = _group(world, fault.get("group"))
        if group is None:
            print(f"fault {fault}: no such group", file=sys.stderr)
            continue
        do(Context(world, "autoscaling", "", group.region), group)


def interrupt(world: World) -> None:
    """Counts a mutating call, and sends the signal that a test requested after this many."""
    for fault in [f for f in world.faults if f["kind"] == "signal"]:
        fault["after"] -= 1
        if fault["after"] <= 0:
            world.faults.remove(fault)
            try:
                os.kill(fault["pid"], signal.Signals[f"SIG{fault['signal']}"])
            except ProcessLookupError:
                pass


def _start(context: Context, group: Group) -> None:
    """The Cluster Autoscaler raises the desired capacity, never above the group's maximum."""
    context.call("autoscaling", "SetDesiredCapacity", {
        "AutoScalingGroupName": group.name, "DesiredCapacity": min(group.desired + 1, group.maximum)})


def _end(context: Context, group: Group) -> None:
    """An instance dies. Its group finds it unhealthy and launches another one."""
    members: list[Any] = [m for m in group.members if m.state == "InService"]
    if members:
        context.call("ec2", "TerminateInstances", {"InstanceIds": [members[0].instance_id]})
