"""Max pods of managed nodes. EKS sets the recommended number by aws-node's settings when it writes the launch template.

"Amazon EKS recommended maximum Pods for each Amazon EC2 instance type" and max-pods-calculator.sh (EKS user guide): with
custom networking the primary interface carries no pods, with prefixes each address is a /28; at most 110 pods, 250 with
more than 30 vCPUs. With several types one number has to fit all of them. That EKS reads the settings in the cluster at that
time shows in user data with --max-pods=20 or 110 that nobody asked for (terraform-aws-modules/terraform-aws-eks#2297, #2748;
containers-roadmap#138).
"""

from __future__ import annotations

import http.client

from . import addon_manager
from .ec2_enis import kind, limits
from .k8s import Refused
from .moto_patches import ec2
from .world import Context, World

_TRUE = ("1", "t", "T", "TRUE", "true", "True")  # Go's ParseBool


def settings(world: World) -> dict[str, str]:
    """aws-node's environment now; empty if there is no DaemonSet."""
    api = addon_manager.client(world)
    if world.seeding or api is None:
        return dict(variable.split("=", 1) for variable in world.shape.cni_env)
    try:
        pod = api.request("GET", "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node")["spec"]["template"]["spec"]
    except (Refused, OSError, http.client.HTTPException):
        return {}
    container = next((c for c in pod["containers"] if c["name"] == "aws-node"), {})
    return {e["name"]: e["value"] for e in container.get("env", []) if "value" in e}


def recommended(context: Context, types: list[str], env: dict[str, str]) -> int:
    return min(_of(context, t, env) for t in types)


def _of(context: Context, instance_type: str, env: dict[str, str]) -> int:
    info = kind(ec2(context), instance_type)
    interfaces, addresses = limits(ec2(context), instance_type)
    per_interface = addresses - 1
    if env.get("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG") in _TRUE:
        interfaces -= 1
    if env.get("ENABLE_PREFIX_DELEGATION") in _TRUE and info.get("Hypervisor") == "nitro":
        per_interface *= 16
    return min(interfaces * per_interface + 2, 250 if info["VCpuInfo"]["DefaultVCpus"] > 30 else 110)
