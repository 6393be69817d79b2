//! What each subcommand does, from its arguments to its exit code.

mod look;

use std::path::PathBuf;

use clap::CommandFactory;

use crate::cli::{
    ApplyArgs, Cli, Command, Format, IamPolicyArgs, MaxPodsArgs, OneStepArgs, PlanArgs, SchemaOf, SetupArgs,
};
use crate::doctor::Diagnoses;
use crate::error::{Error, Result};
use crate::events::Interrupt;
use crate::exit::Exit;
use crate::export;
use crate::finding::{Finding, Severity};
use crate::net::max_pods::{all, closest, known, row};
use crate::plan::Plan;
use crate::policy::{self, Names, Wanted};
use crate::run::{self, Prepared};
use crate::saved::{self, Saved};
use crate::settings::{Origins, Settings, Undo};
use crate::status::Status;
use crate::steps::Step;
use crate::ui::{self, Prompt, Ui};
use crate::verify::Report;
use crate::walk::Walk;
use crate::wizard;
use crate::words::counted;

/// Runs a subcommand.
pub fn run(command: Command, origins: Origins) -> Exit {
    match command {
        Command::Setup(ApplyArgs { all, plan }) => in_cluster(all, origins, Task::Setup { plan }),
        Command::Plan(PlanArgs { all, detailed_exitcode, out, export, force }) => {
            in_cluster(all, origins, Task::Plan(Show { detailed_exitcode, out, export, force }))
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
        Command::Verify(args) => look::verify(args, origins),
        Command::Doctor(args) => look::doctor(args, origins),
        Command::Status(args) => in_cluster(args, origins, Task::Status),
        Command::MaxPods(args) => told(&Ui::new(args.output, Format::Text), max_pods(&args)),
        Command::IamPolicy(args) => iam_policy(&args),
        Command::Schema { output } => {
            ui::print_json(&schema(output));
            Exit::Done
        }
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

enum Task {
    Setup {
        /// A saved plan to be made as it is.
        plan: Option<PathBuf>,
    },
    Plan(Show),
    Status,
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

/// What becomes of a plan that is only shown.
#[derive(Default)]
struct Show {
    detailed_exitcode: bool,
    out: Option<PathBuf>,
    export: Option<PathBuf>,
    force: bool,
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
    let result = Settings::new(args, origins).and_then(|settings| match &task {
        Task::Status => wait(look::status(&ui, settings)),
        task => wait(work(&ui, settings, task)),
    });
    // There 2 says that there are changes.
    let detailed = matches!(task, Task::Plan(Show { detailed_exitcode: true, .. }));
    let misused = result.as_ref().is_err_and(|error| error.exit() == Exit::Usage);
    let exit = told(&ui, result);
    if detailed && misused { Exit::Failed } else { exit }
}

fn wait(work: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Error::failed("start the runtime").because(error))?.block_on(work)
}

async fn work(ui: &Ui, mut settings: Settings, task: &Task) -> Result<Exit> {
    if let Task::Undo(undo) = task {
        settings.undo = Some(*undo);
    }
    let shows = settings.dry_run || matches!(task, Task::Plan(_) | Task::Step(Step::DetectCni));
    settings.only_looks = shows;
    let asks = !settings.yes && !shows;
    if asks && !Ui::can_ask() {
        return Err(Error::refused("there is no terminal to ask at; nothing was changed")
            .at("stdin and stderr")
            .next(settings.command_line(task.name())));
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
        _ if prepared.walk.settings.dry_run => return shown(ui, &prepared, &Show::default()),
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
    let refusing = |finding: &Finding| finding.severity == Severity::Error || (finding.risk && !asks);
    for finding in prepared.plan.findings.iter().filter(|finding| finding.accepted || !refusing(finding)) {
        events.emit(crate::events::Event::Finding(finding.clone()));
    }
    if asks && prepared.plan.errors().is_empty() && !accepts_warnings(&mut prepared)? {
        ui.say("Nothing was changed.");
        return Ok(Exit::Done);
    }
    prepared.refuse()?;
    if prepared.has_work() {
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
    let outcome = Box::pin(prepared.apply()).await.map_err(|error| match error.where_it_stopped() {
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

/// A plan, as the result.
fn shown(ui: &Ui, prepared: &Prepared, show: &Show) -> Result<Exit> {
    ui.plan(&prepared.plan);
    let errors = prepared.plan.errors();
    let (plan, Walk { design, facts, settings, .. }) = (&prepared.plan, &prepared.walk);
    let files = [show.out.as_ref(), show.export.as_ref()];
    if let Some(path) = files.into_iter().flatten().next().filter(|_| !errors.is_empty()) {
        ui.say(&format!("Nothing is written to {}: setup would refuse this plan.", path.display()));
        return Ok(Exit::Refused);
    }
    if let Some(path) = &show.out {
        saved::write(&Saved::of(plan, design, facts, settings), path)?;
        ui.say(&format!("To make exactly these changes: eni-custom setup --plan {}", path.display()));
    }
    if let Some(folder) = &show.export {
        export::write(&export::files(plan, design, facts, settings)?, folder)?;
        ui.say(&format!("What would be made is in {}, with a README.md.", folder.display()));
    }
    Ok(match show.detailed_exitcode && prepared.plan.changes() > 0 {
        _ if !errors.is_empty() => Exit::Refused,
        true => Exit::CHANGES,
        false => Exit::Done,
    })
}

/// One question for all warnings that are left. A yes answers them for the rest of the run.
fn accepts_warnings(prepared: &mut Prepared) -> Result<bool> {
    let open = prepared.plan.open_warnings();
    if open.is_empty() {
        return Ok(true);
    }
    let ids: std::collections::BTreeSet<&str> = open.iter().map(|finding| finding.id).collect();
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
        return Err(Error::refused(what).at("--confirm-cluster").next(format!("--confirm-cluster {name}")));
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
    let walk = &mut prepared.walk;
    wizard::ask(&mut walk.settings, &walk.facts, &walk.design, &Prompt::default())?;
    let steps = task.steps(&prepared.walk.settings);
    prepared.replan(steps).await?;
    Ok(prepared)
}

fn schema(output: SchemaOf) -> schemars::Schema {
    // What is written is described, not what could be read.
    let generator = schemars::generate::SchemaSettings::draft2020_12().for_serialize().into_generator();
    match output {
        SchemaOf::Plan => generator.into_root_schema_for::<Plan>(),
        SchemaOf::Verify => generator.into_root_schema_for::<Report>(),
        SchemaOf::Doctor => generator.into_root_schema_for::<Diagnoses>(),
        SchemaOf::Status => generator.into_root_schema_for::<Status>(),
    }
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
    let IamPolicyArgs { read_only, step, terminate_unowned, undo, stand_ins, .. } = *args;
    let wanted = Wanted { read_only, step, terminate_unowned, undo, stand_ins };
    let names = Names {
        cluster: given(&args.cluster),
        region: given(&args.region),
        account: given(&args.account),
        vpc: given(&args.vpc),
        addon_role: given(&args.addon_role),
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
