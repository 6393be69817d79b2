//! Results and errors as text for people.

use std::fmt::Write as _;

use console::Style;

use crate::calls::Count;
use crate::error::Error;
use crate::net::max_pods::Row;
use crate::plan::Plan;
use crate::run::Outcome;
use crate::step::{Change, Sign, Step};
use crate::text::{about, counted, plural};

use super::{issue, outlook, pools};

struct Paint {
    create: Style,
    change: Style,
    remove: Style,
    strong: Style,
    faint: Style,
}

impl Paint {
    fn new(color: bool) -> Self {
        let style = || Style::new().force_styling(color);
        Paint {
            create: style().green(),
            change: style().yellow(),
            remove: style().red(),
            strong: style().bold(),
            faint: style().dim(),
        }
    }

    fn sign(&self, sign: Sign) -> String {
        match sign {
            Sign::Create => self.create.apply_to(sign.mark()).to_string(),
            Sign::Change => self.change.apply_to(sign.mark()).to_string(),
            Sign::Remove => self.remove.apply_to(sign.mark()).to_string(),
        }
    }
}

/// The cluster that a result is about.
pub(super) fn heading(cluster: &str, account: &str, region: &str, color: bool) -> String {
    format!("{} (account {account}, {region})", Paint::new(color).strong.apply_to(cluster))
}

pub(super) fn plan(plan: &Plan, color: bool) -> String {
    let paint = Paint::new(color);
    let mut out = String::new();
    let _ = writeln!(out, "{}\n", heading(&plan.cluster, &plan.account, &plan.region, color));
    for step in &plan.steps {
        let title = format!("{} {}", step.number, step.step.name());
        if let Some(left_out) = step.left_out.as_ref().filter(|_| step.changes.is_empty()) {
            let _ = writeln!(out, "! {} {left_out}", paint.strong.apply_to(title));
        } else if step.changes.is_empty() {
            let _ = writeln!(
                out,
                "{} {}",
                paint.faint.apply_to(format!("= {title}")),
                paint.faint.apply_to(if plan.undo { "nothing to undo" } else { "up to date" })
            );
        } else {
            let time = step.estimated_seconds.filter(|seconds| *seconds > 0);
            let time = time.map(|seconds| format!("  about {}", about(seconds))).unwrap_or_default();
            let _ = writeln!(out, "  {}{}", paint.strong.apply_to(title), paint.faint.apply_to(time));
        }
        if let Some(left_out) = step.left_out.as_ref().filter(|_| !step.changes.is_empty()) {
            let _ = writeln!(out, "      {}", paint.faint.apply_to(left_out));
        }
        for note in &step.notes {
            let _ = writeln!(out, "      {}", paint.faint.apply_to(note));
        }
        for change in &step.changes {
            out.push_str(&one_change(change, &paint));
        }
    }
    if !plan.findings.is_empty() {
        out.push('\n');
        for finding in &plan.findings {
            out.push_str(&issue::text(finding, color));
        }
    }
    let errors = plan.errors().len();
    let left_out = plan.steps.iter().any(|step| step.left_out.is_some());
    match plan.changes() {
        0 if errors > 0 => {}
        0 if left_out => out.push_str("\nNothing else to do.\n"),
        0 => out.push_str("\nNothing to do.\n"),
        _ => {
            let _ = writeln!(
                out,
                "\n{} to create, {} to change, {} to remove.",
                plan.count(Sign::Create),
                plan.count(Sign::Change),
                plan.count(Sign::Remove)
            );
            out.push_str(&pools::text(&plan.pools));
            if let Some(outlook) = &plan.outlook {
                out.push_str(&outlook::text(outlook));
            }
        }
    }
    if errors > 0 {
        let _ = writeln!(out, "\nRefused: fix {} first.", counted(errors, "error"));
    }
    out
}

/// A change as a plan shows it, without colors.
pub(super) fn plain_change(change: &Change) -> String {
    one_change(change, &Paint::new(false))
}

fn one_change(change: &Change, paint: &Paint) -> String {
    let mut out = format!("    {} {}\n", paint.sign(change.sign), change.resource);
    let width = change.fields.iter().map(|field| field.name.len()).max().unwrap_or_default();
    for field in &change.fields {
        let after = field.after.as_deref().unwrap_or("(known after apply)");
        let value = match &field.before {
            Some(before) => format!("{before} -> {after}"),
            None => after.to_string(),
        };
        let _ = writeln!(out, "        {:width$}  {value}", field.name);
    }
    out
}

/// A change in one line, for progress.
pub(super) fn change_line(change: &Change) -> String {
    let sign = change.sign.mark();
    let fields: Vec<String> = change
        .fields
        .iter()
        .filter_map(|field| match (&field.before, &field.after) {
            (Some(before), Some(after)) => Some(format!("{} {before} -> {after}", field.name)),
            // The plan has all fields of a new resource.
            (None, Some(after)) if change.fields.len() <= 3 => Some(format!("{} {after}", field.name)),
            _ => None,
        })
        .collect();
    if fields.is_empty() {
        format!("{sign} {}", change.resource)
    } else {
        format!("{sign} {} ({})", change.resource, fields.join(", "))
    }
}

pub(super) fn error(error: &Error, color: bool) -> String {
    let findings: String = error.findings().iter().map(|finding| issue::text(finding, color)).collect();
    findings + &failure(error, color)
}

/// An error without its findings.
pub(super) fn failure(error: &Error, color: bool) -> String {
    let paint = Paint::new(color);
    let mut out = String::new();
    let _ = writeln!(out, "{}: {}", paint.remove.apply_to("error"), paint.strong.apply_to(error.what()));
    let cause = error.reason().map(ToString::to_string);
    let fields = [("where", error.place()), ("why", cause.as_deref()), ("fix", error.fix_command())];
    let fields: Vec<_> = fields.into_iter().filter_map(|(label, value)| Some((label, value?))).collect();
    out.push_str(&issue::labelled(&fields, "  "));
    if let Some(halfway) = error.where_it_stopped() {
        let (done, stopped_in, not_started) =
            (names(&halfway.done), names(&[halfway.stopped_in]), names(&halfway.not_begun));
        let mut fields = vec![
            ("done", done.as_str()),
            ("stopped in", &stopped_in),
            ("not started", &not_started),
            ("resume", &halfway.resume),
        ];
        fields.extend(halfway.undo.as_deref().map(|undo| ("undo", undo)));
        out.push_str(&issue::labelled(&fields, "  "));
    }
    out
}

/// `1 associate-cidr, 2 create-subnets`
fn names(steps: &[Step]) -> String {
    let names: Vec<String> = steps.iter().map(|step| format!("{} {}", step.number(), step.name())).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// `12 reads and 1 write`
pub(super) fn calls(count: Count) -> String {
    format!("{} and {}", counted(count.reads, "read"), counted(count.writes, "write"))
}

pub(super) fn outcome(outcome: &Outcome) -> String {
    let mut out = String::new();
    let width = outcome.steps.iter().map(|step| step.step.name().len()).max().unwrap_or_default();
    for step in &outcome.steps {
        let _ = writeln!(
            out,
            "{} {:width$}  {:>2} {:7}  {:>7.1} s  {:>4} {:5}  {:>3} {:6}",
            step.step.number(),
            step.step.name(),
            step.changes,
            plural(step.changes, "change"),
            step.seconds,
            step.calls.reads,
            plural(step.calls.reads, "read"),
            step.calls.writes,
            plural(step.calls.writes, "write"),
        );
    }
    let changes: usize = outcome.steps.iter().map(|step| step.changes).sum();
    let done = if changes == 0 { "Nothing to do" } else { "Done" };
    let _ = writeln!(
        out,
        "{done}: {} in {:.1} s, {}.",
        counted(changes, "change"),
        outcome.seconds,
        calls(outcome.calls)
    );
    out
}

pub(super) fn max_pods(rows: &[Row]) -> String {
    let number = |value: Option<u32>| value.map_or_else(|| "-".to_string(), |value| value.to_string());
    let width =
        rows.iter().map(|row| row.instance_type.len()).max().unwrap_or_default().max("INSTANCE TYPE".len());
    let mut out = format!(
        "{:width$}  {:>8}  {:>6}  {:>13}  {:>6}  {:>13}\n",
        "INSTANCE TYPE", "STANDARD", "CUSTOM", "CUSTOM CAPPED", "PREFIX", "PREFIX CAPPED"
    );
    for row in rows {
        let _ = writeln!(
            out,
            "{:width$}  {:>8}  {:>6}  {:>13}  {:>6}  {:>13}",
            row.instance_type,
            number(row.standard),
            number(row.custom),
            number(row.custom_capped),
            number(row.prefix),
            number(row.prefix_capped)
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::issue::id;

    use crate::error::{Cause, Halfway};
    use crate::issue::Issue;
    use crate::plan::outlook::{Shift, ZoneOutlook};
    use crate::plan::{Outlook, Passage, StepPlan, SubnetOutlook};

    use super::*;

    fn step(step: Step, changes: Vec<Change>, notes: Vec<String>) -> StepPlan {
        StepPlan { step, number: step.number(), changes, left_out: None, notes, estimated_seconds: Some(45) }
    }

    /// A zone with a pod subnet that will be created, and one without a known pod subnet.
    fn outlook() -> Outlook {
        let subnet = |id: Option<&str>, before: Option<u32>, after: u32| SubnetOutlook {
            subnet: id.map(ToString::to_string),
            cidr: "10.0.0.0/24".into(),
            addresses: 251,
            free_before: before,
            free_after: after,
        };
        let zone = |zone: &str, pod_subnet| ZoneOutlook {
            zone: zone.into(),
            nodes: Shift { before: 1, after: 2 },
            pod_capacity: Shift { before: 29, after: 40 },
            pods_to_move: 14,
            node_subnet: Some(subnet(Some("subnet-0a"), Some(200), 217)),
            pod_subnet,
        };
        Outlook {
            zones: vec![zone("us-west-2a", Some(subnet(None, None, 211))), zone("us-west-2b", None)],
            instances: Passage { before: 2, meanwhile: 6, after: 4 },
            vcpus: Some(Passage { before: 4, meanwhile: 12, after: 8 }),
            estimated_seconds: 587,
        }
    }

    #[test]
    fn a_plan_shows_each_step_with_its_changes_before_and_after() {
        let subnet = Change::new(Sign::Create, "subnet for pods in us-west-2a")
            .to("cidr", "100.64.0.0/18")
            .later("subnet id");
        let env = Change::new(Sign::Change, "DaemonSet kube-system/aws-node, env").before_after(
            "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG",
            Some("false"),
            "true",
        );
        let nodes = Change::new(Sign::Remove, "2 old nodes").to("pods to move", "14");
        let shown = plan(
            &Plan {
                format_version: 2,
                cluster: "arn:aws:eks:us-west-2:123456789012:cluster/shop".into(),
                account: "123456789012".into(),
                region: "us-west-2".into(),
                undo: false,
                steps: vec![
                    step(Step::CreateSubnets, vec![subnet], Vec::new()),
                    step(Step::SetEnv, vec![env], Vec::new()),
                    step(Step::DetectCni, Vec::new(), vec!["VPC CNI 1.20.4".into()]),
                    step(Step::DrainNodes, vec![nodes], Vec::new()),
                ],
                findings: vec![
                    Issue::warning(id::NET_009, "the pod subnet of us-west-2a is public")
                        .at("subnet-0a")
                        .why("pods have no public address")
                        .fix("associate it with another route table")
                        .judged(&Default::default()),
                    Issue::warning(id::CNI_007, "the add-on vpc-cni is DEGRADED")
                        .judged(&[id::CNI_007.id()].into()),
                ],
                outlook: Some(outlook()),
                pools: Vec::new(),
                alternatives: None,
            },
            false,
        );
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn an_error_shows_what_where_why_and_fix() {
        let cause = Cause {
            code: "InvalidSubnet.Conflict".into(),
            message: "The CIDR '100.64.0.0/18' conflicts with another subnet".into(),
            request_id: Some("0f1e2d3c".into()),
        };
        let error = Error::failed("create subnet 100.64.0.0/18 in usw2-az2")
            .at("vpc-0a")
            .cause(cause)
            .fix("to continue: eni-custom setup --cluster shop --yes");
        insta::assert_snapshot!(super::error(&error, false));
    }

    #[test]
    fn a_stopped_run_shows_the_steps_done_and_the_commands_to_resume_and_undo() {
        let error =
            Error::failed("the stack ended ROLLBACK_COMPLETE").at("eni-custom-shop-base").halfway(Halfway {
                done: vec![Step::AssociateCidr, Step::CreateSubnets],
                stopped_in: Step::LaunchNodegroups,
                not_begun: vec![Step::PatchSecurityGroups, Step::DrainNodes],
                resume: "eni-custom setup --cluster shop --yes".into(),
                undo: Some("eni-custom undo --cluster shop --confirm-cluster shop --yes".into()),
            });
        insta::assert_snapshot!(super::error(&error, false));
    }

    #[test]
    fn an_interrupted_undo_shows_one_command() {
        let undo = "eni-custom undo --cluster shop --confirm-cluster shop --yes";
        let error = Error::failed("the stack can't be deleted").halfway(Halfway {
            done: vec![Step::SetEnv],
            stopped_in: Step::LaunchNodegroups,
            not_begun: vec![Step::CreateSubnets],
            resume: undo.into(),
            undo: None,
        });
        let shown = super::error(&error, false);
        assert_eq!(shown.matches(undo).count(), 1, "{shown}");
    }
}
