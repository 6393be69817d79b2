"""Clusters of unlike node groups, made by AWS's own calls (shape `pools`).

mixed: what a platform team's cluster has. Two nodes of a managed group for everything, and one node each of: arm64 with a
taint; Spot with a mixed instances policy; a team's labelled group with a proxy, encrypted volumes and a security group of
its own; a group whose pods live from a policy on the node role. GPU nodes are scaled to zero.

managed: one node each of managed groups without a launch template, with one, with an own image, and of Bottlerocket.

teams: a labelled group for each of `teams` teams, with a node in each zone.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import yaml

from . import amis, eks_nodegroup_rules
from .cfn import engine
from .eks_model import Cluster
from .seed_nodes import node_config, role_of_nodes, subnets
from .world import Context, World

# Applied by the payments team's template: their proxy, as a shell part before nodeadm's.
PROXY = """#!/bin/bash
set -e
cat > /etc/systemd/system/kubelet.service.d/http-proxy.conf <<'EOF'
[Service]
Environment="HTTPS_PROXY=http://proxy.payments.example:3128"
Environment="NO_PROXY=169.254.169.254,.cluster.local,.eks.amazonaws.com,172.20.0.0/16,192.168.0.0/16"
EOF
cp /etc/systemd/system/kubelet.service.d/http-proxy.conf /etc/systemd/system/containerd.service.d/
"""
REPORTS_POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::example-reports/*"}]}
_AUTOSCALER = "k8s.io/cluster-autoscaler"

# One stack, as teams write it. The launch template names no type: the overrides do.
_SPOT = """
Parameters:
  Cluster: { Type: String }
  Image: { Type: "AWS::EC2::Image::Id" }
  Group: { Type: "AWS::EC2::SecurityGroup::Id" }
  Profile: { Type: String }
  Subnets: { Type: "List<AWS::EC2::Subnet::Id>" }
  UserData: { Type: String }
Resources:
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData:
        ImageId: !Ref Image
        IamInstanceProfile: { Name: !Ref Profile }
        SecurityGroupIds: [!Ref Group]
        MetadataOptions: { HttpTokens: required, HttpPutResponseHopLimit: 2 }
        UserData: !Base64 { Ref: UserData }
        TagSpecifications:
          - ResourceType: instance
            Tags: [{ Key: cost-center, Value: batch }]
          - ResourceType: volume
            Tags: [{ Key: cost-center, Value: batch }]
  Nodes:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MinSize: "0"
      MaxSize: "12"
      DesiredCapacity: "2"
      CapacityRebalance: true
      VPCZoneIdentifier: !Ref Subnets
      MixedInstancesPolicy:
        InstancesDistribution:
          OnDemandBaseCapacity: 0
          OnDemandPercentageAboveBaseCapacity: 0
          SpotAllocationStrategy: price-capacity-optimized
        LaunchTemplate:
          LaunchTemplateSpecification:
            LaunchTemplateId: !Ref Template
            Version: !GetAtt Template.LatestVersionNumber
          Overrides:
            - { InstanceType: m5.large, WeightedCapacity: "2" }
            - { InstanceType: m5a.large, WeightedCapacity: "2" }
            - { InstanceType: m5.xlarge, WeightedCapacity: "4" }
      Tags:
        - { Key: !Sub "kubernetes.io/cluster/${Cluster}", Value: owned, PropagateAtLaunch: true }
        - { Key: k8s.io/cluster-autoscaler/enabled, Value: "true", PropagateAtLaunch: false }
        - { Key: !Sub "k8s.io/cluster-autoscaler/${Cluster}", Value: owned, PropagateAtLaunch: false }
        - { Key: k8s.io/cluster-autoscaler/node-template/label/lifecycle, Value: spot, PropagateAtLaunch: false }
        - { Key: k8s.io/cluster-autoscaler/node-template/taint/lifecycle, Value: "spot:NoSchedule", PropagateAtLaunch: false }
"""


def run(world: World, context: Context, cluster: Cluster, role: str) -> None:
    Pools(world, context, cluster, role).make()


class Pools:
    def __init__(self, world: World, context: Context, cluster: Cluster, role: str):
        self.world, self.context, self.cluster, self.role = world, context, cluster, role
        self.subnets = subnets(world)
        self.pools: list[dict[str, str]] = world.ids.setdefault("pools", [])

    def make(self) -> None:
        {"mixed": self._mixed, "managed": self._managed_kinds, "teams": self._teams}[self.world.shape.pools]()

    def call(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        return self.context.call(service, operation, params)

    def zone(self, index: int) -> list[str]:
        """The subnet of one zone: teams with volumes keep a group in one zone."""
        return [self.subnets[index % len(self.subnets)]]

    def image(self, kind: str) -> str:
        return eks_nodegroup_rules.image_of(kind, self.cluster.version)

    # All shapes

    def managed(self, name: str, **params: Any) -> None:
        self.call("eks", "CreateNodegroup", {
            "clusterName": self.cluster.name, "nodegroupName": name, "nodeRole": self.role, "subnets": self.subnets,
            **params})
        self.world.ids["managed_nodegroups"].append(name)
        self.pools.append({"name": name, "kind": "managed", "asg": self.cluster.nodegroups[name].group})

    def template(self, name: str, data: dict[str, Any], tags: dict[str, str] | None = None) -> dict[str, str]:
        data = {**data, **({"UserData": base64.b64encode(data["UserData"].encode()).decode()} if "UserData" in data else {})}
        made = self.call("ec2", "CreateLaunchTemplate", {
            "LaunchTemplateName": f"{self.cluster.name}-{name}", "LaunchTemplateData": data,
            "TagSpecifications": _tag_specs(("launch-template",), tags) if tags else []})
        return {"LaunchTemplateId": made["LaunchTemplate"]["LaunchTemplateId"], "Version": "1"}

    def self_managed(self, name: str, template: dict[str, str], sizes: tuple[int, int, int], zones: list[str],
                     tags: dict[str, tuple[str, bool]], **more: Any) -> None:
        owned = {f"kubernetes.io/cluster/{self.cluster.name}": ("owned", True), **tags}
        group = f"{self.cluster.name}-{name}"
        self.call("autoscaling", "CreateAutoScalingGroup", {
            "AutoScalingGroupName": group, "LaunchTemplate": template, "MinSize": sizes[0], "MaxSize": sizes[1],
            "DesiredCapacity": sizes[2], "VPCZoneIdentifier": ",".join(zones),
            "Tags": [{"Key": k, "Value": v, "PropagateAtLaunch": p} for k, (v, p) in owned.items()], **more})
        self._pool(group)

    def _pool(self, group: str) -> None:
        self.world.ids["self_managed_asgs"].append(group)
        self.pools.append({"name": group, "kind": "self-managed", "asg": group})

    def autoscaled(self, **template: str) -> dict[str, tuple[str, bool]]:
        """Cluster Autoscaler's tags for discovery, and for groups that may have no node ("Scaling a node group to 0")."""
        found = {f"{_AUTOSCALER}/enabled": "true", f"{_AUTOSCALER}/{self.cluster.name}": "owned",
                 **{f"{_AUTOSCALER}/node-template/{k}": v for k, v in template.items()}}
        return {k: (v, False) for k, v in found.items()}

    # Mixed

    def _mixed(self) -> None:
        node_group = self._security_group("nodes")
        profile = {"Name": f"{self.cluster.name}-old-nodes"}
        base = {"IamInstanceProfile": profile, "SecurityGroupIds": [node_group],
                "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}}
        self.managed("general", instanceTypes=["m5.large"], scalingConfig={"minSize": 1, "maxSize": 6, "desiredSize": 2},
                     updateConfig={"maxUnavailable": 1})
        self._arm(base)
        self._spot(node_group)
        self._payments(base)
        self._reports()
        self._gpu(base)

    def _kubelet(self, labels: str = "", taints: str = "") -> dict[str, Any]:
        flags = [f"--node-labels={labels}"] * bool(labels) + [f"--register-with-taints={taints}"] * bool(taints)
        return {"kubelet": {"flags": flags}}

    def _arm(self, base: dict[str, Any]) -> None:
        data = {**base, "ImageId": self.image("AL2023_ARM_64_STANDARD"), "InstanceType": "m6g.large",
                "UserData": node_config(self.cluster, self._kubelet("pool=arm", "arch=arm64:NoSchedule"))}
        tags = {**self.autoscaled(**{"label/kubernetes.io/arch": "arm64", "taint/arch": "arm64:NoSchedule"}),
                "team": ("search", True)}
        self.self_managed("arm", self.template("arm", data), (1, 4, 1), self.zone(1), tags)

    def _spot(self, group: str) -> None:
        stack = engine.create_now(self.context, f"{self.cluster.name}-spot", _SPOT, {
            "Cluster": self.cluster.name, "Image": self.image("AL2023_x86_64_STANDARD"), "Group": group,
            "Profile": f"{self.cluster.name}-old-nodes", "Subnets": ",".join(self.zone(2)),
            "UserData": node_config(self.cluster, self._kubelet("lifecycle=spot", "lifecycle=spot:NoSchedule"))})
        self._pool(stack.physical_id("Nodes"))

    def _payments(self, base: dict[str, Any]) -> None:
        own, shape = self._security_group("payments"), self.world.shape
        tags = {"team": "payments", "cost-center": "4711", "data-class": "restricted"}
        config = node_config(self.cluster, self._kubelet("team=payments"))
        key = f"arn:aws:kms:{shape.region}:{shape.account}:key/6f1c1b52-4c0a-4f0e-9a43-0b7d2f3c7a10"
        data = {
            **base, "ImageId": self.image("AL2023_x86_64_STANDARD"), "InstanceType": "m5.large",
            "SecurityGroupIds": [*base["SecurityGroupIds"], own],
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "HttpEndpoint": "enabled",
                                "InstanceMetadataTags": "enabled"},
            "BlockDeviceMappings": [
                {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 40, "VolumeType": "gp3", "Iops": 4000, "Throughput": 250,
                                                    "Encrypted": True, "KmsKeyId": key, "DeleteOnTermination": True}},
                {"DeviceName": "/dev/xvdb", "Ebs": {"VolumeSize": 100, "VolumeType": "gp3", "Encrypted": True,
                                                    "KmsKeyId": key, "DeleteOnTermination": True}}],
            "Monitoring": {"Enabled": True}, "EbsOptimized": True,
            "TagSpecifications": _tag_specs(("instance", "volume", "network-interface"), tags),
            "UserData": _with_shell(config, PROXY)}
        self.self_managed("payments", self.template("payments", data, {"team": "payments"}), (1, 3, 1), self.subnets,
                          {"team": ("payments", True), "owner": ("payments-oncall", False)}, HealthCheckGracePeriod=60)

    def _reports(self) -> None:
        """Managed, with a launch template and a role of its own, which the pods' code uses."""
        role = role_of_nodes(self.world, self.context, "reports")
        self.call("iam", "PutRolePolicy", {"RoleName": role.split("/")[-1], "PolicyName": "reports-bucket",
                                           "PolicyDocument": json.dumps(REPORTS_POLICY)})
        template = self.template("reports", {
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 30, "VolumeType": "gp3"}}],
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
            "TagSpecifications": _tag_specs(("instance",), {"team": "reporting"})})
        self.managed("reports", nodeRole=role, instanceTypes=["m5.large"], labels={"workload": "reports"},
                     subnets=self.zone(0), scalingConfig={"minSize": 1, "maxSize": 2, "desiredSize": 1},
                     launchTemplate={"id": template["LaunchTemplateId"], "version": "1"}, tags={"team": "reporting"})

    def _gpu(self, base: dict[str, Any]) -> None:
        data = {**base, "ImageId": self.image("AL2023_x86_64_NVIDIA"), "InstanceType": "g4dn.xlarge",
                "UserData": node_config(self.cluster, self._kubelet("accelerator=nvidia-t4",
                                                                    "nvidia.com/gpu=present:NoSchedule"))}
        tags = self.autoscaled(**{"label/accelerator": "nvidia-t4", "taint/nvidia.com/gpu": "present:NoSchedule",
                                  "resources/nvidia.com/gpu": "1"})
        self.self_managed("gpu", self.template("gpu", data), (0, 2, 0), self.subnets, tags)

    def _security_group(self, name: str) -> str:
        """Traffic among its nodes and with the control plane ("View Amazon EKS security group requirements")."""
        made = self.call("ec2", "CreateSecurityGroup", {
            "GroupName": f"{self.cluster.name}-{name}", "Description": f"Nodes: {name}", "VpcId": self.cluster.vpc,
            "TagSpecifications": _tag_specs(("security-group",), {"Name": f"{self.cluster.name}-{name}"} | (
                {f"kubernetes.io/cluster/{self.cluster.name}": "owned"} if name == "nodes" else {}))})["GroupId"]
        pairs = [(made, made), (made, self.cluster.security_group), (self.cluster.security_group, made)]
        for group, source in pairs:
            self.call("ec2", "AuthorizeSecurityGroupIngress", {"GroupId": group, "IpPermissions": [
                {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": source}]}]})
        return made

    # Teams

    def _teams(self) -> None:
        profile = {"Name": f"{self.cluster.name}-old-nodes"}
        base = {"IamInstanceProfile": profile, "SecurityGroupIds": [self._security_group("nodes")],
                "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
                "ImageId": self.image("AL2023_x86_64_STANDARD"), "InstanceType": self.world.shape.instance_type}
        zones = len(self.subnets)
        for number in range(1, self.world.shape.teams + 1):
            team = f"team-{number}"
            data = {**base, "UserData": node_config(self.cluster, self._kubelet(f"team={team}"))}
            self.self_managed(team, self.template(team, data), (zones, 2 * zones, zones), self.subnets,
                              {"team": (team, True)})

    # Managed

    def _managed_kinds(self) -> None:
        self.call("ec2", "CreateKeyPair", {"KeyName": "operators"})
        one = {"minSize": 1, "maxSize": 3, "desiredSize": 1}
        self.managed("plain", instanceTypes=["m5.large"], scalingConfig=one, diskSize=40, labels={"tier": "web"},
                     updateConfig={"maxUnavailablePercentage": 33}, nodeRepairConfig={"enabled": True},
                     remoteAccess={"ec2SshKey": "operators"}, subnets=self.zone(0), tags={"team": "web"})
        given = self.template("templated", {
            "UserData": _with_shell("", "#!/bin/sh\nsysctl -w vm.max_map_count=262144\n", {
                "kubelet": {"config": {"imageGCHighThresholdPercent": 70}}}),
            "TagSpecifications": _tag_specs(("instance", "volume"), {"team": "search"})})
        self.managed("templated", instanceTypes=["m5.large", "m5a.large"], capacityType="SPOT", scalingConfig=one,
                     subnets=self.zone(1), labels={"tier": "search"}, launchTemplate={"id": given["LaunchTemplateId"]},
                     taints=[{"key": "lifecycle", "value": "spot", "effect": "NO_SCHEDULE"}])
        self._own_image(one)
        rocket = self.template("bottlerocket", {
            "UserData": '[settings.kernel.sysctl]\n"vm.max_map_count" = "262144"\n', "BlockDeviceMappings": [
                {"DeviceName": "/dev/xvdb", "Ebs": {"VolumeSize": 60, "VolumeType": "gp3"}}]})
        self.managed("bottlerocket", instanceTypes=["m5.large"], amiType="BOTTLEROCKET_x86_64", scalingConfig=one,
                     subnets=self.zone(0), labels={"tier": "edge"}, launchTemplate={"id": rocket["LaunchTemplateId"]},
                     taints=[{"key": "dedicated", "value": "edge", "effect": "NO_SCHEDULE"}])

    def _own_image(self, sizes: dict[str, int]) -> None:
        """With an image id EKS merges nothing: the whole NodeConfig is the owner's, with labels and taints."""
        image = amis.add_own(self.world, f"platform-hardened-al2023-{self.cluster.version}-v20261101")
        config = node_config(self.cluster, {"kubelet": {"config": {"maxPods": 29}, "flags": [
            "--node-labels=tier=vault", "--register-with-taints=dedicated=vault:NoSchedule"]}})
        given = self.template("own-image", {"ImageId": image, "InstanceType": "m5.large", "UserData": config})
        self.managed("own-image", scalingConfig=sizes, subnets=self.zone(2),
                     launchTemplate={"id": given["LaunchTemplateId"]},
                     taints=[{"key": "dedicated", "value": "vault", "effect": "NO_SCHEDULE"}])


def _tag_specs(kinds: tuple[str, ...], tags: dict[str, str]) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]} for kind in kinds]


def _with_shell(config: str, script: str, spec: dict[str, Any] | None = None) -> str:
    """MIME with a shell part before the NodeConfig, which is that of `config` or has this spec."""
    if spec is not None:
        text = yaml.safe_dump({"apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig", "spec": spec}, sort_keys=False)
    else:
        text = config.split("---\n", 1)[1].rsplit("\n--//--", 1)[0]
    return ('MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="BOUNDARY"\n\n--BOUNDARY\n'
            f'Content-Type: text/x-shellscript; charset="us-ascii"\n\n{script}\n--BOUNDARY\n'
            f"Content-Type: application/node.eks.aws\n\n---\n{text}\n--BOUNDARY--\n")
