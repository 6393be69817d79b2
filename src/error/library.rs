//! Reads libraries' errors, and turns TLS errors into readable text.

use std::error::Error as Source;
use std::iter::successors;

use rustls::CertificateError;

/// An error and its sources, including the error inside an I/O error.
pub(crate) fn chain<'a>(
    error: &'a (dyn Source + 'static),
) -> impl Iterator<Item = &'a (dyn Source + 'static)> {
    successors(Some(error), |&error| match error.downcast_ref::<std::io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Source + 'static)),
        None => error.source(),
    })
}

/// The first error of a kind in the chain.
pub(crate) fn find<'a, E: Source + 'static>(error: &'a (dyn Source + 'static)) -> Option<&'a E> {
    chain(error).find_map(|source| source.downcast_ref())
}

/// The innermost error in words: it names what a person can act on ("connection refused"); the outer ones name only the
/// place in a library.
pub(crate) fn root_cause(error: &(dyn Source + 'static)) -> String {
    if let Some(trouble) = tls_trouble(error) {
        return trouble;
    }
    let messages: Vec<String> = chain(error).map(|source| one_line(&source.to_string())).collect();
    // The source of a library's timeout says no more than that there was one.
    let mut timeouts = messages.iter().filter_map(|message| message.split_once(" occurred after "));
    if let Some((kind, time)) = timeouts.find(|(kind, _)| kind.contains("timeout")) {
        return format!(
            "no {} within {time}",
            if kind.contains("connect") { "connection" } else { "answer" }
        );
    }
    if let Some(rustls::Error::InvalidMessage(_)) = find::<rustls::Error>(error) {
        return "the server does not speak TLS".into();
    }
    let last = messages.last().map(String::as_str).unwrap_or_default();
    if let Some(reason) = last.strip_prefix("failed to lookup address information: ") {
        return format!("its name can't be resolved ({reason})");
    }
    match last.split_once(" (os error ") {
        Some((message, _)) => lowercase_first(message),
        None => last.to_string(),
    }
}

fn lowercase_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// The text on one line, with single spaces.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Why the server's certificate was rejected; `None` if something else failed.
pub(crate) fn tls_trouble(error: &(dyn Source + 'static)) -> Option<String> {
    let rustls::Error::InvalidCertificate(trouble) = find::<rustls::Error>(error)? else { return None };
    let why = match trouble {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "is not signed by a trusted certificate authority".into()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired".into(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet; is this machine's clock right?".into()
        }
        CertificateError::NotValidForName => "is for another host".into(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let others = if presented.is_empty() { "no name".into() } else { presented.join(", ") };
            format!("is not for {} but for {others}", expected.to_str())
        }
        CertificateError::Revoked => "is revoked".into(),
        _ => "can't be verified".into(),
    };
    Some(format!("the server's certificate {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_cause_is_in_words_without_error_numbers() {
        let of = |error: std::io::Error| root_cause(&std::io::Error::other(error));
        assert_eq!(of(std::io::Error::from_raw_os_error(111)), "connection refused");
        let dns = "failed to lookup address information: Name or service not known";
        assert_eq!(of(std::io::Error::other(dns)), "its name can't be resolved (Name or service not known)");
        let timeout = "HTTP connect timeout occurred after 10s";
        assert_eq!(of(std::io::Error::other(timeout)), "no connection within 10s");
        let timeout = "operation attempt timeout (single attempt) occurred after 60s";
        assert_eq!(of(std::io::Error::other(timeout)), "no answer within 60s");
    }

    #[test]
    fn a_certificate_s_trouble_is_found_however_deep_it_is() {
        let inner = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let error = std::io::Error::other(std::io::Error::other(inner));
        assert_eq!(
            tls_trouble(&error).as_deref(),
            Some("the server's certificate is not signed by a trusted certificate authority")
        );
        let names = CertificateError::NotValidForNameContext {
            expected: "api.example.com".try_into().unwrap(),
            presented: vec!["DnsName(\"other\")".into()],
        };
        let text = tls_trouble(&rustls::Error::InvalidCertificate(names)).unwrap();
        assert_eq!(text, "the server's certificate is not for api.example.com but for DnsName(\"other\")");
        assert_eq!(tls_trouble(&std::io::Error::other("refused")), None);
        assert_eq!(tls_trouble(&rustls::Error::DecryptError), None);
    }
}
