"""Labels and taints of managed nodes that change after their start.

EKS applies an update to the nodes that run, and to the launch template of those to come. With an image id in the user's
launch template it applies the group's taints to each node after it joined ("Limits and conditions when specifying an AMI
ID", EKS user guide).
"""

from __future__ import annotations

import http.client
import json
import threading
from typing import Any

from . import addon_manager, eks_nodegroup_make, eks_user_data
from .ec2_templates import version_of
from .eks_model import Cluster, Nodegroup, Update
from .k8s import Refused
from .world import Context, World

_MERGE = "application/merge-patch+json"


def name_changes(update: Update, params: dict[str, Any]) -> None:
    """The update's params as DescribeUpdate shows them."""
    labels, taints = params.get("labels", {}), params.get("taints", {})
    given = {"LabelsToAdd": labels.get("addOrUpdateLabels"), "LabelsToRemove": labels.get("removeLabels"),
             "TaintsToAdd": taints.get("addOrUpdateTaints"), "TaintsToRemove": taints.get("removeTaints"),
             "NodeRepairConfig": params.get("nodeRepairConfig")}
    update.params |= {k: json.dumps(v) for k, v in given.items() if v}
    update.params |= {k[0].upper() + k[1:]: str(v) for k, v in params.get("updateConfig", {}).items()}


def change(context: Context, cluster: Cluster, group: Nodegroup, params: dict[str, Any]) -> None:
    labels, taints = params.get("labels", {}), params.get("taints", {})
    before = dict(group.labels)
    group.labels.update(labels.get("addOrUpdateLabels", {}))
    for key in labels.get("removeLabels", []):
        group.labels.pop(key, None)
    # Taints are the same by key and effect.
    added, gone = taints.get("addOrUpdateTaints", []), taints.get("removeTaints", [])
    named = {(t["key"], t["effect"]) for t in [*added, *gone]}
    group.taints = [t for t in group.taints if (t["key"], t["effect"]) not in named] + added
    group.update_config = params.get("updateConfig", group.update_config)
    group.repair = params.get("nodeRepairConfig", group.repair)
    if not labels and not taints:
        return
    if group.own_template and group.ami_type != "CUSTOM":
        _new_version(context, cluster, group)
    patch = {**{k: None for k in before if k not in group.labels}, **group.labels}
    world = context.world
    threading.Thread(target=_patch, args=(world, group.name, patch, named, added), name="labels", daemon=True).start()


def _new_version(context: Context, cluster: Cluster, group: Nodegroup) -> None:
    given = ""
    if group.launch_template:
        spec = {"LaunchTemplateId": group.launch_template["id"], "Version": group.launch_template["version"]}
        given = version_of(context, spec)["LaunchTemplateData"].get("UserData", "")
    made = context.call("ec2", "CreateLaunchTemplateVersion", {
        "LaunchTemplateId": group.own_template, "SourceVersion": "$Latest",
        "LaunchTemplateData": {"UserData": eks_nodegroup_make.user_data(context, cluster, group, given)}})
    owned = context.world.regions[context.region].groups.get(group.group)
    if owned:
        owned.template = {**owned.template, "Version": str(made["LaunchTemplateVersion"]["VersionNumber"])}


def _patch(world: World, name: str, labels: dict[str, Any], named: set[tuple[str, str]], added: list[dict[str, str]]) -> None:
    api = addon_manager.client(world)
    if api is None:
        return
    try:
        for node in api.request("GET", f"/api/v1/nodes?labelSelector=eks.amazonaws.com%2Fnodegroup%3D{name}")["items"]:
            drop = {(key, eks_user_data.EFFECTS[effect]) for key, effect in named}
            taints = [t for t in node["spec"].get("taints", []) if (t["key"], t["effect"]) not in drop]
            taints += [{"key": t["key"], "effect": eks_user_data.EFFECTS[t["effect"]],
                        **({"value": t["value"]} if t.get("value") else {})} for t in added]
            api.request("PATCH", f"/api/v1/nodes/{node['metadata']['name']}",
                        {"metadata": {"labels": labels}, "spec": {"taints": taints}}, _MERGE)
    except (Refused, OSError, http.client.HTTPException):
        return
