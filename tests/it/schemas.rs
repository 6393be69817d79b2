//! Outputs conform to their published schemas, and these are the ones that the program prints.

use std::fs;
use std::path::Path;
use std::process::Command;

use sandbox::tools;
use serde_json::Value;

use crate::command::{Outcome, offline};

/// A checked-in schema.
fn published(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(format!("{name}.json"));
    fs::read_to_string(path).expect("the schema is checked in")
}

#[test]
fn published_schemas_are_current() {
    for name in ["plan", "verify", "doctor", "status"] {
        let printed = Outcome::of(offline().args(["schema", name])).expect(0).stdout;
        assert!(printed == published(name), "stale: eni-custom schema {name} > schemas/{name}.json");
    }
}

/// Asserts that an output conforms to its schema, and that the schema rejects it without its version.
#[track_caller]
pub(crate) fn conforms(name: &str, output: &Value) {
    let schema = published(name);
    assert_eq!(error(&schema, output), "", "{output:#}");
    let mut less = output.clone();
    let fields = less.as_object_mut().expect("an object");
    fields.remove("format_version");
    assert!(error(&schema, &less).contains("must contain"));
}

/// The first error of a validator; empty if the value is valid.
fn error(schema: &str, value: &Value) -> String {
    let script = "import json, sys, fastjsonschema\n\
        try: fastjsonschema.validate(json.loads(sys.argv[1]), json.loads(sys.argv[2]))\n\
        except fastjsonschema.JsonSchemaValueException as error: print(error.message)";
    let python = tools::find_or_build().expect("the sandbox's tools are installed").python;
    let output =
        Command::new(python).args(["-c", script, schema, &value.to_string()]).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
