//! Small servers between a client and a sandbox: a proxy for CONNECT, HTTP and SOCKS5, a plain tunnel, a TLS server,
//! and one that never answers. Each records what it sees.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A server on the loopback interface that runs until the process ends.
pub(super) struct Relay {
    pub port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    fn start(serve: impl Fn(TcpStream, &dyn Fn(String)) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("the listener has an address").port();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (serve, notes) = (Arc::new(serve), seen.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (serve, notes) = (serve.clone(), notes.clone());
                let note = move |line: String| notes.lock().expect("no thread panicked").push(line);
                thread::spawn(move || serve(client, &note));
            }
        });
        Relay { port, seen }
    }

    /// What the server has seen since the last call.
    pub(super) fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().expect("no thread panicked"))
    }

    /// A proxy that resolves only these names (`host:port`).
    pub(super) fn proxy(names: BTreeMap<String, u16>) -> Self {
        Relay::start(move |mut client, note| {
            let mut first = [0];
            if client.read_exact(&mut first).is_err() {
                return;
            }
            match first[0] {
                5 => socks(client, &names, note),
                _ => http(client, first[0], &names, note),
            }
        })
    }

    /// A proxy that answers every request with this response.
    pub(super) fn page(status: &'static str, content_type: &'static str, body: &'static str) -> Self {
        Relay::start(move |mut client, note| {
            let Some((line, length)) = head(&mut client, None).map(|(line, head)| (line, length(&head)))
            else {
                return;
            };
            let mut sent = vec![0; length];
            let _ = client.read_exact(&mut sent);
            note(line);
            let length = body.len();
            let _ = write!(
                client,
                "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        })
    }

    /// Forwards its port to another.
    pub(super) fn tunnel(to: u16) -> Self {
        Relay::start(move |client, note| {
            note("connection".into());
            through(client, to);
        })
    }

    /// Accepts connections and never answers. To a TLS client this looks like a packet filter that drops packets.
    pub(super) fn silence() -> Self {
        Relay::start(move |mut client, note| {
            note("connection".into());
            let _ = client.read_to_end(&mut Vec::new());
        })
    }

    /// A TLS server with a certificate for this host that forwards plain HTTP.
    pub(super) fn tls(authority: &Authority, host: &str, to: u16) -> Self {
        let config = Arc::new(authority.server(host));
        Relay::start(move |client, note| {
            let Ok(connection) = ServerConnection::new(config.clone()) else { return };
            let mut tls = StreamOwned::new(connection, client);
            // One request per connection: the response ends when the connection closes.
            let Some((line, head)) = head(&mut tls, None) else { return };
            let mut body = vec![0; length(&head)];
            if tls.read_exact(&mut body).is_err() {
                return;
            }
            note(line);
            let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else { return };
            let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
            let mut reply = Vec::new();
            let asked = server.write_all(head.as_bytes()).and_then(|()| server.write_all(&body));
            if asked.and_then(|()| server.read_to_end(&mut reply)).is_ok() {
                let reply = String::from_utf8_lossy(&reply).replacen("\r\n", "\r\nConnection: close\r\n", 1);
                let _ = tls.write_all(reply.as_bytes());
                tls.conn.send_close_notify();
                let _ = tls.flush();
            }
        })
    }
}

/// A private certificate authority.
pub(super) struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pub pem: String,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Authority { params, key, pem }
    }

    fn server(&self, host: &str) -> ServerConfig {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![host.to_string()]).expect("a name");
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("the key matches the certificate")
    }
}

/// The request line, and the whole head up to the empty line.
fn head(from: &mut impl Read, first: Option<u8>) -> Option<(String, String)> {
    let mut head: Vec<u8> = first.into_iter().collect();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        from.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    Some((head.lines().next()?.to_string(), head))
}

fn length(head: &str) -> usize {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(0)
}

/// Copies in both directions until both are closed.
fn through(client: TcpStream, to: u16) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else { return };
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    let (Ok(upward), Ok(there)) = (client.try_clone(), server.try_clone()) else { return };
    let back = thread::spawn(move || copy(server, client));
    copy(upward, there);
    let _ = back.join();
}

fn http(mut client: TcpStream, first: u8, names: &BTreeMap<String, u16>, note: &dyn Fn(String)) {
    let Some((line, head)) = head(&mut client, Some(first)) else { return };
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if method == "CONNECT" {
        note(format!("CONNECT {target}"));
        let Some(port) = names.get(target) else {
            let _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
            return;
        };
        if client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").is_ok() {
            through(client, *port);
        }
        return;
    }
    let Some((authority, path)) =
        target.strip_prefix("http://").and_then(|rest| rest.split_once('/')).map(|(a, p)| (a.to_string(), p))
    else {
        return;
    };
    note(format!("{method} {authority}"));
    let name = if authority.contains(':') { authority } else { format!("{authority}:80") };
    let Some(port) = names.get(&name) else { return };
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, *port)) else { return };
    let head = head.replacen(target, &format!("/{path}"), 1).replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let mut body = vec![0; length(&head)];
    let asked = client.read_exact(&mut body).and_then(|()| server.write_all(head.as_bytes()));
    let mut reply = Vec::new();
    if asked.and_then(|()| server.write_all(&body)).and_then(|()| server.read_to_end(&mut reply)).is_ok() {
        let reply = String::from_utf8_lossy(&reply).replacen("\r\n", "\r\nConnection: close\r\n", 1);
        let _ = client.write_all(reply.as_bytes());
    }
}

/// RFC 1928: no authentication, CONNECT, names and IPv4 addresses.
fn socks(mut client: TcpStream, names: &BTreeMap<String, u16>, note: &dyn Fn(String)) {
    let mut read = |count: usize| {
        let mut bytes = vec![0; count];
        client.read_exact(&mut bytes).map(|()| bytes).ok()
    };
    let mut hello = || {
        let methods = read(1)?[0];
        read(methods.into())
    };
    if hello().is_none() || client.write_all(&[5, 0]).is_err() {
        return;
    }
    let mut read = |count: usize| {
        let mut bytes = vec![0; count];
        client.read_exact(&mut bytes).map(|()| bytes).ok()
    };
    let mut request = || {
        let host = match read(4)?[3] {
            1 => read(4)?.iter().map(ToString::to_string).collect::<Vec<_>>().join("."),
            3 => {
                let length = read(1)?[0];
                String::from_utf8(read(length.into())?).ok()?
            }
            _ => return None,
        };
        let port = read(2)?;
        Some(format!("{host}:{}", u16::from_be_bytes([port[0], port[1]])))
    };
    let Some(target) = request() else { return };
    note(format!("SOCKS5 {target}"));
    let to = names.get(&target);
    let answer = if to.is_some() { 0 } else { 4 };
    let replied = client.write_all(&[5, answer, 0, 1, 0, 0, 0, 0, 0, 0]);
    if let (Some(port), Ok(())) = (to, replied) {
        through(client, *port);
    }
}
