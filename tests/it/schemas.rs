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
    for name in ["plan", "verify", "doctor", "status", "events"] {
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

/// The same for many outputs at once.
#[track_caller]
pub(crate) fn all_conform(name: &str, outputs: &[Value]) {
    conforms(name, outputs.first().expect("there is output"));
    let script = "import json, sys, fastjsonschema\n\
        valid = fastjsonschema.compile(json.loads(sys.argv[1]))\n\
        for line in open(sys.argv[2]):\n\
        \x20try: valid(json.loads(line))\n\
        \x20except fastjsonschema.JsonSchemaValueException as error: print(error.message, line)";
    let lines: String = outputs.iter().map(|output| format!("{output}\n")).collect();
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), lines).expect("the lines are written");
    assert_eq!(python(script, &[&published(name), &file.path().to_string_lossy()]), "");
}

/// The first error of a validator; empty if the value is valid.
fn error(schema: &str, value: &Value) -> String {
    let script = "import json, sys, fastjsonschema\n\
        try: fastjsonschema.validate(json.loads(sys.argv[1]), json.loads(sys.argv[2]))\n\
        except fastjsonschema.JsonSchemaValueException as error: print(error.message)";
    python(script, &[schema, &value.to_string()])
}

#[track_caller]
fn python(script: &str, args: &[&str]) -> String {
    let python = tools::find_or_build().expect("the sandbox's tools are installed").python;
    let output = Command::new(python).args(["-c", script]).args(args).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
