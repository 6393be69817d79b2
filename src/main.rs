//! Parse, run, exit code; nothing else.

use std::process::ExitCode;

use eni_custom::{app, settings};

fn main() -> ExitCode {
    match settings::parse() {
        Ok((command, origins)) => app::run(command, origins).into(),
        Err(error) => app::usage_error(&error).into(),
    }
}
