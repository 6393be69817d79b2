//! Clusters for tests: a private one, or one shared by tests that change nothing.

use std::sync::{Arc, Mutex, Weak};

use sandbox::watch::{EniWatch, PdbWatch, ServingWatch};
use sandbox::{Aws, Sandbox, Shape, witness};

use crate::command::{Outcome, in_sandbox, run, writes};

pub(crate) fn start(shape: Shape) -> Sandbox {
    Sandbox::start(&shape).expect("the sandbox starts")
}

/// The cluster for tests that only read. The first test starts it, the last one stops it.
pub(crate) fn shared() -> Arc<Sandbox> {
    static SHARED: Mutex<Weak<Sandbox>> = Mutex::new(Weak::new());
    // A test that failed while starting it has left nothing behind.
    let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(sandbox) = shared.upgrade() {
        return sandbox;
    }
    let sandbox =
        Arc::new(start(Shape { azs: 2, old_nodes: sandbox::OldNodes::SelfManaged, ..Shape::default() }));
    *shared = Arc::downgrade(&sandbox);
    sandbox
}

/// Watches a cluster during a run and reports at the end everything that was ever wrong.
pub(crate) struct Watched {
    budgets: PdbWatch,
    /// `None` if kubectl drains: kubectl respects only PodDisruptionBudgets.
    controllers: Option<ServingWatch>,
    interfaces: EniWatch,
}

impl Watched {
    pub(crate) fn start(sandbox: &Sandbox) -> Self {
        Watched {
            budgets: PdbWatch::start(sandbox).expect("budgets can be watched"),
            controllers: Some(ServingWatch::start(sandbox).expect("pods can be watched")),
            interfaces: EniWatch::start(sandbox).expect("interfaces can be watched"),
        }
    }

    /// The same for a run in which kubectl drains the nodes.
    pub(crate) fn start_for_kubectl(sandbox: &Sandbox) -> Self {
        Watched { controllers: None, ..Watched::start(sandbox) }
    }

    /// Asserts that the documented end state is reached and that nothing was wrong on the way.
    #[track_caller]
    pub(crate) fn assert_end_state(self, sandbox: &mut Sandbox) {
        self.assert_end_state_with(sandbox, &["--terminate-unowned"]);
    }

    /// The same after a run that needs the permissions printed with these flags.
    #[track_caller]
    pub(crate) fn assert_end_state_with(self, sandbox: &mut Sandbox, flags: &[&str]) {
        crate::policy::nothing_missing(sandbox, Default::default(), flags);
        let mut faults = self.budgets.finish();
        faults.extend(self.controllers.map(ServingWatch::finish).unwrap_or_default());
        let (seen, missing) = witness::end_state(sandbox).expect("AWS and Kubernetes answer");
        faults.extend(missing);
        faults.extend(self.interfaces.finish(&seen));
        assert!(faults.is_empty(), "the end state is not reached:\n{}\n{seen}", faults.join("\n"));
    }
}

/// Runs the whole setup and verifies the end state independently of the program.
#[track_caller]
pub(crate) fn set_up(shape: Shape, args: &[&str]) -> Sandbox {
    let mut sandbox = start(shape);
    set_up_in(&mut sandbox, args);
    sandbox
}

#[track_caller]
pub(crate) fn set_up_in(sandbox: &mut Sandbox, args: &[&str]) {
    let watched = Watched::start(sandbox);
    let all: Vec<&str> = ["setup", "--yes"].into_iter().chain(args.iter().copied()).collect();
    run(sandbox, &all).expect(0);
    watched.assert_end_state(sandbox);
    // With unreliable AWS APIs an answer may be missing; what is unknown is reported.
    if sandbox.shape.aws != Aws::Rough {
        crate::field::healthy(sandbox);
    }
}

/// Asserts that the command is refused: this exit code, these texts, and no call that changes anything.
#[track_caller]
pub(crate) fn refuses(sandbox: &Sandbox, args: &[&str], code: i32, texts: &[&str]) {
    refuses_in(sandbox, &mut in_sandbox(sandbox, args), code, texts);
}

#[track_caller]
pub(crate) fn refuses_in(sandbox: &Sandbox, command: &mut std::process::Command, code: i32, texts: &[&str]) {
    let mark = sandbox.mark();
    Outcome::of(command).expect(code).says(texts);
    assert_eq!(writes(sandbox, mark), Vec::<String>::new(), "something was changed");
}
