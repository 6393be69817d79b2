//! Parse, run, exit code; nothing else but the allocator of static builds.

use std::process::ExitCode;

use eni_custom::exit::Codes;
use eni_custom::{cli, commands};

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    commands::start();
    let (exit, codes) = match cli::parse() {
        Ok((cli, origins)) => {
            let codes = cli.exit_codes();
            (commands::run(cli, origins, codes), codes)
        }
        Err(stop) => {
            let codes = Codes::of_arguments(std::env::args_os());
            (commands::not_parsed(stop, codes), codes)
        }
    };
    codes.code(exit).into()
}
