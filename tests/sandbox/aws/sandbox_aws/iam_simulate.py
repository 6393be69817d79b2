"""IAM's policy simulation: SimulatePrincipalPolicy and SimulateCustomPolicy.

The result depends only on the given resources and context keys, not on the account's resources: without
ResourceArns an action is judged on "*", which a statement for certain resources doesn't cover.
"""

from __future__ import annotations

import json
from typing import Any

from . import callers, paging, policies
from .errors import AwsError
from .registry import implements
from .world import Context

# Keys that the simulator knows by itself.
_KNOWN = ("aws:currenttime", "aws:epochtime", "aws:username", "aws:userid", "aws:principalarn", "aws:principalaccount",
          "aws:securetransport", "aws:tokenissuetime", "aws:principaltype")
# Resource types of actions (Service Authorization Reference); for other actions the service decides.
_TYPES = {
    "ec2:associatevpccidrblock": "vpc", "ec2:createsubnet": "subnet vpc", "ec2:associateroutetable": "route-table subnet",
    "ec2:createsecuritygroup": "security-group vpc", "ec2:createlaunchtemplate": "launch-template",
    "ec2:deletelaunchtemplate": "launch-template", "ec2:terminateinstances": "instance", "ec2:createtags": "any",
    "ec2:runinstances": "image instance", "eks:updateaddon": "addon", "eks:createaccessentry": "cluster",
    "eks:tagresource": "any", "eks:updatenodegroupconfig": "nodegroup", "iam:passrole": "role passed",
    "iam:createinstanceprofile": "instance-profile", "iam:addroletoinstanceprofile": "instance-profile",
    "iam:getinstanceprofile": "instance-profile", "iam:removerolefrominstanceprofile": "instance-profile",
    "iam:deleteinstanceprofile": "instance-profile",
}
_RULES = ("ec2:authorizesecuritygroup", "ec2:revokesecuritygroup")


@implements("iam", "SimulatePrincipalPolicy", "SimulateCustomPolicy")
def simulate(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    documents = [json.loads(p) for p in params.get("PolicyInputList", [])]
    known: dict[str, list[str]] = {}
    if context.operation == "SimulatePrincipalPolicy":
        arn = params["PolicySourceArn"]
        documents += _documents(context, arn)
        known = {"aws:PrincipalArn": [arn], **({"aws:username": [arn.split("/")[-1]]} if ":user/" in arn else {})}
    keys = {e["ContextKeyName"]: e.get("ContextKeyValues", []) for e in params.get("ContextEntries", [])}
    arns = params.get("ResourceArns") or ["*"]
    bad = [a for a in params["ActionNames"] if ":" not in a or "*" in a]
    if bad:
        raise AwsError("InvalidInput", f"Invalid Input Actions: [{','.join(bad)}]")
    if arns != ["*"]:
        _alike(params["ActionNames"])
    rows = [_row(documents, action, resource, {**known, **keys}) for action in params["ActionNames"] for resource in arns]
    rows, marker = paging.page(params, rows, ("simulate", params.get("PolicySourceArn")), most=paging.REAL,
                               size="MaxItems", token="Marker", code="InvalidInput")
    return {"EvaluationResults": rows, "IsTruncated": bool(marker), **({"Marker": marker} if marker else {})}


def _kind(action: str) -> str:
    name = action.lower()
    if name.startswith(_RULES) or name == "ec2:deletesecuritygroup":
        return "security-group"
    return _TYPES.get(name, name.split(":")[0])


def _alike(actions: list[str]) -> None:
    """Actions on resources of different types can't be simulated in one call."""
    groups: dict[str, list[str]] = {}
    for action in actions:
        groups.setdefault(_kind(action), []).append(action)
    if len(groups) > 1:
        shown = " and ".join(f"[{','.join(g)}]" for g in groups.values())
        raise AwsError("InvalidInput", f"Invalid Input Actions: {shown} require different authorization information.")


def _row(documents: list[dict[str, Any]], action: str, resource: str, keys: dict[str, list[str]]) -> dict[str, Any]:
    decision = policies.decide(documents, action, [resource], keys)
    missing = _missing(documents, action, resource, keys)
    row = {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": decision, "MatchedStatements": [],
           "MissingContextValues": missing if resource == "*" else []}
    if resource != "*":
        row["ResourceSpecificResults"] = [{"EvalResourceName": resource, "EvalResourceDecision": decision,
                                           "MatchedStatements": [], "MissingContextValues": missing}]
    return row


def _missing(documents: list[dict[str, Any]], action: str, resource: str, keys: dict[str, list[str]]) -> list[str]:
    """Keys that the policies need and the request does not have."""
    given = {k.lower() for k in keys} | set(_KNOWN)
    asked = {key for document in documents for statement in policies._list(document.get("Statement", []))
             if policies._concerns(statement, action) and policies._covers(statement, resource)
             for block in (statement.get("Condition") or {}).values() for key in block}
    return sorted(k for k in asked if k.lower() not in given)


def _documents(context: Context, arn: str) -> list[dict[str, Any]]:
    store, name = callers.iam(context.account), arn.split("/")[-1]
    if ":user/" in arn:
        if any(u.arn == arn for u in store.users.values()):
            return callers.user_policies(context.account, name)
    elif ":role/" in arn:
        # The path is part of the ARN: without it the role does not exist.
        if any(r.arn == arn for r in store.roles.values()):
            return callers.role_policies(context.account, name)
    else:
        raise AwsError("InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    raise AwsError("NoSuchEntity", f"The principal {arn} cannot be found.", 404)
