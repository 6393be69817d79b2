//! `verify`: checks that custom networking works.

mod wait;

use crate::cli::VerifyArgs;
use crate::discover::Reading;
use crate::error::Result;
use crate::exit::Exit;
use crate::probe::{Options, probe};
use crate::session::Session;
use crate::settings::Origins;
use crate::ui::{Ui, Voice, html};
use crate::verify::{self as proofs, Expected, Report};

use super::{finish, only_target, read, wait};

pub(super) fn verify(args: VerifyArgs, voice: Voice, origins: Origins) -> Exit {
    let ui = Ui::new(args.output.output, args.output.events, voice);
    let VerifyArgs { target, keep_old_nodes, wait: patience, probe: options, html: page, output } = args;
    let checks = Checks {
        expected: Expected { old_may_stay: keep_old_nodes, ..Expected::default() },
        probe: options.probe.then(|| options.options()),
    };
    let result = only_target(target, origins).and_then(|settings| {
        page.as_deref().map_or(Ok(()), html::may_write)?;
        wait(async {
            let mut session = read(&ui, settings, Reading::Partial).await?;
            if checks.probe.is_some() {
                // The probe's pods must be deleted again.
                session.interrupt.begin_work();
            }
            let report = match patience {
                Some(patience) => Box::pin(wait::until_proven(&mut session, &checks, patience)).await?,
                None => checks.of(&session).await?,
            };
            ui.report(&report, output.output);
            if let Some(path) = &page {
                html::write(&html::report(&report, &session.facts), path)?;
                ui.say(&format!("The results as a page: {}", path.display()));
            }
            Ok(if report.proven { Exit::Done } else { Exit::Unproven })
        })
    });
    finish(&ui, result)
}

/// What is checked.
struct Checks {
    expected: Expected,
    /// `None` without `--probe`.
    probe: Option<Options>,
}

impl Checks {
    /// All checks on the facts that were read.
    async fn of(&self, session: &Session) -> Result<Report> {
        let report = proofs::verify(&session.facts, &self.expected);
        self.probed(session, report).await
    }

    async fn probed(&self, session: &Session, report: Report) -> Result<Report> {
        match &self.probe {
            Some(options) => Ok(report.with(probe(session, options).await?)),
            None => Ok(report),
        }
    }
}
