//! Clusters for tests: one of one's own, or one that is shared by tests that change nothing.

use std::sync::{Arc, Mutex, Weak};

use sandbox::watch::{EniWatch, PdbWatch, ServingWatch};
use sandbox::{Aws, Sandbox, Shape, witness};

use crate::command::{Ran, in_sandbox, run, writes};

pub fn start(shape: Shape) -> Sandbox {
    Sandbox::start(&shape).expect("the sandbox starts")
}

/// The cluster for those who only look: the first to come starts it, the last to go ends it.
pub fn shared() -> Arc<Sandbox> {
    static SHARED: Mutex<Weak<Sandbox>> = Mutex::new(Weak::new());
    // A test that failed while it started one has left nothing behind.
    let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(sandbox) = shared.upgrade() {
        return sandbox;
    }
    let sandbox =
        Arc::new(start(Shape { azs: 2, old_nodes: sandbox::OldNodes::SelfManaged, ..Shape::default() }));
    *shared = Arc::downgrade(&sandbox);
    sandbox
}

/// Watches a cluster while something is done to it, and says at the end what was ever wrong.
pub struct Watched {
    budgets: PdbWatch,
    /// Nothing where kubectl drains: it keeps PodDisruptionBudgets alone.
    controllers: Option<ServingWatch>,
    interfaces: EniWatch,
}

impl Watched {
    pub fn start(sandbox: &Sandbox) -> Self {
        Watched {
            budgets: PdbWatch::start(sandbox).expect("budgets can be watched"),
            controllers: Some(ServingWatch::start(sandbox).expect("pods can be watched")),
            interfaces: EniWatch::start(sandbox).expect("interfaces can be watched"),
        }
    }

    /// The same where kubectl drains the nodes.
    pub fn start_for_kubectl(sandbox: &Sandbox) -> Self {
        Watched { controllers: None, ..Watched::start(sandbox) }
    }

    /// The documented end state is there, and nothing was wrong on the way.
    #[track_caller]
    pub fn reached(self, sandbox: &mut Sandbox) {
        crate::policy::nothing_missing(sandbox, Default::default(), &["--terminate-unowned"]);
        let mut faults = self.budgets.finish();
        faults.extend(self.controllers.map(ServingWatch::finish).unwrap_or_default());
        let (seen, missing) = witness::end_state(sandbox).expect("AWS and Kubernetes answer");
        faults.extend(missing);
        faults.extend(self.interfaces.finish(&seen));
        assert!(faults.is_empty(), "not as it should be:\n{}\n{seen}", faults.join("\n"));
    }
}

/// Runs the whole set-up, and proves the end state from the outside.
#[track_caller]
pub fn set_up(shape: Shape, args: &[&str]) -> Sandbox {
    let mut sandbox = start(shape);
    set_up_there(&mut sandbox, args);
    sandbox
}

#[track_caller]
pub fn set_up_there(sandbox: &mut Sandbox, args: &[&str]) {
    let watched = Watched::start(sandbox);
    let all: Vec<&str> = ["setup", "--yes"].into_iter().chain(args.iter().copied()).collect();
    run(sandbox, &all).expect(0);
    watched.reached(sandbox);
    // On a rough day an answer may not come, and what is unknown is told.
    if sandbox.shape.aws != Aws::Rough {
        crate::field::healthy(sandbox);
    }
}

/// Refused: this exit code, these texts, and no call that changes anything.
#[track_caller]
pub fn refuses(sandbox: &Sandbox, args: &[&str], code: i32, texts: &[&str]) {
    refuses_in(sandbox, &mut in_sandbox(sandbox, args), code, texts);
}

#[track_caller]
pub fn refuses_in(sandbox: &Sandbox, command: &mut std::process::Command, code: i32, texts: &[&str]) {
    let mark = sandbox.mark();
    Ran::of(command).expect(code).tells(texts);
    assert_eq!(writes(sandbox, mark), Vec::<String>::new(), "something was changed");
}
