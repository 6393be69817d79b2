//! Plain HTTP to the AWS side's private endpoints on the loopback interface.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Returns the body of the response, or an error unless the status is 2xx.
pub(crate) fn request(port: u16, method: &str, path: &str, body: &str) -> Result<String> {
    let what = || format!("{method} http://127.0.0.1:{port}{path}");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).with_context(what)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    // HTTP/1.0: the response ends when the connection closes and is never chunked.
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .with_context(what)?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).with_context(what)?;
    let (head, body) = reply.split_once("\r\n\r\n").with_context(what)?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    if !status.starts_with('2') {
        bail!("{}: status {status}: {body}", what());
    }
    Ok(body.to_string())
}
