"""What CreateNodegroup refuses, in EKS's words where they are known.

"Customize managed nodes with launch templates" (EKS user guide), CreateNodegroup (API reference), and the messages that
users of Terraform, eksctl, Pulumi and Rancher report.
"""

from __future__ import annotations

from typing import Any

from . import amis, ec2_instances, iam
from .eks_model import Cluster
from .errors import AwsError
from .moto_patches import ec2
from .world import Context

_RESERVED = ("kubernetes.io/", "k8s.io/", "eks.amazonaws.com/")
# amiType -> (family, architecture, variant in the name of SSM's parameter).
AMI_TYPES = {
    "AL2_x86_64": ("al2", "x86_64", "amazon-linux-2"), "AL2_ARM_64": ("al2", "arm64", "amazon-linux-2-arm64"),
    "AL2_x86_64_GPU": ("al2", "x86_64", "amazon-linux-2-gpu"),
    "AL2023_x86_64_STANDARD": ("al2023", "x86_64", "standard"), "AL2023_ARM_64_STANDARD": ("al2023", "arm64", "standard"),
    "AL2023_x86_64_NVIDIA": ("al2023", "x86_64", "nvidia"), "AL2023_ARM_64_NVIDIA": ("al2023", "arm64", "nvidia"),
    "AL2023_x86_64_NEURON": ("al2023", "x86_64", "neuron"),
    "BOTTLEROCKET_x86_64": ("bottlerocket", "x86_64", ""), "BOTTLEROCKET_ARM_64": ("bottlerocket", "arm64", ""),
    "BOTTLEROCKET_x86_64_NVIDIA": ("bottlerocket", "x86_64", "-nvidia"),
    "BOTTLEROCKET_ARM_64_NVIDIA": ("bottlerocket", "arm64", "-nvidia")}


class Rules:
    """Checks one request against the launch template that it names."""

    def __init__(self, context: Context, cluster: Cluster, params: dict[str, Any], template: dict[str, Any] | None):
        self.context, self.cluster, self.params, self.template = context, cluster, params, template
        self.data: dict[str, Any] = template["LaunchTemplateData"] if template else {}

    def wrong(self, text: str, code: str = "InvalidParameterException") -> AwsError:
        return AwsError(code, text, clusterName=self.cluster.name, nodegroupName=self.params["nodegroupName"])

    def check(self) -> None:
        self._role()
        self._subnets()
        self._metadata()
        if self.template:
            self._template()
        self._image()
        self._types()

    def _role(self) -> None:
        arn = self.params["nodeRole"]
        role = iam.role(self.context.world, arn)
        if role is None:
            raise self.wrong(f"The role with name {arn.split('/')[-1]} cannot be found. (Service: AmazonIdentityManagement; "
                             "Status Code: 404; Error Code: NoSuchEntity)")
        if "ec2.amazonaws.com" not in str(role.assume_role_policy_document):
            raise self.wrong("Following required service principals [ec2.amazonaws.com] were not found in the trust "
                             f"relationships of nodeRole {arn}")

    def _subnets(self) -> None:
        known = {s: subnet for zone in ec2(self.context).subnets.values() for s, subnet in zone.items()}
        for subnet in self.params["subnets"]:
            if subnet not in known:
                raise self.wrong(f"The subnet ID '{subnet}' does not exist")
            if known[subnet].vpc_id != self.cluster.vpc:
                raise self.wrong(f"Subnet {subnet} is not in the cluster's VPC")

    def _metadata(self) -> None:
        if any(k.startswith(_RESERVED) for k in self.params.get("labels", {})):
            raise self.wrong(f"Label cannot contain reserved prefixes [{', '.join(_RESERVED)}]")
        if any(t.get("key", "").startswith(_RESERVED) for t in self.params.get("taints", [])):
            raise self.wrong(f"Taint keys cannot contain reserved prefixes [{', '.join(_RESERVED)}]")
        update = self.params.get("updateConfig", {})
        if {"maxUnavailable", "maxUnavailablePercentage"} <= update.keys():
            raise self.wrong("You can specify either maxUnavailable or maxUnavailablePercentage, but not both.")
        low, high, desired = self.sizes()
        if high < 1:
            raise self.wrong("maxSize must be at least 1")
        if low > high:
            raise self.wrong(f"Minimum capacity {low} can't be greater than maximum size {high}")
        if not low <= desired <= high:
            raise self.wrong(f"desired capacity {desired} can't be less than {low} or greater than {high}")

    def sizes(self) -> tuple[int, int, int]:
        """Least, most and desired nodes. Without a scalingConfig EKS starts two."""
        given = self.params.get("scalingConfig", {})
        high = given.get("maxSize", max(2, given.get("desiredSize", 2), given.get("minSize", 1)))
        low = given.get("minSize", 1)
        return low, high, given.get("desiredSize", max(low, min(2, high)))

    def _template(self) -> None:
        data, params = self.data, self.params
        name = self.template["LaunchTemplateName"] if self.template else ""
        if "diskSize" in params:
            raise self.wrong("Disk size must be specified within the launch template.")
        if "remoteAccess" in params:
            raise self.wrong("Remote access configuration cannot be specified with a launch template.")
        if data.get("InstanceType") and params.get("instanceTypes"):
            raise self.wrong("Cannot specify instance types in launch template and API request", "InvalidRequestException")
        if data.get("IamInstanceProfile"):
            raise self.wrong(f"Launch template {name} should not specify an instance profile. The noderole in your request "
                             "will be used to construct an instance profile.")
        if any("SubnetId" in i for i in data.get("NetworkInterfaces", [])):
            raise self.wrong(f"Launch template {name} should not specify a subnet. The subnets in your request will be used.")
        for field in ("InstanceInitiatedShutdownBehavior", "HibernationOptions", "InstanceMarketOptions"):
            if field in data:
                raise self.wrong(f"Launch template {name} should not specify {field}.")
        for interface in data.get("NetworkInterfaces", []):
            if "DeviceIndex" not in interface:  # EC2's words: EKS tries the template
                raise self.wrong("Each network interface requires a device index.", "InvalidRequestException")

    def _image(self) -> None:
        kind = self.params.get("amiType")
        if self.data.get("ImageId"):
            if kind not in (None, "CUSTOM"):
                raise self.wrong("You cannot specify an AMI Type other than CUSTOM, when specifying an image id in your "
                                 "launch template.")
            if self.params.get("version"):
                raise self.wrong("You cannot specify a kubernetes version to use when specifying an image id to use within "
                                 "the launch template.")
            if self.params.get("releaseVersion"):
                raise self.wrong("You cannot specify a release version to use when specifying an image id to use within the "
                                 "launch template.")
            if self.data["ImageId"] not in ec2(self.context).amis:
                raise self.wrong(f"The image id '[{self.data['ImageId']}]' does not exist", "InvalidRequestException")
        elif kind == "CUSTOM":
            raise self.wrong("You must specify an image id in your launch template with the AMI Type CUSTOM.")
        elif kind and kind not in AMI_TYPES:
            raise self.wrong(f"The sandbox does not emulate amiType {kind}")
        elif self.params.get("version") not in (None, self.cluster.version):
            raise self.wrong(f"The sandbox does not emulate node groups of another version than {self.cluster.version}")

    def types(self) -> list[str]:
        return self.params.get("instanceTypes") or [self.data.get("InstanceType") or "t3.medium"]

    def ami_type(self) -> str:
        if self.data.get("ImageId"):
            return "CUSTOM"
        accelerated = ec2(self.context).describe_instance_types([self.types()[0]])[0].get("GpuInfo")
        return self.params.get("amiType") or ("AL2023_x86_64_NVIDIA" if accelerated else "AL2023_x86_64_STANDARD")

    def _types(self) -> None:
        types = self.types()
        if len(types) > 20:
            raise self.wrong("Instance types can't be more than 20")
        known = {t["InstanceType"]: t for t in ec2(self.context).instance_types}
        unknown = [t for t in types if t not in known]
        if unknown:
            raise self.wrong(f"The following supplied instance types do not exist: [{', '.join(unknown)}]")
        kind = self.ami_type()
        if kind == "CUSTOM":
            for one in types:
                try:
                    ec2_instances._check_image(ec2(self.context), self.data["ImageId"], one)
                except AwsError as error:
                    raise self.wrong(error.message, "InvalidRequestException") from error
            return
        architecture = AMI_TYPES[kind][1]
        bad = [t for t in types if architecture not in known[t].get("ProcessorInfo", {}).get("SupportedArchitectures", [])]
        if bad:
            raise self.wrong(f"[{', '.join(bad)}] is not a valid instance type for requested amiType {kind}")

    def image(self) -> str:
        if self.data.get("ImageId"):
            return self.data["ImageId"]
        return image_of(self.ami_type(), self.cluster.version)


def image_of(kind: str, version: str) -> str:
    """The latest image of an amiType."""
    family, architecture, variant = AMI_TYPES[kind]
    path = {"al2": f"/aws/service/eks/optimized-ami/{version}/{variant}/recommended",
            "al2023": f"/aws/service/eks/optimized-ami/{version}/amazon-linux-2023/{architecture}/{variant}/recommended",
            "bottlerocket": f"/aws/service/bottlerocket/aws-k8s-{version}{variant}/{architecture}/latest"}[family]
    found = amis.parameters().get(f"{path}/image_id")
    if found is None:
        raise AwsError("InvalidParameterException", f"Requested AMI type {kind} is not supported for kubernetes version "
                                                    f"{version}")
    return found
