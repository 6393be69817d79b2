//! The outlook of a plan as text: each zone before and after, the time, and the instances needed meanwhile.

use std::fmt::Write as _;

use crate::plan::{Outlook, Passage, SubnetOutlook};
use crate::text::{about, counted, subject};

/// The state before and after by zone, the time, and the instances needed.
pub(super) fn text(outlook: &Outlook) -> String {
    let mut rows = vec![
        ["zone", "nodes", "pod capacity", "pods to move", "free node addresses", "free pod addresses"]
            .map(ToString::to_string),
    ];
    for zone in &outlook.zones {
        let free = |subnet: &Option<SubnetOutlook>| match subnet {
            None => "?".to_string(),
            Some(subnet) => match subnet.free_before {
                Some(before) => format!("{before} -> {}", subnet.free_after),
                None => format!("new, {}", subnet.free_after),
            },
        };
        rows.push([
            zone.zone.clone(),
            format!("{} -> {}", zone.nodes.before, zone.nodes.after),
            format!("{} -> {}", zone.pod_capacity.before, zone.pod_capacity.after),
            zone.pods_to_move.to_string(),
            free(&zone.node_subnet),
            free(&zone.pod_subnet),
        ]);
    }
    let mut out = String::from("\n");
    for row in &rows {
        let cells = row.iter().enumerate().map(|(at, cell)| {
            let width = rows.iter().map(|row| row[at].len()).max().unwrap_or_default();
            format!("{cell:width$}")
        });
        let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    let more = |passage: &Passage| passage.meanwhile - passage.before;
    let vcpus = match &outlook.vcpus {
        Some(vcpus) => format!(" with {} ({} more)", counted(vcpus.meanwhile, "vCPU"), more(vcpus)),
        None => String::new(),
    };
    let _ = writeln!(
        out,
        "About {}. During the migration {} ({} more){vcpus}; afterwards {}.",
        about(outlook.estimated_seconds),
        subject(outlook.instances.meanwhile, "instance", "runs", "run"),
        more(&outlook.instances),
        outlook.instances.after
    );
    out
}
