//! What a terminal showed, and when.

use vt100::{Cell, Color, Screen};

/// Characters that look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(crate) struct Look {
    pub text: Color3,
    pub ground: Color3,
    pub bold: bool,
    pub dim: bool,
}

/// A color of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(crate) enum Color3 {
    /// The terminal's own.
    #[default]
    Own,
    Number(u8),
    Exact(u8, u8, u8),
    /// The own color of the other: of the ground for a text, of the text for a ground.
    Inverse,
}

/// Characters beside each other that look the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Run {
    pub column: u16,
    /// In columns.
    pub width: u16,
    pub look: Look,
    pub text: String,
}

/// A row of the screen: its runs, without blanks that show nothing.
pub(crate) type Row = Vec<Run>;

/// The screen from a moment on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub seconds: f64,
    pub rows: Vec<Row>,
}

#[derive(Debug, Default)]
pub(crate) struct Film {
    pub frames: Vec<Frame>,
    /// How long it is without the hold at its end.
    pub seconds: f64,
}

impl Film {
    /// Adds what the screen shows, this many seconds after what was added last.
    pub(crate) fn add(&mut self, screen: &Screen, after: f64) {
        /// A picture every tenth of a second is smooth enough for text.
        const LEAST: f64 = 0.1;
        self.seconds += after;
        let rows = rows(screen);
        match self.frames.last_mut() {
            Some(last) if last.rows == rows => {}
            Some(last) if self.seconds - last.seconds < LEAST => last.rows = rows,
            _ => self.frames.push(Frame { seconds: self.seconds, rows }),
        }
    }
}

fn color(color: Color) -> Color3 {
    match color {
        Color::Default => Color3::Own,
        Color::Idx(number) => Color3::Number(number),
        Color::Rgb(red, green, blue) => Color3::Exact(red, green, blue),
    }
}

fn look(cell: &Cell, is_cursor: bool) -> Look {
    let (text, ground) = (color(cell.fgcolor()), color(cell.bgcolor()));
    let swapped = |color: Color3| if color == Color3::Own { Color3::Inverse } else { color };
    let (text, ground) =
        if cell.inverse() != is_cursor { (swapped(ground), swapped(text)) } else { (text, ground) };
    Look { text, ground, bold: cell.bold(), dim: cell.dim() }
}

fn rows(screen: &Screen) -> Vec<Row> {
    let (height, width) = screen.size();
    let cursor = (!screen.hide_cursor()).then(|| screen.cursor_position());
    (0..height.get()).map(|row| runs(screen, row, width.get(), cursor)).collect()
}

fn runs(screen: &Screen, row: u16, width: u16, cursor: Option<(u16, u16)>) -> Row {
    let mut runs: Row = Vec::new();
    for column in 0..width {
        let Some(cell) = screen.cell(row, column).filter(|cell| !cell.is_wide_continuation()) else {
            continue;
        };
        let is_cursor = cursor == Some((row, column));
        let look = look(cell, is_cursor);
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let width = if cell.is_wide() { 2 } else { 1 };
        match runs.last_mut() {
            Some(run) if run.look == look && run.column + run.width == column => {
                run.width += width;
                run.text.push_str(text);
            }
            _ => runs.push(Run { column, width, look, text: text.to_string() }),
        }
    }
    for run in &mut runs {
        trim(run);
    }
    runs.retain(|run| !run.text.is_empty());
    runs
}

/// Without the blanks at both ends, unless one sees their ground.
fn trim(run: &mut Run) {
    if run.look.ground != Color3::Own {
        return;
    }
    let blanks = |text: &str| u16::try_from(text.len()).unwrap_or(u16::MAX);
    let begin = run.text.len() - run.text.trim_start_matches(' ').len();
    let text = run.text.trim_matches(' ').to_string();
    let end = run.text.len() - begin - text.len();
    run.column += blanks(&run.text[..begin]);
    run.width = run.width.saturating_sub(u16::try_from(begin + end).unwrap_or(u16::MAX));
    run.text = text;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(bytes: &[u8]) -> vt100::Parser {
        let mut parser = vt100::Parser::new(3.try_into().unwrap(), 20.try_into().unwrap(), 0);
        parser.process(bytes);
        parser
    }

    #[test]
    fn a_row_is_its_runs_without_blanks() {
        let parser = screen(b"\x1b[?25l  a \x1b[1;32mok\x1b[0m   b");
        let row = &rows(parser.screen())[0];
        let texts: Vec<(u16, u16, &str)> =
            row.iter().map(|run| (run.column, run.width, &*run.text)).collect();
        assert_eq!(texts, [(2, 1, "a"), (4, 2, "ok"), (9, 1, "b")]);
        assert_eq!(row[1].look, Look { text: Color3::Number(2), bold: true, ..Look::default() });
    }

    #[test]
    fn the_cursor_is_seen_unless_it_is_hidden() {
        let row = rows(screen(b"x").screen())[0].clone();
        assert_eq!((row[1].column, row[1].look.ground), (1, Color3::Inverse));
        assert_eq!(rows(screen(b"\x1b[?25lx").screen())[0].len(), 1);
    }

    #[test]
    fn what_changes_faster_than_one_sees_is_one_frame() {
        let mut film = Film::default();
        film.add(screen(b"a").screen(), 0.0);
        film.add(screen(b"ab").screen(), 0.01);
        film.add(screen(b"ab").screen(), 5.0);
        film.add(screen(b"abc").screen(), 1.0);
        let seconds: Vec<f64> = film.frames.iter().map(|frame| frame.seconds).collect();
        assert_eq!(seconds, [0.0, 6.01]);
    }
}
