//! Load balancers whose targets are the nodes themselves.

use std::time::Duration;

use rustix::process::Signal;
use sandbox::targets::{EXCLUDE, Targets};
use serde_json::json;

use super::ward::Bed;
use crate::command::writes;
use crate::going::Going;

const DELAY: Duration = Duration::from_secs(3);

impl Bed {
    fn balance(&self) {
        self.apply(&json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]},
        }));
    }

    fn is_excluded(&self) -> bool {
        let labels = self.kubectl(&["get", "node", &self.node, "-o", "jsonpath={.metadata.labels}"]);
        labels.contains(EXCLUDE)
    }
}

#[test]
fn connections_through_a_node_are_cut_without_a_wait() {
    let mut bed = Bed::of("lb-cut");
    bed.balance();
    let targets = Targets::start(bed.sandbox(), DELAY).expect("nodes can be read");
    bed.drain(&["--lb-drain", "0s"]).expect(0);
    bed.is_gone();
    let node = bed.node.clone();
    bed.sandbox_mut()
        .until("the target is gone", Duration::from_secs(10), || match targets.of(&node).cut {
            0 => Err("none was cut".into()),
            _ => Ok(Some(())),
        })
        .expect("its connections were cut");
}

#[test]
fn a_node_leaves_its_load_balancers_before_its_instance_ends() {
    let mut bed = Bed::of("lb-drain");
    bed.apply(&bed.deployment("web", 2, "0s"));
    bed.balance();
    bed.ready(2);
    bed.open_new_nodes();
    // 300 s are the load balancers' own default: plan says what they add, and for whom.
    let shown = bed.drain(&["--dry-run"]).expect(0).stdout;
    for text in ["EC-POD-019", "310 s", "Service lb-drain/web", "--lb-drain"] {
        assert!(shown.contains(text), "'{text}' is not in:\n{shown}");
    }
    let mark = bed.sandbox().mark();
    let late = ["--lb-drain", "30s", "--drain-timeout", "20s"];
    bed.drain(&late).expect(3).tells(&["EC-DRN-005", "--drain-timeout"]);
    assert_eq!(writes(bed.sandbox(), mark), Vec::<String>::new());
    let targets = Targets::start(bed.sandbox(), DELAY).expect("nodes can be read");
    bed.drain(&["--lb-drain", "4s"]).expect(0);
    bed.is_gone();
    let target = targets.of(&bed.node);
    assert_eq!((target.open, target.cut), (0, 0), "{target:?}");
    let record =
        bed.kubectl(&["-n", "kube-system", "get", "configmap", "eni-custom", "-o", "jsonpath={.data}"]);
    assert!(!record.contains("excluded"), "{record}");
}

#[test]
fn a_node_that_stays_is_a_target_again_however_the_run_ends() {
    let bed = Bed::of("lb-back");
    bed.balance();
    let waiting = ["--lb-drain", "10m", "--events", "json"];
    let until_excluded = |drain: &mut Going| {
        drain.says("leaving load balancers");
        assert!(bed.is_excluded());
    };
    let mut drain = Going::start(&mut bed.command(&waiting));
    until_excluded(&mut drain);
    drain.signal(Signal::INT);
    drain.ends(130);
    assert!(!bed.is_excluded());
    bed.is_as_before();
    let mut drain = Going::start(&mut bed.command(&waiting));
    until_excluded(&mut drain);
    drain.signal(Signal::KILL);
    drop(drain);
    assert!(bed.is_excluded());
    crate::command::run(bed.sandbox(), &["drain-nodes", "--yes", "--keep-old-nodes"]).expect(0);
    assert!(!bed.is_excluded());
    bed.is_as_before();
    // A label that was there before is somebody else's.
    bed.kubectl(&["label", "node", &bed.node, &format!("{EXCLUDE}=")]);
    let mut drain = Going::start(&mut bed.command(&waiting));
    drain.says("leaving load balancers");
    drain.signal(Signal::INT);
    drain.ends(130);
    assert!(bed.is_excluded());
}
