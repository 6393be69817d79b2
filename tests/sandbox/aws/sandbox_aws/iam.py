"""IAM on top of moto: other services see new roles and profiles with a delay."""

from __future__ import annotations

import json
import time
from typing import Any

from . import callers, policies
from .errors import AwsError
from .registry import implements
from .world import Context, World

# Name of a role or profile -> when the other services see its current state.
_KNOWN_FROM: dict[str, float] = {}


def _delay(context: Context, name: str) -> None:
    """"Changes that I make are not always immediately visible" (Troubleshoot IAM, IAM user guide)."""
    if context.world.shape.aws != "calm" and not context.fresh:
        _KNOWN_FROM[name] = time.monotonic() + context.world.seconds("iam")


def is_known(name: str) -> bool:
    return time.monotonic() >= _KNOWN_FROM.get(name, 0)


def _check_trust(text: str) -> None:
    """moto accepts any text as a trust policy."""
    try:
        statements = policies._list(json.loads(text)["Statement"])
        good = statements and all({"Effect", "Principal"} <= s.keys() and {"Action", "NotAction"} & s.keys()
                                  for s in statements)
    except (ValueError, KeyError, TypeError, AttributeError):
        good = False
    if not good:
        raise AwsError("MalformedPolicyDocument", "The policy failed legacy parsing")


@implements("iam", "CreateRole")
def create_role(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    _check_trust(params["AssumeRolePolicyDocument"])
    answer = context.moto(params=params)
    _delay(context, "role/" + params["RoleName"])
    return answer


@implements("iam", "CreateInstanceProfile")
def create_profile(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    answer = context.moto(params=params)
    _delay(context, "profile/" + params["InstanceProfileName"])
    return answer


@implements("iam", "DeleteRole")
def delete_role(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    store = callers.iam(context.account)
    name = params["RoleName"]
    if any(name in [r.name for r in p.roles] for p in store.instance_profiles.values()):
        raise AwsError("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.", 409)
    return context.moto(params=params)


def role(world: World, arn_or_name: str) -> Any:
    """The role as EC2, EKS and Auto Scaling see it: None while it is too new."""
    name = arn_or_name.split("/")[-1]
    found = next((r for r in callers.iam(world.shape.account).roles.values() if r.name == name), None)
    return found if found is not None and is_known("role/" + name) else None


def profile(world: World, arn_or_name: str) -> Any:
    name = arn_or_name.split("/")[-1]
    found = callers.iam(world.shape.account).instance_profiles.get(name)
    return found if found is not None and is_known("profile/" + name) else None
