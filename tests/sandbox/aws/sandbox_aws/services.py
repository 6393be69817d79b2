"""Imports every module that implements operations, so that each registers them."""

from __future__ import annotations

import importlib

_MODULES = ("ec2_cidr", "ec2_vpc", "ec2_acls", "ec2_groups", "ec2_enis", "ec2_instances", "ec2_prices", "ec2_fleet", "ec2_types",
            "ec2_templates", "ec2_describe", "amis", "iam", "iam_simulate", "sts", "ssm", "quotas", "asg",
            "asg_configurations", "asg_extras", "asg_hooks", "asg_instances", "eks_cluster", "eks_fargate", "eks_nodegroups",
            "eks_addons", "eks_access", "eks_updates", "cfn.api")


def load() -> None:
    for name in _MODULES:
        importlib.import_module(f"{__package__}.{name}")
