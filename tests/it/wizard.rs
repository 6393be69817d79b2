//! The screens of the interactive run, and ways through it other than straight on.

use std::process::Command;

use rexpect::process::Signal;
use sandbox::{OldNodes, Pools, Shape};

use crate::cluster::{shared, start};
use crate::command::{in_sandbox, writes};
use crate::golden::screen_of_a_person;
use crate::journey::aws;
use crate::pty::Terminal;
use crate::terminal::{BLOCK, ENTER, GO_ON, POOL, PURPOSE, WHEN, without_cluster};

const ESC: &str = "\x1b";
/// Erases the default of a text question.
const CLEAR: &str = "\x15";
/// The last rows of a list.
const MORE: &str = "?  more about this question";
const BACK: &str = "<  back to the question before";

/// A person at a terminal of this size, who answers what stands at its bottom.
struct Person(Terminal);

impl Person {
    fn at(command: Command, columns: u16) -> Self {
        Person(Terminal::start(command, 50, columns))
    }

    /// Waits until the last question on the screen is this one. Returns the screen.
    #[track_caller]
    fn asked(&self, question: &str) -> String {
        self.0.wait(question, |screen| {
            let open = screen.lines().rev().find(|line| line.starts_with("? "));
            open.is_some_and(|line| line.contains(question))
        })
    }

    #[track_caller]
    fn answers(&mut self, question: &str, keys: &str) {
        self.asked(question);
        self.0.type_keys(keys);
    }

    /// Compares the screen from a text on with a snapshot, once it ends with this one.
    #[track_caller]
    fn shows(&self, name: &str, from: &str, end: &str) {
        let screen = self.0.wait(name, |screen| screen.contains(from) && screen.trim_end().ends_with(end));
        let begin = screen.rfind(from).unwrap_or_default();
        screen_of_a_person(name, &screen[begin..]);
    }

    /// Ends the run at a question.
    #[track_caller]
    fn leaves(&mut self) {
        self.0.signal(Signal::SIGINT);
        let last = self.0.exits_with(130);
        assert!(last.contains("nothing was changed"), "{last}");
        assert!(self.0.is_cursor_visible());
    }
}

/// The screen from this text on.
fn from<'a>(screen: &'a str, text: &str) -> &'a str {
    &screen[screen.find(text).unwrap_or_else(|| panic!("no '{text}':\n{screen}"))..]
}

#[test]
fn every_answer_can_be_taken_back_and_every_screen_fits_80_columns() {
    let sandbox = shared();
    let mark = sandbox.mark();
    let mut person = Person::at(in_sandbox(&sandbox, &["setup"]), 80);
    person.shows("wizard-found", "  cluster  sandbox", MORE);
    person.answers(PURPOSE, ENTER);

    // A block that can't be used: the nearest one that can is offered, and Enter takes it.
    person.answers(BLOCK, &format!("{CLEAR}100.64.1.0/16{ENTER}"));
    person.shows("wizard-block", "✘ 100.64.1.0/16", "(100.64.0.0/16) ›");
    person.answers(BLOCK, ENTER);

    // Back by the item of the list, and by Esc.
    person.shows("wizard-pool", "  Nodes, instance type", BACK);
    person.answers(POOL, &format!("<{ENTER}"));
    person.answers(BLOCK, ENTER);
    person.answers(POOL, ESC);
    person.answers(BLOCK, ENTER);

    person.answers(POOL, &format!("m5.large{ENTER}"));
    person.answers("Change", &format!("type{ENTER}"));
    person.answers("Instance type of", &format!("{CLEAR}xlarge{ENTER}"));
    person.0.wait_for("'xlarge' is not an instance type such as m5.large");
    person.answers("Instance type of", &format!("{CLEAR}m5.xlarge{ENTER}"));
    person.0.wait_for("will hold");
    person.answers(POOL, ENTER);
    person.shows("wizard-when", "  A node that starts", BACK);
    person.answers(WHEN, ENTER);
    person.asked(GO_ON);
    person.shows("wizard-summary", "  order of the steps", BACK);
    person.0.type_keys(&format!("details{ENTER}"));
    person.0.wait_for("free pod addresses");
    person.answers(GO_ON, &format!("commands{ENTER}"));
    person.0.wait_for("step_9() {");
    person.answers(GO_ON, &format!("answers{ENTER}"));
    person.asked(PURPOSE);
    person.leaves();
    assert_eq!(writes(&sandbox, mark), Vec::<String>::new());
}

#[test]
fn without_a_region_and_with_several_clusters_both_are_chosen_from_lists() {
    let shape =
        Shape { azs: 2, pools: Pools::Teams, teams: 2, old_nodes: OldNodes::None, ..Shape::default() };
    let sandbox = start(shape);
    let role = format!("arn:aws:iam::{}:role/sandbox-cluster", sandbox.aws.account);
    let subnets = sandbox.aws.private_subnets.values().cloned().collect::<Vec<_>>().join(",");
    let network = format!("subnetIds={subnets}");
    aws(
        &sandbox,
        &["eks", "create-cluster", "--name", "shop", "--role-arn", &role, "--resources-vpc-config", &network],
    );
    let mark = sandbox.mark();
    let person_at = |columns| {
        let mut command = without_cluster(&sandbox, &["setup"]);
        command.env_remove("AWS_REGION").env_remove("AWS_DEFAULT_REGION");
        Person::at(command, columns)
    };
    let mut person = person_at(80);
    person.answers("AWS region", &format!("oregon{ENTER}"));
    person.shows("wizard-cluster", "✔ AWS region", BACK);
    person.answers("Cluster", &format!("shop{ENTER}"));
    // Its control plane is not there yet.
    let last = person.0.exits_with(3);
    assert!(last.contains("EC-CLU-003") && last.contains("the cluster is CREATING"), "{last}");

    // Questions of a narrow terminal, which then becomes wider, and narrower again.
    let mut person = person_at(60);
    person.answers("AWS region", &format!("oregon{ENTER}"));
    person.answers("Cluster", &format!("sandbox{ENTER}"));
    let narrow = person.asked(PURPOSE);
    assert!(narrow.lines().all(|line| line.chars().count() < 60), "{narrow}");
    person.0.resize(50, 120);
    person.answers(PURPOSE, ENTER);
    person.answers(BLOCK, ENTER);
    pools(&mut person);
    person.0.resize(50, 60);
    person.answers(WHEN, ENTER);
    let last = person.asked(GO_ON);
    assert!(from(&last, "? Make these").lines().all(|line| line.chars().count() < 60), "{last}");
    person.leaves();
    assert_eq!(writes(&sandbox, mark), Vec::<String>::new());
}

/// A group of the table is left out, and taken in again.
fn pools(person: &mut Person) {
    person.asked("2 node groups, and what replaces each");
    person.shows("wizard-pools", "  Nodes, instance type", BACK);
    person.0.type_keys(&format!("team-1{ENTER}"));
    person.answers("Change", &format!("leave{ENTER}"));
    let open = |screen: &str, left_out: bool| {
        let table = screen.rsplit_once("? 2 node groups").map_or("", |(_, table)| table);
        table.contains("sandbox-team-1") && table.contains("stays as it is") == left_out
    };
    person.0.wait("a group left out", |screen| open(screen, true));
    person.0.type_keys(&format!("team-1{ENTER}"));
    person.0.wait("all groups again", |screen| open(screen, false));
    person.0.type_keys(ENTER);
}
