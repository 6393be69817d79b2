use super::*;

fn proxies(variables: &[(&str, &str)]) -> Proxies {
    let value =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string());
    Proxies::read(value).unwrap()
}

fn taken(variables: &[(&str, &str)], url: &str) -> Option<String> {
    proxies(variables).to(&url.parse().unwrap()).map(ToString::to_string)
}

#[test]
fn the_scheme_decides_the_variable_and_upper_case_wins() {
    let both = [
        ("HTTPS_PROXY", "http://one:3128"),
        ("https_proxy", "http://two:3128"),
        ("HTTP_PROXY", ""),
        ("http_proxy", "three"),
        ("ALL_PROXY", "http://four:1"),
    ];
    assert_eq!(taken(&both, "https://eks.us-west-2.amazonaws.com").as_deref(), Some("http://one:3128"));
    assert_eq!(taken(&both, "http://example.com").as_deref(), Some("http://three:80"));
    assert_eq!(taken(&[("ALL_PROXY", "http://four:1")], "https://example.com"), None);
    assert_eq!(taken(&[], "https://example.com"), None);
}

#[test]
fn this_machine_and_its_metadata_service_never_use_a_proxy() {
    let variables = [("HTTPS_PROXY", "http://p:1"), ("HTTP_PROXY", "http://p:1")];
    for url in [
        "https://localhost:6443",
        "https://127.0.0.1",
        "https://127.8.8.8:9",
        "https://[::1]:6443",
        "http://169.254.169.254/latest/meta-data",
        "http://169.254.170.2/v2/credentials",
        "http://[fd00:ec2::254]/",
    ] {
        assert_eq!(taken(&variables, url), None, "{url}");
    }
    assert!(taken(&variables, "https://10.0.0.1").is_some());
}

#[test]
fn no_proxy_names_hosts_domains_addresses_networks_and_ports() {
    let cases = [
        ("eks.amazonaws.com", "https://abc.gr7.us-west-2.eks.amazonaws.com", true),
        (".eks.amazonaws.com", "https://ABC.gr7.us-west-2.eks.amazonaws.com", true),
        ("*.eks.amazonaws.com", "https://abc.gr7.us-west-2.eks.amazonaws.com", true),
        ("ks.amazonaws.com", "https://abc.gr7.us-west-2.eks.amazonaws.com", false),
        ("example.com", "https://example.com", true),
        (".example.com", "https://example.com", false),
        ("*.example.com", "https://example.com", false),
        ("example.com:8443", "https://example.com:8443", true),
        ("example.com:8443", "https://example.com", false),
        ("example.com:443", "https://example.com", true),
        ("10.0.0.0/8", "https://10.1.2.3:6443", true),
        ("10.0.0.0/8", "https://11.1.2.3:6443", false),
        ("10.0.0.1", "https://10.0.0.1", true),
        ("10.0.0.1:443", "https://10.0.0.1", true),
        ("10.0.0.1:6443", "https://10.0.0.1", false),
        ("[fd00::1]:443", "https://[fd00::1]", true),
        ("fd00::/8", "https://[fd00::1]", true),
        ("*", "https://example.com", true),
        // Entries that are none don't spoil the others.
        (" , ,:,a:b, example.com ,", "https://example.com", true),
        ("", "https://example.com", false),
    ];
    for (no_proxy, url, direct) in cases {
        let taken = taken(&[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", no_proxy)], url);
        assert_eq!(taken.is_none(), direct, "{no_proxy} and {url}");
    }
}

#[test]
fn a_proxy_is_a_url_or_a_host_and_port() {
    let kind = |text: &str| Proxy::parse(text, "HTTPS_PROXY").map(|proxy| (proxy.kind(), proxy.to_string()));
    for (text, expected, shown) in [
        ("proxy.example.com:3128", Kind::Http, "http://proxy.example.com:3128"),
        ("http://proxy.example.com/", Kind::Http, "http://proxy.example.com:80"),
        ("HTTPS://proxy.example.com", Kind::Https, "https://proxy.example.com:443"),
        ("socks5://127.0.0.1", Kind::Socks5, "socks5://127.0.0.1:1080"),
        ("socks5h://[::1]:9", Kind::Socks5, "socks5://[::1]:9"),
    ] {
        assert_eq!(kind(text).unwrap(), (expected, shown.to_string()));
    }
    for text in ["ftp://p:1", "http://", "http://a b", "socks5://u:p@h:1"] {
        let error = kind(text).unwrap_err();
        assert_eq!(error.exit(), crate::exit::Exit::Usage);
        assert!(error.what().contains("HTTPS_PROXY"), "{error}");
    }
}

#[test]
fn a_password_is_passed_to_the_client_and_never_shown() {
    let proxy = Proxy::parse("http://ann:s3cret@proxy:3128", "HTTPS_PROXY").unwrap();
    assert!(proxy.uri().to_string().contains("s3cret"));
    assert!(!format!("{proxy} {proxy:?}").contains("s3cret"));
    let wrong = Proxy::parse("http://ann:s3cret@", "HTTPS_PROXY").unwrap_err();
    assert!(!format!("{wrong} {wrong:?}").contains("s3cret"));
}
