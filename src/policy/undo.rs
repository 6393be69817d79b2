//! What only undo needs: deleting what the steps created.

use Step::{AssociateCidr, CreateSubnets, LaunchNodegroups, PatchSecurityGroups};

use crate::step::Step;

use super::Grant as G;
use super::actions::{ALL, LAUNCH, STACKS, only};
use super::need::{Action, By, Need, Only};

const fn read(name: &'static str, why: &'static str) -> Action {
    Action { need: Need::DiscoveryUndo, ..step(name, ALL, why, &[G::Read]) }
}

const fn step(name: &'static str, steps: &'static [Step], why: &'static str, grants: &'static [G]) -> Action {
    Action { name, why, need: Need::undo(steps), by: By::Program, only: Only::Always, grants }
}

/// Deleting a stack.
const fn stack(name: &'static str, why: &'static str, grants: &'static [G]) -> Action {
    Action { by: By::CloudFormation, ..step(name, LAUNCH, why, grants) }
}

/// Scaling a stack's node group to 0, if the stack itself stays.
const fn shrink(name: &'static str, why: &'static str, grants: &'static [G]) -> Action {
    let action = step(name, &[PatchSecurityGroups], why, grants);
    Action { by: By::CloudFormation, only: Only::StacksStay, ..action }
}

/// Draining eni-custom's managed node groups.
const fn drained(name: &'static str, why: &'static str, grants: &'static [G]) -> Action {
    only(Only::NewManaged, step(name, &[PatchSecurityGroups], why, grants))
}

pub(super) const ACTIONS: &[Action] = &[
    read(
        "cloudformation:DescribeStacks",
        "finds the stacks of eni-custom by their tag: an earlier run chose their names",
    ),
    step(
        "ec2:DisassociateVpcCidrBlock",
        &[AssociateCidr],
        "the secondary block that eni-custom associated",
        &[G::Vpc],
    ),
    step("ec2:DeleteSubnet", &[CreateSubnets], "pod subnets tagged by eni-custom", &[G::OwnSubnets]),
    step(
        "ec2:DeleteNetworkInterface",
        &[CreateSubnets, LaunchNodegroups],
        "network interfaces that the CNI left behind after their instances were terminated",
        &[G::CniInterfaces],
    ),
    only(
        Only::AccessEntries,
        step("eks:DeleteAccessEntry", LAUNCH, "the access entry of the node role", &[G::OwnAccessEntry]),
    ),
    step(
        "cloudformation:DeleteStack",
        LAUNCH,
        "the stacks of the node groups, then the base stack",
        &[G::Stacks],
    ),
    only(
        Only::Trouble,
        step(
            "cloudformation:DescribeStackEvents",
            STACKS,
            "which resource could not be deleted, and why",
            &[G::ReadStacks],
        ),
    ),
    only(
        Only::StacksStay,
        step("cloudformation:UpdateStack", &[PatchSecurityGroups], "scales node groups to 0", &[G::Stacks]),
    ),
    shrink("autoscaling:UpdateAutoScalingGroup", "scales node groups to 0", &[G::NodeGroups]),
    shrink("autoscaling:CreateOrUpdateTags", "the cluster's tag, which is kept", &[G::NodeGroups]),
    shrink("ec2:CreateTags", "tags on what the template would launch", &[G::TagNodes]),
    shrink("ec2:RunInstances", "Auto Scaling requires it, though nothing is launched", &[G::RunNodes]),
    shrink("iam:PassRole", "the same", &[G::PassNodeRole]),
    only(
        Only::ManagedStacksStay,
        shrink("eks:UpdateNodegroupConfig", "scales managed node groups to 0", &[G::NewNodegroups]),
    ),
    drained(
        "eks:UpdateNodegroupConfig",
        "keeps eni-custom's managed node groups from starting nodes while they are drained",
        &[G::ManagedNodeGroups],
    ),
    drained(
        "eks:ListUpdates",
        "number of past updates of these groups: each needs its own client token",
        &[G::ReadCluster],
    ),
    drained("eks:DescribeUpdate", "waits until EKS has completed a change", &[G::ReadCluster]),
    Action {
        need: Need::undo(STACKS),
        ..stack(
            "autoscaling:Describe*",
            "the resource handler reads its group, or checks that it was deleted",
            &[G::Read],
        )
    },
    stack("autoscaling:DeleteAutoScalingGroup", "the empty node group", &[G::NodeGroups]),
    only(Only::NewManaged, stack("eks:DeleteNodegroup", "the empty managed node group", &[G::NewNodegroups])),
    stack("ec2:DescribeLaunchTemplates", "whether it was deleted", &[G::Read]),
    stack("ec2:DeleteLaunchTemplate", "the launch template of its nodes", &[G::LaunchTemplates]),
    stack("ec2:DescribeSecurityGroupRules", "whether these rules were deleted", &[G::Read]),
    stack(
        "ec2:RevokeSecurityGroupIngress",
        "rules between nodes and cluster, including those of the cluster security group",
        &[G::NodeSecurityGroup],
    ),
    stack("ec2:DeleteSecurityGroup", "the security group of the nodes", &[G::NodeSecurityGroup]),
    stack("iam:GetInstanceProfile", "whether it was deleted", &[G::InstanceProfile]),
    stack("iam:RemoveRoleFromInstanceProfile", "removes the role from the profile", &[G::InstanceProfile]),
    stack("iam:DeleteInstanceProfile", "the instance profile of the nodes", &[G::InstanceProfile]),
    stack("iam:ListAttachedRolePolicies", "policies attached to the node role", &[G::NodeRole]),
    stack("iam:ListRolePolicies", "its inline policies", &[G::NodeRole]),
    stack("iam:DetachRolePolicy", "detaches AWS's managed policies for nodes", &[G::NodePolicies]),
    stack("iam:DeleteRole", "the node role", &[G::NodeRole]),
];
