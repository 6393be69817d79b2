//! The lines of the board, for a terminal of any size. Pure.

use console::{Style, measure_text_width, truncate_str};

use crate::events::{DrainState, DrainWait};
use crate::text::{about, counted, part, spent};

use super::Look;
use super::view::{StepState, StepView, View, WaitView};

/// The column in which the texts behind the steps' names begin.
const NAMES: usize = 21;
/// Times further to the right than this are far from what they belong to.
const WIDEST: usize = 100;
/// The bar of the drain is at most as wide.
const BAR: usize = 30;
const INDENT: &str = "    ";
const STOPPING: &str =
    "stopping: finishing the call in flight and undoing temporary changes; Ctrl-C again leaves at once";

/// The board's lines. If the terminal has too few rows for all of it: only the running step. One row stays free, for what
/// is printed above.
pub(super) fn rows(view: &View, (rows, columns): (usize, usize), look: Look) -> Vec<String> {
    let paint = Paint::new(look);
    // The last column stays free: a line that fills it makes some terminals wrap.
    let width = columns.saturating_sub(1).max(20);
    let step = |step: &StepView| step_line(step, view, width, &paint);
    let is_running = |step: &&StepView| matches!(step.state, StepState::Running { .. });
    let details = details(view, width, &paint);
    let footer = footer(view, width, &paint);
    let mut all = Vec::new();
    for each in &view.steps {
        all.push(step(each));
        if is_running(&each) {
            all.extend(details.iter().cloned());
        }
    }
    let between = !view.steps.iter().any(|each| is_running(&each));
    if between {
        all.extend(details.iter().cloned());
    }
    all.extend(footer.iter().cloned());
    let fits = rows.saturating_sub(1).max(1);
    if all.len() > fits {
        // What happens is worth more than its time.
        let running = view.steps.iter().find(is_running).map(step);
        all = running.into_iter().chain(details).chain(footer).take(fits).collect();
    }
    all.iter().map(|line| truncate_str(line, width, paint.ellipsis()).into_owned()).collect()
}

struct Paint {
    look: Look,
}

impl Paint {
    fn new(look: Look) -> Self {
        Paint { look }
    }

    fn style(&self) -> Style {
        Style::new().force_styling(self.look.color)
    }

    fn faint(&self, text: &str) -> String {
        self.style().dim().apply_to(text).to_string()
    }

    fn choose(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.look.ascii { ascii } else { unicode }
    }

    fn ellipsis(&self) -> &'static str {
        self.choose("…", "...")
    }

    fn spinner(&self, frame: usize) -> String {
        let frames = self.choose("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\");
        let count = frames.chars().count();
        frames.chars().nth(frame % count).map(String::from).unwrap_or_default()
    }
}

fn step_line(step: &StepView, view: &View, width: usize, paint: &Paint) -> String {
    let nothing = if view.undo { "nothing to undo" } else { "nothing to change" };
    let (mark, middle, times) = match step.state {
        StepState::ToDo { changes: 0, .. } => (paint.faint("="), nothing.to_string(), Vec::new()),
        StepState::ToDo { changes, estimate } => {
            let time =
                estimate.filter(|seconds| *seconds > 0).map(|seconds| format!("about {}", about(seconds)));
            (paint.faint(paint.choose("·", ".")), counted(changes, "change"), time.into_iter().collect())
        }
        StepState::Running { made, changes, seconds, left } => {
            let middle = match (view.stopping, changes.max(made)) {
                (true, _) => "stopping".to_string(),
                (false, 0) => "checking".to_string(),
                (false, all) => part(made, all, "change"),
            };
            let left =
                left.filter(|_| !view.stopping).map(|seconds| format!("about {} left", about(seconds)));
            let mark = paint.style().cyan().apply_to(paint.spinner(view.frame)).to_string();
            (mark, middle, [spent(seconds)].into_iter().chain(left).collect())
        }
        StepState::Done { changes: 0, .. } => (paint.faint("="), nothing.to_string(), Vec::new()),
        StepState::Done { changes, seconds } => {
            let mark = paint.style().green().apply_to(paint.choose("✓", "*")).to_string();
            (mark, counted(changes, "change"), vec![spent(seconds)])
        }
    };
    let name = format!("{} {:NAMES$}", step.step.number(), step.step.name());
    let text = columns(&name, &middle, &times, width.min(WIDEST).saturating_sub(4));
    let text = match step.state {
        StepState::Running { .. } => paint.style().bold().apply_to(text).to_string(),
        StepState::ToDo { .. } | StepState::Done { changes: 0, .. } => paint.faint(&text),
        StepState::Done { .. } => text,
    };
    format!("  {mark} {text}")
}

/// Name, text and times, the times at the right edge. Where there is no room for all, the text goes first, then the times
/// from the last to the first.
fn columns(name: &str, middle: &str, times: &[String], width: usize) -> String {
    let joined = |times: &[String]| times.join(", ");
    let is_wide = |left: &str, right: &str| measure_text_width(left) + 2 + measure_text_width(right) > width;
    let spread = |left: &str, right: &str| {
        let gap = width.saturating_sub(measure_text_width(left) + measure_text_width(right));
        if right.is_empty() { left.to_string() } else { format!("{left}{}{right}", " ".repeat(gap)) }
    };
    let whole = format!("{name}  {middle}");
    let right = joined(times);
    if !is_wide(&whole, &right) {
        return spread(&whole, &right);
    }
    let name = name.trim_end();
    for count in (1..=times.len()).rev() {
        let right = joined(&times[..count]);
        if !is_wide(name, &right) {
            return spread(name, &right);
        }
    }
    name.to_string()
}

/// What the running step waits for, below it.
fn details(view: &View, width: usize, paint: &Paint) -> Vec<String> {
    let Some(wait) = &view.wait else { return Vec::new() };
    let lines = match &wait.drain {
        Some(drain) => drain_lines(drain, width, paint),
        None => wait_lines(wait),
    };
    // A reason may be long: its beginning is worth a second line.
    let folded = lines.into_iter().flat_map(|line| folded(&line, width.saturating_sub(INDENT.len()), paint));
    folded.map(|line| format!("{INDENT}{line}")).collect()
}

fn wait_lines(wait: &WaitView) -> Vec<String> {
    let counts = wait.part.filter(|part| part.of > 0);
    let counts = counts.map(|each| format!(", {}", part(each.done, each.of, each.noun))).unwrap_or_default();
    let first = format!("waiting for {}{counts}, {}", wait.what, spent(wait.seconds));
    let detail = (!wait.detail.is_empty()).then(|| wait.detail.clone());
    [first].into_iter().chain(detail).collect()
}

fn drain_lines(drain: &DrainState, width: usize, paint: &Paint) -> Vec<String> {
    let pods = part(drain.pods_moved, drain.pods, "pod");
    let nodes = format!("{} empty", part(drain.nodes_empty, drain.nodes, "node"));
    let bar = bar(drain.pods_moved, drain.pods, BAR.min(width / 4), paint);
    let mut lines = vec![format!("{bar} {pods} moved, {nodes}")];
    lines.extend(drain.waiting.as_ref().map(|DrainWait { why, seconds, .. }| match seconds {
        0..10 => format!("waiting: {why}"),
        seconds => format!("waiting {}: {why}", spent(*seconds)),
    }));
    lines
}

fn bar(done: usize, all: usize, width: usize, paint: &Paint) -> String {
    let full = (done.min(all) * width).checked_div(all).unwrap_or(width);
    let (on, off) = (paint.choose("█", "#"), paint.choose("░", "-"));
    let on = paint.style().green().apply_to(on.repeat(full));
    format!("{on}{}", paint.faint(&off.repeat(width - full)))
}

fn footer(view: &View, width: usize, paint: &Paint) -> Vec<String> {
    if view.stopping {
        let lines = wrapped(STOPPING, width.saturating_sub(2));
        return lines.iter().map(|line| format!("  {}", paint.style().yellow().apply_to(line))).collect();
    }
    let left = view.left.map(|seconds| format!(", about {} left", about(seconds))).unwrap_or_default();
    let time = format!("{} so far{left}", spent(view.elapsed));
    let hint = format!("{time} {} Ctrl-C stops after the call in flight", paint.choose("·", "-"));
    let line = if measure_text_width(&hint) + 2 <= width { hint } else { time };
    vec![format!("  {}", paint.faint(&line))]
}

/// The text in one or two lines; what is left is cut.
fn folded(text: &str, width: usize, paint: &Paint) -> Vec<String> {
    // Colors are in bars only, which are short.
    if measure_text_width(text) <= width {
        return vec![text.to_string()];
    }
    let mut lines = wrapped(text, width);
    if lines.len() > 2 {
        let rest = lines.split_off(1).join(" ");
        lines.push(truncate_str(&rest, width, paint.ellipsis()).into_owned());
    }
    lines
}

/// The text in lines of at most this width, broken between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + 1 + measure_text_width(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

#[cfg(test)]
mod tests;
