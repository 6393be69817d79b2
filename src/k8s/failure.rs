//! What kube's client says of a failed call, in words for people.

use std::error::Error as Source;

use kube::client::AuthError;

use crate::aws::first_words;
use crate::error::{Cause, Error, Result, chain, find, one_line, tls_trouble};

/// What kube names a reply that is no Status: a proxy's page, most of the time.
const NO_STATUS: &str = "Failed to parse error data";

/// A Kubernetes error as a failure that names the reason.
pub(crate) fn failure(what: impl Into<String>, error: &kube::Error) -> Error {
    let cause = match error {
        kube::Error::Api(status) if status.reason == NO_STATUS => plain(format!(
            "HTTP status {}: \"{}\" is not an answer of the API server",
            status.code,
            first_words(&status.message)
        )),
        kube::Error::Api(status) => {
            Cause { code: status.reason.clone(), message: one_line(&status.message), request_id: None }
        }
        kube::Error::SerdeError(error) => {
            plain(format!("the reply is not what the API server sends ({})", one_line(&error.to_string())))
        }
        other => plain(reason(other)),
    };
    let proxied = cause.message.contains("tunnel error") || cause.message.contains("SOCKS");
    let failed = Error::failed(what).cause(cause);
    if proxied { failed.fix("check HTTPS_PROXY, NO_PROXY and the kubeconfig's proxy-url") } else { failed }
}

fn plain(message: String) -> Cause {
    Cause { code: String::new(), message, request_id: None }
}

/// What went wrong on the way, without kube's names for it.
fn reason(error: &(dyn Source + 'static)) -> String {
    if let Some(error) = find::<AuthError>(error) {
        return about_login(error);
    }
    // Our own log-in is a part of each request.
    if let Some(error) = find::<Error>(error) {
        return error.to_string();
    }
    if let Some(trouble) = tls_trouble(error) {
        return trouble;
    }
    chain(error).last().map(|source| one_line(&source.to_string())).unwrap_or_default()
}

/// A kubeconfig's exec plugin and tokens. What the plugin writes to stdout may be a token: it is not shown.
fn about_login(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecRun { cmd, out } => {
            let said = one_line(&String::from_utf8_lossy(&out.stderr));
            let status = match out.status.code() {
                Some(code) => format!("exit code {code}"),
                None => "a signal".into(),
            };
            let said = if said.is_empty() { String::new() } else { format!(": {said}") };
            format!("the kubeconfig's command '{}' ended with {status}{said}", one_line(cmd))
        }
        AuthError::AuthExecStart(error) => {
            format!("the kubeconfig's exec plugin does not start: {}", one_line(&error.to_string()))
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "the kubeconfig's exec plugin gave no credentials".into()
        }
        AuthError::ReadTokenFile(error, path) => format!("{}: {error}", path.display()),
        other => one_line(&other.to_string()),
    }
}

/// The object where there is one; nothing on 404.
pub(crate) fn found<T>(reply: std::result::Result<T, kube::Error>, what: &str) -> Result<Option<T>> {
    match reply {
        Ok(object) => Ok(Some(object)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(failure(what, &error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{ExitStatus, Output};

    use kube::core::Status;

    use super::*;

    #[test]
    fn a_page_in_place_of_a_status_is_told_by_its_code_and_first_words() {
        let page = "<html>\n<body><h1>502 Bad Gateway</h1></body></html>";
        let error = kube::Error::Api(Status::failure(page, NO_STATUS).with_code(502).boxed());
        let told = failure("list nodes", &error).to_string();
        assert_eq!(
            told,
            "list nodes: HTTP status 502: \"502 Bad Gateway\" is not an answer of the API server"
        );
        let parse = serde_json::from_str::<u32>("<html>").unwrap_err();
        let told = failure("list nodes", &kube::Error::SerdeError(parse)).to_string();
        assert!(told.starts_with("list nodes: the reply is not what the API server sends"), "{told}");
    }

    #[test]
    fn an_exec_plugin_that_fails_is_told_by_what_it_writes_to_stderr_and_never_by_its_output() {
        let out = Output {
            status: ExitStatus::from_raw(255 << 8),
            stdout: b"{\"token\": \"k8s-aws-v1.s3cret\"}".to_vec(),
            stderr: b"\nUnable to locate credentials.\n".to_vec(),
        };
        let error = AuthError::AuthExecRun { cmd: "aws eks get-token".into(), out: Box::new(out) };
        let told = failure("reach the cluster", &kube::Error::Auth(error)).to_string();
        assert_eq!(
            told,
            "reach the cluster: the kubeconfig's command 'aws eks get-token' ended with exit code 255: Unable to \
             locate credentials."
        );
    }
}
