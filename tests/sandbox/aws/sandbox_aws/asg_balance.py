"""AZRebalance: an unbalanced group is balanced again.

"Amazon EC2 Auto Scaling ... launches new instances before terminating the old ones" when instances were
terminated or detached and the zones are unbalanced; it needs the Launch process as well ("Suspend and
resume processes", "Availability Zone distribution", Auto Scaling user guide).
"""

from __future__ import annotations

from collections.abc import Callable

from .asg_model import Group, now
from .world import World

_NEEDS = ("AZRebalance", "Launch")


def counts(group: Group) -> dict[str, int]:
    return {z: sum(m.zone == z for m in group.active()) for z in group.zones}


def lopsided(group: Group) -> bool:
    """Zones that differ by one are balanced."""
    found = counts(group)
    return max(found.values()) - min(found.values()) > 1


def watch(world: World, group: Group, launch: Callable[[str, str], object]) -> None:
    """Checks again after a while, as long as the group is unbalanced."""
    if group.balance_pending or group.status or not lopsided(group) or any(p in group.suspended for p in _NEEDS):
        return
    group.balance_pending = True

    def look() -> None:
        group.balance_pending = False
        if group.name not in world.regions[group.region].groups:
            return
        settled = all(m.state == "InService" for m in group.members) and len(group.members) == group.desired
        if settled and lopsided(group) and not any(p in group.suspended for p in _NEEDS):
            found = counts(group)
            zone = min(found, key=lambda z: found[z])
            cause = (f"At {now():%Y-%m-%dT%H:%M:%SZ} instances were launched to balance instances in zones "
                     f"{' '.join(z for z in found if z != zone)} with other zones resulting in more than desired number "
                     f"of instances in the group.")
            launch(next(s for s, z in zip(group.subnets, group.subnet_zones, strict=True) if z == zone), cause)
        watch(world, group, launch)

    world.after("rebalance", look)
