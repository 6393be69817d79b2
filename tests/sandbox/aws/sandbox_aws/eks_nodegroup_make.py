"""What EKS does for a managed node group: instance profile, launch template, Auto Scaling group, authorization, and the
wait for its nodes."""

from __future__ import annotations

import base64
import copy
import http.client
import threading
import time
import uuid
from typing import Any

from . import addon_manager, amis, asg_hooks, eks_access, eks_auth_map, eks_max_pods, eks_user_data
from .eks_model import Cluster, Nodegroup, now
from .errors import AwsError
from .k8s import Refused
from .moto_patches import ec2
from .world import Context, World

_TICK = 0.25
# Resources of an instance that a launch template can tag; EKS tags these ("Tag your resources", EKS user guide).
_TAGGED = ("instance", "volume", "network-interface")


def start(context: Context, cluster: Cluster, group: Nodegroup, data: dict[str, Any], sizes: tuple[int, int, int]) -> None:
    world = context.world
    quiet = Context(world, "eks", "CreateNodegroup", context.region)
    if world.seeding:
        _make(quiet, cluster, group, data, sizes, eks_max_pods.settings(world))
        group.status = "ACTIVE"
        return
    threading.Thread(target=_run, args=(quiet, cluster, group, data, sizes), name="nodegroup", daemon=True).start()


def _run(context: Context, cluster: Cluster, group: Nodegroup, data: dict[str, Any], sizes: tuple[int, int, int]) -> None:
    """The API server is asked without the lock: it asks this process to review tokens."""
    world = context.world
    time.sleep(world.seconds("eks-update"))
    env = eks_max_pods.settings(world)
    with world.lock:
        try:
            _make(context, cluster, group, data, sizes, env)
        except eks_user_data.Invalid as error:
            _fail(group, "Ec2LaunchTemplateInvalidConfiguration", str(error), [])
            return
        except AwsError as error:
            _fail(group, _code(error), error.message, [])
            return
    if cluster.authentication_mode == "CONFIG_MAP":
        eks_auth_map.add(world, group.role)
    begun = time.monotonic()
    while group.status == "CREATING":
        joined = _joined(world)  # instance -> Ready
        with world.lock:
            if group.status != "CREATING":
                return
            asg = world.regions[context.region].groups.get(group.group)
            members = [m.instance_id for m in asg.members] if asg else []
            running = [m for m in asg.members if m.state == "InService"] if asg else []
            enough = asg is not None and sum(m.units for m in running) >= asg.desired
            if enough and (joined is None or all(joined.get(m) for m in members)):
                group.status, group.modified = "ACTIVE", now()
                return
            waited = time.monotonic() - begun
            failed = next((a for a in asg.activities if a.status == "Failed"), None) if asg and not enough else None
            if failed and waited > world.seconds("nodegroup-launch"):
                _fail(group, "AsgInstanceLaunchFailures", failed.message, [group.group])
            elif waited > world.seconds("nodegroup-join"):
                absent = [m for m in members if m not in (joined or {})]
                _fail(group, "NodeCreationFailure", "Instances failed to join the kubernetes cluster" if absent else
                      "Unhealthy nodes in the kubernetes cluster", absent or members)
        time.sleep(_TICK)


def _code(error: AwsError) -> str:
    return "AsgInstanceLaunchFailures" if error.code == "ValidationError" else "Ec2LaunchTemplateInvalidConfiguration"


def _fail(group: Nodegroup, code: str, message: str, resources: list[str]) -> None:
    group.status, group.modified = "CREATE_FAILED", now()
    group.issues = [{"code": code, "message": message, "resourceIds": resources}]


def _joined(world: World) -> dict[str, bool] | None:
    """Instances with a Node, and whether it is Ready; None without a cluster."""
    api = addon_manager.client(world)
    if api is None:
        return None
    try:
        nodes = api.request("GET", "/api/v1/nodes")["items"]
    except (Refused, OSError, http.client.HTTPException):
        return {}
    return {n["spec"].get("providerID", "").split("/")[-1]: any(
        c["type"] == "Ready" and c["status"] == "True" for c in n.get("status", {}).get("conditions", [])) for n in nodes}


def labels(group: Nodegroup) -> dict[str, str]:
    """Those that EKS gives its nodes, as on nodes of AWS, and the group's own."""
    found = {}
    if group.launch_template:
        found["eks.amazonaws.com/sourceLaunchTemplateVersion"] = group.launch_template["version"]
    found |= {"eks.amazonaws.com/nodegroup-image": group.image, "eks.amazonaws.com/capacityType": group.capacity_type,
              "eks.amazonaws.com/nodegroup": group.name}
    if group.launch_template:
        found["eks.amazonaws.com/sourceLaunchTemplateId"] = group.launch_template["id"]
    return {**found, **group.labels}


def _make(context: Context, cluster: Cluster, group: Nodegroup, data: dict[str, Any], sizes: tuple[int, int, int],
          env: dict[str, str]) -> None:
    own = group.arn.split("/")[-1]
    group.max_pods = eks_max_pods.recommended(context, group.instance_types, env)
    group.profile = f"eks-{own}"
    context.call("iam", "CreateInstanceProfile", {"InstanceProfileName": group.profile})
    context.call("iam", "AddRoleToInstanceProfile", {"InstanceProfileName": group.profile,
                                                     "RoleName": group.role.split("/")[-1]})
    body = _template(context, cluster, group, data)
    tags = {"eks:cluster-name": cluster.name, "eks:nodegroup-name": group.name}
    made = context.call("ec2", "CreateLaunchTemplate", {
        "LaunchTemplateName": f"eks-{own}", "LaunchTemplateData": body, "TagSpecifications": [
            {"ResourceType": "launch-template", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}]})
    group.own_template = made["LaunchTemplate"]["LaunchTemplateId"]
    if cluster.authentication_mode != "CONFIG_MAP" and group.role not in cluster.entries:
        eks_access.make(context, cluster, group.role, "EC2_LINUX")
    _scaling_group(context, cluster, group, tags, sizes)


def _scaling_group(context: Context, cluster: Cluster, group: Nodegroup, tags: dict[str, str],
                   sizes: tuple[int, int, int]) -> None:
    """On-Demand types in their order; Spot by price and capacity, with rebalancing ("Managed node group capacity types")."""
    spot = group.capacity_type == "SPOT"
    distribution: dict[str, Any] = {"OnDemandBaseCapacity": 0, "OnDemandPercentageAboveBaseCapacity": 0 if spot else 100,
                                    "OnDemandAllocationStrategy": "prioritized",
                                    "SpotAllocationStrategy": "price-capacity-optimized"}
    shown = {**tags, f"kubernetes.io/cluster/{cluster.name}": "owned", "k8s.io/cluster-autoscaler/enabled": "true",
             f"k8s.io/cluster-autoscaler/{cluster.name}": "owned"}
    name = f"eks-{group.name}-{group.arn.split('/')[-1]}"
    context.call("autoscaling", "CreateAutoScalingGroup", {
        "AutoScalingGroupName": name, "MinSize": sizes[0], "MaxSize": sizes[1], "DesiredCapacity": sizes[2],
        "VPCZoneIdentifier": ",".join(group.subnets), "CapacityRebalance": True, "HealthCheckGracePeriod": 15,
        "TerminationPolicies": ["AllocationStrategy", "OldestLaunchTemplate", "OldestInstance"],
        "MixedInstancesPolicy": {
            "InstancesDistribution": distribution,
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {"LaunchTemplateId": group.own_template, "Version": "1"},
                "Overrides": [{"InstanceType": t} for t in group.instance_types]}},
        "Tags": [{"Key": k, "Value": v, "PropagateAtLaunch": True} for k, v in shown.items()]})
    group.group = name
    asg_hooks.of_eks(context.world.regions[context.region].groups[name])


def family(context: Context, group: Nodegroup) -> str:
    return amis.family(ec2(context).amis[group.image].name)


def _template(context: Context, cluster: Cluster, group: Nodegroup, given: dict[str, Any]) -> dict[str, Any]:
    """The user's template with what EKS adds."""
    data = {k: v for k, v in copy.deepcopy(given).items() if k != "InstanceType"}
    data.update(ImageId=group.image, IamInstanceProfile={"Arn": context.call(
        "iam", "GetInstanceProfile", {"InstanceProfileName": group.profile})["InstanceProfile"]["Arn"]})
    if group.ami_type != "CUSTOM":
        data["UserData"] = user_data(context, cluster, group, given.get("UserData", ""))
    _security_groups(context, cluster, group, data)
    if not group.launch_template:
        # "this value is automatically set for the node group in the default launch template": hop limit 2.
        al2 = family(context, group) == "al2"
        data["MetadataOptions"] = {"HttpPutResponseHopLimit": 2, "HttpTokens": "optional" if al2 else "required"}
        disk = "/dev/xvdb" if family(context, group) == "bottlerocket" else "/dev/xvda"
        data["BlockDeviceMappings"] = [{"DeviceName": disk, "Ebs": {"DeleteOnTermination": True,
                                                                    "VolumeSize": group.disk_size}}]
    tags = {"eks:cluster-name": cluster.name, "eks:nodegroup-name": group.name}
    named = {s["ResourceType"]: s.get("Tags", []) for s in data.get("TagSpecifications", [])}
    data["TagSpecifications"] = [
        {"ResourceType": kind, "Tags": [*named.pop(kind, []), *({"Key": k, "Value": v} for k, v in tags.items())]}
        for kind in _TAGGED] + [{"ResourceType": kind, "Tags": rows} for kind, rows in named.items()]
    return data


def _security_groups(context: Context, cluster: Cluster, group: Nodegroup, data: dict[str, Any]) -> None:
    """"If you specify custom security groups in the launch template, Amazon EKS doesn't add the cluster security group"."""
    own = [cluster.security_group]
    if group.remote_access:
        group.remote_group = _remote_group(context, cluster, group)
        own.append(group.remote_group)
        data["KeyName"] = group.remote_access.get("ec2SshKey", "")
    interfaces = data.get("NetworkInterfaces", [])
    if interfaces:
        if not any(i.get("Groups") for i in interfaces):
            interfaces[0]["Groups"] = own
    elif not data.get("SecurityGroupIds") and not data.get("SecurityGroups"):
        data["SecurityGroupIds"] = own


def _remote_group(context: Context, cluster: Cluster, group: Nodegroup) -> str:
    made = context.call("ec2", "CreateSecurityGroup", {
        "GroupName": f"eks-remoteAccess-{uuid.uuid4()}", "VpcId": cluster.vpc,
        "Description": "Security group for all nodes in the nodeGroup to allow SSH access"})["GroupId"]
    sources = (group.remote_access or {}).get("sourceSecurityGroups", [])
    rule: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    rule |= {"UserIdGroupPairs": [{"GroupId": s} for s in sources]} if sources else {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    context.call("ec2", "AuthorizeSecurityGroupIngress", {"GroupId": made, "IpPermissions": [rule]})
    return made


def user_data(context: Context, cluster: Cluster, group: Nodegroup, given: str) -> str:
    kubelet = eks_user_data.Kubelet(group.max_pods, labels(group), group.taints)
    text = base64.b64decode(given).decode("utf-8", "replace")
    merged = eks_user_data.merged(family(context, group), cluster, kubelet, text)
    return base64.b64encode(merged.encode()).decode()


def remove(context: Context, cluster: Cluster, group: Nodegroup) -> None:
    """What EKS created. The role's authorization goes with its last node group, even if self-managed nodes need it
    ("Delete a managed node group from your cluster", EKS user guide)."""
    for operation, params in (
            ("DeleteLaunchTemplate", {"LaunchTemplateId": group.own_template}),
            ("DeleteSecurityGroup", {"GroupId": group.remote_group})):
        if next(iter(params.values())):
            context.call("ec2", operation, params)
    if group.profile:
        context.call("iam", "RemoveRoleFromInstanceProfile", {"InstanceProfileName": group.profile,
                                                              "RoleName": group.role.split("/")[-1]})
        context.call("iam", "DeleteInstanceProfile", {"InstanceProfileName": group.profile})
    if any(other.role == group.role for other in cluster.nodegroups.values()):
        return
    cluster.entries.pop(group.role, None)
    if cluster.authentication_mode != "API":
        world = context.world
        threading.Thread(target=eks_auth_map.remove, args=(world, group.role), name="aws-auth", daemon=True).start()
