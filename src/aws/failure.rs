//! Turns an SDK error into one readable line, without the SDK's internals.

use std::error::Error as Source;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

use crate::error::{Cause, Error, chain, find, one_line, root_cause, tls_trouble};

use super::http::Unanswered;

/// Converts an SDK error into an [`Error`] with code and request id.
///
/// EC2 and CloudFormation errors have no variants of their own in the SDK, so the metadata is read, never a type.
pub(crate) fn failure<E>(what: impl Into<String>, error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + Source + Send + Sync + 'static,
{
    let failed = Error::failed(what);
    if let SdkError::ServiceError(_) | SdkError::ResponseError(_) = error {
        let (code, message) = (error.code().unwrap_or_default(), error.message().unwrap_or_default());
        if code.is_empty() && message.is_empty() {
            return unreadable(failed, error.raw_response());
        }
        let request_id = error.request_id().map(ToString::to_string);
        let failed = failed.cause(Cause { code: code.into(), message: one_line(message), request_id });
        return match code {
            "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
                failed.fix("aws sso login (or renew your credentials), then run this again")
            }
            "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" => {
                failed.fix("ask for the missing permission, then run this again")
            }
            _ => failed,
        };
    }
    if find::<CredentialsError>(error).is_some() {
        return failed
            .because(about_credentials(error))
            .fix("set AWS_PROFILE or pass --profile, then check: aws sts get-caller-identity");
    }
    let failed = failed.because(no_answer(error));
    if tls_trouble(error).is_some() {
        return failed
            .fix("if a proxy inspects TLS, set AWS_CA_BUNDLE to the file with its certificate authority");
    }
    match find::<Unanswered>(error).is_some_and(|sent| sent.proxy.is_some()) {
        true => failed.fix("check HTTPS_PROXY and NO_PROXY"),
        false => failed,
    }
}

/// Why a request got no answer: `cannot connect to https://ec2.us-west-2.amazonaws.com: connection refused`.
fn no_answer(error: &(dyn Source + 'static)) -> String {
    let why = root_cause(error);
    let Some(sent) = find::<Unanswered>(error) else { return why };
    let is_connecting =
        find::<hyper_util::client::legacy::Error>(error).is_some_and(|error| error.is_connect());
    format!("{} {sent}: {why}", if is_connecting { "cannot connect to" } else { "no answer from" })
}

/// The reply is not from the service: usually it is a proxy's error page.
fn unreadable(failed: Error, reply: Option<&HttpResponse>) -> Error {
    let Some(reply) = reply else { return failed.because("the reply can't be read") };
    let kind = reply.headers().get("content-type").unwrap_or("no content type");
    let body = String::from_utf8_lossy(reply.body().bytes().unwrap_or_default());
    // A page of the proxy's; what a service itself answers may hold credentials, and is kept out of the log.
    if kind.contains("html") {
        tracing::info!("the whole answer: {body}");
    }
    let said = first_words(&body);
    let said = if said.is_empty() { "an empty body".into() } else { format!("\"{said}\"") };
    failed
        .because(format!("HTTP status {}, {kind}: {said} is not a reply from AWS", reply.status().as_u16()))
        .fix("check whether a proxy or firewall answers instead of AWS: HTTPS_PROXY, NO_PROXY")
}

/// The first words of a page on one line, without tags, scripts and styles.
pub(crate) fn first_words(body: &str) -> String {
    const MOST: usize = 80;
    let mut text = String::new();
    let mut rest = body;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        let name = tag.get(..6).unwrap_or(tag).to_ascii_lowercase();
        let hidden = ["script", "style"].into_iter().find(|hidden| name.starts_with(hidden));
        let end = hidden.map(|hidden| format!("</{hidden}"));
        rest = match end.and_then(|end| Some(tag.to_ascii_lowercase().find(&end)?..)) {
            Some(from) => tag.get(from).and_then(|tag| tag.split_once('>')).map_or("", |(_, rest)| rest),
            None => tag.split_once('>').map_or("", |(_, rest)| rest),
        };
    }
    text.push_str(rest);
    let words = one_line(&text);
    match words.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", words[..end].trim_end()),
        None => words,
    }
}

/// Why there are no credentials. The SDK's remarks about its cargo features are translated.
pub(super) fn about_credentials(error: &(dyn Source + 'static)) -> String {
    let said: Vec<String> = chain(error).map(|source| source.to_string()).collect();
    if let Some(feature) = said.iter().find(|text| text.contains("cargo feature")) {
        let kind = ["sso", "credentials-login", "credentials-process"];
        let kind = kind.into_iter().find(|kind| feature.contains(&format!("enabled: {kind}")));
        return format!(
            "no credentials: this program can't use the profile's {}",
            match kind {
                Some("sso") => "single sign-on",
                Some("credentials-login") => "`aws login` session",
                Some("credentials-process") => "credential_process",
                _ => "kind of credentials",
            }
        );
    }
    let last = no_answer(error);
    match last.contains("redentials") {
        true => last,
        false => format!("no credentials: {last}"),
    }
}

#[cfg(test)]
mod tests;
