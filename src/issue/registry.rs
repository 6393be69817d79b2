//! The ids of all issues: stable, unique, and explained in docs/checks.md.

use crate::issue::Severity;

/// The registration of an issue id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// `EC-NET-003`; the middle part is its area.
    pub id: &'static str,
    /// Its possible severities: several if the severity depends on the cluster.
    pub severities: &'static [Severity],
    /// As a warning it needs `--accept`: continuing may affect running workloads.
    pub risk: bool,
    pub title: &'static str,
}

const ERROR: &[Severity] = &[Severity::Error];
const WARNING: &[Severity] = &[Severity::Warning];
const NOTE: &[Severity] = &[Severity::Note];
const ERROR_OR_WARNING: &[Severity] = &[Severity::Error, Severity::Warning];

const ERROR_OR_NOTE: &[Severity] = &[Severity::Error, Severity::Note];
const WARNING_OR_NOTE: &[Severity] = &[Severity::Warning, Severity::Note];

const fn entry(id: &'static str, severities: &'static [Severity], title: &'static str) -> Entry {
    Entry { id, severities, risk: false, title }
}

const fn risk(id: &'static str, severities: &'static [Severity], title: &'static str) -> Entry {
    Entry { id, severities, risk: true, title }
}

/// All of them, by id.
pub const ALL: &[Entry] = &[
    entry("EC-CLU-001", ERROR, "EKS Auto Mode"),
    entry("EC-CLU-002", ERROR, "IPv6 pods"),
    entry("EC-CLU-003", ERROR, "the cluster is not ACTIVE"),
    entry("EC-CLU-004", ERROR, "aws-node does not exist"),
    entry("EC-CNI-001", ERROR, "the version of the VPC CNI is unknown"),
    entry("EC-CNI-002", ERROR, "the VPC CNI is too old for custom networking"),
    entry("EC-CNI-003", ERROR, "the VPC CNI is too old for prefix delegation"),
    entry("EC-CNI-004", ERROR, "aws-node belongs to Helm or GitOps"),
    entry("EC-CNI-005", ERROR, "ENI_CONFIG_ANNOTATION_DEF is set"),
    entry("EC-CNI-006", ERROR, "the add-on's configurationValues can't be merged"),
    entry("EC-CNI-007", WARNING, "the add-on is not healthy"),
    entry("EC-CNI-008", ERROR_OR_NOTE, "another field manager owns a variable of aws-node"),
    entry("EC-CNI-009", WARNING, "the VPC CNI has a bug that affects custom networking"),
    entry("EC-CNI-010", WARNING, "the ENIConfig CRD has no schema and another owner"),
    risk("EC-CNI-011", WARNING, "live nodes would use another ENIConfig"),
    entry("EC-CNI-020", ERROR_OR_WARNING, "tags exclude a pod subnet"),
    entry("EC-CNI-025", ERROR, "aws-node's updateStrategy is OnDelete"),
    entry("EC-DRN-001", ERROR, "no such node"),
    entry("EC-DRN-002", ERROR, "no such node group"),
    entry("EC-DRN-003", ERROR, "no node matches the selection"),
    entry("EC-DRN-004", ERROR, "a selected node is not an old node"),
    entry("EC-DRN-005", ERROR, "a deadline is shorter than a grace period"),
    entry("EC-DRN-006", ERROR, "--disable-eviction is not confirmed"),
    entry("EC-ENI-001", ERROR, "an ENIConfig names another subnet"),
    entry("EC-ENI-002", ERROR, "an ENIConfig has other security groups"),
    entry("EC-ENI-003", ERROR, "no node would use the ENIConfig"),
    entry("EC-ENI-004", WARNING, "a node label names its ENIConfig"),
    entry("EC-ENI-005", ERROR, "an ENIConfig belongs to Helm, GitOps or Terraform"),
    entry("EC-IAM-001", ERROR_OR_WARNING, "permissions are missing"),
    entry("EC-IAM-002", NOTE, "permissions that could not be checked"),
    entry("EC-NET-001", ERROR, "no block of 100.64.0.0/10 is free"),
    entry("EC-NET-002", ERROR, "the pod subnets don't fit"),
    entry("EC-NET-003", ERROR, "AWS would reject the CIDR block"),
    entry("EC-NET-004", ERROR, "a zone without nodes"),
    entry("EC-NET-005", ERROR, "a subnet of another VPC"),
    entry("EC-NET-006", ERROR, "a subnet of another zone"),
    entry("EC-NET-007", ERROR, "a subnet of the nodes' own CIDR block"),
    entry("EC-NET-008", ERROR, "the route table is ambiguous"),
    risk("EC-NET-009", WARNING, "a pod subnet is public"),
    entry("EC-NET-010", ERROR, "too few addresses for pods"),
    entry("EC-NET-011", ERROR, "too few addresses for new nodes"),
    entry("EC-NET-012", ERROR, "another account owns the VPC"),
    entry("EC-NET-013", ERROR_OR_WARNING, "pod subnets in the nodes' secondary block"),
    risk("EC-NET-014", ERROR_OR_WARNING, "nodes on an Outpost, in a Local Zone or a Wavelength Zone"),
    entry("EC-NET-015", NOTE, "internal load balancers may be placed in pod subnets"),
    entry("EC-NET-016", WARNING, "a pod subnet on the main route table has no route out"),
    entry("EC-NOD-001", ERROR, "no such instance type"),
    entry("EC-NOD-002", ERROR, "the instance type has no interface for pods"),
    entry("EC-NOD-003", ERROR, "no instance type is known"),
    entry("EC-NOD-004", ERROR, "image and instance type have different architectures"),
    entry("EC-NOD-005", ERROR, "no image"),
    entry("EC-NOD-006", ERROR, "no service CIDR"),
    entry("EC-NOD-007", ERROR, "a stack with this name is not managed by eni-custom"),
    entry("EC-NOD-008", ERROR, "a stack rollback failed"),
    entry("EC-NOD-009", NOTE, "Windows nodes are not changed"),
    entry("EC-NOD-010", NOTE, "Fargate nodes are not changed"),
    entry("EC-NOD-011", NOTE, "hybrid nodes are not changed"),
    risk("EC-NOD-012", WARNING, "Karpenter would give nodes too many pods"),
    entry("EC-NOD-013", WARNING, "an autoscaler may start nodes during the migration"),
    entry("EC-NOD-014", NOTE, "more hostNetwork pods than max pods assumes"),
    entry("EC-NOD-015", WARNING, "managed node groups that you keep start nodes with too many pods"),
    entry("EC-NOD-016", WARNING, "an Auto Scaling group without the cluster's tag"),
    entry("EC-NOD-017", WARNING, "a managed node group is not ACTIVE"),
    entry("EC-NOD-018", WARNING, "an old group has a warm pool"),
    entry("EC-NOD-019", NOTE, "lifecycle hooks delay the termination of nodes"),
    risk("EC-NOD-020", WARNING, "max pods of Karpenter's nodes is unknown"),
    risk("EC-NOD-021", WARNING, "Karpenter's maxPods is above the addresses of an instance type"),
    entry("EC-NOD-022", ERROR, "Karpenter would start nodes in a pod subnet"),
    risk("EC-NOD-025", WARNING, "an image without drivers for accelerators"),
    entry("EC-NOD-028", WARNING, "nodes that stopped reporting"),
    entry("EC-NOD-029", WARNING, "Node objects without an instance"),
    entry("EC-NOD-030", WARNING, "nodes that are not Ready"),
    risk("EC-NOD-040", WARNING, "aws-auth belongs to Helm, GitOps or Terraform"),
    entry("EC-NOD-041", ERROR, "aws-auth can't be edited"),
    entry("EC-PLN-001", ERROR, "the changes differ from the plan"),
    entry("EC-PLN-002", ERROR, "the cluster has changed since the plan"),
    entry("EC-POD-001", ERROR, "bare pods (no controller would recreate them)"),
    entry("EC-POD-002", ERROR, "data in emptyDir or ephemeral volumes"),
    entry("EC-POD-003", ERROR, "old nodes that belong to no group"),
    entry("EC-POD-004", ERROR, "pods under two budgets"),
    entry("EC-POD-005", ERROR, "a budget that allows no disruption"),
    entry("EC-POD-006", ERROR, "a budget that requires its only pod"),
    entry("EC-POD-007", ERROR, "unhealthy pods that their budget protects"),
    entry("EC-POD-008", ERROR, "a budget that expects no pods"),
    entry("EC-POD-009", WARNING, "a budget that allows no disruptions right now"),
    risk("EC-POD-010", ERROR_OR_WARNING, "pods that can't run on any new node"),
    risk("EC-POD-011", ERROR_OR_WARNING, "pods that don't fit on the new nodes"),
    risk("EC-POD-012", WARNING, "the only pod behind a webhook with failurePolicy Fail"),
    entry("EC-POD-013", NOTE, "evictions are intercepted"),
    entry("EC-POD-014", ERROR, "a budget whose status can't be computed"),
    entry("EC-POD-015", WARNING, "pods that have been terminating since before the run"),
    entry("EC-POD-016", WARNING, "pods on nodes that are not Ready"),
    entry("EC-POD-017", ERROR, "data on the node's disk"),
    entry("EC-POD-018", ERROR, "claims on a node's disk that would not be recreated"),
    entry("EC-POD-019", NOTE, "load balancers forward to nodes that are drained"),
    entry("EC-POD-020", ERROR, "a second replica that could not become Ready or would be removed"),
    entry("EC-QTA-001", ERROR, "quota of subnets"),
    entry("EC-QTA-002", ERROR, "quota of security groups per network interface"),
    entry("EC-QTA-003", ERROR, "quota of vCPUs"),
    entry("EC-QTA-004", ERROR, "quota of network interfaces"),
    entry("EC-QTA-005", ERROR, "quota of rules per security group"),
    entry("EC-QTA-006", ERROR, "quota of CloudFormation stacks"),
    entry("EC-QTA-010", WARNING, "other interfaces use addresses of the pod subnet"),
    entry("EC-QTA-011", WARNING, "the pod subnet is too small for the maximum size"),
    entry("EC-QTA-012", WARNING, "prefixes may not fit"),
    entry("EC-QTA-013", WARNING, "the node subnet is too small for the maximum size"),
    entry("EC-RCH-001", ERROR_OR_WARNING, "pods could not reach the API server"),
    entry("EC-RCH-002", ERROR, "pods could not reach CoreDNS"),
    entry("EC-RCH-003", ERROR, "new nodes could not reach the API server"),
    entry("EC-RCH-004", WARNING, "kubelets could not be reached"),
    entry("EC-RCH-005", ERROR_OR_WARNING, "the API server could not call a webhook"),
    entry("EC-RCH-006", WARNING, "pods could no longer reach each other"),
    entry("EC-RCH-007", ERROR, "EXTERNALSNAT without a route to the internet"),
    entry("EC-RCH-008", WARNING, "a security group rule allows only the nodes' addresses"),
    entry("EC-RCH-009", WARNING, "a network ACL allows only the nodes' addresses"),
    entry("EC-RCH-010", WARNING, "a peer has no route to the new block"),
    entry("EC-RCH-011", WARNING, "the API server may not reach the new block for up to an hour"),
    entry("EC-RCH-012", NOTE, "reachability that could not be determined"),
    entry("EC-RCH-013", ERROR, "no such security group"),
    entry("EC-RCH-014", WARNING, "a pod subnet lacks routes of its nodes' subnet"),
    entry("EC-RCH-015", WARNING, "a NetworkPolicy allows only the nodes' addresses"),
    entry("EC-RCH-016", WARNING, "the AWS Load Balancer Controller could not register pods"),
    risk("EC-RCH-017", WARNING_OR_NOTE, "a security group allows nodes but not pods"),
    entry("EC-RUN-001", ERROR, "a step depends on another step"),
    entry("EC-RUN-002", NOTE, "optional facts that could not be read"),
    entry("EC-SHO-001", NOTE, "alternatives for a shortage of addresses"),
    entry("EC-UND-001", ERROR, "nothing to undo"),
    entry("EC-UND-002", ERROR_OR_WARNING, "the record of the state before setup is missing"),
    entry("EC-UND-003", ERROR, "old nodes would start with custom networking on"),
    entry("EC-UND-004", WARNING, "replacement node groups are created for old node groups"),
    entry("EC-UND-005", ERROR, "pods that don't fit on the old nodes"),
    entry("EC-UND-006", WARNING, "foreign interfaces in the pod subnets"),
    entry("EC-UND-007", WARNING, "foreign ENIConfigs name subnets that undo deletes"),
    entry("EC-UND-008", ERROR_OR_WARNING, "the image of an old node group no longer exists"),
    risk("EC-UND-009", WARNING, "the record was edited"),
    entry("EC-UND-010", ERROR, "old nodes could not start"),
    risk("EC-UND-011", WARNING, "old node groups can't be replaced"),
    entry("EC-UND-012", ERROR, "the add-on's configurationValues can't be restored"),
    entry("EC-UND-015", WARNING, "a managed node group is not ACTIVE"),
    entry("EC-UND-019", WARNING, "aws-node may not start without custom networking"),
];

/// The entry of an id.
pub fn entry_of(id: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.id == id)
}

/// The documentation of an id, relative to the repository's root.
pub fn link(id: &str) -> String {
    format!("docs/checks.md#{}", id.to_lowercase())
}

/// The id that `--accept` names.
///
/// # Errors
/// The id is unknown, or it can't be or need not be accepted.
pub fn acceptable(text: &str) -> Result<&'static str, String> {
    let id = text.trim().to_uppercase();
    let entry = entry_of(&id).ok_or_else(|| format!("there is no issue '{text}'"))?;
    if entry.severities.contains(&Severity::Warning) {
        return Ok(entry.id);
    }
    let (kind, what) = match entry.severities.contains(&Severity::Error) {
        true => ("an error", "it must be fixed and can't be accepted"),
        false => ("a note", "it does not stop the run, so it needs no acceptance"),
    };
    Err(format!("{id} ({}) is {kind}: {what}", entry.title))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use crate::layers::sources;

    use super::*;

    /// Every issue id in a text.
    fn ids(text: &str) -> BTreeSet<String> {
        let is_id = |id: &str| {
            let parts: Vec<&str> = id.split('-').collect();
            let [_, area, number] = parts[..] else { return false };
            area.bytes().all(|b| b.is_ascii_uppercase()) && number.bytes().all(|b| b.is_ascii_digit())
        };
        let found = text.match_indices("EC-").filter_map(|(at, _)| text.get(at..at + "EC-NET-003".len()));
        found.filter(|id| is_id(id)).map(ToString::to_string).collect()
    }

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    #[test]
    fn the_table_has_exactly_the_ids_of_the_source() {
        let mut files = sources(&root().join("src"));
        files.retain(|path| !path.ends_with("issue/registry.rs"));
        let used: BTreeSet<String> =
            files.iter().flat_map(|path| ids(&fs::read_to_string(path).unwrap())).collect();
        // The ids of verify and doctor are not registered; only docs/checks.md explains them.
        let is_report = |id: &String| id.starts_with("EC-VFY") || id.starts_with("EC-DOC");
        let (reports, used): (BTreeSet<String>, BTreeSet<String>) = used.into_iter().partition(is_report);
        let docs = fs::read_to_string(root().join("docs/checks.md")).unwrap();
        let anchor = |id: &String| format!("<a id=\"{}\"></a>", id.to_lowercase());
        assert_eq!(reports.iter().find(|id| !docs.contains(&anchor(id))), None, "docs/checks.md lacks it");
        let known: BTreeSet<String> = ALL.iter().map(|entry| entry.id.to_string()).collect();
        assert_eq!(used.difference(&known).collect::<Vec<_>>(), [""; 0], "used, but not in the table");
        assert_eq!(known.difference(&used).collect::<Vec<_>>(), [""; 0], "in the table, but not used");
    }

    #[test]
    fn ids_are_unique_and_in_order() {
        assert!(ALL.is_sorted_by(|one, next| one.id < next.id));
    }

    #[test]
    fn every_id_is_explained_at_its_link() {
        let docs = fs::read_to_string(root().join("docs/checks.md")).unwrap();
        for entry in ALL {
            let names: Vec<&str> = entry
                .severities
                .iter()
                .map(|severity| match severity {
                    Severity::Error => "error",
                    Severity::Warning if entry.risk => "risk",
                    Severity::Warning => "warning",
                    Severity::Note => "note",
                    Severity::Unknown => "unknown",
                    Severity::Passed => "passed",
                })
                .collect();
            let row = format!(
                "| <a id=\"{}\"></a>{} | {} |",
                entry.id.to_lowercase(),
                entry.id,
                names.join(" or ")
            );
            assert!(docs.contains(&row), "docs/checks.md lacks: {row} meaning | fix |");
        }
    }

    /// Each field failure has a row with at least one check.
    #[test]
    fn every_field_failure_has_a_check() {
        let docs = fs::read_to_string(root().join("docs/checks.md")).unwrap();
        let table = docs.split("## Field failures").nth(1).unwrap();
        let rows: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split('|').map(str::trim).collect())
            .filter(|cells: &Vec<&str>| cells.get(1).is_some_and(|number| number.parse::<u32>().is_ok()))
            .collect();
        let numbers: Vec<u32> = rows.iter().map(|cells| cells[1].parse().unwrap()).collect();
        assert!(numbers.len() >= 32 && numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        for cells in rows {
            let reported_by = ids(cells[4]);
            assert!(!reported_by.is_empty(), "no check reports {}", cells[2]);
            let unexplained = |id: &&String| !docs.contains(&format!("<a id=\"{}\"></a>", id.to_lowercase()));
            assert_eq!(reported_by.iter().find(unexplained), None, "of {}", cells[2]);
        }
    }

    /// The code and the documentation list the same bugs of the CNI.
    #[test]
    fn the_documented_bugs_of_the_cni_are_those_in_the_code() {
        let docs = fs::read_to_string(root().join("docs/checks.md")).unwrap();
        let table = docs.split("## Bugs of the VPC CNI").nth(1).unwrap().split("\n## ").next().unwrap();
        for bug in crate::cni_bugs::BUGS {
            let row = format!("| {} | {} | {} |", bug.issue, bug.from, bug.fixed);
            assert!(table.contains(&row), "docs/checks.md lacks: {row}");
        }
        let rows = table
            .lines()
            .filter(|line| line.starts_with("| ") && !line.starts_with("| #") && !line.starts_with("| -"));
        assert_eq!(rows.count(), crate::cni_bugs::BUGS.len());
    }

    #[test]
    fn only_warnings_can_be_accepted() {
        assert_eq!(acceptable("ec-net-009"), Ok("EC-NET-009"));
        assert_eq!(acceptable("EC-POD-011"), Ok("EC-POD-011"), "an error on some clusters only");
        assert!(acceptable("EC-NET-003").unwrap_err().contains("must be fixed"));
        assert!(acceptable("EC-NOD-009").unwrap_err().contains("needs no acceptance"));
        assert!(acceptable("EC-NET-999").unwrap_err().contains("no issue"));
    }
}
