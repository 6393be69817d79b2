//! A terminal as a person has it: what the program writes, and the screen that it makes.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rexpect::process::{PtyProcess, Signal, WaitStatus};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

/// Longest wait for a screen.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) struct Terminal {
    process: PtyProcess,
    file: File,
    shown: Arc<(Mutex<Shown>, Condvar)>,
}

struct Shown {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    ended: bool,
}

fn cells(number: u16) -> NonZero<u16> {
    NonZero::new(number).expect("a size")
}

/// rexpect switches the terminal's echo off.
fn with_echo(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"stty echo; exec "$0" "$@""#]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    shell
}

impl Terminal {
    /// Starts a program. Like xterm, this terminal cuts lines when it becomes narrower.
    pub(crate) fn start(mut command: Command, rows: u16, columns: u16) -> Self {
        command.env("TERM", "xterm-256color").env("XTERM_VERSION", "XTerm(390)").env_remove("NO_COLOR");
        let process = PtyProcess::new(with_echo(&command)).expect("the program starts");
        let file = process.get_file_handle().expect("a terminal");
        let shown = Shown {
            parser: vt100::Parser::new(cells(rows), cells(columns), 2000),
            bytes: Vec::new(),
            ended: false,
        };
        let terminal = Terminal { process, file, shown: Arc::new((Mutex::new(shown), Condvar::new())) };
        terminal.resize(rows, columns);
        let mut reading = terminal.file.try_clone().expect("a file");
        let shown = Arc::clone(&terminal.shown);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                // A terminal that nobody has open any more reads as an error.
                let read = reading.read(&mut buffer).unwrap_or_default();
                let mut now = shown.0.lock().expect("the screen");
                now.parser.process(&buffer[..read]);
                now.bytes.extend_from_slice(&buffer[..read]);
                now.ended = read == 0;
                shown.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        terminal
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.0.lock().expect("the screen")
    }

    /// Everything that was written.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.shown().bytes.clone()
    }

    pub(crate) fn is_cursor_visible(&self) -> bool {
        !self.shown().parser.screen().hide_cursor()
    }

    /// The settings of the terminal: echo, and lines or single keys.
    pub(crate) fn settings(&self) -> Termios {
        tcgetattr(&self.file).expect("a terminal")
    }

    /// Waits until the screen is so. Returns it.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, so: impl Fn(&str) -> bool) -> String {
        let limit = Instant::now() + PATIENCE;
        let mut shown = self.shown();
        loop {
            let screen = shown.parser.screen().contents();
            if so(&screen) {
                return screen;
            }
            let left = limit.saturating_duration_since(Instant::now());
            assert!(!shown.ended && !left.is_zero(), "no {what}:\n{screen}");
            shown = self.shown.1.wait_timeout(shown, left).expect("the screen").0;
        }
    }

    /// Waits until the screen has this text.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait(&format!("'{text}'"), |screen| screen.contains(text))
    }

    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        let mut shown = self.shown();
        shown.parser.screen_mut().set_size(cells(rows), cells(columns));
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.file, size).expect("a terminal");
    }

    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.file.write_all(keys.as_bytes()).expect("the keys are typed");
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        self.process.signal(signal).expect("the signal is sent");
    }

    /// Waits until the program has ended with this code. Returns the last screen.
    #[track_caller]
    pub(crate) fn exits_with(&self, code: i32) -> String {
        let limit = Instant::now() + PATIENCE;
        let mut shown = self.shown();
        while !shown.ended {
            let left = limit.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it does not end:\n{}", shown.parser.screen().contents());
            shown = self.shown.1.wait_timeout(shown, left).expect("the screen").0;
        }
        let screen = shown.parser.screen().contents();
        match self.process.wait().expect("the program has ended") {
            WaitStatus::Exited(_, found) => assert_eq!(found, code, "{screen}"),
            other => panic!("{other:?}:\n{screen}"),
        }
        screen
    }
}
