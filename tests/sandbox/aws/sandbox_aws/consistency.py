"""Eventual consistency: callers see changes with a delay.

"The Amazon EC2 API follows an eventual consistency model" (Ensuring idempotency and consistency, EC2
API reference): for about a second after a change, reads may answer as if it had not been made.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .gate import mutating
from .resources import ids_in
from .world import Context, chance

# Minimum and maximum seconds until a change is visible.
_LAG = {"calm": (0.0, 0.0), "real": (0.3, 1.2), "rough": (1.0, 4.0)}


@dataclass
class Past:
    until: float
    since: float
    item: dict[str, Any] | None  # the state before the change; None: it did not exist


# Other services register here what a mutating call changes: (service, operation) -> keys.
TOUCHES: dict[tuple[str, str], Callable[[Context, dict[str, Any]], list[str]]] = {}
# How to read the current value of such a key: service -> function.
READERS: dict[str, Callable[[Context, str], dict[str, Any] | None]] = {}


def _past(context: Context) -> dict[str, Past]:
    return context.world.past


def run(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Runs the operation. If it changes something, keeps the old state that callers still see for a while."""
    world = context.world
    least, most = _LAG[world.shape.aws]
    quiet = most == 0 or context.fresh or not mutating(context.operation, params)
    if quiet:
        return world.call(context.service, context.operation, params, context.region, context.caller)
    touched = _touched(context, params)
    _check_known(context, touched)
    before = {key: _read(context, key) for key in touched}
    result = world.call(context.service, context.operation, params, context.region, context.caller)
    now, past = time.monotonic(), _past(context)
    for key in [*touched, *(i for i in ids_in(result) if i not in touched)]:
        if key in before and before[key] == _read(context, key):
            continue  # in the request, but not changed: a VPC when a subnet is created in it
        until = now + least + (most - least) * chance(key, context.operation)
        earlier = past.get(key)
        if earlier and earlier.until > now:
            earlier.until = max(earlier.until, until)
        elif key in before or context.service == "ec2" and _made(context, key):
            past[key] = Past(until, now, before.get(key))
    for key in [k for k, p in past.items() if p.until < now]:
        del past[key]
    return result


def _check_known(context: Context, touched: list[str]) -> None:
    """On a rough day even a change of a new resource may reach a server that does not know it yet."""
    if context.world.shape.aws != "rough" or context.service != "ec2":
        return
    now = time.monotonic()
    for key in touched:
        past = context.world.past.get(key)
        if past and past.item is None and now < past.since + (past.until - past.since) * 0.3:
            from .ec2_describe import unknown_id
            raise unknown_id(key)


def _touched(context: Context, params: dict[str, Any]) -> list[str]:
    if context.service == "ec2":
        return [] if context.operation in ("RunInstances", "CreateFleet") else list(dict.fromkeys(ids_in(params)))
    touches = TOUCHES.get((context.service, context.operation))
    return touches(context, params) if touches else []


def _read(context: Context, key: str) -> dict[str, Any] | None:
    if context.service == "ec2":
        from .ec2_describe import one
        return one(context, key)
    return READERS[context.service](context, key)


def _made(context: Context, key: str) -> bool:
    """Only what the call itself created is new; its response also names what existed before."""
    prefix = key.split("-")[0]
    return {"CreateSubnet": "subnet", "CreateSecurityGroup": "sg", "CreateNetworkInterface": "eni", "RunInstances": "i",
            "CreateFleet": "i", "CreateRouteTable": "rtb", "CreateVpc": "vpc", "CreateLaunchTemplate": "lt", "CreateNatGateway": "nat",
            "CreateInternetGateway": "igw", "CreateNetworkAcl": "acl", "AuthorizeSecurityGroupIngress": "sgr",
            "AuthorizeSecurityGroupEgress": "sgr"}.get(context.operation) == prefix


def seen(context: Context, items: list[dict[str, Any]], id_member: str) -> list[dict[str, Any]]:
    """The items as this caller sees them."""
    if context.fresh:
        return items
    now = time.monotonic()
    past = {k: p for k, p in _past(context).items() if p.until > now}
    if not past:
        return items
    shown = [i for i in items if i.get(id_member) not in past]
    shown += [dict(p.item) for k, p in past.items() if p.item is not None and p.item.get(id_member) == k]
    return shown
