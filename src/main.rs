//! Parse, run, exit code; nothing else.

use std::process::ExitCode;

use eni_custom::{cli, commands};

fn main() -> ExitCode {
    match cli::parse() {
        Ok((cli, origins)) => commands::run(cli, origins).into(),
        Err(error) => commands::usage_error(&error).into(),
    }
}
