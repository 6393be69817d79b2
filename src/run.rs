//! Connects, reads, checks, and carries out a plan.

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
use crate::verify::{Before, Expected, may_still_come, verify};
use crate::words::subject;

pub use connect::connect;
use step::carry_out;

/// What a run came to.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    pub format_version: u32,
    pub cluster: String,
    /// Whether all that was asked is so now.
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

/// A cluster that was read, and what is planned for it.
pub struct Prepared {
    pub session: Session,
    pub plan: Plan,
    pub steps: Vec<Step>,
    /// What the plan must be the same as.
    saved: Option<Saved>,
    /// What ran before the first change.
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
    look_around(&mut session, true).await;
    ask_permissions(&mut session, steps).await;
    let plan = make_plan(&session, steps);
    let before = Before::of(&session.facts);
    Ok(Prepared { session, plan, steps: steps.to_vec(), saved: None, before, calls, started })
}

/// What uses security groups that would not admit pods; asked only where there are such groups. `planned`: as the design
/// wants the pods, not as they stand.
pub async fn look_around(session: &mut Session, planned: bool) {
    let admission = match planned {
        true => others::Admission::planned(&session.design, &session.facts),
        false => others::Admission::standing(&session.design, &session.facts),
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

/// Before the first change: may the caller do all that these steps would do?
async fn ask_permissions(session: &mut Session, steps: &[Step]) {
    let back = session.settings.undo.is_some();
    let is_busy = |step: &Step| with_rules!(*step, back, R => !R::changes(&session.design, &session.facts, &session.settings).is_empty());
    let busy: Vec<Step> = steps.iter().copied().filter(is_busy).collect();
    session.facts.permissions = permissions::read(session, &busy).await;
}

fn make_plan(session: &Session, steps: &[Step]) -> Plan {
    let scene = Scene { settings: &session.settings, facts: &session.facts, design: &session.design, steps };
    let mut findings = check(&scene);
    match (steps, session.settings.undo) {
        ([step], None) => findings.extend(unmet_needs(session, *step)),
        (_, Some(Undo { only: Some(step), .. })) => findings.extend(still_built_on(session, step)),
        _ => {}
    }
    plan(&session.design, &session.facts, &session.settings, steps, findings)
}

/// A step alone builds on others: what they would still change is in its way.
fn unmet_needs(session: &Session, step: Step) -> Vec<Issue> {
    let left = plan(&session.design, &session.facts, &session.settings, step.needs(), Vec::new());
    // What puts back what an interrupted drain left behind builds on nothing.
    if step == Step::DrainNodes && session.settings.keep_old_nodes {
        return Vec::new();
    }
    // A step that has nothing to do itself needs nothing.
    let itself = plan(&session.design, &session.facts, &session.settings, &[step], Vec::new());
    if itself.changes() == 0 {
        return Vec::new();
    }
    let unmet = left.steps.into_iter().filter(|step| !step.changes.is_empty());
    unmet
        .map(|needed| {
            Issue::error("EC-RUN-001", format!("{} comes after {}", step.name(), needed.step.name()))
                .at(needed
                    .changes
                    .iter()
                    .map(|change| change.resource.clone())
                    .collect::<Vec<_>>()
                    .join(", "))
                .why("what it makes is not there yet")
                .fix(format!("eni-custom {}", needed.step.name()))
        })
        .collect()
}

/// A step that is taken back alone must not pull away what others stand on.
fn still_built_on(session: &Session, step: Step) -> Vec<Issue> {
    // Each as if it were the one: what a step takes back depends on which others are.
    let standing = step.built_on_by().into_iter().flat_map(|other| {
        let mut settings = session.settings.clone();
        settings.undo = Some(Undo { only: Some(other), ..Undo::default() });
        plan(&session.design, &session.facts, &settings, &[other], Vec::new()).steps
    });
    let standing = standing.filter(|other| !other.changes.is_empty());
    let finding = |other: StepPlan| {
        let what = format!("{} is taken back after {}", step.name(), other.step.name());
        let resources: Vec<String> = other.changes.iter().map(|change| change.resource.clone()).collect();
        Issue::error("EC-RUN-001", what)
            .at(resources.join(", "))
            .why("it rests on what would go")
            .fix(format!("eni-custom {} --undo", other.step.name()))
    };
    standing.map(finding).collect()
}

impl Prepared {
    /// From here on this saved plan is what is made, or nothing.
    pub fn hold_to(&mut self, saved: Saved) -> Result<()> {
        saved.is_for(&self.session.facts.caller, &self.session.facts.cluster)?;
        self.saved = Some(saved);
        self.refuse_moved()
    }

    fn refuse_moved(&self) -> Result<()> {
        let Session { design, facts, settings, .. } = &self.session;
        let moved = self.saved.as_ref().map(|saved| saved.moved(&self.plan, design, facts, settings));
        match moved {
            Some(moved) if !moved.is_empty() => Err(Error::refused_by(moved)),
            _ => Ok(()),
        }
    }

    /// Refuses where a check does, or where a risk was not accepted. Nothing has been changed by then.
    pub fn refuse(&self) -> Result<()> {
        let errors = self.plan.errors();
        if !errors.is_empty() {
            return Err(Error::refused_by(errors));
        }
        let risks = self.plan.open_risks();
        if risks.is_empty() { Ok(()) } else { Err(Error::refused_for_risks(risks)) }
    }

    /// A person has said yes to these findings.
    pub fn accept(&mut self, findings: &[Issue]) {
        let accepted = &mut self.session.settings.accept;
        accepted.extend(findings.iter().map(|finding| finding.id.to_string()));
        for finding in &mut self.plan.findings {
            *finding = finding.clone().judged(accepted);
        }
    }

    /// Reads and plans anew after questions: answers may name what was not read yet, and a person takes time.
    pub async fn replan(&mut self, steps: Vec<Step>) -> Result<()> {
        self.session.observe().await?;
        look_around(&mut self.session, true).await;
        ask_permissions(&mut self.session, &steps).await;
        self.plan = make_plan(&self.session, &steps);
        self.steps = steps;
        Ok(())
    }

    /// Whether there is anything to change. Where all is taken back, the record goes too.
    pub fn has_work(&self) -> bool {
        let Session { settings, facts, .. } = &self.session;
        self.plan.changes() > 0
            || (settings.undo == Some(Undo::default()) && facts.record != Record::default())
    }

    /// Makes the changes. A run that finds nothing to do makes no call that changes anything.
    pub async fn apply(mut self) -> Result<Outcome> {
        self.refuse()?;
        let lock = if self.has_work() { Some(self.lock().await?) } else { None };
        let result = self.carry_out_all().await;
        if let Some(lock) = lock {
            let released = lock.release().await;
            // What went wrong first is what is told.
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

    /// Takes the lock, and reads anew: another run may have been at work until now.
    async fn lock(&mut self) -> Result<Lock> {
        let lock = Lock::take(&self.session.clients.kube.client).await?;
        self.session.lock_lost = lock.lost();
        let checked = async {
            self.session.observe().await?;
            if self.session.settings.undo.is_some() {
                step::blocks_visible(&mut self.session).await?;
            }
            self.plan = make_plan(&self.session, &self.steps);
            self.refuse_moved()?;
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

    /// Several steps that stop in one of them: how far they came, and both ways from there.
    fn halfway(&self, error: Error, step: Step, done: &[StepOutcome]) -> Error {
        let settings = &self.session.settings;
        if self.steps.len() == 1 {
            return error;
        }
        let (go_on, take_back) = match settings.undo {
            Some(_) => (settings.command_line("undo"), None),
            None => (settings.command_line("setup"), Some(settings.undo_command())),
        };
        let not_begun = self.steps.iter().copied().skip_while(|each| *each != step).skip(1).collect();
        let done = done.iter().map(|outcome| outcome.step).collect();
        error.halfway(Halfway { done, stopped_in: step, not_begun, go_on, take_back })
    }

    /// The record goes last, when nothing is left that it tells of.
    async fn forget(&mut self, undo: Undo) -> Result<()> {
        if undo != Undo::default() {
            return Ok(());
        }
        self.session.observe().await?;
        let left = plan(
            &self.session.design,
            &self.session.facts,
            &self.session.settings,
            &Step::order_back(undo),
            Vec::new(),
        );
        let left: Vec<String> =
            left.steps.iter().flat_map(|step| &step.changes).map(|change| change.resource.clone()).collect();
        if !left.is_empty() {
            return Err(Error::unproven("not all is taken back")
                .because(left.join(", "))
                .fix("eni-custom undo --plan shows what is left; running undo again goes on from here"));
        }
        if self.session.facts.record != Record::default() {
            record::delete(&self.session.clients.kube.client).await?;
        }
        Ok(())
    }

    /// The proof at the end, from the outside. Addresses and interfaces may need a moment to show; what can't come by
    /// itself any more is not waited for.
    async fn prove(&mut self, changed: bool) -> Result<()> {
        let session = &mut self.session;
        let (events, interrupt) = (session.events.clone(), session.interrupt.clone());
        let patience = session.settings.timeout.min(Duration::from_secs(120));
        let started = Instant::now();
        let mut looks = 0;
        // What was wrong at the last look.
        let mut wrong: Vec<Issue> = Vec::new();
        let proven = until(&events, &interrupt, patience, "end state proven", async || {
            looks += 1;
            match looks {
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
            // What was read may be stale for so long.
            if started.elapsed() >= CONSISTENCY && !wrong.iter().any(may_still_come) {
                return Ok(Seen::Yes(None));
            }
            let told: Vec<&str> = wrong.iter().map(|check| check.what.as_str()).collect();
            Ok(Seen::NotYet(told.join("; ")))
        });
        match proven.await {
            Ok(Some(report)) => {
                for warning in report.checks().filter(|issue| !issue.is_passed()).cloned() {
                    session.events.emit(Event::Finding(warning));
                }
                Ok(())
            }
            Ok(None) => Err(self.unproven(&wrong)),
            // It ran out of time with something wrong; a call that failed has a cause of its own.
            Err(error) if error.exit() == Exit::Failed && error.code().is_empty() && !wrong.is_empty() => {
                Err(self.unproven(&wrong))
            }
            Err(error) => Err(error),
        }
    }

    /// What is not proven, and the command that goes on: one that has something to do.
    fn unproven(&self, wrong: &[Issue]) -> Error {
        let Session { design, facts, settings, .. } = &self.session;
        let left = plan(design, facts, settings, &self.steps, Vec::new()).changes();
        let next = match left {
            0 => {
                let keep = if settings.keep_old_nodes { " --keep-old-nodes" } else { "" };
                let verify = fixes::ours(facts, "verify");
                format!("fix what is named above; {verify}{keep} looks again")
            }
            left => {
                format!(
                    "{} makes {}",
                    settings.command_line("setup"),
                    subject(left, "change", "that is left", "that are left")
                )
            }
        };
        Error::unproven_by(
            "the changes are made, but the end state is not proven",
            wrong.iter().filter(|issue| !issue.is_passed()).cloned().collect(),
        )
        .fix(next)
    }
}

/// The live holder of the lock as a refusal, before a question is asked.
pub async fn refuse_if_locked(session: &Session) -> Result<()> {
    match lock::holder(&session.clients.kube.client).await? {
        Some(live) => Err(lock::held(&live)),
        None => Ok(()),
    }
}
