"""STS: GetCallerIdentity and AssumeRole."""

from __future__ import annotations

import json
from typing import Any

from . import callers, policies
from .errors import denied
from .registry import implements
from .world import Context


@implements("sts", "GetCallerIdentity")
def identity(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    caller = context.caller
    assert caller
    return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}


@implements("sts", "AssumeRole")
def assume(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """The role's trust policy must allow the caller, or the account (then the caller's own policies decide)."""
    name = params["RoleArn"].split("/")[-1]
    role = next((r for r in callers.iam(context.account).roles.values() if r.name == name), None)
    caller = context.caller
    assert caller
    # The code of the only MFA device, which accepts any six digits ("Using multi-factor authentication").
    mfa = bool(params.get("SerialNumber") and params.get("TokenCode"))
    if role is None or not _trusts(role, caller.arn, context.account, mfa):
        raise denied("sts", caller.arn, "sts:AssumeRole", params["RoleArn"])
    return context.moto(params=params)


def _trusts(role: Any, arn: str, account: str, mfa: bool) -> bool:
    document = role.assume_role_policy_document
    document = json.loads(document) if isinstance(document, str) else document
    for statement in policies._list(document["Statement"]):
        principal = statement.get("Principal", {})
        names = ["*"] if principal == "*" else policies._list(principal.get("AWS", []))
        wanted = statement.get("Condition", {}).get("Bool", {}).get("aws:MultiFactorAuthPresent")
        if wanted is not None and str(wanted).lower() != str(mfa).lower():
            continue
        if statement["Effect"] == "Allow" and any(n in ("*", arn, account, f"arn:aws:iam::{account}:root") for n in names):
            return True
    return False


