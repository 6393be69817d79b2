//! Clusters of unlike node groups: each gets its like, without a single flag about nodes.

use sandbox::{Pools, Sandbox, Shape, witness};

use crate::cluster::{set_up_in, start};
use crate::command::{run, writes};
use crate::undo::{assert_state, state};

fn cluster_with(pools: Pools) -> Sandbox {
    start(Shape { pools, ..Shape::default() })
}

/// Moves the cluster and back. The witness compares each group with its replacement, and both ends with each other.
#[track_caller]
fn there_and_back(pools: Pools, flags: &[&str]) {
    let mut sandbox = cluster_with(pools);
    let (initial, before) =
        (state(&sandbox), witness::pools::record(&sandbox).expect("AWS and Kubernetes answer"));
    set_up_in(&mut sandbox, flags);
    let faults = witness::pools::faults(&sandbox, &before).expect("AWS and Kubernetes answer");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let mark = sandbox.mark();
    run(&sandbox, &[&["setup", "--yes"], flags].concat()).expect(0);
    assert_eq!(writes(&sandbox, mark), [""; 0], "a second run");
    run(&sandbox, &["undo", "--yes", "--confirm-cluster", &sandbox.shape.cluster]).expect(0);
    assert_state(&mut sandbox, &initial);
}

#[test]
fn unlike_groups_get_their_like_and_come_back() {
    there_and_back(Pools::Mixed, &[]);
}

/// One has SSH access by a security group that EKS deletes with it.
#[test]
fn managed_groups_of_every_kind_get_their_like_and_come_back() {
    there_and_back(Pools::Managed, &["--accept", "EC-NOD-050"]);
}
