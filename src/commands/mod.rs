//! What each subcommand does, from its arguments to its exit code.

mod change;
mod complete;
mod doctor;
mod iam_policy;
mod man;
mod max_pods;
mod missing;
mod plan;
mod schema;
mod setup;
mod status;
mod verify;

use crate::cli::help;
use crate::cli::{ApplyArgs, Cli, Command, OneStepArgs, PlanArgs, SetupArgs, Stop, TargetArgs};
use crate::discover::Reading;
use crate::error::{Error, Result};
use crate::events::Interrupt;
use crate::exit::{Codes, Exit};
use crate::goal::{Goal, Undo};
use crate::log;
use crate::run;
use crate::session::Session;
use crate::settings::{Origins, Settings};
use crate::step::Step;
use crate::ui::plugin::PROGRAM;
use crate::ui::{self, Format, Ui, Voice};

use change::{Act, work};
use plan::Show;

/// What comes before the arguments: how a panic is reported, and the answer to a shell that completes a command.
pub fn start() {
    ui::panic::ends_the_process();
    complete::complete();
}

/// Runs a subcommand.
pub fn run(Cli { command, voice: given }: Cli, origins: Origins, codes: Codes) -> Exit {
    let voice = Voice { codes, ..given.voice() };
    let bundled = matches!(&command, Command::Doctor(args) if args.bundle.is_some());
    if let Err(error) = log::start(given.log.as_deref(), given.verbose, bundled) {
        return finish(&Ui::new(Format::Text, Format::Text, voice), Err(error));
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    tracing::info!("eni-custom {} {}", env!("CARGO_PKG_VERSION"), arguments.join(" "));
    match command {
        Command::Setup(ApplyArgs { all, explain_settings: true, .. }) => {
            let output = all.step.output;
            let ui = Ui::new(output.output, output.events, voice);
            ui.explained(&origins.explained);
            // What can't be combined is said here too.
            finish(&ui, Settings::new(all, origins, true).map(|_| Exit::Done))
        }
        Command::Setup(ApplyArgs { all, plan: saved, save, .. }) => {
            let act = Act::unless_dry_run(all.drain.dry_run, saved, save);
            in_cluster(all, voice, origins, Goal::Setup, act)
        }
        Command::Plan(PlanArgs { all, detailed_exitcode, out, export, html, force }) => {
            let show = Show { detailed_exitcode, out, export, html, force };
            in_cluster(all, voice, origins, Goal::Setup, Act::Show(show))
        }
        Command::Undo(args) => {
            let goal = Goal::Undo(args.goal());
            let act = Act::unless_dry_run(args.dry_run, None, None);
            in_cluster(args.into(), voice, origins, goal, act)
        }
        Command::AssociateCidr(args) => one_step(args, voice, origins, Step::AssociateCidr),
        Command::CreateSubnets(args) => one_step(args, voice, origins, Step::CreateSubnets),
        Command::SetEnv(args) => one_step(args, voice, origins, Step::SetEnv),
        Command::DetectCni(args) => one_step(args, voice, origins, Step::DetectCni),
        Command::InstallCrd(args) => one_step(args, voice, origins, Step::InstallCrd),
        Command::WriteEniconfigs(args) => one_step(args, voice, origins, Step::WriteEniconfigs),
        Command::LaunchNodegroups(args) => one_step(args, voice, origins, Step::LaunchNodegroups),
        Command::PatchSecurityGroups(args) => one_step(args, voice, origins, Step::PatchSecurityGroups),
        Command::DrainNodes(args) => one_step(args, voice, origins, Step::DrainNodes),
        Command::Verify(args) => verify::verify(args, voice, origins),
        Command::Doctor(args) => doctor::doctor(args, voice, origins),
        Command::Status(args) => status::status(args, voice, origins),
        Command::MaxPods(args) => {
            let ui = Ui::new(args.output, Format::Text, voice);
            finish(&ui, max_pods::max_pods(&args, &ui))
        }
        Command::IamPolicy(args) => {
            iam_policy::iam_policy(&args, &Ui::new(Format::Text, Format::Text, voice))
        }
        Command::Schema { output } => {
            ui::print_json(&schema::schema(output));
            Exit::Done
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut help::command(PROGRAM), PROGRAM, &mut script);
            Ui::raw(&script);
            Exit::Done
        }
        Command::Man { dir } => finish(&Ui::new(Format::Text, Format::Text, voice), man::man(&dir)),
    }
}

/// Reports why the arguments can't be run.
pub fn not_parsed(stop: Stop, codes: Codes) -> Exit {
    match stop {
        Stop::Clap(error) => {
            let _ = error.print();
            if error.use_stderr() { Exit::Usage } else { Exit::Done }
        }
        Stop::Error(error) => {
            let voice = Voice { codes, ..Voice::default() };
            finish(&Ui::new(Format::Text, Format::Text, voice), Err(error))
        }
    }
}

fn one_step<T: Into<SetupArgs> + clap::Args>(
    args: OneStepArgs<T>,
    voice: Voice,
    origins: Origins,
    step: Step,
) -> Exit {
    let goal = if args.undo { Goal::Undo(Undo::Only(step)) } else { Goal::Step(step) };
    let setup: SetupArgs = args.step.into();
    let act = Act::unless_dry_run(setup.drain.dry_run, None, None);
    in_cluster(setup, voice, origins, goal, act)
}

fn finish(ui: &Ui, result: Result<Exit>) -> Exit {
    match result {
        Ok(exit) => exit,
        Err(error) => {
            ui.error(&error);
            error.exit()
        }
    }
}

fn in_cluster(args: SetupArgs, voice: Voice, origins: Origins, goal: Goal, act: Act) -> Exit {
    let ui = Ui::new(args.step.output.output, args.step.output.events, voice);
    // `detect-cni` only reads, so it needs no confirmation.
    let read_only = matches!(act, Act::Show(_)) || goal == Goal::Step(Step::DetectCni);
    let settings = Settings::new(args, origins, read_only);
    finish(&ui, settings.and_then(|settings| wait(work(&ui, goal, settings, &act))))
}

fn wait(work: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Error::failed("start the runtime").because(error))?.block_on(work)
}

/// Reads the cluster for a command that changes nothing.
async fn read(ui: &Ui, settings: Settings, reading: Reading) -> Result<Session> {
    let events = ui.sink();
    let interrupt = Interrupt::listen(ui.signals(events.clone()));
    ui.reading();
    let (session, _) = run::connect(Goal::Setup, settings, events, interrupt, reading).await?;
    Ok(session)
}

/// Settings of the commands that only read.
fn only_target(target: TargetArgs, origins: Origins) -> Result<Settings> {
    Settings::new(target.into(), origins, true)
}
