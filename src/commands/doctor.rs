//! `doctor`: explains what is wrong with a cluster, and how to fix it.

use std::fs::File;
use std::io::Write;

use crate::cli::DoctorArgs;
use crate::discover::Reading;
use crate::doctor as doctors;
use crate::error::Error;
use crate::exit::Exit;
use crate::k8s::{lock, symptoms};
use crate::log;
use crate::run;
use crate::settings::Origins;
use crate::ui::{Ui, Voice};
use crate::verify::{self as proofs, Expected};

use super::{finish, only_target, read, wait};

pub(super) fn doctor(args: DoctorArgs, voice: Voice, origins: Origins) -> Exit {
    let ui = Ui::new(args.output.output, args.output.events, voice);
    let result = only_target(args.target, origins).and_then(|settings| {
        wait(async {
            let mut session = read(&ui, settings, Reading::Partial).await?;
            run::read_group_users(&mut session, false).await;
            let mut symptoms = symptoms::read(&session.clients.kube.client, &session.facts).await?;
            match lock::holder(&session.clients.kube.client).await {
                Ok(holder) => symptoms.run_at_work = holder.is_some(),
                Err(error) => drop(symptoms.unread.insert("whether a run is active", error.in_short())),
            }
            let diagnoses = doctors::diagnose(&session.scene(), &symptoms);
            if let Some(path) = &args.bundle {
                let report = proofs::verify(&session.facts, &Expected::default());
                let bytes =
                    doctors::bundle(&session.facts, &report, &diagnoses, log::recent(), args.mask_account)?;
                let written = File::create_new(path).and_then(|mut file| file.write_all(&bytes));
                written.map_err(|error| {
                    Error::failed("write the bundle").at(path.display().to_string()).because(error)
                })?;
                ui.say(&format!("facts and issues are in {}", path.display()));
            }
            ui.diagnoses(&diagnoses);
            Ok(if diagnoses.healthy { Exit::Done } else { Exit::Unproven })
        })
    });
    finish(&ui, result)
}
