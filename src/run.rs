//! A run: connects, reads, checks, and applies a plan.

mod connect;
mod step;

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::calls::{Calls, Count};
use crate::checks::{check, others};
use crate::discover::{Reading, Section};
use crate::error::{Error, Halfway, Result};
use crate::events::{Event, Events, Interrupt, PlannedStep};
use crate::exit::Exit;
use crate::facts::Record;
use crate::fixes;
use crate::goal::{Goal, Undo};
use crate::issue::{Issue, Severity};
use crate::k8s::lock::{self, Lock};
use crate::k8s::record;
use crate::permissions;
use crate::plan::{Plan, plan, unmet_needs};
use crate::saved::Saved;
use crate::session::{CONSISTENCY, Seen, Session, until};
use crate::settings::Settings;
use crate::step::Step;
use crate::steps::{Rules, with_rules};
use crate::text::counted;
use crate::verify::{Before, Expected, may_resolve_itself, verify};

pub(crate) use connect::{Clusters, clusters, connect, missing_target, read_again};
use step::carry_out;

/// The result of a run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Outcome {
    pub format_version: u32,
    pub cluster: String,
    /// Whether everything requested is done.
    pub done: bool,
    pub steps: Vec<StepOutcome>,
    pub seconds: f64,
    pub calls: Count,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct StepOutcome {
    pub step: Step,
    pub changes: usize,
    pub seconds: f64,
    pub calls: Count,
}

/// A cluster that was read, and its plan.
pub(crate) struct Prepared {
    pub session: Session,
    pub plan: Plan,
    /// The saved plan that must match.
    saved: Option<Saved>,
    /// The workloads before the first change.
    before: Before,
    calls: Calls,
    started: Instant,
}

/// Reads the cluster and plans the steps of the goal.
pub(crate) async fn prepare(
    goal: Goal,
    settings: Settings,
    events: Events,
    interrupt: Interrupt,
) -> Result<Prepared> {
    let started = Instant::now();
    let (session, calls) = connect(goal, settings, events, interrupt, Reading::Whole).await?;
    Ok(Box::pin(planned(session, calls, started)).await)
}

/// Plans the steps of the goal with clients of a test.
#[cfg(test)]
pub(crate) async fn prepare_with(
    connected: connect::Connected,
    goal: Goal,
    settings: Settings,
    events: Events,
    interrupt: Interrupt,
) -> Result<Prepared> {
    let session = connect::read(connected, goal, settings, events, interrupt, Reading::Whole).await?;
    Ok(Box::pin(planned(session, Calls::default(), Instant::now())).await)
}

async fn planned(mut session: Session, calls: Calls, started: Instant) -> Prepared {
    read_group_users(&mut session, true).await;
    read_permissions(&mut session).await;
    let plan = make_plan(&session);
    let before = Before::of(&session.facts);
    Prepared { session, plan, saved: None, before, calls, started }
}

/// Reads the network interfaces in security groups that would not admit pods, if there are such groups. `planned`: for
/// the pods' designed network rather than the current one.
pub(crate) async fn read_group_users(session: &mut Session, planned: bool) {
    let admission = match planned {
        true => others::Admission::planned(&session.design, &session.facts),
        false => others::Admission::current(&session.design, &session.facts),
    };
    let groups: Vec<String> = admission.groups(&session.design, &session.facts).into_iter().collect();
    if groups.is_empty() || session.goal.is_undo() {
        return;
    }
    match session.clients.aws.ec2.interfaces_with_groups(&groups).await {
        Ok(interfaces) => session.facts.integrations.interfaces = interfaces,
        Err(error) => {
            session.facts.integrations.unknown.insert(others::UNKNOWN, error.in_short());
        }
    }
}

/// Checks before the first change whether the caller has the permissions for the steps that have changes.
async fn read_permissions(session: &mut Session) {
    let scene = session.scene();
    let is_busy = |step: &Step| with_rules!(*step, scene.goal.is_undo(), R => !R::changes(&scene).is_empty());
    let busy: Vec<Step> = scene.steps().into_iter().filter(is_busy).collect();
    session.facts.permissions = permissions::read(session, &busy).await;
}

/// The plan with the findings of all checks.
fn make_plan(session: &Session) -> Plan {
    let scene = session.scene();
    let mut findings = check(&scene);
    findings.extend(unmet_needs(&scene));
    plan(&scene, findings)
}

impl Prepared {
    /// Requires the plan to match this saved plan, now and before the first change.
    pub(crate) fn require_saved(&mut self, saved: Saved) -> Result<()> {
        saved.is_for(&self.session.facts.caller, &self.session.facts.cluster)?;
        self.saved = Some(saved);
        self.refuse_drift()
    }

    fn refuse_drift(&self) -> Result<()> {
        let drift = self.saved.as_ref().map(|saved| saved.drift(&self.plan, &self.session.scene()));
        match drift {
            Some(drift) if !drift.is_empty() => Err(Error::refused_by(drift)),
            _ => Ok(()),
        }
    }

    /// Errors if a check failed.
    pub(crate) fn refuse_errors(&self) -> Result<()> {
        let errors = self.plan.errors();
        if errors.is_empty() { Ok(()) } else { Err(Error::refused_by(errors)) }
    }

    /// Errors if a check failed or a risk was not accepted, before anything is changed.
    pub(crate) fn refuse(&self) -> Result<()> {
        let (errors, risks) = (self.plan.errors(), self.plan.open_risks());
        match (errors.is_empty(), risks.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => Err(Error::refused_for_risks(risks)),
            // The risks too, so that one more run is enough.
            (false, _) => Err(Error::refused_by([errors, risks].concat())),
        }
    }

    /// Accepts findings that a person has confirmed.
    pub(crate) fn accept(&mut self, findings: &[Issue]) {
        let ids = findings.iter().map(|finding| finding.id);
        self.session.settings = self.session.settings.clone().accepting(ids);
        for finding in &mut self.plan.findings {
            *finding = finding.clone().judged(&self.session.settings.run.accept);
        }
    }

    /// Reads and plans again with the answers of a user: they may need more facts, and the cluster may have changed
    /// meanwhile.
    pub(crate) async fn replan(&mut self, settings: Settings) -> Result<()> {
        self.session.settings = settings;
        self.session.observe().await?;
        read_group_users(&mut self.session, true).await;
        read_permissions(&mut self.session).await;
        self.plan = make_plan(&self.session);
        Ok(())
    }

    /// Whether there is anything to change. A full undo also deletes the record.
    pub(crate) fn has_work(&self) -> bool {
        let Session { goal, facts, .. } = &self.session;
        self.plan.changes() > 0 || (*goal == Goal::Undo(Undo::WHOLE) && facts.record != Record::default())
    }

    /// Makes the changes. A run with nothing to do makes no write call.
    pub(crate) async fn apply(mut self) -> Result<Outcome> {
        self.refuse()?;
        self.session.interrupt.begin_work();
        let lock = if self.has_work() { Some(self.lock().await?) } else { None };
        let result = self.carry_out_all().await;
        if let Some(lock) = lock {
            let released = lock.release().await;
            // The first error is the one to report.
            if result.is_ok() {
                released?;
            }
        }
        let steps = result?;
        Ok(Outcome {
            format_version: 1,
            cluster: self.session.facts.cluster.arn.clone(),
            done: true,
            steps,
            seconds: self.started.elapsed().as_secs_f64(),
            calls: self.calls.count(),
        })
    }

    /// Takes the lock, then reads again: another run may have made changes until now.
    async fn lock(&mut self) -> Result<Lock> {
        let lock = Lock::take(&self.session.clients.kube.client).await?;
        self.session.lock_lost = lock.lost();
        let checked = async {
            self.session.observe().await?;
            if self.session.goal.is_undo() {
                step::blocks_visible(&mut self.session).await?;
            }
            self.plan = make_plan(&self.session);
            self.refuse_drift()?;
            self.refuse()
        };
        match checked.await {
            Ok(()) => Ok(lock),
            Err(error) => {
                lock.release().await?;
                Err(error)
            }
        }
    }

    async fn carry_out_all(&mut self) -> Result<Vec<StepOutcome>> {
        let mut outcomes = Vec::new();
        let mut changed = false;
        let steps = self.session.scene().steps();
        let of = steps.len();
        self.session.events.emit(self.started());
        for step in steps {
            let started = Instant::now();
            let before = self.calls.count();
            let undo = self.session.goal.is_undo();
            self.session.events.emit(Event::StepStarted { step, number: step.number(), of, undo });
            let first = outcomes.is_empty();
            let carried_out =
                with_rules!(step, undo, R => carry_out::<R>(&mut self.session, first, changed).await);
            let changes = carried_out.map_err(|error| self.halfway(error, step, &outcomes))?;
            changed |= changes > 0;
            let outcome = StepOutcome {
                step,
                changes,
                seconds: started.elapsed().as_secs_f64(),
                calls: self.calls.count().since(before),
            };
            self.session.events.emit(Event::StepDone {
                step,
                changes,
                seconds: outcome.seconds,
                calls: outcome.calls,
            });
            outcomes.push(outcome);
        }
        match self.session.goal {
            Goal::Undo(Undo::WHOLE) => self.forget().await?,
            Goal::Setup => self.prove(changed).await?,
            Goal::Step(_) | Goal::Undo(_) => {}
        }
        Ok(outcomes)
    }

    /// The steps as they were planned with the lock held.
    fn started(&self) -> Event {
        let planned = self.plan.steps.iter().map(|step| PlannedStep {
            step: step.step,
            number: step.number,
            changes: step.changes.len(),
            estimated_seconds: step.estimated_seconds,
        });
        Event::RunStarted { undo: self.plan.undo, steps: planned.collect() }
    }

    /// Adds to the error of a run of several steps where it stopped, and the commands to resume and to undo.
    fn halfway(&self, error: Error, step: Step, done: &[StepOutcome]) -> Error {
        let Session { settings, goal, .. } = &self.session;
        let steps = self.session.scene().steps();
        if steps.len() == 1 {
            return error;
        }
        let resume = settings.command_line(*goal);
        let undo = (!goal.is_undo()).then(|| settings.undo_command());
        let not_begun = steps.into_iter().skip_while(|each| *each != step).skip(1).collect();
        let done = done.iter().map(|outcome| outcome.step).collect();
        error.halfway(Halfway { done, stopped_in: step, not_begun, resume, undo })
    }

    /// Deletes the record last, when nothing that it describes is left.
    async fn forget(&mut self) -> Result<()> {
        self.session.observe().await?;
        let left = plan(&self.session.scene(), Vec::new());
        let left: Vec<String> =
            left.steps.iter().flat_map(|step| &step.changes).map(|change| change.resource.clone()).collect();
        if !left.is_empty() {
            return Err(Error::unproven("the undo is not complete").because(left.join(", ")).fix(format!(
                "run undo again; to see what is left: {}",
                fixes::command(&self.session.facts, "undo --dry-run")
            )));
        }
        if self.session.facts.record != Record::default() {
            record::delete(&self.session.clients.kube.client).await?;
        }
        Ok(())
    }

    /// Verifies the end state. Addresses and interfaces may appear with a delay; a problem that can't resolve itself is not
    /// waited for.
    async fn prove(&mut self, changed: bool) -> Result<()> {
        let session = &mut self.session;
        let (events, interrupt) = (session.events.clone(), session.interrupt.clone());
        let patience = session.settings.run.timeout.min(Duration::from_secs(120));
        let started = Instant::now();
        let mut attempts = 0;
        // The failed checks of the last attempt.
        let mut wrong: Vec<Issue> = Vec::new();
        let proven = until(&events, &interrupt, patience, "the end state to be verified", async || {
            attempts += 1;
            match attempts {
                1 if changed => session.observe().await?,
                1 => {}
                _ => session.read(&Section::WAITED_FOR).await?,
            }
            let expected = Expected::of(&session.scene());
            let expected = Expected { before: Some(self.before.clone()), ..expected };
            let report = verify(&session.facts, &expected);
            let failed = report.checks().filter(|check| check.severity() == Severity::Error);
            wrong = failed.cloned().collect();
            if wrong.is_empty() {
                return Ok(Seen::Yes(Some(report)));
            }
            // The facts may be stale for this long.
            if started.elapsed() >= CONSISTENCY && !wrong.iter().any(may_resolve_itself) {
                return Ok(Seen::Yes(None));
            }
            let failed: Vec<&str> = wrong.iter().map(|check| check.what.as_str()).collect();
            Ok(Seen::NotYet(failed.join("; ")))
        });
        match proven.await {
            Ok(Some(report)) => {
                for warning in report.checks().filter(|issue| !issue.is_passed()).cloned() {
                    session.events.emit(Event::Finding(warning));
                }
                session.events.emit(Event::Verified {
                    passed: report.count(Severity::Passed),
                    warnings: report.count(Severity::Warning),
                    unknown: report.count(Severity::Unknown),
                });
                Ok(())
            }
            Ok(None) => Err(self.unproven(&wrong)),
            // The wait timed out with failed checks; a failed call is reported as it is.
            Err(error) if error.exit() == Exit::Failed && error.code().is_empty() && !wrong.is_empty() => {
                Err(self.unproven(&wrong))
            }
            Err(error) => Err(error),
        }
    }

    /// The failed checks, and the command to continue with.
    fn unproven(&self, wrong: &[Issue]) -> Error {
        let Session { facts, settings, .. } = &self.session;
        let left = plan(&self.session.scene(), Vec::new()).changes();
        let next = match left {
            0 => {
                let keep = if settings.drain.keep_old_nodes { " --keep-old-nodes" } else { "" };
                let verify = fixes::command(facts, "verify");
                format!("fix the issues above, then check again: {verify}{keep}")
            }
            left => {
                format!(
                    "make the {}: {}",
                    counted(left, "remaining change"),
                    settings.command_line(Goal::Setup)
                )
            }
        };
        Error::unproven_by(
            "the changes were made, but the end state could not be verified",
            wrong.iter().filter(|issue| !issue.is_passed()).cloned().collect(),
        )
        .fix(next)
    }
}

/// Errors if another run holds the lock, before a person is asked anything.
pub(crate) async fn refuse_if_locked(session: &Session) -> Result<()> {
    match lock::holder(&session.clients.kube.client).await? {
        Some(live) => Err(lock::held(&live)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
