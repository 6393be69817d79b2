use std::process::Command as Process;

use proptest::prelude::*;

use super::*;

fn alone(script: &str) -> Vec<&str> {
    commands(script)
        .unwrap()
        .into_iter()
        .filter(|command| command.alone)
        .map(|command| command.text)
        .collect()
}

#[test]
fn commands_of_the_top_level_are_found() {
    let script = r#"#!/bin/bash -xe
# don't stop
A=1; b
c "two
lines" 'it''s' \
  more # comment
if [ -n "$X" ]; then
  d
elif e; then f
fi
for x in 1 2; do g; done
while read -r line; do h; done < /etc/passwd
case "$X" in
  a|b) i ;;
  *) j;;
esac
name() {
  k
}
function other { l; }
cat > /etc/x <<EOF
m "unclosed
EOF
cat <<-'END' | tee /tmp/y
	n
	END
o && p
q || true
(r; s)
t=$(u "$(v 'w')") # (
x ${y#z} "${a:-"b"}" $((1 << 2)) 2>&1
((i++)) && z
[[ $a =~ ^(b|c)$ ]] && echo
d=(1 2)
e <<< "f"
last"#;
    assert_eq!(
        alone(script),
        [
            "c \"two\nlines\" 'it''s' \\\n  more # comment",
            "if [ -n \"$X\" ]; then\n  d\nelif e; then f\nfi",
            "for x in 1 2; do g; done",
            "while read -r line; do h; done < /etc/passwd",
            "case \"$X\" in\n  a|b) i ;;\n  *) j;;\nesac",
            "name() {\n  k\n}",
            "function other { l; }",
            "cat > /etc/x <<EOF",
            "(r; s)",
            "t=$(u \"$(v 'w')\") # (",
            "x ${y#z} \"${a:-\"b\"}\" $((1 << 2)) 2>&1",
            "d=(1 2)",
            "e <<< \"f\"",
            "last"
        ]
    );
}

#[test]
fn what_is_not_closed_is_not_understood() {
    for script in
        ["'", "\"", "`", "$(", "(", "if x", "{", "fi", "esac", ")", "case x in fi", "cat <<E\nx", "((", "${x"]
    {
        assert!(commands(&format!("a\n{script}\n")).unwrap_err().contains("line"), "{script}");
    }
}

#[test]
fn words_are_those_of_a_shell() {
    let known = BTreeMap::from([("A", "a=1".to_string()), ("B", "two words".into())]);
    for (text, expected) in [
        ("x 'a b' \"c\"d \\e # f", Ok(vec!["x", "a b", "cd", "e"])),
        ("x \\\n  --y=$A,\"${A}\" '$A'", Ok(vec!["x", "--y=a=1,a=1", "$A"])),
        ("x \"it's # here; $A\"", Ok(vec!["x", "it's # here; a=1"])),
        ("x \"\\$A\"", Ok(vec!["x", "$A"])),
        ("x \"\"\\\n#a", Ok(vec!["x", "#a"])),
        ("x \\\n#a", Ok(vec!["x"])),
        ("x a\\ #b", Ok(vec!["x", "a #b"])),
        ("$B", Err("more than a word")),
        ("$C", Err("$C is not known")),
        ("\"${A:-b}\"", Err("only a shell")),
        ("$(a)", Err("only a shell")),
        ("\"`a`\"", Err("command substitution")),
        ("a > b", Err("'>'")),
        ("a *", Err("'*'")),
        ("a {b,c}", Err("'{'")),
        ("a ~/b", Err("'~'")),
        ("a 'b", Err("not closed")),
    ] {
        match (words(text, &known), expected) {
            (Ok(words), Ok(expected)) => assert_eq!(words, expected, "{text}"),
            (Err(error), Err(expected)) => assert!(error.contains(expected), "{text}: {error}"),
            (words, expected) => panic!("{text}: {words:?}, not {expected:?}"),
        }
    }
}

#[test]
fn assignments_without_expansions_are_known() {
    assert_eq!(assignment("A=b"), Some(("A", "b".into())));
    assert_eq!(assignment("A='b c'"), Some(("A", "b c".into())));
    assert_eq!(assignment("A="), Some(("A", String::new())));
    for text in ["A=$B", "A=b c", "A= b", "a b=c", "1=2", "A=$(b)", "b"] {
        assert_eq!(assignment(text), None, "{text}");
    }
    assert_eq!(mentions("$A ${A} A_B xA A=1", "A"), 3);
}

proptest! {
    #[test]
    fn any_text_has_an_answer(text in "[ -~\n\tä]{0,60}", odd in "[if;doncase{}()$\"'`<\\\\#\n ]{0,40}") {
        for text in [text, odd] {
            for command in commands(&text).unwrap_or_default() {
                prop_assert_eq!(&text[command.start..command.end], command.text);
                let _ = words(command.text, &BTreeMap::new());
            }
        }
    }
}

proptest! {
    // Each case starts a shell.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_real_shell_reads_the_same_words(text in "([a-c =]|'|\"|\\\\|\\$A|\\$\\{A\\}|#|~|\n){0,16}") {
        let known = BTreeMap::from([("A", "a=1,b".to_string())]);
        // A shell takes a line end outside of quotes for the command's end.
        if let (Ok(expected), Ok([command])) = (words(&text, &known), commands(&text).as_deref())
            && command.text.len() == text.len()
        {
            let script = format!("A='a=1,b'; printf '%s\\0' x {text}");
            let run = Process::new("sh").arg("-c").arg(&script).output().unwrap();
            let output = String::from_utf8(run.stdout).unwrap();
            let read: Vec<&str> = output.split_terminator('\0').skip(1).collect();
            prop_assert_eq!(read, expected, "{}", text);
        }
    }
}
