//! The outlook of a plan as text: each zone before and after, the time, and the instances needed meanwhile.

use std::fmt::Write as _;

use crate::plan::outlook::Shift;
use crate::plan::{Outlook, Passage, SubnetOutlook};
use crate::text::{about, counted, subject};

/// What each column shows.
pub(super) const HEAD: [&str; 6] =
    ["zone", "nodes", "pod capacity", "pods to move", "free node addresses", "free pod addresses"];

/// A row for each zone, with `arrow` between before and after.
pub(super) fn rows<'a>(outlook: &'a Outlook, arrow: &'a str) -> impl Iterator<Item = [String; 6]> + 'a {
    let free = move |subnet: &Option<SubnetOutlook>| match subnet {
        None => "?".to_string(),
        Some(subnet) => match subnet.free_before {
            Some(before) => format!("{before} {arrow} {}", subnet.free_after),
            None => format!("new, {}", subnet.free_after),
        },
    };
    let shift = move |shift: &Shift| format!("{} {arrow} {}", shift.before, shift.after);
    outlook.zones.iter().map(move |zone| {
        [
            zone.zone.clone(),
            shift(&zone.nodes),
            shift(&zone.pod_capacity),
            zone.pods_to_move.to_string(),
            free(&zone.node_subnet),
            free(&zone.pod_subnet),
        ]
    })
}

/// The instances that run during the migration and afterwards.
pub(super) fn instances(outlook: &Outlook) -> String {
    let more = |passage: &Passage| passage.meanwhile - passage.before;
    let vcpus = match &outlook.vcpus {
        Some(vcpus) => format!(" with {} ({} more)", counted(vcpus.meanwhile, "vCPU"), more(vcpus)),
        None => String::new(),
    };
    format!(
        "During the migration {} ({} more){vcpus}; afterwards {}.",
        subject(outlook.instances.meanwhile, "instance", "runs", "run"),
        more(&outlook.instances),
        outlook.instances.after
    )
}

/// The state before and after by zone, the time, and the instances needed.
pub(super) fn text(outlook: &Outlook) -> String {
    let mut rows: Vec<[String; 6]> = vec![HEAD.map(ToString::to_string)];
    rows.extend(self::rows(outlook, "->"));
    let mut out = String::from("\n");
    for row in &rows {
        let cells = row.iter().enumerate().map(|(at, cell)| {
            let width = rows.iter().map(|row| row[at].len()).max().unwrap_or_default();
            format!("{cell:width$}")
        });
        let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    let _ = writeln!(out, "About {}. {}", about(outlook.estimated_seconds), instances(outlook));
    out
}
