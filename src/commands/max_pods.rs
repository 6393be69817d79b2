//! `max-pods`: calculates max pods without a cluster.

use crate::cli::MaxPodsArgs;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::net::max_pods::{all, closest, known, row};
use crate::ui::Ui;

pub fn max_pods(args: &MaxPodsArgs, ui: &Ui) -> Result<Exit> {
    if args.all {
        ui.max_pods(&all().iter().map(row).collect::<Vec<_>>());
        return Ok(Exit::Done);
    }
    let mut rows = Vec::new();
    for name in &args.types {
        let Some(instance_type) = known(name) else {
            let like = closest(name);
            let error = Error::usage(format!("unknown instance type '{name}'"));
            return Err(match like.is_empty() {
                true => error.fix("eni-custom max-pods --all"),
                false => error.fix(format!("did you mean {}?", like.join(", "))),
            });
        };
        rows.push(row(instance_type));
    }
    ui.max_pods(&rows);
    Ok(Exit::Done)
}
