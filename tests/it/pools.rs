//! Clusters of unlike node groups: each gets its like.

mod managed;

use sandbox::{Pools, Sandbox, Shape, witness};

use crate::cluster::{set_up_in, start};
use crate::command::{run, writes};
use crate::golden::screen;
use crate::interrupted::kill_when;
use crate::undo::{UNDO, assert_state, state};

/// Progress texts of setup and of undo, with how often each is printed before the kill.
#[derive(Default)]
struct Kills {
    setup: &'static [(&'static str, usize)],
    undo: &'static [(&'static str, usize)],
}

fn cluster_with(pools: Pools) -> Sandbox {
    start(Shape { pools, ..Shape::default() })
}

/// Moves the cluster and back, by runs that are killed when they have printed these texts so many times. The witness
/// compares each group with its replacement, and both ends with each other.
#[track_caller]
fn there_and_back(pools: Pools, flags: &[&str], kills: &Kills) {
    let mut sandbox = cluster_with(pools);
    let (initial, before) =
        (state(&sandbox), witness::pools::record(&sandbox).expect("AWS and Kubernetes answer"));
    let screens = matches!(pools, Pools::Mixed);
    if screens {
        screen(&sandbox, "plan-pools", 0, &["plan"]);
    }
    let setup = [&["setup", "--yes"], flags].concat();
    for (text, times) in kills.setup {
        kill_when(&sandbox, &setup, text, *times);
    }
    set_up_in(&mut sandbox, flags);
    let faults = witness::pools::faults(&sandbox, &before).expect("AWS and Kubernetes answer");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    if screens {
        screen(&sandbox, "status-pools", 0, &["status"]);
    }
    let mark = sandbox.mark();
    run(&sandbox, &setup).expect(0);
    assert_eq!(writes(&sandbox, mark), [""; 0], "a second run");
    for (text, times) in kills.undo {
        kill_when(&sandbox, &UNDO, text, *times);
    }
    run(&sandbox, &UNDO).expect(0);
    assert_state(&mut sandbox, &initial);
}

#[test]
fn unlike_groups_get_their_like_and_come_back_whatever_is_interrupted() {
    let kills = Kills {
        setup: &[
            ("stack eni-custom-sandbox-", 4),
            ("size of eni-custom-sandbox-", 3),
            ("new nodes to be Ready", 1),
            ("nodes to be drained", 2),
        ],
        undo: &[("with custom networking", 1), ("stack eni-custom-sandbox-", 3)],
    };
    there_and_back(Pools::Mixed, &[], &kills);
}

/// One has SSH access by a security group that EKS deletes with it.
#[test]
fn managed_groups_of_every_kind_get_their_like_and_come_back() {
    there_and_back(Pools::Managed, &["--accept", "EC-NOD-050"], &Kills::default());
}
