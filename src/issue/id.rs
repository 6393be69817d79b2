//! The ids of all issues: stable, unique, and explained in docs/checks.md. Each row says which severities its issues may
//! have; another severity, or an id without a row, does not compile.

use super::severity::{
    Check, Error, ErrorOrNote, ErrorOrRisk, ErrorOrWarning, Note, Risk, RiskOrNote, Severities, Severity,
    Unknown, Warning,
};
use super::typed::{Id, IdOf, Row};

/// The id that `--accept` names.
///
/// # Errors
/// The id is unknown, or it can't be or need not be accepted.
pub fn acceptable(text: &str) -> Result<Id, String> {
    let name = text.trim().to_uppercase();
    let id = PLAN.iter().copied().find(|id| id.as_str() == name);
    let Some(id) = id else {
        return Err(match VERIFY.iter().chain(DOCTOR).any(|id| id.as_str() == name) {
            true => format!("{name} is reported by verify and doctor, whose issues need no acceptance"),
            false => format!("there is no issue '{text}'"),
        });
    };
    if id.severities().contains(&Severity::Warning) {
        return Ok(id);
    }
    let (kind, what) = match id.severities().contains(&Severity::Error) {
        true => ("an error", "it must be fixed and can't be accepted"),
        false => ("a note", "it does not stop the run, so it needs no acceptance"),
    };
    Err(format!("{id} ({}) is {kind}: {what}", id.title()))
}

/// A constant for each row, and the list of them: `NAME = "EC-…": severities, "title";`.
macro_rules! ids {
    ($(#[$doc:meta])* $all:ident { $($name:ident = $id:literal: $severities:ty, $title:literal;)* }) => {
        $(
            #[doc = $title]
            pub const $name: IdOf<$severities> = {
                static ROW: Row = Row {
                    name: $id,
                    severities: <$severities as Severities>::ALL,
                    risk: <$severities as Severities>::RISK,
                    title: $title,
                };
                IdOf::of(&ROW)
            };
        )*
        $(#[$doc])*
        pub const $all: &[Id] = &[$($name.id()),*];
    };
}

ids! {
/// Issues of `plan`, `setup` and the steps, by id. The title says what is wrong.
PLAN {
    CLU_001 = "EC-CLU-001": Error, "EKS Auto Mode";
    CLU_002 = "EC-CLU-002": Error, "IPv6 pods";
    CLU_003 = "EC-CLU-003": Error, "the cluster is not ACTIVE";
    CLU_004 = "EC-CLU-004": Error, "aws-node does not exist";
    CNI_001 = "EC-CNI-001": Error, "the version of the VPC CNI is unknown";
    CNI_002 = "EC-CNI-002": Error, "the VPC CNI is too old for custom networking";
    CNI_003 = "EC-CNI-003": Error, "the VPC CNI is too old for prefix delegation";
    CNI_004 = "EC-CNI-004": Error, "aws-node belongs to Helm or GitOps";
    CNI_005 = "EC-CNI-005": Error, "ENI_CONFIG_ANNOTATION_DEF is set";
    CNI_006 = "EC-CNI-006": Error, "the add-on's configurationValues can't be merged";
    CNI_007 = "EC-CNI-007": Warning, "the add-on is not healthy";
    CNI_008 = "EC-CNI-008": ErrorOrNote, "another field manager owns a variable of aws-node";
    CNI_009 = "EC-CNI-009": Warning, "the VPC CNI has a bug that affects custom networking";
    CNI_010 = "EC-CNI-010": Warning, "the ENIConfig CRD has no schema and another owner";
    CNI_011 = "EC-CNI-011": Risk, "live nodes would use another ENIConfig";
    CNI_020 = "EC-CNI-020": ErrorOrWarning, "tags exclude a pod subnet";
    CNI_025 = "EC-CNI-025": Error, "aws-node's updateStrategy is OnDelete";
    DRN_001 = "EC-DRN-001": Error, "no such node";
    DRN_002 = "EC-DRN-002": Error, "no such node group";
    DRN_003 = "EC-DRN-003": Error, "no node matches the selection";
    DRN_004 = "EC-DRN-004": Error, "a selected node is not an old node";
    DRN_005 = "EC-DRN-005": Error, "a deadline is shorter than a grace period";
    DRN_006 = "EC-DRN-006": Error, "--disable-eviction is not confirmed";
    ENI_001 = "EC-ENI-001": Error, "an ENIConfig names another subnet";
    ENI_002 = "EC-ENI-002": Error, "an ENIConfig has other security groups";
    ENI_003 = "EC-ENI-003": Error, "no node would use the ENIConfig";
    ENI_004 = "EC-ENI-004": Warning, "a node label names its ENIConfig";
    ENI_005 = "EC-ENI-005": Error, "an ENIConfig belongs to Helm, GitOps or Terraform";
    IAM_001 = "EC-IAM-001": ErrorOrWarning, "permissions are missing";
    IAM_002 = "EC-IAM-002": Note, "permissions that could not be checked";
    NET_001 = "EC-NET-001": Error, "no block of 100.64.0.0/10 is free";
    NET_002 = "EC-NET-002": Error, "the pod subnets don't fit";
    NET_003 = "EC-NET-003": Error, "AWS would reject the CIDR block";
    NET_004 = "EC-NET-004": Error, "a zone without nodes";
    NET_005 = "EC-NET-005": Error, "a subnet of another VPC";
    NET_006 = "EC-NET-006": Error, "a subnet of another zone";
    NET_007 = "EC-NET-007": Error, "a subnet of the nodes' own CIDR block";
    NET_008 = "EC-NET-008": Error, "the route table is ambiguous";
    NET_009 = "EC-NET-009": Risk, "a pod subnet is public";
    NET_010 = "EC-NET-010": Error, "too few addresses for pods";
    NET_011 = "EC-NET-011": Error, "too few addresses for new nodes";
    NET_012 = "EC-NET-012": Error, "another account owns the VPC";
    NET_013 = "EC-NET-013": ErrorOrWarning, "pod subnets in the nodes' secondary block";
    NET_014 = "EC-NET-014": ErrorOrRisk, "nodes on an Outpost, in a Local Zone or a Wavelength Zone";
    NET_015 = "EC-NET-015": Note, "internal load balancers may be placed in pod subnets";
    NET_016 = "EC-NET-016": Warning, "a pod subnet on the main route table has no route out";
    NOD_001 = "EC-NOD-001": Error, "no such instance type";
    NOD_002 = "EC-NOD-002": Error, "the instance type has no interface for pods";
    NOD_003 = "EC-NOD-003": Error, "no instance type is known";
    NOD_004 = "EC-NOD-004": Error, "image and instance type have different architectures";
    NOD_005 = "EC-NOD-005": Error, "no image";
    NOD_006 = "EC-NOD-006": Error, "no service CIDR";
    NOD_007 = "EC-NOD-007": Error, "a stack with this name is not managed by eni-custom";
    NOD_008 = "EC-NOD-008": Error, "a stack rollback failed";
    NOD_009 = "EC-NOD-009": Note, "Windows nodes are not changed";
    NOD_010 = "EC-NOD-010": Note, "Fargate nodes are not changed";
    NOD_011 = "EC-NOD-011": Note, "hybrid nodes are not changed";
    NOD_012 = "EC-NOD-012": Risk, "Karpenter would give nodes too many pods";
    NOD_013 = "EC-NOD-013": Warning, "an autoscaler may start nodes during the migration";
    NOD_014 = "EC-NOD-014": Note, "more hostNetwork pods than max pods assumes";
    NOD_015 = "EC-NOD-015": Warning, "managed node groups that you keep start nodes with too many pods";
    NOD_016 = "EC-NOD-016": Warning, "an Auto Scaling group without the cluster's tag";
    NOD_017 = "EC-NOD-017": Warning, "a managed node group is not ACTIVE";
    NOD_018 = "EC-NOD-018": Warning, "an old group has a warm pool";
    NOD_019 = "EC-NOD-019": Note, "lifecycle hooks delay the termination of nodes";
    NOD_020 = "EC-NOD-020": Risk, "max pods of Karpenter's nodes is unknown";
    NOD_021 = "EC-NOD-021": Risk, "Karpenter's maxPods is above the addresses of an instance type";
    NOD_022 = "EC-NOD-022": Error, "Karpenter would start nodes in a pod subnet";
    NOD_023 = "EC-NOD-023": Warning, "the Cluster Autoscaler has a static list of node groups";
    NOD_025 = "EC-NOD-025": Risk, "an image without drivers for accelerators";
    NOD_028 = "EC-NOD-028": Warning, "nodes that stopped reporting";
    NOD_029 = "EC-NOD-029": Warning, "Node objects without an instance";
    NOD_030 = "EC-NOD-030": Warning, "nodes that are not Ready";
    NOD_040 = "EC-NOD-040": Risk, "aws-auth belongs to Helm, GitOps or Terraform";
    NOD_041 = "EC-NOD-041": Error, "aws-auth can't be edited";
    NOD_050 = "EC-NOD-050": Risk, "a setting of the old nodes that the new ones do not get";
    NOD_051 = "EC-NOD-051": Warning, "labels that a kubelet may not set";
    NOD_052 = "EC-NOD-052": Error, "no such pool";
    NOD_053 = "EC-NOD-053": Warning, "pods lose security groups of their nodes";
    NOD_054 = "EC-NOD-054": Error, "the system of the old nodes is not known";
    NOD_055 = "EC-NOD-055": Warning, "new nodes have the role of managed node groups";
    NOD_056 = "EC-NOD-056": Risk, "policies that new nodes don't have";
    NOD_061 = "EC-NOD-061": Error, "a pool can't become a managed node group";
    NOD_062 = "EC-NOD-062": Note, "EKS does not update the image of a managed node group";
    NOD_063 = "EC-NOD-063": Error, "managed node groups need custom networking to be on";
    NOD_064 = "EC-NOD-064": Note, "existing node groups keep their kind";
    NOD_065 = "EC-NOD-065": Error, "nodes stay that have the role of the deleted node groups";
    NOD_070 = "EC-NOD-070": Error, "Karpenter is too old";
    NOD_071 = "EC-NOD-071": Error, "Karpenter's settings belong to Helm or GitOps";
    NOD_072 = "EC-NOD-072": Error, "a NodePool belongs to Helm or GitOps";
    NOD_073 = "EC-NOD-073": Error, "a NodePool that lets Karpenter replace no node";
    NOD_074 = "EC-NOD-074": Risk, "pods that keep Karpenter from replacing their nodes";
    NOD_075 = "EC-NOD-075": Warning, "Karpenter deletes pods despite their budgets";
    NOD_076 = "EC-NOD-076": Error, "a NodePool of several zones, and ENIConfigs found by a label";
    NOD_077 = "EC-NOD-077": Risk, "a NodePool whose limits leave no room for another node";
    NOD_078 = "EC-NOD-078": Error, "an EC2NodeClass with an expression that Karpenter rejects";
    NOD_079 = "EC-NOD-079": Risk, "an EC2NodeClass whose expression for max pods can't be computed";
    NOD_080 = "EC-NOD-080": Note, "Karpenter's nodes expire soon";
    NOD_081 = "EC-NOD-081": Note, "Karpenter consolidates nodes during the drain";
    PLN_001 = "EC-PLN-001": Error, "the changes differ from the plan";
    PLN_002 = "EC-PLN-002": Error, "the cluster has changed since the plan";
    POD_001 = "EC-POD-001": Error, "bare pods (no controller would recreate them)";
    POD_002 = "EC-POD-002": Error, "data in emptyDir or ephemeral volumes";
    POD_003 = "EC-POD-003": Error, "old nodes that belong to no group";
    POD_004 = "EC-POD-004": Error, "pods under two budgets";
    POD_005 = "EC-POD-005": Error, "a budget that allows no disruption";
    POD_006 = "EC-POD-006": Error, "a budget that requires its only pod";
    POD_007 = "EC-POD-007": Error, "unhealthy pods that their budget protects";
    POD_008 = "EC-POD-008": Error, "a budget that expects no pods";
    POD_009 = "EC-POD-009": Warning, "a budget that allows no disruptions right now";
    POD_010 = "EC-POD-010": ErrorOrRisk, "pods that can't run on any new node";
    POD_011 = "EC-POD-011": ErrorOrRisk, "pods that don't fit on the new nodes";
    POD_012 = "EC-POD-012": Risk, "the only pod behind a webhook with failurePolicy Fail";
    POD_013 = "EC-POD-013": Note, "evictions are intercepted";
    POD_014 = "EC-POD-014": Error, "a budget whose status can't be computed";
    POD_015 = "EC-POD-015": Warning, "pods that have been terminating since before the run";
    POD_016 = "EC-POD-016": Warning, "pods on nodes that are not Ready";
    POD_017 = "EC-POD-017": Error, "data on the node's disk";
    POD_018 = "EC-POD-018": Error, "claims on a node's disk that would not be recreated";
    POD_019 = "EC-POD-019": Note, "load balancers forward to nodes that are drained";
    POD_020 = "EC-POD-020": Error, "a second replica that could not become Ready or would be removed";
    QTA_001 = "EC-QTA-001": Error, "quota of subnets";
    QTA_002 = "EC-QTA-002": Error, "quota of security groups per network interface";
    QTA_003 = "EC-QTA-003": Error, "quota of vCPUs";
    QTA_004 = "EC-QTA-004": Error, "quota of network interfaces";
    QTA_005 = "EC-QTA-005": Error, "quota of rules per security group";
    QTA_006 = "EC-QTA-006": Error, "quota of CloudFormation stacks";
    QTA_010 = "EC-QTA-010": Warning, "other interfaces use addresses of the pod subnet";
    QTA_011 = "EC-QTA-011": Warning, "the pod subnet is too small for the maximum size";
    QTA_012 = "EC-QTA-012": Warning, "prefixes may not fit";
    QTA_013 = "EC-QTA-013": Warning, "the node subnet is too small for the maximum size";
    RCH_001 = "EC-RCH-001": ErrorOrWarning, "pods could not reach the API server";
    RCH_002 = "EC-RCH-002": Error, "pods could not reach CoreDNS";
    RCH_003 = "EC-RCH-003": ErrorOrWarning, "new nodes could not reach the API server";
    RCH_004 = "EC-RCH-004": Warning, "kubelets could not be reached";
    RCH_005 = "EC-RCH-005": ErrorOrWarning, "the API server could not call a webhook";
    RCH_006 = "EC-RCH-006": Warning, "pods could no longer reach each other";
    RCH_007 = "EC-RCH-007": Error, "EXTERNALSNAT without a route to the internet";
    RCH_008 = "EC-RCH-008": Warning, "a security group rule allows only the nodes' addresses";
    RCH_009 = "EC-RCH-009": Warning, "a network ACL allows only the nodes' addresses";
    RCH_010 = "EC-RCH-010": Warning, "a peer has no route to the new block";
    RCH_011 = "EC-RCH-011": Warning, "the API server may not reach the new block for up to an hour";
    RCH_012 = "EC-RCH-012": Note, "reachability that could not be determined";
    RCH_013 = "EC-RCH-013": Error, "no such security group";
    RCH_014 = "EC-RCH-014": Warning, "a pod subnet lacks routes of its nodes' subnet";
    RCH_015 = "EC-RCH-015": Warning, "a NetworkPolicy allows only the nodes' addresses";
    RCH_016 = "EC-RCH-016": Warning, "the AWS Load Balancer Controller could not register pods";
    RCH_017 = "EC-RCH-017": RiskOrNote, "a security group allows nodes but not pods";
    RUN_001 = "EC-RUN-001": Error, "a step depends on another step";
    RUN_002 = "EC-RUN-002": Note, "optional facts that could not be read";
    SHO_001 = "EC-SHO-001": Note, "alternatives for a shortage of addresses";
    UND_001 = "EC-UND-001": Error, "nothing to undo";
    UND_002 = "EC-UND-002": ErrorOrWarning, "the record of the state before setup is missing";
    UND_003 = "EC-UND-003": Error, "old nodes would start with custom networking on";
    UND_004 = "EC-UND-004": Warning, "replacement node groups are created for old node groups";
    UND_005 = "EC-UND-005": Error, "pods that don't fit on the old nodes";
    UND_006 = "EC-UND-006": Warning, "foreign interfaces in the pod subnets";
    UND_007 = "EC-UND-007": Warning, "foreign ENIConfigs name subnets that undo deletes";
    UND_008 = "EC-UND-008": ErrorOrWarning, "the image of an old node group no longer exists";
    UND_009 = "EC-UND-009": Risk, "the record was edited";
    UND_010 = "EC-UND-010": Error, "old nodes could not start";
    UND_011 = "EC-UND-011": Risk, "old node groups can't be replaced";
    UND_012 = "EC-UND-012": Error, "the add-on's configurationValues can't be restored";
    UND_015 = "EC-UND-015": Warning, "a managed node group is not ACTIVE";
    UND_019 = "EC-UND-019": Warning, "aws-node may not start without custom networking";
}
}

ids! {
/// Issues of `verify`, by id. The title says what is checked.
VERIFY {
    VFY_001 = "EC-VFY-001": Check<Error>, "custom networking is on";
    VFY_002 = "EC-VFY-002": Check<Error>, "aws-node's rollout is complete";
    VFY_003 = "EC-VFY-003": Check<ErrorOrWarning>, "aws-node's owner has the same values";
    VFY_004 = "EC-VFY-004": Check<Error>, "the VPC CNI supports custom networking";
    VFY_005 = "EC-VFY-005": Error, "aws-node's environment is as this run set it";
    VFY_006 = "EC-VFY-006": Warning, "the label that names ENIConfigs is not deprecated";
    VFY_007 = "EC-VFY-007": Warning, "the VPC CNI has no known bug";
    VFY_008 = "EC-VFY-008": Error, "the cluster does not use EKS Auto Mode";
    VFY_009 = "EC-VFY-009": Error, "the cluster does not use IPv6";
    VFY_010 = "EC-VFY-010": Check<ErrorOrWarning>, "the ENIConfig CRD has a schema";
    VFY_011 = "EC-VFY-011": Check<Error>, "each node finds an ENIConfig";
    VFY_012 = "EC-VFY-012": Check<Error>, "ENIConfigs are well-formed";
    VFY_013 = "EC-VFY-013": Check<Error>, "ENIConfigs' subnets exist";
    VFY_014 = "EC-VFY-014": Error, "ENIConfigs' subnets are in their nodes' zones";
    VFY_015 = "EC-VFY-015": Check<Warning>, "ENIConfigs' subnets are outside the nodes' CIDR block";
    VFY_016 = "EC-VFY-016": Check<Error>, "ENIConfigs' security groups exist";
    VFY_017 = "EC-VFY-017": Check<Warning>, "pod subnets have enough free addresses";
    VFY_018 = "EC-VFY-018": Error, "ENIConfigs are as this run wrote them";
    VFY_020 = "EC-VFY-020": Check<ErrorOrWarning>, "nodes are Ready";
    VFY_021 = "EC-VFY-021": Check<Error>, "no node joined before the switch";
    VFY_022 = "EC-VFY-022": Check<Error>, "each node has a network interface for pods";
    VFY_023 = "EC-VFY-023": Check<Error>, "network interfaces have their ENIConfig's security groups";
    VFY_024 = "EC-VFY-024": Check<Error>, "max pods is not above the addresses";
    VFY_025 = "EC-VFY-025": Warning, "max pods is not below AWS's recommendation";
    VFY_026 = "EC-VFY-026": Check<Warning>, "nothing overrides a node's ENIConfig label";
    VFY_027 = "EC-VFY-027": Check<Warning>, "no interface has two security groups tagged for the cluster";
    VFY_028 = "EC-VFY-028": Error, "max pods is as this run computed it";
    VFY_030 = "EC-VFY-030": Check<Error>, "pods have addresses in their ENIConfig's subnet";
    VFY_040 = "EC-VFY-040": Check<Warning>, "deleted nodes have left no network interfaces";
    VFY_050 = "EC-VFY-050": Check<Error>, "the probe ran";
    VFY_051 = "EC-VFY-051": Check<Error>, "pods reach DNS";
    VFY_052 = "EC-VFY-052": Check<Error>, "pods reach the API server";
    VFY_053 = "EC-VFY-053": Check<Error>, "pods reach pods of other zones";
    VFY_054 = "EC-VFY-054": Check<Warning>, "NetworkPolicies allow the probe";
    VFY_075 = "EC-VFY-075": Check<ErrorOrWarning>, "pod subnets have a route out of the VPC as their nodes' subnets do";
    VFY_076 = "EC-VFY-076": Check<ErrorOrWarning>, "no tag excludes a pod subnet";
    VFY_085 = "EC-VFY-085": Warning, "each Node has an instance";
    VFY_086 = "EC-VFY-086": Warning, "each kubelet reports";
    VFY_087 = "EC-VFY-087": Check<ErrorOrWarning>, "no pod is unschedulable";
    VFY_088 = "EC-VFY-088": ErrorOrWarning, "pods start";
    VFY_089 = "EC-VFY-089": Check<ErrorOrWarning>, "workloads have all their Ready pods";
}
}

ids! {
/// Issues of `doctor`, by id; it also reports those of `verify`. The title says what the cause is.
DOCTOR {
    DOC_001 = "EC-DOC-001": Error, "nodes wait for an ENIConfig that does not exist";
    DOC_002 = "EC-DOC-002": Error, "the subnet of a node's ENIConfig is missing, or in another zone";
    DOC_003 = "EC-DOC-003": Error, "a node's ENIConfig is malformed, or names a missing security group";
    DOC_004 = "EC-DOC-004": Error, "a node's pod subnet has no free address";
    DOC_005 = "EC-DOC-005": Error, "nodes are not Ready: another reason";
    DOC_006 = "EC-DOC-006": Error, "aws-node does not run on a node";
    DOC_007 = "EC-DOC-007": Error, "running instances that did not join as nodes";
    DOC_010 = "EC-DOC-010": Error, "pods stay in ContainerCreating: max pods is above the addresses";
    DOC_011 = "EC-DOC-011": Error, "pods stay in ContainerCreating: the pod subnet has no free address";
    DOC_012 = "EC-DOC-012": Error, "pods stay in ContainerCreating: the CNI has no free address, although the subnet has";
    DOC_013 = "EC-DOC-013": Warning, "pods do not start: another reason";
    DOC_014 = "EC-DOC-014": Error, "pods stay in ContainerCreating: no free /28 prefix";
    DOC_020 = "EC-DOC-020": Error, "pods are unschedulable: the nodes have reached max pods";
    DOC_021 = "EC-DOC-021": Warning, "pods are unschedulable: another reason";
    DOC_030 = "EC-DOC-030": Error, "pods use their own subnet's routes (EXTERNALSNAT), which have no route out";
    DOC_031 = "EC-DOC-031": ErrorOrWarning, "a pod subnet uses the VPC's main route table";
    DOC_055 = "EC-DOC-055": Error, "a drain was interrupted";
    DOC_056 = "EC-DOC-056": Warning, "AZRebalance stays suspended in a partly drained node group";
    DOC_057 = "EC-DOC-057": Warning, "a group that eni-custom drained has suspended processes";
    DOC_085 = "EC-DOC-085": Error, "a kubelet has stopped reporting";
    DOC_090 = "EC-DOC-090": Unknown, "nodes' conditions, pods or events could not be read";
}
}

#[cfg(test)]
mod tests;
