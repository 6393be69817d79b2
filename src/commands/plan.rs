//! `plan`, and a step with `--dry-run`: prints the plan as the result, and writes its files.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::export;
use crate::goal::Goal;
use crate::run::Prepared;
use crate::saved::{self, Saved};
use crate::scene::Scene;
use crate::shell::shell_quote;
use crate::ui::{Ui, html};

/// What to do with a plan that is only shown.
#[derive(Default)]
pub(super) struct Show {
    pub detailed_exitcode: bool,
    pub out: Option<PathBuf>,
    pub export: Option<PathBuf>,
    pub html: Option<PathBuf>,
    pub force: bool,
}

impl Show {
    /// Errors if the files can't be written, before the cluster is read.
    pub(super) fn may_write(&self) -> Result<()> {
        if let Some(path) = &self.html {
            if self.out.as_ref() == Some(path) {
                return Err(
                    Error::usage("--out and --html name the same file").at(path.display().to_string())
                );
            }
            html::may_write(path)?;
        }
        self.export.as_ref().map_or(Ok(()), |folder| export::may_write(folder, self.force))
    }

    /// The command that makes the planned changes.
    fn next(&self, scene: &Scene<'_>) -> String {
        match &self.out {
            Some(path) => format!("eni-custom setup --plan {}", shell_quote(&path.to_string_lossy())),
            None => scene.settings.command_line(Goal::Setup),
        }
    }
}

/// Prints a plan as the result.
pub(super) fn shown(ui: &Ui, prepared: &Prepared, show: &Show) -> Result<Exit> {
    let errors = prepared.plan.errors();
    let (plan, scene) = (&prepared.plan, prepared.session.scene());
    let apply = match show.out.as_ref().filter(|_| errors.is_empty()) {
        Some(path) => format!("eni-custom setup --plan {} --yes", shell_quote(&path.display().to_string())),
        None => scene.settings.command_line(scene.goal),
    };
    ui.plan(plan, &apply);
    if let Some(path) = &show.html {
        html::write(&html::plan(plan, &scene, &show.next(&scene)), path)?;
        ui.say(&format!("The plan as a page: {}", path.display()));
    }
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
