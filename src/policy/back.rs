//! What only taking back needs: ends of what the steps made.

use Step::{AssociateCidr, CreateSubnets, LaunchNodegroups, PatchSecurityGroups};

use crate::step::Step;

use super::Grant as G;
use super::actions::{ALL, LAUNCH, STACKS, only};
use super::need::{Action, By, Need, Only};

const fn read(name: &'static str, why: &'static str) -> Action {
    Action { need: Need::DiscoveryBack, ..step(name, ALL, why, &[G::Read]) }
}

const fn step(name: &'static str, steps: &'static [Step], why: &'static str, grants: &'static [G]) -> Action {
    Action { name, why, need: Need::back(steps), by: By::Program, only: Only::Always, grants }
}

/// Deleting a stack.
const fn stack(name: &'static str, why: &'static str, grants: &'static [G]) -> Action {
    Action { by: By::CloudFormation, ..step(name, LAUNCH, why, grants) }
}

/// Setting a stack's node group to size 0, where the stack itself stays.
const fn shrink(name: &'static str, why: &'static str, grants: &'static [G]) -> Action {
    let action = step(name, &[PatchSecurityGroups], why, grants);
    Action { by: By::CloudFormation, only: Only::StacksStay, ..action }
}

pub const ACTIONS: &[Action] = &[
    read("cloudformation:DescribeStacks", "our stacks by their tag: their names were another run's choice"),
    read("ec2:DescribeLaunchTemplateVersions", "the image that an old node group starts from"),
    read("autoscaling:DescribeLaunchConfigurations", "the same, where a group has no launch template"),
    step("ec2:DisassociateVpcCidrBlock", &[AssociateCidr], "our secondary block", &[G::Vpc]),
    step("ec2:DeleteSubnet", &[CreateSubnets], "pod subnets that have our tag", &[G::OwnSubnets]),
    step(
        "ec2:DeleteNetworkInterface",
        &[CreateSubnets, LaunchNodegroups],
        "interfaces that the CNI left when their instances ended",
        &[G::CniInterfaces],
    ),
    only(
        Only::AccessEntries,
        step("eks:DeleteAccessEntry", LAUNCH, "our node role's entry", &[G::OwnAccessEntry]),
    ),
    step("cloudformation:DeleteStack", LAUNCH, "node groups, then the base stack", &[G::Stacks]),
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
        step("cloudformation:UpdateStack", &[PatchSecurityGroups], "node groups at size 0", &[G::Stacks]),
    ),
    shrink("autoscaling:UpdateAutoScalingGroup", "node groups at size 0", &[G::NodeGroups]),
    shrink("autoscaling:CreateOrUpdateTags", "the cluster's tag, which stays", &[G::NodeGroups]),
    shrink("ec2:CreateTags", "tags on what the template would start", &[G::TagNodes]),
    shrink("ec2:RunInstances", "Auto Scaling asks for it, though nothing is started", &[G::RunNodes]),
    shrink("iam:PassRole", "likewise", &[G::PassNodeRole]),
    Action {
        need: Need::back(STACKS),
        ..stack(
            "autoscaling:Describe*",
            "the handler reads its group back, or sees that it is gone",
            &[G::Read],
        )
    },
    stack("autoscaling:DeleteAutoScalingGroup", "the node group, empty by then", &[G::NodeGroups]),
    stack("ec2:DescribeLaunchTemplates", "whether it is gone", &[G::Read]),
    stack("ec2:DeleteLaunchTemplate", "what its nodes were started from", &[G::LaunchTemplates]),
    stack("ec2:DescribeSecurityGroupRules", "whether these are gone", &[G::Read]),
    stack(
        "ec2:RevokeSecurityGroupIngress",
        "rules between nodes and cluster, those of the cluster's group too",
        &[G::NodeSecurityGroup],
    ),
    stack("ec2:DeleteSecurityGroup", "the nodes' group", &[G::NodeSecurityGroup]),
    stack("iam:GetInstanceProfile", "whether it is gone", &[G::InstanceProfile]),
    stack("iam:RemoveRoleFromInstanceProfile", "the role out of it", &[G::InstanceProfile]),
    stack("iam:DeleteInstanceProfile", "the nodes' profile", &[G::InstanceProfile]),
    stack("iam:ListAttachedRolePolicies", "what is attached to the nodes' role", &[G::NodeRole]),
    stack("iam:ListRolePolicies", "what is in it", &[G::NodeRole]),
    stack("iam:DetachRolePolicy", "AWS's policies for nodes off it", &[G::NodePolicies]),
    stack("iam:DeleteRole", "the nodes' role", &[G::NodeRole]),
];
