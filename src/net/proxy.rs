//! Which proxy a request uses, if any: the same rules for AWS's APIs and the cluster's API.
//!
//! HTTPS_PROXY, HTTP_PROXY and NO_PROXY mean what they mean to kubectl (golang.org/x/net/http/httpproxy), so that
//! what kubectl reaches is reached here. The aws CLI reads the same variables. ALL_PROXY is read by neither.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use ipnet::IpNet;

use crate::error::{Error, Result};

/// The proxies from the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    https: Option<Proxy>,
    http: Option<Proxy>,
    direct: Vec<Direct>,
}

/// One proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// May contain a password.
    uri: Uri,
    kind: Kind,
    /// The variable or field that names it.
    pub named_by: &'static str,
}

/// What the proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Http,
    /// HTTP inside of TLS.
    Https,
    Socks5,
}

/// An entry of NO_PROXY.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Direct {
    Everything,
    Network(IpNet),
    Address(IpAddr, Option<u16>),
    Domain {
        /// With its leading dot.
        suffix: String,
        /// Whether the domain itself matches: true for `example.com`, false for `.example.com` and `*.example.com`.
        itself: bool,
        port: Option<u16>,
    },
}

impl Proxies {
    /// From the environment, read by `variable`.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| {
                let value = variable(name)?;
                let value = value.trim();
                (!value.is_empty()).then(|| (name, value.to_string()))
            })
        };
        let proxy = |names| first(names).map(|(name, value)| Proxy::parse(&value, name)).transpose();
        Ok(Proxies {
            https: proxy(["HTTPS_PROXY", "https_proxy"])?,
            http: proxy(["HTTP_PROXY", "http_proxy"])?,
            direct: first(["NO_PROXY", "no_proxy"]).map(|(_, list)| entries(&list)).unwrap_or_default(),
        })
    }

    /// The proxy for a URL; `None` if it is reached directly.
    pub fn to(&self, url: &Uri) -> Option<&Proxy> {
        let proxy = match url.scheme_str() {
            Some("https") => self.https.as_ref(),
            Some("http") => self.http.as_ref(),
            _ => None,
        }?;
        let host = url.host()?.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let port = url.port_u16().or(match url.scheme_str() {
            Some("https") => Some(443),
            _ => Some(80),
        });
        if is_of_this_machine(&host) || self.direct.iter().any(|direct| direct.covers(&host, port)) {
            return None;
        }
        Some(proxy)
    }

    /// All of them, HTTPS_PROXY first.
    pub fn all(&self) -> impl Iterator<Item = &Proxy> {
        self.https.iter().chain(&self.http)
    }
}

/// Through a proxy, loopback and link-local addresses would be the proxy's. On the link-local network, EC2 and ECS hand out
/// credentials of the machine that asks (EC2 user guide, "Instance metadata service"), which would be the proxy's.
fn is_of_this_machine(host: &str) -> bool {
    /// The metadata service's IPv6 addresses, for EC2 and for EKS Pod Identity.
    const METADATA: [&str; 2] = ["fd00:ec2::254", "fd00:ec2::23"];
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || METADATA.contains(&host),
        Err(_) => host == "localhost",
    }
}

fn entries(list: &str) -> Vec<Direct> {
    list.split(',').filter_map(|entry| Direct::parse(entry.trim())).collect()
}

impl Direct {
    fn parse(entry: &str) -> Option<Self> {
        let entry = entry.to_ascii_lowercase();
        if entry == "*" {
            return Some(Direct::Everything);
        }
        if let Ok(network) = entry.parse::<IpNet>() {
            return Some(Direct::Network(network));
        }
        if let Ok(address) = entry.parse::<IpAddr>() {
            return Some(Direct::Address(address, None));
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => match port.parse::<u16>() {
                Ok(port) => (host, Some(port)),
                // kubectl ignores such an entry: it can't be a host.
                Err(_) => return None,
            },
            None => (entry.as_str(), None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return None;
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            return Some(Direct::Address(address, port));
        }
        let host = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        Some(match host.starts_with('.') {
            true => Direct::Domain { suffix: host.into(), itself: false, port },
            false => Direct::Domain { suffix: format!(".{host}"), itself: true, port },
        })
    }

    fn covers(&self, host: &str, port: Option<u16>) -> bool {
        let same = |wanted: &Option<u16>| wanted.is_none() || *wanted == port;
        let address = host.parse::<IpAddr>();
        match self {
            Direct::Everything => true,
            Direct::Network(network) => address.is_ok_and(|address| network.contains(&address)),
            Direct::Address(one, wanted) => address.is_ok_and(|address| address == *one) && same(wanted),
            Direct::Domain { suffix, itself, port: wanted } => {
                let below = host.ends_with(suffix.as_str());
                (below || (*itself && suffix.strip_prefix('.') == Some(host))) && same(wanted)
            }
        }
    }
}

impl Proxy {
    /// A URL, or a host and port as in `proxy.example.com:3128`.
    pub fn parse(text: &str, named_by: &'static str) -> Result<Self> {
        let wrong = |why: String| {
            // The text may contain a password.
            Err(Error::usage(format!("{named_by} can't be used")).because(why).fix(
                "give a URL such as http://proxy.example.com:3128 or socks5://127.0.0.1:1080, or unset it",
            ))
        };
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (kind, scheme, default) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Kind::Http, "http", 80),
            "https" => (Kind::Https, "https", 443),
            // Names are resolved by the proxy either way, as kubectl does.
            "socks5" | "socks5h" => (Kind::Socks5, "socks5", 1080),
            other => return wrong(format!("a proxy of the kind {other}:// is not supported")),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let parsed: std::result::Result<http::uri::Authority, _> = authority.parse();
        let Ok(authority) = parsed else { return wrong("it is not the URL of a proxy".into()) };
        if authority.host().is_empty() {
            return wrong("it has no host".into());
        }
        if kind == Kind::Socks5 && authority.as_str().contains('@') {
            return wrong("a SOCKS proxy with a user name is not supported".into());
        }
        let authority = match authority.port() {
            Some(_) => authority.to_string(),
            None => format!("{authority}:{default}"),
        };
        match Uri::builder().scheme(scheme).authority(authority).path_and_query("/").build() {
            Ok(uri) => Ok(Proxy { uri, kind, named_by }),
            Err(_) => wrong("it is not the URL of a proxy".into()),
        }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// With user name and password, if it has them: for a client, not for a screen.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host) = (self.uri.scheme_str().unwrap_or_default(), self.uri.host().unwrap_or_default());
        write!(f, "{scheme}://{host}:{}", self.uri.port_u16().unwrap_or_default())
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={self}", self.named_by)
    }
}

#[cfg(test)]
mod tests;
