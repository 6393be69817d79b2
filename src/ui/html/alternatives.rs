//! What else would help a cluster that is only short of addresses.

use maud::{Markup, html};

use crate::alternatives::{Alternatives, Way};
use crate::text::counted;

use super::number;

/// Nothing if the cluster has other reasons for custom networking.
pub(super) fn section(alternatives: Option<&Alternatives>) -> Markup {
    html! {
        @if let Some(all) = alternatives {
            section #alternatives {
                div.title {
                    h2 { "Alternatives" }
                    p.dim { "for a cluster that is only short of addresses, with " (all.instance_type) }
                }
                div.panel {
                    table.ways {
                        thead { tr {
                            th scope="col" { "Way" }
                            th.num scope="col" { "More addresses" }
                            th.num scope="col" { "Pods per node" }
                            th.num scope="col" { "Nodes replaced" }
                            th scope="col" { "Remark" }
                        } }
                        tbody { @for way in &all.ways { (row(way)) } }
                    }
                }
            }
        }
    }
}

fn row(way: &Way) -> Markup {
    let addresses = match way.addresses_gained {
        None => "effectively unlimited".to_string(),
        Some(gained) => number(gained),
    };
    let pods = match (way.pods_per_node, way.pods_per_node_lost) {
        (None, _) => "not possible".to_string(),
        (Some(pods), 0) => pods.to_string(),
        (Some(pods), lost) => format!("{pods} ({lost} fewer)"),
    };
    html! {
        tr {
            th scope="row" { (way.name) }
            td.num data-label="more addresses" { (addresses) }
            td.num data-label="pods per node" { (pods) }
            td.num data-label="nodes replaced" { (counted(way.nodes_replaced, "node")) }
            td { (way.remark) }
        }
    }
}
