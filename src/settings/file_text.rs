//! Settings as a configuration file (`setup --save`), which `--config` and eni-custom.toml read again.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::Settings;

const HEADER: &str = "# Written by `eni-custom setup --save`. It gives flags their defaults: as eni-custom.toml in the\n\
                      # folder where eni-custom runs, or with --config FILE. Confirmations and accepted risks are not kept.\n";

impl Settings {
    /// The connection to the cluster and the desired state, each under its flag's name.
    pub(crate) fn file_text(&self) -> String {
        let mut given: BTreeMap<&str, Vec<Option<String>>> = BTreeMap::new();
        for (flag, value) in self.target().into_iter().chain(self.desired()) {
            given.entry(flag).or_default().push(value);
        }
        let table: Table =
            given.into_iter().map(|(flag, values)| (flag.to_string(), value(values))).collect();
        format!("{HEADER}{table}")
    }
}

/// `true` for a switch, one value, or a list.
fn value(values: Vec<Option<String>>) -> Value {
    let mut values: Vec<Value> = values.into_iter().flatten().map(typed).collect();
    match (values.len(), values.pop()) {
        (_, None) => Value::Boolean(true),
        (1, Some(only)) => only,
        (_, Some(last)) => {
            values.push(last);
            Value::Array(values)
        }
    }
}

fn typed(text: String) -> Value {
    text.parse().map_or(Value::String(text), Value::Integer)
}

#[cfg(test)]
mod tests {
    use crate::sample::settings;

    #[test]
    fn switches_numbers_lists_and_texts_have_their_types() {
        let settings = settings(&[
            "--cidr=100.64.0.0/16,100.65.0.0/16",
            "--env-last",
            "--nodes-per-zone=3",
            "--instance-type=m5.xlarge",
            "--instance-type=gpu=g5.xlarge",
        ]);
        let text = settings.file_text();
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["env-last"], toml::Value::Boolean(true));
        assert_eq!(table["nodes-per-zone"], toml::Value::Integer(3));
        assert_eq!(table["cidr"].as_array().unwrap().len(), 2);
        assert_eq!(table["instance-type"][1].as_str(), Some("gpu=g5.xlarge"));
        assert!(!table.contains_key("yes") && !table.contains_key("accept"), "{text}");
    }
}
