//! `plan`, and a step with `--dry-run`: prints the plan as the result, and writes its files.

use std::path::PathBuf;

use crate::error::Result;
use crate::exit::Exit;
use crate::export;
use crate::run::Prepared;
use crate::saved::{self, Saved};
use crate::ui::Ui;

/// What to do with a plan that is only shown.
#[derive(Default)]
pub(super) struct Show {
    pub detailed_exitcode: bool,
    pub out: Option<PathBuf>,
    pub export: Option<PathBuf>,
    pub force: bool,
}

impl Show {
    /// Errors if the files can't be written, before the cluster is read.
    pub(super) fn may_write(&self) -> Result<()> {
        self.export.as_ref().map_or(Ok(()), |folder| export::may_write(folder, self.force))
    }
}

/// Prints a plan as the result.
pub(super) fn shown(ui: &Ui, prepared: &Prepared, show: &Show) -> Result<Exit> {
    ui.plan(&prepared.plan);
    let errors = prepared.plan.errors();
    let (plan, scene) = (&prepared.plan, prepared.session.scene());
    let files = [show.out.as_ref(), show.export.as_ref()];
    if let Some(path) = files.into_iter().flatten().next().filter(|_| !errors.is_empty()) {
        ui.say(&format!("Nothing is written to {}: setup would refuse this plan.", path.display()));
        return Ok(Exit::Refused);
    }
    if let Some(path) = &show.out {
        saved::write(&Saved::of(plan, &scene), path)?;
        ui.say(&format!("To apply exactly these changes: eni-custom setup --plan {}", path.display()));
    }
    if let Some(folder) = &show.export {
        export::write(&export::files(plan, &scene)?, folder)?;
        ui.say(&format!("The planned files are in {}, with a README.md.", folder.display()));
    }
    Ok(match show.detailed_exitcode && prepared.plan.changes() > 0 {
        _ if !errors.is_empty() => Exit::Refused,
        true => Exit::Changes,
        false => Exit::Done,
    })
}
