//! What was found in a cluster, on one screen of at most 22 lines.

use std::fmt::Write as _;

use console::{Style, truncate_str};

use crate::found::{Found, FoundGroup, ZoneAddresses};
use crate::text::{counted, first_of, plural};

/// Lines are at most as wide as the terminal, within these limits.
const WIDTH: std::ops::RangeInclusive<usize> = 40..=100;
/// The widest bar, and the narrowest that still shows something.
const BAR: std::ops::RangeInclusive<usize> = 6..=20;
/// Rows of a list; the others are counted.
const ROWS: usize = 5;

pub(super) fn text(found: &Found, columns: usize, color: bool, ascii: bool) -> String {
    let columns = columns.clamp(*WIDTH.start(), *WIDTH.end());
    let mut out = String::new();
    let style = || Style::new().force_styling(color);
    let mut line = |label: &str, value: String| {
        let value = truncate_str(&value, columns - 11, if ascii { "..." } else { "…" }).into_owned();
        let _ = writeln!(out, "  {}{value}", style().dim().apply_to(format!("{label:9}")));
    };
    line("cluster", format!("{}, Kubernetes {}, {}", found.cluster, found.version, found.region));
    line("account", format!("{} as {}", found.account, caller(&found.caller)));
    line("VPC", format!("{} with {}", found.vpc, found.blocks.join(", ")));
    line("CNI", found.cni.clone());
    if !found.autoscalers.is_empty() {
        line("scaling", found.autoscalers.join(", "));
    }
    out.push('\n');
    let name_width = found.zones.iter().map(|zone| zone.zone.len() + 2).max().unwrap_or_default();
    for zone in found.zones.iter().take(ROWS) {
        let long = format!("{} of {} used, {} free", zone.used, counted(zone.of, "address"), zone.free());
        let room = columns.saturating_sub(4 + name_width);
        let fits = long.len() + BAR.start() <= room;
        let text = if fits { long } else { format!("{} of {} used", zone.used, zone.of) };
        let width = room.saturating_sub(text.len()).clamp(*BAR.start(), *BAR.end());
        let bar = bar(zone, width, ascii);
        let bar = if zone.short { style().yellow().apply_to(bar) } else { style().green().apply_to(bar) };
        let _ = writeln!(out, "  {:name_width$}{bar}  {text}", zone.zone);
    }
    if let Some(more) = found.zones.len().checked_sub(ROWS).filter(|more| *more > 0) {
        let _ = writeln!(out, "  and {more} more {}", plural(more, "zone"));
    }
    out.push('\n');
    let shown = found.groups.len().min(ROWS);
    for group in &found.groups[..shown] {
        let row = row(group);
        let _ = writeln!(out, "  {}", truncate_str(&row, columns - 2, if ascii { "..." } else { "…" }));
    }
    if let Some(more) = found.groups.len().checked_sub(ROWS).filter(|more| *more > 0) {
        let _ = writeln!(out, "  and {more} more {}", plural(more, "node group"));
    }
    if let Some(remark) = remark(found) {
        let _ = writeln!(out, "\n  {}", style().bold().apply_to(remark));
    }
    out
}

/// The part of an ARN that a person recognizes: `user/admin`, `assumed-role/ops/ann`.
fn caller(arn: &str) -> &str {
    arn.splitn(6, ':').last().unwrap_or(arn)
}

fn bar(zone: &ZoneAddresses, width: usize, ascii: bool) -> String {
    // Anything used shows, and anything free too.
    let filled = match (zone.used, zone.free()) {
        (0, _) => 0,
        (_, 0) => width,
        (used, _) => (used as usize * width / zone.of.max(1) as usize).clamp(1, width - 1),
    };
    let (full, empty) = if ascii { ("#", ".") } else { ("█", "░") };
    full.repeat(filled) + &empty.repeat(width - filled)
}

/// `6 nodes  m5.large  us-west-2a, us-west-2b  managed node group web`
fn row(group: &FoundGroup) -> String {
    let types: Vec<String> = group.types.iter().cloned().collect();
    let zones: Vec<String> = group.zones.iter().cloned().collect();
    let short = |names: &[String]| first_of(&names[..names.len().min(3)], names.len());
    let ours = if group.ours { ", new" } else { "" };
    format!("{:9} {}  {}  {}{ours}", counted(group.nodes, "node"), short(&types), short(&zones), group.owner)
}

/// What stands out.
fn remark(found: &Found) -> Option<String> {
    if found.is_on {
        return Some("Custom networking is already enabled; setup completes what is left.".into());
    }
    let short: Vec<String> =
        found.zones.iter().filter(|zone| zone.short).map(|zone| zone.zone.clone()).collect();
    let free: u32 = found.zones.iter().filter(|zone| zone.short).map(ZoneAddresses::free).min()?;
    Some(format!("Short of addresses in {} in about {}.", short.join(", "), counted(free, "more pod")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn zone(name: &str, used: u32, of: u32) -> ZoneAddresses {
        ZoneAddresses { zone: name.into(), used, of, short: of - used < of / 10 }
    }

    fn group(owner: &str, nodes: usize) -> FoundGroup {
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        FoundGroup {
            owner: owner.into(),
            nodes,
            types: set(&["m5.large"]),
            zones: set(&["us-west-2a", "us-west-2b"]),
            ours: false,
        }
    }

    fn found() -> Found {
        Found {
            cluster: "payments-production".into(),
            version: "1.34".into(),
            region: "us-west-2".into(),
            account: "123456789012".into(),
            caller: "arn:aws:sts::123456789012:assumed-role/platform-admin/ann@example.com".into(),
            vpc: "vpc-0123456789abcdef0".into(),
            blocks: vec!["10.0.0.0/16".into(), "100.64.0.0/16".into()],
            zones: vec![
                zone("us-west-2a", 211, 251),
                zone("us-west-2b", 240, 251),
                zone("us-west-2c", 0, 251),
            ],
            groups: vec![group("managed node group web", 6), group("Karpenter", 1)],
            cni: "VPC CNI v1.20.4, settings owned by EKS add-on vpc-cni".into(),
            is_on: false,
            autoscalers: vec!["Karpenter 1.13.0".into()],
        }
    }

    #[test]
    fn the_screen_shows_addresses_groups_and_what_stands_out() {
        insta::assert_snapshot!("found", text(&found(), 80, false, false));
        insta::assert_snapshot!("found-ascii", text(&found(), 80, false, true));
    }

    #[test]
    fn a_large_cluster_still_fits_a_small_terminal() {
        let mut large = found();
        large.zones = (0..12).map(|at| zone(&format!("us-east-1-wl1-bos-wlz-{at}"), at, 4091)).collect();
        large.groups =
            (0..40).map(|at| group(&format!("Auto Scaling group {at}-{}", "x".repeat(90)), at)).collect();
        large.blocks = (0..9).map(|at| format!("10.{at}.0.0/16")).collect();
        for columns in [60, 80, 200] {
            let text = text(&large, columns, false, false);
            assert!(text.lines().count() <= 22, "{}", text.lines().count());
            let fits = |line: &str| console::measure_text_width(line) <= columns;
            assert!(text.lines().all(fits), "{columns}:\n{text}");
        }
    }

    #[test]
    fn a_bar_shows_the_first_address_used_and_the_last_one_free() {
        let filled = |used, of| bar(&zone("a", used, of), 20, true).matches('#').count();
        assert_eq!(
            [filled(0, 100), filled(1, 100), filled(50, 100), filled(99, 100), filled(100, 100)],
            [0, 1, 10, 19, 20]
        );
    }
}
