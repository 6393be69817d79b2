use super::pages::PAGES;
use super::*;

/// What `eni-custom NAME --help` prints on a terminal of this width.
fn help(name: &str, width: usize) -> String {
    let mut command = command(PROGRAM).max_term_width(width).term_width(width);
    command.build();
    let mut one = match name {
        PROGRAM => command,
        name => command.find_subcommand(name).expect("a command").clone().term_width(width),
    };
    one.render_help().to_string()
}

fn names() -> Vec<String> {
    let names: Vec<_> = command(PROGRAM).get_subcommands().map(|one| one.get_name().to_string()).collect();
    [PROGRAM.to_string()].into_iter().chain(names).collect()
}

#[test]
fn each_command_has_a_description_and_an_example_and_no_page_lacks_a_command() {
    let names = names();
    for name in &names {
        let page = page(name).unwrap_or_else(|| panic!("{name} has no page"));
        assert!(!page.description.is_empty() && !page.examples.is_empty(), "{name}");
    }
    for page in PAGES {
        assert!(names.iter().any(|name| name == page.command), "there is no command {}", page.command);
    }
}

#[test]
fn help_fits_into_80_columns() {
    for name in names() {
        let help = help(&name, 80);
        let wide: Vec<_> = help.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{name}: {wide:#?}");
    }
}

#[test]
fn each_example_parses_and_is_of_its_command() {
    for page in PAGES {
        for (_, typed) in page.examples {
            let ours = typed.split(" | ").next().unwrap().split(" > ").next().unwrap();
            let ours = ours.trim_start_matches("source <(").trim_end_matches(')');
            if let Some(shell) = ours.strip_prefix("COMPLETE=") {
                assert!(shell.ends_with(" eni-custom"), "{typed}");
                continue;
            }
            let words = shell_words::split(ours).expect("quoted well");
            let matches = command(PROGRAM).try_get_matches_from(&words);
            let matches = matches.unwrap_or_else(|error| panic!("{typed}: {error}"));
            let name = matches.subcommand_name();
            assert!(
                page.command == PROGRAM || name == Some(page.command),
                "{typed} is not of {}",
                page.command
            );
        }
    }
}

#[test]
fn examples_come_first_and_global_flags_last() {
    let help = help("setup", 80);
    let at = |heading: &str| {
        help.lines().position(|line| line == format!("{heading}:")).unwrap_or_else(|| panic!("no {heading}"))
    };
    let order = [
        "Examples",
        "Cluster",
        "Plan",
        "Pod subnets",
        "New nodes",
        "Old nodes",
        "Drain",
        "Run",
        "Output",
        GLOBAL,
    ];
    assert!(order.is_sorted_by_key(|heading| at(heading)), "{help}");
    let dry_run =
        help.lines().position(|line| line.trim_start().starts_with("--dry-run")).expect("it is there");
    assert!((at("Run")..at("Output")).contains(&dry_run), "{help}");
    assert!(!help.contains("\nOptions:"), "a flag has no heading: {help}");
}

#[test]
fn flags_without_effect_are_taken_but_not_shown() {
    let help = help("status", 80);
    assert!(!help.contains("--yes") && help.contains("--timeout"), "{help}");
    assert!(command(PROGRAM).try_get_matches_from(["eni-custom", "status", "--yes"]).is_ok());
}

#[test]
fn the_list_of_commands_has_each_command_once() {
    let help = help(PROGRAM, 80);
    for name in names().iter().skip(1) {
        let lines = help.lines().filter(|line| line.starts_with(&format!("  {name} "))).count();
        assert_eq!(lines, 1, "{name}: {help}");
    }
}

#[test]
fn each_command_is_known_where_command_lines_are_printed() {
    let steps = crate::step::Step::DOCUMENTED.iter().map(|step| step.name());
    let known: Vec<&str> = steps.chain(crate::ui::plugin::COMMANDS).collect();
    for name in names().iter().skip(1) {
        assert!(known.contains(&name.as_str()), "{name} is not in ui::plugin::COMMANDS");
    }
}

#[test]
fn as_a_plugin_of_kubectl_usage_and_examples_begin_with_kubectl() {
    let error = command("kubectl eni-custom").try_get_matches_from(["x", "plan", "--help"]).unwrap_err();
    let help = error.to_string();
    assert!(help.contains("Usage: kubectl eni-custom plan [OPTIONS]"), "{help}");
    assert!(help.contains("\n  kubectl eni-custom plan --cluster shop\n"), "{help}");
    let error = command("kubectl eni-custom").try_get_matches_from(["x", "plan", "--cird"]).unwrap_err();
    assert!(error.to_string().contains("Usage: kubectl eni-custom plan"), "{error}");
}
