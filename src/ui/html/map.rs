//! The address map: strips of the VPC's blocks, and a bar for each subnet, with the same numbers as text beside it.

use ipnet::Ipv4Net;
use maud::{Markup, html};

use crate::plan::{Outlook, ZoneOutlook};
use crate::text::{counted, part, plural};

use super::addresses::{AddressMap, BlockMap, Role, SubnetMap, ZoneMap};
use super::{number, shift};

/// The hatchings of what changes, so that no meaning is in a color alone.
pub(super) fn patterns() -> Markup {
    let hatch = |name: &str| {
        html! {
            pattern id={ "hatch-" (name) } class={ "hatch " (name) } width="5" height="5"
                patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect width="5" height="5" {}
                line x1="0" y1="0" x2="0" y2="5" {}
            }
        }
    };
    html! {
        svg.hidden width="0" height="0" aria-hidden="true" focusable="false" {
            defs { @for name in ["nodes", "pods", "released"] { (hatch(name)) } }
        }
    }
}

pub(super) fn section(map: &AddressMap, outlook: Option<&Outlook>) -> Markup {
    let of_zone = |zone: &ZoneMap| outlook.and_then(|all| all.zones.iter().find(|one| one.zone == zone.zone));
    html! {
        section #addresses {
            div.title {
                h2 { "Addresses" }
                (legend(map.is_planned))
            }
            div.panel {
                h3 { "VPC " code { (map.vpc) } }
                div.blocks { @for block in &map.blocks { (strip(block)) } }
            }
            div.panel {
                table.subnets {
                    (head())
                    @for zone in &map.zones { (zone_rows(zone, of_zone(zone), map.is_planned)) }
                }
                @if !map.others.is_empty() {
                    details {
                        summary { (counted(map.others.len(), "other subnet")) " of the VPC" }
                        table.subnets {
                            (head())
                            tbody { @for subnet in &map.others { (row(subnet, map.is_planned)) } }
                        }
                    }
                }
            }
        }
    }
}

fn legend(is_planned: bool) -> Markup {
    let key = |class: &str, text: &str| {
        html! {
            li {
                svg.key width="14" height="10" aria-hidden="true" { rect class=(class) width="100%" height="100%" {} }
                (text)
            }
        }
    };
    html! {
        ul.legend {
            (key("fill nodes", "nodes"))
            (key("fill pods", "pods"))
            @if is_planned {
                (key("hatched pods", "new"))
                (key("hatched released", "released"))
            }
            (key("tint nodes", "free"))
        }
    }
}

/// Where in its block a subnet begins and how wide it is, in percent.
fn place(block: Ipv4Net, subnet: Ipv4Net) -> (f64, f64) {
    let size = |net: Ipv4Net| 2_f64.powi(32 - i32::from(net.prefix_len()));
    let begin = f64::from(u32::from(subnet.network()) - u32::from(block.network()));
    (100.0 * begin / size(block), 100.0 * size(subnet) / size(block))
}

fn percent(value: f64) -> String {
    format!("{value:.2}%")
}

/// A block of the VPC as a strip, with each subnet where it is in the block.
fn strip(block: &BlockMap) -> Markup {
    let kind = match (block.is_new, block.is_primary) {
        (true, _) => "to be associated",
        (false, true) => "primary",
        (false, false) => "secondary",
    };
    let count = |role: Role| block.subnets.iter().filter(|subnet| subnet.role == role).count();
    let roles = [Role::Nodes, Role::Pods, Role::Other].map(|role| (count(role), role.name()));
    let roles = roles.iter().filter(|(count, _)| *count > 0);
    let roles: Vec<String> = roles.map(|(count, name)| format!("{count} {name}")).collect();
    let subnets = match block.subnets.len() {
        0 => "no subnets".to_string(),
        count => format!("{} ({})", counted(count, "subnet"), roles.join(", ")),
    };
    html! {
        div.block {
            div.line {
                code { (block.cidr) }
                span.chip.new[block.is_new] { (kind) }
                span.dim { (subnets) }
            }
            svg.strip role="img" aria-label={ "VPC block " (block.cidr) ", " (kind) ": " (subnets) } {
                rect.free width="100%" height="100%" {}
                @for subnet in &block.subnets { (cell(block, subnet)) }
            }
        }
    }
}

/// A subnet in the strip of its block: how much of it is used, and its zone where there is space for it.
fn cell(block: &BlockMap, subnet: &SubnetMap) -> Markup {
    const LABELLED: f64 = 9.0;
    let (begin, width) = place(block.cidr, subnet.cidr);
    let role = subnet.role.name();
    let used = f64::from(subnet.used) / f64::from(subnet.addresses.max(1));
    html! {
        svg x=(percent(begin)) width=(percent(width)) height="100%" {
            title { (subnet.cidr) ", " (role) ", " (subnet.zone) }
            @if subnet.id.is_none() {
                rect class={ "hatched " (role) } width="100%" height="100%" {}
            } @else {
                rect class={ "tint " (role) } width="100%" height="100%" {}
                rect class={ "fill " (role) } width=(percent(100.0 * used)) height="100%" {}
            }
            rect.edge width="100%" height="100%" {}
            @if width >= LABELLED { text x="50%" y="15" { (subnet.zone) } }
        }
    }
}

fn head() -> Markup {
    html! {
        thead { tr {
            th scope="col" { "For" }
            th scope="col" { "Subnet" }
            th scope="col" { span.sr { "Chart of the used addresses" } }
            th.num scope="col" { "Used" }
            th.num scope="col" { "Free" }
        } }
    }
}

fn zone_rows(zone: &ZoneMap, outlook: Option<&ZoneOutlook>, is_planned: bool) -> Markup {
    html! {
        tbody {
            tr.zone { th colspan="5" scope="rowgroup" {
                div.line {
                    h3 { (zone.zone) " " span.dim { (zone.zone_id) } }
                    p.dim { (about(zone, outlook)) }
                }
            } }
            @for subnet in &zone.subnets { (row(subnet, is_planned)) }
        }
    }
}

/// The nodes and pods of a zone.
fn about(zone: &ZoneMap, outlook: Option<&ZoneOutlook>) -> Markup {
    let Some(outlook) = outlook else { return html! { (counted(zone.nodes, "node")) } };
    let text = |value: u32| number(value.into());
    html! {
        (shift(&text(outlook.nodes.before), &text(outlook.nodes.after))) " " (plural(outlook.nodes.after, "node"))
        " · room for " (shift(&text(outlook.pod_capacity.before), &text(outlook.pod_capacity.after))) " "
        (plural(outlook.pod_capacity.after, "pod"))
        @if outlook.pods_to_move > 0 { " · " (text(outlook.pods_to_move)) " to move" }
    }
}

fn row(subnet: &SubnetMap, is_planned: bool) -> Markup {
    let text = |value: u32| number(value.into());
    let free = |used: u32| subnet.addresses.saturating_sub(used);
    let after = subnet.used_after.unwrap_or(subnet.used);
    let is_new = subnet.id.is_none();
    let role = subnet.role.name();
    let used = part(subnet.used, subnet.addresses, "address");
    let about = match is_planned && after != subnet.used {
        false => format!("{used} used"),
        true => format!("{used} used now, {after} afterwards"),
    };
    html! {
        tr {
            td class={ "role " (role) } { (role) }
            th scope="row" {
                code { (subnet.cidr) } " "
                @match &subnet.id {
                    Some(id) => { code.dim { (id) } }
                    None => { span.chip.new { "to be created" } }
                }
                @if subnet.role == Role::Other { " " span.dim { (subnet.zone) } }
            }
            td.chart { (bar(subnet, after, &format!("Subnet {} for {role}: {about}", subnet.cidr))) }
            td.num data-label="used" {
                @if is_new { (text(after)) } @else { (shift(&text(subnet.used), &text(after))) }
            }
            td.num data-label="free" {
                @if is_new { (text(free(after))) } @else { (shift(&text(free(subnet.used)), &text(free(after)))) }
            }
        }
    }
}

/// What stays used, then what is released or newly used; the rest is free.
fn bar(subnet: &SubnetMap, after: u32, label: &str) -> Markup {
    let share = |value: u32| 100.0 * f64::from(value) / f64::from(subnet.addresses.max(1));
    let (kept, most) = (subnet.used.min(after), subnet.used.max(after));
    let role = subnet.role.name();
    let changed = if after > subnet.used { role } else { "released" };
    html! {
        svg.bar role="img" aria-label=(label) {
            rect class={ "tint " (role) } width="100%" height="100%" {}
            @if most > kept {
                rect class={ "hatched cell " (changed) } x=(percent(share(kept))) width=(percent(share(most - kept)))
                    height="100%" {}
            }
            @if kept > 0 {
                rect class={ "fill cell " (role) } width=(percent(share(kept))) height="100%" {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_is_where_its_addresses_are_in_the_block() {
        let net = |text: &str| text.parse::<Ipv4Net>().unwrap();
        assert_eq!(place(net("10.0.0.0/16"), net("10.0.0.0/16")), (0.0, 100.0));
        assert_eq!(place(net("10.0.0.0/16"), net("10.0.192.0/18")), (75.0, 25.0));
        assert_eq!(place(net("10.0.0.0/8"), net("10.128.0.0/9")), (50.0, 50.0));
    }

    #[test]
    fn a_bar_shows_what_is_released_and_what_is_newly_used() {
        let subnet = SubnetMap {
            role: Role::Nodes,
            zone: "a".into(),
            zone_id: "id-a".into(),
            id: Some("subnet-a".into()),
            cidr: "10.0.0.0/24".parse().unwrap(),
            addresses: 200,
            used: 50,
            used_after: None,
        };
        let released = bar(&subnet, 20, "x").into_string();
        assert!(
            released.contains(r#"class="hatched cell released" x="10.00%" width="15.00%""#),
            "{released}"
        );
        let more = bar(&subnet, 150, "x").into_string();
        assert!(more.contains(r#"class="hatched cell nodes" x="25.00%" width="50.00%""#), "{more}");
        let same = bar(&subnet, 50, "x").into_string();
        assert!(!same.contains("hatched"), "{same}");
    }
}
