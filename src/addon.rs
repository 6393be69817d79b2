//! configurationValues of EKS add-on vpc-cni: reading them, merging settings into them, and restoring them. Pure.
//!
//! EKS accepts JSON and YAML (UpdateAddon; eksctl writes YAML), checks them against the add-on's schema, and returns the
//! text as it was given. eni-custom writes JSON, so comments in YAML are lost.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::net::eniconfig::EniConfig;
pub(crate) use crate::yaml::Unreadable;
use crate::yaml::unambiguous;

/// The values as a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    root: Map<String, Value>,
    form: Form,
}

/// How the text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Empty,
    Json,
    Yaml,
}

/// The settings to write into the values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Edit {
    pub env: BTreeMap<String, String>,
    pub env_removed: BTreeSet<String>,
    /// For values that create ENIConfigs.
    pub eniconfigs: Vec<EniConfig>,
}

/// The keys to restore to their former values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    pub env: BTreeSet<String>,
    pub eniconfigs: BTreeSet<String>,
}

impl Values {
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let (value, form) = match text.trim() {
            "" => (json!({}), Form::Empty),
            trimmed => match serde_json::from_str(trimmed) {
                Ok(value) => (value, Form::Json),
                Err(_) => (unambiguous(text)?, Form::Yaml),
            },
        };
        match value {
            Value::Object(root) => Ok(Values { root, form }),
            Value::Null => Ok(Values { root: Map::new(), form }),
            _ => Err(Unreadable::whole("it is not a mapping")),
        }
    }

    pub fn form(&self) -> Form {
        self.form
    }

    /// A variable of aws-node, if the values set it.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.root.get("env")?.get(name)?.as_str()
    }

    /// Whether the add-on creates the ENIConfigs, and would revert changes to them (aws-vpc-cni's chart,
    /// templates/eniconfig.yaml).
    pub fn create_eniconfigs(&self) -> bool {
        self.root.get("eniConfig").and_then(|config| config.get("create")) == Some(&Value::Bool(true))
    }

    /// Names of the ENIConfigs that the add-on creates.
    pub fn eniconfigs(&self) -> BTreeSet<String> {
        let subnets = self.root.get("eniConfig").and_then(|config| config.get("subnets")?.as_object());
        subnets.filter(|_| self.create_eniconfigs()).into_iter().flat_map(Map::keys).cloned().collect()
    }

    /// Whether the add-on creates an ENIConfig of this name with other contents.
    pub fn differs(&self, config: &EniConfig) -> bool {
        let named = self.root.get("eniConfig").and_then(|values| values.get("subnets")?.get(&config.name));
        self.create_eniconfigs() && named.is_some_and(|there| one(config, Some(there)) != *there)
    }

    fn object<'a>(
        root: &'a mut Map<String, Value>,
        key: &str,
    ) -> Result<&'a mut Map<String, Value>, Unreadable> {
        let value = root.entry(key).or_insert_with(|| json!({}));
        value.as_object_mut().ok_or_else(|| Unreadable::whole(&format!("{key} is not a mapping")))
    }
}

/// The configuration with the settings merged in; everything else stays. If nothing changes, the text is returned as is.
pub(crate) fn merged(text: &str, edit: &Edit) -> Result<String, Unreadable> {
    let mut values = Values::parse(text)?;
    let before = values.root.clone();
    if !edit.env.is_empty() || values.root.contains_key("env") {
        let variables = Values::object(&mut values.root, "env")?;
        for (name, value) in &edit.env {
            variables.insert(name.clone(), json!(value));
        }
        for name in &edit.env_removed {
            variables.shift_remove(name);
        }
    }
    if !edit.eniconfigs.is_empty() {
        let subnets = Values::object(Values::object(&mut values.root, "eniConfig")?, "subnets")?;
        for config in &edit.eniconfigs {
            subnets.insert(config.name.clone(), one(config, subnets.get(&config.name)));
        }
    }
    if values.root == before {
        return Ok(text.to_string());
    }
    written(values.root)
}

/// An ENIConfig in the format of the values. The order of security groups does not matter.
fn one(config: &EniConfig, there: Option<&Value>) -> Value {
    let wanted = match config.security_groups.is_empty() {
        true => json!({ "id": config.subnet }),
        false => json!({ "id": config.subnet, "securityGroups": config.security_groups }),
    };
    let set = |value: &Value| {
        let groups =
            value.get("securityGroups").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        groups.iter().map(ToString::to_string).collect::<BTreeSet<_>>()
    };
    match there {
        Some(there) if there.get("id") == wanted.get("id") && set(there) == set(&wanted) => there.clone(),
        _ => wanted,
    }
}

fn written(root: Map<String, Value>) -> Result<String, Unreadable> {
    serde_json::to_string(&Value::Object(root)).map_err(|error| Unreadable::whole(&error.to_string()))
}

/// The configuration with these keys restored; other changes since stay. If there are none, the exact former text.
pub(crate) fn restored(now: &str, before: &str, keys: &Keys) -> Result<String, Unreadable> {
    let (mut values, was) = (Values::parse(now)?, Values::parse(before)?);
    put_back(&mut values.root, &was.root, &["env"], &keys.env);
    put_back(&mut values.root, &was.root, &["eniConfig", "subnets"], &keys.eniconfigs);
    if values.root == was.root {
        // EKS takes an empty text for "unchanged", and an empty object for no values.
        return Ok(if before.trim().is_empty() { "{}".into() } else { before.to_string() });
    }
    written(values.root)
}

/// Restores these keys of a nested mapping. A mapping that did not exist before is removed when it is empty.
fn put_back(root: &mut Map<String, Value>, was: &Map<String, Value>, path: &[&str], keys: &BTreeSet<String>) {
    let Some((first, rest)) = path.split_first() else {
        for key in keys {
            match was.get(key) {
                Some(value) => drop(root.insert(key.clone(), value.clone())),
                None => drop(root.shift_remove(key)),
            }
        }
        return;
    };
    if keys.is_empty() {
        return;
    }
    let none = Map::new();
    let was_inside = was.get(*first).and_then(Value::as_object);
    let mut inside = root.get(*first).and_then(Value::as_object).cloned().unwrap_or_default();
    put_back(&mut inside, was_inside.unwrap_or(&none), rest, keys);
    match inside.is_empty() && was_inside.is_none() {
        true => drop(root.shift_remove(*first)),
        false => drop(root.insert((*first).into(), Value::Object(inside))),
    }
}

/// Whether two texts are the same configuration; no text equals an empty object.
pub(crate) fn same(one: &str, other: &str) -> bool {
    let none = |text: &str| matches!(text.trim(), "" | "{}");
    one == other || (none(one) && none(other))
}

#[cfg(test)]
mod tests;
