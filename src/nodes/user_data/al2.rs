//! User data of Amazon Linux 2: a shell script that runs /etc/eks/bootstrap.sh, alone or as a part of MIME multipart.
//!
//! Source: awslabs/amazon-eks-ami before it dropped AL2 (pull request 2645), templates/al2/runtime/bootstrap.sh.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::carried::{Carried, Kept, Shape, excerpt, kept_part, max_pods_line, shape, wrapped_or_unclear};
use super::kubelet::{self, Flags};
use super::mime::{self, Part};
use super::{Boot, UserDataError, cluster_dns_ip, script};
use crate::facts::Unclear;
use crate::shell::{shell_quote, single_quoted};

const BOOTSTRAP: &str = "/etc/eks/bootstrap.sh";
const SHEBANG: &str = "#!/bin/bash";
const SHELL_SCRIPT: &str = "text/x-shellscript";

/// Options of bootstrap.sh that a new node gets too.
const KEPT: [&str; 9] = [
    "--aws-api-retry-attempts",
    "--container-runtime",
    "--containerd-config-file",
    "--docker-config-json",
    "--enable-docker-bridge",
    "--local-disks",
    "--mount-bpf-fs",
    "--pause-container-account",
    "--pause-container-version",
];

/// Options of bootstrap.sh that eni-custom writes itself, or that follow from the cluster.
const OURS: [&str; 7] = [
    "--apiserver-endpoint",
    "--b64-cluster-ca",
    "--dns-cluster-ip",
    "--ip-family",
    "--kubelet-extra-args",
    "--service-ipv4-cidr",
    "--use-max-pods",
];

/// What the old nodes have beyond eni-custom's own call of bootstrap.sh.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct KeptScript {
    /// MIME parts before and after the script, byte for byte.
    parts_before: Vec<String>,
    parts_after: Vec<String>,
    call: Call,
}

/// The script around the call of bootstrap.sh, and its further options.
#[derive(Debug, Clone, PartialEq)]
struct Call {
    /// First line.
    shebang: String,
    before: String,
    after: String,
    /// In order; of two with one name the last one counts.
    options: BTreeMap<String, String>,
    /// Other than the cluster's DNS address, such as that of NodeLocal DNSCache.
    dns: Option<String>,
    kubelet_flags: Vec<String>,
}

impl Default for Call {
    fn default() -> Self {
        Call {
            shebang: SHEBANG.into(),
            before: String::new(),
            after: String::new(),
            options: BTreeMap::new(),
            dns: None,
            kubelet_flags: Vec::new(),
        }
    }
}

pub(super) fn carry(text: &str, dns: Option<Ipv4Addr>) -> Carried {
    let mut carried = Carried::default();
    let mut kept = KeptScript::default();
    match shape(text) {
        Shape::Empty => {}
        Shape::Multipart(Ok(parts)) => multipart(&parts, dns, &mut kept, &mut carried),
        Shape::CloudInit(SHELL_SCRIPT) if calls_bootstrap(text) => {
            call(text, "user data", dns, &mut kept, &mut carried);
        }
        other => {
            kept.parts_before.extend(wrapped_or_unclear(other, text, &[BOOTSTRAP], &mut carried.unclear))
        }
    }
    if kept != KeptScript::default() {
        carried.kept = Kept::Al2(kept);
    }
    carried
}

fn multipart(parts: &[Part<'_>], dns: Option<Ipv4Addr>, kept: &mut KeptScript, carried: &mut Carried) {
    let is_call = |part: &Part<'_>| {
        part.content().is_ok_and(|content| calls_bootstrap(&String::from_utf8_lossy(&content)))
    };
    let calls = parts.iter().filter(|part| is_call(part)).count();
    let mut called = false;
    for (index, part) in parts.iter().enumerate() {
        let what = format!("user data part {} ({})", index + 1, part.media_type);
        if is_call(part) && calls > 1 {
            let why = format!("{calls} parts call {BOOTSTRAP}");
            carried.unclear.push(Unclear { what, why });
        } else if is_call(part) && part.media_type == SHELL_SCRIPT {
            called = true;
            match part.content().map(String::from_utf8) {
                Ok(Ok(text)) => call(&text, &what, dns, kept, carried),
                _ => carried.unclear.push(Unclear { what, why: "it is not UTF-8 text".into() }),
            }
        } else {
            match kept_part(part, &[BOOTSTRAP, "node.eks.aws"]) {
                Ok(()) if called => kept.parts_after.push(part.raw.to_string()),
                Ok(()) => kept.parts_before.push(part.raw.to_string()),
                Err(why) => carried.unclear.push(Unclear { what, why }),
            }
        }
    }
}

/// Reads the script with the call.
fn call(text: &str, what: &str, dns: Option<Ipv4Addr>, kept: &mut KeptScript, carried: &mut Carried) {
    // cloud-init does the same (util.dos2unix).
    let text = if text.split('\n').next().is_some_and(|line| line.ends_with('\r')) {
        text.replace("\r\n", "\n")
    } else {
        text.to_string()
    };
    match read(&text, dns) {
        Ok((call, flags)) => {
            kept.call = call;
            carried.take_flags(flags);
        }
        Err(why) => carried.unclear.push(Unclear { what: what.into(), why }),
    }
}

/// The error shows the line that is not understood.
fn read(text: &str, dns: Option<Ipv4Addr>) -> Result<(Call, Flags), String> {
    let (shebang, _) = text.split_once('\n').unwrap_or((text, ""));
    let interpreter = shebang.trim_start_matches("#!").split_whitespace().next().unwrap_or_default();
    let env = shebang.trim_start_matches("#!").trim();
    let is_shell = |path: &str| ["/bin/bash", "/bin/sh", "/usr/bin/bash", "/usr/bin/sh"].contains(&path);
    if !is_shell(interpreter) && !["/usr/bin/env bash", "/usr/bin/env sh"].contains(&env) {
        return Err(format!("{shebang:?} is not a shell"));
    }
    let mut lines = text.lines().filter(|line| line.contains("bootstrap.sh") && !is_comment(line));
    let line = lines.next().map(excerpt).unwrap_or_default();
    if let Some(second) = lines.next() {
        return Err(format!("it mentions bootstrap.sh more than once: {line}, {}", excerpt(second)));
    }
    let in_line = |why: String| format!("{why}: {line}");
    let commands = script::commands(text).map_err(&in_line)?;
    let call = commands.iter().find(|command| {
        command.alone
            && command.text.strip_prefix(BOOTSTRAP).is_some_and(|rest| rest.starts_with(char::is_whitespace))
    });
    let call =
        call.ok_or_else(|| in_line(format!("{BOOTSTRAP} is not a command of its own, which always runs")))?;
    let (head, after) = (&text[..call.start], &text[call.end..]);
    let after = after.trim_start_matches([' ', '\t']);
    let after = after.strip_prefix('\n').unwrap_or(after);

    // A variable counts as known if it is set once, by a command that always runs, and not mentioned otherwise before
    // the call. One that only the call uses is not needed any more.
    let mut variables = BTreeMap::new();
    let mut before = String::new();
    let mut copied = shebang.len() + 1;
    for command in commands.iter().filter(|command| command.alone && command.end < call.start) {
        let exported = command.text.strip_prefix("export ");
        let Some((name, value)) = script::assignment(exported.unwrap_or(command.text)) else { continue };
        if script::mentions(head, name) > 1 {
            continue;
        }
        variables.insert(name, value);
        if exported.is_none() && script::mentions(call.text, name) > 0 && script::mentions(after, name) == 0 {
            before.push_str(head.get(copied..command.start).unwrap_or_default());
            copied = (command.end + 1).min(head.len());
        }
    }
    before.push_str(head.get(copied..).unwrap_or_default());
    let words = script::words(call.text, &variables).map_err(&in_line)?;
    let (mut read, flags) = options(words.get(1..).unwrap_or_default(), dns).map_err(&in_line)?;
    if let Some(line) = max_pods_line(&before).or_else(|| max_pods_line(after)) {
        return Err(format!("it sets max pods itself: {}", excerpt(line)));
    }
    if before.lines().chain(after.lines()).all(is_idle) {
        return Ok((read, flags));
    }
    read.shebang = shebang.to_string();
    read.before = before;
    read.after = after.to_string();
    Ok((read, flags))
}

fn calls_bootstrap(text: &str) -> bool {
    text.lines().any(|line| line.contains(BOOTSTRAP) && !is_comment(line))
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// A line that does nothing by itself.
fn is_idle(line: &str) -> bool {
    line.trim().is_empty() || is_comment(line) || line.starts_with("set -") || line.starts_with("set +")
}

/// Reads the call's words behind its name.
fn options(words: &[String], dns: Option<Ipv4Addr>) -> Result<(Call, Flags), String> {
    let (mut call, mut flags, mut cluster) = (Call::default(), Flags::default(), None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let word = word.as_str();
        if !KEPT.contains(&word) && !OURS.contains(&word) {
            if word.starts_with('-') || cluster.replace(word).is_some() {
                return Err(format!("bootstrap.sh's argument {word:?} is not understood"));
            }
            continue;
        }
        let value = words.next().ok_or_else(|| format!("bootstrap.sh's option {word} has no value"))?;
        match word {
            "--kubelet-extra-args" => flags = Flags::read([value.as_str()], dns),
            "--dns-cluster-ip" => {
                call.dns = (dns.is_none_or(|dns| dns.to_string() != *value)).then(|| value.clone());
            }
            "--ip-family" if value.as_str() != "ipv4" => {
                return Err(format!("--ip-family {value} is not supported"));
            }
            _ if KEPT.contains(&word) => {
                call.options.insert(word.into(), value.clone());
            }
            _ => {}
        }
    }
    call.kubelet_flags.clone_from(&flags.others);
    Ok((call, flags))
}

/// `--use-max-pods false` keeps bootstrap.sh from writing its own number for the instance type. The memory reserved
/// for kubelet still follows that number; bootstrap.sh has no option to change it.
pub(super) fn render(boot: &Boot<'_>, kept: &KeptScript) -> String {
    let call = &kept.call;
    let mut flags = call.kubelet_flags.clone();
    flags.push(format!("--max-pods={}", boot.max_pods.lowest()));
    flags.extend(kubelet::ours(boot.labels, boot.taints));
    let dns = match &call.dns {
        Some(dns) => shell_quote(dns),
        None => cluster_dns_ip(boot.service_cidr).to_string(),
    };
    let options: String =
        call.options.iter().map(|(name, value)| format!("  {name} {} \\\n", shell_quote(value))).collect();
    let script = format!(
        r"{shebang}
{before}/etc/eks/bootstrap.sh {cluster} \
  --apiserver-endpoint {endpoint} \
  --b64-cluster-ca {certificate_authority} \
  --dns-cluster-ip {dns} \
  --use-max-pods false \
{options}  --kubelet-extra-args {kubelet}
{after}",
        shebang = call.shebang,
        before = call.before,
        cluster = single_quoted(boot.cluster),
        endpoint = single_quoted(boot.endpoint),
        certificate_authority = single_quoted(boot.certificate_authority),
        kubelet = single_quoted(&flags.join(" ")),
        after = call.after,
    );
    if kept.parts_before.is_empty() && kept.parts_after.is_empty() {
        return script;
    }
    let script = mime::wrap(SHELL_SCRIPT, &script);
    let before = kept.parts_before.iter().map(String::as_str);
    let parts: Vec<&str> =
        before.chain([script.as_str()]).chain(kept.parts_after.iter().map(String::as_str)).collect();
    mime::write(&parts)
}

/// The parts besides the call, which EKS appends.
pub(super) fn for_eks(kept: &KeptScript) -> Result<String, UserDataError> {
    if kept.call != Call::default() {
        return Err(UserDataError::CallOfEks);
    }
    let parts: Vec<&str> = kept.parts_before.iter().chain(&kept.parts_after).map(String::as_str).collect();
    Ok(if parts.is_empty() { String::new() } else { mime::write(&parts) })
}

#[cfg(test)]
mod tests;
