"""Access entries and the access policies on them ("Grant IAM users access with access entries", EKS user guide)."""

from __future__ import annotations

import re
import uuid
from typing import Any

from . import consistency, iam, paging
from .callers import iam as iam_store
from .eks_model import AccessEntry, Cluster, now, once, require
from .errors import AwsError
from .registry import implements
from .world import Context

ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
POLICIES = ("AmazonEKSClusterAdminPolicy", "AmazonEKSAdminPolicy", "AmazonEKSEditPolicy", "AmazonEKSViewPolicy",
            "AmazonEKSAdminViewPolicy", "AmazonEKSAutoNodePolicy")
KINDS = ("STANDARD", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX", "HYPERPOD_LINUX")
_NODE_KINDS = {"EC2_LINUX": ["system:nodes"], "EC2_WINDOWS": ["system:nodes", "eks:kube-proxy-windows"],
               "FARGATE_LINUX": ["system:nodes", "system:node-proxier", "system:bootstrappers"],
               "EC2": ["system:nodes"], "HYBRID_LINUX": ["system:nodes"], "HYPERPOD_LINUX": ["system:nodes"]}


def _cluster(context: Context, params: dict[str, Any]) -> Cluster:
    cluster = require(context, params["clusterName"])
    if cluster.authentication_mode == "CONFIG_MAP":
        raise AwsError("InvalidRequestException", "The cluster's authentication mode must be set to one of "
                                                  "[API, API_AND_CONFIG_MAP] to perform this operation.",
                       clusterName=cluster.name)
    return cluster


def _entry(cluster: Cluster, arn: str) -> AccessEntry:
    if arn not in cluster.entries:
        raise AwsError("ResourceNotFoundException",
                       "The specified principalArn could not be found. You can view your available access entries with "
                       "'list-access-entries'.", 404, clusterName=cluster.name)
    return cluster.entries[arn]


def _arn(context: Context, cluster: str, principal: str) -> str:
    kind, name = re.fullmatch(r"arn:[^:]*:iam::\d+:(role|user)/(?:.*/)?([^/]+)", principal).groups()  # type: ignore
    return (f"arn:aws:eks:{context.region}:{context.account}:access-entry/{cluster}/{kind}/{context.account}/{name}/"
            f"{uuid.uuid4()}")


def make(context: Context, cluster: Cluster, principal: str, kind: str, username: str | None = None,
         groups: list[str] | None = None, tags: dict[str, str] | None = None) -> AccessEntry:
    default = principal if kind == "STANDARD" else "system:node:{{EC2PrivateDNSName}}"
    entry = AccessEntry(principal, kind, username or default, groups or _NODE_KINDS.get(kind, []),
                        _arn(context, cluster.name, principal), dict(tags or {}))
    cluster.entries[principal] = entry
    return entry


def shown(cluster: Cluster, entry: AccessEntry) -> dict[str, Any]:
    return {"clusterName": cluster.name, "principalArn": entry.principal, "kubernetesGroups": entry.groups,
            "accessEntryArn": entry.arn, "createdAt": entry.created, "modifiedAt": entry.modified, "tags": entry.tags,
            "username": entry.username, "type": entry.kind}


def _check_principal(context: Context, cluster: Cluster, arn: str, kind: str) -> None:
    match = re.fullmatch(rf"arn:aws:iam::{context.account}:(role|user)/(?:.*/)?([^/]+)", arn)
    known = False
    if match and match[1] == "role":
        found = iam.role(context.world, match[2])
        known = found is not None and found.arn == arn
    elif match:
        known = match[2] in {u.name for u in iam_store(context.account).users.values()}
    if not known or (match and match[1] == "user" and kind != "STANDARD"):
        raise AwsError("InvalidParameterException",
                       "The specified principalArn is invalid: invalid principal.", clusterName=cluster.name)


@implements("eks", "CreateAccessEntry")
def create(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = _cluster(context, params)
    return once(cluster, "CreateAccessEntry", params, lambda: _create(context, cluster, params))


def _create(context: Context, cluster: Cluster, params: dict[str, Any]) -> dict[str, Any]:
    arn, kind = params["principalArn"], params.get("type", "STANDARD")
    if kind not in KINDS:
        raise AwsError("InvalidParameterException", f"The specified type is invalid: {kind}", clusterName=cluster.name)
    if arn in cluster.entries:
        raise AwsError("ResourceInUseException",
                       "The specified access entry resource is already in use on this cluster.", 409,
                       clusterName=cluster.name)
    _check_principal(context, cluster, arn, kind)
    groups = params.get("kubernetesGroups", [])
    if kind != "STANDARD" and (groups or params.get("username")):
        raise AwsError("InvalidParameterException",
                       f"You can't specify kubernetesGroups or username for an access entry of type {kind}.",
                       clusterName=cluster.name)
    bad = [g for g in groups if g.startswith(("system:", "eks:", "aws:", "amazon:", "iam:"))]
    if bad:
        raise AwsError("InvalidParameterException", f"The kubernetes group name {bad[0]} is invalid, it cannot start "
                                                    "with system:", clusterName=cluster.name)
    entry = make(context, cluster, arn, kind, params.get("username"), groups, params.get("tags"))
    return {"accessEntry": shown(cluster, entry)}


def _visible(context: Context, cluster: Cluster) -> dict[str, dict[str, Any]]:
    rows = consistency.seen(context, [shown(cluster, e) for e in cluster.entries.values()], "principalArn")
    return {r["principalArn"]: r for r in rows}


@implements("eks", "DescribeAccessEntry")
def describe(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = _cluster(context, params)
    row = _visible(context, cluster).get(params["principalArn"])
    if row is None:
        _entry(cluster, "")
    return {"accessEntry": row}


@implements("eks", "ListAccessEntries")
def list_all(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = _cluster(context, params)
    wanted = params.get("associatedPolicyArn")
    arns = [a for a in sorted(_visible(context, cluster))
            if not wanted or a in cluster.entries and wanted in cluster.entries[a].policies]
    arns, token = paging.page(params, arns, ("entries", cluster.name, wanted), size="maxResults", token="nextToken",
                              code="InvalidParameterException")
    return {"accessEntries": arns, **({"nextToken": token} if token else {})}


@implements("eks", "DeleteAccessEntry")
def delete(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = _cluster(context, params)
    _entry(cluster, params["principalArn"])
    del cluster.entries[params["principalArn"]]
    return {}


@implements("eks", "UpdateAccessEntry")
def update(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = _cluster(context, params)
    entry = _entry(cluster, params["principalArn"])
    if entry.kind != "STANDARD":
        raise AwsError("InvalidRequestException", f"Access entries of type {entry.kind} can't be updated.",
                       clusterName=cluster.name)
    entry.groups = params.get("kubernetesGroups", entry.groups)
    entry.username = params.get("username", entry.username)
    entry.modified = now()
    return {"accessEntry": shown(cluster, entry)}


@implements("eks", "ListAccessPolicies")
def policies(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    rows = [{"name": n, "arn": f"arn:aws:eks::aws:cluster-access-policy/{n}"} for n in POLICIES]
    rows, token = paging.page(params, rows, ("policies",), size="maxResults", token="nextToken",
                              code="InvalidParameterException")
    return {"accessPolicies": rows, **({"nextToken": token} if token else {})}


@implements("eks", "AssociateAccessPolicy")
def associate(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = _cluster(context, params)
    entry = _entry(cluster, params["principalArn"])
    if params["policyArn"].split("/")[-1] not in POLICIES:
        raise AwsError("InvalidParameterException", "The policyArn parameter format is not valid",
                       clusterName=cluster.name)
    if entry.kind not in ("STANDARD", "EC2"):
        raise AwsError("InvalidRequestException", f"Access policies can't be associated with an access entry of type "
                                                  f"{entry.kind}.", clusterName=cluster.name)
    entry.policies[params["policyArn"]] = params["accessScope"]
    return {"clusterName": cluster.name, "principalArn": entry.principal, "associatedAccessPolicy": {
        "policyArn": params["policyArn"], "accessScope": params["accessScope"], "associatedAt": now(), "modifiedAt": now()}}


@implements("eks", "DisassociateAccessPolicy")
def disassociate(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    entry = _entry(_cluster(context, params), params["principalArn"])
    entry.policies.pop(params["policyArn"], None)
    return {}


@implements("eks", "ListAssociatedAccessPolicies")
def associated(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = _cluster(context, params)
    entry = _entry(cluster, params["principalArn"])
    rows = [{"policyArn": a, "accessScope": s, "associatedAt": entry.created, "modifiedAt": entry.modified}
            for a, s in entry.policies.items()]
    return {"clusterName": cluster.name, "principalArn": entry.principal, "associatedAccessPolicies": rows}


def _reader(context: Context, principal: str) -> dict[str, Any] | None:
    for cluster in context.world.regions[context.region].clusters.values():
        if principal in cluster.entries:
            return shown(cluster, cluster.entries[principal])
    return None


consistency.READERS["eks"] = _reader
for _operation in ("CreateAccessEntry", "DeleteAccessEntry", "UpdateAccessEntry"):
    consistency.TOUCHES["eks", _operation] = lambda c, p: [p["principalArn"]]
