//! What each subcommand does, from its arguments to its exit code.

use clap::CommandFactory;

use crate::cli::{Cli, Command, Format, IamPolicyArgs, MaxPodsArgs, PlanArgs, SetupArgs};
use crate::error::{Error, Result};
use crate::events::Interrupt;
use crate::exit::Exit;
use crate::net::max_pods::{all, closest, known, row};
use crate::policy::{self, Names, Wanted};
use crate::run::{self, Prepared};
use crate::settings::{Origins, Settings};
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
        Command::MaxPods(args) => told(&Ui::new(args.output, Format::Text), max_pods(&args)),
        Command::IamPolicy(args) => iam_policy(&args),
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
}

impl Task {
    fn name(self) -> &'static str {
        match self {
            Task::Setup => "setup",
            Task::Plan { .. } => "plan",
            Task::Step(step) => step.name(),
        }
    }

    fn steps(self, settings: &Settings) -> Vec<Step> {
        match self {
            Task::Setup | Task::Plan { .. } => Step::order(settings.env_last),
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
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return told(&ui, Err(Error::failed("start the runtime").because(error))),
    };
    let result =
        Settings::new(args, origins).and_then(|settings| runtime.block_on(work(&ui, settings, task)));
    told(&ui, result)
}

async fn work(ui: &Ui, mut settings: Settings, task: Task) -> Result<Exit> {
    let shows = settings.dry_run || matches!(task, Task::Plan { .. } | Task::Step(Step::DetectCni));
    settings.only_looks = shows;
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

fn iam_policy(args: &IamPolicyArgs) -> Exit {
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let wanted =
        Wanted { read_only: args.read_only, step: args.step, terminate_unowned: args.terminate_unowned };
    let names = Names {
        cluster: given(&args.cluster),
        region: given(&args.region),
        account: given(&args.account),
        vpc: given(&args.vpc),
        ..Names::default()
    };
    let text = match (args.kubernetes, args.why) {
        (true, _) => policy::kubernetes::manifest(&wanted, &args.group),
        (_, true) => policy::reasons(&wanted),
        _ => {
            let document = policy::document(&wanted, &names);
            let size = document.to_string().len();
            if size > policy::MANAGED_POLICY {
                Ui::new(Format::Text, Format::Text).say(&format!(
                    "note: {size} characters, where a managed policy takes {}: put it into a role as an inline \
                     policy, which takes 10,240",
                    policy::MANAGED_POLICY
                ));
            }
            format!("{document:#}\n")
        }
    };
    Ui::raw(text.as_bytes());
    Exit::Done
}
