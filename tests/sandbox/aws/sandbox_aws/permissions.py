"""Whether a caller may do something: what an operation needs against the caller's policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import errors, policies, resources

if TYPE_CHECKING:
    from .callers import Caller
    from .world import World


def allow(world: World, caller: Caller, service: str, operation: str, params: dict[str, Any], region: str) -> None:
    """Raises what the service says to a caller who may not."""
    documents = caller.policies()
    for action, arns, keys in resources.needed(world, service, operation, params, region):
        if policies.decide(documents, action, arns, keys) != "allowed":
            raise errors.denied(service, caller.arn, action, (arns or ["*"])[0])
