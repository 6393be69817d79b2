"""The AMIs that EKS publishes, and the SSM parameters with the latest of each.

Paths: "Retrieve recommended Amazon Linux AMI IDs" and "... Bottlerocket AMI IDs", EKS user guide.
AL2 AMIs end with Kubernetes 1.32.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from .world import World

VERSIONS = ("1.30", "1.31", "1.32", "1.33", "1.34", "1.35")
LAST_AL2 = "1.32"
_EKS, _BOTTLEROCKET = "602401143452", "092701018921"
RELEASE = "20261108"
BOTTLEROCKET = "1.52.0"
# Variant in the SSM path -> (architecture, part of the AMI's name), for AL2.
_AL2 = {"amazon-linux-2": ("x86_64", "node"), "amazon-linux-2-arm64": ("arm64", "arm64-node"),
        "amazon-linux-2-gpu": ("x86_64", "gpu-node")}


@dataclass(frozen=True)
class Image:
    parameter: str  # the path up to image_id
    name: str
    architecture: str
    owner: str
    description: str
    family: str
    leaf: str = "image_id"

    @property
    def id(self) -> str:
        return "ami-0" + hashlib.sha256(self.name.encode()).hexdigest()[:16]


def images() -> list[Image]:
    found = []
    for k8s in VERSIONS:
        base = f"/aws/service/eks/optimized-ami/{k8s}"
        for arch in ("x86_64", "arm64"):
            for variant in ("standard", "nvidia", "neuron") if arch == "x86_64" else ("standard", "nvidia"):
                found.append(Image(f"{base}/amazon-linux-2023/{arch}/{variant}/recommended",
                                   f"amazon-eks-node-al2023-{arch}-{variant}-{k8s}-v{RELEASE}", arch, _EKS,
                                   f"EKS-optimized Kubernetes node based on Amazon Linux 2023, (k8s: {k8s}.2)", "al2023"))
            for variant in ("", "-nvidia"):
                found.append(Image(f"/aws/service/bottlerocket/aws-k8s-{k8s}{variant}/{arch}/latest",
                                   f"bottlerocket-aws-k8s-{k8s}{variant}-{'aarch64' if arch == 'arm64' else arch}"
                                   f"-v{BOTTLEROCKET}-0a1b2c3d", arch, _BOTTLEROCKET, "", "bottlerocket"))
        if _number(k8s) <= _number(LAST_AL2):
            for path, (arch, kind) in _AL2.items():
                found.append(Image(f"{base}/{path}/recommended", f"amazon-eks-{kind}-{k8s}-v{RELEASE}", arch, _EKS,
                                   f"EKS Kubernetes Worker AMI with AmazonLinux2 image, (k8s: {k8s}.9)", "al2"))
    return found


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(p) for p in version.split("."))


def parameters() -> dict[str, str]:
    """SSM parameter name -> value."""
    found: dict[str, str] = {}
    for image in images():
        found[f"{image.parameter}/image_id"] = image.id
        if image.family == "bottlerocket":
            found[f"{image.parameter}/image_version"] = f"{BOTTLEROCKET}-0a1b2c3d"
        else:
            found[f"{image.parameter}/image_name"] = image.name
            # Each release has a path with its own name too ("Retrieve recommended Amazon Linux AMI IDs").
            found[f"{image.parameter.rsplit('/', 1)[0]}/{image.name}/image_id"] = image.id
            found[f"{image.parameter}/release_version"] = f"{image.name.split('-')[-2]}.2-{RELEASE}"
    return found


def family(image_name: str) -> str:
    """The AMI family as the node agent names it."""
    if image_name.startswith("bottlerocket-"):
        return "bottlerocket"
    return "al2023" if "al2023" in image_name else "al2"


def has_nvidia_drivers(image_name: str) -> bool:
    return "-nvidia" in image_name or "-gpu-node-" in image_name


def seed(world: World) -> None:
    for image in images():
        _add(world, image, owner_alias="amazon", public=True)


def add_own(world: World, name: str) -> str:
    """A private image of the account, built from EKS's."""
    image = Image("", name, "x86_64", world.shape.account, "Hardened by the platform team", family(name))
    _add(world, image, public=False)
    return image.id


def _add(world: World, image: Image, **more: Any) -> None:
    from moto.ec2.models import ec2_backends
    from moto.ec2.models.amis import Ami

    store: Any = ec2_backends[world.shape.account][world.shape.region]
    linux = image.family != "bottlerocket"
    ami = store.amis[image.id] = Ami(
        store, image.id, name=image.name, description=image.description or image.name, owner_id=image.owner,
        virtualization_type="hvm", architecture=image.architecture,
        image_location=f"{'amazon' if more['public'] else image.owner}/{image.name}", hypervisor="xen",
        root_device_type="ebs", root_device_name="/dev/xvda", region_name=world.shape.region,
        boot_mode="uefi-preferred" if linux else "uefi", **more)
    # moto's has another format, and the present time.
    day = re.search(r"-v(\d{4})(\d\d)(\d\d)$", image.name) or re.fullmatch(r"(\d{4})(\d\d)(\d\d)", RELEASE)
    ami.creation_date = f"{day[1]}-{day[2]}-{day[3]}T00:00:00.000Z" if day else ""
