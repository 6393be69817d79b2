//! Parsers for the values of flags. An error says what was expected.

use std::time::Duration;

/// A value for one Availability Zone, as `us-west-2a=subnet-0123`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByZone {
    pub zone: String,
    pub value: String,
}

/// `us-west-2a=subnet-0123456789abcdef0`
pub fn parse_subnet(text: &str) -> std::result::Result<ByZone, String> {
    zone_and(text, |value| is_id(value, "subnet-"), "ZONE=SUBNET", "subnet-0123456789abcdef0")
}

/// `us-west-2a=rtb-0123456789abcdef0`
pub fn parse_route_table(text: &str) -> std::result::Result<ByZone, String> {
    zone_and(text, |value| is_id(value, "rtb-"), "ZONE=RTB", "rtb-0123456789abcdef0")
}

/// `us-west-2a=blue`, with a name that is valid in Kubernetes.
pub fn parse_name(text: &str) -> std::result::Result<ByZone, String> {
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
pub fn parse_security_group(text: &str) -> std::result::Result<String, String> {
    if is_id(text, "sg-") {
        Ok(text.into())
    } else {
        Err("expected a security group ID such as sg-0123456789abcdef0".into())
    }
}

/// `123456789012`
pub fn parse_account(text: &str) -> std::result::Result<String, String> {
    let is_account = text.len() == 12 && text.chars().all(|c| c.is_ascii_digit());
    if is_account { Ok(text.into()) } else { Err("expected a 12-digit AWS account ID".into()) }
}

/// `arn:aws:iam::123456789012:role/name`
pub fn parse_role(text: &str) -> std::result::Result<String, String> {
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

/// `90s`, `30m`, `2h`
pub fn parse_duration(text: &str) -> std::result::Result<Duration, String> {
    let expected = || "expected a duration such as 90s, 30m or 2h".to_string();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(expected)?);
    let number: u64 = number.parse().map_err(|_| expected())?;
    let seconds = match unit {
        "s" => number,
        "m" => number.saturating_mul(60),
        "h" => number.saturating_mul(3600),
        _ => return Err(expected()),
    };
    if seconds == 0 {
        Err("expected a duration longer than zero".into())
    } else {
        Ok(Duration::from_secs(seconds))
    }
}

/// A duration, or `0s` for no wait.
pub fn parse_wait(text: &str) -> std::result::Result<Duration, String> {
    if text == "0s" { Ok(Duration::ZERO) } else { parse_duration(text) }
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
    use super::*;

    #[test]
    fn a_duration_is_seconds_minutes_or_hours() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("2h"), Ok(Duration::from_secs(7200)));
        for bad in ["", "90", "0s", "h", "1d", "-5m", "1m30s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wait_may_be_zero() {
        assert_eq!(parse_wait("0s"), Ok(Duration::ZERO));
        assert_eq!(parse_wait("5m"), Ok(Duration::from_secs(300)));
        assert!(parse_wait("0").is_err());
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
