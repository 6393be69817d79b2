"""The EKS API for clusters."""

from __future__ import annotations

from typing import Any

from . import paging
from .eks_model import Cluster, require
from .errors import AwsError
from .registry import implements
from .world import Context


def shown(cluster: Cluster) -> dict[str, Any]:
    network: dict[str, Any] = {"ipFamily": cluster.ip_family,
                               "elasticLoadBalancing": {"enabled": cluster.auto_mode}}
    network["serviceIpv6Cidr" if cluster.ip_family == "ipv6" else "serviceIpv4Cidr"] = cluster.service_cidr
    return {
        "name": cluster.name, "arn": cluster.arn, "version": cluster.version,
        **({"endpoint": cluster.endpoint} if cluster.endpoint else {}),
        "createdAt": cluster.created, "roleArn": cluster.role, "status": cluster.status, "platformVersion": "eks.14",
        "certificateAuthority": {"data": cluster.ca} if cluster.ca else {}, "tags": cluster.tags,
        "health": {"issues": []},
        "resourcesVpcConfig": {
            "vpcId": cluster.vpc, "subnetIds": cluster.subnets, "clusterSecurityGroupId": cluster.security_group,
            "securityGroupIds": cluster.additional_groups, "endpointPublicAccess": True, "endpointPrivateAccess": True,
            "publicAccessCidrs": ["0.0.0.0/0"]},
        "kubernetesNetworkConfig": network,
        "accessConfig": {"authenticationMode": cluster.authentication_mode,
                         "bootstrapClusterCreatorAdminPermissions": True},
        "computeConfig": {"enabled": cluster.auto_mode, "nodePools": ["general-purpose", "system"]
                          if cluster.auto_mode else []},
        "storageConfig": {"blockStorage": {"enabled": cluster.auto_mode}},
        "upgradePolicy": {"supportType": "EXTENDED"}, "deletionProtection": False,
        "identity": {"oidc": {"issuer": f"https://oidc.eks.{cluster.arn.split(':')[3]}.amazonaws.com/id/{cluster.id}"}},
        "logging": {"clusterLogging": [{"enabled": False, "types": [
            "api", "audit", "authenticator", "controllerManager", "scheduler"]}]}}


@implements("eks", "DescribeCluster")
def describe(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"cluster": shown(require(context, params["name"]))}


@implements("eks", "CreateCluster")
def create(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """No control plane is started for it, so it is being created for ever: without an endpoint or a certificate."""
    region, name = context.world.regions[context.region], params["name"]
    if name in region.clusters:
        raise AwsError("ResourceInUseException", f"Cluster already exists with name: {name}", 409, clusterName=name)
    network = params["resourcesVpcConfig"]
    vpcs = context.call("ec2", "DescribeSubnets", {"SubnetIds": network["subnetIds"]})["Subnets"]
    shape = context.world.shape
    cluster = Cluster(
        name, f"arn:aws:eks:{context.region}:{context.account}:cluster/{name}",
        params.get("version", shape.kubernetes_version), "", "", params["roleArn"], shape.service_cidr, "ipv4",
        params.get("accessConfig", {}).get("authenticationMode", "CONFIG_MAP"), False, vpc=vpcs[0]["VpcId"],
        subnets=network["subnetIds"], additional_groups=network.get("securityGroupIds", []),
        tags=params.get("tags", {}), status="CREATING")
    region.clusters[name] = cluster
    return {"cluster": shown(cluster)}


@implements("eks", "ListClusters")
def list_all(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    names, token = paging.page(params, sorted(context.world.regions[context.region].clusters), ("clusters",),
                               size="maxResults", token="nextToken", code="InvalidParameterException")
    return {"clusters": names, **({"nextToken": token} if token else {})}


@implements("eks", "ListPodIdentityAssociations")
def pod_identities(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    require(context, params["clusterName"])
    return {"associations": []}


@implements("eks", "ListInsights")
def insights(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    require(context, params["clusterName"])
    return {"insights": []}


def _tagged(context: Context, arn: str) -> dict[str, str]:
    for cluster in context.world.regions[context.region].clusters.values():
        for thing in (cluster, *cluster.addons.values(), *cluster.nodegroups.values(), *cluster.entries.values()):
            if thing.arn == arn:
                return thing.tags
    raise AwsError("NotFoundException", f"No resource found for ARN {arn}.", 404)


@implements("eks", "ListTagsForResource")
def tags(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"tags": _tagged(context, params["resourceArn"])}


@implements("eks", "TagResource", "UntagResource")
def tag(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    found = _tagged(context, params["resourceArn"])
    found.update(params.get("tags", {}))
    for key in params.get("tagKeys", []):
        found.pop(key, None)
    return {}
