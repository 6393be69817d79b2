//! The program as a plugin of kubectl: commands that it prints begin with `kubectl eni-custom`, because krew puts only
//! the plugin's name on the PATH.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::LazyLock;

use crate::step::Step;

/// The name of the program.
pub(crate) const PROGRAM: &str = "eni-custom";

/// kubectl looks for this when `kubectl eni-custom` is typed: dashes become underscores.
const PLUGIN: &str = "kubectl-eni_custom";

/// The commands that a printed command line may have, besides the steps.
pub(crate) const COMMANDS: [&str; 11] = [
    "setup",
    "plan",
    "undo",
    "verify",
    "doctor",
    "status",
    "max-pods",
    "iam-policy",
    "schema",
    "completions",
    "man",
];

/// How the user called the program: `eni-custom` or `kubectl eni-custom`.
pub(crate) fn called_as(argument: Option<&OsStr>) -> &'static str {
    let name = argument.and_then(|path| Path::new(path).file_stem()?.to_str());
    if name == Some(PLUGIN) { "kubectl eni-custom" } else { PROGRAM }
}

/// A text for people, with its commands as the user has to type them.
pub(super) fn as_called(text: &str) -> Cow<'_, str> {
    static CALLED_AS: LazyLock<&str> = LazyLock::new(|| called_as(std::env::args_os().next().as_deref()));
    typed_as(*CALLED_AS, text)
}

fn typed_as<'a>(called_as: &str, text: &'a str) -> Cow<'a, str> {
    if called_as == PROGRAM {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split("eni-custom ");
    let mut whole = parts.next().unwrap_or_default().to_string();
    for rest in parts {
        let word = rest.split([' ', '\n', '`', ';', '"', ')']).next().unwrap_or_default();
        let is_command = COMMANDS.contains(&word) || Step::DOCUMENTED.iter().any(|step| step.name() == word);
        // `kubectl eni-custom`, or a path that ends with the name.
        let is_whole_word = !whole.ends_with("kubectl ") && !whole.ends_with(['/', '-', '.']);
        whole.push_str(if is_command && is_whole_word { called_as } else { PROGRAM });
        whole.push(' ');
        whole.push_str(rest);
    }
    Cow::Owned(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugin_s_name_is_kubectl_s() {
        let called = |path: &str| called_as(Some(OsStr::new(path)));
        assert_eq!(called("/home/ann/.krew/bin/kubectl-eni_custom"), "kubectl eni-custom");
        assert_eq!(called("kubectl-eni_custom.exe"), "kubectl eni-custom");
        assert_eq!(called("./eni-custom"), PROGRAM);
        assert_eq!(called_as(None), PROGRAM);
    }

    #[test]
    fn commands_are_printed_as_they_must_be_typed_and_other_text_stays() {
        let text = "fix: eni-custom undo --cluster shop; then `eni-custom set-env --undo`\nanother run of eni-custom is active";
        assert_eq!(
            typed_as("kubectl eni-custom", text),
            "fix: kubectl eni-custom undo --cluster shop; then `kubectl eni-custom set-env --undo`\n\
             another run of eni-custom is active"
        );
        assert_eq!(typed_as("kubectl eni-custom", "kubectl eni-custom plan"), "kubectl eni-custom plan");
        assert_eq!(typed_as(PROGRAM, text), text);
    }
}
