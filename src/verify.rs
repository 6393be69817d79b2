//! Whether custom networking is really so, from what the cluster and AWS say now. It rests on no record and no tag
//! of this program's: a cluster that was set up by hand is proven as well. Pure.

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

pub use expected::Expected;
pub use report::{Report, Section, may_still_come};
pub use workloads::Before;

use crate::facts::{Facts, Node};
use crate::issue::Issue;
use view::View;

/// Looks at everything. `expected` is what a run has just done; nothing of it is needed.
pub fn verify(facts: &Facts, expected: &Expected) -> Report {
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
        return report.with(Section::new("cluster", vec![check]));
    }
    let report = report.with(Section::new("aws-node", aws_node::checks(&view)));
    // While it is off no node looks for an ENIConfig, and there is nothing more to prove.
    if !view.on {
        return report;
    }
    report
        .with(Section::new("ENIConfigs", eniconfigs::checks(&view)))
        .with(Section::new("routes", routes::checks(&view)))
        .with(Section::new("nodes", nodes::checks(&view)))
        .with(Section::new("pods", pods::checks(&view)))
        .with(Section::new("workloads", workloads::checks(&view)))
        .with(Section::new("leftovers", leftovers::checks(&view)))
}

/// Nodes whose pods stand where their ENIConfig says.
pub fn nodes_for_pods(facts: &Facts) -> Vec<&Node> {
    let expected = Expected::default();
    let view = View::of(facts, &expected);
    let fit = view.new_nodes().filter(|node| view.on && !node.node.interfaces.is_empty());
    let names: BTreeSet<&str> = fit.map(|node| node.node.name.as_str()).collect();
    facts.nodes.iter().filter(|node| names.contains(node.name.as_str())).collect()
}

/// A cluster that has no custom networking of this kind.
fn cluster(facts: &Facts) -> Option<Issue> {
    let (id, why, fix) = match (facts.cluster.auto_mode, facts.cluster.ipv6) {
        (true, _) => (
            "EC-VFY-008",
            "EKS Auto Mode runs no aws-node; its nodes take pods' subnets from their NodeClass",
            "kubectl get nodeclass -o yaml: podSubnetSelectorTerms",
        ),
        (_, true) => (
            "EC-VFY-009",
            "pods of an IPv6 cluster take IPv6 addresses, which no ENIConfig decides",
            "nothing: IPv6 has addresses enough",
        ),
        _ => return None,
    };
    Some(
        Issue::error(id, "custom networking is not for this cluster")
            .at(&facts.cluster.arn)
            .why(why)
            .fix(fix),
    )
}

#[cfg(test)]
mod tests;
