//! `man`: the man pages, made of the same texts as `--help`.

use std::fs;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::help;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::ui::plugin::PROGRAM;

/// Writes a page for the program and one for each command.
pub(super) fn man(folder: &Path) -> Result<Exit> {
    let failed = |path: &Path, error: std::io::Error| {
        Error::failed("write the man pages").at(path.display().to_string()).because(error)
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for (name, page) in pages() {
        let path = folder.join(name);
        fs::write(&path, page).map_err(|error| failed(&path, error))?;
    }
    Ok(Exit::Done)
}

/// Each page with its file name, `eni-custom-setup.1`.
fn pages() -> Vec<(String, Vec<u8>)> {
    let mut program = help::command(PROGRAM);
    // Gives the commands their global flags.
    program.build();
    let of_program = page(&program, PROGRAM, PROGRAM);
    let of_command = |one: &Command| {
        let full = format!("{}-{}", PROGRAM, one.get_name());
        let shown = one.clone().display_name(full.clone());
        (format!("{full}.1"), page(&shown, one.get_name(), &full))
    };
    let visible = program.get_subcommands().filter(|one| !one.is_hide_set() && one.get_name() != "help");
    let others = visible.map(of_command).collect::<Vec<_>>();
    std::iter::once((format!("{}.1", PROGRAM), of_program)).chain(others).collect()
}

/// A page in the order of man-pages(7): clap_mangen has no section for examples, so its sections are put together here.
fn page(command: &Command, of: &str, title: &str) -> Vec<u8> {
    let usage = match of == PROGRAM {
        true => format!("{of} COMMAND [OPTIONS]"),
        false => format!("{} {of} [OPTIONS]{}", PROGRAM, positionals(command)),
    };
    let man = Man::new(command.clone().override_usage(usage)).title(title).section("1");
    let mut page = Vec::new();
    let written = write(&man, of, &mut page);
    debug_assert!(written.is_ok(), "a Vec takes everything");
    page
}

/// ` DIR`, ` [TYPE]...`
fn positionals(command: &Command) -> String {
    command.get_positionals().map(|arg| format!(" {arg}")).collect()
}

fn write(man: &Man, of: &str, page: &mut Vec<u8>) -> std::io::Result<()> {
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    if let Some(known) = help::page(of) {
        let mut roff = Roff::new();
        roff.control("SH", ["DESCRIPTION"]);
        for paragraph in known.description.split("\n\n") {
            roff.control("PP", []).text([roman(paragraph.replace('\n', " "))]);
        }
        roff.control("SH", ["EXAMPLES"]);
        for (what, typed) in known.examples {
            roff.control("TP", []).text([roman(format!("{what}:"))]).text([bold(*typed)]);
        }
        roff.to_writer(page)?;
    }
    man.render_options_section(page)?;
    if of == PROGRAM {
        man.render_subcommands_section(page)?;
    }
    man.render_extra_section(page)?;
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    let other = if of == PROGRAM { "eni-custom-setup" } else { PROGRAM };
    roff.text([bold(other), roman("(1)")]);
    roff.to_writer(page)
}
