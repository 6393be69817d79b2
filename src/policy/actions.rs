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

/// What setup reads about old node groups, which undo does not need.
const fn of_pools(name: &'static str, why: &'static str, grants: &'static [Grant]) -> Action {
    Action { need: Need::DiscoverySetup, ..read(name, why, grants) }
}

const fn step(
    name: &'static str,
    steps: &'static [Step],
    why: &'static str,
    grants: &'static [Grant],
) -> Action {
    Action { name, why, need: Need::setup(steps), by: By::Program, only: Only::Always, grants }
}

const fn stack(
    name: &'static str,
    steps: &'static [Step],
    why: &'static str,
    grants: &'static [Grant],
) -> Action {
    Action { name, why, need: Need::setup(steps), by: By::CloudFormation, only: Only::Always, grants }
}

/// For managed node groups alone.
const fn managed(
    name: &'static str,
    steps: &'static [Step],
    why: &'static str,
    grants: &'static [Grant],
) -> Action {
    only(Only::NewManaged, stack(name, steps, why, grants))
}

/// A failed stack is deleted and recreated.
const fn trouble(name: &'static str, why: &'static str, grants: &'static [Grant]) -> Action {
    Action { only: Only::Trouble, ..stack(name, STACKS, why, grants) }
}

pub(super) const fn only(only: Only, action: Action) -> Action {
    Action { only, ..action }
}

/// The same call also undoes these steps.
const fn and_undo(undo: &'static [Step], action: Action) -> Action {
    let setup = match action.need {
        Need::In { setup, .. } => setup,
        _ => &[],
    };
    Action { need: Need::In { setup, undo }, ..action }
}

/// An update of the add-on for its ENIConfigs, and its undo.
const fn of_addon(name: &'static str, why: &'static str, grants: &'static [Grant]) -> Action {
    only(Only::AddonEniconfigs, and_undo(ENICONFIGS, step(name, ENICONFIGS, why, grants)))
}

use Grant as G;

/// The whole table, a row for each use of an action.
pub(crate) fn all() -> impl Iterator<Item = &'static Action> {
    ACTIONS.iter().chain(super::undo::ACTIONS)
}

/// What setup needs, and what setup and undo both need. GetCallerIdentity needs no permission.
const ACTIONS: &[Action] = &[
    read("ec2:DescribeVpcs", "the VPC's CIDR blocks", &[G::Read]),
    read("ec2:DescribeSubnets", "zones, CIDR blocks and free addresses of the subnets", &[G::Read]),
    read(
        "ec2:DescribeRouteTables",
        "routes that a new block must not overlap, and route tables for pod subnets",
        &[G::Read],
    ),
    read(
        "ec2:DescribeVpcPeeringConnections",
        "blocks of peers that a new block must not overlap",
        &[G::Read],
    ),
    read("ec2:DescribeSecurityGroups", "rules of the security groups that filter pod traffic", &[G::Read]),
    read("ec2:DescribeNetworkAcls", "network ACLs that filter pod traffic", &[G::Read]),
    read("ec2:DescribeAvailabilityZones", "names of zones, used in stack names", &[G::Read]),
    read("ec2:DescribeInstances", "subnets of the nodes", &[G::Read]),
    read(
        "ec2:DescribeInstanceTypes",
        "network interfaces and addresses of an instance type, for max pods",
        &[G::Read],
    ),
    read("ec2:DescribeNetworkInterfaces", "subnets of the pods", &[G::Read]),
    read("ec2:DescribeImages", "AMI family and architecture of the nodes' images", &[G::Read]),
    read("ec2:DescribeLaunchTemplateVersions", "what a node group launches its instances from", &[G::Read]),
    read("autoscaling:DescribeAutoScalingGroups", "the groups that own the old nodes", &[G::Read]),
    read(
        "autoscaling:DescribeLaunchConfigurations",
        "what a group without a launch template launches its instances from",
        &[G::Read],
    ),
    of_pools(
        "autoscaling:DescribeLifecycleHooks",
        "lifecycle hooks, which a replacement gets too and which delay the termination of old nodes; optional",
        &[G::Read],
    ),
    of_pools(
        "autoscaling:DescribePolicies",
        "scaling policies of a group, which a replacement does not get; optional",
        &[G::Read],
    ),
    of_pools(
        "autoscaling:DescribeScheduledActions",
        "scheduled actions of a group, which a replacement does not get; optional",
        &[G::Read],
    ),
    of_pools(
        "autoscaling:DescribeNotificationConfigurations",
        "notifications of a group, which a replacement gets too; optional",
        &[G::Read],
    ),
    of_pools("ec2:DescribeInstanceAttribute", "user data of nodes that no group owns", &[G::Read]),
    of_pools(
        "iam:GetInstanceProfile",
        "the role of self-managed nodes; optional",
        &[G::ReadInstanceProfiles],
    ),
    only(
        Only::OtherRole,
        of_pools(
            "iam:ListAttachedRolePolicies",
            "policies that pods lose with another node role; optional",
            &[G::ReadNodeRoles],
        ),
    ),
    only(
        Only::OtherRole,
        of_pools("iam:ListRolePolicies", "inline policies that pods lose; optional", &[G::ReadNodeRoles]),
    ),
    read(
        "servicequotas:ListServiceQuotas",
        "quotas of the VPC; optional: AWS's defaults otherwise",
        &[G::Read],
    ),
    read(
        "servicequotas:GetServiceQuota",
        "quotas of vCPUs and of stacks; optional: vCPUs are not checked otherwise, and AWS's default is used for stacks",
        &[G::Read],
    ),
    read("eks:ListClusters", "the names of clusters, if the given one does not exist", &[G::Read]),
    read("eks:DescribeCluster", "version, endpoint, VPC and security group", &[G::ReadCluster]),
    read("eks:DescribeAddon", "whether EKS manages aws-node, and with which values", &[G::ReadCluster]),
    read("eks:ListNodegroups", "managed node groups", &[G::ReadCluster]),
    only(
        Only::Managed,
        read("eks:DescribeNodegroup", "their sizes and Auto Scaling groups", &[G::ReadCluster]),
    ),
    only(Only::AccessEntries, read("eks:ListAccessEntries", "which roles may join nodes", &[G::ReadCluster])),
    only(Only::AccessEntries, read("eks:DescribeAccessEntry", "the type of an entry", &[G::ReadCluster])),
    read("ssm:GetParameter", "the newest image of the family", &[G::ReadImages]),
    read("cloudformation:DescribeStacks", "the stacks of eni-custom, if they exist", &[G::ReadStacks]),
    Action {
        need: Need::DiscoverySetup,
        ..read("cloudformation:ListStacks", "number of stacks, for their quota", &[G::Read])
    },
    and_undo(
        ALL,
        step(
            "iam:SimulatePrincipalPolicy",
            ALL,
            "checks the caller's permissions before the first change",
            &[G::OwnPermissions],
        ),
    ),
    and_undo(
        ALL,
        step(
            "iam:GetRole",
            ALL,
            "the caller's role with its path; the node role that a stack created",
            &[G::OwnPermissions],
        ),
    ),
    step("ec2:AssociateVpcCidrBlock", &[AssociateCidr], "the secondary block", &[G::Vpc]),
    step("ec2:CreateSubnet", &[CreateSubnets], "a pod subnet in each zone", &[G::Vpc, G::PodSubnets]),
    step(
        "ec2:CreateTags",
        &[CreateSubnets],
        "tags at creation, which mark what eni-custom manages",
        &[G::TagPodSubnets],
    ),
    step(
        "ec2:AssociateRouteTable",
        &[CreateSubnets],
        "the routes of a pod subnet",
        &[G::RouteTables, G::OwnSubnets],
    ),
    only(
        Only::Addon,
        and_undo(
            &[SetEnv],
            step(
                "eks:UpdateAddon",
                &[SetEnv],
                "aws-node's environment, if EKS manages aws-node",
                &[G::Addon],
            ),
        ),
    ),
    of_addon("eks:UpdateAddon", "ENIConfigs, if the add-on creates them", &[G::Addon]),
    of_addon("eks:ListUpdates", "number of past updates, in the same case", &[G::ReadCluster]),
    of_addon("eks:DescribeUpdate", "waits until EKS has changed them", &[G::ReadCluster]),
    of_addon("iam:PassRole", "the add-on's IAM role, in the same case (--addon-role)", &[G::PassAddonRole]),
    only(
        Only::AddonRole,
        and_undo(
            &[SetEnv],
            step(
                "iam:PassRole",
                &[SetEnv],
                "the add-on's IAM role, which an update would otherwise remove (--addon-role)",
                &[G::PassAddonRole],
            ),
        ),
    ),
    and_undo(
        UPDATES,
        step(
            "eks:ListUpdates",
            UPDATES,
            "number of past updates: each needs its own client token",
            &[G::ReadCluster],
        ),
    ),
    and_undo(
        UPDATES,
        step("eks:DescribeUpdate", UPDATES, "waits until EKS has completed a change", &[G::ReadCluster]),
    ),
    only(
        Only::AccessEntries,
        step("eks:CreateAccessEntry", LAUNCH, "lets only nodes with the new role join", &[G::AuthoriseNodes]),
    ),
    only(Only::AccessEntries, step("eks:TagResource", LAUNCH, "tags on that entry", &[G::TagAccessEntry])),
    step(
        "cloudformation:CreateStack",
        LAUNCH,
        "the base stack, and one stack for each node group",
        &[G::Stacks],
    ),
    step(
        "cloudformation:UpdateStack",
        STACKS,
        "scales up node groups when the ENIConfigs are complete; adds a node role to the base stack",
        &[G::Stacks],
    ),
    only(
        Only::Trouble,
        step(
            "cloudformation:DeleteStack",
            LAUNCH,
            "a stack that never completed is deleted and recreated",
            &[G::Stacks],
        ),
    ),
    only(
        Only::Trouble,
        step(
            "cloudformation:DescribeStackEvents",
            STACKS,
            "which resource a stack works on, or failed at, and why",
            &[G::ReadStacks],
        ),
    ),
    only(Only::NewRole, stack("iam:CreateRole", LAUNCH, "a node role, with --node-role new", &[G::NodeRole])),
    only(Only::NewRole, stack("iam:TagRole", LAUNCH, "the stack's tags on the role", &[G::NodeRole])),
    only(
        Only::NewRole,
        stack("iam:AttachRolePolicy", LAUNCH, "only AWS's managed policies for nodes", &[G::NodePolicies]),
    ),
    only(
        Only::NewProfile,
        stack("iam:CreateInstanceProfile", LAUNCH, "attaches the role to instances", &[G::InstanceProfile]),
    ),
    only(
        Only::NewProfile,
        stack("iam:GetInstanceProfile", LAUNCH, "whether it exists", &[G::InstanceProfile]),
    ),
    only(
        Only::NewProfile,
        stack("iam:AddRoleToInstanceProfile", LAUNCH, "adds the role to the profile", &[G::InstanceProfile]),
    ),
    stack(
        "iam:PassRole",
        STACKS,
        "passes the node role only to EC2 instances (--node-role)",
        &[G::PassNodeRole],
    ),
    stack(
        "ec2:CreateSecurityGroup",
        LAUNCH,
        "one security group for all new nodes and their pods",
        &[G::Vpc, G::NodeSecurityGroup],
    ),
    stack("ec2:AuthorizeSecurityGroupEgress", LAUNCH, "allows all outbound traffic", &[G::NodeSecurityGroup]),
    stack(
        "ec2:RevokeSecurityGroupEgress",
        LAUNCH,
        "removes the default rule that EC2 creates",
        &[G::NodeSecurityGroup],
    ),
    stack(
        "ec2:AuthorizeSecurityGroupIngress",
        LAUNCH,
        "rules to and from the cluster security group",
        &[G::NodeSecurityGroup],
    ),
    stack("ec2:DescribeSecurityGroupRules", LAUNCH, "whether these rules exist", &[G::Read]),
    stack("ec2:CreateLaunchTemplate", LAUNCH, "the launch template of the new nodes", &[G::LaunchTemplates]),
    stack("ec2:DescribeLaunchTemplates", LAUNCH, "whether it exists", &[G::Read]),
    stack(
        "ec2:RunInstances",
        STACKS,
        "Auto Scaling checks that the caller may launch the template's instances",
        &[G::RunNodes],
    ),
    only(
        Only::NewGroups,
        stack("autoscaling:CreateAutoScalingGroup", LAUNCH, "node groups, of size 0", &[G::NodeGroups]),
    ),
    only(
        Only::Hooks,
        stack("autoscaling:PutLifecycleHook", LAUNCH, "lifecycle hooks of the old groups", &[G::NodeGroups]),
    ),
    only(
        Only::Notifications,
        stack(
            "autoscaling:PutNotificationConfiguration",
            LAUNCH,
            "notifications of the old groups",
            &[G::NodeGroups],
        ),
    ),
    only(
        Only::Metrics,
        stack(
            "autoscaling:EnableMetricsCollection",
            LAUNCH,
            "group metrics of the old groups",
            &[G::NodeGroups],
        ),
    ),
    only(
        Only::NewGroups,
        stack(
            "autoscaling:CreateOrUpdateTags",
            STACKS,
            "the cluster's tag, by which nodes are recognized",
            &[G::NodeGroups],
        ),
    ),
    // CloudFormation may tag a security group in a call of its own, which carries no ec2:CreateAction
    // (cloudformation-coverage-roadmap#714).
    stack(
        "ec2:CreateTags",
        STACKS,
        "the stack's tags, and those of the old nodes on instances, volumes and network interfaces",
        &[G::TagNodes, G::NodeSecurityGroup],
    ),
    only(
        Only::NewGroups,
        stack(
            "autoscaling:UpdateAutoScalingGroup",
            &[PatchSecurityGroups],
            "scales up node groups when the ENIConfigs are complete",
            &[G::NodeGroups],
        ),
    ),
    managed("eks:CreateNodegroup", LAUNCH, "managed node groups, of size 0", &[G::CreateNodegroups]),
    managed("eks:TagResource", LAUNCH, "tags on them, by which they are recognized", &[G::TagNodegroups]),
    managed("iam:PassRole", LAUNCH, "passes the node role to EKS (--node-role)", &[G::PassNodeRoleToEks]),
    managed("iam:GetRole", LAUNCH, "EKS reads the node role in the caller's name", &[G::ReadNodeRolesByEks]),
    managed(
        "iam:ListAttachedRolePolicies",
        LAUNCH,
        "EKS reads the policies of the node role in the caller's name",
        &[G::ReadNodeRolesByEks],
    ),
    only(
        Only::NewManagedRarely,
        stack(
            "iam:CreateServiceLinkedRole",
            LAUNCH,
            "EKS's own role, in an account's first managed node group",
            &[G::NodegroupServiceRole],
        ),
    ),
    managed(
        "eks:UpdateNodegroupConfig",
        &[PatchSecurityGroups],
        "scales up managed node groups when the ENIConfigs are complete",
        &[G::NewNodegroups],
    ),
    only(
        Only::NewManagedRarely,
        stack(
            "eks:DeleteNodegroup",
            STACKS,
            "deletes a failed stack's managed node group",
            &[G::NewNodegroups],
        ),
    ),
    stack(
        "autoscaling:Describe*",
        STACKS,
        "the resource handler reads its group; the type's schema requires these calls as one",
        &[G::Read],
    ),
    and_undo(
        &[DrainNodes],
        step(
            "autoscaling:DescribeScalingActivities",
            &[PatchSecurityGroups],
            "why a group can't start a node",
            &[G::Read],
        ),
    ),
    trouble("iam:DetachRolePolicy", "deletes a failed stack's role", &[G::NodePolicies]),
    trouble("iam:ListAttachedRolePolicies", "policies attached to it", &[G::NodeRole]),
    trouble("iam:ListRolePolicies", "its inline policies", &[G::NodeRole]),
    trouble("iam:DeleteRole", "deletes a failed stack's role", &[G::NodeRole]),
    trouble(
        "iam:RemoveRoleFromInstanceProfile",
        "deletes a failed stack's instance profile",
        &[G::InstanceProfile],
    ),
    trouble("iam:DeleteInstanceProfile", "deletes a failed stack's instance profile", &[G::InstanceProfile]),
    trouble(
        "ec2:RevokeSecurityGroupIngress",
        "deletes a failed stack's rules, including those of the cluster security group",
        &[G::NodeSecurityGroup],
    ),
    trouble("ec2:DeleteSecurityGroup", "deletes a failed stack's security group", &[G::NodeSecurityGroup]),
    trouble("ec2:DeleteLaunchTemplate", "deletes a failed stack's launch template", &[G::LaunchTemplates]),
    trouble("autoscaling:DeleteAutoScalingGroup", "deletes a failed stack's node group", &[G::NodeGroups]),
    only(
        Only::Managed,
        and_undo(
            &[DrainNodes],
            step(
                "eks:UpdateNodegroupConfig",
                &[DrainNodes],
                "scales managed node groups down for good; undo scales them up again",
                &[G::ManagedNodeGroups],
            ),
        ),
    ),
    only(
        Only::Owned,
        and_undo(
            &[DrainNodes, PatchSecurityGroups],
            step(
                "autoscaling:UpdateAutoScalingGroup",
                &[DrainNodes],
                "sizes that scale a drained group down for good; undo scales it up again",
                &[G::OldGroups, G::OldGroupsByOldTag],
            ),
        ),
    ),
    only(
        Only::Owned,
        and_undo(
            &[PatchSecurityGroups],
            step(
                "autoscaling:SuspendProcesses",
                &[DrainNodes],
                "keeps groups from starting nodes while they are drained",
                &[G::OldGroups, G::OldGroupsByOldTag],
            ),
        ),
    ),
    only(
        Only::Owned,
        and_undo(
            &[DrainNodes, PatchSecurityGroups],
            step(
                "autoscaling:ResumeProcesses",
                &[DrainNodes],
                "resumes what was suspended for the drain",
                &[G::OldGroups, G::OldGroupsByOldTag],
            ),
        ),
    ),
    only(
        Only::Owned,
        and_undo(
            &[PatchSecurityGroups],
            step(
                "autoscaling:TerminateInstanceInAutoScalingGroup",
                &[DrainNodes],
                "terminates a drained node and decrements its group's size",
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
    only(
        Only::OldGroups,
        step(
            "eks:DeleteNodegroup",
            &[DrainNodes],
            "old managed node groups that are drained (--delete-old-groups)",
            &[G::ManagedNodeGroups],
        ),
    ),
];
