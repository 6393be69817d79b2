//! A film as an animated SVG. Each row of the terminal is a strip of all that it ever shows, side by side, which CSS moves
//! in steps; so a frame costs only the rows that it changes. The same text is drawn once and used many times.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::film::{Color3, Film, Look, Row, Run};
use super::script::Session;

/// The width and the height of a character, in pixels at 14 px.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 19.0;
/// Where on its line a character stands.
const BASE: f64 = 14.0;
const MARGIN: f64 = 14.0;
/// Between two texts of a strip, so that a glyph that is wider than its column does not show beside the other.
const GAP: f64 = 20.0;
/// The bar with the title.
const BAR: f64 = 34.0;

const GROUND: &str = "#11151c";
const TEXT: &str = "#d5dae2";
/// Colors 0 to 15, each readable on the ground.
const COLORS: [&str; 16] = [
    "#3b4252", "#ff7b86", "#63d297", "#e5b567", "#79a8ff", "#c99bf0", "#58c7c2", "#d5dae2", "#7b8494",
    "#ff9aa2", "#86e2b0", "#f0cb8b", "#9dc0ff", "#dab9f6", "#85dbd7", "#ffffff",
];

/// All texts that rows ever show, each with its number.
#[derive(Default)]
struct Texts<'a> {
    numbers: HashMap<&'a Row, usize>,
    drawn: String,
}

impl<'a> Texts<'a> {
    /// The number of a row's text; `None` if it shows nothing.
    fn number(&mut self, row: &'a Row) -> Option<usize> {
        if row.is_empty() {
            return None;
        }
        let next = self.numbers.len();
        Some(*self.numbers.entry(row).or_insert_with(|| {
            let _ = write!(self.drawn, r#"<g id="t{next}">{}</g>"#, row.iter().map(run).collect::<String>());
            next
        }))
    }
}

pub(crate) fn animated(film: &Film, session: &Session) -> String {
    let (columns, rows) = (f64::from(session.columns), f64::from(session.rows));
    let (width, height) = (columns * WIDTH + 2.0 * MARGIN, rows * HEIGHT + BAR + MARGIN);
    let seconds = film.seconds + session.hold;
    let mut texts = Texts::default();
    let (mut style, mut strips) = (String::new(), String::new());
    for row in 0..usize::from(session.rows) {
        strip(film, row, seconds, columns * WIDTH, &mut texts, &mut style, &mut strips);
    }
    let title = escaped(&session.title);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img" aria-label="{title}"><title>{title}</title><style>
text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:{TEXT};white-space:pre}}
.b{{font-weight:700}}.d{{opacity:.6}}
.r{{animation-duration:{seconds:.2}s;animation-timing-function:step-end;animation-iteration-count:infinite}}
@media(prefers-reduced-motion:reduce){{.r{{animation:none!important}}}}
{style}</style><rect x=".5" y=".5" width="{:.0}" height="{:.0}" rx="9" fill="{GROUND}" stroke="#3a424f"/><g fill="#4a5362"><circle cx="19" cy="17" r="5"/><circle cx="36" cy="17" r="5"/><circle cx="53" cy="17" r="5"/></g><text x="{:.0}" y="22" text-anchor="middle" class="d">{title}</text><defs>{}</defs>{strips}</svg>
"##,
        width - 1.0,
        height - 1.0,
        width / 2.0,
        texts.drawn
    )
}

/// A row's strip, and when it moves.
fn strip<'a>(
    film: &'a Film,
    row: usize,
    seconds: f64,
    width: f64,
    texts: &mut Texts<'a>,
    style: &mut String,
    strips: &mut String,
) {
    // Number of a text, and its place in the strip.
    let mut places: HashMap<usize, usize> = HashMap::new();
    let (mut uses, mut steps, mut last) = (String::new(), String::new(), None);
    // Place 0 is empty.
    for frame in &film.frames {
        let place = match frame.rows.get(row).and_then(|row| texts.number(row)) {
            None => 0,
            Some(number) => {
                let next = places.len() + 1;
                *places.entry(number).or_insert_with(|| {
                    let _ =
                        write!(uses, r##"<use href="#t{number}" x="{:.0}"/>"##, next as f64 * (width + GAP));
                    next
                })
            }
        };
        if last != Some(place) {
            let at = 100.0 * frame.seconds / seconds;
            let _ = write!(steps, "{at:.2}%{{transform:translateX(-{:.0}px)}}", place as f64 * (width + GAP));
            last = Some(place);
        }
    }
    if uses.is_empty() {
        return;
    }
    let end = last.unwrap_or_default() as f64 * (width + GAP);
    let _ = write!(style, "#r{row}{{transform:translateX(-{end:.0}px)}}@keyframes r{row}{{{steps}}}");
    let top = BAR + row as f64 * HEIGHT;
    let _ = write!(
        strips,
        r#"<svg x="{MARGIN}" y="{top}" width="{width:.1}" height="{HEIGHT}"><g class="r" id="r{row}" style="animation-name:r{row}">{uses}</g></svg>"#
    );
}

/// Characters that look the same. `textLength` keeps columns aligned whatever the font.
fn run(run: &Run) -> String {
    let (x, width) = (f64::from(run.column) * WIDTH, f64::from(run.width) * WIDTH);
    let mut out = String::new();
    if let Some(ground) = ground(run.look) {
        let _ = write!(out, r#"<rect x="{x:.1}" width="{width:.1}" height="{HEIGHT}" fill="{ground}"/>"#);
    }
    if run.text.trim().is_empty() {
        return out;
    }
    let class = match (run.look.bold, run.look.dim) {
        (true, _) => r#" class="b""#,
        (false, true) => r#" class="d""#,
        (false, false) => "",
    };
    let fill = fill(run.look).map(|color| format!(r#" style="fill:{color}""#)).unwrap_or_default();
    let _ = write!(
        out,
        r#"<text x="{x:.1}" y="{BASE}" textLength="{width:.1}"{class}{fill}>{}</text>"#,
        escaped(&run.text)
    );
    out
}

fn fill(look: Look) -> Option<String> {
    match look.text {
        Color3::Own => None,
        Color3::Inverse => Some(GROUND.into()),
        other => Some(hex(other)),
    }
}

fn ground(look: Look) -> Option<String> {
    match look.ground {
        Color3::Own => None,
        Color3::Inverse => Some(TEXT.into()),
        other => Some(hex(other)),
    }
}

fn hex(color: Color3) -> String {
    // Of the 256 colors, 16 to 231 are a cube of six steps, and the others are grays.
    let step = |value: u8| if value == 0 { 0 } else { 55 + 40 * value };
    match color {
        Color3::Own | Color3::Inverse => TEXT.into(),
        Color3::Exact(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
        Color3::Number(number @ 0..=15) => COLORS[usize::from(number)].into(),
        Color3::Number(number @ 16..=231) => {
            let number = number - 16;
            let [red, green, blue] = [number / 36, number / 6 % 6, number % 6].map(step);
            format!("#{red:02x}{green:02x}{blue:02x}")
        }
        Color3::Number(number) => {
            let gray = 8 + 10 * (number - 232);
            format!("#{gray:02x}{gray:02x}{gray:02x}")
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use vt100::Parser;

    use super::*;

    fn session() -> Session {
        Session {
            picture: "x.svg".into(),
            title: "a <b>".into(),
            columns: 20,
            rows: 2,
            hold: 3.0,
            commands: Vec::new(),
        }
    }

    fn film(screens: &[&str]) -> Film {
        let mut film = Film::default();
        for text in screens {
            let mut parser = Parser::new(2.try_into().unwrap(), 20.try_into().unwrap(), 0);
            parser.process(format!("\x1b[?25l{text}").as_bytes());
            film.add(parser.screen(), 1.0);
        }
        film
    }

    #[test]
    fn a_text_that_comes_back_is_drawn_once_and_a_row_moves_only_when_it_changes() {
        let svg = animated(&film(&["a", "b", "a\r\n<c>", "b"]), &session());
        assert_eq!(svg.matches(">a</text>").count(), 1, "{svg}");
        assert_eq!(svg.matches(r##"href="#t0""##).count(), 1, "{svg}");
        assert!(svg.contains("&lt;c&gt;") && !svg.contains("<c>"), "{svg}");
        // 4 seconds and 3 of hold: row 0 changes at each second, row 1 twice.
        assert!(svg.contains("@keyframes r0{14.29%{transform:translateX(-188px)}28.57%{"), "{svg}");
        assert_eq!(
            svg.split("@keyframes r1").nth(1).unwrap().split("}}").next().unwrap().matches('%').count(),
            3
        );
        // Who does not want motion sees the end.
        assert!(svg.contains("#r0{transform:translateX(-376px)}"), "{svg}");
    }

    /// A README shows it to everyone who opens the repository.
    #[test]
    fn the_recorded_session_is_light_and_needs_no_script_and_no_network() {
        let file = sandbox::tools::repository().join("docs/pictures/setup.svg");
        let svg = std::fs::read_to_string(file).unwrap();
        assert!(svg.len() < 300_000, "{} bytes", svg.len());
        for loaded in ["<script", "url(", "@import", "src=", "href=\"http"] {
            assert!(!svg.contains(loaded), "{loaded}");
        }
    }

    #[test]
    fn each_of_the_256_colors_is_the_one_that_terminals_show() {
        assert_eq!(hex(Color3::Number(16)), "#000000");
        assert_eq!(hex(Color3::Number(208)), "#ff8700");
        assert_eq!(hex(Color3::Number(231)), "#ffffff");
        assert_eq!(hex(Color3::Number(255)), "#eeeeee");
    }
}
