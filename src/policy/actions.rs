//! Every AWS action that the commands need, with its reason. Names: Service Authorization Reference.

use super::Grant;
use crate::steps::Step;
use Step::{AssociateCidr, CreateSubnets, DrainNodes, LaunchNodegroups, PatchSecurityGroups, SetEnv};

/// One action.
#[derive(Debug)]
pub struct Action {
    /// `ec2:CreateSubnet`
    pub name: &'static str,
    pub why: &'static str,
    pub need: Need,
    pub by: By,
    pub only: Only,
    pub grants: &'static [Grant],
}

/// When it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// By every command that reads a cluster: `plan` too.
    Discovery,
    /// By these steps, when they have something to change.
    In(&'static [Step]),
}

/// Who calls it, in the caller's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Program,
    CloudFormation,
}

/// What must be so for it to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    Always,
    /// aws-node is EKS's add-on.
    Addon,
    /// The cluster takes access entries.
    AccessEntries,
    /// Old nodes of managed node groups are drained.
    Managed,
    /// Old nodes of Auto Scaling groups are drained.
    Groups,
    /// Old nodes of either are drained.
    Owned,
    /// Old instances without an owner are to be terminated.
    Unowned,
    /// Something went wrong: a stack failed, or is rolled back.
    Trouble,
}

const ALL: &[Step] = &Step::DOCUMENTED;
const STACKS: &[Step] = &[LaunchNodegroups, PatchSecurityGroups];
const LAUNCH: &[Step] = &[LaunchNodegroups];

const fn read(name: &'static str, why: &'static str, grants: &'static [Grant]) -> Action {
    Action { name, why, need: Need::Discovery, by: By::Program, only: Only::Always, grants }
}

const fn step(
    name: &'static str,
    steps: &'static [Step],
    why: &'static str,
    grants: &'static [Grant],
) -> Action {
    Action { name, why, need: Need::In(steps), by: By::Program, only: Only::Always, grants }
}

const fn stack(
    name: &'static str,
    steps: &'static [Step],
    why: &'static str,
    grants: &'static [Grant],
) -> Action {
    Action { name, why, need: Need::In(steps), by: By::CloudFormation, only: Only::Always, grants }
}

/// A failed stack is taken back, and made anew.
const fn back(name: &'static str, why: &'static str, grants: &'static [Grant]) -> Action {
    Action { only: Only::Trouble, ..stack(name, STACKS, why, grants) }
}

const fn only(only: Only, action: Action) -> Action {
    Action { only, ..action }
}

use Grant as G;

/// The table, a row for each use of an action. GetCallerIdentity needs no permission.
pub const ACTIONS: &[Action] = &[
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
    read("cloudformation:ListStacks", "how many stacks there are, for their quota", &[G::Read]),
    step(
        "iam:SimulatePrincipalPolicy",
        ALL,
        "whether the caller may do all this, before the first change",
        &[G::OwnPermissions],
    ),
    step(
        "iam:GetRole",
        ALL,
        "the caller's role with its path; the nodes' role that a stack made",
        &[G::OwnPermissions],
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
        &[G::RouteTables, G::RoutePodSubnets],
    ),
    only(
        Only::Addon,
        step("eks:UpdateAddon", &[SetEnv], "aws-node's environment, where EKS owns it", &[G::Addon]),
    ),
    step(
        "eks:ListUpdates",
        &[SetEnv, DrainNodes],
        "how many updates there were: each needs a token of its own",
        &[G::ReadCluster],
    ),
    step("eks:DescribeUpdate", &[SetEnv, DrainNodes], "waits until EKS has made a change", &[G::ReadCluster]),
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
    stack("ec2:CreateTags", STACKS, "the stack's tags, and the cluster's on volumes", &[G::TagNodes]),
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
    step(
        "autoscaling:DescribeScalingActivities",
        &[PatchSecurityGroups],
        "why a group can't start a node",
        &[G::Read],
    ),
    back("iam:DetachRolePolicy", "a failed stack's role goes", &[G::NodePolicies]),
    back("iam:ListAttachedRolePolicies", "what is attached to it", &[G::NodeRole]),
    back("iam:ListRolePolicies", "what is in it", &[G::NodeRole]),
    back("iam:DeleteRole", "a failed stack's role goes", &[G::NodeRole]),
    back("iam:RemoveRoleFromInstanceProfile", "a failed stack's profile goes", &[G::InstanceProfile]),
    back("iam:DeleteInstanceProfile", "a failed stack's profile goes", &[G::InstanceProfile]),
    back(
        "ec2:RevokeSecurityGroupIngress",
        "a failed stack's rules go, those of the cluster's group too",
        &[G::NodeSecurityGroup],
    ),
    back("ec2:DeleteSecurityGroup", "a failed stack's security group goes", &[G::NodeSecurityGroup]),
    back("ec2:DeleteLaunchTemplate", "a failed stack's launch template goes", &[G::LaunchTemplates]),
    back("autoscaling:DeleteAutoScalingGroup", "a failed stack's node group goes", &[G::NodeGroups]),
    only(
        Only::Managed,
        step(
            "eks:UpdateNodegroupConfig",
            &[DrainNodes],
            "managed node groups shrink and stay so",
            &[G::ManagedNodeGroups],
        ),
    ),
    only(
        Only::Groups,
        step(
            "autoscaling:UpdateAutoScalingGroup",
            &[DrainNodes],
            "bounds that let an old group shrink, and keep it so",
            &[G::OldGroups, G::OldGroupsByOldTag],
        ),
    ),
    only(
        Only::Groups,
        step(
            "autoscaling:SuspendProcesses",
            &[DrainNodes],
            "old groups start no node while they are drained",
            &[G::OldGroups, G::OldGroupsByOldTag],
        ),
    ),
    only(
        Only::Groups,
        step(
            "autoscaling:ResumeProcesses",
            &[DrainNodes],
            "what was suspended for the drain",
            &[G::OldGroups, G::OldGroupsByOldTag],
        ),
    ),
    only(
        Only::Owned,
        step(
            "autoscaling:TerminateInstanceInAutoScalingGroup",
            &[DrainNodes],
            "ends an old node and takes its group's size down with it",
            &[G::OldGroups, G::OldGroupsByOldTag],
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
