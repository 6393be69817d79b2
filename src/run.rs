//! A run: connects, reads, checks, and applies a plan.

mod connect;
mod step;

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::calls::{Calls, Count};
use crate::checks::{Scene, check, others};
use crate::discover::{Reading, Section};
use crate::error::{Error, Halfway, Result};
use crate::events::{Event, Events, Interrupt};
use crate::exit::Exit;
use crate::facts::Record;
use crate::fixes;
use crate::issue::{Issue, Severity};
use crate::k8s::lock::{self, Lock};
use crate::k8s::record;
use crate::permissions;
use crate::plan::{Plan, StepPlan, plan};
use crate::saved::Saved;
use crate::session::{CONSISTENCY, Seen, Session, until};
use crate::settings::Settings;
use crate::step::{Step, Undo};
use crate::steps::{Rules, with_rules};
use crate::verify::{Before, Expected, may_resolve_itself, verify};
use crate::words::counted;

pub use connect::connect;
use step::carry_out;

/// The result of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    pub format_version: u32,
    pub cluster: String,
    /// Whether everything requested is done.
    pub done: bool,
    pub steps: Vec<StepOutcome>,
    pub seconds: f64,
    pub calls: Count,
}

#[derive(Debug, Clone, Serialize)]
pub struct StepOutcome {
    pub step: Step,
    pub changes: usize,
    pub seconds: f64,
    pub calls: Count,
}

/// A cluster that was read, and its plan.
pub struct Prepared {
    pub session: Session,
    pub plan: Plan,
    pub steps: Vec<Step>,
    /// The saved plan that must match.
    saved: Option<Saved>,
    /// The workloads before the first change.
    before: Before,
    calls: Calls,
    started: Instant,
}

/// Plans these steps.
pub async fn prepare(
    settings: Settings,
    steps: &[Step],
    events: Events,
    interrupt: Interrupt,
) -> Result<Prepared> {
    let started = Instant::now();
    let (mut session, calls) = connect(settings, events, interrupt, Reading::Whole).await?;
    read_group_users(&mut session, true).await;
    read_permissions(&mut session, steps).await;
    let plan = make_plan(&session, steps);
    let before = Before::of(&session.facts);
    Ok(Prepared { session, plan, steps: steps.to_vec(), saved: None, before, calls, started })
}

/// Reads the network interfaces in security groups that would not admit pods, if there are such groups. `planned`: for
/// the pods' designed network rather than the current one.
pub async fn read_group_users(session: &mut Session, planned: bool) {
    let admission = match planned {
        true => others::Admission::planned(&session.design, &session.facts),
        false => others::Admission::current(&session.design, &session.facts),
    };
    let groups: Vec<String> = admission.groups(&session.design, &session.facts).into_iter().collect();
    if groups.is_empty() || session.settings.undo.is_some() {
        return;
    }
    match session.clients.aws.ec2.interfaces_with_groups(&groups).await {
        Ok(interfaces) => session.facts.neighbours.interfaces = interfaces,
        Err(error) => {
            session.facts.neighbours.unknown.insert(others::UNKNOWN, error.in_short());
        }
    }
}

/// Checks before the first change whether the caller has the permissions for these steps.
async fn read_permissions(session: &mut Session, steps: &[Step]) {
    let undo = session.settings.undo.is_some();
    let is_busy = |step: &Step| with_rules!(*step, undo, R => !R::changes(&session.design, &session.facts, &session.settings).is_empty());
    let busy: Vec<Step> = steps.iter().copied().filter(is_busy).collect();
    session.facts.permissions = permissions::read(session, &busy).await;
}

fn make_plan(session: &Session, steps: &[Step]) -> Plan {
    let scene = Scene { settings: &session.settings, facts: &session.facts, design: &session.design, steps };
    let mut findings = check(&scene);
    match (steps, session.settings.undo) {
        ([step], None) => findings.extend(unmet_needs(session, *step)),
        (_, Some(Undo { only: Some(step), .. })) => findings.extend(undo_needed_first(session, step)),
        _ => {}
    }
    plan(&session.design, &session.facts, &session.settings, steps, findings)
}

/// For a step that is run alone: an error for each step that it needs and that still has changes.
fn unmet_needs(session: &Session, step: Step) -> Vec<Issue> {
    let left = plan(&session.design, &session.facts, &session.settings, step.needs(), Vec::new());
    // Cleaning up after an interrupted drain needs no other step.
    if step == Step::DrainNodes && session.settings.keep_old_nodes {
        return Vec::new();
    }
    // A step without changes needs no other step.
    let itself = plan(&session.design, &session.facts, &session.settings, &[step], Vec::new());
    if itself.changes() == 0 {
        return Vec::new();
    }
    let unmet = left.steps.into_iter().filter(|step| !step.changes.is_empty());
    unmet
        .map(|needed| {
            Issue::error("EC-RUN-001", format!("{} must run before {}", needed.step.name(), step.name()))
                .at(needed
                    .changes
                    .iter()
                    .map(|change| change.resource.clone())
                    .collect::<Vec<_>>()
                    .join(", "))
                .why("these changes are not made yet")
                .fix(format!("eni-custom {}", needed.step.name()))
        })
        .collect()
}

/// For a step that is undone alone: an error for each step that must be undone first.
fn undo_needed_first(session: &Session, step: Step) -> Vec<Issue> {
    // Each is planned alone, because what a step undoes depends on the other steps of the undo.
    let others = step.undo_first().into_iter().flat_map(|other| {
        let mut settings = session.settings.clone();
        settings.undo = Some(Undo { only: Some(other), ..Undo::default() });
        plan(&session.design, &session.facts, &settings, &[other], Vec::new()).steps
    });
    let others = others.filter(|other| !other.changes.is_empty());
    let finding = |other: StepPlan| {
        let what = format!("{} must be undone before {}", other.step.name(), step.name());
        let resources: Vec<String> = other.changes.iter().map(|change| change.resource.clone()).collect();
        Issue::error("EC-RUN-001", what)
            .at(resources.join(", "))
            .why("these resources depend on what would be deleted")
            .fix(format!("eni-custom {} --undo", other.step.name()))
    };
    others.map(finding).collect()
}

impl Prepared {
    /// Requires the plan to match this saved plan, now and before the first change.
    pub fn require_saved(&mut self, saved: Saved) -> Result<()> {
        saved.is_for(&self.session.facts.caller, &self.session.facts.cluster)?;
        self.saved = Some(saved);
        self.refuse_drift()
    }

    fn refuse_drift(&self) -> Result<()> {
        let Session { design, facts, settings, .. } = &self.session;
        let drift = self.saved.as_ref().map(|saved| saved.drift(&self.plan, design, facts, settings));
        match drift {
            Some(drift) if !drift.is_empty() => Err(Error::refused_by(drift)),
            _ => Ok(()),
        }
    }

    /// Errors if a check failed or a risk was not accepted, before anything is changed.
    pub fn refuse(&self) -> Result<()> {
        let errors = self.plan.errors();
        if !errors.is_empty() {
            return Err(Error::refused_by(errors));
        }
        let risks = self.plan.open_risks();
        if risks.is_empty() { Ok(()) } else { Err(Error::refused_for_risks(risks)) }
    }

    /// Accepts findings that a person has confirmed.
    pub fn accept(&mut self, findings: &[Issue]) {
        let accepted = &mut self.session.settings.accept;
        accepted.extend(findings.iter().map(|finding| finding.id.to_string()));
        for finding in &mut self.plan.findings {
            *finding = finding.clone().judged(accepted);
        }
    }

    /// Reads and plans again after questions: answers may need more facts, and the cluster may have changed meanwhile.
    pub async fn replan(&mut self, steps: Vec<Step>) -> Result<()> {
        self.session.observe().await?;
        read_group_users(&mut self.session, true).await;
        read_permissions(&mut self.session, &steps).await;
        self.plan = make_plan(&self.session, &steps);
        self.steps = steps;
        Ok(())
    }

    /// Whether there is anything to change. A full undo also deletes the record.
    pub fn has_work(&self) -> bool {
        let Session { settings, facts, .. } = &self.session;
        self.plan.changes() > 0
            || (settings.undo == Some(Undo::default()) && facts.record != Record::default())
    }

    /// Makes the changes. A run with nothing to do makes no write call.
    pub async fn apply(mut self) -> Result<Outcome> {
        self.refuse()?;
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
            if self.session.settings.undo.is_some() {
                step::blocks_visible(&mut self.session).await?;
            }
            self.plan = make_plan(&self.session, &self.steps);
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
        let of = self.steps.len();
        for step in self.steps.clone() {
            let started = Instant::now();
            let before = self.calls.count();
            let undo = self.session.settings.undo.is_some();
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
        match self.session.settings.undo {
            Some(undo) => self.forget(undo).await?,
            None if of > 1 => self.prove(changed).await?,
            None => {}
        }
        Ok(outcomes)
    }

    /// Adds to the error of a run of several steps where it stopped, and the commands to resume and to undo.
    fn halfway(&self, error: Error, step: Step, done: &[StepOutcome]) -> Error {
        let settings = &self.session.settings;
        if self.steps.len() == 1 {
            return error;
        }
        let (resume, undo) = match settings.undo {
            Some(_) => (settings.command_line("undo"), None),
            None => (settings.command_line("setup"), Some(settings.undo_command())),
        };
        let not_begun = self.steps.iter().copied().skip_while(|each| *each != step).skip(1).collect();
        let done = done.iter().map(|outcome| outcome.step).collect();
        error.halfway(Halfway { done, stopped_in: step, not_begun, resume, undo })
    }

    /// Deletes the record last, when nothing that it describes is left.
    async fn forget(&mut self, undo: Undo) -> Result<()> {
        if undo != Undo::default() {
            return Ok(());
        }
        self.session.observe().await?;
        let left = plan(
            &self.session.design,
            &self.session.facts,
            &self.session.settings,
            &Step::undo_order(undo),
            Vec::new(),
        );
        let left: Vec<String> =
            left.steps.iter().flat_map(|step| &step.changes).map(|change| change.resource.clone()).collect();
        if !left.is_empty() {
            return Err(Error::unproven("the undo is not complete")
                .because(left.join(", "))
                .fix("run undo again; to see what is left: eni-custom undo --plan"));
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
        let patience = session.settings.timeout.min(Duration::from_secs(120));
        let started = Instant::now();
        let mut attempts = 0;
        // The failed checks of the last attempt.
        let mut wrong: Vec<Issue> = Vec::new();
        let proven = until(&events, &interrupt, patience, "the end state to be proven", async || {
            attempts += 1;
            match attempts {
                1 if changed => session.observe().await?,
                1 => {}
                _ => session.read(&Section::WAITED_FOR).await?,
            }
            let expected = Expected::of(&session.design, &session.facts, &session.settings);
            let expected = Expected { before: Some(self.before.clone()), ..expected };
            let report = verify(&session.facts, &expected);
            let failed = report.checks().filter(|check| check.severity == Severity::Error);
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
        let Session { design, facts, settings, .. } = &self.session;
        let left = plan(design, facts, settings, &self.steps, Vec::new()).changes();
        let next = match left {
            0 => {
                let keep = if settings.keep_old_nodes { " --keep-old-nodes" } else { "" };
                let verify = fixes::ours(facts, "verify");
                format!("fix the issues above, then check again: {verify}{keep}")
            }
            left => {
                format!("make the {}: {}", counted(left, "remaining change"), settings.command_line("setup"))
            }
        };
        Error::unproven_by(
            "the changes were made, but the end state is not proven",
            wrong.iter().filter(|issue| !issue.is_passed()).cloned().collect(),
        )
        .fix(next)
    }
}

/// Errors if another run holds the lock, before a person is asked anything.
pub async fn refuse_if_locked(session: &Session) -> Result<()> {
    match lock::holder(&session.clients.kube.client).await? {
        Some(live) => Err(lock::held(&live)),
        None => Ok(()),
    }
}
