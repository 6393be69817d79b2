//! Commands that only look: verify, doctor and status.

use crate::checks::Scene;
use crate::cli::{DoctorArgs, SetupArgs, TargetArgs, VerifyArgs};
use crate::discover::Reading;
use crate::doctor as doctors;
use crate::error::{Error, Result};
use crate::events::Interrupt;
use crate::exit::Exit;
use crate::k8s::{lock, symptoms};
use crate::run;
use crate::settings::{Origins, Settings};
use crate::ui::Ui;
use crate::verify::{self as proofs, Expected};
use crate::walk::Walk;

use super::{told, wait};

pub fn verify(args: VerifyArgs, origins: Origins) -> Exit {
    let ui = Ui::new(args.output.output.plain(), args.output.events);
    let VerifyArgs { target, keep_old_nodes, probe, output } = args;
    let result = only_target(target, origins).and_then(|settings| {
        wait(async {
            let interrupt = Interrupt::listen();
            let (walk, _) = run::connect(settings, ui.sink(), interrupt, Reading::Partial).await?;
            let expected = Expected { old_may_stay: keep_old_nodes, ..Expected::default() };
            let mut report = proofs::verify(&walk.facts, &expected);
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

pub fn doctor(args: DoctorArgs, origins: Origins) -> Exit {
    let ui = Ui::new(args.output.output, args.output.events);
    let result = only_target(args.target, origins).and_then(|settings| {
        wait(async {
            let (mut walk, _) =
                run::connect(settings, ui.sink(), Interrupt::default(), Reading::Partial).await?;
            run::look_around(&mut walk, false).await;
            let mut symptoms = symptoms::read(&walk.clients.kube.client, &walk.facts).await?;
            match lock::holder(&walk.clients.kube.client).await {
                Ok(holder) => symptoms.run_at_work = holder.is_some(),
                Err(error) => drop(symptoms.unread.insert("whether a run is at work", error.in_short())),
            }
            let Walk { settings, facts, design, .. } = &walk;
            let diagnoses = doctors::diagnose(&Scene { settings, facts, design, steps: &[] }, &symptoms);
            if let Some(path) = &args.bundle {
                let report = proofs::verify(&walk.facts, &Expected::default());
                let bytes = doctors::bundle(&walk.facts, &report, &diagnoses, args.mask_account)?;
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

pub async fn status(ui: &Ui, settings: Settings) -> Result<Exit> {
    let (walk, _) = run::connect(settings, ui.sink(), Interrupt::default(), Reading::Whole).await?;
    let holder = lock::holder(&walk.clients.kube.client).await?;
    ui.status(&crate::status::status(&walk.design, &walk.facts, &walk.settings, holder));
    Ok(Exit::Done)
}
