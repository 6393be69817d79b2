//! `setup`, the nine steps and `undo`: read, check, ask, change. `plan` and `--dry-run` end after the checks.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::checks;
use crate::error::{Error, Result};
use crate::events::{Event, Interrupt};
use crate::exit::Exit;
use crate::goal::Goal;
use crate::issue::{Id, Issue, Severity};
use crate::run::{self, Prepared};
use crate::saved;
use crate::settings::Settings;
use crate::text::counted;
use crate::ui::{Prompt, Ui};
use crate::wizard;

use super::plan::{Show, shown};

/// What to do with the plan of a goal.
pub(super) enum Act {
    Apply {
        /// A saved plan to apply unchanged.
        saved: Option<PathBuf>,
    },
    Show(Show),
}

impl Act {
    pub(super) fn unless_dry_run(dry_run: bool, saved: Option<PathBuf>) -> Self {
        if dry_run { Act::Show(Show::default()) } else { Act::Apply { saved } }
    }
}

pub(super) async fn work(ui: &Ui, goal: Goal, mut settings: Settings, act: &Act) -> Result<Exit> {
    let asks = !settings.run.yes && !settings.run.read_only;
    if asks && !Ui::can_ask() {
        return Err(Error::refused("there is no terminal to ask on; nothing was changed")
            .at("stdin and stderr")
            .fix(settings.command_line(goal)));
    }
    let saved = match act {
        Act::Apply { saved: Some(path) } => Some(saved::read(path)?),
        Act::Apply { saved: None } => None,
        Act::Show(show) => {
            show.may_write()?;
            None
        }
    };
    if let Some(saved) = &saved {
        settings.agree(saved)?;
    }
    if asks && settings.drain.disable_eviction && settings.run.confirm_cluster.is_none() {
        settings = settings.confirmed(Prompt::default().typed(
            "Pods will be deleted without regard to PodDisruptionBudgets. Type the cluster name to allow it",
        )?);
    }
    let interrupt = Interrupt::listen();
    let events = ui.sink();
    let mut prepared = run::prepare(goal, settings, events.clone(), interrupt.clone()).await?;
    if let Act::Show(show) = act {
        return shown(ui, &prepared, show);
    }
    match saved {
        Some(saved) => prepared.require_saved(saved)?,
        None if asks && goal == Goal::Setup => {
            prepared = Box::pin(interview(prepared)).await?;
        }
        None => {}
    }
    // Findings that refuse the run are shown with the refusal.
    let refusing = |finding: &Issue| finding.severity() == Severity::Error || (finding.risk && !asks);
    for finding in prepared.plan.findings.iter().filter(|finding| finding.accepted || !refusing(finding)) {
        events.emit(Event::Finding(finding.clone()));
    }
    if asks && prepared.plan.errors().is_empty() && !accepts_warnings(&mut prepared)? {
        ui.say("Nothing was changed.");
        return Ok(Exit::Done);
    }
    prepared.refuse()?;
    if prepared.has_work() {
        run::refuse_if_locked(&prepared.session).await?;
        if asks {
            ui.preview(&prepared.plan);
        }
        if goal.is_undo() {
            prepared.session.settings = confirm_undo(prepared.session.settings.clone(), asks)?;
        } else if asks && !Prompt::default().confirm("Make these changes?", false)? {
            ui.say("Nothing was changed.");
            return Ok(Exit::Done);
        }
    }
    let command = prepared.session.settings.command_line(goal);
    let outcome = Box::pin(prepared.apply()).await.map_err(|error| match error.where_it_stopped() {
        Some(_) => error,
        None => error.or_fix(format!("to continue: {command}")),
    })?;
    drop(events);
    ui.outcome(&outcome);
    if asks {
        ui.say(&format!("The same without questions: {command}"));
    }
    Ok(Exit::Done)
}

/// Asks once about all open warnings. A yes accepts them for the rest of the run.
fn accepts_warnings(prepared: &mut Prepared) -> Result<bool> {
    let open = prepared.plan.open_warnings();
    if open.is_empty() {
        return Ok(true);
    }
    let ids: BTreeSet<Id> = open.iter().map(|finding| finding.id).collect();
    let ids: Vec<&str> = ids.into_iter().map(Id::as_str).collect();
    let (count, ids) = (open.len(), ids.join(", "));
    let warnings = counted(count, "warning");
    if !Prompt::default().confirm(&format!("Continue despite {warnings} ({ids})?"), false)? {
        return Ok(false);
    }
    prepared.accept(&open);
    Ok(true)
}

/// Undo needs the cluster name as confirmation; `--yes` is not enough.
fn confirm_undo(settings: Settings, asks: bool) -> Result<Settings> {
    let name = settings.target.cluster.clone().unwrap_or_default();
    let given = match settings.run.confirm_cluster.clone() {
        None if asks => Prompt::default().typed("Type the cluster name to undo this")?,
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

/// Asks for settings that no flag gives, then plans again.
async fn interview(mut prepared: Prepared) -> Result<Prepared> {
    // Refuse an unsupported cluster before asking questions.
    let mut unsupported = prepared.plan.errors();
    unsupported.retain(|finding| checks::UNSUPPORTED.contains(&finding.id));
    if !unsupported.is_empty() {
        return Err(Error::refused_by(unsupported));
    }
    let settings = wizard::ask(&prepared.session.scene(), &Prompt::default())?;
    prepared.replan(settings).await?;
    Ok(prepared)
}
