//! What a new node gets from an old node's user data. Pure.
//!
//! User data is split into three: labels and taints, which the caller decides about; settings that eni-custom writes
//! itself, which are left out; and everything else, which is kept. What is not understood is reported, never dropped in
//! silence.

use std::borrow::Cow;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use ipnet::Ipv4Net;

use super::al2::KeptScript;
use super::al2023::KeptConfig;
use super::kubelet::Flags;
use super::mime::{self, Part};
use super::{NodeLabel, NodeTaint, al2, al2023, bottlerocket, cluster_dns_ip};
use crate::facts::{AmiFamily, Unclear};

/// User data is at most 16 KiB; this much of it, uncompressed, is more than any person writes.
const LONGEST_UNCOMPRESSED: u64 = 1024 * 1024;

/// Characters of a line that an [`Unclear`] shows.
const LONGEST_EXCERPT: usize = 160;

/// What a new node gets from an old node's user data. The default is nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Carried {
    /// Labels that the old nodes register with, by key; EKS's own among them.
    pub labels: Vec<NodeLabel>,
    /// Taints that the old nodes register with.
    pub taints: Vec<NodeTaint>,
    /// What a new node would not get.
    pub unclear: Vec<Unclear>,
    /// What [`render`](super::render) writes again.
    pub(super) kept: Kept,
}

impl Carried {
    /// Whether a new node's user data differs from one without an old node: by more than labels and taints.
    pub(crate) fn keeps_settings(&self) -> bool {
        self.kept != Kept::Nothing
    }

    pub(super) fn take_flags(&mut self, flags: Flags) {
        self.labels = flags.labels.into_values().collect();
        self.taints = flags.taints.unwrap_or_default();
        self.unclear.extend(flags.unclear);
    }
}

/// Settings and parts of user data, by family.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Kept {
    #[default]
    Nothing,
    Al2023(KeptConfig),
    Al2(KeptScript),
    Bottlerocket(toml::Table),
}

impl Kept {
    pub(super) fn family(&self) -> Option<AmiFamily> {
        match self {
            Kept::Nothing => None,
            Kept::Al2023(_) => Some(AmiFamily::Al2023),
            Kept::Al2(_) => Some(AmiFamily::Al2),
            Kept::Bottlerocket(_) => Some(AmiFamily::Bottlerocket),
        }
    }
}

/// Reads the user data of an old node, for a new node of the same family.
///
/// `user_data`: decoded from base64, compressed or not. `service_cidr`: the cluster's; its DNS address is not kept,
/// because every new node gets it, but another one is. Unknown: any DNS address is kept.
pub(crate) fn carry(family: AmiFamily, user_data: &[u8], service_cidr: Option<Ipv4Net>) -> Carried {
    let dns = service_cidr.map(cluster_dns_ip);
    match text(family, user_data) {
        Ok(text) => match family {
            AmiFamily::Al2023 => al2023::carry(&text, dns),
            AmiFamily::Al2 => al2::carry(&text, dns),
            AmiFamily::Bottlerocket => bottlerocket::carry(&text, dns),
        },
        Err(why) => {
            Carried { unclear: vec![Unclear { what: "user data".into(), why }], ..Carried::default() }
        }
    }
}

fn text(family: AmiFamily, user_data: &[u8]) -> Result<String, String> {
    let mut bytes = Cow::Borrowed(user_data);
    // Only nodeadm accepts user data that is base64 itself (internal/configprovider/encoding.go).
    if family == AmiFamily::Al2023
        && let Ok(decoded) = STANDARD.decode(without_line_ends(user_data))
        && !decoded.is_empty()
    {
        bytes = Cow::Owned(decoded);
    }
    String::from_utf8(uncompressed(&bytes)?).map_err(|error| {
        format!(
            "it is not UTF-8 text: byte {} is not part of a character",
            error.utf8_error().valid_up_to() + 1
        )
    })
}

fn without_line_ends(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect()
}

/// Uncompresses gzip, which all families accept.
pub(super) fn uncompressed(bytes: &[u8]) -> Result<Vec<u8>, String> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.to_vec());
    }
    let mut text = Vec::new();
    let read = GzDecoder::new(bytes).take(LONGEST_UNCOMPRESSED + 1).read_to_end(&mut text);
    read.map_err(|error| format!("it is not valid gzip: {error}"))?;
    if text.len() as u64 > LONGEST_UNCOMPRESSED {
        return Err("it is longer than 1 MiB when uncompressed".into());
    }
    Ok(text)
}

/// What user data is, by its beginning.
pub(super) enum Shape<'a> {
    Empty,
    Multipart(Result<Vec<Part<'a>>, String>),
    /// A format of cloud-init's, as its media type.
    CloudInit(&'static str),
    Other,
}

pub(super) fn shape(text: &str) -> Shape<'_> {
    if text.trim().is_empty() {
        Shape::Empty
    } else if mime::is_message(text) {
        Shape::Multipart(mime::parse(text))
    } else {
        cloud_init(text).map_or(Shape::Other, Shape::CloudInit)
    }
}

/// Beginnings that cloud-init knows, and their media types (cloudinit/handlers/__init__.py).
const BEGINNINGS: [(&str, &str); 9] = [
    ("#!", "text/x-shellscript"),
    ("#cloud-boothook", "text/cloud-boothook"),
    ("#cloud-config-archive", "text/cloud-config-archive"),
    ("#cloud-config-jsonp", "text/cloud-config-jsonp"),
    ("#cloud-config", "text/cloud-config"),
    ("#include-once", "text/x-include-once-url"),
    ("#include", "text/x-include-url"),
    ("#part-handler", "text/part-handler"),
    ("## template: jinja", "text/jinja2"),
];

/// Media types that cloud-init runs and that have no beginning of their own.
const SCRIPTS: [&str; 3] =
    ["text/x-shellscript-per-boot", "text/x-shellscript-per-instance", "text/x-shellscript-per-once"];

/// Media types for which cloud-init looks at the beginning (cloudinit/user_data.py).
const UNTYPED: [&str; 3] = ["text/plain", "text/x-not-multipart", "application/octet-stream"];

fn cloud_init(text: &str) -> Option<&'static str> {
    let beginning = text.trim_start().get(..24.min(text.trim_start().len()));
    let beginning = beginning.unwrap_or(text.trim_start()).to_ascii_lowercase();
    BEGINNINGS.into_iter().find(|(start, _)| beginning.starts_with(start)).map(|(_, media_type)| media_type)
}

/// Whether a part can be kept as it is. The error says why not.
///
/// `foreign`: texts that only another family's parts, or a second bootstrap, have.
pub(super) fn kept_part(part: &Part<'_>, foreign: &[&str]) -> Result<(), String> {
    let content = part.content()?;
    let content = String::from_utf8(content).map_err(|_| "it is not UTF-8 text")?;
    let known = |media_type: &str| {
        SCRIPTS.contains(&media_type) || BEGINNINGS.iter().any(|(_, known)| *known == media_type)
    };
    let media_type = match part.media_type.as_str() {
        untyped if UNTYPED.contains(&untyped) => cloud_init(&content).unwrap_or_default(),
        typed => typed,
    };
    if !known(media_type) {
        return Err(format!("cloud-init does not know this type; it begins with {}", excerpt(&content)));
    }
    kept_content(&content, foreign)
}

/// Whether a script or a cloud-config can be kept as it is. The error says why not.
fn kept_content(content: &str, foreign: &[&str]) -> Result<(), String> {
    let lines = || content.lines().filter(|line| !line.trim_start().starts_with('#'));
    if let Some(line) = lines().find(|line| foreign.iter().any(|foreign| line.contains(foreign))) {
        return Err(format!("it starts a node by itself: {}", excerpt(line)));
    }
    match max_pods_line(content) {
        Some(line) => Err(format!("it sets max pods itself: {}", excerpt(line))),
        None => Ok(()),
    }
}

/// User data that is one thing, as a MIME part; or why it is not understood.
pub(super) fn wrapped_or_unclear(
    shape: Shape<'_>,
    text: &str,
    foreign: &[&str],
    unclear: &mut Vec<Unclear>,
) -> Option<String> {
    let why = match shape {
        Shape::CloudInit(media_type) => match kept_content(text, foreign) {
            Ok(()) => return Some(mime::wrap(media_type, text)),
            Err(why) => why,
        },
        Shape::Multipart(Err(why)) => why,
        _ => format!("its format is not known; it begins with {}", excerpt(text)),
    };
    unclear.push(Unclear { what: "user data".into(), why });
    None
}

/// The first line that may set kubelet's max pods, or the number that bootstrap.sh reads for an instance type: such a
/// script would undo what eni-custom computes.
pub(super) fn max_pods_line(text: &str) -> Option<&str> {
    text.lines().find(|line| {
        let lower = line.trim_start().to_ascii_lowercase();
        !lower.starts_with('#') && ["max-pods", "maxpods", "max_pods"].iter().any(|name| lower.contains(name))
    })
}

/// The first line that says something, in quotes, shortened.
pub(super) fn excerpt(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !["", "---"].contains(line)).unwrap_or_default();
    let short: String = line.chars().take(LONGEST_EXCERPT).collect();
    if short.len() < line.len() { format!("{:?}", format!("{short}…")) } else { format!("{short:?}") }
}

#[cfg(test)]
pub(super) mod tests;
