//! Certificates in PEM. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error, PemObject as _, SectionKind};

/// The certificates of a PEM text; other blocks, such as keys, are left out.
///
/// # Errors
/// Says which block is damaged and how, or that there is no certificate.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut certificates = Vec::new();
    for (at, block) in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).enumerate() {
        let (kind, der) = block.map_err(|error| format!("PEM block {} {}", at + 1, damage(&error)))?;
        if kind == SectionKind::Certificate {
            certificates.push(der.into());
        }
    }
    if certificates.is_empty() {
        Err("it contains no PEM certificate (-----BEGIN CERTIFICATE-----)".into())
    } else {
        Ok(certificates)
    }
}

/// The library's own texts show lines as lists of numbers.
fn damage(error: &Error) -> String {
    match error {
        Error::MissingSectionEnd { end_marker } => {
            format!("has no line -----END {}-----", String::from_utf8_lossy(end_marker))
        }
        Error::IllegalSectionStart { line } => {
            format!("begins with '{}', not with -----BEGIN …-----", String::from_utf8_lossy(line).trim())
        }
        Error::Base64Decode(_) => "is not valid base64".into(),
        other => format!("can't be read: {other}"),
    }
}

/// The certificates as a PEM text.
pub(crate) fn encoded(certificates: &[CertificateDer<'_>]) -> String {
    let block = |certificate: &CertificateDer<'_>| {
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(certificate))
    };
    certificates.iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(kind: &str, body: &str) -> String {
        format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n")
    }

    #[test]
    fn every_certificate_is_read_and_other_blocks_are_left_out() {
        let text = format!(
            "# root\r\n{}{}subject=x\n{}",
            block("CERTIFICATE", "aGVs\r\nbG8="),
            block("PRIVATE KEY", "a2V5"),
            block("CERTIFICATE", "d29ybGQ=")
        );
        let read = certificates(text.as_bytes()).unwrap();
        assert_eq!(read, [CertificateDer::from(&b"hello"[..]), CertificateDer::from(&b"world"[..])]);
        assert_eq!(certificates(encoded(&read).as_bytes()).unwrap(), read);
    }

    #[test]
    fn a_damaged_block_is_an_error_that_says_which_and_why() {
        let good = block("CERTIFICATE", "aGVsbG8=");
        for (bad, expected) in [
            (block("CERTIFICATE", "!"), "PEM block 2 is not valid base64"),
            ("-----BEGIN CERTIFICATE-----\naGVs".into(), "PEM block 2 has no line -----END CERTIFICATE-----"),
            (
                "-----BEGIN CERTIFICATE\naGVs\n".into(),
                "PEM block 2 begins with '-----BEGIN CERTIFICATE', not with -----BEGIN …-----",
            ),
        ] {
            assert_eq!(certificates(format!("{good}{bad}").as_bytes()).unwrap_err(), expected);
        }
        for none in ["", "hello", &block("PRIVATE KEY", "a2V5")] {
            assert!(certificates(none.as_bytes()).unwrap_err().contains("no PEM certificate"), "{none}");
        }
    }
}
