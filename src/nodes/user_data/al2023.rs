//! User data of Amazon Linux 2023: a NodeConfig that nodeadm reads, alone or as parts of MIME multipart.
//!
//! Source: awslabs/amazon-eks-ami as of AMI release v20260714 (commit 81fec2e): nodeadm/internal/configprovider reads
//! user data, nodeadm/internal/api/merge.go merges NodeConfigs, later ones over earlier ones.

use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};

use super::carried::{Carried, Kept, Shape, excerpt, kept_part, shape, uncompressed, wrapped_or_unclear};
use super::kubelet::{self, Flags};
use super::max_pods::MaxPodsRule;
use super::{Boot, NodeTaint, block_yaml, mime, quoted};
use crate::facts::Unclear;
use crate::yaml::unambiguous;

const NODE_CONFIG: &str = "application/node.eks.aws";

/// Scripts that mention it start a node as AL2 does.
const FOREIGN: [&str; 1] = ["/etc/eks/bootstrap.sh"];

/// What the old nodes have beyond eni-custom's own NodeConfig.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct KeptConfig {
    /// MIME parts other than NodeConfigs, byte for byte. nodeadm and cloud-init each read their own parts, so where the
    /// NodeConfig is among them does not matter.
    parts: Vec<String>,
    /// `spec` of the merged NodeConfig.
    pub(super) spec: Map<String, Value>,
}

pub(super) fn carry(text: &str, dns: Option<Ipv4Addr>) -> Carried {
    let mut carried = Carried::default();
    let (mut parts, mut spec) = (Vec::new(), Map::new());
    match shape(text) {
        Shape::Empty => {}
        Shape::Multipart(Ok(all)) => {
            for (index, part) in all.iter().enumerate() {
                let read = if part.media_type == NODE_CONFIG {
                    part.content().and_then(|content| merge_text(&mut spec, &content))
                } else {
                    kept_part(part, &FOREIGN).map(|()| parts.push(part.raw.to_string()))
                };
                if let Err(why) = read {
                    let what = format!("user data part {} ({})", index + 1, part.media_type);
                    carried.unclear.push(Unclear { what, why });
                }
            }
        }
        Shape::Other => {
            if let Err(why) = merge_text(&mut spec, text.as_bytes()) {
                let why = format!("{why}; it begins with {}", excerpt(text));
                carried.unclear.push(Unclear { what: "user data".into(), why });
            }
        }
        other => parts.extend(wrapped_or_unclear(other, text, &FOREIGN, &mut carried.unclear)),
    }
    take_ours(&mut spec, dns, &mut carried);
    let kept = KeptConfig { parts, spec };
    if kept != KeptConfig::default() {
        carried.kept = Kept::Al2023(kept);
    }
    carried
}

/// Merges the NodeConfig in a text over what is there.
fn merge_text(spec: &mut Map<String, Value>, text: &[u8]) -> Result<(), String> {
    let text = String::from_utf8(uncompressed(text)?).map_err(|_| "it is not UTF-8 text")?;
    let config = unambiguous(&text).map_err(|error| format!("it is not a NodeConfig: {error}"))?;
    let is = |name: &str, value: &str| config.get(name).and_then(Value::as_str) == Some(value);
    if !is("apiVersion", "node.eks.aws/v1alpha1") || !is("kind", "NodeConfig") {
        return Err("it is not a NodeConfig of node.eks.aws/v1alpha1".into());
    }
    let mut merged = spec.clone();
    match config.get("spec") {
        None | Some(Value::Null) => {}
        Some(Value::Object(further)) => merge(&mut merged, further, "")?,
        Some(_) => return Err("its spec is not a mapping".into()),
    }
    check(&merged)?;
    *spec = merged;
    Ok(())
}

/// As nodeadm merges: mappings deep, lists replaced, but kubelet's flags appended, and containerd's configuration merged
/// as TOML. An empty value replaces another one only where nodeadm has no type for it.
fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>, path: &str) -> Result<(), String> {
    for (key, value) in from {
        let path = format!("{path}/{key}");
        let merged = match (path.as_str(), into.get_mut(key), value) {
            (_, None, value) => value.clone(),
            ("/kubelet/flags", Some(Value::Array(flags)), Value::Array(further)) => {
                flags.extend(further.iter().cloned());
                continue;
            }
            ("/containerd/config", Some(Value::String(config)), Value::String(further))
                if !config.is_empty() && !further.is_empty() =>
            {
                Value::String(merge_toml(config, further)?)
            }
            (_, Some(Value::Object(inner)), Value::Object(further)) => {
                merge(inner, further, &path)?;
                continue;
            }
            (path, Some(_), value) if is_empty(value) && !is_untyped(path) => continue,
            (_, Some(_), value) => value.clone(),
        };
        into.insert(key.clone(), merged);
    }
    Ok(())
}

/// Within a mapping whose values nodeadm takes as they are.
fn is_untyped(path: &str) -> bool {
    ["/kubelet/config/", "/containerd/baseRuntimeSpec/", "/instance/environment/", "/featureGates/"]
        .iter()
        .any(|parent| path.starts_with(parent))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

fn merge_toml(config: &str, further: &str) -> Result<String, String> {
    fn merge(into: &mut toml::Table, from: toml::Table) {
        for (key, value) in from {
            match (into.get_mut(&key), value) {
                (Some(toml::Value::Table(inner)), toml::Value::Table(further)) => merge(inner, further),
                (_, value) => {
                    into.insert(key, value);
                }
            }
        }
    }
    let parse = |text: &str| {
        text.parse::<toml::Table>()
            .map_err(|error| format!("containerd.config is not TOML: {}", toml::de::Error::message(&error)))
    };
    let mut merged = parse(config)?;
    merge(&mut merged, parse(further)?);
    toml::to_string(&merged).map_err(|error| format!("containerd.config can't be merged: {error}"))
}

/// The types of the fields that eni-custom reads.
fn check(spec: &Map<String, Value>) -> Result<(), String> {
    let null_or =
        |value: Option<&Value>, fits: fn(&Value) -> bool| value.is_none_or(|v| v.is_null() || fits(v));
    let kubelet = spec.get("kubelet");
    let field = |name: &str| kubelet.and_then(|kubelet| kubelet.get(name));
    let is_text_list = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
    for (name, fits) in [
        ("spec.cluster", null_or(spec.get("cluster"), Value::is_object)),
        ("spec.kubelet", null_or(kubelet, Value::is_object)),
        ("spec.kubelet.config", null_or(field("config"), Value::is_object)),
        ("spec.kubelet.flags", null_or(field("flags"), is_text_list)),
    ] {
        if !fits {
            return Err(format!("{name} is not of the type that nodeadm expects"));
        }
    }
    Ok(())
}

/// Takes out what eni-custom writes itself, and labels and taints.
fn take_ours(spec: &mut Map<String, Value>, dns: Option<Ipv4Addr>, carried: &mut Carried) {
    let cluster = spec.shift_remove("cluster").unwrap_or_default();
    if cluster.get("enableOutpost") == Some(&Value::Bool(true)) {
        let what = "NodeConfig's spec.cluster.enableOutpost: true".into();
        let why = "local clusters on Outposts are not supported".into();
        carried.unclear.push(Unclear { what, why });
    }
    let Some(Value::Object(mut kubelet)) = spec.shift_remove("kubelet") else { return };
    kubelet.shift_remove("maxPodsExpression");
    let mut config_taints = Vec::new();
    if let Some(Value::Object(mut config)) = kubelet.shift_remove("config") {
        config.shift_remove("maxPods");
        if dns.is_some_and(|dns| config.get("clusterDNS") == Some(&json!([dns.to_string()]))) {
            config.shift_remove("clusterDNS");
        }
        match config.shift_remove("registerWithTaints").map(|taints| registered_taints(&taints)) {
            Some(Ok(taints)) => config_taints = taints,
            Some(Err(why)) => {
                let what = "NodeConfig's spec.kubelet.config.registerWithTaints".into();
                carried.unclear.push(Unclear { what, why });
            }
            None => {}
        }
        if !config.is_empty() {
            kubelet.insert("config".into(), Value::Object(config));
        }
    }
    let texts = kubelet.shift_remove("flags").unwrap_or_default();
    let texts: Vec<&str> = texts.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut flags = Flags::read(texts, dns);
    // The flag wins over the configuration, as for kubelet.
    if flags.taints.is_none() {
        flags.taints = Some(config_taints);
    }
    if !flags.others.is_empty() {
        kubelet.insert("flags".into(), json!(flags.others));
    }
    carried.take_flags(flags);
    if !kubelet.is_empty() {
        spec.insert("kubelet".into(), Value::Object(kubelet));
    }
}

/// `registerWithTaints` of KubeletConfiguration.
fn registered_taints(taints: &Value) -> Result<Vec<NodeTaint>, String> {
    let list =
        taints.as_array().ok_or_else(|| format!("it is not a list: {}", excerpt(&taints.to_string())))?;
    let taint = |taint: &Value| {
        let field = |name: &str| taint.get(name).and_then(Value::as_str).unwrap_or_default();
        NodeTaint::new(field("key"), field("value"), field("effect")).map_err(|error| error.to_string())
    };
    list.iter().map(taint).collect()
}

/// nodeadm derives the DNS address from `cidr`, so it is not given.
///
/// A fixed number of pods is written in two fields. kubelet uses `config.maxPods`. The memory that is reserved for
/// kubelet (11 MiB per pod) follows `maxPodsExpression`; without it, it follows the instance type's number *without*
/// custom networking, which is too much. A computed number is in `maxPodsExpression` alone, because `config.maxPods`
/// would win. nodeadm supports the expression since AMI release v20251007; an older one ignores unknown fields (its
/// decoder is not strict). The expression is CEL, and a plain number is valid CEL.
pub(super) fn render(boot: &Boot<'_>, kept: &KeptConfig) -> String {
    let mut spec = kept.spec.clone();
    let mut old = match spec.shift_remove("kubelet") {
        Some(Value::Object(kubelet)) => kubelet,
        _ => Map::new(),
    };
    let mut config = match old.shift_remove("config") {
        Some(Value::Object(config)) => config,
        _ => Map::new(),
    };
    let expression = match &boot.max_pods {
        MaxPodsRule::Fixed(number) => {
            config.insert("maxPods".into(), number.get().into());
            number.to_string()
        }
        MaxPodsRule::Computed { expression, .. } => expression.clone(),
    };
    let mut flags = match old.shift_remove("flags") {
        Some(Value::Array(flags)) => flags,
        _ => Vec::new(),
    };
    flags.extend(kubelet::ours(boot.labels, boot.taints).into_iter().map(Value::String));

    let mut kubelet = Map::from_iter([("maxPodsExpression".to_string(), Value::String(expression))]);
    if !config.is_empty() {
        kubelet.insert("config".into(), Value::Object(config));
    }
    if !flags.is_empty() {
        kubelet.insert("flags".into(), Value::Array(flags));
    }
    kubelet.extend(old);
    let mut all = Map::from_iter([("kubelet".to_string(), Value::Object(kubelet))]);
    all.extend(spec);

    let config = format!(
        r"Content-Type: {NODE_CONFIG}

---
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: {cluster}
    apiServerEndpoint: {endpoint}
    certificateAuthority: {certificate_authority}
    cidr: {service_cidr}
{spec}",
        cluster = quoted(boot.cluster),
        endpoint = quoted(boot.endpoint),
        certificate_authority = quoted(boot.certificate_authority),
        service_cidr = boot.service_cidr,
        spec = block_yaml::mapping(&all, 2),
    );
    let parts: Vec<&str> = kept.parts.iter().map(String::as_str).chain([config.as_str()]).collect();
    mime::write(&parts)
}

/// Without `cluster`, max pods, labels and taints, which EKS's NodeConfig sets: it comes last and wins.
pub(super) fn for_eks(kept: &KeptConfig) -> String {
    let mut parts = kept.parts.clone();
    if !kept.spec.is_empty() {
        parts.push(format!(
            "Content-Type: {NODE_CONFIG}\n\n---\napiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n{}",
            block_yaml::mapping(&kept.spec, 2)
        ));
    }
    match parts.is_empty() {
        true => String::new(),
        false => mime::write(&parts.iter().map(String::as_str).collect::<Vec<_>>()),
    }
}

#[cfg(test)]
mod tests;
