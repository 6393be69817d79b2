//! YAML in block style, for a person to read and for nodeadm: what is written means the same in YAML 1.1 and 1.2. Pure.
//!
//! No crate: `serde-saphyr` leaves texts bare that YAML 1.1 reads as something else, and writes characters beyond ASCII,
//! which a MIME part without an encoding can't hold.

use serde_json::{Map, Value};

use super::quoted;

/// A mapping that is not empty, indented by this many spaces.
pub(super) fn mapping(map: &Map<String, Value>, indent: usize) -> String {
    map.iter().map(|(key, value)| format!("{:indent$}{}:{}", "", name(key), entry(value, indent))).collect()
}

/// What follows a key, from the space or line end on.
fn entry(value: &Value, indent: usize) -> String {
    match value {
        Value::Object(map) if !map.is_empty() => format!("\n{}", mapping(map, indent + 2)),
        Value::Array(list) if !list.is_empty() => format!("\n{}", sequence(list, indent + 2)),
        Value::String(text) => match literal(text, indent + 2) {
            Some(block) => format!(" {block}"),
            None => format!(" {}\n", quoted(text)),
        },
        other => format!(" {other}\n"),
    }
}

fn sequence(list: &[Value], indent: usize) -> String {
    let item = |value: &Value| {
        let text = match value {
            Value::Object(map) if !map.is_empty() => mapping(map, indent + 2),
            Value::Array(list) if !list.is_empty() => sequence(list, indent + 2),
            Value::String(text) => format!("{}\n", quoted(text)),
            other => format!("{other}\n"),
        };
        format!("{:indent$}- {}", "", text.trim_start_matches(' '))
    };
    list.iter().map(item).collect()
}

/// A key; in quotes if it could be read as anything but a text.
fn name(key: &str) -> String {
    let plain = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let lower = key.to_ascii_lowercase();
    let other = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&lower.as_str());
    if plain && !other { key.to_string() } else { quoted(key) }
}

/// A text of several lines as a literal block, if one can hold it exactly.
fn literal(text: &str, indent: usize) -> Option<String> {
    let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
    let fits = text.contains('\n')
        && text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte))
        && lines.first().is_some_and(|line| !line.is_empty() && !line.starts_with(' '))
        && lines.last().is_some_and(|line| !line.trim().is_empty());
    let style = if text.ends_with('\n') { "|" } else { "|-" };
    let line = |line: &&str| {
        if line.is_empty() { "\n".to_string() } else { format!("{:indent$}{line}\n", "") }
    };
    fits.then(|| format!("{style}\n{}", lines.iter().map(line).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::yaml::unambiguous;

    #[test]
    fn blocks_are_as_a_person_would_write_them() {
        let value = json!({
            "a": {"b": 1, "on": "off", "c.d/e": {}},
            "list": ["x", {"k": 1, "l": [true, null]}, [2, 3], []],
            "config": "version = 3\n\n  [a]\n",
            "last": "x\ny",
        });
        let expected = r#"  a:
    b: 1
    "on": "off"
    "c.d/e": {}
  list:
    - "x"
    - k: 1
      l:
        - true
        - null
    - - 2
      - 3
    - []
  config: |
    version = 3

      [a]
  last: |-
    x
    y
"#;
        assert_eq!(mapping(value.as_object().unwrap(), 2), expected);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            any::<String>(),
            "[ -~\n]{0,20}",
            "(on|off|yes|0644|1_0|~|null|-|- a|#|&a|\\*a|!x|%|---)"
        ];
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1000_i32..1000).prop_map(|number| json!(f64::from(number) / 8.0)),
            text.prop_map(Value::from),
        ];
        scalar.prop_recursive(4, 24, 4, |inner| {
            let key = prop_oneof!["[a-z]{1,6}", any::<String>()];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(key, inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn yaml_of_both_versions_reads_the_same_values_again(value in any_value()) {
            let written = mapping(json!({"root": value.clone()}).as_object().unwrap(), 0);
            prop_assert!(written.is_ascii());
            let read = unambiguous(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
            prop_assert_eq!(&read["root"], &value, "{}", written);
        }
    }
}
