"""EKS's add-on manager: it installs the vpc-cni add-on by server-side apply.

"Determine fields you can customize for Amazon EKS add-ons" (EKS user guide): EKS is the field manager
`eks`; a field that another manager owns is a conflict, which resolveConflicts decides.
"""

from __future__ import annotations

import copy
import http.client
import re
import time
from pathlib import Path
from typing import Any

import yaml

from .k8s import Client, Refused, path_of
from .world import World

MANAGER = "eks"
MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
# On the service account, for EKS's webhook, which sets the role in each pod that starts.
ROLE = "eks.amazonaws.com/role-arn"
# The first version whose ENIConfig CRD has a schema.
_TYPED = (1, 18, 3)


class Conflict(Exception):
    """Fields that other managers own, with resolveConflicts NONE."""

    def __init__(self, fields: list[str]):
        super().__init__(", ".join(fields))
        self.fields = fields


def documents(world: World, version: str, values: dict[str, Any], role: str | None) -> list[dict[str, Any]]:
    """The add-on's objects for a version, configurationValues and role, in the order of the chart."""
    text = (MANIFESTS / "aws-node.yaml").read_text().replace("${CNI_VERSION}", version)
    found = [d for d in yaml.safe_load_all(text) if d]
    for document in found:
        if document["kind"] == "DaemonSet":
            _configure(document, values)
        if document["kind"] == "ServiceAccount" and role:
            document["metadata"]["annotations"] = {ROLE: role}
    return [*_definition(world, version), *found, *_eniconfigs(values)]


def _definition(world: World, version: str) -> list[dict[str, Any]]:
    """The ENIConfig CRD, which is part of the add-on too (amazon-vpc-cni-k8s#3028)."""
    kind = world.shape.crd
    if kind == "missing":  # as if it had been deleted permanently
        return []
    if version != world.shape.cni_version:
        numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:3])
        kind = "typed" if numbers >= _TYPED else "untyped"
    return [yaml.safe_load((MANIFESTS / f"eniconfig-crd-{kind}.yaml").read_text())]


def _eniconfigs(values: dict[str, Any]) -> list[dict[str, Any]]:
    """`eniConfig` of the values (aws-vpc-cni's chart, templates/eniconfig.yaml)."""
    wanted = values.get("eniConfig", {})
    if not wanted.get("create"):
        return []
    return [{"apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig", "metadata": {"name": name},
             "spec": {**({"securityGroups": one["securityGroups"]} if one.get("securityGroups") else {}),
                      "subnet": one["id"]}} for name, one in wanted["subnets"].items()]


def _configure(daemon_set: dict[str, Any], values: dict[str, Any]) -> None:
    template = daemon_set["spec"]["template"]
    pod = template["spec"]
    container = next(c for c in pod["containers"] if c["name"] == "aws-node")
    _set_env(container, values.get("env", {}))
    if pod.get("initContainers"):
        _set_env(pod["initContainers"][0], values.get("init", {}).get("env", {}))
    if "resources" in values:
        container["resources"] = values["resources"]
    for key in ("tolerations", "affinity", "nodeSelector", "priorityClassName"):
        if values.get(key) is not None:
            pod[key] = values[key]
    meta = template["metadata"]
    meta["annotations"] = {**meta.get("annotations", {}), **values.get("podAnnotations", {})}
    meta["labels"] = {**meta.get("labels", {}), **values.get("podLabels", {})}
    if not meta["annotations"]:
        del meta["annotations"]


def _set_env(container: dict[str, Any], env: dict[str, str]) -> None:
    rows = container.setdefault("env", [])
    for name, value in env.items():
        row = next((r for r in rows if r["name"] == name), None)
        if row is None:
            rows.append({"name": name, "value": value})
        else:
            row.pop("valueFrom", None)
            row["value"] = value


def client(world: World) -> Client | None:
    path = Path(world.shape.kubeconfig or "")
    return Client(path) if world.shape.kubeconfig and path.exists() else None


def install(world: World, version: str, values: dict[str, Any], resolve: str, role: str | None) -> None:
    """Applies every object of the add-on. Raises Conflict, Refused or OSError."""
    api = client(world)
    if api is None:
        return
    for document in documents(world, version, values, role):
        _once_served(api, document, resolve)


def _once_served(api: Client, document: dict[str, Any], resolve: str) -> None:
    """An object of a kind that has just been defined."""
    for attempt in range(50):
        try:
            return _apply(api, document, resolve)
        except Refused as refused:
            if document["kind"] != "ENIConfig" or refused.code != 404 or attempt == 49:
                raise
            time.sleep(0.1)


def _apply(api: Client, document: dict[str, Any], resolve: str) -> None:
    try:
        api.apply(document, MANAGER, force=resolve == "OVERWRITE")
    except Refused as refused:
        if refused.code != 409 or not refused.causes:
            raise
        fields = [c["field"] for c in refused.causes]
        if resolve == "NONE":
            group = document["apiVersion"].partition("/")[0]
            name = document["kind"] + (f".{group}" if "/" in document["apiVersion"] else "")
            raise Conflict([f"{name} {document['metadata']['name']} - {f}" for f in fields]) from refused
        live = api.request("GET", path_of(document))
        kept = copy.deepcopy(document)
        for field in fields:
            _keep(kept, live, field)
        # A value equal to the other manager's is not a conflict; both own it then.
        api.apply(kept, MANAGER, force=False)


_STEP = re.compile(r'\.([^.\[]+)|\[((?:[^\]"]|"[^"]*")*)\]')


def _keep(wanted: Any, live: Any, field: str) -> None:
    """Sets the field to its value in the cluster, or omits it if it has none."""
    steps = [m.group(1) or _selector(m.group(2)) for m in _STEP.finditer(field)]
    parent_wanted, parent_live = wanted, live
    for step in steps[:-1]:
        parent_wanted, parent_live = _child(parent_wanted, step), _child(parent_live, step)
        if parent_wanted is None:
            return
    last = steps[-1]
    value = _child(parent_live, last)
    if isinstance(last, str):
        if value is None:
            parent_wanted.pop(last, None)
        else:
            parent_wanted[last] = value
        if last == "value" and "valueFrom" in (parent_live or {}):
            parent_wanted["valueFrom"] = parent_live["valueFrom"]
    elif _child(parent_wanted, last) is not None:
        parent_wanted.remove(_child(parent_wanted, last))
        if value is not None:
            parent_wanted.append(value)


def _selector(text: str) -> dict[str, str]:
    return {k: v.strip('"') for k, v in (p.split("=", 1) for p in re.findall(r'[^,=]+=(?:"[^"]*"|[^,]+)', text))}


def _child(value: Any, step: Any) -> Any:
    if isinstance(step, str):
        return value.get(step) if isinstance(value, dict) else None
    if isinstance(value, list):
        return next((i for i in value if all(str(i.get(k)) == v for k, v in step.items())), None)
    return None


# Failures on the way to the API server, as opposed to its refusals.
UNREACHABLE = (OSError, http.client.HTTPException)
