//! Checks whether custom networking works, from the current state of the cluster and AWS. It uses no record and no tag
//! of eni-custom, so it also checks clusters that were set up by hand. Pure.

mod aws_node;
mod bugs;
mod eniconfigs;
mod expected;
mod leftovers;
mod nodes;
mod pods;
mod report;
mod routes;
mod view;
mod workloads;

use std::collections::BTreeSet;

pub(crate) use expected::Expected;
pub(crate) use report::{Report, ReportSection, may_resolve_itself};
pub(crate) use workloads::Before;

use crate::facts::{Facts, Node};
use crate::issue::{Issue, id};
use view::View;

/// Runs all checks. `expected` is what a run has just done; it may be empty.
pub(crate) fn verify(facts: &Facts, expected: &Expected) -> Report {
    let view = View::of(facts, expected);
    let report = Report {
        format_version: 2,
        cluster: facts.cluster.arn.clone(),
        account: facts.caller.account.clone(),
        region: facts.caller.region.clone(),
        proven: true,
        sections: Vec::new(),
    };
    if let Some(check) = cluster(facts) {
        return report.with(ReportSection::new("cluster", vec![check]));
    }
    let report = report.with(ReportSection::new("aws-node", aws_node::checks(&view)));
    // With custom networking off no node looks for an ENIConfig: there is nothing more to check.
    if !view.on {
        return report;
    }
    report
        .with(ReportSection::new("ENIConfigs", eniconfigs::checks(&view)))
        .with(ReportSection::new("routes", routes::checks(&view)))
        .with(ReportSection::new("nodes", nodes::checks(&view)))
        .with(ReportSection::new("pods", pods::checks(&view)))
        .with(ReportSection::new("workloads", workloads::checks(&view)))
        .with(ReportSection::new("leftovers", leftovers::checks(&view)))
}

/// Nodes whose pods have addresses from their ENIConfig's subnet.
pub(crate) fn nodes_for_pods(facts: &Facts) -> Vec<&Node> {
    let expected = Expected::default();
    let view = View::of(facts, &expected);
    let fit = view.new_nodes().filter(|node| view.on && !node.node.interfaces.is_empty());
    let names: BTreeSet<&str> = fit.map(|node| node.node.name.as_str()).collect();
    facts.nodes.iter().filter(|node| names.contains(node.name.as_str())).collect()
}

/// Clusters where custom networking does not apply: EKS Auto Mode and IPv6.
fn cluster(facts: &Facts) -> Option<Issue> {
    let (id, why, fix) = match (facts.cluster.auto_mode, facts.cluster.ipv6) {
        (true, _) => (
            id::VFY_008,
            "EKS Auto Mode does not run aws-node; the NodeClass sets the pods' subnets",
            "kubectl get nodeclass -o yaml # see podSubnetSelectorTerms",
        ),
        (_, true) => (
            id::VFY_009,
            "pods in an IPv6 cluster get IPv6 addresses; ENIConfigs do not apply to them",
            "nothing to fix: IPv6 has enough addresses",
        ),
        _ => return None,
    };
    Some(
        Issue::error(id, "custom networking does not apply to this cluster")
            .at(&facts.cluster.arn)
            .why(why)
            .fix(fix),
    )
}

#[cfg(test)]
mod tests;
