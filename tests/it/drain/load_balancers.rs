//! Load balancers whose targets are the nodes.

use std::time::Duration;

use rustix::process::Signal;
use sandbox::targets::{EXCLUDE, Targets};
use serde_json::json;

use super::fixture::Fixture;
use crate::background::BackgroundRun;
use crate::command::writes;

const DELAY: Duration = Duration::from_secs(3);

impl Fixture {
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
fn connections_through_a_node_break_without_a_deregistration_delay() {
    let mut fixture = Fixture::of("lb-no-delay");
    fixture.balance();
    let targets = Targets::start(fixture.sandbox(), DELAY).expect("nodes can be read");
    fixture.drain(&["--lb-drain", "0s"]).expect(0);
    fixture.is_gone();
    let node = fixture.node.clone();
    fixture
        .sandbox_mut()
        .until("the target is gone", Duration::from_secs(10), || match targets.of(&node).broken {
            0 => Err("no connection was broken".into()),
            _ => Ok(Some(())),
        })
        .expect("its connections were broken");
}

#[test]
fn a_node_is_deregistered_from_load_balancers_before_its_instance_terminates() {
    let mut fixture = Fixture::of("lb-drain");
    fixture.apply(&fixture.deployment("web", 2, "0s"));
    fixture.balance();
    fixture.ready(2);
    fixture.open_new_nodes();
    // 300 s is the load balancers' default. The plan shows the time it adds and for which Service.
    let shown = fixture.drain(&["--dry-run"]).expect(0).stdout;
    for text in ["EC-POD-019", "310 s", "Service lb-drain/web", "--lb-drain"] {
        assert!(shown.contains(text), "'{text}' is not in:\n{shown}");
    }
    let mark = fixture.sandbox().mark();
    let late = ["--lb-drain", "30s", "--drain-timeout", "20s"];
    fixture.drain(&late).expect(3).says(&["EC-DRN-005", "--drain-timeout"]);
    assert_eq!(writes(fixture.sandbox(), mark), Vec::<String>::new());
    let targets = Targets::start(fixture.sandbox(), DELAY).expect("nodes can be read");
    fixture.drain(&["--lb-drain", "4s"]).expect(0);
    fixture.is_gone();
    let target = targets.of(&fixture.node);
    assert_eq!((target.open, target.broken), (0, 0), "{target:?}");
    let record =
        fixture.kubectl(&["-n", "kube-system", "get", "configmap", "eni-custom", "-o", "jsonpath={.data}"]);
    assert!(!record.contains("excluded"), "{record}");
}

#[test]
fn a_node_that_is_kept_becomes_a_target_again_however_the_run_ends() {
    let fixture = Fixture::of("lb-back");
    fixture.balance();
    let waiting = ["--lb-drain", "10m", "--events", "json"];
    let until_excluded = |drain: &mut BackgroundRun| {
        drain.wait_for("leaving load balancers");
        assert!(fixture.is_excluded());
    };
    let mut drain = BackgroundRun::start(&mut fixture.command(&waiting));
    until_excluded(&mut drain);
    drain.signal(Signal::INT);
    drain.exits_with(130);
    assert!(!fixture.is_excluded());
    fixture.is_as_before();
    let mut drain = BackgroundRun::start(&mut fixture.command(&waiting));
    until_excluded(&mut drain);
    drain.signal(Signal::KILL);
    drop(drain);
    assert!(fixture.is_excluded());
    crate::command::run(fixture.sandbox(), &["drain-nodes", "--yes", "--keep-old-nodes"]).expect(0);
    assert!(!fixture.is_excluded());
    fixture.is_as_before();
    // A label that existed before belongs to someone else and is kept.
    fixture.kubectl(&["label", "node", &fixture.node, &format!("{EXCLUDE}=")]);
    let mut drain = BackgroundRun::start(&mut fixture.command(&waiting));
    drain.wait_for("leaving load balancers");
    drain.signal(Signal::INT);
    drain.exits_with(130);
    assert!(fixture.is_excluded());
}
