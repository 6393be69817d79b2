//! MIME multipart user data, as cloud-init and nodeadm read it. Pure.
//!
//! No crate fits: mail parsers repair a broken message in silence and decode what they return. Here a broken message is
//! reported, and a part that is kept stays byte for byte.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Longest line of base64 in a part (RFC 2045).
const BASE64_LINE: usize = 76;

/// One part of a multipart message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// Headers and body, byte for byte.
    pub raw: &'a str,
    /// `text/x-shellscript`, in lower case; `text/plain` if the part does not say.
    pub media_type: String,
    /// Content-Transfer-Encoding in lower case; empty if the part does not say.
    encoding: String,
    body: &'a str,
}

impl Part<'_> {
    /// The body, decoded. The error says why it can't be.
    pub(super) fn content(&self) -> Result<Vec<u8>, String> {
        match self.encoding.as_str() {
            "" | "7bit" | "8bit" | "binary" => Ok(self.body.as_bytes().to_vec()),
            "base64" => {
                let packed: String = self.body.split_ascii_whitespace().collect();
                STANDARD.decode(packed).map_err(|error| format!("it is not valid base64: {error}"))
            }
            other => Err(format!("its Content-Transfer-Encoding {other} is not supported")),
        }
    }
}

/// Whether a text starts like a MIME message: with one of its headers.
pub(super) fn is_message(text: &str) -> bool {
    let Some((name, _)) = text.lines().next().and_then(|line| line.split_once(':')) else { return false };
    ["mime-version", "content-type"].contains(&name.to_ascii_lowercase().as_str())
}

/// The parts of a message. The error says what is broken.
pub(super) fn parse(text: &str) -> Result<Vec<Part<'_>>, String> {
    let (headers, body) = headers(text)?;
    let content_type = header(&headers, "content-type");
    if !content_type.to_ascii_lowercase().starts_with("multipart/") {
        return Err(format!("its Content-Type {content_type:?} is not multipart"));
    }
    let boundary = parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty());
    let boundary = boundary.ok_or("its Content-Type names no boundary")?;
    let (delimiter, close) = (format!("--{boundary}"), format!("--{boundary}--"));
    let (mut parts, mut start, mut at) = (Vec::new(), None, 0);
    for line in body.split_inclusive('\n') {
        let text = line.trim_end();
        if text == delimiter || text == close {
            if let Some(start) = start {
                // The line end before a delimiter belongs to the delimiter (RFC 2046).
                let raw = &body[start..at];
                let raw = raw.strip_suffix('\n').unwrap_or(raw);
                parts.push(part(raw.strip_suffix('\r').unwrap_or(raw))?);
            }
            if text == close {
                return Ok(parts);
            }
            start = Some(at + line.len());
        }
        at += line.len();
    }
    Err(format!("its closing boundary {close} is missing"))
}

fn part(raw: &str) -> Result<Part<'_>, String> {
    let (headers, body) = headers(raw)?;
    let media_type = header(&headers, "content-type").split(';').next().unwrap_or_default().trim();
    let media_type = if media_type.is_empty() { "text/plain" } else { media_type };
    Ok(Part {
        raw,
        media_type: media_type.to_ascii_lowercase(),
        encoding: header(&headers, "content-transfer-encoding").trim().to_ascii_lowercase(),
        body,
    })
}

/// Names in lower case, and values; then what follows the empty line.
type Headers<'a> = (Vec<(String, String)>, &'a str);

fn headers(text: &str) -> Result<Headers<'_>, String> {
    let (mut headers, mut at) = (Vec::<(String, String)>::new(), 0);
    for line in text.split_inclusive('\n') {
        at += line.len();
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            return Ok((headers, &text[at..]));
        }
        let name = line
            .split_once(':')
            .filter(|(name, _)| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()));
        match (name, headers.last_mut()) {
            (_, Some((_, value))) if line.starts_with([' ', '\t']) => value.push_str(line),
            (Some((name, value)), _) => headers.push((name.to_ascii_lowercase(), value.trim().to_string())),
            _ => return Err(format!("{line:?} is not a MIME header")),
        }
    }
    Ok((headers, ""))
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

/// A parameter of a header's value: `boundary` of `multipart/mixed; boundary="//"`.
fn parameter(value: &str, name: &str) -> Option<String> {
    let mut in_quotes = false;
    let parameters = value.split(|character: char| {
        in_quotes ^= character == '"';
        character == ';' && !in_quotes
    });
    parameters
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().trim_matches('"').to_string())
}

/// A part of this type. What is not ASCII goes in base64: cloud-init would decode it by other rules than UTF-8.
pub(super) fn wrap(media_type: &str, content: &str) -> String {
    if content.is_ascii() {
        return format!("Content-Type: {media_type}; charset=\"us-ascii\"\n\n{content}");
    }
    let packed = STANDARD.encode(content);
    let mut part =
        format!("Content-Type: {media_type}; charset=\"utf-8\"\nContent-Transfer-Encoding: base64\n\n");
    for (index, character) in packed.char_indices() {
        if index > 0 && index % BASE64_LINE == 0 {
            part.push('\n');
        }
        part.push(character);
    }
    part
}

/// A message of these parts, in order.
pub(super) fn write(parts: &[&str]) -> String {
    let collides = |boundary: &str| {
        let delimiter = format!("--{boundary}");
        parts.iter().any(|part| part.lines().any(|line| line.starts_with(&delimiter)))
    };
    let mut boundary = "//".to_string();
    while collides(&boundary) {
        boundary.push('/');
    }
    let mut message =
        format!("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\n\n");
    for part in parts {
        message.push_str(&format!("--{boundary}\n{part}\n"));
    }
    message.push_str(&format!("--{boundary}--\n"));
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stay_byte_for_byte_whatever_the_line_ends() {
        let part =
            "Content-Type: text/x-shellscript; charset=\"us-ascii\"\nX-Other: 1\n\n#!/bin/sh\necho\t1 \n";
        let message = write(&[part, "\nno headers"]);
        for (message, part) in
            [(message.clone(), part.to_string()), (message.replace('\n', "\r\n"), part.replace('\n', "\r\n"))]
        {
            let parts = parse(&message).unwrap();
            assert_eq!(parts.len(), 2);
            assert_eq!(parts[0].raw, part);
            assert_eq!(parts[0].media_type, "text/x-shellscript");
            assert!(String::from_utf8(parts[0].content().unwrap()).unwrap().starts_with("#!/bin/sh"));
            assert_eq!((parts[1].media_type.as_str(), parts[1].body), ("text/plain", "no headers"));
        }
    }

    #[test]
    fn headers_may_be_folded_unquoted_and_of_any_case() {
        let text = "content-type: Multipart/Mixed;\n\tBOUNDARY=a;x=\"1;2\"\nMIME-Version: 1.0\n\npreamble\n--a\nCONTENT-TYPE: Text/X\n\n1\n--a--\nepilogue";
        let parts = parse(text).unwrap();
        assert_eq!((parts[0].media_type.as_str(), parts[0].body, parts.len()), ("text/x", "1", 1));
    }

    #[test]
    fn what_is_broken_is_reported() {
        let head = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"a\"\n\n";
        for (text, why) in [
            ("MIME-Version: 1.0\n\n--a\n".to_string(), "is not multipart"),
            ("Content-Type: multipart/mixed\n\n--a\n".into(), "names no boundary"),
            (format!("{head}--a\n\n1\n"), "its closing boundary --a-- is missing"),
            (format!("{head}--a\nnot a header\n\n1\n--a--\n"), "\"not a header\" is not a MIME header"),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let text = format!("{head}--a\nContent-Transfer-Encoding: base64\n\n%\n--a--\n");
        assert!(parse(&text).unwrap()[0].content().unwrap_err().contains("base64"));
        let text = text.replace("base64", "quoted-printable");
        assert!(parse(&text).unwrap()[0].content().unwrap_err().contains("quoted-printable"));
    }

    #[test]
    fn a_boundary_is_never_a_line_of_a_part() {
        let parts = ["\n--//\n", "\nx\n--///--"];
        let message = write(&parts);
        let read = parse(&message).unwrap();
        assert_eq!(read.iter().map(|part| part.raw).collect::<Vec<_>>(), parts);
    }

    #[test]
    fn non_ascii_is_in_base64() {
        let content = "#!/bin/sh\necho ä".repeat(20);
        let message = write(&[&wrap("text/x-shellscript", &content)]);
        assert!(message.is_ascii() && message.lines().all(|line| line.len() <= BASE64_LINE));
        assert_eq!(parse(&message).unwrap()[0].content().unwrap(), content.as_bytes());
    }
}
