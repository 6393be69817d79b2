//! What stands at the bottom of the terminal while lines scroll above it.
//!
//! indicatif, which spins the single line before them, and ratatui's inline viewport count on the terminal's old width
//! when it becomes narrower: most terminals then wrap the lines that are already there, and a part of each would stay as
//! rubbish. Here each line's own width is known.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use console::{Term, measure_text_width};

/// There is one stderr.
static STAGE: Mutex<Stage> = Mutex::new(Stage {
    standing: Vec::new(),
    columns: 0,
    pending: String::new(),
    resized: None,
    closed: false,
});

/// Rows and columns of a terminal that does not tell.
const USUAL: (usize, usize) = (24, 80);

/// How long nothing is drawn after the terminal has changed its size: while a person drags its edge, each frame would be
/// drawn for a size that is already over. tmux tells the new size up to a quarter of a second late.
const SETTLE: Duration = Duration::from_millis(400);

/// DECAWM off and on: text beyond the last column is cut.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

pub(super) struct Stage {
    /// The lines that stand, from top to bottom. The cursor is on the line below.
    standing: Vec<String>,
    /// The width of the terminal when they were drawn.
    columns: usize,
    /// Text that waits for the terminal to settle.
    pending: String,
    /// When the terminal has last changed its size, and its width then.
    resized: Option<(Instant, usize)>,
    /// Nothing stands any more.
    closed: bool,
}

fn stage() -> MutexGuard<'static, Stage> {
    STAGE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes text on stderr, above what stands.
pub(super) fn write(text: &str) {
    let mut stage = stage();
    if stage.standing.is_empty() {
        return put(text);
    }
    stage.pending.push_str(text);
    let lines = stage.standing.clone();
    stage.present(lines);
}

/// Replaces what stands.
pub(super) fn show(lines: Vec<String>) {
    super::spinner::stop();
    let mut stage = stage();
    if !stage.closed {
        stage.present(lines);
    }
}

/// The terminal has changed its size.
pub(super) fn resized() {
    stage().resized = Some((Instant::now(), size().1));
}

/// Removes what stands for good: the result comes next.
pub(super) fn close() {
    super::spinner::stop();
    let mut stage = stage();
    stage.closed = true;
    stage.resized = None;
    if !stage.standing.is_empty() {
        let columns = size().1;
        stage.draw(Vec::new(), columns);
    }
}

/// Rows and columns of the terminal.
pub(super) fn size() -> (usize, usize) {
    match Term::stderr().size_checked() {
        Some((rows, columns)) if rows > 0 && columns > 0 => (rows.into(), columns.into()),
        _ => USUAL,
    }
}

/// Whether the terminal wraps lines that are wider than its new width. Nearly all do; these cut them.
fn wraps_when_narrowed() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some();
    let term = std::env::var("TERM").unwrap_or_default();
    let multiplexed = set("TMUX");
    let cuts = set("XTERM_VERSION")
        || set("STY")
        || ["linux", "rxvt", "st-"].iter().any(|one| term.starts_with(one));
    multiplexed || !cuts
}

fn put(frame: &str) {
    if !frame.is_empty() {
        super::spinner::beside(|| {
            let mut stderr = std::io::stderr().lock();
            let _ = stderr.write_all(frame.as_bytes()).and_then(|()| stderr.flush());
        });
    }
}

impl Stage {
    /// Draws, unless the terminal is changing its size.
    fn present(&mut self, lines: Vec<String>) {
        let columns = size().1;
        let known = self.resized.map_or(self.columns, |(_, columns)| columns);
        if columns != known && !self.standing.is_empty() {
            self.resized = Some((Instant::now(), columns));
        }
        if self.resized.is_some_and(|(at, _)| at.elapsed() < SETTLE) && !self.standing.is_empty() {
            return;
        }
        self.resized = None;
        self.draw(lines, columns);
    }

    fn draw(&mut self, lines: Vec<String>, columns: usize) {
        let above = std::mem::take(&mut self.pending);
        put(&self.frame(&above, lines, columns, wraps_when_narrowed()));
    }

    /// The bytes that put `lines` in the place of what stands, with `above` before it. Pure.
    fn frame(&mut self, above: &str, lines: Vec<String>, columns: usize, wraps: bool) -> String {
        let before = std::mem::replace(&mut self.standing, lines);
        let resized = std::mem::replace(&mut self.columns, columns) != columns;
        // Only lines that differ are written: little goes over a slow connection, and nothing flickers.
        let keeps = above.is_empty() && !resized && !self.standing.is_empty();
        if keeps && before == self.standing {
            return String::new();
        }
        let up: usize = before.iter().map(|line| if wraps { height(line, columns) } else { 1 }).sum();
        let mut out = String::new();
        if up > 0 {
            out.push_str(&format!("\r\x1b[{up}A"));
        }
        if !keeps && up > 0 {
            // Row by row: a terminal that remembers which rows it has wrapped forgets it, and tmux does not save the screen
            // in its history, as it does when all of it is cleared at once.
            out.push_str(&format!("{}\x1b[{up}A", "\x1b[2K\n".repeat(up)));
        }
        out.push_str(above);
        if self.standing.is_empty() {
            return out;
        }
        // A terminal that has just become narrower may not have told its new size yet: nothing must wrap.
        out.push_str(NO_WRAP);
        for (at, line) in self.standing.iter().enumerate() {
            match before.get(at) {
                Some(same) if keeps && same == line => out.push('\n'),
                Some(_) if keeps => out.push_str(&format!("{line}\x1b[K\n")),
                _ => out.push_str(&format!("{line}\n")),
            }
        }
        out.push_str(WRAP);
        if keeps && before.len() > self.standing.len() {
            out.push_str("\x1b[J");
        }
        out
    }
}

/// The rows that a line takes once the terminal has wrapped it.
fn height(line: &str, columns: usize) -> usize {
    measure_text_width(line).div_ceil(columns.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(ToString::to_string).collect()
    }

    fn standing(at: &[&str], columns: usize) -> Stage {
        Stage { standing: lines(at), columns, pending: String::new(), resized: None, closed: false }
    }

    #[test]
    fn text_without_a_board_is_written_as_it_is() {
        let mut stage = standing(&[], 80);
        assert_eq!(stage.frame("a line\n", Vec::new(), 80, true), "a line\n");
        assert_eq!(stage.frame("", Vec::new(), 80, true), "");
    }

    /// The frame without what keeps a line from wrapping.
    fn frame(stage: &mut Stage, above: &str, at: &[&str], columns: usize, wraps: bool) -> String {
        stage.frame(above, lines(at), columns, wraps).replace(NO_WRAP, "").replace(WRAP, "")
    }

    #[test]
    fn lines_go_above_what_stands() {
        let mut stage = standing(&["one", "two"], 80);
        let frame = frame(&mut stage, "+ a subnet\n", &["one", "two"], 80, true);
        assert_eq!(frame, "\r\x1b[2A\x1b[2K\n\x1b[2K\n\x1b[2A+ a subnet\none\ntwo\n");
    }

    #[test]
    fn only_lines_that_differ_are_written() {
        let mut stage = standing(&["one", "two", "three"], 80);
        assert_eq!(frame(&mut stage, "", &["one", "two", "three"], 80, true), "");
        let shorter = frame(&mut stage, "", &["one", "2"], 80, true);
        assert_eq!(shorter, "\r\x1b[3A\n2\x1b[K\n\x1b[J");
    }

    #[test]
    fn lines_that_the_terminal_has_wrapped_or_cut_are_all_removed() {
        let wide = "x".repeat(119);
        let mut stage = standing(&[&wide, "two"], 120);
        let frames = |stage: &mut Stage, wraps| frame(stage, "", &["x"], 60, wraps);
        assert_eq!(frames(&mut stage, true), format!("\r\x1b[3A{}\x1b[3Ax\n", "\x1b[2K\n".repeat(3)));
        let mut stage = standing(&[&wide, "two"], 120);
        assert_eq!(frames(&mut stage, false), format!("\r\x1b[2A{}\x1b[2Ax\n", "\x1b[2K\n".repeat(2)));
        // Colors take no room.
        assert_eq!(height("\x1b[32m12345\x1b[0m", 5), 1);
    }
}
