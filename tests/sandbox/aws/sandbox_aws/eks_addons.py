"""The EKS API for add-ons; only vpc-cni exists here."""

from __future__ import annotations

import re
import threading
from typing import Any

from . import addon_manager, addon_schema, paging
from .eks_model import Addon, Cluster, Update, now, once, require
from .errors import AwsError
from .k8s import Refused
from .registry import implements
from .world import Context

VERSIONS = ("v1.21.1-eksbuild.1", "v1.20.5-eksbuild.1", "v1.20.4-eksbuild.1", "v1.20.3-eksbuild.1",
            "v1.20.1-eksbuild.3", "v1.19.6-eksbuild.7", "v1.19.0-eksbuild.1", "v1.18.5-eksbuild.1", "v1.16.4-eksbuild.2")
DEFAULT = "v1.20.4-eksbuild.1"


def known_versions(context: Context) -> list[str]:
    """The newest first."""
    own = context.world.shape.cni_version
    return sorted({own, *VERSIONS}, key=lambda v: [int(n) for n in re.findall(r"\d+", v)], reverse=True)


def _find(cluster: Cluster, name: str) -> Addon:
    if name not in cluster.addons:
        raise AwsError("ResourceNotFoundException", f"No addon: {name} found in cluster: {cluster.name}", 404,
                       clusterName=cluster.name, addonName=name)
    return cluster.addons[name]


def _shown(cluster: Cluster, addon: Addon) -> dict[str, Any]:
    row = {"addonName": addon.name, "clusterName": cluster.name, "status": addon.status, "addonVersion": addon.version,
           "health": {"issues": addon.issues}, "addonArn": addon.arn, "createdAt": addon.created,
           "modifiedAt": addon.modified, "serviceAccountRoleArn": addon.role, "tags": addon.tags,
           "configurationValues": addon.values, "podIdentityAssociations": addon.pod_identities or None}
    return {k: v for k, v in row.items() if v is not None}


@implements("eks", "ListAddons")
def list_all(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = require(context, params["clusterName"])
    names, token = paging.page(params, sorted(cluster.addons), ("addons", cluster.name), size="maxResults",
                               token="nextToken", code="InvalidParameterException")
    return {"addons": names, **({"nextToken": token} if token else {})}


@implements("eks", "DescribeAddon")
def describe(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = require(context, params["clusterName"])
    return {"addon": _shown(cluster, _find(cluster, params["addonName"]))}


@implements("eks", "DescribeAddonVersions")
def versions(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    if params.get("addonName", "vpc-cni") != "vpc-cni":
        return {"addons": []}
    k8s = params.get("kubernetesVersion") or context.world.shape.kubernetes_version
    rows = [{"addonVersion": v, "architecture": ["amd64", "arm64"], "requiresConfiguration": False,
             "requiresIamPermissions": True, "computeTypes": ["ec2", "hybrid"],
             "compatibilities": [{"clusterVersion": k8s, "platformVersions": ["*"], "defaultVersion": v == DEFAULT}]}
            for v in known_versions(context)]
    return {"addons": [{"addonName": "vpc-cni", "type": "networking", "owner": "aws", "publisher": "eks",
                        "addonVersions": rows}]}


@implements("eks", "DescribeAddonConfiguration")
def configuration(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    if params["addonName"] != "vpc-cni" or params["addonVersion"] not in known_versions(context):
        raise AwsError("ResourceNotFoundException", "Addon version specified is not supported", 404)
    return {"addonName": "vpc-cni", "addonVersion": params["addonVersion"], "configurationSchema": addon_schema.schema()}


@implements("eks", "CreateAddon")
def create(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = require(context, params["clusterName"])

    def make() -> dict[str, Any]:
        name = params["addonName"]
        if name in cluster.addons:
            raise AwsError("ResourceInUseException", "Addon already exists.", 409, clusterName=cluster.name, addonName=name)
        if name != "vpc-cni":
            raise AwsError("InvalidParameterException", f"Addon {name} specified is not supported")
        version = params.get("addonVersion", DEFAULT)
        _check(context, cluster, version, params.get("configurationValues"))
        addon = add(context, cluster, version, params.get("configurationValues"), params.get("serviceAccountRoleArn"))
        addon.status = "CREATING"
        update = Update("AddonUpdate", {}, addon=name)
        _apply_later(context, cluster, addon, update, version, addon.values, params.get("resolveConflicts", "NONE"),
                     addon.role)
        return {"addon": _shown(cluster, addon)}

    return once(cluster, "CreateAddon", params, make)


def add(context: Context, cluster: Cluster, version: str, values: str | None, role: str | None) -> Addon:
    arn = f"arn:aws:eks:{context.region}:{context.account}:addon/{cluster.name}/vpc-cni/{cluster.id.lower()}"
    cluster.addons["vpc-cni"] = Addon("vpc-cni", version, arn, values=values, role=role)
    return cluster.addons["vpc-cni"]


def _check(context: Context, cluster: Cluster, version: str, values: str | None) -> None:
    if version not in known_versions(context):
        raise AwsError("InvalidParameterException", "Addon version specified is not supported", clusterName=cluster.name,
                       addonName="vpc-cni")
    addon_schema.parse(values)


@implements("eks", "UpdateAddon")
def update(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = require(context, params["clusterName"])
    addon = _find(cluster, params["addonName"])
    return once(cluster, "UpdateAddon", params, lambda: _update(context, cluster, addon, params))


def _update(context: Context, cluster: Cluster, addon: Addon, params: dict[str, Any]) -> dict[str, Any]:
    if addon.status in ("UPDATING", "CREATING", "DELETING"):
        raise AwsError("ResourceInUseException",
                       f"Cannot update addon {addon.name} right now. The addon has update in progress", 409,
                       clusterName=cluster.name, addonName=addon.name)
    version = params.get("addonVersion", addon.version)
    values = params.get("configurationValues", addon.values)
    _check(context, cluster, version, values)
    resolve = params.get("resolveConflicts", "NONE")
    shown = {"ResolveConflicts": resolve}
    if "addonVersion" in params:
        shown["AddonVersion"] = version
    if "configurationValues" in params:
        shown["ConfigurationValues"] = values or ""
    made = Update("AddonUpdate", shown, addon=addon.name)
    cluster.updates.append(made)
    addon.status = "UPDATING"
    if "podIdentityAssociations" in params:  # absent: no change; empty: all are removed (UpdateAddon)
        addon.pod_identities = _associations(context, cluster, params["podIdentityAssociations"])
    # "If you don't specify an existing IAM role, then the add-on uses the permissions assigned to the node IAM role"
    # (UpdateAddon): an absent role is no role, unlike an absent version or configuration.
    _apply_later(context, cluster, addon, made, version, values, resolve, params.get("serviceAccountRoleArn"))
    return {"update": made.shown()}


def _associations(context: Context, cluster: Cluster, wanted: list[dict[str, str]]) -> list[str]:
    own = f"arn:aws:eks:{context.region}:{context.account}:podidentityassociation/{cluster.name}"
    return [f"{own}/a-{w['serviceAccount']}" for w in wanted]


def _apply_later(context: Context, cluster: Cluster, addon: Addon, update: Update, version: str, values: str | None,
                 resolve: str, role: str | None) -> None:
    """Half of the delay is before the objects are applied, half after. The calls run outside the lock."""
    world = context.world
    half = world.seconds("addon") / 2
    fault = world.take_fault("eks", "UpdateAddon", "addon_failure", "addon_degraded")

    def finish(code: str | None, message: str) -> None:
        addon.modified = now()
        if code is None:
            addon.status, addon.version, addon.values, update.status = "ACTIVE", version, values, "Successful"
            addon.role, addon.issues = role, []
            return
        addon.status = "DEGRADED" if code == "InsufficientNumberOfReplicas" else "UPDATE_FAILED"
        addon.issues = [{"code": code, "message": message, "resourceIds": ["aws-node"]}]
        update.fail(code, message, [addon.name])

    def work() -> None:
        code, message = None, ""
        try:
            if fault and fault["kind"] == "addon_failure":
                code, message = fault.get("code", "ConfigurationConflict"), fault.get("message", "Asked for by a test")
            else:
                addon_manager.install(world, version, addon_schema.parse(values), resolve, role)
                if fault:
                    code, message = "InsufficientNumberOfReplicas", "The add-on is unhealthy because it doesn't have the " \
                                                                    "desired number of replicas."
        except addon_manager.Conflict as conflict:
            code, message = "ConfigurationConflict", (
                "Conflicts found when trying to apply. Will not continue due to resolve conflicts mode. Conflicts:\n"
                + "\n".join(conflict.fields))
        except Refused as refused:
            code, message = "K8sResourceNotFound" if refused.code == 404 else "AdmissionRequestDenied", str(refused)
        except addon_manager.UNREACHABLE as error:
            code, message = "ClusterUnreachable", str(error)
        world.after(half, lambda: finish(code, message))

    world.after(half, lambda: threading.Thread(target=work, daemon=True).start())


@implements("eks", "DeleteAddon")
def delete(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = require(context, params["clusterName"])
    addon = _find(cluster, params["addonName"])
    addon.status = "DELETING"
    # With `preserve` the objects stay in the cluster; without it EKS deletes them, which no test needs yet.
    if not params.get("preserve"):
        raise AwsError("InvalidRequestException", "the sandbox supports DeleteAddon only with preserve", addonName=addon.name)
    context.world.after("eks-update", lambda: cluster.addons.pop(addon.name, None))
    return {"addon": _shown(cluster, addon)}
