//! Turns an error of kube's client into a readable one.

use std::error::Error as Source;

use kube::client::AuthError;

use crate::aws::first_words;
use crate::error::{Cause, Error, Result, find, one_line, root_cause};

/// kube's reason for a reply that is not a Status: usually a proxy's error page.
const NO_STATUS: &str = "Failed to parse error data";

/// Converts a Kubernetes error into an [`Error`] with the reason.
pub(crate) fn failure(what: impl Into<String>, error: &kube::Error) -> Error {
    let cause = match error {
        kube::Error::Api(status) if status.reason == NO_STATUS => plain(format!(
            "HTTP status {}: \"{}\" is not a reply from the API server",
            status.code,
            first_words(&status.message)
        )),
        kube::Error::Api(status) => {
            Cause { code: status.reason.clone(), message: one_line(&status.message), request_id: None }
        }
        kube::Error::SerdeError(error) => {
            plain(format!("the reply is not valid for the API server ({})", one_line(&error.to_string())))
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

/// The cause of a connection or authentication error, without kube's own terms.
fn reason(error: &(dyn Source + 'static)) -> String {
    if let Some(error) = find::<AuthError>(error) {
        return about_login(error);
    }
    // Native authentication runs within each request.
    if let Some(error) = find::<Error>(error) {
        return error.to_string();
    }
    root_cause(error)
}

/// Errors of a kubeconfig's exec plugin and token file. The plugin's stdout may hold a token, so it is never shown.
fn about_login(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecRun { cmd, out } => {
            let said = one_line(&String::from_utf8_lossy(&out.stderr));
            let status = match out.status.code() {
                Some(code) => format!("exit code {code}"),
                None => "a signal".into(),
            };
            let said = if said.is_empty() { String::new() } else { format!(": {said}") };
            format!("the kubeconfig's command '{}' failed with {status}{said}", one_line(cmd))
        }
        AuthError::AuthExecStart(error) => {
            format!("the kubeconfig's exec plugin can't be started: {}", one_line(&error.to_string()))
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "the kubeconfig's exec plugin returned no credentials".into()
        }
        AuthError::ReadTokenFile(error, path) => format!("{}: {error}", path.display()),
        other => one_line(&other.to_string()),
    }
}

/// The object; `None` on 404.
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
    fn an_html_page_instead_of_a_status_is_reported_with_code_and_first_words() {
        let page = "<html>\n<body><h1>502 Bad Gateway</h1></body></html>";
        let error = kube::Error::Api(Status::failure(page, NO_STATUS).with_code(502).boxed());
        let text = failure("list nodes", &error).to_string();
        assert_eq!(
            text,
            "list nodes: HTTP status 502: \"502 Bad Gateway\" is not a reply from the API server"
        );
        let parse = serde_json::from_str::<u32>("<html>").unwrap_err();
        let text = failure("list nodes", &kube::Error::SerdeError(parse)).to_string();
        assert!(text.starts_with("list nodes: the reply is not valid for the API server"), "{text}");
    }

    #[test]
    fn a_failed_exec_plugin_is_reported_with_its_stderr_never_its_stdout() {
        let out = Output {
            status: ExitStatus::from_raw(255 << 8),
            stdout: b"{\"token\": \"k8s-aws-v1.s3cret\"}".to_vec(),
            stderr: b"\nUnable to locate credentials.\n".to_vec(),
        };
        let error = AuthError::AuthExecRun { cmd: "aws eks get-token".into(), out: Box::new(out) };
        let text = failure("reach the cluster", &kube::Error::Auth(error)).to_string();
        assert_eq!(
            text,
            "reach the cluster: the kubeconfig's command 'aws eks get-token' failed with exit code 255: Unable to \
             locate credentials."
        );
    }
}
