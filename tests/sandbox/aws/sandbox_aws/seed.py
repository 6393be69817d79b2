"""Creates the account that shape.json describes: keys, network, cluster, nodes. Then writes aws.json."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

from . import addon_manager, addon_schema, amis, eks_access, eks_addons, seed_nodes
from .eks_model import Cluster
from .moto_patches import ec2
from .world import Context, World

ADMIN_DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
USERS = {"admin": "admin", "witness": "sandbox-witness", "node_agent": "sandbox-node-agent"}
VPC_BLOCK = "192.168.0.0/16"


def run(world: World) -> None:
    context = Context(world, "ec2", "", world.shape.region)
    with world.lock:
        world.ids = {"endpoint": f"http://127.0.0.1:{world.port}", "region": world.shape.region,
                     "account": world.shape.account}
        world.ids["keys"] = _keys(world)
        amis.seed(world)
        _network(world, context)
        _cluster(world, context)
        _cni_role(world, context)
        world.seeding = True
        seed_nodes.run(world, context)
        world.seeding = False
    _addon(world, context)
    _write(world.directory / "aws.json", world.ids)


def _keys(world: World) -> dict[str, Any]:
    made = {}
    for key, name in USERS.items():
        arn = world.call("iam", "CreateUser", {"UserName": name})["User"]["Arn"]
        world.call("iam", "PutUserPolicy", {"UserName": name, "PolicyName": "all", "PolicyDocument": ADMIN_DOCUMENT})
        access = world.call("iam", "CreateAccessKey", {"UserName": name})["AccessKey"]
        made[key] = {"access_key_id": access["AccessKeyId"], "secret_access_key": access["SecretAccessKey"], "arn": arn}
    world.creator_arn = made["admin"]["arn"]
    return made


def tag(kind: str, **tags: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}]


def _network(world: World, context: Context) -> None:
    """Public and private /19 subnets per zone, as in the EKS user guide's VPC template."""
    shape, call = world.shape, context.call
    vpc = call("ec2", "CreateVpc", {"CidrBlock": VPC_BLOCK, "TagSpecifications": tag("vpc", Name=f"{shape.cluster}-vpc")})
    vpc_id = vpc["Vpc"]["VpcId"]
    call("ec2", "ModifyVpcAttribute", {"VpcId": vpc_id, "EnableDnsHostnames": {"Value": True}})
    gateway = call("ec2", "CreateInternetGateway", {})["InternetGateway"]["InternetGatewayId"]
    call("ec2", "AttachInternetGateway", {"InternetGatewayId": gateway, "VpcId": vpc_id})
    public_table = _table(call, vpc_id, f"{shape.cluster}-public", {"GatewayId": gateway})
    ids: dict[str, Any] = {"vpc_id": vpc_id, "private_subnets": {}, "public_subnets": {}, "private_route_tables": {},
                           "public_route_table": public_table, "nat_gateways": {}, "internet_gateway": gateway}
    for index, zone in enumerate(shape.azs):
        public = _subnet(call, vpc_id, zone, f"192.168.{index * 32}.0/19", f"{shape.cluster}-public-{zone}",
                         "kubernetes.io/role/elb")
        call("ec2", "ModifySubnetAttribute", {"SubnetId": public, "MapPublicIpOnLaunch": {"Value": True}})
        call("ec2", "AssociateRouteTable", {"RouteTableId": public_table, "SubnetId": public})
        private = _subnet(call, vpc_id, zone, f"192.168.{128 + index * 32}.0/19", f"{shape.cluster}-private-{zone}",
                          "kubernetes.io/role/internal-elb")
        address = call("ec2", "AllocateAddress", {"Domain": "vpc"})["AllocationId"]
        nat = call("ec2", "CreateNatGateway", {"SubnetId": public, "AllocationId": address, "TagSpecifications": tag(
            "natgateway", Name=f"{shape.cluster}-{zone}")})["NatGateway"]["NatGatewayId"]
        table = _table(call, vpc_id, f"{shape.cluster}-private-{zone}", {"NatGatewayId": nat})
        call("ec2", "AssociateRouteTable", {"RouteTableId": table, "SubnetId": private})
        ids["public_subnets"][zone], ids["private_subnets"][zone] = public, private
        ids["private_route_tables"][zone], ids["nat_gateways"][zone] = table, nat
    if shape.secondary_cidr:
        call("ec2", "AssociateVpcCidrBlock", {"VpcId": vpc_id, "CidrBlock": shape.secondary_cidr})
        store = ec2(context)
        for row in store.vpcs[vpc_id].get_cidr_block_association_set():
            row["cidr_block_state"]["state"] = "associated"
        for table in [t for t in store.route_tables.values() if t.vpc_id == vpc_id]:
            store.create_route(table.id, shape.secondary_cidr, local=True)
    world.ids.update(ids)


def _table(call: Any, vpc_id: str, name: str, target: dict[str, str]) -> str:
    made = call("ec2", "CreateRouteTable", {"VpcId": vpc_id, "TagSpecifications": tag("route-table", Name=name)})
    table = made["RouteTable"]["RouteTableId"]
    call("ec2", "CreateRoute", {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", **target})
    return table


def _subnet(call: Any, vpc_id: str, zone: str, block: str, name: str, role: str) -> str:
    tags = {"Name": name, role: "1"}
    return call("ec2", "CreateSubnet", {"VpcId": vpc_id, "CidrBlock": block, "AvailabilityZone": zone,
                                        "TagSpecifications": tag("subnet", **tags)})["Subnet"]["SubnetId"]


def _cluster(world: World, context: Context) -> None:
    shape, ids = world.shape, world.ids
    role = world.call("iam", "CreateRole", {"RoleName": f"{shape.cluster}-cluster", "AssumeRolePolicyDocument": trust(
        "eks.amazonaws.com")})["Role"]["Arn"]
    ca = Path(shape.ca_file).read_bytes() if shape.ca_file and Path(shape.ca_file).exists() else b"no certificate\n"
    ipv6 = shape.ip_family == "ipv6"
    cluster = Cluster(
        shape.cluster, f"arn:aws:eks:{shape.region}:{shape.account}:cluster/{shape.cluster}", shape.kubernetes_version,
        shape.cluster_endpoint, base64.b64encode(ca).decode(), role,
        "fd12:3456:789a::/108" if ipv6 else shape.service_cidr, shape.ip_family, shape.authentication_mode,
        shape.auto_mode, vpc=ids["vpc_id"])
    cluster.subnets = [*ids["public_subnets"].values(), *ids["private_subnets"].values()]
    cluster.security_group = _cluster_group(world, context)
    world.home.clusters[cluster.name] = cluster
    world.ids.update(cluster_arn=cluster.arn, cluster_security_group=cluster.security_group)
    if shape.authentication_mode != "CONFIG_MAP":
        # The creator gets an entry with the admin policy (bootstrapClusterCreatorAdminPermissions).
        entry = eks_access.make(context, cluster, world.creator_arn, "STANDARD")
        entry.policies[eks_access.ADMIN_POLICY] = {"type": "cluster", "namespaces": []}


def trust(service: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]})


def _cluster_group(world: World, context: Context) -> str:
    """As EKS creates it: traffic within the group, and all outbound traffic ("View EKS security group requirements")."""
    name = world.shape.cluster
    group = context.call("ec2", "CreateSecurityGroup", {
        "GroupName": f"eks-cluster-sg-{name}-1872309450", "VpcId": world.ids["vpc_id"],
        "Description": "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, "
                       "as well as any managed workloads.",
        "TagSpecifications": tag("security-group", **{
            "Name": f"eks-cluster-sg-{name}-1872309450", f"kubernetes.io/cluster/{name}": "owned",
            "aws:eks:cluster-name": name})})["GroupId"]
    context.call("ec2", "AuthorizeSecurityGroupIngress", {"GroupId": group, "IpPermissions": [
        {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}]})
    return group


def _addon(world: World, context: Context) -> None:
    """Installs the add-on as soon as the cluster's API server answers; it starts at the same time."""
    shape = world.shape
    if shape.cni != "addon" or shape.auto_mode:
        return
    cluster = world.home.clusters[shape.cluster]
    api = addon_manager.client(world)
    values, env = shape.addon_values, dict(variable.split("=", 1) for variable in shape.cni_env)
    if env:
        given = addon_schema.parse(values)
        values = json.dumps({**given, "env": {**given.get("env", {}), **env}})
    if api:
        if not api.wait_ready(90):
            raise SystemExit("the cluster's API server did not answer: the vpc-cni add-on can't be installed")
        addon_manager.install(world, shape.cni_version, addon_schema.parse(values), "OVERWRITE", world.ids["cni_role_arn"])
    with world.lock:
        eks_addons.add(context, cluster, shape.cni_version, values, world.ids["cni_role_arn"])


def _cni_role(world: World, context: Context) -> None:
    """A role that only aws-node's service account can assume ("Configure Amazon VPC CNI plugin to use IRSA")."""
    shape = world.shape
    world.ids["cni_role_arn"] = None
    if not shape.irsa or shape.cni != "addon" or shape.auto_mode:
        return
    issuer = f"oidc.eks.{shape.region}.amazonaws.com/id/{world.home.clusters[shape.cluster].id}"
    document = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Federated": f"arn:aws:iam::{shape.account}:oidc-provider/{issuer}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{issuer}:sub": "system:serviceaccount:kube-system:aws-node"}}}]})
    name = f"{shape.cluster}-vpc-cni"
    made = context.call("iam", "CreateRole", {"RoleName": name, "AssumeRolePolicyDocument": document})
    context.call("iam", "AttachRolePolicy", {
        "RoleName": name, "PolicyArn": f"arn:aws:iam::aws:policy/{seed_nodes.CNI_POLICY}"})
    world.ids["cni_role_arn"] = made["Role"]["Arn"]


def _write(path: Path, content: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=1))
    os.chmod(part, 0o600)
    os.replace(part, path)
