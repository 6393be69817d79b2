//! What each subcommand does, from its arguments to its exit code.

mod change;
mod doctor;
mod iam_policy;
mod max_pods;
mod plan;
mod schema;
mod status;
mod verify;

use clap::CommandFactory;

use crate::cli::{ApplyArgs, Cli, Command, OneStepArgs, PlanArgs, SetupArgs, TargetArgs};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::log;
use crate::settings::{Origins, Settings};
use crate::step::{Step, Undo};
use crate::ui::{self, Format, Ui, Voice};

use change::{Task, work};
use plan::Show;

/// Runs a subcommand.
pub fn run(Cli { command, voice: given }: Cli, origins: Origins) -> Exit {
    let voice = given.voice();
    let bundled = matches!(&command, Command::Doctor(args) if args.bundle.is_some());
    if let Err(error) = log::start(given.log.as_deref(), given.verbose, bundled) {
        return finish(&Ui::new(Format::Text, Format::Text, voice), Err(error));
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    tracing::info!("eni-custom {} {}", env!("CARGO_PKG_VERSION"), arguments.join(" "));
    match command {
        Command::Setup(ApplyArgs { all, plan }) => in_cluster(all, voice, origins, Task::Setup { plan }),
        Command::Plan(PlanArgs { all, detailed_exitcode, out, export, force }) => {
            in_cluster(all, voice, origins, Task::Plan(Show { detailed_exitcode, out, export, force }))
        }
        Command::Undo(args) => {
            let undo = Undo { to_step: args.to_step, keep_nodes: args.keep_nodes, only: None };
            in_cluster(args.into(), voice, origins, Task::Undo(undo))
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
        Command::Status(args) => in_cluster(args, voice, origins, Task::Status),
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
            clap_complete::generate(shell, &mut Cli::command(), "eni-custom", &mut script);
            Ui::raw(&script);
            Exit::Done
        }
    }
}

/// An error before there is a subcommand.
pub fn usage_error(error: &Error) -> Exit {
    Ui::new(Format::Text, Format::Text, Voice::default()).error(error);
    error.exit()
}

fn one_step<T: Into<SetupArgs> + clap::Args>(
    args: OneStepArgs<T>,
    voice: Voice,
    origins: Origins,
    step: Step,
) -> Exit {
    let task = match args.undo {
        true => Task::Undo(Undo { only: Some(step), ..Undo::default() }),
        false => Task::Step(step),
    };
    in_cluster(args.step.into(), voice, origins, task)
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

fn in_cluster(args: SetupArgs, voice: Voice, origins: Origins, task: Task) -> Exit {
    let ui = Ui::new(args.step.output.output, args.step.output.events, voice);
    let result = Settings::new(args, origins).and_then(|settings| match &task {
        Task::Status => wait(status::status(&ui, settings)),
        task => wait(work(&ui, settings, task)),
    });
    // With --detailed-exitcode 2 means that there are changes.
    let detailed = matches!(task, Task::Plan(Show { detailed_exitcode: true, .. }));
    let misused = result.as_ref().is_err_and(|error| error.exit() == Exit::Usage);
    let exit = finish(&ui, result);
    if detailed && misused { Exit::Failed } else { exit }
}

fn wait(work: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Error::failed("start the runtime").because(error))?.block_on(work)
}

/// Settings of the commands that only read.
fn only_target(target: TargetArgs, origins: Origins) -> Result<Settings> {
    let args = SetupArgs::of_target(target).map_err(|error| Error::usage(error.to_string()))?;
    Settings::new(args, origins)
}
