//! The environment of a sandbox: the variables of a command that runs in it, and the file that keeps them for a shell.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Keys, Sandbox};

/// The user's settings that would lead away from the sandbox or to a real account.
const CLEARED: [&str; 15] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "AWS_ENDPOINT_URL_IAM",
    "AWS_ENDPOINT_URL_SERVICE_QUOTAS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
];

pub(crate) fn of(sandbox: &Sandbox, key: &str, kubeconfig: &Path) -> Vec<(String, String)> {
    let dir = sandbox.dir();
    let text = |path: &Path| path.display().to_string();
    let keys = &sandbox.aws.keys[key];
    let path = std::env::var("PATH").unwrap_or_default();
    [
        ("AWS_ENDPOINT_URL", sandbox.endpoint.clone()),
        ("AWS_ACCESS_KEY_ID", keys.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key.clone()),
        ("AWS_REGION", sandbox.shape.region.clone()),
        // botocore, and so the AWS CLI, reads only this one.
        ("AWS_DEFAULT_REGION", sandbox.shape.region.clone()),
        ("KUBECONFIG", text(kubeconfig)),
        // Another cluster may have used this address earlier.
        ("KUBECACHEDIR", text(&dir.join("kubectl-cache"))),
        // A proxy can't reach this machine's loopback interface.
        ("NO_PROXY", "127.0.0.1,localhost".to_string()),
        ("ENI_CUSTOM_CLUSTER", sandbox.shape.cluster.clone()),
        ("SANDBOX_DIR", text(dir)),
        ("SANDBOX_AWS_LOG", text(&sandbox.aws_log_file())),
        ("SANDBOX_KUBE_AUDIT_LOG", text(&sandbox.audit_log_file())),
        ("PATH", format!("{}:{path}", dir.join("bin").display())),
    ]
    .map(|(name, value)| (name.to_string(), value))
    .to_vec()
}

/// The credentials and the endpoint of AWS for one of the cluster's own processes.
pub(crate) fn aws(command: &mut Command, keys: &Keys, endpoint: &str, region: &str) {
    clear(command);
    command.env("AWS_ENDPOINT_URL", endpoint).env("AWS_REGION", region);
    command.env("AWS_ACCESS_KEY_ID", &keys.access_key_id);
    command.env("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key);
    if let Some(token) = &keys.session_token {
        command.env("AWS_SESSION_TOKEN", token);
    }
}

pub(crate) fn clear(command: &mut Command) {
    for name in CLEARED {
        command.env_remove(name);
    }
}

pub fn apply(command: &mut Command, env: impl IntoIterator<Item = (String, String)>) {
    clear(command);
    command.envs(env);
}

/// Links a program into the sandbox's PATH.
pub fn link(dir: &Path, name: &str, program: &Path) -> Result<()> {
    let folder = dir.join("bin");
    fs::create_dir_all(&folder)?;
    let link = folder.join(name);
    symlink(program, &link).with_context(|| format!("linking {} to {}", link.display(), program.display()))
}

/// Writes lines `export NAME=VALUE` for a shell. The file is written atomically.
pub fn write(file: &Path, env: &[(String, String)]) -> Result<()> {
    let mut text = format!("unset {}\n", CLEARED.join(" "));
    for (name, value) in env {
        let value = match (name.as_str(), value.split_once(':')) {
            // The shell that sources the file has its own PATH.
            ("PATH", Some((folder, _))) => format!("{}:\"$PATH\"", quote(folder)),
            _ => quote(value),
        };
        text.push_str(&format!("export {name}={value}\n"));
    }
    let new = file.with_extension("new");
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, file))
        .with_context(|| format!("writing {}", file.display()))
}

/// The variables that `write` wrote, with this process's PATH; `None` if there is no such file.
pub fn read(file: &Path) -> Option<BTreeMap<String, String>> {
    let text = fs::read_to_string(file).ok()?;
    let path = std::env::var("PATH").unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    let variables = lines.map(|(name, value)| match value.strip_suffix(":\"$PATH\"") {
        Some(folder) => (name.to_string(), format!("{}:{path}", unquote(folder))),
        None => (name.to_string(), unquote(value)),
    });
    Some(variables.collect())
}

fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

fn unquote(value: &str) -> String {
    let inner = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
    inner.unwrap_or(value).replace(r"'\''", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_and_exec_read_the_same_values_from_the_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("env");
        let values = [("SANDBOX_DIR", "/tmp/it's a folder"), ("PATH", "/sandbox/bin:/usr/bin:/bin")];
        let variables = values.map(|(name, value)| (name.to_string(), value.to_string()));
        write(&file, &variables).expect("the file is written");

        let read = read(&file).expect("the file exists");
        assert_eq!(read["SANDBOX_DIR"], "/tmp/it's a folder");
        assert!(read["PATH"].starts_with("/sandbox/bin:"), "{}", read["PATH"]);
        for (name, value) in read {
            let script = format!(". {} && printf %s \"${name}\"", file.display());
            let shell = Command::new("sh").args(["-c", &script]).output().expect("sh runs");
            assert_eq!(String::from_utf8_lossy(&shell.stdout), value);
        }
    }
}
