"""The shape of the sandbox, from shape.json, and the duration of operations."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

# Seconds: (short, realistic). The realistic ones are about a third of what AWS takes.
LATENCY = {
    "cidr": (0.5, 4.0),  # associating -> associated
    "pending": (0.7, 8.0),  # instance pending -> running
    "shutting-down": (0.7, 12.0),
    "launch": (0.3, 3.0),  # a group notices its desired capacity and starts instances
    "rebalance": (3.0, 60.0),  # a group finds that its zones are uneven
    "eni": (0.1, 0.5),
    "stack-start": (0.2, 1.0),
    "stack-resource": (0.15, 3.0),
    "stack-slow-resource": (0.4, 15.0),  # instance profiles and the like
    "stack-cleanup": (0.2, 2.0),
    "addon": (1.0, 20.0),
    "eks-update": (0.6, 10.0),
    "nodegroup-launch": (10.0, 120.0),  # until EKS gives up instances that do not start
    "nodegroup-join": (60.0, 300.0),  # until EKS gives up nodes that do not join
    "iam": (1.5, 4.0),  # until other services know a new role or profile
    "nat": (0.5, 20.0),
}


@dataclass
class Shape:
    cluster: str = "sandbox"
    region: str = "us-west-2"
    account: str = "123456789012"
    kubernetes_version: str = "1.34"
    azs: list[str] = field(default_factory=lambda: ["us-west-2a", "us-west-2b", "us-west-2c"])
    old_nodes: str = "managed"
    pools: str = "plain"  # "mixed", "managed", "teams": unlike node groups instead of old_nodes (seed_pools)
    teams: int = 4
    karpenter: str | None = None  # "alone", "beside": with Karpenter's roles, tags and node group (seed_karpenter)
    nodes_per_az: int = 1
    instance_type: str = "m5.large"
    public_nodes: bool = False
    cni: str = "addon"
    cni_version: str = "v1.20.4-eksbuild.1"
    irsa: bool = False  # the add-on has its own role, and the nodes' role lacks the CNI's permissions
    addon_values: str | None = None  # the add-on's initial configurationValues
    cni_env: list[str] = field(default_factory=list)  # NAME=VALUE, of aws-node
    crd: str = "typed"
    authentication_mode: str = "API_AND_CONFIG_MAP"
    secondary_cidr: str | None = None
    ip_family: str = "ipv4"
    auto_mode: bool = False
    cidr_quota: int = 5
    vcpu_quota: int = 5000  # of running On-Demand Standard instances; a new account has far less
    workloads: bool = True
    autoscaler: bool = False
    aws: str = "real"
    latency: str = "short"
    cluster_endpoint: str = "https://127.0.0.1:6443"
    ca_file: str = ""
    service_cidr: str = "172.20.0.0/16"
    kubeconfig: str = ""

    @classmethod
    def read(cls, path: Path) -> Shape:
        known = {f.name for f in dataclasses.fields(cls)}
        given = json.loads(path.read_text())
        return cls(**{k: v for k, v in given.items() if k in known})

    def seconds(self, what: str) -> float:
        short, realistic = LATENCY[what]
        return realistic if self.latency == "realistic" else short
