//! `setup`, the nine steps and `undo`: read, check, ask, change. `plan` and `--dry-run` go as far as the checks.

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
        /// A saved plan to be made as it is.
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
            Task::Undo(undo) => Step::order_back(*undo),
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
        return Err(Error::refused("there is no terminal to ask at; nothing was changed")
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
            "Pods will be deleted past their PodDisruptionBudgets. Type the cluster's name to allow it",
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
        Some(saved) => prepared.hold_to(saved)?,
        None if asks && matches!(task, Task::Setup { .. }) => {
            prepared = Box::pin(interview(prepared, task)).await?;
        }
        None => {}
    }
    // What refuses is told with the refusal.
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
            names_the_cluster(&mut prepared.session.settings, asks)?;
        } else if asks && !Prompt::default().confirm("Make these changes?", false)? {
            ui.say("Nothing was changed.");
            return Ok(Exit::Done);
        }
    }
    let command = prepared.session.settings.command_line(task.name());
    let outcome = Box::pin(prepared.apply()).await.map_err(|error| match error.where_it_stopped() {
        Some(_) => error,
        None => error.or_fix(format!("to go on from here: {command}")),
    })?;
    drop(events);
    ui.outcome(&outcome);
    if asks {
        ui.say(&format!("The same without a question: {command}"));
    }
    Ok(Exit::Done)
}

/// One question for all warnings that are left. A yes answers them for the rest of the run.
fn accepts_warnings(prepared: &mut Prepared) -> Result<bool> {
    let open = prepared.plan.open_warnings();
    if open.is_empty() {
        return Ok(true);
    }
    let ids: BTreeSet<&str> = open.iter().map(|finding| finding.id).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    let (count, ids) = (open.len(), ids.join(", "));
    let warnings = counted(count, "warning");
    if !Prompt::default().confirm(&format!("Go on despite {warnings} ({ids})?"), false)? {
        return Ok(false);
    }
    prepared.accept(&open);
    Ok(true)
}

/// What is taken back is the right cluster's: `--yes` is no answer to that.
fn names_the_cluster(settings: &mut Settings, asks: bool) -> Result<()> {
    let name = settings.cluster.clone().unwrap_or_default();
    let given = match settings.confirm_cluster.clone() {
        None if asks => Prompt::default().typed("Type the cluster's name to take this back")?,
        given => given.unwrap_or_default(),
    };
    if given != name {
        let what = match given.is_empty() {
            true => "taking back must be confirmed with the cluster's name; nothing was changed".into(),
            false => format!("'{given}' is not this cluster's name; nothing was changed"),
        };
        return Err(Error::refused(what).at("--confirm-cluster").fix(format!("--confirm-cluster {name}")));
    }
    settings.confirm_cluster = Some(given);
    Ok(())
}

/// Asks what flags leave open, then plans again.
async fn interview(mut prepared: Prepared, task: &Task) -> Result<Prepared> {
    // A cluster that can't take part is told so before a question is asked.
    let hopeless = prepared.plan.errors().into_iter().filter(|finding| finding.id.starts_with("EC-CLU"));
    let hopeless: Vec<_> = hopeless.collect();
    if !hopeless.is_empty() {
        return Err(Error::refused_by(hopeless));
    }
    let session = &mut prepared.session;
    wizard::ask(&mut session.settings, &session.facts, &session.design, &Prompt::default())?;
    let steps = task.steps(&prepared.session.settings);
    prepared.replan(steps).await?;
    Ok(prepared)
}
