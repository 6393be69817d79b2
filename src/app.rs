//! What each subcommand does, from its arguments to its exit code.

use clap::CommandFactory;

use crate::cli::{Cli, Command, Format, MaxPodsArgs, OneStepArgs, PlanArgs, SetupArgs};
use crate::error::{Error, Result};
use crate::events::Interrupt;
use crate::exit::Exit;
use crate::net::max_pods::{all, closest, known, row};
use crate::run::{self, Prepared};
use crate::settings::{Origins, Settings, Undo};
use crate::steps::Step;
use crate::ui::{Prompt, Ui};
use crate::wizard;

/// Runs a subcommand.
pub fn run(command: Command, origins: Origins) -> Exit {
    match command {
        Command::Setup(args) => in_cluster(args, origins, Task::Setup),
        Command::Plan(PlanArgs { all, detailed_exitcode }) => {
            in_cluster(all, origins, Task::Plan { detailed_exitcode })
        }
        Command::Undo(args) => {
            let undo = Undo { to_step: args.to_step, keep_nodes: args.keep_nodes, only: None };
            in_cluster(args.into(), origins, Task::Undo(undo))
        }
        Command::AssociateCidr(args) => one_step(args, origins, Step::AssociateCidr),
        Command::CreateSubnets(args) => one_step(args, origins, Step::CreateSubnets),
        Command::SetEnv(args) => one_step(args, origins, Step::SetEnv),
        Command::DetectCni(args) => one_step(args, origins, Step::DetectCni),
        Command::InstallCrd(args) => one_step(args, origins, Step::InstallCrd),
        Command::WriteEniconfigs(args) => one_step(args, origins, Step::WriteEniconfigs),
        Command::LaunchNodegroups(args) => one_step(args, origins, Step::LaunchNodegroups),
        Command::PatchSecurityGroups(args) => one_step(args, origins, Step::PatchSecurityGroups),
        Command::DrainNodes(args) => one_step(args, origins, Step::DrainNodes),
        Command::MaxPods(args) => told(&Ui::new(args.output, Format::Text), max_pods(&args)),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "eni-custom", &mut script);
            Ui::raw(&script);
            Exit::Done
        }
    }
}

/// An error before there is a subcommand.
pub fn usage_error(error: &Error) -> Exit {
    Ui::new(Format::Text, Format::Text).error(error);
    error.exit()
}

#[derive(Clone, Copy)]
enum Task {
    Setup,
    Plan { detailed_exitcode: bool },
    Step(Step),
    Undo(Undo),
}

fn one_step<T: Into<SetupArgs> + clap::Args>(args: OneStepArgs<T>, origins: Origins, step: Step) -> Exit {
    let task = match args.undo {
        true => Task::Undo(Undo { only: Some(step), ..Undo::default() }),
        false => Task::Step(step),
    };
    in_cluster(args.step.into(), origins, task)
}

impl Task {
    fn name(self) -> &'static str {
        match self {
            Task::Setup => "setup",
            Task::Plan { .. } => "plan",
            Task::Step(step) | Task::Undo(Undo { only: Some(step), .. }) => step.name(),
            Task::Undo(_) => "undo",
        }
    }

    fn steps(self, settings: &Settings) -> Vec<Step> {
        match self {
            Task::Setup | Task::Plan { .. } => Step::order(settings.env_last),
            Task::Step(step) => vec![step],
            Task::Undo(undo) => Step::order_back(undo),
        }
    }
}

fn told(ui: &Ui, result: Result<Exit>) -> Exit {
    match result {
        Ok(exit) => exit,
        Err(error) => {
            ui.error(&error);
            error.exit()
        }
    }
}

fn in_cluster(args: SetupArgs, origins: Origins, task: Task) -> Exit {
    let ui = Ui::new(args.step.output.output, args.step.output.events);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return told(&ui, Err(Error::failed("start the runtime").because(error))),
    };
    let result =
        Settings::new(args, origins).and_then(|settings| runtime.block_on(work(&ui, settings, task)));
    told(&ui, result)
}

async fn work(ui: &Ui, mut settings: Settings, task: Task) -> Result<Exit> {
    if let Task::Undo(undo) = task {
        settings.undo = Some(undo);
    }
    let shows = settings.dry_run || matches!(task, Task::Plan { .. } | Task::Step(Step::DetectCni));
    let asks = !settings.yes && !shows;
    if asks && !Ui::can_ask() {
        return Err(Error::refused("there is no terminal to ask at; nothing was changed")
            .at("stdin and stderr")
            .next(settings.command_line(task.name())));
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
    let detailed = match task {
        Task::Plan { detailed_exitcode } => Some(detailed_exitcode),
        _ => prepared.walk.settings.dry_run.then_some(false),
    };
    if let Some(detailed_exitcode) = detailed {
        ui.plan(&prepared.plan);
        return Ok(match (prepared.refuse(), detailed_exitcode) {
            (Err(error), _) => error.exit(),
            (Ok(()), true) if prepared.plan.changes() > 0 => Exit::CHANGES,
            _ => Exit::Done,
        });
    }
    if asks && matches!(task, Task::Setup) {
        prepared = interview(prepared, task).await?;
    }
    for finding in &prepared.plan.findings {
        if finding.severity != crate::finding::Severity::Error {
            events.emit(crate::events::Event::Finding(finding.clone()));
        }
    }
    prepared.refuse()?;
    if prepared.plan.changes() > 0 {
        run::refuse_if_locked(&prepared.walk).await?;
        if asks {
            ui.preview(&prepared.plan);
        }
        if prepared.walk.settings.undo.is_some() {
            names_the_cluster(&mut prepared.walk.settings, asks)?;
        } else if asks && !Prompt::default().confirm("Make these changes?", false)? {
            ui.say("Nothing was changed.");
            return Ok(Exit::Done);
        }
    }
    let command = prepared.walk.settings.command_line(task.name());
    let outcome = prepared.apply().await.map_err(|error| match error.where_it_stopped() {
        Some(_) => error,
        None => error.or_next(format!("to go on from here: {command}")),
    })?;
    drop(events);
    ui.outcome(&outcome);
    if asks {
        ui.say(&format!("The same without a question: {command}"));
    }
    Ok(Exit::Done)
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
        return Err(Error::refused(what).at("--confirm-cluster").next(format!("--confirm-cluster {name}")));
    }
    settings.confirm_cluster = Some(given);
    Ok(())
}

/// Asks what flags leave open, then plans again.
async fn interview(mut prepared: Prepared, task: Task) -> Result<Prepared> {
    // A cluster that can't take part is told so before a question is asked.
    let hopeless = prepared.plan.errors().into_iter().filter(|finding| finding.id.starts_with("EC-CLU"));
    let hopeless: Vec<_> = hopeless.collect();
    if !hopeless.is_empty() {
        return Err(Error::refused_by(hopeless));
    }
    let walk = &mut prepared.walk;
    wizard::ask(&mut walk.settings, &walk.facts, &walk.design, &Prompt::default())?;
    let steps = task.steps(&prepared.walk.settings);
    prepared.replan(steps).await?;
    Ok(prepared)
}

fn max_pods(args: &MaxPodsArgs) -> Result<Exit> {
    let ui = Ui::new(args.output, Format::Text);
    if args.all {
        ui.max_pods(&all().iter().map(row).collect::<Vec<_>>());
        return Ok(Exit::Done);
    }
    let mut rows = Vec::new();
    for name in &args.types {
        let Some(instance_type) = known(name) else {
            let like = closest(name);
            let error = Error::usage(format!("instance type '{name}' is not known"));
            return Err(match like.is_empty() {
                true => error.next("eni-custom max-pods --all"),
                false => error.next(format!("did you mean {}?", like.join(", "))),
            });
        };
        rows.push(row(instance_type));
    }
    ui.max_pods(&rows);
    Ok(Exit::Done)
}
