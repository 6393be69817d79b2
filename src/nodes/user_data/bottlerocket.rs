//! User data of Bottlerocket: settings in TOML.
//!
//! Source: bottlerocket-os/bottlerocket-core-kit, sources/early-boot-config; taints are lists of `value:effect` since
//! Bottlerocket 1.6.0 and their value may be empty since 1.0.8 (CHANGELOG.md).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use toml::{Table, Value};

use super::carried::{Carried, Kept, Shape, excerpt, shape};
use super::{Boot, NodeLabel, NodeTaint, cluster_dns_ip, quoted};
use crate::facts::Unclear;
use crate::net::max_pods::MaxPods;

const DNS: &str = "cluster-dns-ip";

/// Settings that eni-custom writes itself.
const OURS: [&str; 4] = ["api-server", "cluster-certificate", "cluster-name", "max-pods"];

pub(super) fn carry(text: &str, dns: Option<Ipv4Addr>) -> Carried {
    let mut carried = Carried::default();
    let mut settings: Table = match (shape(text), text.parse()) {
        (Shape::Empty, _) => return carried,
        (_, Ok(settings)) => settings,
        (_, Err(error)) => {
            let error = toml::de::Error::message(&error);
            let why = format!("it is not TOML: {error}; it begins with {}", excerpt(text));
            carried.unclear.push(Unclear { what: "user data".into(), why });
            return carried;
        }
    };
    for (path, value) in
        [("settings", settings.get("settings")), ("settings.kubernetes", kubernetes(&settings))]
    {
        if let Some(value) = value.filter(|value| !value.is_table()) {
            let why = format!("it is not a table: {}", excerpt(&value.to_string()));
            carried.unclear.push(Unclear { what: format!("Bottlerocket setting {path}"), why });
            return carried;
        }
    }
    let all = settings.get_mut("settings").and_then(Value::as_table_mut);
    if let Some(kubernetes) = all.and_then(|all| all.get_mut("kubernetes")).and_then(Value::as_table_mut) {
        for name in OURS {
            kubernetes.remove(name);
        }
        if dns.is_some_and(|dns| kubernetes.get(DNS).is_some_and(|value| is_only(value, dns))) {
            kubernetes.remove(DNS);
        }
        labels(kubernetes.remove("node-labels"), &mut carried);
        taints(kubernetes.remove("node-taints"), &mut carried);
    }
    prune(&mut settings, &["settings", "kubernetes"]);
    if !settings.is_empty() {
        carried.kept = Kept::Bottlerocket(settings);
    }
    carried
}

fn kubernetes(document: &Table) -> Option<&Value> {
    document.get("settings").and_then(|settings| settings.get("kubernetes"))
}

/// A DNS address is one text or a list of them.
fn is_only(value: &Value, dns: Ipv4Addr) -> bool {
    let one = match value {
        Value::Array(list) => list.first().filter(|_| list.len() == 1),
        one => Some(one),
    };
    one.and_then(Value::as_str).is_some_and(|one| one == dns.to_string())
}

/// Removes tables on this path that became empty.
fn prune(table: &mut Table, path: &[&str]) {
    let [first, rest @ ..] = path else { return };
    if let Some(Value::Table(inner)) = table.get_mut(*first) {
        prune(inner, rest);
        if inner.is_empty() {
            table.remove(*first);
        }
    }
}

fn labels(value: Option<Value>, carried: &mut Carried) {
    let labels = match value {
        None => return,
        Some(Value::Table(labels)) => labels,
        Some(other) => return unclear("node-labels", &other, "it is not a table", carried),
    };
    for (key, value) in labels {
        let what = format!("node-labels.{key}");
        match value.as_str().map(|text| NodeLabel::new(&key, text)) {
            Some(Ok(label)) => carried.labels.push(label),
            Some(Err(error)) => unclear(&what, &value, &error.to_string(), carried),
            None => unclear(&what, &value, "it is not a text", carried),
        }
    }
}

fn taints(value: Option<Value>, carried: &mut Carried) {
    let taints = match value {
        None => return,
        Some(Value::Table(taints)) => taints,
        Some(other) => return unclear("node-taints", &other, "it is not a table", carried),
    };
    for (key, value) in taints {
        let what = format!("node-taints.{key}");
        // Before Bottlerocket 1.6.0 there was one text for a key.
        let values = match value {
            Value::Array(values) => values,
            one => vec![one],
        };
        for value in values {
            let taint = value.as_str().and_then(|text| text.split_once(':'));
            match taint.map(|(text, effect)| NodeTaint::new(&key, text, effect)) {
                Some(Ok(taint)) => carried.taints.push(taint),
                Some(Err(error)) => unclear(&what, &value, &error.to_string(), carried),
                None => unclear(&what, &value, "it is not of the form value:effect", carried),
            }
        }
    }
}

fn unclear(setting: &str, value: &Value, why: &str, carried: &mut Carried) {
    let what = format!("Bottlerocket setting settings.kubernetes.{setting}");
    carried.unclear.push(Unclear { what, why: format!("{why}: {}", excerpt(&value.to_string())) });
}

/// Bottlerocket reserves memory by `max-pods` itself.
///
/// Kept settings come in one document with ours, because TOML allows a table only once. Ours win, except that a DNS
/// address other than the cluster's stays.
pub(super) fn render(boot: &Boot<'_>, kept: &Table) -> Result<String, toml::ser::Error> {
    if kept.is_empty() {
        return Ok(plain(boot));
    }
    let mut document = kept.clone();
    let mut settings = take_table(&mut document, "settings");
    let mut kubernetes = take_table(&mut settings, "kubernetes");
    kubernetes.extend(ours(boot));
    kubernetes.entry(DNS).or_insert_with(|| cluster_dns_ip(boot.service_cidr).to_string().into());
    settings.insert("kubernetes".into(), kubernetes.into());
    document.insert("settings".into(), settings.into());
    toml::to_string(&document)
}

/// Without what EKS sets: the cluster, labels and taints. Of settings that both have, these win.
pub(super) fn for_eks(max_pods: MaxPods, kept: &Table) -> Result<String, toml::ser::Error> {
    let mut document = kept.clone();
    let mut settings = take_table(&mut document, "settings");
    let mut kubernetes = take_table(&mut settings, "kubernetes");
    kubernetes.insert("max-pods".into(), i64::from(max_pods.get()).into());
    settings.insert("kubernetes".into(), kubernetes.into());
    document.insert("settings".into(), settings.into());
    toml::to_string(&document)
}

fn take_table(table: &mut Table, name: &str) -> Table {
    match table.remove(name) {
        Some(Value::Table(inner)) => inner,
        _ => Table::new(),
    }
}

fn ours(boot: &Boot<'_>) -> Table {
    let mut kubernetes = Table::from_iter([
        ("api-server".to_string(), Value::from(boot.endpoint)),
        ("cluster-certificate".into(), boot.certificate_authority.into()),
        ("cluster-name".into(), boot.cluster.into()),
        ("max-pods".into(), i64::from(boot.max_pods.lowest().get()).into()),
    ]);
    if !boot.labels.is_empty() {
        let labels = boot.labels.iter().map(|label| (label.key().to_string(), label.value().into()));
        kubernetes.insert("node-labels".into(), Value::Table(labels.collect()));
    }
    if !boot.taints.is_empty() {
        let taints =
            taints_by_key(boot.taints).into_iter().map(|(key, values)| (key.to_string(), values.into()));
        kubernetes.insert("node-taints".into(), Value::Table(taints.collect()));
    }
    kubernetes
}

fn taints_by_key(taints: &[NodeTaint]) -> BTreeMap<&str, Vec<String>> {
    let mut by_key = BTreeMap::<&str, Vec<String>>::new();
    for taint in taints {
        by_key.entry(taint.key()).or_default().push(format!("{}:{}", taint.value(), taint.effect()));
    }
    by_key
}

fn plain(boot: &Boot<'_>) -> String {
    let mut settings = format!(
        "[settings.kubernetes]
api-server = {}
cluster-certificate = {}
cluster-dns-ip = \"{}\"
cluster-name = {}
max-pods = {}
",
        quoted(boot.endpoint),
        quoted(boot.certificate_authority),
        cluster_dns_ip(boot.service_cidr),
        quoted(boot.cluster),
        boot.max_pods.lowest(),
    );
    if !boot.labels.is_empty() {
        settings.push_str("\n[settings.kubernetes.node-labels]\n");
        for label in boot.labels {
            settings.push_str(&format!("{} = {}\n", quoted(label.key()), quoted(label.value())));
        }
    }
    if !boot.taints.is_empty() {
        settings.push_str("\n[settings.kubernetes.node-taints]\n");
        for (key, values) in taints_by_key(boot.taints) {
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            settings.push_str(&format!("{} = [{}]\n", quoted(key), values.join(", ")));
        }
    }
    settings
}
