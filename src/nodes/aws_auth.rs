//! `mapRoles` of ConfigMap kube-system/aws-auth: whether nodes with a role may join, and the entry that allows it.
//!
//! The list also says which people have access to the cluster. So it is never rewritten from parsed YAML, which would
//! lose comments and style. The entry is inserted into the text, and the result is parsed to verify that it is the old
//! list plus one entry.

use serde_json::{Value, json};
use serde_saphyr::{DuplicateKeyPolicy, options};

use crate::yaml::Unreadable;

/// The username of a node: aws-iam-authenticator fills in the instance's private DNS name.
pub(crate) const USERNAME: &str = "system:node:{{EC2PrivateDNSName}}";

/// The groups of a node: they allow it to request its certificate, and to act as a node.
const GROUPS: [&str; 2] = ["system:bootstrappers", "system:nodes"];

/// Texts that people write for an empty list, and that the authenticator ignores (aws-iam-authenticator#618, #623).
const NONE: [&str; 3] = ["\"\"", "''", "``"];

/// Why mapRoles can't be read, or the entry can't be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AwsAuthError {
    /// Not of the form `arn:aws:iam::123456789012:role/name`.
    #[error("{role_arn:?} is not the ARN of an IAM role")]
    NoRoleArn {
        /// As it was given.
        role_arn: String,
    },
    /// The cluster can't read it either, so it grants no access.
    #[error("mapRoles can't be read: {0}")]
    NoYaml(Unreadable),
    /// YAML, but not a list.
    #[error("mapRoles is not a list of roles")]
    NoList,
    /// The role has an entry, but not for nodes; a second entry would override the first.
    #[error("mapRoles has an entry for {role_arn} that is not for nodes: it needs the username {USERNAME} and the groups {} and {}", GROUPS[0], GROUPS[1])]
    NotForNodes {
        /// The role, without its path.
        role_arn: String,
    },
    /// The YAML has no safe place for another entry (an explicit end, several documents, …).
    #[error(
        "mapRoles is written so that no entry can be added without changing the others; add one for {role_arn} by hand"
    )]
    NoPlace {
        /// The role, without its path.
        role_arn: String,
    },
}

/// Whether this list lets nodes with the role join.
///
/// `map_roles`: the text under the key; `""` if there is none.
pub(crate) fn has_role(map_roles: &str, role_arn: &str) -> Result<bool, AwsAuthError> {
    let role = Role::new(role_arn)?;
    is_for_nodes(&parse(map_roles)?, &role)
}

/// The list with an entry that lets nodes with the role join; the same text if they already can.
///
/// Every byte of `map_roles` (`""` if there is none) is kept, in its order: the entry comes after the others,
/// with their indentation, line ends and style. Only a bare `[]` is replaced, and texts that the authenticator ignores.
pub(crate) fn add_node_role(map_roles: &str, role_arn: &str) -> Result<String, AwsAuthError> {
    let role = Role::new(role_arn)?;
    let mut wanted = parse(map_roles)?;
    if is_for_nodes(&wanted, &role)? {
        return Ok(map_roles.to_string());
    }
    wanted.push(entry_of(&role));
    let fits = |text: &String| parse(text).as_ref() == Ok(&wanted);
    let mut candidates: Vec<String> = match map_roles.trim() {
        none if none == "[]" || NONE.contains(&none) => vec![in_block("", &role)],
        _ => vec![in_block(map_roles, &role)],
    };
    candidates.extend(in_flow(map_roles, &role));
    candidates.into_iter().find(fits).ok_or(AwsAuthError::NoPlace { role_arn: role.0 })
}

/// The list without the entry that `add_node_role` added; the same text if there is none.
///
/// `before`: the text before that entry, if known. If nothing else was changed since, that text is restored to the byte;
/// otherwise only the bytes of the entry are removed.
pub(crate) fn remove_node_role(
    map_roles: &str,
    role_arn: &str,
    before: Option<&str>,
) -> Result<String, AwsAuthError> {
    let role = Role::new(role_arn)?;
    if !is_for_nodes(&parse(map_roles)?, &role)? {
        return Ok(map_roles.to_string());
    }
    if let Some(before) = before
        && add_node_role(before, role_arn).as_deref() == Ok(map_roles)
        && before != map_roles
    {
        return Ok(before.to_string());
    }
    let mut wanted = parse(map_roles)?;
    wanted.retain(|entry| *entry != entry_of(&role));
    let entry = entry_of(&role).to_string();
    let mut candidates = Vec::new();
    for newline in ["\n", "\r\n"] {
        for indent in 0..=8 {
            let block = block(&" ".repeat(indent), newline, &role);
            candidates.extend(without(map_roles, &format!("{block}{newline}")));
            candidates.extend(without(map_roles, &format!("{newline}{block}")));
        }
    }
    for text in [format!(", {entry}"), format!("{entry}, "), entry] {
        candidates.extend(without(map_roles, &text));
    }
    let fits = |text: &String| parse(text).as_ref() == Ok(&wanted);
    candidates.into_iter().find(fits).ok_or(AwsAuthError::NoPlace { role_arn: role.0 })
}

/// The text without this piece, once for each occurrence.
fn without(text: &str, piece: &str) -> Vec<String> {
    let places = text.match_indices(piece);
    places.map(|(at, _)| format!("{}{}", &text[..at], &text[at + piece.len()..])).collect()
}

/// The new entry, as the authenticator reads it.
fn entry_of(role: &Role) -> Value {
    json!({ "groups": GROUPS, "rolearn": role.0, "username": USERNAME })
}

/// ARN of a role as aws-auth knows it.
///
/// Without its path: a node is an assumed role, whose ARN has no path, so an entry with a path never matches
/// (aws-iam-authenticator, issue 268).
struct Role(String);

impl Role {
    fn new(role_arn: &str) -> Result<Role, AwsAuthError> {
        let parse = || {
            let parts: Vec<&str> = role_arn.splitn(6, ':').collect();
            let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else { return None };
            let (_, name) = resource.strip_prefix("role")?.rsplit_once('/')?;
            let plain = |text: &str, more: &[u8]| {
                !text.is_empty()
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
            };
            // The characters that IAM allows; none of them needs quotes in YAML.
            let legal = plain(partition, b"-") && plain(account, b"") && plain(name, b"_+=,.@-");
            (legal && resource.starts_with("role/"))
                .then(|| format!("arn:{partition}:iam::{account}:role/{name}"))
        };
        parse().map(Role).ok_or_else(|| AwsAuthError::NoRoleArn { role_arn: role_arn.to_string() })
    }
}

/// The entries; none if the text is empty or has only comments.
fn parse(map_roles: &str) -> Result<Vec<Value>, AwsAuthError> {
    if NONE.contains(&map_roles.trim()) {
        return Ok(Vec::new());
    }
    // aws-iam-authenticator accepts duplicate keys, and the last one wins (apimachinery's ToJSON, which is not strict).
    let options = options! { duplicate_keys: DuplicateKeyPolicy::LastWins, with_snippet: false };
    match serde_saphyr::from_str_with_options(map_roles, options) {
        Ok(Value::Array(entries)) => Ok(entries),
        Ok(Value::Null) => Ok(Vec::new()),
        Ok(_) => Err(AwsAuthError::NoList),
        Err(_)
            if map_roles.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) =>
        {
            Ok(Vec::new())
        }
        Err(error) => Err(AwsAuthError::NoYaml(explained(map_roles, Unreadable::from(&error)))),
    }
}

/// Clearer messages than the parser's for two common mistakes.
fn explained(map_roles: &str, error: Unreadable) -> Unreadable {
    let after_colon =
        |line: &str| line.split_once(':').is_some_and(|(_, value)| value.trim_start().starts_with("{{"));
    let indented_by_tab = |line: &str| line[..line.len() - line.trim_start().len()].contains('\t');
    let first = |wrong: &dyn Fn(&str) -> bool| {
        map_roles.lines().position(wrong).and_then(|line| u64::try_from(line + 1).ok())
    };
    if let Some(line) = first(&after_colon) {
        let reason = "a value that begins with {{ must be in quotes".to_string();
        return Unreadable { line: Some(line), reason };
    }
    match first(&indented_by_tab) {
        Some(line) => Unreadable { line: Some(line), reason: "a tab can't indent YAML: use spaces".into() },
        None => error,
    }
}

/// Whether one of the entries is for nodes with the role.
fn is_for_nodes(entries: &[Value], role: &Role) -> Result<bool, AwsAuthError> {
    let text =
        |entry: &Value, key: &str| of(entry, key).and_then(Value::as_str).unwrap_or_default().to_string();
    // The authenticator compares in lower case.
    let mut of_role =
        entries.iter().filter(|entry| text(entry, "rolearn").eq_ignore_ascii_case(&role.0)).peekable();
    if of_role.peek().is_none() {
        return Ok(false);
    }
    let for_nodes = of_role.any(|entry| {
        let groups = of(entry, "groups").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        text(entry, "username") == USERNAME
            && GROUPS.into_iter().all(|group| groups.iter().any(|has| has == group))
    });
    if for_nodes { Ok(true) } else { Err(AwsAuthError::NotForNodes { role_arn: role.0.clone() }) }
}

/// A key of an entry. The authenticator ignores case, as Go's encoding/json does.
fn of<'a>(entry: &'a Value, key: &str) -> Option<&'a Value> {
    let entry = entry.as_object()?;
    entry.get(key).or_else(|| {
        entry.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    })
}

/// Adds the entry below the others, as EKS does.
fn in_block(map_roles: &str, role: &Role) -> String {
    let newline = if map_roles.contains("\r\n") { "\r\n" } else { "\n" };
    let first = map_roles.lines().find(|line| {
        let line = line.trim_start();
        line == "-" || line.starts_with("- ")
    });
    let indent = first.map_or("", |line| &line[..line.len() - line.trim_start().len()]);
    let entry = block(indent, newline, role);
    if map_roles.is_empty() || map_roles.ends_with('\n') {
        format!("{map_roles}{entry}{newline}")
    } else {
        format!("{map_roles}{newline}{entry}")
    }
}

/// The new entry as lines, without a newline after the last.
fn block(indent: &str, newline: &str, role: &Role) -> String {
    let [bootstrappers, nodes] = GROUPS;
    let lines = [
        "- groups:".to_string(),
        format!("  - {bootstrappers}"),
        format!("  - {nodes}"),
        format!("  rolearn: {}", role.0),
        format!("  username: {USERNAME}"),
    ];
    lines.map(|line| format!("{indent}{line}")).join(newline)
}

/// Adds the entry as JSON before a closing bracket. Only parsing shows which bracket closes the list.
fn in_flow<'a>(map_roles: &'a str, role: &Role) -> impl Iterator<Item = String> + use<'a> {
    // The list's bracket is the last one, except for brackets in a comment after it.
    const BRACKETS: usize = 8;
    let entry = entry_of(role);
    map_roles.rmatch_indices(']').take(BRACKETS).flat_map(move |(at, _)| {
        let (head, tail) = map_roles.split_at(at);
        let candidate = |comma: &str| format!("{head}{comma}{entry}{tail}");
        [candidate(", "), candidate("")]
    })
}

#[cfg(test)]
mod tests;
