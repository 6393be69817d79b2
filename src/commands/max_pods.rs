//! `max-pods`: calculates max pods without a cluster.

use crate::cli::MaxPodsArgs;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::net::max_pods::{all, closest, known, row};
use crate::text::did_you_mean;
use crate::ui::Ui;

pub(super) fn max_pods(args: &MaxPodsArgs, ui: &Ui) -> Result<Exit> {
    if args.all {
        ui.max_pods(&all().iter().map(row).collect::<Vec<_>>());
        return Ok(Exit::Done);
    }
    let mut rows = Vec::new();
    for name in &args.types {
        let Some(instance_type) = known(name) else {
            return Err(Error::usage(format!("unknown instance type '{name}'"))
                .fix(did_you_mean(&closest(name)).unwrap_or_else(|| "eni-custom max-pods --all".into())));
        };
        rows.push(row(instance_type));
    }
    ui.max_pods(&rows);
    Ok(Exit::Done)
}
