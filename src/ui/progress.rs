//! Events for people, as lines.

use crate::events::Event;
use crate::text::counted;

use super::{issue, text};

/// The event as text of one or several lines; `None` for a wait.
pub(super) fn line(event: &Event, color: bool) -> Option<String> {
    Some(match event {
        Event::Target { arn, endpoint, caller, .. } => {
            format!("cluster {arn}\n  API {endpoint}\n  as  {caller}")
        }
        Event::Finding(finding) => issue::text(finding, color).trim_end().to_string(),
        Event::RunStarted { .. } | Event::Waiting { .. } => return None,
        Event::StepStarted { step, number, undo: true, .. } => format!("[{number}/9] undo {}", step.name()),
        Event::StepStarted { step, number, of, .. } => {
            format!("[{number}/{}] {}", (*of).max(9), step.name())
        }
        Event::Change { change, .. } => format!("    {}", text::change_line(change)),
        Event::Note { text } => format!("    {text}"),
        Event::StepDone { changes: 0, seconds, .. } => format!("    nothing to change ({seconds:.1} s)"),
        Event::StepDone { seconds, calls, .. } => {
            format!("    done in {seconds:.1} s, {}", text::calls(*calls))
        }
        Event::Verified { passed, warnings, unknown } => {
            let others = [(*warnings, "warning"), (*unknown, "unknown check")];
            let others = others.into_iter().filter(|(count, _)| *count > 0);
            let others: String = others.map(|(count, noun)| format!(", {}", counted(count, noun))).collect();
            format!("verified: {} passed{others}", counted(*passed, "check"))
        }
        Event::Stopping { signal } => {
            format!(
                "{signal}: finishing the call in flight and undoing temporary changes; Ctrl-C again leaves at once"
            )
        }
    })
}
