"""The sandbox's own endpoints, for its other parts. Loopback only, without credentials, not logged.

POST /sandbox/faults takes one object or a list: {"service", "operation", "kind", "times"} and, by kind,
  error            operation of the API ("*": any): rejected with "code", "message", "status"; nothing is done
  lost_reply       the work is done, the connection closes without a response
  late_error       the work is done, the response is the service's 5xx
  launch_failure   autoscaling; operation: zone, group name or "Launch". ec2; operation: zone, instance type or
                   "CreateFleet". "code": InsufficientInstanceCapacity, ...
  stack_failure    cloudformation; operation: logical id or resource type. "late": true fails it after it was created
  addon_failure    eks, UpdateAddon: the update ends Failed with "code" (ConfigurationConflict) and "message"
  addon_degraded   eks, UpdateAddon: applied, but the update fails and the add-on is DEGRADED
  node_start       any operation: afterwards an autoscaler raises a group's desired capacity by one
  node_end         any operation: afterwards an instance of a group dies. For both, "group" is the name of an
                   Auto Scaling group or managed node group; without it, the first group that has instances
  signal           any operation: after "after" mutating calls were answered, process "pid" gets signal
                   "signal" (KILL, INT)
  eni_leak         ec2, TerminateInstances: one aws-K8S-* interface stays `available`; "seconds": for this time only
GET /sandbox/interfaces returns every network interface with its subnet and security groups.
GET /sandbox/permissions returns the actions that IAM was asked about, by caller, including those that CloudFormation
performs in a caller's name.
POST /sandbox/may takes {"role", "action"}: whether a role's policies allow an action on any resource.
POST /sandbox/fargate takes {"namespace"}: AWS Fargate starts a pod of this namespace, and returns its node's name, zone,
address and network interface. DELETE takes {"interface"}: the pod has ended.
POST /sandbox/tokens/expire: Kubernetes tokens issued before are rejected from now on, like expired ones. The API server asks
again after ten seconds.
POST /sandbox/nodegroup takes {"name", "status", "issues", "seconds"}: sets what EKS reports for a managed node group;
with seconds it is ACTIVE and healthy again after this time.
POST /sandbox/vpc-owner takes {"account"}: this account owns the cluster's VPC and shares it; empty: the cluster's
account owns it.
POST /sandbox/endpoint takes {"endpoint"}: the API server endpoint that DescribeCluster returns.
Calls of the sandbox's own users (witness, node agent) and of Karpenter get no such errors and trigger no events, except
that Karpenter's launches can fail.
"""

from __future__ import annotations

import base64
import gzip
import json
import time
from typing import Any

from . import amis, asg_model, callers, ec2_enis, eks_fargate, eks_nodegroup_make, policies, token_review
from .callers import iam
from .world import World

FAULTS = ("error", "lost_reply", "late_error", "launch_failure", "stack_failure", "addon_failure", "addon_degraded",
          "node_start", "node_end", "eni_leak", "signal")


def handle(world: World, method: str, path: str, body: bytes) -> tuple[int, Any]:
    with world.lock:
        if path == "/sandbox/token-review" and method == "POST":
            return 200, token_review.review(world, json.loads(body))
        if path == "/sandbox/instances" and method == "GET":
            return 200, instances(world)
        if path == "/sandbox/interfaces" and method == "GET":
            return 200, interfaces(world)
        if path == "/sandbox/permissions" and method == "GET":
            return 200, {arn: sorted(actions) for arn, actions in world.asked.items()}
        if path == "/sandbox/cluster" and method == "GET":
            return 200, cluster(world)
        if path == "/sandbox/may" and method == "POST":
            asked = json.loads(body)
            documents = callers.role_policies(world.shape.account, asked["role"].split("/")[-1])
            return 200, {"allowed": policies.decide(documents, asked["action"], None) == "allowed"}
        if path == "/sandbox/fargate" and method == "POST":
            started = eks_fargate.start(world, json.loads(body)["namespace"])
            return (200, started) if started else (404, {"message": "no Fargate profile selects this namespace"})
        if path == "/sandbox/fargate" and method == "DELETE":
            eks_fargate.stop(world, json.loads(body)["interface"])
            return 200, {}
        if path == "/sandbox/tokens/expire" and method == "POST":
            world.tokens_since = time.time()
            return 200, {}
        if path == "/sandbox/nodegroup" and method == "POST":
            return 200, nodegroup(world, json.loads(body))
        if path == "/sandbox/vpc-owner" and method == "POST":
            world.vpc_owner = json.loads(body)["account"]
            return 200, {}
        if path == "/sandbox/endpoint" and method == "POST":
            world.home.clusters[world.shape.cluster].endpoint = json.loads(body)["endpoint"]
            return 200, {}
        if path == "/sandbox/faults" and method == "POST":
            given = json.loads(body)
            made = [{"operation": "*", "times": 1, "kind": "error", **f} for f in
                    (given if isinstance(given, list) else [given])]
            wrong = [f for f in made if f["kind"] not in FAULTS or "service" not in f]
            if wrong:  # it would never happen, and the test would prove nothing
                return 400, {"message": f"no such fault: {wrong[0]}"}
            world.faults += made
            return 200, world.faults
        if path == "/sandbox/faults" and method == "DELETE":
            world.faults.clear()
            return 200, []
        if path == "/sandbox/faults" and method == "GET":
            return 200, world.faults
    return 404, {"message": f"no {method} {path}"}


def nodegroup(world: World, given: dict[str, Any]) -> dict[str, Any]:
    found = world.home.clusters[world.shape.cluster].nodegroups[given["name"]]
    found.status, found.issues = given["status"], given.get("issues", [])

    def healthy() -> None:
        found.status, found.issues = "ACTIVE", []

    if given.get("seconds"):
        world.after(float(given["seconds"]), healthy)
    return {}


def cluster(world: World) -> dict[str, Any]:
    found = world.home.clusters[world.shape.cluster]
    return {"name": found.name, "endpoint": found.endpoint, "certificate_authority": found.ca,
            "service_cidr": found.service_cidr, "authentication_mode": found.authentication_mode,
            "access_entries": {e.principal: {"type": e.kind} for e in found.entries.values()}}


def _role(world: World, instance: Any) -> str | None:
    arn = (instance.iam_instance_profile or {}).get("Arn")
    profile = iam(world.shape.account).instance_profiles.get(arn.split("/")[-1]) if arn else None
    return profile.roles[0].arn if profile and profile.roles else None


def _user_data(raw: Any) -> str:
    """As cloud-init and the images' own tools read it: gzip is decompressed."""
    if not raw:
        return ""
    try:
        data = base64.b64decode(raw if isinstance(raw, bytes) else str(raw).encode())
        return (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode("utf-8", "replace")
    except (ValueError, OSError):
        return str(raw)


def instances(world: World) -> list[dict[str, Any]]:
    from moto.ec2.models import ec2_backends

    store = ec2_backends[world.shape.account][world.shape.region]
    nodegroups = {g.group: g for c in world.home.clusters.values() for g in c.nodegroups.values()}
    rows = []
    for instance in store.all_instances():
        owner = asg_model.owner(world, instance.id)
        group = owner[0].name if owner else store.tags.get(instance.id, {}).get("aws:autoscaling:groupName")
        nodegroup = nodegroups.get(group or "")
        image = store.amis.get(instance.image_id)
        most, per_eni = ec2_enis.limits(store, instance.instance_type)
        kind = ec2_enis.kind(store, instance.instance_type)
        subnet = instance.subnet_id or getattr(instance, "last_subnet_id", None)
        rows.append({
            "instance_id": instance.id, "state": instance.state, "private_ip": instance.private_ip,
            "private_dns_name": instance.private_dns_name, "subnet_id": subnet, "vpc_id": instance.vpc_id,
            "az": instance.availability_zone, "instance_type": instance.instance_type,
            "user_data": _user_data(instance.user_data), "role_arn": _role(world, instance), "asg": group,
            "ami_family": amis.family(image.name) if image else "al2023",
            "nodegroup": nodegroup.name if nodegroup else None,
            "labels": eks_nodegroup_make.labels(nodegroup) if nodegroup else {},
            # With an image id in the user's template EKS applies the group's taints itself, after the node joined.
            "late_taints": nodegroup.taints if nodegroup and nodegroup.ami_type == "CUSTOM" else [],
            "eni_limits": {"enis": most, "ipv4_per_eni": per_eni},
            "vcpus": kind.get("VCpuInfo", {}).get("DefaultVCpus", 2),
            "memory_mib": kind.get("MemoryInfo", {}).get("SizeInMiB", 0),
            # NVIDIA's device plugin finds none if the image has no drivers.
            "gpus": sum(g["Count"] for g in kind.get("GpuInfo", {}).get("Gpus", []) if g.get("Manufacturer") == "NVIDIA")
            if image and amis.has_nvidia_drivers(image.name) else 0,
            "architecture": image.architecture if image else "x86_64"})
    return rows


def interfaces(world: World) -> list[dict[str, Any]]:
    from moto.ec2.models import ec2_backends

    enis = ec2_backends[world.shape.account][world.shape.region].enis.values()
    return [{"id": eni.id, "subnet": eni.subnet.id, "groups": [group.id for group in eni.group_set]} for eni in enis]
