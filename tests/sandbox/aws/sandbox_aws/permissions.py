"""Whether a caller may do something: what an operation needs against the caller's policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import errors, policies, resources

if TYPE_CHECKING:
    from .callers import Caller
    from .world import World


def allow(world: World, caller: Caller, service: str, operation: str, params: dict[str, Any], region: str,
          via: str | None = None) -> None:
    """Raises what the service says to a caller who may not.

    `via`: the service that calls in the caller's name (forward access sessions), as aws:CalledVia tells it.
    """
    needs = resources.needed(world, service, operation, params, region)
    judge(world, caller, service, needs, via)


def judge(world: World, caller: Caller, service: str, needs: list[resources.Need], via: str | None = None) -> None:
    documents = caller.policies()
    for action, arns, keys in needs:
        world.asked[caller.arn].add(action)
        if policies.decide(documents, action, arns, {**keys, **_of_call(caller, via)}) != "allowed":
            raise errors.denied(service, caller.arn, action, (arns or ["*"])[0])


def _of_call(caller: Caller, via: str | None) -> dict[str, list[str]]:
    """Keys that say who calls, and through whom ("AWS global condition context keys", IAM user guide)."""
    keys = {"aws:PrincipalArn": [caller.principal_arn]}
    if caller.user:
        keys["aws:username"] = [caller.user]
    if via:
        keys.update({"aws:CalledVia": [via], "aws:CalledViaFirst": [via], "aws:CalledViaLast": [via]})
    return keys
