use proptest::prelude::*;

use super::*;

fn edit() -> Edit {
    Edit { env: [("A".to_string(), "true".to_string())].into(), ..Edit::default() }
}

fn merged_with(text: &str) -> String {
    merged(text, &edit()).unwrap()
}

#[test]
fn merging_keeps_existing_values() {
    let before = r#"{"resources":{"limits":{"cpu":"100m"}},"env":{"WARM_ENI_TARGET":"2","A":"false"}}"#;
    let after = r#"{"resources":{"limits":{"cpu":"100m"}},"env":{"WARM_ENI_TARGET":"2","A":"true"}}"#;
    assert_eq!(merged_with(before), after);
    assert_eq!(merged_with(""), r#"{"env":{"A":"true"}}"#);
    assert_eq!(merged_with("{}"), r#"{"env":{"A":"true"}}"#);
}

/// As eksctl and the user guide write it: comments, anchors, flow style, quotes of either kind.
#[test]
fn yaml_becomes_equivalent_json() {
    let before = "\
# network team
resources: &small
  requests: {cpu: 25m, memory: 0.5Gi}
init:
  resources: *small
env:
  WARM_ENI_TARGET: '2'   # one spare
  A: \"false\"
tolerations:
- operator: Exists
livenessProbeTimeoutSeconds: 10
enableNetworkPolicy: \"true\"
";
    let after = r#"{"resources":{"requests":{"cpu":"25m","memory":"0.5Gi"}},"init":{"resources":{"requests":{"cpu":"25m","memory":"0.5Gi"}}},"env":{"WARM_ENI_TARGET":"2","A":"true"},"tolerations":[{"operator":"Exists"}],"livenessProbeTimeoutSeconds":10,"enableNetworkPolicy":"true"}"#;
    assert_eq!(merged_with(before), after);
    assert_eq!(Values::parse(before).unwrap().form(), Form::Yaml);
    assert_eq!(merged_with("# nothing yet\n"), r#"{"env":{"A":"true"}}"#);
}

#[test]
fn merging_twice_changes_no_byte() {
    for there in ["{ \"env\": {\"A\": \"true\"} }", "env:\n  A: 'true' # on\n"] {
        assert_eq!(merged_with(there), there);
        let removal = Edit { env_removed: ["B".to_string()].into(), ..Edit::default() };
        assert_eq!(merged(there, &removal).unwrap(), there);
    }
    let nothing = Edit { env_removed: ["B".to_string()].into(), ..Edit::default() };
    assert_eq!(merged("", &nothing).unwrap(), "");
}

#[test]
fn merging_removes_only_what_is_named() {
    let edit = Edit { env_removed: ["B".to_string()].into(), ..edit() };
    let merged = merged(r#"{"env":{"A":"true","B":"x","C":"y"}}"#, &edit);
    assert_eq!(merged.as_deref(), Ok(r#"{"env":{"A":"true","C":"y"}}"#));
}

#[test]
fn invalid_values_are_reported_with_the_line_and_without_parser_terms() {
    let cases = [
        ("[]", None, "not a mapping"),
        ("text", None, "not a mapping"),
        ("env: []", None, "env is not a mapping"),
        ("env:\n  A: 'x'\n  A: 'y'\n", Some(3), "duplicate"),
        ("env:\n  A: 'x\n", None, ""),
        ("a: {b\n", None, ""),
        // A boolean in YAML 1.1, a text in YAML 1.2.
        ("nodeAgent:\n  enabled: yes\n", Some(2), "quote it"),
        ("livenessProbeTimeoutSeconds: 010\n", Some(1), "quote it"),
    ];
    for (text, line, reason) in cases {
        let error = merged(text, &edit()).unwrap_err();
        assert!(error.reason.contains(reason), "{text}: {error}");
        assert!(line.is_none() || error.line == line, "{text}: {error}");
        assert!(!error.reason.contains("Options") && !error.reason.contains('\n'), "{text}: {error}");
    }
}

fn keys() -> Keys {
    Keys { env: ["A".to_string(), "B".to_string()].into(), eniconfigs: ["a".to_string()].into() }
}

#[test]
fn the_configuration_is_restored_to_the_byte_and_keeps_later_changes_by_others() {
    let spaced = "{ \"env\": {\"W\": \"2\", \"A\": \"false\"} }";
    let yaml = "# ours\nenv:\n  W: '2'\n";
    let cases = [
        // now, before, restored
        (r#"{"env":{"W":"2","A":"true","B":"x"}}"#, spaced, spaced),
        (r#"{"env":{"W":"2","A":"true","B":"x"}}"#, yaml, yaml),
        ("env: {W: '2', A: 'true'}", yaml, yaml),
        (r#"{"env":{"A":"true","B":"x"}}"#, "", "{}"),
        (r#"{"env":{"A":"true","B":"x"},"resources":{}}"#, r#"{"resources":{}}"#, r#"{"resources":{}}"#),
        (r#"{"env":{"A":"true","B":"x","W":"5"}}"#, r#"{"env":{"W":"2"}}"#, r#"{"env":{"W":"5"}}"#),
        (r#"{"env":{"A":"true"},"resources":{"a":1}}"#, "", r#"{"resources":{"a":1}}"#),
        (r#"{"env":{"A":"true","W":"5"}}"#, yaml, r#"{"env":{"W":"5"}}"#),
    ];
    for (now, before, wanted) in cases {
        let back = restored(now, before, &keys());
        assert_eq!(back.as_deref(), Ok(wanted), "{now} {before}");
        let again = restored(wanted, before, &keys()).unwrap();
        assert!(same(&again, wanted), "a second time changes nothing: {again}");
    }
    assert!(restored("[]", "", &keys()).is_err());
    assert!(restored("{}", "a: {", &keys()).is_err());
}

fn config(name: &str, subnet: &str, groups: &[&str]) -> EniConfig {
    EniConfig {
        name: name.into(),
        subnet: subnet.into(),
        security_groups: groups.iter().map(ToString::to_string).collect(),
        ours: true,
    }
}

#[test]
fn eniconfigs_of_the_values_are_written_and_restored() {
    let before =
        "eniConfig:\n  create: true # by the platform team\n  region: r\n  subnets:\n    b: {id: s-b}\n";
    assert_eq!(Values::parse(before).unwrap().eniconfigs(), ["b".to_string()].into());
    let edit = Edit { eniconfigs: vec![config("a", "s-a", &["sg-1", "sg-2"])], ..Edit::default() };
    let after = merged(before, &edit).unwrap();
    assert_eq!(
        after,
        r#"{"eniConfig":{"create":true,"region":"r","subnets":{"b":{"id":"s-b"},"a":{"id":"s-a","securityGroups":["sg-1","sg-2"]}}}}"#
    );
    // The same groups in another order are the same.
    let turned = Edit { eniconfigs: vec![config("a", "s-a", &["sg-2", "sg-1"])], ..Edit::default() };
    assert_eq!(merged(&after, &turned).unwrap(), after);
    // The environment is restored first; the exact former text returns only when everything is restored.
    let env = merged(&after, &super::tests::edit()).unwrap();
    let first = restored(&env, before, &Keys { eniconfigs: Default::default(), ..keys() }).unwrap();
    assert_eq!(Values::parse(&first).unwrap(), Values::parse(&after).unwrap());
    assert_eq!(restored(&first, before, &keys()).unwrap(), before);
}

proptest! {
    /// Whatever the values are, settings are merged and restored, and nothing else changes.
    #[test]
    fn merging_and_restoring_gives_the_same_text(
        values in prop::collection::btree_map("[a-z]{1,6}", "[ -~]{0,12}", 0..5),
        env in prop::collection::btree_map("[A-C]", "[a-z0-9]{0,4}", 0..3),
        as_yaml: bool,
    ) {
        let mut root: Map<String, Value> = values.into_iter().map(|(key, value)| (key, json!(value))).collect();
        if !env.is_empty() {
            root.insert("env".into(), json!(env));
        }
        let before = match as_yaml {
            // Each JSON value is one of YAML.
            true => root.iter().map(|(key, value)| format!("{key}: {value}\n")).collect(),
            false => serde_json::to_string_pretty(&root).unwrap(),
        };
        let after = merged(&before, &edit()).unwrap();
        let parsed = Values::parse(&after).unwrap();
        prop_assert_eq!(parsed.env("A"), Some("true"));
        for (key, value) in root.iter().filter(|(key, _)| *key != "env") {
            prop_assert_eq!(parsed.root.get(key), Some(value));
        }
        let back = restored(&after, &before, &keys()).unwrap();
        prop_assert!(same(&back, &before), "{}\n{}", back, before);
    }
}
