//! The command line with its help texts: a description and examples first, then flags by subject, the global ones
//! last.

mod pages;

use clap::{Arg, ArgAction, Command, CommandFactory};

use crate::step::Step;
use crate::ui::plugin::PROGRAM;

use super::Cli;

pub(crate) use pages::{Page, page};

/// The order of the headings. Flags with another heading come before those of `Run`.
const HEADINGS: [&str; 13] = [
    "Cluster",
    "Plan",
    "Undo",
    "Bundle",
    "Probe",
    "Permissions",
    "Pod subnets",
    "VPC CNI",
    "New nodes",
    "Old nodes",
    "Drain",
    "Run",
    "Output",
];

/// The heading of the flags that every command has; the last one.
pub(super) const GLOBAL: &str = "Global";

/// The commands that are listed first. The steps follow, then all others.
const FIRST: [&str; 6] = ["setup", "plan", "undo", "verify", "doctor", "status"];

/// Flags that a command takes so that a line of `setup` works for it too, and that change nothing for it: its help leaves
/// them out.
const WITHOUT_EFFECT: [(&str, &[&str]); 3] = [
    ("plan", &["yes", "confirm-cluster", "dry-run"]),
    ("status", &["yes", "accept", "confirm-cluster", "dry-run"]),
    ("detect-cni", &["yes", "confirm-cluster"]),
];

/// The command line as it is parsed, completed and documented.
pub(crate) fn command(called_as: &'static str) -> Command {
    let flag = |name: &'static str, short, action, help: &'static str| {
        Arg::new(name).long(name).short(short).action(action).help(help).help_heading(GLOBAL)
    };
    let plain = Cli::command();
    let names: Vec<String> = plain.get_subcommands().map(|one| one.get_name().to_string()).collect();
    // The long form puts a blank line between flags: with fifty of them, nobody finds anything.
    let help = flag("help", 'h', ArgAction::HelpShort, "Print help").global(true);
    let command = plain
        .bin_name(called_as)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(help)
        .arg(flag("version", 'V', ArgAction::Version, "Print version"));
    let command = names.iter().fold(command, |command, name| {
        command.mut_subcommand(name, |one| with_page(by_subject(one.next_line_help(true)), called_as))
    });
    let groups = groups(&command);
    let command = with_page(by_subject(command), called_as);
    let header = *command.get_styles().get_header();
    let listed = groups.iter().map(|(title, lines)| format!("{header}{title}:{header:#}\n{lines}\n"));
    let (head, _) = head(PROGRAM, called_as, header);
    let listed: String = listed.collect();
    command.help_template(format!("{head}{listed}{header}{GLOBAL}:{header:#}\n{{options}}{{after-help}}"))
}

/// Orders the flags by heading; clap prints headings in the order of their first flags.
fn by_subject(command: Command) -> Command {
    let rank = |arg: &Arg| match arg.get_help_heading() {
        None => 0,
        Some(GLOBAL) => usize::MAX,
        Some(heading) => {
            let run = HEADINGS.len() - 2;
            HEADINGS.iter().position(|known| *known == heading).map_or(2 * run - 1, |at| 2 * at) + 1
        }
    };
    let mut args: Vec<_> = command.get_arguments().map(|arg| (rank(arg), arg.get_id().clone())).collect();
    args.sort_by_key(|(rank, _)| *rank);
    let without_effect = WITHOUT_EFFECT.iter().find(|(name, _)| *name == command.get_name());
    let hidden = |arg: &Arg| {
        without_effect.is_some_and(|(_, flags)| arg.get_long().is_some_and(|long| flags.contains(&long)))
    };
    // Changing an argument moves it to the end.
    args.iter().fold(command, |command, (_, id)| {
        command.mut_arg(id, |arg| {
            let hide = arg.is_hide_set() || hidden(&arg);
            arg.hide_env_values(true).hide(hide)
        })
    })
}

/// Puts the description and the examples of the command's page above its flags.
fn with_page(command: Command, called_as: &str) -> Command {
    let header = *command.get_styles().get_header();
    let (head, found) = head(command.get_name(), called_as, header);
    if found { command.help_template(format!("{head}{{all-args}}{{after-help}}")) } else { command }
}

/// The template above the flags, and whether the command has a page.
fn head(name: &str, called_as: &str, header: clap::builder::styling::Style) -> (String, bool) {
    let usage = "{usage-heading} {usage}\n\n";
    let Some(Page { description, examples, .. }) = page(name) else {
        return (format!("{{about-with-newline}}\n{usage}"), false);
    };
    let examples = examples.iter().map(|(what, typed)| {
        format!("  # {what}\n  {}\n", typed.replace("eni-custom ", &format!("{called_as} ")))
    });
    let examples = examples.collect::<Vec<_>>().join("\n");
    (format!("{description}\n\n{header}Examples:{header:#}\n{examples}\n{usage}"), true)
}

/// The list of commands under each title.
fn groups(command: &Command) -> Vec<(&'static str, String)> {
    let visible = || command.get_subcommands().filter(|one| !one.is_hide_set());
    let width = visible().map(|one| one.get_name().len()).max().unwrap_or_default();
    let line = |one: &Command| {
        let about = one.get_about().map(ToString::to_string).unwrap_or_default();
        format!("  {:width$}  {about}\n", one.get_name())
    };
    let steps = Step::DOCUMENTED.map(Step::name);
    let is_named = |one: &&Command| FIRST.iter().chain(&steps).any(|name| *name == one.get_name());
    let listed = |names: &[&str]| -> String {
        names.iter().filter_map(|name| command.find_subcommand(name)).map(line).collect()
    };
    let others = visible().filter(|one| !is_named(one)).map(line).collect();
    vec![("Commands", listed(&FIRST)), ("Single steps", listed(&steps)), ("Other commands", others)]
}

#[cfg(test)]
mod tests;
