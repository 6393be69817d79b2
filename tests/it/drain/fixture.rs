//! Clusters in mid-migration: custom networking is on, and new nodes run beside old ones. Each test drains its own old
//! node. A test has a cluster to itself while it runs; the next test takes it over.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use sandbox::watch::{PdbWatch, ServingWatch};
use sandbox::{KubernetesCall, Mark, OldNodes, Sandbox, Shape};
use serde_json::{Value, json};

use crate::cluster::start;
use crate::command::{Outcome, in_sandbox, run};

/// Old nodes of a cluster: so many tests can use it. With more nodes every call to AWS takes longer.
const OLD_NODES: u32 = 9;
/// Clusters at a time. A drain mostly waits.
const CLUSTERS: usize = 4;

struct DrainCluster {
    sandbox: Sandbox,
    /// Those that no test has used.
    old: Vec<String>,
    new: Vec<String>,
}

struct Pool {
    free: Vec<DrainCluster>,
    /// Free ones, and those that a test uses or builds.
    running: usize,
}

/// A test builds a cluster if none is free. Processes of those that are left over end with the test process.
static POOL: Mutex<Pool> = Mutex::new(Pool { free: Vec::new(), running: 0 });
static RETURNED: Condvar = Condvar::new();

impl Pool {
    fn lock() -> MutexGuard<'static, Self> {
        POOL.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn take() -> DrainCluster {
        let none = |pool: &mut Self| pool.free.is_empty() && pool.running == CLUSTERS;
        let mut pool =
            RETURNED.wait_while(Self::lock(), none).unwrap_or_else(|poisoned| poisoned.into_inner());
        pool.free.pop().unwrap_or_else(|| {
            pool.running += 1;
            drop(pool);
            let place = Place;
            let cluster = build();
            std::mem::forget(place);
            cluster
        })
    }

    fn give_back(cluster: DrainCluster) {
        if cluster.old.is_empty() {
            drop(cluster);
            drop(Place);
        } else {
            Self::lock().free.push(cluster);
            RETURNED.notify_one();
        }
    }
}

/// The place of a cluster that does not run, or no longer: another can be built.
struct Place;

impl Drop for Place {
    fn drop(&mut self) {
        Pool::lock().running -= 1;
        RETURNED.notify_one();
    }
}

/// A test's own old node, and its namespace with pods on that node.
pub(super) struct Fixture {
    /// `None` once it was given back.
    cluster: Option<DrainCluster>,
    pub node: String,
    pub namespace: String,
}

impl Fixture {
    /// The fixture for the test with this name.
    pub(super) fn of(test: &str) -> Self {
        let mut cluster = Pool::take();
        let node = cluster.old.pop().expect("the cluster has an unused node");
        let fixture = Fixture { cluster: Some(cluster), node, namespace: test.replace('_', "-") };
        fixture.kubectl(&["create", "namespace", &fixture.namespace]);
        fixture.kubectl(&["label", "node", &fixture.node, &fixture.label()]);
        fixture
    }

    pub(super) fn sandbox(&self) -> &Sandbox {
        &self.cluster.as_ref().expect("it is given back last").sandbox
    }

    pub(super) fn sandbox_mut(&mut self) -> &mut Sandbox {
        &mut self.cluster.as_mut().expect("it is given back last").sandbox
    }

    #[track_caller]
    pub(super) fn kubectl(&self, args: &[&str]) -> String {
        self.sandbox().kubectl(args).expect("kubectl answers")
    }

    /// kubectl in the test's namespace.
    #[track_caller]
    pub(super) fn here(&self, args: &[&str]) -> String {
        self.kubectl(&[&["-n", &self.namespace], args].concat())
    }

    #[track_caller]
    pub(super) fn apply(&self, object: &Value) {
        let args = ["-n", &self.namespace, "apply", "-f", "-"];
        self.sandbox().kubectl_with(&args, &object.to_string()).expect("the object is applied");
    }

    pub(super) fn new_nodes(&self) -> &[String] {
        &self.cluster.as_ref().expect("it is given back last").new
    }

    fn label(&self) -> String {
        format!("fixture={}", self.namespace)
    }

    /// Lets replacement pods run on the new nodes from now on.
    pub(super) fn open_new_nodes(&self) {
        let new = &self.cluster.as_ref().expect("it is given back last").new;
        let mut args = vec!["label", "nodes"];
        args.extend(new.iter().map(String::as_str));
        let label = self.label();
        args.extend([label.as_str(), "--overwrite"]);
        self.kubectl(&args);
    }

    /// A pod template whose pods can run only on the test's node until `open_new_nodes`.
    pub(super) fn template(&self, app: &str, ready_after: &str) -> Value {
        json!({
            "metadata": {"labels": {"app": app}, "annotations": {"sandbox.eni-custom/ready-after": ready_after}},
            "spec": {
                "nodeSelector": {"fixture": self.namespace},
                "terminationGracePeriodSeconds": 1,
                "containers": [{"name": "main", "image": "registry.example/none"}],
            },
        })
    }

    pub(super) fn deployment(&self, app: &str, replicas: u32, ready_after: &str) -> Value {
        self.workload("Deployment", app, replicas, self.template(app, ready_after))
    }

    pub(super) fn workload(&self, kind: &str, app: &str, replicas: u32, template: Value) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": app},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": app}}, "template": template},
        })
    }

    pub(super) fn budget(&self, app: &str, least: Value) -> Value {
        let mut spec = json!({"selector": {"matchLabels": {"app": app}}});
        spec.as_object_mut().expect("an object").extend(least.as_object().expect("an object").clone());
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": app}, "spec": spec})
    }

    /// A bare pod on the test's node (no controller would recreate it).
    pub(super) fn pod(&self, name: &str) -> Value {
        let spec = json!({"nodeName": self.node, "terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": "registry.example/none"}]});
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec})
    }

    #[track_caller]
    pub(super) fn until(&mut self, what: &str, mut condition: impl FnMut(&str) -> bool, args: &[&str]) {
        let kubectl = self.sandbox().kubectl_alone();
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        self.sandbox_mut()
            .until(what, Duration::from_secs(90), || {
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                let output = kubectl.run(&args).map_err(|error| format!("{error:#}"))?;
                if condition(output.trim()) { Ok(Some(())) } else { Err(format!("now: {output}")) }
            })
            .expect("the condition is met in time");
    }

    /// Waits until this many of the test's pods are Ready.
    #[track_caller]
    pub(super) fn ready(&mut self, pods: usize) {
        let namespace = self.namespace.clone();
        let query = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}";
        let args = ["-n", &namespace, "get", "pods", "-o", query];
        self.until(
            "pods Ready",
            |output| output.split_whitespace().filter(|word| *word == "True").count() == pods,
            &args,
        );
        // Wait until the disruption controller has counted them too.
        let query = "jsonpath={.items[?(@.status.observedGeneration!=1)].metadata.name}";
        self.until("budgets counted", str::is_empty, &["-n", &namespace, "get", "pdb", "-o", query]);
    }

    pub(super) fn watch(&self) -> PdbWatch {
        PdbWatch::start(self.sandbox()).expect("budgets can be watched")
    }

    /// Violations of the test's own budgets. Those of earlier tests are being deleted.
    pub(super) fn violations(&self, watch: PdbWatch) -> Vec<String> {
        let own = format!("PodDisruptionBudget {}/", self.namespace);
        watch.finish().into_iter().filter(|violation| violation.starts_with(&own)).collect()
    }

    /// The test's own controllers that had no Ready pod at some time during `action`.
    #[track_caller]
    pub(super) fn without_a_ready_pod(&self, action: impl FnOnce(&Self)) -> Vec<String> {
        let watch = ServingWatch::start(self.sandbox()).expect("pods can be watched");
        action(self);
        let own = format!(" {}/", self.namespace);
        watch.finish().into_iter().filter(|violation| violation.contains(&own)).collect()
    }

    pub(super) fn args<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [&["drain-nodes", "--yes", "--node", &self.node], more].concat()
    }

    pub(super) fn command(&self, more: &[&str]) -> std::process::Command {
        in_sandbox(self.sandbox(), &self.args(more))
    }

    #[track_caller]
    pub(super) fn drain(&self, more: &[&str]) -> Outcome {
        run(self.sandbox(), &self.args(more))
    }

    /// Asserts that the node is gone.
    #[track_caller]
    pub(super) fn is_gone(&self) {
        let nodes = self.kubectl(&["get", "nodes", "-o", "name"]);
        assert!(!nodes.contains(&self.node), "{} is still there", self.node);
    }

    /// Asserts that the node is schedulable and that the record lists no unfinished drain.
    #[track_caller]
    pub(super) fn is_as_before(&self) {
        let output = self.kubectl(&["get", "node", &self.node, "-o", "jsonpath={.spec.unschedulable}"]);
        assert_eq!(output.trim(), "", "{} is cordoned", self.node);
        let record =
            self.kubectl(&["-n", "kube-system", "get", "configmap", "eni-custom", "-o", "jsonpath={.data}"]);
        assert!(!record.contains("cordoned") && !record.contains("held"), "{record}");
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // A load balancer would keep the next test's node waiting.
        let _ = self.sandbox().kubectl(&["-n", &self.namespace, "delete", "services", "--all"]);
        let _ = self.sandbox().kubectl(&["delete", "namespace", &self.namespace, "--wait=false"]);
        // A failed test leaves only its own node and namespace behind, which disturb no other test.
        self.cluster.take().into_iter().for_each(Pool::give_back);
    }
}

fn build() -> DrainCluster {
    let sandbox = start(Shape {
        azs: 1,
        nodes_per_az: OLD_NODES,
        old_nodes: OldNodes::SelfManaged,
        workloads: false,
        ..Shape::default()
    });
    let nodes = |sandbox: &Sandbox| -> Vec<String> {
        let output = sandbox
            .kubectl(&["get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"])
            .expect("kubectl answers");
        output.split_whitespace().map(String::from).collect()
    };
    let old = nodes(&sandbox);
    run(&sandbox, &["setup", "--yes", "--keep-old-nodes", "--nodes-per-zone", "2"]).expect(0);
    let new: Vec<String> = nodes(&sandbox).into_iter().filter(|node| !old.contains(node)).collect();
    // Keep CoreDNS on the new nodes, so that only a test's own pods are on the node that it drains.
    let kubectl = |args: &[&str]| drop(sandbox.kubectl(args).expect("kubectl answers"));
    let names: Vec<&str> = new.iter().map(String::as_str).collect();
    kubectl(&[&["label", "nodes"], &names[..], &["cluster=new"]].concat());
    let on_new = r#"{"spec":{"template":{"spec":{"nodeSelector":{"cluster":"new"}}}}}"#;
    kubectl(&["-n", "kube-system", "patch", "deployment", "coredns", "-p", on_new]);
    kubectl(&["-n", "kube-system", "rollout", "status", "deployment/coredns"]);
    DrainCluster { sandbox, old, new }
}

/// The program's evictions since a mark: the pod's name, the status code and the body.
pub(super) fn evictions(sandbox: &Sandbox, since: Mark) -> Vec<(String, u16, Value)> {
    let log = sandbox.audit_log(since).expect("the audit log can be read");
    let evictions = log.into_iter().filter(|call: &KubernetesCall| {
        call.by_program() && call.object_ref.resource == "pods" && call.object_ref.subresource == "eviction"
    });
    evictions.map(|call| (call.object_ref.name, call.response_status.code, call.request_object)).collect()
}
