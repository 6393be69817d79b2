use proptest::prelude::*;

use super::*;

const ROLE: &str = "arn:aws:iam::123456789012:role/eni-custom-NodeRole-1ABC";
const ENTRY: &str = "\
- groups:
  - system:bootstrappers
  - system:nodes
  rolearn: arn:aws:iam::123456789012:role/eni-custom-NodeRole-1ABC
  username: system:node:{{EC2PrivateDNSName}}
";

fn added(map_roles: &str) -> String {
    add_node_role(map_roles, ROLE).unwrap_or_else(|error| panic!("{error}\n{map_roles}"))
}

#[test]
fn an_entry_is_added_last_and_all_other_bytes_stay() {
    let others = "\
# who may enter
- rolearn: 'arn:aws:iam::123456789012:role/admin'   # break glass
  username: admin
  groups: [ system:masters ]

- \"rolearn\": \"arn:aws:iam::123456789012:role/old-nodes\"
  \"username\": \"system:node:{{EC2PrivateDNSName}}\"
  \"groups\":
  - \"system:bootstrappers\"
  - \"system:nodes\"
# the end
";
    assert_eq!(added(others), format!("{others}{ENTRY}"));
}

#[test]
fn an_empty_text_becomes_a_list_with_one_entry() {
    assert_eq!(added(""), ENTRY);
    assert_eq!(added("[]"), ENTRY);
    assert_eq!(added(" [] \n"), ENTRY);
    assert_eq!(added("# none yet\n"), format!("# none yet\n{ENTRY}"));
    assert_eq!(added("\n\n"), format!("\n\n{ENTRY}"));
    assert_eq!(added("---\n"), format!("---\n{ENTRY}"));
}

#[test]
fn indentation_of_the_list_is_kept() {
    let others = "    - rolearn: arn:aws:iam::123456789012:role/admin\n      username: admin\n";
    let indented: Vec<String> = ENTRY.lines().map(|line| format!("    {line}\n")).collect();
    assert_eq!(added(others), format!("{others}{}", indented.concat()));
}

#[test]
fn a_missing_final_newline_stays_missing() {
    let others = "- rolearn: arn:aws:iam::123456789012:role/admin\n  username: admin";
    assert_eq!(added(others), format!("{others}\n{}", ENTRY.trim_end()));
}

#[test]
fn windows_line_ends_stay() {
    let others = "- rolearn: arn:aws:iam::123456789012:role/admin\r\n  username: admin\r\n";
    assert_eq!(added(others), format!("{others}{}", ENTRY.replace('\n', "\r\n")));
}

#[test]
fn a_flow_list_stays_a_flow_list() {
    let entry = r#"{"groups":["system:bootstrappers","system:nodes"],"rolearn":"arn:aws:iam::123456789012:role/eni-custom-NodeRole-1ABC","username":"system:node:{{EC2PrivateDNSName}}"}"#;
    for (before, after) in [
        (r#"[{"rolearn":"x","groups":["a"]}]"#, r#"[{"rolearn":"x","groups":["a"]}, ENTRY]"#),
        ("[{rolearn: x}, ]\n", "[{rolearn: x}, ENTRY]\n"),
        (
            "[\n  {rolearn: x, groups: [a]}\n]  # as in [1]\n",
            "[\n  {rolearn: x, groups: [a]}\n, ENTRY]  # as in [1]\n",
        ),
        ("# none\n[ ]\n", "# none\n[ ENTRY]\n"),
    ] {
        assert_eq!(added(before), after.replace("ENTRY", entry));
    }
}

#[test]
fn adding_again_changes_nothing() {
    for others in ["", "[]", "- rolearn: x", "[{rolearn: x}]"] {
        let once = added(others);
        assert_eq!(has_role(others, ROLE), Ok(false));
        assert_eq!(has_role(&once, ROLE), Ok(true));
        assert_eq!(added(&once), once);
    }
}

#[test]
fn a_role_matches_without_its_path_and_in_any_case() {
    let with_path = "arn:aws:iam::123456789012:role/teams/a/eni-custom-NodeRole-1ABC";
    assert_eq!(add_node_role("", with_path).as_deref(), Ok(ENTRY));
    assert_eq!(has_role(&ENTRY.replace("eni-custom", "ENI-Custom"), with_path), Ok(true));
    // An entry with a path matches nothing, so it does not count.
    let useless = ENTRY.replace("role/", "role/teams/a/");
    assert_eq!(has_role(&useless, with_path), Ok(false));
}

#[test]
fn an_entry_of_the_role_that_is_not_for_nodes_is_an_error() {
    for (from, to) in [("  - system:nodes\n", ""), ("system:node:", "admin:")] {
        let error = add_node_role(&ENTRY.replace(from, to), ROLE).unwrap_err();
        assert_eq!(error, AwsAuthError::NotForNodes { role_arn: ROLE.into() });
    }
    // Beside one that is, it changes nothing.
    let both = format!("- rolearn: {ROLE}\n  username: admin\n{ENTRY}");
    assert_eq!(has_role(&both, ROLE), Ok(true));
}

#[test]
fn yaml_that_is_not_a_list_is_refused() {
    for text in ["a: b", "text", "5"] {
        assert_eq!(has_role(text, ROLE), Err(AwsAuthError::NoList), "{text}");
    }
    for text in ["- [", "- \"a", "- a: b: c"] {
        assert!(matches!(add_node_role(text, ROLE), Err(AwsAuthError::NoYaml(_))), "{text}");
    }
}

/// What the authenticator reads is read: a key twice (the last counts), keys in any case, texts for none.
#[test]
fn what_the_authenticator_accepts_is_accepted() {
    let twice = format!("- rolearn: arn:aws:iam::1:role/a\n  username: a\n  username: b\n{ENTRY}");
    assert_eq!(has_role(&twice, ROLE), Ok(true));
    let others = "- rolearn: arn:aws:iam::1:role/a\n  username: a\n  username: b\n";
    assert_eq!(added(others), format!("{others}{ENTRY}"));
    let other_case = ENTRY.replace("rolearn", "roleARN").replace("username", "userName");
    assert_eq!(has_role(&other_case, ROLE), Ok(true));
    for none in ["\"\"", "''", "``"] {
        assert_eq!(added(none), ENTRY, "{none}");
    }
    let tab = "- rolearn:\tarn:aws:iam::1:role/a\n  username: a\n";
    assert_eq!(added(tab), format!("{tab}{ENTRY}"));
}

#[test]
fn invalid_yaml_is_reported_with_its_line() {
    let cases = [
        ("- rolearn: arn:aws:iam::1:role/a\n  username: {{SessionName}}\n", 2, "must be in quotes"),
        ("- rolearn: arn:aws:iam::1:role/a\n\tusername: a\n", 2, "tab"),
        ("- rolearn: arn:aws:iam::1:role/a\n  username: a: b\n", 2, ""),
    ];
    for (text, line, reason) in cases {
        let Err(AwsAuthError::NoYaml(error)) = add_node_role(text, ROLE) else { panic!("{text}") };
        assert!(error.line == Some(line) && error.reason.contains(reason), "{text}: {error}");
        assert!(!error.to_string().contains("Options"), "{error}");
    }
}

/// Where another line would change an entry, or not count: better by hand.
#[test]
fn a_text_without_a_safe_place_for_an_entry_is_refused() {
    for text in ["- rolearn: x\n...\n", "null", "- &a rolearn: x\n--- # more\n"] {
        let refused = add_node_role(text, ROLE);
        assert!(
            matches!(refused, Err(AwsAuthError::NoPlace { .. } | AwsAuthError::NoYaml(_))),
            "{text}: {refused:?}"
        );
    }
}

#[test]
fn an_arn_that_is_not_a_role_is_refused() {
    for arn in [
        "",
        "eni-custom",
        "arn:aws:iam::123456789012:user/x",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role",
        "arn:aws:iam::123456789012:role/a b",
        "arn:aws:iam::123456789012:role/a\n- b",
        "arn:aws:iam::123456789012:roles/x",
        "arn:aws:sts::123456789012:assumed-role/x/y",
    ] {
        assert_eq!(has_role("", arn), Err(AwsAuthError::NoRoleArn { role_arn: arn.into() }));
    }
    assert_eq!(has_role("", "arn:aws-us-gov:iam::123456789012:role/a/b/x_+=,.@-"), Ok(false));
}

/// Lists in the styles that people and tools write them.
fn list() -> impl Strategy<Value = String> {
    let scalar = prop::sample::select(vec![
        "arn:aws:iam::1:role/x",
        "'it''s'",
        "\"a\\tb\"",
        "system:masters",
        "\"#no\"",
        "5",
        "~",
    ]);
    let key = prop::sample::select(vec!["rolearn", "username", "\"note\"", "'more'"]);
    let comment = prop::sample::select(vec!["", "", " # here: - [x]"]);
    let entry = (
        prop::collection::btree_map(key, (scalar.clone(), comment), 1..4),
        prop::collection::vec(scalar, 0..3),
    );
    let style = (0usize..4, any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (prop::collection::vec(entry, 0..5), style).prop_map(|(entries, (indent, nested, gap, windows, end))| {
        let indent = " ".repeat(indent);
        let mut text = String::new();
        for (keys, groups) in entries {
            let mut lead = "- ";
            for (key, (value, comment)) in keys {
                text.push_str(&format!("{indent}{lead}{key}: {value}{comment}\n"));
                lead = "  ";
            }
            if groups.is_empty() {
                text.push_str(&format!("{indent}  groups: []\n"));
            } else {
                text.push_str(&format!("{indent}  groups:\n"));
                for group in groups {
                    text.push_str(&format!("{indent}  {}- {group}\n", if nested { "  " } else { "" }));
                }
            }
            if gap {
                text.push_str("\n# and\n");
            }
        }
        let text = if end { text } else { text.trim_end().to_string() };
        if windows { text.replace('\n', "\r\n") } else { text }
    })
}

proptest! {
    #[test]
    fn every_style_keeps_its_bytes_and_gains_one_entry(text in list()) {
        let before = parse(&text)?;
        let after = added(&text);
        prop_assert!(after.starts_with(&text), "{}", after);
        let entries = parse(&after)?;
        prop_assert_eq!(&entries[..before.len()], &before[..]);
        prop_assert_eq!(entries.len(), before.len() + 1);
        prop_assert_eq!(&entries[before.len()]["rolearn"], ROLE);
        prop_assert_eq!(has_role(&after, ROLE), Ok(true));
        prop_assert_eq!(&added(&after), &after);
        prop_assert_eq!(after.contains("\r\n"), text.contains("\r\n"));
    }

    /// Whatever the text is: refused, or all of it still there.
    #[test]
    fn no_text_loses_a_byte(text in "[-\\[\\]{}:,#&*|> \n\"'a~.?!]{0,24}") {
        if let Ok(after) = add_node_role(&text, ROLE) && text.trim() != "[]" && !NONE.contains(&text.trim()) {
            let mut rest = after.chars();
            prop_assert!(text.chars().all(|wanted| rest.any(|character| character == wanted)), "{}", after);
            prop_assert_eq!(parse(&after)?.len(), parse(&text)?.len() + 1);
        }
    }
}

proptest! {
    #[test]
    fn an_added_entry_is_removed_to_the_byte(text in list()) {
        let added = added(&text);
        prop_assert_eq!(remove_node_role(&added, ROLE, Some(&text)).unwrap(), text.clone());
        // Without the former text, the other entries are still the same list, and their bytes stay.
        let left = remove_node_role(&added, ROLE, None).unwrap();
        prop_assert_eq!(parse(&left), parse(&text));
        prop_assert!(!has_role(&left, ROLE).unwrap());
    }
}

#[test]
fn later_changes_by_others_stay() {
    let before = "- rolearn: arn:aws:iam::1:role/a\n  username: a\n";
    let added = added(before);
    let since = format!("# on call\n{added}- rolearn: arn:aws:iam::1:role/b\n  username: b\n");
    let left = remove_node_role(&since, ROLE, Some(before)).unwrap();
    assert_eq!(left, format!("# on call\n{before}- rolearn: arn:aws:iam::1:role/b\n  username: b\n"));
    assert_eq!(remove_node_role(&left, ROLE, None).unwrap(), left, "a second time there is nothing to do");
}
