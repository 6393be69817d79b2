//! Settings with their values and origins, for `setup --explain-settings`.

use std::fmt::Write as _;

use console::Style;
use serde_json::{Value, json};

use crate::settings::{Explained, Origin};

/// A table by heading; what is not set comes last, in one list.
pub(super) fn text(settings: &[Explained], color: bool) -> String {
    let style = || Style::new().force_styling(color);
    let is_shown = |one: &&Explained| !one.values.is_empty();
    let width = settings.iter().filter(is_shown).map(|one| one.flag.len()).max().unwrap_or_default();
    let values = |one: &Explained| one.values.join(", ");
    let value_width =
        settings.iter().filter(is_shown).map(|one| values(one).len()).max().unwrap_or_default().min(32);
    let mut out = String::new();
    let mut heading = "";
    for one in settings.iter().filter(is_shown) {
        if one.heading != heading {
            heading = &one.heading;
            let _ = writeln!(out, "{}", style().bold().apply_to(heading));
        }
        let origin = origin(&one.origin);
        let line = format!("  {:width$}  {:value_width$}  {origin}", one.flag, values(one));
        match one.origin == Origin::Default {
            true => _ = writeln!(out, "{}", style().dim().apply_to(line)),
            false => _ = writeln!(out, "{line}"),
        }
    }
    let unset: Vec<&str> =
        settings.iter().filter(|one| !is_shown(one)).map(|one| one.flag.as_str()).collect();
    if !unset.is_empty() {
        let _ = writeln!(out, "{}", style().bold().apply_to("Not set"));
        for line in textwrap::wrap(&unset.join(", "), 76) {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

pub(super) fn json(settings: &[Explained]) -> Value {
    let one =
        |one: &Explained| json!({ "name": one.flag, "values": one.values, "origin": origin(&one.origin) });
    json!({ "format_version": 1, "settings": settings.iter().map(one).collect::<Vec<_>>() })
}

/// `flag`, `ENI_CUSTOM_CIDR`, `eni-custom.toml`, `default`
pub(super) fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Flag => "flag".into(),
        Origin::Environment(name) => format!("environment {name}"),
        Origin::File(path) => format!("file {path}"),
        Origin::Default => "default".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_its_value_and_origin_and_the_others_are_listed() {
        let one = |heading: &str, flag: &str, values: &[&str], origin| Explained {
            heading: heading.into(),
            flag: flag.into(),
            values: values.iter().map(ToString::to_string).collect(),
            origin,
        };
        let settings = [
            one("Cluster", "cluster", &["shop"], Origin::Environment("ENI_CUSTOM_CLUSTER".into())),
            one("Cluster", "region", &[], Origin::Default),
            one(
                "Pod subnets",
                "cidr",
                &["100.64.0.0/16", "100.65.0.0/16"],
                Origin::File("eni-custom.toml".into()),
            ),
            one("VPC CNI", "env-last", &["true"], Origin::Flag),
            one("Run", "timeout", &["20m"], Origin::Default),
        ];
        insta::assert_snapshot!(text(&settings, false));
        assert_eq!(json(&settings)["settings"][0]["origin"], "environment ENI_CUSTOM_CLUSTER");
    }
}
