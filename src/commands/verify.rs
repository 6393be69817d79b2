//! `verify`: checks that custom networking works.

use crate::cli::VerifyArgs;
use crate::discover::Reading;
use crate::events::Interrupt;
use crate::exit::Exit;
use crate::goal::Goal;
use crate::probe::probe;
use crate::run;
use crate::settings::Origins;
use crate::ui::{Ui, Voice};
use crate::verify::{self as proofs, Expected};

use super::{finish, only_target, wait};

pub(super) fn verify(args: VerifyArgs, voice: Voice, origins: Origins) -> Exit {
    let ui = Ui::new(args.output.output.plain(), args.output.events, voice);
    let VerifyArgs { target, keep_old_nodes, probe: options, output } = args;
    let result = only_target(target, origins).and_then(|settings| {
        wait(async {
            let interrupt = Interrupt::listen();
            let (session, _) =
                run::connect(Goal::Setup, settings, ui.sink(), interrupt, Reading::Partial).await?;
            let expected = Expected { old_may_stay: keep_old_nodes, ..Expected::default() };
            let mut report = proofs::verify(&session.facts, &expected);
            if options.probe {
                report = report.with(probe(&session, &options.options()).await?);
            }
            ui.report(&report, output.output);
            Ok(if report.proven { Exit::Done } else { Exit::Unproven })
        })
    });
    finish(&ui, result)
}
