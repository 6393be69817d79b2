//! A cluster and its AWS account in memory, for tests of the order of calls.
//!
//! `Scripted` answers the AWS SDKs and kube's client from `Facts`, in the shapes that the services document. It applies
//! each change at once, shows it in the next answer, and records every call, so a whole run takes milliseconds. A change
//! that AWS or Kubernetes would refuse is refused, and a call that it does not know fails the test.
//!
//! A test says what goes wrong with `twist`: a refusal, a lost reply or Ctrl-C at a call. `killed_at_each_change` is
//! what a process leaves behind that dies.

mod aws;
mod cluster;
mod ec2;
mod kubernetes;
mod node_groups;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tokio::sync::{Notify, OnceCell};

use crate::aws::Aws;
use crate::clients::Clients;
use crate::error::{Error, Result};
use crate::events::{Events, Interrupt};
use crate::facts::Facts;
use crate::goal::Goal;
use crate::k8s::Kube;
use crate::run::{Outcome, Prepared, prepare_with};
use crate::settings::Settings;

pub(crate) use cluster::{cluster, small_cluster};

fn settings(arguments: &[&str]) -> Settings {
    // Nothing has to be waited for: a wait that does not end is a failure, soon.
    let usual = ["--cluster", "shop", "--yes", "--timeout", "30s", "--drain-timeout", "30s"];
    crate::sample::settings(&[&usual, arguments].concat())
}

/// What happens at a call instead of the usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twist {
    /// The service refuses it with this code, each time, and changes nothing.
    Refused(&'static str),
    /// It is made, but its first reply is lost.
    Lost,
    /// Ctrl-C is pressed just before it is made.
    Interrupted,
}

/// A refusal by a service.
#[derive(Debug, Clone)]
struct Refusal {
    code: String,
    message: String,
}

type Answer = std::result::Result<Value, Refusal>;

fn refused(code: &str, message: impl Into<String>) -> Refusal {
    Refusal { code: code.into(), message: message.into() }
}

/// What comes back for a call.
enum Reply {
    Answer(Answer),
    Lost,
}

#[derive(Debug, Clone)]
struct Call {
    text: String,
    writes: bool,
}

/// The state behind the answers.
struct World {
    facts: Facts,
    lease: Option<Value>,
    calls: Vec<Call>,
    /// Client tokens, each with its action.
    tokens: Vec<(String, String)>,
    twists: Vec<(String, Twist)>,
    /// The twist of a later change, and how many changes are made before it.
    later: Option<(usize, Twist)>,
    interrupt: Interrupt,
    /// The facts after each change.
    history: Vec<Facts>,
    /// Changes of objects for watches: the resource, and the event. The index is the resource version.
    events: Vec<(&'static str, Value)>,
    /// Calls that no test expects.
    unexpected: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Scripted {
    world: Arc<Mutex<World>>,
    /// Wakes watches.
    changed: Arc<Notify>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

impl World {
    /// Records a call and answers it, unless a test has said otherwise.
    fn reply(&mut self, call: Call, answer: impl FnOnce(&mut World) -> Answer) -> Reply {
        let twist = self.twist_of(&call);
        let writes = call.writes;
        self.calls.push(call);
        if let Some(Twist::Refused(code)) = twist {
            return Reply::Answer(Err(refused(code, "as scripted")));
        }
        if twist == Some(Twist::Interrupted) {
            self.interrupt.set();
        }
        let answer = answer(self);
        if writes {
            self.history.push(self.facts.clone());
        }
        if twist == Some(Twist::Lost) { Reply::Lost } else { Reply::Answer(answer) }
    }

    /// A refusal stays; everything else happens once.
    fn twist_of(&mut self, call: &Call) -> Option<Twist> {
        if let Some((before, twist)) = self.later.filter(|_| call.writes) {
            self.later = before.checked_sub(1).map(|before| (before, twist));
            if self.later.is_none() {
                return Some(twist);
            }
        }
        let at = self.twists.iter().position(|(text, _)| call.text.starts_with(text.as_str()))?;
        let twist = self.twists[at].1;
        if !matches!(twist, Twist::Refused(_)) {
            self.twists.remove(at);
        }
        Some(twist)
    }

    fn unexpected(&mut self, what: impl Into<String>) -> Refusal {
        let what = what.into();
        self.unexpected.push(what.clone());
        refused("Unexpected", what)
    }
}

impl Scripted {
    pub(crate) fn serving(facts: Facts) -> Self {
        let world = World {
            facts,
            lease: None,
            calls: Vec::new(),
            tokens: Vec::new(),
            twists: Vec::new(),
            later: None,
            interrupt: Interrupt::default(),
            history: Vec::new(),
            events: Vec::new(),
            unexpected: Vec::new(),
        };
        Scripted { world: Arc::new(Mutex::new(world)), changed: Arc::default() }
    }

    /// One whole setup that tests share: its calls, and the cluster afterwards.
    pub(crate) async fn whole_setup() -> Self {
        static DONE: OnceCell<Scripted> = OnceCell::const_new();
        DONE.get_or_init(async || Self::after(cluster(), Goal::Setup, &[]).await).await.clone()
    }

    /// The same for a setup that kept the old nodes.
    pub(crate) async fn setup_with_old_nodes() -> Self {
        static DONE: OnceCell<Scripted> = OnceCell::const_new();
        DONE.get_or_init(async || Self::after(cluster(), Goal::Setup, &["--keep-old-nodes"]).await)
            .await
            .clone()
    }

    /// A server of these facts on which a run was made.
    pub(crate) async fn after(facts: Facts, goal: Goal, arguments: &[&str]) -> Self {
        let server = Scripted::serving(facts);
        server.run(goal, arguments).await.unwrap();
        server
    }

    /// Another server that begins with this one's cluster, and with no calls.
    pub(crate) fn again(&self) -> Self {
        Scripted::serving(self.facts())
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Says what happens at the next call whose text begins like this.
    pub(crate) fn twist(&self, text: &str, twist: Twist) {
        self.world().twists.push((text.into(), twist));
    }

    /// Says what happens at a later change; `before` of them are made as usual.
    pub(crate) fn twist_after(&self, before: usize, twist: Twist) {
        self.world().later = Some((before, twist));
    }

    /// From now on everything is as usual.
    pub(crate) fn untwist(&self) {
        let mut world = self.world();
        world.twists.clear();
        world.later = None;
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.world().facts);
    }

    pub(crate) fn facts(&self) -> Facts {
        self.world().facts.clone()
    }

    /// All calls in their order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.world().calls.iter().map(|call| call.text.clone()).collect()
    }

    /// The calls that change something, in their order.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.world().calls.iter().filter(|call| call.writes).map(|call| call.text.clone()).collect()
    }

    /// The client tokens of the calls of an action, in their order.
    pub(crate) fn tokens(&self, action: &str) -> Vec<String> {
        let world = self.world();
        world.tokens.iter().filter(|(of, _)| of == action).map(|(_, token)| token.clone()).collect()
    }

    fn clients(&self) -> Clients {
        Clients { aws: Aws::scripted(self.sdk_config()), kube: Kube::scripted(self.kube_client()) }
    }

    /// Reads, checks and plans a run, as the program does once it is connected.
    pub(crate) async fn prepare(&self, goal: Goal, arguments: &[&str]) -> Result<Prepared> {
        let (interrupt, events) = (Interrupt::default(), Events::to(|_| {}));
        self.world().interrupt = interrupt.clone();
        let (settings, clients) = (settings(arguments), self.clients());
        let caller = Box::pin(clients.aws.caller()).await?;
        let cluster = Box::pin(clients.aws.eks.cluster("shop")).await?;
        let connected = (clients, caller, cluster);
        Box::pin(prepare_with(connected, goal, settings, events, interrupt)).await
    }

    /// Prepares and applies a run.
    pub(crate) async fn run(&self, goal: Goal, arguments: &[&str]) -> Result<Outcome> {
        let ended = match Box::pin(self.prepare(goal, arguments)).await {
            Ok(prepared) => Box::pin(prepared.apply()).await,
            Err(error) => Err(error),
        };
        // A run may go on without the answer to a call.
        let unexpected = self.world().unexpected.clone();
        assert!(unexpected.is_empty(), "unexpected calls: {unexpected:?}");
        ended
    }

    /// What a run leaves behind whose process dies after a change: for each change of the whole run, its text and the
    /// cluster then. Its writes so far are kept; its lease has expired.
    pub(crate) async fn killed_at_each_change(&self, goal: Goal) -> Vec<(String, Scripted)> {
        let whole = Self::after(self.facts(), goal, &[]).await;
        let world = whole.world();
        let writes: Vec<&Call> = world.calls.iter().filter(|call| call.writes).collect();
        let left = |at: usize| {
            let server = Scripted::serving(world.history[at].clone());
            server.world().calls = writes[..=at].iter().copied().cloned().collect();
            (writes[at].text.clone(), server)
        };
        (0..writes.len()).map(left).collect()
    }

    /// The same without writes of the record and the lease, and once for each kind of call: a whole run after each takes
    /// its time.
    pub(crate) async fn killed_at_each_kind_of_change(&self, goal: Goal) -> Vec<(String, Scripted)> {
        let mut all = self.killed_at_each_change(goal).await;
        let mut known = BTreeSet::new();
        all.retain(|(change, _)| {
            let kind = change.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
            !kind.contains("PATCH configmaps") && !kind.contains("leases") && known.insert(kind)
        });
        all
    }

    async fn until(&self, so: impl Fn(&World) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if so(&self.world()) {
                return;
            }
            changed.await;
        }
    }
}

/// Asserts the calls that change something, one a line.
#[track_caller]
pub(crate) fn assert_writes(server: &Scripted, expected: &[&str]) {
    assert_eq!(server.writes(), expected, "\nall writes:\n{}\n", server.writes().join("\n"));
}

/// The error of a run, with its exit code.
#[track_caller]
pub(crate) fn error_of<T>(ended: Result<T>) -> Error {
    ended.err().expect("the run fails")
}

/// `key value` pairs of a map, for wire formats.
fn pairs(map: &BTreeMap<String, String>, key: &str, value: &str) -> Value {
    map.iter().map(|(k, v)| serde_json::json!({ key: k, value: v })).collect()
}
