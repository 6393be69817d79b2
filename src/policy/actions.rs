//! Every AWS action that the commands need, with its reason. Names: Service Authorization Reference.

use Step::{
    AssociateCidr, CreateSubnets, DrainNodes, LaunchNodegroups, PatchSecurityGroups, SetEnv, WriteEniconfigs,
};

use crate::step::Step;

use super::Grant;
use super::need::{Action, By, Need, Only};

pub(super) const ALL: &[Step] = &Step::DOCUMENTED;
pub(super) const STACKS: &[Step] = &[LaunchNodegroups, PatchSecurityGroups];
pub(super) const LAUNCH: &[Step] = &[LaunchNodegroups];
const ENICONFIGS: &[Step] = &[WriteEniconfigs, PatchSecurityGroups];
const UPDATES: &[Step] = &[SetEnv, DrainNodes];

const fn read(name: &'static str, why: &'static str, grants: &'static [Grant]) -> Action {
    Action { name, why, need: Need::Discovery, by: By::Program, only: Only::Always, grants }
}

const fn step(
    name: &'static str,
    steps: &'static [Step],
    why: &'static str,
    grants: &'static [Grant],
) -> Action {
    Action { name, why, need: Need::forward(steps), by: By::Program, only: Only::Always, grants }
}

const fn stack(
    name: &'static str,
    steps: &'static [Step],
    why: &'static str,
    grants: &'static [Grant],
) -> Action {
    Action { name, why, need: Need::forward(steps), by: By::CloudFormation, only: Only::Always, grants }
}

/// A failed stack goes, and is made anew.
const fn trouble(name: &'static str, why: &'static str, grants: &'static [Grant]) -> Action {
    Action { only: Only::Trouble, ..stack(name, STACKS, why, grants) }
}

pub(super) const fn only(only: Only, action: Action) -> Action {
    Action { only, ..action }
}

/// The same call takes back what these steps made.
const fn and_back(back: &'static [Step], action: Action) -> Action {
    let forward = match action.need {
        Need::In { forward, .. } => forward,
        _ => &[],
    };
    Action { need: Need::In { forward, back }, ..action }
}

/// An update of the add-on for its ENIConfigs, and back.
const fn of_addon(name: &'static str, why: &'static str, grants: &'static [Grant]) -> Action {
    only(Only::AddonEniconfigs, and_back(ENICONFIGS, step(name, ENICONFIGS, why, grants)))
}

use Grant as G;

/// The whole table, a row for each use of an action.
pub fn all() -> impl Iterator<Item = &'static Action> {
    ACTIONS.iter().chain(super::back::ACTIONS)
}

/// What setting up needs, and what both ways need. GetCallerIdentity needs no permission.
const ACTIONS: &[Action] = &[
    read("ec2:DescribeVpcs", "the VPC's CIDR blocks", &[G::Read]),
    read("ec2:DescribeSubnets", "zones, blocks and free addresses of the subnets", &[G::Read]),
    read(
        "ec2:DescribeRouteTables",
        "routes that a new block must not cover, and tables for pod subnets",
        &[G::Read],
    ),
    read(
        "ec2:DescribeVpcPeeringConnections",
        "blocks of peers that a new block must not overlap",
        &[G::Read],
    ),
    read("ec2:DescribeSecurityGroups", "rules of the groups in the pods' way", &[G::Read]),
    read("ec2:DescribeNetworkAcls", "network ACLs in the pods' way", &[G::Read]),
    read("ec2:DescribeAvailabilityZones", "names of zones, which stacks may be called by", &[G::Read]),
    read("ec2:DescribeInstances", "subnets of the nodes", &[G::Read]),
    read("ec2:DescribeInstanceTypes", "interfaces and addresses of a type: its max pods", &[G::Read]),
    read("ec2:DescribeNetworkInterfaces", "subnets of the pods", &[G::Read]),
    read("ec2:DescribeImages", "architecture and root device of the new nodes' image", &[G::Read]),
    read("autoscaling:DescribeAutoScalingGroups", "who owns the old nodes", &[G::Read]),
    Action {
        need: Need::DiscoveryForward,
        only: Only::Owned,
        ..read(
            "autoscaling:DescribeLifecycleHooks",
            "how long hooks keep the old nodes' instances; without it that is unknown",
            &[G::Read],
        )
    },
    read(
        "servicequotas:ListServiceQuotas",
        "quotas of the VPC; without it AWS's defaults are assumed",
        &[G::Read],
    ),
    read(
        "servicequotas:GetServiceQuota",
        "vCPUs of the instance family, and stacks; without it nothing is said of the one, and AWS's default assumed of the other",
        &[G::Read],
    ),
    read("eks:ListClusters", "the names of clusters, where the one asked for is not there", &[G::Read]),
    read("eks:DescribeCluster", "version, endpoint, VPC and security group", &[G::ReadCluster]),
    read("eks:DescribeAddon", "whether EKS manages aws-node, and with which values", &[G::ReadCluster]),
    read("eks:ListNodegroups", "managed node groups", &[G::ReadCluster]),
    only(
        Only::Managed,
        read("eks:DescribeNodegroup", "their sizes and Auto Scaling groups", &[G::ReadCluster]),
    ),
    only(Only::AccessEntries, read("eks:ListAccessEntries", "whose nodes may join", &[G::ReadCluster])),
    only(Only::AccessEntries, read("eks:DescribeAccessEntry", "the type of an entry", &[G::ReadCluster])),
    read("ssm:GetParameter", "the newest image of the family", &[G::ReadImages]),
    read("cloudformation:DescribeStacks", "our stacks, where there are some", &[G::ReadStacks]),
    Action {
        need: Need::DiscoveryForward,
        ..read("cloudformation:ListStacks", "how many stacks there are, for their quota", &[G::Read])
    },
    and_back(
        ALL,
        step(
            "iam:SimulatePrincipalPolicy",
            ALL,
            "whether the caller may do all this, before the first change",
            &[G::OwnPermissions],
        ),
    ),
    and_back(
        ALL,
        step(
            "iam:GetRole",
            ALL,
            "the caller's role with its path; the nodes' role that a stack made",
            &[G::OwnPermissions],
        ),
    ),
    step("ec2:AssociateVpcCidrBlock", &[AssociateCidr], "the secondary block", &[G::Vpc]),
    step("ec2:CreateSubnet", &[CreateSubnets], "a pod subnet in each zone", &[G::Vpc, G::PodSubnets]),
    step(
        "ec2:CreateTags",
        &[CreateSubnets],
        "tags in the call that creates, which prove what is ours",
        &[G::TagPodSubnets],
    ),
    step(
        "ec2:AssociateRouteTable",
        &[CreateSubnets],
        "the way out of a pod subnet",
        &[G::RouteTables, G::OwnSubnets],
    ),
    only(
        Only::Addon,
        and_back(
            &[SetEnv],
            step("eks:UpdateAddon", &[SetEnv], "aws-node's environment, where EKS owns it", &[G::Addon]),
        ),
    ),
    of_addon("eks:UpdateAddon", "ENIConfigs, where the add-on creates them", &[G::Addon]),
    of_addon("eks:ListUpdates", "how many updates there were, likewise", &[G::ReadCluster]),
    of_addon("eks:DescribeUpdate", "waits until EKS has written them", &[G::ReadCluster]),
    of_addon("iam:PassRole", "the add-on's own role, likewise (--addon-role)", &[G::PassAddonRole]),
    only(
        Only::AddonRole,
        and_back(
            &[SetEnv],
            step(
                "iam:PassRole",
                &[SetEnv],
                "the add-on's own role, which an update without it would take away (--addon-role)",
                &[G::PassAddonRole],
            ),
        ),
    ),
    and_back(
        UPDATES,
        step(
            "eks:ListUpdates",
            UPDATES,
            "how many updates there were: each needs a token of its own",
            &[G::ReadCluster],
        ),
    ),
    and_back(
        UPDATES,
        step("eks:DescribeUpdate", UPDATES, "waits until EKS has made a change", &[G::ReadCluster]),
    ),
    only(
        Only::AccessEntries,
        step(
            "eks:CreateAccessEntry",
            LAUNCH,
            "lets nodes with the new role join, and nobody else",
            &[G::AuthoriseNodes],
        ),
    ),
    only(Only::AccessEntries, step("eks:TagResource", LAUNCH, "tags on that entry", &[G::TagAccessEntry])),
    step("cloudformation:CreateStack", LAUNCH, "the base stack and one for each ENIConfig", &[G::Stacks]),
    step(
        "cloudformation:UpdateStack",
        &[PatchSecurityGroups],
        "node groups grow when the ENIConfigs are complete",
        &[G::Stacks],
    ),
    only(
        Only::Trouble,
        step(
            "cloudformation:DeleteStack",
            LAUNCH,
            "a stack that never was complete is made anew",
            &[G::Stacks],
        ),
    ),
    only(
        Only::Trouble,
        step(
            "cloudformation:DescribeStackEvents",
            STACKS,
            "which resource failed, and why",
            &[G::ReadStacks],
        ),
    ),
    stack("iam:CreateRole", LAUNCH, "the nodes' role", &[G::NodeRole]),
    stack("iam:TagRole", LAUNCH, "the stack's tags on it", &[G::NodeRole]),
    stack("iam:AttachRolePolicy", LAUNCH, "AWS's policies for nodes, and no others", &[G::NodePolicies]),
    stack("iam:CreateInstanceProfile", LAUNCH, "what gives the role to instances", &[G::InstanceProfile]),
    stack("iam:GetInstanceProfile", LAUNCH, "whether it is there", &[G::InstanceProfile]),
    stack("iam:AddRoleToInstanceProfile", LAUNCH, "the role in it", &[G::InstanceProfile]),
    stack("iam:PassRole", STACKS, "the role to instances, and to nothing else", &[G::PassNodeRole]),
    stack(
        "ec2:CreateSecurityGroup",
        LAUNCH,
        "one group for all new nodes and their pods",
        &[G::Vpc, G::NodeSecurityGroup],
    ),
    stack("ec2:AuthorizeSecurityGroupEgress", LAUNCH, "everything out", &[G::NodeSecurityGroup]),
    stack(
        "ec2:RevokeSecurityGroupEgress",
        LAUNCH,
        "the rule that EC2 makes by itself",
        &[G::NodeSecurityGroup],
    ),
    stack(
        "ec2:AuthorizeSecurityGroupIngress",
        LAUNCH,
        "to and from the cluster's group",
        &[G::NodeSecurityGroup],
    ),
    stack("ec2:DescribeSecurityGroupRules", LAUNCH, "whether these rules are there", &[G::Read]),
    stack("ec2:CreateLaunchTemplate", LAUNCH, "what nodes are started from", &[G::LaunchTemplates]),
    stack("ec2:DescribeLaunchTemplates", LAUNCH, "whether it is there", &[G::Read]),
    stack("ec2:DescribeLaunchTemplateVersions", LAUNCH, "its version", &[G::Read]),
    stack(
        "ec2:RunInstances",
        STACKS,
        "Auto Scaling asks whether the caller may run what the template says",
        &[G::RunNodes],
    ),
    stack(
        "autoscaling:CreateAutoScalingGroup",
        LAUNCH,
        "a node group for each ENIConfig, of size 0",
        &[G::NodeGroups],
    ),
    stack(
        "autoscaling:CreateOrUpdateTags",
        STACKS,
        "the cluster's tag, by which nodes are known",
        &[G::NodeGroups],
    ),
    // CloudFormation may tag a security group in a call of its own, which carries no ec2:CreateAction
    // (cloudformation-coverage-roadmap#714).
    stack(
        "ec2:CreateTags",
        STACKS,
        "the stack's tags, and the cluster's on volumes",
        &[G::TagNodes, G::NodeSecurityGroup],
    ),
    stack(
        "autoscaling:UpdateAutoScalingGroup",
        &[PatchSecurityGroups],
        "node groups grow when the ENIConfigs are complete",
        &[G::NodeGroups],
    ),
    stack(
        "autoscaling:Describe*",
        STACKS,
        "the handler reads its group back; its type's schema names these calls as one",
        &[G::Read],
    ),
    and_back(
        &[DrainNodes],
        step(
            "autoscaling:DescribeScalingActivities",
            &[PatchSecurityGroups],
            "why a group can't start a node",
            &[G::Read],
        ),
    ),
    trouble("iam:DetachRolePolicy", "a failed stack's role goes", &[G::NodePolicies]),
    trouble("iam:ListAttachedRolePolicies", "what is attached to it", &[G::NodeRole]),
    trouble("iam:ListRolePolicies", "what is in it", &[G::NodeRole]),
    trouble("iam:DeleteRole", "a failed stack's role goes", &[G::NodeRole]),
    trouble("iam:RemoveRoleFromInstanceProfile", "a failed stack's profile goes", &[G::InstanceProfile]),
    trouble("iam:DeleteInstanceProfile", "a failed stack's profile goes", &[G::InstanceProfile]),
    trouble(
        "ec2:RevokeSecurityGroupIngress",
        "a failed stack's rules go, those of the cluster's group too",
        &[G::NodeSecurityGroup],
    ),
    trouble("ec2:DeleteSecurityGroup", "a failed stack's security group goes", &[G::NodeSecurityGroup]),
    trouble("ec2:DeleteLaunchTemplate", "a failed stack's launch template goes", &[G::LaunchTemplates]),
    trouble("autoscaling:DeleteAutoScalingGroup", "a failed stack's node group goes", &[G::NodeGroups]),
    only(
        Only::Managed,
        and_back(
            &[DrainNodes],
            step(
                "eks:UpdateNodegroupConfig",
                &[DrainNodes],
                "managed node groups shrink and stay so; or grow again",
                &[G::ManagedNodeGroups],
            ),
        ),
    ),
    only(
        Only::Owned,
        and_back(
            &[DrainNodes, PatchSecurityGroups],
            step(
                "autoscaling:UpdateAutoScalingGroup",
                &[DrainNodes],
                "bounds that let a drained group shrink, and keep it so; or let an old one grow again",
                &[G::OldGroups, G::OldGroupsByOldTag],
            ),
        ),
    ),
    only(
        Only::Owned,
        and_back(
            &[PatchSecurityGroups],
            step(
                "autoscaling:SuspendProcesses",
                &[DrainNodes],
                "groups start no node while they are drained",
                &[G::OldGroups, G::OldGroupsByOldTag],
            ),
        ),
    ),
    only(
        Only::Owned,
        and_back(
            &[DrainNodes, PatchSecurityGroups],
            step(
                "autoscaling:ResumeProcesses",
                &[DrainNodes],
                "what was suspended for the drain",
                &[G::OldGroups, G::OldGroupsByOldTag],
            ),
        ),
    ),
    only(
        Only::Owned,
        and_back(
            &[PatchSecurityGroups],
            step(
                "autoscaling:TerminateInstanceInAutoScalingGroup",
                &[DrainNodes],
                "ends a drained node and takes its group's size down with it",
                &[G::OldGroups, G::OldGroupsByOldTag],
            ),
        ),
    ),
    only(
        Only::Unowned,
        step(
            "ec2:TerminateInstances",
            &[DrainNodes],
            "instances that no group owns (--terminate-unowned)",
            &[G::UnownedInstances],
        ),
    ),
];
