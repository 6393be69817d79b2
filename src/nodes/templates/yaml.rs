//! A template as text: a fixed head, and resources as a serializer writes them. Pure.
//!
//! The serializer quotes what YAML 1.1 would not read as a string, as CloudFormation reads 1.1. Functions are written in
//! their long form (`Ref: …`), so a value of an old group can't become one by its spelling.

use serde_json::{Map, Value, json};

use super::error::{LONGEST_TEMPLATE, TemplateError};

/// A comment above the first line that equals `line`.
pub(super) struct Comment {
    /// With its indentation. At most eight spaces: the text of a block scalar is indented further, so no line of it is
    /// taken for this one.
    pub line: &'static str,
    pub text: &'static str,
}

/// Head, then resources with comments. `user_data`: bytes of it, for an error that says what is too long.
pub(super) fn template(
    head: &str,
    resources: Value,
    comments: &[Comment],
    user_data: usize,
) -> Result<String, TemplateError> {
    let options = serde_saphyr::ser_options! {
        compact_list_indent: false,
        // Long lines stay one line: a folded one is hard to search for.
        folded_wrap_chars: LONGEST_TEMPLATE,
    };
    let written = serde_saphyr::to_string_with_options(&json!({ "Resources": resources }), options);
    let mut text = written.expect("a JSON value can be written as YAML");
    for comment in comments {
        text = commented(&text, comment);
    }
    let text = format!("{head}\n{text}");
    match text.len() {
        bytes if bytes > LONGEST_TEMPLATE => Err(TemplateError::TemplateTooLong { bytes, user_data }),
        _ => Ok(text),
    }
}

fn commented(text: &str, comment: &Comment) -> String {
    let Some(at) = text.find(&format!("\n{}\n", comment.line)) else { return text.to_string() };
    let (before, after) = text.split_at(at + 1);
    let indent = &comment.line[..comment.line.len() - comment.line.trim_start().len()];
    let lines: String = comment.text.lines().map(|line| format!("{indent}# {line}\n")).collect();
    // An empty line between resources, but no second one: the first may be the end of a block scalar's text.
    let gap = if indent.len() == 2 && !before.ends_with("\n\n") { "\n" } else { "" };
    format!("{before}{gap}{lines}{after}")
}

/// Checks that CloudFormation takes a value as it is: it calls no function in it and resolves no dynamic reference.
pub(super) fn inert(at: &str, value: &Value) -> Result<(), TemplateError> {
    match value {
        Value::Null => Err(TemplateError::Null { at: at.into() }),
        Value::String(text) => plain_text(at, text),
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| inert(&format!("{at}[{index}]"), item))
        }
        Value::Object(map) => inert_map(at, map),
        Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

pub(super) fn inert_map(at: &str, map: &Map<String, Value>) -> Result<(), TemplateError> {
    map.iter().try_for_each(|(key, value)| {
        if key == "Ref" || key.starts_with("Fn::") {
            return Err(TemplateError::Function { at: at.into(), key: key.clone() });
        }
        let at = format!("{at}.{key}");
        plain_text(&at, key)?;
        inert(&at, value)
    })
}

/// CloudFormation has no escape for a dynamic reference ("Get values stored in other services using dynamic references").
fn plain_text(at: &str, text: &str) -> Result<(), TemplateError> {
    match is_dynamic(text) {
        true => Err(TemplateError::DynamicReference { at: at.into() }),
        false => Ok(()),
    }
}

pub(super) fn is_dynamic(text: &str) -> bool {
    text.contains("{{resolve:")
}

pub(super) fn reference(name: &str) -> Value {
    json!({ "Ref": name })
}

pub(super) fn attribute(resource: &str, name: &str) -> Value {
    json!({ "Fn::GetAtt": [resource, name] })
}
