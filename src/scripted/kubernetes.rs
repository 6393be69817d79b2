//! The API server: the objects that a run reads and writes. All other lists are empty, and other objects are not there.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use http::{Method, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::BoxError;

use crate::facts::{Crd, EniConfig, Node, Pod, Record, UpdateStrategy};
use crate::k8s::eniconfig::CRD_YAML;
use crate::k8s::nodes::EXCLUDE_FROM_LOAD_BALANCERS;
use crate::k8s::record;

use super::{Answer, Call, Reply, Scripted, World, refused};

/// One request to the API server.
#[derive(Debug, Clone)]
struct Request {
    method: Method,
    /// `nodes`, `eniconfigs`, …
    resource: String,
    name: String,
    subresource: String,
    query: String,
    body: Value,
}

impl Request {
    /// `/api/v1/namespaces/shop/pods/cart-1/eviction`, `/apis/apps/v1/daemonsets`
    fn of(method: &Method, uri: &http::Uri, body: Value) -> Self {
        let mut parts: Vec<&str> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
        parts.drain(..if parts[0] == "api" { 2 } else { 3 });
        if parts[0] == "namespaces" && parts.len() > 2 {
            parts.drain(..2);
        }
        let part = |at: usize| parts.get(at).copied().unwrap_or_default().to_string();
        let query = uri.query().unwrap_or_default().to_string();
        Request {
            method: method.clone(),
            resource: part(0),
            name: part(1),
            subresource: part(2),
            query,
            body,
        }
    }

    fn is_dry(&self) -> bool {
        self.query.contains("dryRun=All")
    }

    fn writes(&self) -> bool {
        self.method != Method::GET && !self.is_dry()
    }

    /// The resource version after which a watch wants the changes.
    fn watches_from(&self) -> Option<usize> {
        let from = |part: &str| part.strip_prefix("resourceVersion=")?.parse().ok();
        self.query.contains("watch=true").then(|| self.query.split('&').find_map(from).unwrap_or_default())
    }

    fn path(&self) -> String {
        let parts = [&self.resource, &self.name, &self.subresource];
        parts.into_iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("/")
    }
}

impl World {
    fn kubernetes(&mut self, request: &Request) -> Reply {
        let verb = if request.is_dry() { "DRY RUN" } else { request.method.as_str() };
        let shown = self.shown(request);
        let text = format!("{verb} {}{}{shown}", request.path(), if shown.is_empty() { "" } else { " " });
        self.reply(Call { text, writes: request.writes() }, |world| match request.method {
            Method::GET => world.read(request),
            _ if request.is_dry() => Ok(request.body.clone()),
            _ => world.write(request),
        })
    }

    /// What a test sees of a change.
    fn shown(&self, request: &Request) -> String {
        let body = &request.body;
        match (request.resource.as_str(), &request.method) {
            ("configmaps", &Method::PATCH) => self.changed_fields(&recorded(body)),
            ("nodes", &Method::PATCH) => match body.pointer("/spec/unschedulable").and_then(Value::as_bool) {
                Some(true) => "cordon".into(),
                Some(false) => "uncordon".into(),
                None => "label".into(),
            },
            ("eniconfigs", &Method::PATCH) => {
                let groups = body["spec"]["securityGroups"].as_array().into_iter().flatten();
                groups.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
            }
            ("daemonsets", &Method::PATCH) => {
                let sign = |variable: &Value| if variable.get("$patch").is_some() { "-" } else { "+" };
                let named =
                    |variable: &Value| format!("{}{}", sign(variable), variable["name"].as_str().unwrap());
                variables(body).iter().map(named).collect::<Vec<_>>().join(" ")
            }
            _ => String::new(),
        }
    }

    /// The record's fields that a write adds, changes and removes.
    fn changed_fields(&self, after: &Record) -> String {
        let fields = |record: &Record| -> BTreeMap<String, Value> {
            let fields = serde_json::to_value(record).unwrap();
            let fields = fields.as_object().unwrap().clone().into_iter();
            fields.filter(|(name, _)| !["formatVersion", "cluster"].contains(&name.as_str())).collect()
        };
        let (before, after) = (fields(&self.facts.record), fields(after));
        let mut shown: Vec<String> = Vec::new();
        shown.extend(after.keys().filter(|name| !before.contains_key(*name)).map(|name| format!("+{name}")));
        let differs =
            |(name, value): &(&String, &Value)| before.get(*name).is_some_and(|before| before != *value);
        shown.extend(after.iter().filter(differs).map(|(name, _)| format!("~{name}")));
        shown.extend(before.keys().filter(|name| !after.contains_key(*name)).map(|name| format!("-{name}")));
        shown.join(" ")
    }

    fn read(&mut self, request: &Request) -> Answer {
        let facts = &self.facts;
        let missing = || Err(refused("NotFound", request.path()));
        match (request.resource.as_str(), request.name.as_str()) {
            ("nodes", "") => Ok(self.list(facts.nodes.iter().map(node))),
            // The API server evaluates selectors: no pod is Pending, and those of kube-system are left out.
            ("pods", "") if request.query.contains("Pending") => Ok(self.list([].into_iter())),
            ("pods", "") => Ok(self.list(facts.pods.iter().map(pod))),
            ("daemonsets", "aws-node") => Ok(self.aws_node()),
            ("customresourcedefinitions", _) if facts.eniconfigs.crd == Crd::Missing => missing(),
            ("customresourcedefinitions", _) => {
                // It is read often, and YAML takes time.
                static TYPED: LazyLock<Value> = LazyLock::new(|| {
                    let mut crd: Value = serde_saphyr::from_str(CRD_YAML).unwrap();
                    crd["status"] = json!({ "conditions": [{ "type": "Established", "status": "True" }] });
                    crd
                });
                Ok(TYPED.clone())
            }
            ("eniconfigs", "") => Ok(self.list(facts.eniconfigs.items.iter().map(eniconfig))),
            ("configmaps", record::NAME) if facts.record != Record::default() => {
                let data = record::rendered(&facts.record, &facts.cluster.arn).unwrap();
                Ok(json!({ "metadata": { "name": record::NAME }, "data": data }))
            }
            ("leases", _) => self.lease.clone().map_or_else(missing, Ok),
            ("targetgroupbindings" | "nodepools" | "ec2nodeclasses", _) => missing(),
            (_, "") => Ok(self.list([].into_iter())),
            _ => missing(),
        }
    }

    fn list(&self, items: impl Iterator<Item = Value>) -> Value {
        let version = self.events.len().to_string();
        json!({ "metadata": { "resourceVersion": version }, "items": items.collect::<Value>() })
    }

    fn write(&mut self, request: &Request) -> Answer {
        let (name, body) = (request.name.as_str(), &request.body);
        let target = (request.method.as_str(), request.resource.as_str(), request.subresource.as_str());
        match target {
            ("POST" | "PUT", "leases", _) => {
                self.lease = Some(body.clone());
                Ok(body.clone())
            }
            ("DELETE", "leases", _) => {
                self.lease = None;
                Ok(json!({}))
            }
            ("PATCH", "configmaps", _) if name == record::NAME => {
                self.facts.record = recorded(body);
                Ok(body.clone())
            }
            ("DELETE", "configmaps", _) if name == record::NAME => {
                self.facts.record = Record::default();
                Ok(json!({}))
            }
            ("PATCH", "daemonsets", _) => {
                for variable in variables(body) {
                    let name = variable["name"].as_str().unwrap().to_string();
                    match variable["value"].as_str() {
                        Some(value) => drop(self.facts.cni.env.insert(name, value.into())),
                        None => drop(self.facts.cni.env.remove(&name)),
                    }
                }
                Ok(self.aws_node())
            }
            ("PATCH", "customresourcedefinitions", _) => {
                self.facts.eniconfigs.crd = Crd::Typed { established: true };
                Ok(body.clone())
            }
            ("PATCH", "eniconfigs", _) => {
                let items = &mut self.facts.eniconfigs.items;
                items.retain(|config| config.name != name);
                let groups = body["spec"]["securityGroups"].as_array().unwrap().iter();
                items.push(EniConfig {
                    name: name.into(),
                    subnet: body["spec"]["subnet"].as_str().unwrap().into(),
                    security_groups: groups.map(|group| group.as_str().unwrap().into()).collect(),
                    ours: true,
                });
                Ok(body.clone())
            }
            ("DELETE", "eniconfigs", _) => {
                self.facts.eniconfigs.items.retain(|config| config.name != name);
                Ok(json!({}))
            }
            ("PATCH", "nodes", _) => self.patch_node(name, body),
            ("POST", "pods", "eviction") => self.evict(name),
            _ => Err(self.unexpected(format!("{} {}", request.method, request.path()))),
        }
    }

    fn patch_node(&mut self, name: &str, body: &Value) -> Answer {
        let Some(node) = self.facts.nodes.iter_mut().find(|node| node.name == name) else {
            return Err(refused("NotFound", name));
        };
        if let Some(unschedulable) = body.pointer("/spec/unschedulable").and_then(Value::as_bool) {
            node.unschedulable = unschedulable;
        }
        match body.pointer("/metadata/labels").and_then(|labels| labels.get(EXCLUDE_FROM_LOAD_BALANCERS)) {
            Some(Value::String(text)) => {
                drop(node.labels.insert(EXCLUDE_FROM_LOAD_BALANCERS.into(), text.clone()))
            }
            Some(_) => drop(node.labels.remove(EXCLUDE_FROM_LOAD_BALANCERS)),
            None => {}
        }
        Ok(self::node(node))
    }

    /// The pod is gone at once, and its controller's new one runs on a node that is not cordoned, in the same zone if there is one.
    fn evict(&mut self, name: &str) -> Answer {
        let Some(at) = self.facts.pods.iter().position(|pod| pod.name == name) else {
            return Err(refused("NotFound", name));
        };
        let gone = self.facts.pods.remove(at);
        let nodes = &self.facts.nodes;
        let zone = nodes.iter().find(|node| node.name == gone.node).map(|node| &node.zone);
        let mut open = nodes.iter().filter(|node| node.ready && !node.unschedulable);
        let near = open.clone().find(|node| Some(&node.zone) == zone);
        let Some(node) = near.or_else(|| open.next()) else {
            return Err(self.unexpected(format!("{name} is evicted and no node takes it")));
        };
        let of_pods = node.interfaces.first().map(|interface| &interface.subnet).or(node.subnet.as_ref());
        let subnet = self.facts.vpc.subnet(of_pods.unwrap()).expect("the node's subnet exists");
        let address = subnet.cidr.hosts().nth(9).map(|address| address.to_string());
        let name = format!("{name}-again");
        let again =
            Pod { node: node.name.clone(), uid: format!("shop-{name}"), name, address, ..gone.clone() };
        self.facts.pods.push(again.clone());
        for (kind, pod) in [("DELETED", &gone), ("ADDED", &again)] {
            let mut object = self::pod(pod);
            object["metadata"]["resourceVersion"] = json!((self.events.len() + 1).to_string());
            self.events.push(("pods", json!({ "type": kind, "object": object })));
        }
        Ok(json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }))
    }

    /// Its rollout ends at once.
    fn aws_node(&self) -> Value {
        let env: Value =
            self.facts.cni.env.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let nodes = self.facts.nodes.len();
        let strategy = match self.facts.cni.rollout.strategy {
            UpdateStrategy::OnDelete => "OnDelete",
            UpdateStrategy::Rolling(_) => "RollingUpdate",
        };
        json!({
            "metadata": { "name": "aws-node", "uid": "aws-node", "generation": 1 },
            "spec": {
                "selector": { "matchLabels": { "k8s-app": "aws-node" } },
                "updateStrategy": { "type": strategy },
                "template": { "spec": { "containers": [
                    { "name": "aws-node", "image": self.facts.cni.image, "env": env },
                ] } },
            },
            "status": {
                "observedGeneration": 1, "desiredNumberScheduled": nodes, "updatedNumberScheduled": nodes,
                "numberAvailable": nodes, "currentNumberScheduled": nodes, "numberMisscheduled": 0, "numberReady": nodes,
            },
        })
    }

    /// The changes of a resource after a version, one a line; `None` if there is none yet.
    fn changes_since(&self, resource: &str, version: usize) -> Option<String> {
        let newer = self.events.iter().skip(version).filter(|(of, _)| *of == resource);
        let lines: Vec<String> = newer.map(|(_, event)| format!("{event}\n")).collect();
        (!lines.is_empty()).then(|| lines.concat())
    }
}

/// The record in the body of a write.
fn recorded(body: &Value) -> Record {
    serde_json::from_str(body["data"]["record.json"].as_str().expect("it has a record")).unwrap()
}

/// aws-node's variables in a patch.
fn variables(body: &Value) -> &[Value] {
    let env = body.pointer("/spec/template/spec/containers/0/env").and_then(Value::as_array);
    env.map(Vec::as_slice).unwrap_or_default()
}

fn node(node: &Node) -> Value {
    let zone = &node.zone;
    let mut labels = node.labels.clone();
    labels.insert("node.kubernetes.io/instance-type".into(), node.instance_type.clone());
    json!({
        "metadata": { "name": node.name, "uid": node.name, "labels": labels },
        "spec": {
            "providerID": node.instance_id.as_ref().map(|id| format!("aws:///{zone}/{id}")),
            "unschedulable": node.unschedulable,
        },
        "status": {
            "allocatable": {
                "pods": node.max_pods.to_string(), "cpu": format!("{}m", node.allocatable.cpu_milli),
                "memory": node.allocatable.memory.to_string(),
            },
            "conditions": [{ "type": "Ready", "status": if node.ready { "True" } else { "False" } }],
            "nodeInfo": { "osImage": node.os_image },
        },
    })
}

fn pod(pod: &Pod) -> Value {
    let controller = pod.controller.as_ref().map(|owner| {
        json!([{ "apiVersion": "apps/v1", "kind": owner.kind, "name": owner.name, "uid": owner.name, "controller": true }])
    });
    json!({
        "metadata": { "namespace": pod.namespace, "name": pod.name, "uid": pod.uid, "ownerReferences": controller },
        "spec": { "nodeName": pod.node, "containers": [], "terminationGracePeriodSeconds": pod.grace_seconds },
        "status": {
            "phase": pod.phase, "podIP": pod.address, "conditions": [{ "type": "Ready", "status": "True" }],
        },
    })
}

fn eniconfig(config: &EniConfig) -> Value {
    let labels = config.ours.then(|| json!({ "app.kubernetes.io/managed-by": "eni-custom" }));
    json!({
        "apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig",
        "metadata": { "name": config.name, "labels": labels },
        "spec": { "subnet": config.subnet, "securityGroups": config.security_groups },
    })
}

fn response(reply: Answer) -> Response<Body> {
    let (code, body) = match reply {
        Ok(body) => (StatusCode::OK, body),
        Err(refusal) => {
            let code = match refusal.code.as_str() {
                "NotFound" => StatusCode::NOT_FOUND,
                "Forbidden" => StatusCode::FORBIDDEN,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": refusal.code,
                "message": refusal.message, "code": code.as_u16(),
            });
            (code, status)
        }
    };
    Response::builder().status(code).body(Body::from(body.to_string().into_bytes())).unwrap()
}

impl Scripted {
    pub(super) fn kube_client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let server = server.clone();
            async move { server.serve(request).await }
        });
        Client::new(service, "default")
    }

    async fn serve(&self, request: http::Request<Body>) -> Result<Response<Body>, BoxError> {
        let (head, body) = request.into_parts();
        let body = serde_json::from_slice(&body.collect_bytes().await?).unwrap_or_default();
        let request = Request::of(&head.method, &head.uri, body);
        if let Some(version) = request.watches_from() {
            // A watch that ends is started again, so each answer has what there is.
            self.until(|world| world.changes_since(&request.resource, version).is_some()).await;
            let lines = self.world().changes_since(&request.resource, version).unwrap_or_default();
            return Ok(Response::new(Body::from(lines.into_bytes())));
        }
        let reply = self.world().kubernetes(&request);
        self.changed.notify_waiters();
        match reply {
            Reply::Answer(answer) => Ok(response(answer)),
            Reply::Lost => Err("the connection was reset".into()),
        }
    }
}
