//! Structures of AWS's APIs as properties in CloudFormation's spelling, which is the API's own but for case.

use serde_json::{Map, Value};

use crate::facts::Unclear;

/// The properties that are set. An empty list or structure says the same as a missing one.
pub(super) fn map<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    let is_set = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    fields.into_iter().filter(|(_, value)| is_set(value)).map(|(name, value)| (name.into(), value)).collect()
}

/// The same as a value.
pub(super) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(map(fields))
}

/// A structure that may be missing.
pub(super) fn one<T>(item: Option<&T>, properties: impl FnOnce(&T) -> Value) -> Value {
    item.map_or(Value::Null, properties)
}

/// A list of structures.
pub(super) fn each<T>(items: &[T], properties: impl FnMut(&T) -> Value) -> Value {
    items.iter().map(properties).collect()
}

/// A list of texts or of enumerations.
pub(super) fn texts(items: &[impl AsRef<str>]) -> Value {
    items.iter().map(|item| Value::from(item.as_ref())).collect()
}

/// A text or an enumeration that may be missing.
pub(super) fn text(item: Option<impl AsRef<str>>) -> Value {
    item.map_or(Value::Null, |item| item.as_ref().into())
}

/// Those of these settings that are set, with the reason why a replacement would not get them.
pub(super) fn unclear<const N: usize>(why: &str, settings: [(&str, bool); N]) -> Vec<Unclear> {
    let set = settings.into_iter().filter(|(_, is_set)| *is_set);
    set.map(|(what, _)| Unclear { what: what.into(), why: why.into() }).collect()
}
