//! What each subcommand does, from its arguments to its exit code.

use clap::CommandFactory;

use crate::cli::{
    Cli, Command, DoctorArgs, Format, MaxPodsArgs, PlanArgs, SetupArgs, TargetArgs, VerifyArgs,
};
use crate::discover::Reading;
use crate::doctor;
use crate::error::{Error, Result};
use crate::events::Interrupt;
use crate::exit::Exit;
use crate::k8s::{lock, symptoms};
use crate::net::max_pods::{all, closest, known, row};
use crate::run::{self, Prepared};
use crate::settings::{Origins, Settings};
use crate::status;
use crate::steps::Step;
use crate::ui::{Prompt, Ui};
use crate::verify::{self, Expected};
use crate::wizard;

/// Runs a subcommand.
pub fn run(command: Command, origins: Origins) -> Exit {
    match command {
        Command::Setup(args) => in_cluster(args, origins, Task::Setup),
        Command::Plan(PlanArgs { all, detailed_exitcode }) => {
            in_cluster(all, origins, Task::Plan { detailed_exitcode })
        }
        Command::AssociateCidr(args) => in_cluster(args.into(), origins, Task::Step(Step::AssociateCidr)),
        Command::CreateSubnets(args) => in_cluster(args.into(), origins, Task::Step(Step::CreateSubnets)),
        Command::SetEnv(args) => in_cluster(args.into(), origins, Task::Step(Step::SetEnv)),
        Command::DetectCni(args) => in_cluster(args.into(), origins, Task::Step(Step::DetectCni)),
        Command::InstallCrd(args) => in_cluster(args.into(), origins, Task::Step(Step::InstallCrd)),
        Command::WriteEniconfigs(args) => in_cluster(args.into(), origins, Task::Step(Step::WriteEniconfigs)),
        Command::LaunchNodegroups(args) => {
            in_cluster(args.into(), origins, Task::Step(Step::LaunchNodegroups))
        }
        Command::PatchSecurityGroups(args) => {
            in_cluster(args.into(), origins, Task::Step(Step::PatchSecurityGroups))
        }
        Command::DrainNodes(args) => in_cluster(args, origins, Task::Step(Step::DrainNodes)),
        Command::Verify(args) => verify(args, origins),
        Command::Doctor(args) => doctor(args, origins),
        Command::Status(args) => in_cluster(args, origins, Task::Status),
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
    Status,
    Step(Step),
}

impl Task {
    fn name(self) -> &'static str {
        match self {
            Task::Setup => "setup",
            Task::Plan { .. } => "plan",
            Task::Status => "status",
            Task::Step(step) => step.name(),
        }
    }

    fn steps(self, settings: &Settings) -> Vec<Step> {
        match self {
            Task::Setup | Task::Plan { .. } | Task::Status => Step::order(settings.env_last),
            Task::Step(step) => vec![step],
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
    let result = Settings::new(args, origins).and_then(|settings| match task {
        Task::Status => wait(status(&ui, settings)),
        task => wait(work(&ui, settings, task)),
    });
    told(&ui, result)
}

fn wait(work: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Error::failed("start the runtime").because(error))?.block_on(work)
}

fn verify(args: VerifyArgs, origins: Origins) -> Exit {
    let ui = Ui::new(args.output.output.plain(), args.output.events);
    let VerifyArgs { target, keep_old_nodes, probe, output } = args;
    let result = only_target(target, origins).and_then(|settings| {
        wait(async {
            let interrupt = Interrupt::listen();
            let (walk, _) = run::connect(settings, ui.sink(), interrupt, Reading::Partial).await?;
            let expected = Expected { old_may_stay: keep_old_nodes, ..Expected::default() };
            let mut report = verify::verify(&walk.facts, &expected);
            if probe.probe {
                report = report.with(crate::probe::probe(&walk, &probe).await?);
            }
            ui.report(&report, output.output);
            Ok(if report.proven { Exit::Done } else { Exit::Unproven })
        })
    });
    told(&ui, result)
}

/// Settings of those who only look.
fn only_target(target: TargetArgs, origins: Origins) -> Result<Settings> {
    let args = SetupArgs::of_target(target).map_err(|error| Error::usage(error.to_string()))?;
    Settings::new(args, origins)
}

fn doctor(args: DoctorArgs, origins: Origins) -> Exit {
    let ui = Ui::new(args.output.output, args.output.events);
    let result = only_target(args.target, origins).and_then(|settings| {
        wait(async {
            let (walk, _) = run::connect(settings, ui.sink(), Interrupt::default(), Reading::Partial).await?;
            let symptoms = symptoms::read(&walk.clients.kube.client, &walk.facts).await?;
            let diagnoses = doctor::diagnose(&walk.facts, &symptoms);
            if let Some(path) = &args.bundle {
                let report = verify::verify(&walk.facts, &Expected::default());
                let bytes = doctor::bundle(&walk.facts, &report, &diagnoses, args.mask_account)?;
                let written = std::fs::File::create_new(path)
                    .and_then(|mut file| std::io::Write::write_all(&mut file, &bytes));
                written.map_err(|error| {
                    Error::failed("write the bundle").at(path.display().to_string()).because(error)
                })?;
                ui.say(&format!("facts and findings are in {}", path.display()));
            }
            ui.diagnoses(&diagnoses);
            Ok(if diagnoses.healthy { Exit::Done } else { Exit::Unproven })
        })
    });
    told(&ui, result)
}

async fn status(ui: &Ui, settings: Settings) -> Result<Exit> {
    let (walk, _) = run::connect(settings, ui.sink(), Interrupt::default(), Reading::Whole).await?;
    let holder = lock::holder(&walk.clients.kube.client).await?;
    ui.status(&status::status(&walk.design, &walk.facts, &walk.settings, holder));
    Ok(Exit::Done)
}

async fn work(ui: &Ui, mut settings: Settings, task: Task) -> Result<Exit> {
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
    let prepared = run::prepare(settings, &steps, events.clone(), interrupt.clone()).await?;
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
    let prepared =
        if asks && matches!(task, Task::Setup) { interview(prepared, task).await? } else { prepared };
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
            if !Prompt::default().confirm("Make these changes?", false)? {
                ui.say("Nothing was changed.");
                return Ok(Exit::Done);
            }
        }
    }
    let command = prepared.walk.settings.command_line(task.name());
    let outcome =
        prepared.apply().await.map_err(|error| error.or_next(format!("to go on from here: {command}")))?;
    drop(events);
    ui.outcome(&outcome);
    if asks {
        ui.say(&format!("The same without a question: {command}"));
    }
    Ok(Exit::Done)
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
