"""EKS updates: DescribeUpdate, ListUpdates."""

from __future__ import annotations

from typing import Any

from . import paging
from .eks_model import Cluster, Update, require
from .errors import AwsError
from .registry import implements
from .world import Context


def find(cluster: Cluster, update_id: str, addon: str | None = None, nodegroup: str | None = None) -> Update:
    for update in cluster.updates:
        if update.id == update_id and update.addon == addon and update.nodegroup == nodegroup:
            return update
    raise AwsError("ResourceNotFoundException", f"No update found for ID: {update_id}", 404, clusterName=cluster.name)


@implements("eks", "DescribeUpdate")
def describe(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = require(context, params["name"])
    return {"update": find(cluster, params["updateId"], params.get("addonName"), params.get("nodegroupName")).shown()}


@implements("eks", "ListUpdates")
def list_all(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = require(context, params["name"])
    wanted = (params.get("addonName"), params.get("nodegroupName"))
    ids = [u.id for u in reversed(cluster.updates) if (u.addon, u.nodegroup) == wanted]
    ids, token = paging.page(params, ids, ("updates", cluster.name, wanted), size="maxResults", token="nextToken",
                             code="InvalidParameterException")
    return {"updateIds": ids, **({"nextToken": token} if token else {})}
