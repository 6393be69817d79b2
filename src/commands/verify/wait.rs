//! `verify --wait`: checks again until all checks pass.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::discover::Reading;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::issue::{Id, Issue, Severity};
use crate::run;
use crate::session::Session;
use crate::text::{counted, few};
use crate::verify::{self as proofs, Report};

use super::Checks;

/// The shortest pause between two rounds.
const PAUSE: Duration = Duration::from_secs(5);

/// The first report in which all checks pass, or the last one when the time is over. Prints what changes.
///
/// The cluster could be read once, so a read that fails later is repeated too: the API server may be upgraded meanwhile.
pub(super) async fn until_proven(
    session: &mut Session,
    checks: &Checks,
    patience: Duration,
) -> Result<Report> {
    let started = Instant::now();
    let mut open = Open::default();
    let mut read = Ok(Duration::ZERO);
    loop {
        let mut report = proofs::verify(&session.facts, &checks.expected);
        if read.is_ok() {
            // The probe's pods are started only when nothing else is left to fail.
            if report.proven {
                report = checks.probed(session, report).await?;
            }
            for line in open.update(&report) {
                session.events.note(line);
            }
            if report.proven {
                return Ok(report);
            }
        }
        let elapsed = started.elapsed();
        let Some(left) = patience.checked_sub(elapsed).filter(|left| !left.is_zero()) else {
            return read.map(|_| report);
        };
        let detail = match &read {
            Ok(_) => open.in_short(),
            Err(error) => error.to_string(),
        };
        let what = "all checks to pass".to_string();
        session.events.emit(Event::Waiting {
            what,
            detail,
            seconds: elapsed.as_secs(),
            part: None,
            drain: None,
        });
        // A large cluster is read for at most half of the time.
        let pause = read.as_ref().map_or(PAUSE, |took| PAUSE.max(*took));
        let interrupt = session.interrupt.clone();
        tokio::select! {
            () = tokio::time::sleep(pause.min(left)) => {}
            () = interrupt.wait() => return Err(Error::interrupted()),
        }
        let reading = Instant::now();
        read = tokio::select! {
            read = run::read_again(session, Reading::Partial) => read.map(|()| reading.elapsed()),
            () = interrupt.wait() => return Err(Error::interrupted()),
        };
    }
}

/// The checks that do not pass yet.
#[derive(Default)]
struct Open(BTreeMap<(Id, String), String>);

impl Open {
    /// Takes the checks of a report. Returns a line for each that is new, changed or passes now.
    fn update(&mut self, report: &Report) -> Vec<String> {
        let stops = |check: &&Issue| matches!(check.severity(), Severity::Error | Severity::Unknown);
        let now: BTreeMap<(Id, String), String> = report
            .checks()
            .filter(stops)
            .map(|check| ((check.id, check.place.clone()), said(check)))
            .collect();
        let passes =
            self.0.keys().filter(|key| !now.contains_key(*key)).map(|(id, place)| match place.is_empty() {
                true => format!("passes now: {id}"),
                false => format!("passes now: {id} {place}"),
            });
        let fails =
            now.iter().filter(|(key, said)| self.0.get(*key) != Some(*said)).map(|(_, said)| said.clone());
        let lines = passes.chain(fails).collect();
        self.0 = now;
        lines
    }

    /// `2 checks fail: EC-VFY-020, EC-VFY-021`
    fn in_short(&self) -> String {
        let mut ids: Vec<String> = self.0.keys().map(|(id, _)| id.to_string()).collect();
        ids.dedup();
        format!("{} left: {}", counted(self.0.len(), "check"), few(&ids))
    }
}

fn said(check: &Issue) -> String {
    let fails = if check.severity() == Severity::Unknown { "unknown" } else { "fails" };
    let place = if check.place.is_empty() { String::new() } else { format!(" ({})", check.place) };
    format!("{fails}: {} {}{place}", check.id, check.what)
}

#[cfg(test)]
mod tests {
    use crate::issue::id;
    use crate::verify::ReportSection;

    use super::*;

    fn report(checks: Vec<Issue>) -> Report {
        let empty = Report {
            format_version: 2,
            cluster: String::new(),
            account: String::new(),
            region: String::new(),
            proven: true,
            sections: Vec::new(),
        };
        empty.with(ReportSection::new("nodes", checks))
    }

    #[test]
    fn each_check_is_named_when_it_changes_and_only_then() {
        let waits = |nodes: &str| Issue::error(id::VFY_020, format!("{nodes} not Ready")).at("ip-10-0-0-1");
        let unknown = || Issue::unknown(id::VFY_016, "security groups", "denied");
        let passed = || Issue::passed(id::VFY_022, "all have an interface");
        let mut open = Open::default();
        assert_eq!(
            open.update(&report(vec![waits("2 nodes are"), unknown(), passed()])),
            ["unknown: EC-VFY-016 security groups", "fails: EC-VFY-020 2 nodes are not Ready (ip-10-0-0-1)"]
        );
        assert_eq!(open.in_short(), "2 checks left: EC-VFY-016, EC-VFY-020");
        assert_eq!(open.update(&report(vec![waits("2 nodes are"), unknown()])), [""; 0]);
        assert_eq!(
            open.update(&report(vec![waits("1 node is")])),
            ["passes now: EC-VFY-016", "fails: EC-VFY-020 1 node is not Ready (ip-10-0-0-1)"]
        );
        assert_eq!(open.update(&report(vec![passed()])), ["passes now: EC-VFY-020 ip-10-0-0-1"]);
    }
}
