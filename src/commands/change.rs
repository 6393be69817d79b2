//! `setup`, the nine steps and `undo`: read, check, ask, change. `plan` and `--dry-run` end after the checks.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::events::{Event, Interrupt};
use crate::exit::Exit;
use crate::fixes;
use crate::goal::{Goal, Undo};
use crate::issue::{Issue, Severity};
use crate::run;
use crate::saved;
use crate::session::Session;
use crate::settings::Settings;
use crate::ui::{Closing, Ui};

use super::missing;
use super::plan::{Show, shown};
use super::setup::{self, Decision};

/// What to do with the plan of a goal.
pub(super) enum Act {
    Apply {
        /// A saved plan to apply unchanged.
        saved: Option<PathBuf>,
        /// Where the settings are kept, answers included.
        save: Option<PathBuf>,
    },
    Show(Show),
}

impl Act {
    pub(super) fn unless_dry_run(dry_run: bool, saved: Option<PathBuf>, save: Option<PathBuf>) -> Self {
        if dry_run { Act::Show(Show::default()) } else { Act::Apply { saved, save } }
    }
}

pub(super) async fn work(ui: &Ui, goal: Goal, mut settings: Settings, act: &Act) -> Result<Exit> {
    let asks = !settings.run.yes && !settings.run.read_only;
    if asks && !Ui::can_ask() {
        return Err(missing::refusal(&settings, goal).await);
    }
    let saved = match act {
        Act::Apply { saved: Some(path), .. } => Some(saved::read(path)?),
        Act::Apply { saved: None, .. } => None,
        Act::Show(show) => {
            show.may_write()?;
            None
        }
    };
    if let Some(saved) = &saved {
        settings.agree(saved)?;
    }
    if asks && settings.drain.disable_eviction && settings.run.confirm_cluster.is_none() {
        settings = settings.confirmed(ui.prompt().typed(
            "Pods will be deleted without regard to PodDisruptionBudgets. Type the cluster name to allow it",
        )?);
    }
    // Only a saved plan has no questions left.
    let is_wizard = asks && goal == Goal::Setup && saved.is_none();
    let events = if is_wizard { ui.sink_before_found() } else { ui.sink() };
    let interrupt = Interrupt::listen(ui.signals(events.clone()));
    if asks {
        settings = setup::target(ui, settings).await?;
    }
    ui.reading();
    let mut prepared = run::prepare(goal, settings, events.clone(), interrupt.clone()).await?;
    if let Act::Show(show) = act {
        return shown(ui, &prepared, show);
    }
    if let Some(saved) = saved {
        prepared.require_saved(saved)?;
    }
    if is_wizard {
        match Box::pin(setup::decide(ui, prepared)).await? {
            Decision::GoOn(decided) => prepared = *decided,
            Decision::End => return Ok(Exit::Done),
        }
    } else {
        // Findings that refuse the run are shown with the refusal.
        let asks_about_risks = asks && prepared.plan.errors().is_empty();
        let refusing =
            |finding: &Issue| finding.severity() == Severity::Error || (finding.risk && !asks_about_risks);
        for finding in prepared.plan.findings.iter().filter(|finding| finding.accepted || !refusing(finding))
        {
            events.emit(Event::Finding(finding.clone()));
        }
        if asks && prepared.plan.errors().is_empty() && !setup::accepts_warnings(ui, &mut prepared)? {
            ui.say("Nothing was changed.");
            return Ok(Exit::Done);
        }
    }
    prepared.refuse()?;
    if let Act::Apply { save: Some(path), .. } = act {
        saved::replace(path, &prepared.session.settings.file_text(), "the settings")?;
    }
    if prepared.has_work() {
        run::refuse_if_locked(&prepared.session).await?;
        if asks && !is_wizard {
            ui.preview(&prepared.plan);
        }
        if goal.is_undo() {
            prepared.session.settings = confirm_undo(ui, prepared.session.settings.clone(), asks)?;
        } else if asks && !is_wizard && !ui.prompt().confirm("Make these changes?", false)? {
            ui.say("Nothing was changed.");
            return Ok(Exit::Done);
        }
    }
    let command = prepared.session.settings.command_line(goal);
    let closing = closing(&prepared.session, goal);
    let outcome = Box::pin(prepared.apply()).await.map_err(|error| match error.where_it_stopped() {
        Some(_) => error,
        None => error.or_fix(format!("to continue: {command}")),
    })?;
    drop(events);
    let changed = outcome.steps.iter().any(|step| step.changes > 0);
    let closing = if changed { closing } else { Closing::default() };
    ui.ended(&outcome, &Closing { same: asks.then_some(command), ..closing });
    Ok(Exit::Done)
}

/// The commands to show after a run that has changed something.
fn closing(session: &Session, goal: Goal) -> Closing {
    let Session { settings, facts, .. } = session;
    let next = match goal {
        Goal::Setup if settings.drain.keep_old_nodes => "drain-nodes",
        // setup has verified everything that can be read.
        Goal::Setup => "verify --probe",
        Goal::Step(_) | Goal::Undo(_) => "status",
    };
    let undo = match goal {
        Goal::Setup => Some(settings.undo_command()),
        Goal::Step(step) => Some(settings.command_line(Goal::Undo(Undo::Only(step)))),
        Goal::Undo(_) => None,
    };
    Closing { next: Some(fixes::command(facts, next)), undo, same: None }
}

/// Undo needs the cluster name as confirmation; `--yes` is not enough.
fn confirm_undo(ui: &Ui, settings: Settings, asks: bool) -> Result<Settings> {
    let name = settings.target.cluster.clone().unwrap_or_default();
    let given = match settings.run.confirm_cluster.clone() {
        None if asks => ui.prompt().typed("Type the cluster name to undo this")?,
        given => given.unwrap_or_default(),
    };
    if given != name {
        let what = match given.is_empty() {
            true => "undo must be confirmed with the cluster name; nothing was changed".into(),
            false => format!("'{given}' is not the name of this cluster; nothing was changed"),
        };
        return Err(Error::refused(what).at("--confirm-cluster").fix(format!("--confirm-cluster {name}")));
    }
    Ok(settings.confirmed(given))
}
