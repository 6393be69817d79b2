//! Runs commands in a pseudo-terminal as a person would, and films what it shows.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rexpect::process::PtyProcess;
use vt100::Parser;

use sandbox::{Sandbox, program};

use super::film::Film;
use super::script::{Keys, Session, Typed};

/// How long a person takes for a key.
const KEY: f64 = 0.06;
/// How long the program may take until it asks what the script waits for.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The file to which the shell writes the command's exit code.
const CODE: &str = ".exit-code";

struct Recorder<'a> {
    sandbox: &'a Sandbox,
    session: &'a Session,
    /// Where the commands run.
    folder: tempfile::TempDir,
    parser: Parser,
    film: Film,
}

pub(crate) fn film(sandbox: &Sandbox, session: &Session) -> Result<Film> {
    let size = |value: u16| NonZeroU16::new(value).context("a terminal has rows and columns");
    let parser = Parser::new(size(session.rows)?, size(session.columns)?, 0);
    let mut recorder =
        Recorder { sandbox, session, folder: tempfile::tempdir()?, parser, film: Film::default() };
    for typed in &session.commands {
        recorder.run(typed)?;
    }
    recorder.show(b"\x1b[?25l", 0.5);
    Ok(recorder.film)
}

impl Recorder<'_> {
    /// Shows bytes this many seconds later.
    fn show(&mut self, bytes: &[u8], after: f64) {
        self.parser.process(bytes);
        self.film.add(self.parser.screen(), after);
    }

    fn run(&mut self, typed: &Typed) -> Result<()> {
        if !typed.hidden {
            self.prompt(&typed.command);
        }
        let mut process = PtyProcess::new(self.command(&typed.command)?).context("a pseudo-terminal")?;
        process.set_kill_timeout(Some(2000));
        let from = reader(process.get_file_handle()?);
        let mut to = process.get_file_handle()?;
        let mut keys = typed.keys.iter();
        let mut next = keys.next();
        let mut printed = String::new();
        let mut last = Instant::now();
        loop {
            if let Some(one) = next.filter(|one| console::strip_ansi_codes(&printed).contains(&one.after)) {
                printed = self.press(one, &mut to, &from)?;
                last = Instant::now();
                next = keys.next();
                continue;
            }
            let waits = next.is_some();
            let bytes = match from.recv_timeout(if waits { TIMEOUT } else { Duration::from_secs(3600) }) {
                Ok(bytes) => bytes,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{}: nothing more is printed after:\n{printed}", typed.command)
                }
            };
            printed.push_str(&String::from_utf8_lossy(&bytes));
            let elapsed = last.elapsed().as_secs_f64() / typed.speed;
            last = Instant::now();
            if !typed.hidden {
                self.show(&bytes, elapsed.min(typed.pause));
            }
        }
        if let Some(missed) = next {
            bail!("{}: '{}' was never printed:\n{printed}", typed.command, missed.after);
        }
        process.wait()?;
        let code = fs::read_to_string(self.folder.path().join(CODE)).unwrap_or_default();
        match code.trim() {
            "0" => Ok(()),
            other => bail!("{} ended with exit code '{other}':\n{printed}", typed.command),
        }
    }

    /// The person reads, then types. Returns what the program printed since the first key.
    fn press(&mut self, keys: &Keys, to: &mut File, from: &Receiver<Vec<u8>>) -> Result<String> {
        // What is still on its way belongs to the question.
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(1) {
            let Ok(bytes) = from.recv_timeout(Duration::from_millis(200)) else { break };
            self.show(&bytes, 0.0);
        }
        self.show(b"", keys.reads);
        // An escape sequence is one key.
        let single = keys.keys.starts_with('\u{1b}');
        let parts: Vec<String> =
            if single { vec![keys.keys.clone()] } else { keys.keys.chars().map(String::from).collect() };
        let mut printed = String::new();
        for part in parts {
            to.write_all(part.as_bytes())?;
            if let Ok(bytes) = from.recv_timeout(Duration::from_millis(300)) {
                printed.push_str(&String::from_utf8_lossy(&bytes));
                self.show(&bytes, KEY);
            }
        }
        Ok(printed)
    }

    /// A shell's prompt, at which a person types.
    fn prompt(&mut self, command: &str) {
        self.show(b"\x1b[?25h\x1b[1;32m$\x1b[0m ", 0.3);
        self.show(b"", 0.7);
        for key in command.chars() {
            self.show(key.to_string().as_bytes(), KEY);
        }
        self.show(b"", 0.4);
        self.show(b"\r\n", 0.1);
    }

    /// The command in a shell, on the cluster.
    fn command(&self, command: &str) -> Result<std::process::Command> {
        let Session { rows, columns, .. } = self.session;
        let program = program::path()?;
        let folder = program.parent().map(Path::to_path_buf).unwrap_or_default();
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([folder].into_iter().chain(std::env::split_paths(&others)))?;
        let mut shell = self.sandbox.command("bash");
        // Without KUBECONFIG it authenticates to the cluster through AWS, as most people's does.
        shell.env_remove("KUBECONFIG").env_remove("NO_COLOR").env("TERM", "xterm-256color").env("PATH", path);
        shell.env("LC_ALL", "C.UTF-8").current_dir(self.folder.path());
        shell.args(["-c", &format!("stty rows {rows} cols {columns}; {command}; echo $? > {CODE}")]);
        Ok(shell)
    }
}

/// What the terminal prints, chunk by chunk, until it is closed.
fn reader(mut terminal: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            match terminal.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => {
                    if sender.send(buffer[..length].to_vec()).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Linux reports EIO once the other end is closed.
                Err(_) => return,
            }
        }
    });
    receiver
}
