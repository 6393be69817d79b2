"""What CloudFormation's resource handlers read in the caller's name, besides the calls that create the resource.

Source: `handlers` in the resource types' schemas (`aws cloudformation describe-type`). Only those that a stack without
a service role needs. Calls for properties that the sandbox does not emulate are left out.
"""

from __future__ import annotations

from ..resources import Need
from ..world import Context
from .stacks import Resource

CLOUDFORMATION = "cloudformation.amazonaws.com"
_READS = {
    "AWS::IAM::Role": ("iam:GetRole",),
    "AWS::IAM::InstanceProfile": ("iam:GetInstanceProfile",),
    "AWS::EC2::SecurityGroup": ("ec2:DescribeSecurityGroups",),
    "AWS::EC2::SecurityGroupIngress": ("ec2:DescribeSecurityGroupRules",),
    "AWS::EC2::SecurityGroupEgress": ("ec2:DescribeSecurityGroupRules",),
    "AWS::EC2::LaunchTemplate": ("ec2:DescribeLaunchTemplates", "ec2:DescribeLaunchTemplateVersions"),
    "AWS::EKS::Nodegroup": ("eks:DescribeNodegroup",),
    "AWS::AutoScaling::AutoScalingGroup": ("autoscaling:DescribeAutoScalingGroups",),
}
_IAM = {"AWS::IAM::Role": "role", "AWS::IAM::InstanceProfile": "instance-profile"}


def reads(resource: Resource, context: Context) -> list[Need]:
    kind = _IAM.get(resource.kind)
    arns = [f"arn:aws:iam::{context.account}:{kind}/{resource.physical}"] if kind else ["*"]
    if resource.kind == "AWS::EKS::Nodegroup":
        arns = [f"arn:aws:eks:{context.region}:{context.account}:nodegroup/{resource.physical}/*"]
    return [(action, arns, {"aws:RequestedRegion": [context.region]}) for action in _READS.get(resource.kind, ())]
