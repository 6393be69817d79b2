//! `setup`, the nine steps and `undo`: read, check, ask, change. `plan` and `--dry-run` end after the checks.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::events::{Event, Interrupt};
use crate::exit::Exit;
use crate::export;
use crate::issue::{Issue, Severity};
use crate::run::{self, Prepared};
use crate::saved;
use crate::settings::Settings;
use crate::step::{Step, Undo};
use crate::ui::{Prompt, Ui};
use crate::wizard;
use crate::words::counted;

use super::plan::{Show, shown};

pub enum Task {
    Setup {
        /// A saved plan to apply unchanged.
        plan: Option<PathBuf>,
    },
    Plan(Show),
    Status,
    Step(Step),
    Undo(Undo),
}

impl Task {
    fn name(&self) -> &'static str {
        match self {
            Task::Setup { .. } => "setup",
            Task::Plan(_) => "plan",
            Task::Status => "status",
            Task::Step(step) | Task::Undo(Undo { only: Some(step), .. }) => step.name(),
            Task::Undo(_) => "undo",
        }
    }

    fn steps(&self, settings: &Settings) -> Vec<Step> {
        match self {
            Task::Setup { .. } | Task::Plan(_) | Task::Status => Step::order(settings.env_last),
            Task::Step(step) => vec![*step],
            Task::Undo(undo) => Step::undo_order(*undo),
        }
    }
}

pub async fn work(ui: &Ui, mut settings: Settings, task: &Task) -> Result<Exit> {
    if let Task::Undo(undo) = task {
        settings.undo = Some(*undo);
    }
    let shows = settings.dry_run || matches!(task, Task::Plan(_) | Task::Step(Step::DetectCni));
    settings.only_looks = shows;
    let asks = !settings.yes && !shows;
    if asks && !Ui::can_ask() {
        return Err(Error::refused("there is no terminal to ask on; nothing was changed")
            .at("stdin and stderr")
            .fix(settings.command_line(task.name())));
    }
    if let Task::Plan(Show { export: Some(folder), force, .. }) = task {
        export::may_write(folder, *force)?;
    }
    let saved = match task {
        Task::Setup { plan: Some(path) } => Some(saved::read(path)?),
        _ => None,
    };
    if let Some(saved) = &saved {
        settings.agree(saved)?;
    }
    if asks && settings.disable_eviction && settings.confirm_cluster.is_none() {
        settings.confirm_cluster = Some(Prompt::default().typed(
            "Pods will be deleted without regard to PodDisruptionBudgets. Type the cluster name to allow it",
        )?);
    }
    let interrupt = Interrupt::listen();
    let events = ui.sink();
    let steps = task.steps(&settings);
    let mut prepared = run::prepare(settings, &steps, events.clone(), interrupt.clone()).await?;
    match task {
        Task::Plan(show) => return shown(ui, &prepared, show),
        _ if prepared.session.settings.dry_run => return shown(ui, &prepared, &Show::default()),
        _ => {}
    }
    match saved {
        Some(saved) => prepared.require_saved(saved)?,
        None if asks && matches!(task, Task::Setup { .. }) => {
            prepared = Box::pin(interview(prepared, task)).await?;
        }
        None => {}
    }
    // Findings that refuse the run are shown with the refusal.
    let refusing = |finding: &Issue| finding.severity == Severity::Error || (finding.risk && !asks);
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
        if prepared.session.settings.undo.is_some() {
            confirm_undo(&mut prepared.session.settings, asks)?;
        } else if asks && !Prompt::default().confirm("Make these changes?", false)? {
            ui.say("Nothing was changed.");
            return Ok(Exit::Done);
        }
    }
    let command = prepared.session.settings.command_line(task.name());
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
    let ids: BTreeSet<&str> = open.iter().map(|finding| finding.id).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    let (count, ids) = (open.len(), ids.join(", "));
    let warnings = counted(count, "warning");
    if !Prompt::default().confirm(&format!("Continue despite {warnings} ({ids})?"), false)? {
        return Ok(false);
    }
    prepared.accept(&open);
    Ok(true)
}

/// Undo needs the cluster name as confirmation; `--yes` is not enough.
fn confirm_undo(settings: &mut Settings, asks: bool) -> Result<()> {
    let name = settings.cluster.clone().unwrap_or_default();
    let given = match settings.confirm_cluster.clone() {
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
    settings.confirm_cluster = Some(given);
    Ok(())
}

/// Asks for settings that no flag gives, then plans again.
async fn interview(mut prepared: Prepared, task: &Task) -> Result<Prepared> {
    // Refuse an unsupported cluster before asking questions.
    let unsupported = prepared.plan.errors().into_iter().filter(|finding| finding.id.starts_with("EC-CLU"));
    let unsupported: Vec<_> = unsupported.collect();
    if !unsupported.is_empty() {
        return Err(Error::refused_by(unsupported));
    }
    let session = &mut prepared.session;
    wizard::ask(&mut session.settings, &session.facts, &session.design, &Prompt::default())?;
    let steps = task.steps(&prepared.session.settings);
    prepared.replan(steps).await?;
    Ok(prepared)
}
