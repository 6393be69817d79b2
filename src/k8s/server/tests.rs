use super::*;
use crate::exit::Exit;
use crate::sample::facts;
use crate::settings::KubeconfigChoice;

const ENDPOINT: &str = "https://ABC.gr7.us-west-2.eks.amazonaws.com";

fn cluster() -> Cluster {
    use base64::Engine as _;
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    Cluster {
        endpoint: ENDPOINT.into(),
        certificate_authority: base64::engine::general_purpose::STANDARD.encode(pem),
        ..facts().cluster
    }
}

fn proxies(https: &str, no: &str) -> Proxies {
    Proxies::read(|name| match name {
        "HTTPS_PROXY" => Some(https.into()),
        "NO_PROXY" => Some(no.into()),
        _ => None,
    })
    .unwrap()
}

/// What comes of a kubeconfig whose cluster has these fields.
fn config(fields: &str, proxies: &Proxies) -> Result<Config> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
         clusters: [{{name: c, cluster: {{{fields}}}}}]\n\
         contexts: [{{name: here, context: {{cluster: c, user: u}}}}, {{name: lost, context: {{cluster: d}}}}]\n\
         users: [{{name: u, user: {{token: t}}}}]\n"
    );
    std::fs::write(&path, text).unwrap();
    let choice = KubeconfigChoice { path: Some(path.display().to_string()), context: None };
    of_kubeconfig(&cluster(), &choice, proxies)
}

fn proxy(config: &Config) -> Option<String> {
    config.proxy_url.as_ref().map(ToString::to_string)
}

#[test]
fn every_connection_trusts_only_the_cluster_s_certificate_authority() {
    let cluster = cluster();
    let authority = authority(&cluster).unwrap();
    let direct = Proxies::default();
    assert_eq!(native(&cluster, &direct).unwrap().root_cert.unwrap(), authority);
    for fields in [
        "server: 'https://localhost:8443'",
        "server: 'https://localhost:8443', insecure-skip-tls-verify: true",
        "server: 'https://localhost:8443', certificate-authority-data: aGVsbG8=",
        "server: 'https://localhost:8443', certificate-authority: /no/such/file",
    ] {
        let config = config(fields, &direct).unwrap();
        // The certificate differs on each call, so only its presence is checked.
        assert_eq!(config.root_cert.unwrap().len(), 1, "{fields}");
        assert!(!config.accept_invalid_certs, "{fields}");
        assert_eq!(config.tls_server_name.as_deref(), Some("ABC.gr7.us-west-2.eks.amazonaws.com"));
    }
    let named = config("server: 'https://10.0.0.9', tls-server-name: kubernetes", &direct).unwrap();
    assert_eq!(named.tls_server_name.as_deref(), Some("kubernetes"));
}

#[test]
fn native_and_kubeconfig_connections_use_the_same_proxy_rules() {
    let set = proxies("http://proxy:3128", "10.0.0.0/8,.internal,");
    assert_eq!(proxy(&native(&cluster(), &set).unwrap()).as_deref(), Some("http://proxy:3128/"));
    let of = |fields: &str| proxy(&config(fields, &set).unwrap());
    assert_eq!(of("server: 'https://api.example.com'").as_deref(), Some("http://proxy:3128/"));
    assert_eq!(of("server: 'https://10.1.2.3'"), None);
    assert_eq!(of("server: 'https://api.internal:6443'"), None);
    assert_eq!(of("server: 'https://localhost:8443'"), None);
    // The kubeconfig's proxy-url wins over the environment, and NO_PROXY does not apply to it.
    let own = of("server: 'https://10.1.2.3', proxy-url: 'socks5://127.0.0.1:1080'");
    assert_eq!(own.as_deref(), Some("socks5://127.0.0.1:1080/"));
    let excepted = proxies("http://proxy:3128", "*.eks.amazonaws.com:443");
    assert_eq!(proxy(&native(&cluster(), &excepted).unwrap()), None);
}

#[test]
fn an_unusable_kubeconfig_or_proxy_is_refused_with_the_reason() {
    let refused = |result: Result<Config>, exit: Exit, text: &str| {
        let error = result.map(|_| ()).unwrap_err();
        assert_eq!(error.exit(), exit, "{error}");
        let message = format!("{error} {}", error.fix_command().unwrap_or_default());
        assert!(message.contains(text), "'{text}' is not in: {message}");
        assert!(!message.contains("kube/") && !message.contains("feature"), "{message}");
    };
    let direct = Proxies::default();
    refused(config("server: 'http://localhost:8001'", &direct), Exit::Refused, "certificate");
    refused(config("server: 'no url'", &direct), Exit::Usage, "not the URL");
    refused(config("proxy-url: x", &direct), Exit::Usage, "not the URL");
    refused(config("server: 'https://a', proxy-url: 'ftp://p'", &direct), Exit::Usage, "proxy-url");
    let tls = proxies("https://proxy", "");
    refused(config("server: 'https://a'", &tls), Exit::Usage, "NO_PROXY");
    let choice = |path: &str, context: &str| KubeconfigChoice {
        path: Some(path.into()),
        context: Some(context.into()),
    };
    let read = |choice: KubeconfigChoice| of_kubeconfig(&cluster(), &choice, &direct);
    refused(read(choice("/no/such/file", "x")), Exit::Usage, "/no/such/file: ");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config").display().to_string();
    std::fs::write(&path, "clusters: []\ncontexts: [{name: lost, context: {cluster: d}}]\n").unwrap();
    refused(read(choice(&path, "x")), Exit::Usage, "no context 'x'");
    refused(read(choice(&path, "lost")), Exit::Usage, "no cluster 'd'");
    std::fs::write(&path, "clusters: [\n").unwrap();
    refused(read(choice(&path, "x")), Exit::Usage, "not a kubeconfig");
}
