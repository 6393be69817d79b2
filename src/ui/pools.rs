//! The pools of a plan as text: each with what its nodes have, before and after.

use std::fmt::Write as _;

use crate::plan::PoolOutlook;
use crate::text::counted;

/// Nothing for a cluster with one pool: the steps show it.
pub(super) fn text(pools: &[PoolOutlook]) -> String {
    let mut out = String::new();
    if pools.len() < 2 {
        return out;
    }
    for pool in pools {
        let replaces = pool.replaces.as_deref().map(|old| format!(", replaces {old}")).unwrap_or_default();
        let _ = writeln!(out, "\nPool {}{replaces}: {}", pool.name, counted(pool.groups.len(), "node group"));
        let width = pool.rows.iter().map(|row| row.what.len()).max().unwrap_or_default();
        for row in &pool.rows {
            let (sign, value) = match row.why {
                Some(_) => ('~', format!("{} -> {}", row.before, row.after)),
                None => (' ', row.before.clone()),
            };
            let _ = writeln!(out, "  {sign} {:width$}  {value}", row.what);
            if let Some(why) = row.why {
                let _ = writeln!(out, "    {:width$}  ({why})", "");
            }
        }
    }
    out
}
