//! Parsers for the values of flags. An error says what was expected.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use jiff::fmt::friendly::SpanParser;

use crate::settings::NodeRole;

/// A value for one Availability Zone, as `us-west-2a=subnet-0123`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByZone {
    pub zone: String,
    pub value: String,
}

/// `us-west-2a=subnet-0123456789abcdef0`
pub(super) fn parse_subnet(text: &str) -> std::result::Result<ByZone, String> {
    zone_and(text, |value| is_id(value, "subnet-"), "ZONE=SUBNET", "subnet-0123456789abcdef0")
}

/// `us-west-2a=rtb-0123456789abcdef0`
pub(super) fn parse_route_table(text: &str) -> std::result::Result<ByZone, String> {
    zone_and(text, |value| is_id(value, "rtb-"), "ZONE=RTB", "rtb-0123456789abcdef0")
}

/// `us-west-2a=blue`, with a name that is valid in Kubernetes.
pub(super) fn parse_name(text: &str) -> std::result::Result<ByZone, String> {
    // RFC 1123 subdomain, and at most 63 characters: it is also the value of a label.
    let is_name = |value: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        let outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        value.len() <= 63
            && value.chars().all(inner)
            && outer(value.chars().next())
            && outer(value.chars().next_back())
    };
    zone_and(text, is_name, "ZONE=NAME with a name of lowercase letters, digits, '-' and '.'", "blue")
}

/// `sg-0123456789abcdef0`
pub(super) fn parse_security_group(text: &str) -> std::result::Result<String, String> {
    if is_id(text, "sg-") {
        Ok(text.into())
    } else {
        Err("expected a security group ID such as sg-0123456789abcdef0".into())
    }
}

/// `123456789012`
pub(super) fn parse_account(text: &str) -> std::result::Result<String, String> {
    let is_account = text.len() == 12 && text.chars().all(|c| c.is_ascii_digit());
    if is_account { Ok(text.into()) } else { Err("expected a 12-digit AWS account ID".into()) }
}

/// `arn:aws:iam::123456789012:role/name`
pub(super) fn parse_role(text: &str) -> std::result::Result<String, String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let is_role = matches!(parts[..], ["arn", _, "iam", "", account, role]
        if parse_account(account).is_ok() && role.strip_prefix("role/").is_some_and(|name| !name.is_empty())
            && !role.contains(['*', '?', ' ']));
    if is_role {
        Ok(text.into())
    } else {
        Err("expected an IAM role ARN such as arn:aws:iam::123456789012:role/name".into())
    }
}

/// A value for one pool, `gpu=g5.xlarge`, or for all, `m5.large`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForPool<T> {
    /// `None` for all pools.
    pub pool: Option<String>,
    pub value: T,
}

/// `gpu=g5.xlarge` or `m5.large`: the text after the last `=` is the value, because names of Auto Scaling groups may
/// contain `=` and these values don't.
pub(super) fn parse_for_pool<T>(text: &str) -> std::result::Result<ForPool<T>, String>
where
    T: FromStr,
    T::Err: Display,
{
    for_pool(text, |value| value.parse().map_err(|error: T::Err| error.to_string()))
}

/// A number of nodes.
pub(super) fn parse_count(text: &str) -> std::result::Result<ForPool<u32>, String> {
    for_pool(text, |value| number(value, 1..=1000))
}

/// A size in GiB.
pub(super) fn parse_volume_size(text: &str) -> std::result::Result<ForPool<u32>, String> {
    for_pool(text, |value| number(value, 8..=16384))
}

/// `same`, `new` or an ARN.
pub(super) fn parse_node_role(text: &str) -> std::result::Result<ForPool<NodeRole>, String> {
    let arn = |arn: &str| match parse_role(arn) {
        Ok(arn) => Ok(NodeRole::Arn(arn)),
        Err(_) => Err("expected same, new, or a role ARN such as arn:aws:iam::123456789012:role/name".into()),
    };
    for_pool(text, |value| match value {
        "same" => Ok(NodeRole::Same),
        "new" => Ok(NodeRole::New),
        other => arn(other),
    })
}

fn for_pool<T>(
    text: &str,
    parse: impl Fn(&str) -> std::result::Result<T, String>,
) -> std::result::Result<ForPool<T>, String> {
    let (pool, value) = match text.rsplit_once('=') {
        Some((pool, value)) => (Some(pool.to_string()), value),
        None => (None, text),
    };
    if value.is_empty() || pool.as_ref().is_some_and(String::is_empty) {
        return Err("expected VALUE or POOL=VALUE".into());
    }
    Ok(ForPool { pool, value: parse(value)? })
}

fn number(text: &str, range: RangeInclusive<u32>) -> std::result::Result<u32, String> {
    let expected = || format!("expected a number from {} to {}", range.start(), range.end());
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(expected)
}

/// `team=web`. AWS reserves keys that begin with `aws:`.
pub(super) fn parse_tag(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, _)) if key.to_ascii_lowercase().starts_with("aws:") => {
            Err("AWS reserves tag keys that begin with aws:".into())
        }
        Some((key, value)) if !key.is_empty() && key.len() <= 128 && value.len() <= 256 => {
            Ok((key.into(), value.into()))
        }
        _ => Err("expected KEY=VALUE, with at most 128 and 256 characters".into()),
    }
}

/// `/eks/`
pub(super) fn parse_role_path(text: &str) -> std::result::Result<String, String> {
    let is_path = text.starts_with('/') && text.ends_with('/') && text.len() <= 512;
    if is_path && text.chars().all(|c| c.is_ascii_graphic()) {
        Ok(text.into())
    } else {
        Err("expected a path that begins and ends with a slash, such as /eks/".into())
    }
}

/// The longest duration, one year: a deadline that is added to the clock must not overflow it.
const LONGEST: Duration = Duration::from_secs(8760 * 3600);

/// A time of at least one second: `90s`, `30m`, `1h30m`.
pub(super) fn parse_duration(text: &str) -> std::result::Result<Duration, String> {
    let duration = parse_wait(text)?;
    if duration.is_zero() { Err("expected a duration longer than zero".into()) } else { Ok(duration) }
}

/// The same, or `0s` for no wait.
pub(super) fn parse_wait(text: &str) -> std::result::Result<Duration, String> {
    let parsed = SpanParser::new().parse_unsigned_duration(text);
    let duration = parsed.map_err(|_| "expected a duration such as 90s, 30m or 1h30m")?;
    if duration > LONGEST {
        Err("expected a duration of at most 8760h (one year)".into())
    } else if duration.subsec_nanos() > 0 {
        Err("expected a duration in whole seconds".into())
    } else {
        Ok(duration)
    }
}

fn zone_and(
    text: &str,
    valid: impl Fn(&str) -> bool,
    expected: &str,
    example: &str,
) -> std::result::Result<ByZone, String> {
    match text.split_once('=') {
        Some((zone, value)) if !zone.is_empty() && valid(value) => {
            Ok(ByZone { zone: zone.into(), value: value.into() })
        }
        _ => Err(format!("expected {expected}, such as us-west-2a={example}")),
    }
}

fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::text;

    use super::*;

    #[test]
    fn a_duration_is_hours_minutes_and_seconds() {
        for (text, seconds) in [
            ("90s", 90),
            ("30m", 1800),
            ("2h", 7200),
            ("1h30m", 5400),
            ("1 h 30 m", 5400),
            ("1h 2m 3s", 3723),
            ("1.5h", 5400),
            ("8760h", 31_536_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for (text, expected) in [
            ("", "such as 90s, 30m or 1h30m"),
            ("90", "such as 90s, 30m or 1h30m"),
            ("h", "such as 90s, 30m or 1h30m"),
            ("1d", "such as 90s, 30m or 1h30m"),
            ("-5m", "such as 90s, 30m or 1h30m"),
            ("5m ago", "such as 90s, 30m or 1h30m"),
            ("99999999999999999999h", "such as 90s, 30m or 1h30m"),
            ("0s", "longer than zero"),
            ("500ms", "whole seconds"),
            ("8761h", "at most 8760h"),
        ] {
            let error = parse_duration(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_wait_may_be_zero() {
        assert_eq!(parse_wait("0s"), Ok(Duration::ZERO));
        assert_eq!(parse_wait("5m"), Ok(Duration::from_secs(300)));
        assert!(parse_wait("0").is_err());
    }

    proptest! {
        #[test]
        fn a_duration_in_a_command_is_read_back(seconds in 0..=LONGEST.as_secs()) {
            let duration = Duration::from_secs(seconds);
            prop_assert_eq!(parse_wait(&text::flag_value(duration)), Ok(duration));
        }
    }

    #[test]
    fn ids_and_names_are_checked() {
        assert!(parse_subnet("us-west-2a=subnet-0ab").is_ok());
        assert!(parse_subnet("us-west-2a=sg-0ab").is_err());
        assert!(parse_subnet("subnet-0ab").is_err());
        assert!(parse_name("us-west-2a=blue-1.x").is_ok());
        assert!(parse_name("us-west-2a=Blue").is_err());
        assert!(parse_security_group("sg-").is_err());
    }
}
