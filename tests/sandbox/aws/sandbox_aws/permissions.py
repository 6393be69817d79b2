"""Permission checks: what an operation needs, compared with the caller's policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import errors, policies, resources

if TYPE_CHECKING:
    from .callers import Caller
    from .world import World


def allow(world: World, caller: Caller, service: str, operation: str, params: dict[str, Any], region: str,
          via: str | None = None) -> None:
    """Raises the service's error if the caller may not do this.

    `via`: the service that calls in the caller's name (forward access sessions), as in aws:CalledVia.
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
    """Keys for the caller and the calling service ("AWS global condition context keys", IAM user guide)."""
    keys = {"aws:PrincipalArn": [caller.principal_arn]}
    if caller.user:
        keys["aws:username"] = [caller.user]
    if via:
        keys.update({"aws:CalledVia": [via], "aws:CalledViaFirst": [via], "aws:CalledViaLast": [via]})
    return keys
