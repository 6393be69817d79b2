//! Parsers for the values of flags. An error says what was expected.

use std::time::Duration;

use jiff::fmt::friendly::SpanParser;

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
