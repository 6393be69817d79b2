"""aws-auth, as EKS edits it for managed node groups: it adds their role, and removes it with the role's last group."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import Any

import yaml

from . import addon_manager
from .k8s import Refused
from .world import World

_PATH = "/api/v1/namespaces/kube-system/configmaps"


def _entry_arn(role: str) -> str:
    """"The role ARN can't include a path" in aws-auth (EKS user guide, "Troubleshooting IAM")."""
    return f"{role.split('/')[0]}/{role.split('/')[-1]}"


def add(world: World, role: str) -> None:
    role = _entry_arn(role)
    entry = {"rolearn": role, "username": "system:node:{{EC2PrivateDNSName}}",
             "groups": ["system:bootstrappers", "system:nodes"]}
    _edit(world, lambda rows: rows if any(r.get("rolearn") == role for r in rows) else [*rows, entry])


def remove(world: World, role: str) -> None:
    _edit(world, lambda rows: [r for r in rows if r.get("rolearn") != _entry_arn(role)])


def _edit(world: World, change: Callable[[list[Any]], list[Any]]) -> None:
    api = addon_manager.client(world)
    if api is None:
        return
    for _ in range(5):
        try:
            found = api.request("GET", f"{_PATH}/aws-auth")
        except Refused as refused:
            if refused.code != 404:
                return
            found = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth", "namespace": "kube-system"}}
        except (OSError, http.client.HTTPException):
            return
        rows = yaml.safe_load(found.get("data", {}).get("mapRoles", "") or "[]") or []
        after = change(rows)
        if after == rows:
            return
        found["data"] = {**found.get("data", {}), "mapRoles": yaml.safe_dump(after, sort_keys=False)}
        known = "resourceVersion" in found["metadata"]
        try:
            api.request("PUT" if known else "POST", f"{_PATH}/aws-auth" if known else _PATH, found)
            return
        except Refused as refused:
            if refused.code != 409:
                return
