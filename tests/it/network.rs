//! Networks as companies have them: proxies, tunnels, TLS that is inspected, services that have no endpoint.

mod relay;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use relay::{Authority, Relay};
use sandbox::{OldNodes, Sandbox, Shape};
use serde_json::json;

use crate::cluster::{refuses_in, start};
use crate::command::{Ran, in_sandbox, writes};
use crate::policy::{aws, user};

const PLAN: &[&str] = &["plan"];
/// What AWS is called here; no name server knows it.
const AWS: &str = "aws.sandbox.test";

/// `aws configure export-credentials`, which version 2 of the aws CLI has and the sandbox's, a version 1, has not: the
/// same library does the same. The code is read from stdin, where the aws CLI asks at the terminal.
const EXPORT_CREDENTIALS: &str = r#"#!PYTHON
import sys
from botocore.session import Session

assert sys.argv[1:3] == ["configure", "export-credentials"] and sys.argv[5:] == ["--format", "env"]
session = Session(profile=sys.argv[4])
providers = session.get_component("credential_provider")
providers.get_provider("assume-role")._prompter = lambda question: sys.stdin.readline().strip()
keys = session.get_credentials().get_frozen_credentials()
print(f"export AWS_ACCESS_KEY_ID={keys.access_key}")
print(f"export AWS_SECRET_ACCESS_KEY={keys.secret_key}")
print(f"export AWS_SESSION_TOKEN={keys.token}")
"#;

/// A cluster with a private endpoint, and what stands between it and the program.
struct Behind {
    sandbox: Sandbox,
    host: String,
    proxy: Relay,
    authority: Authority,
    folder: tempfile::TempDir,
}

/// On one cluster, whose endpoint's name only the proxy can resolve.
#[test]
fn behind_a_proxy_and_through_a_tunnel_it_works_and_only_the_clusters_own_server_is_spoken_to() {
    let sandbox = start(Shape { azs: 1, old_nodes: OldNodes::SelfManaged, ..Shape::default() });
    let host = sandbox.endpoint_host();
    sandbox.name_endpoint(&format!("https://{host}")).expect("the sandbox takes an endpoint");
    let authority = Authority::new();
    let front = Relay::tls(&authority, AWS, sandbox.aws_port());
    let proxy = Relay::proxy(BTreeMap::from([
        // The program spells it as hosts are compared: without regard to case.
        (format!("{}:443", host.to_lowercase()), sandbox.kubernetes_port()),
        (format!("{host}:443"), sandbox.kubernetes_port()),
        (format!("{AWS}:443"), front.port),
        (format!("{AWS}:80"), sandbox.aws_port()),
    ]));
    let folder = tempfile::tempdir().expect("a folder");
    let behind = Behind { sandbox, host, proxy, authority, folder };
    natively_by_the_proxy_of_the_environment(&behind);
    no_proxy_is_honoured(&behind);
    a_kubeconfig_by_either_proxy(&behind);
    a_kubeconfig_by_a_tunnel(&behind);
    another_server(&behind);
    inspected_tls(&behind);
    aws_by_the_proxy(&behind);
    a_page_in_the_place_of_an_answer(&behind);
    credentials_that_want_a_person(&behind);
    services_that_are_not_there(&behind);
}

impl Behind {
    fn plan(&self) -> Command {
        self.command(PLAN)
    }

    /// The program without any proxy of the machine that runs the tests.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = in_sandbox(&self.sandbox, args);
        for name in ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command
    }

    fn proxy_url(&self) -> String {
        format!("http://ann:s3cret@127.0.0.1:{}", self.proxy.port)
    }

    /// A file in this test's folder.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("the file is written");
        path.display().to_string()
    }

    /// The sandbox's kubeconfig with these fields in its cluster.
    fn kubeconfig(&self, name: &str, fields: &str) -> String {
        let text = fs::read_to_string(self.sandbox.kubeconfig()).expect("the kubeconfig can be read");
        let lines = text.lines().map(|line| match line.contains("server: ") {
            true => format!("- {{name: {}, cluster: {{{fields}}}}}", self.sandbox.shape.cluster),
            false => line.to_string(),
        });
        self.file(name, &lines.collect::<Vec<_>>().join("\n"))
    }

    fn with(&self, kubeconfig: &str) -> Command {
        let mut plan = self.plan();
        plan.args(["--kubeconfig", kubeconfig]);
        plan
    }

    #[track_caller]
    fn saw(&self, what: &str) {
        let seen = self.proxy.seen();
        assert!(seen.iter().any(|line| line.eq_ignore_ascii_case(what)), "'{what}' is not in {seen:?}");
    }
}

/// Words of libraries and of Rust's that are for nobody who runs the program.
#[track_caller]
fn in_plain_words(told: &str) {
    for word in [
        "Unhandled",
        "XmlDecode",
        "ErrorMetadata",
        "SdkBody",
        "cargo",
        "feature",
        "kube/",
        "s3cret",
        "Error {",
    ] {
        assert!(!told.contains(word), "'{word}' is in:\n{told}");
    }
}

fn natively_by_the_proxy_of_the_environment(behind: &Behind) {
    Ran::of(behind.plan().env("HTTPS_PROXY", behind.proxy_url())).expect(0);
    behind.saw(&format!("CONNECT {}:443", behind.host));
    // As `ssh -D` gives; AWS is reached directly here.
    let socks = format!("socks5://127.0.0.1:{}", behind.proxy.port);
    Ran::of(behind.plan().env("HTTPS_PROXY", socks)).expect(0);
    behind.saw(&format!("SOCKS5 {}:443", behind.host));
}

fn no_proxy_is_honoured(behind: &Behind) {
    // Trailing commas and ports are what people write.
    for no_proxy in [".eks.amazonaws.com,", &format!("localhost, {}:443", behind.host)] {
        let mut plan = behind.plan();
        plan.env("HTTPS_PROXY", behind.proxy_url()).env("NO_PROXY", no_proxy);
        let told = Ran::of(&mut plan).expect(1).tells(&["reach the cluster's API server"]);
        in_plain_words(&told.stderr);
        assert_eq!(behind.proxy.seen(), Vec::<String>::new(), "{no_proxy}");
    }
}

fn a_kubeconfig_by_either_proxy(behind: &Behind) {
    let server = format!("server: 'https://{}'", behind.host);
    let plain = behind.kubeconfig("plain", &server);
    Ran::of(behind.with(&plain).env("HTTPS_PROXY", behind.proxy_url()).env("NO_PROXY", "a.example,"))
        .expect(0);
    behind.saw(&format!("CONNECT {}:443", behind.host));

    let own = |scheme: &str| format!("{server}, proxy-url: '{scheme}://127.0.0.1:{}'", behind.proxy.port);
    let http = behind.kubeconfig("http", &own("http"));
    Ran::of(&mut behind.with(&http)).expect(0);
    behind.saw(&format!("CONNECT {}:443", behind.host));
    let socks = behind.kubeconfig("socks", &own("socks5"));
    // It comes before the environment.
    Ran::of(behind.with(&socks).env("HTTPS_PROXY", "http://127.0.0.1:1").env("NO_PROXY", "*")).expect(0);
    behind.saw(&format!("SOCKS5 {}:443", behind.host));
}

fn a_kubeconfig_by_a_tunnel(behind: &Behind) {
    let tunnel = Relay::tunnel(behind.sandbox.kubernetes_port());
    for (name, more) in [
        ("tunnel", ""),
        // What people add for want of a certificate that names the tunnel.
        ("careless", ", insecure-skip-tls-verify: true"),
        ("named", ", tls-server-name: kubernetes"),
    ] {
        let fields = format!("server: 'https://localhost:{}'{more}", tunnel.port);
        Ran::of(&mut behind.with(&behind.kubeconfig(name, &fields))).expect(0);
        assert!(!tunnel.seen().is_empty(), "{name}");
    }
}

fn another_server(behind: &Behind) {
    let other = Relay::tls(&behind.authority, &behind.host, behind.sandbox.kubernetes_port());
    let server = format!("server: 'https://localhost:{}'", other.port);
    let authority = behind.file("authority.pem", &behind.authority.pem);
    for (name, fields) in [
        ("other", server.clone()),
        ("other-trusted", format!("{server}, certificate-authority: {authority}")),
        ("other-careless", format!("{server}, insecure-skip-tls-verify: true")),
    ] {
        let mut setup = behind.command(&["setup", "--yes", "--kubeconfig"]);
        setup.arg(behind.kubeconfig(name, &fields));
        let told = [
            "leads to another server",
            "certificate authority that EKS names",
            "update-kubeconfig",
            &other.port.to_string(),
        ];
        refuses_in(&behind.sandbox, &mut setup, 3, &told);
        // No token went there.
        assert_eq!(other.seen(), Vec::<String>::new(), "{name}");
    }
    let proxied = behind.kubeconfig("kubectl-proxy", "server: 'http://localhost:8001'");
    Ran::of(&mut behind.with(&proxied)).expect(3).tells(&[
        "can't be verified",
        "http://localhost:8001",
        "https://",
    ]);
}

fn inspected_tls(behind: &Behind) {
    let inspector = Relay::tls(&behind.authority, &behind.host, behind.sandbox.kubernetes_port());
    let names = BTreeMap::from([
        (format!("{}:443", behind.host.to_lowercase()), inspector.port),
        (format!("{}:443", behind.host), inspector.port),
    ]);
    let proxy = Relay::proxy(names);
    let mut plan = behind.plan();
    plan.env("HTTPS_PROXY", format!("http://127.0.0.1:{}", proxy.port));
    Ran::of(&mut plan).expect(3).tells(&["is not cluster 'sandbox'", "inspects TLS", "NO_PROXY"]);
    assert_eq!(inspector.seen(), Vec::<String>::new());
}

fn aws_by_the_proxy(behind: &Behind) {
    let bundle = behind.file("bundle.pem", &format!("# ours\n{}", behind.authority.pem));
    let plan = |endpoint: &str| {
        let mut plan = behind.plan();
        plan.env("AWS_ENDPOINT_URL", endpoint).env("HTTPS_PROXY", behind.proxy_url());
        plan
    };
    let secure = format!("https://{AWS}");
    Ran::of(plan(&secure).env("AWS_CA_BUNDLE", &bundle)).expect(0);
    behind.saw(&format!("CONNECT {AWS}:443"));
    let config = behind.file("config", &format!("[default]\nca_bundle = {bundle}\n"));
    Ran::of(plan(&secure).env("AWS_CONFIG_FILE", config)).expect(0);

    let told =
        Ran::of(&mut plan(&secure)).expect(1).tells(&["authenticate to AWS", "certificate", "AWS_CA_BUNDLE"]);
    in_plain_words(&told.stderr);
    Ran::of(plan(&secure).env("AWS_CA_BUNDLE", "/no/such/file"))
        .expect(2)
        .tells(&["AWS_CA_BUNDLE", "/no/such/file"]);
    behind.proxy.seen();

    Ran::of(plan(&format!("http://{AWS}")).env("HTTP_PROXY", behind.proxy_url())).expect(0);
    behind.saw(&format!("POST {AWS}"));
    let mut socks = plan(&secure);
    socks
        .env("HTTPS_PROXY", format!("socks5://127.0.0.1:{}", behind.proxy.port))
        .env("AWS_CA_BUNDLE", &bundle);
    Ran::of(&mut socks).expect(0);
    behind.saw(&format!("SOCKS5 {AWS}:443"));
    // By the system's certificates, and to who does not answer.
    let told = Ran::of(socks.env_remove("AWS_CA_BUNDLE")).expect(1).tells(&["certificate", "AWS_CA_BUNDLE"]);
    in_plain_words(&told.stderr);
    let told = Ran::of(socks.env("AWS_ENDPOINT_URL", "https://nobody.sandbox.test")).expect(1);
    in_plain_words(&told.tells(&["authenticate to AWS", "HTTPS_PROXY"]).stderr);
    behind.proxy.seen();
}

fn a_page_in_the_place_of_an_answer(behind: &Behind) {
    const PAGE: &str = "<html><head><title>Access denied</title></head>\n<body><p>Your request was blocked.</p></body></html>";
    for (status, code) in [("200 OK", "200"), ("403 Forbidden", "403")] {
        let page = Relay::page(status, "text/html", PAGE);
        let mut plan = behind.plan();
        plan.env("AWS_ENDPOINT_URL", format!("http://{AWS}"));
        plan.env("HTTP_PROXY", format!("http://127.0.0.1:{}", page.port));
        let status = format!("HTTP status {code}, text/html: \"Access denied Your request was blocked.\"");
        let told = Ran::of(&mut plan).expect(1).tells(&["authenticate to AWS", &status, "HTTPS_PROXY"]);
        in_plain_words(&told.stderr);
        assert!(told.stderr.lines().count() < 8, "{}", told.stderr);
    }
    let page = Relay::page("502 Bad Gateway", "text/html", PAGE);
    let server = format!("server: 'https://{}', proxy-url: 'http://127.0.0.1:{}'", behind.host, page.port);
    let told = Ran::of(&mut behind.with(&behind.kubeconfig("page", &server))).expect(1);
    in_plain_words(&told.tells(&["reach the cluster's API server", "proxy-url"]).stderr);
}

fn credentials_that_want_a_person(behind: &Behind) {
    let sandbox = &behind.sandbox;
    let serial = format!("arn:aws:iam::{}:mfa/ann", sandbox.aws.account);
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": sandbox.aws.account},
        "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]});
    let all =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let create = [
        "iam",
        "create-role",
        "--role-name",
        "with-mfa",
        "--assume-role-policy-document",
        &trust.to_string(),
    ];
    let role = aws(sandbox, &create)["Role"]["Arn"].as_str().expect("an ARN").to_string();
    let put =
        ["iam", "put-role-policy", "--role-name", "with-mfa", "--policy-name", "all", "--policy-document"];
    aws(sandbox, &[&put[..], &[&all.to_string()]].concat());
    let keys = user(sandbox, "ann", &all.to_string());
    let config = behind.file(
        "mfa",
        &format!(
            "[profile keys]\naws_access_key_id = {}\naws_secret_access_key = {}\n\
             [profile admin]\nrole_arn = {role}\nsource_profile = keys\nmfa_serial = {serial}\n\
             [profile console]\nlogin_session = arn:aws:iam::{}:user/ann\n",
            keys.access_key_id, keys.secret_access_key, sandbox.aws.account
        ),
    );
    let profile = |name: &str| {
        let mut plan = behind.plan();
        plan.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        plan.env("AWS_CONFIG_FILE", &config).env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        plan.env("AWS_EC2_METADATA_DISABLED", "true").env("HTTPS_PROXY", behind.proxy_url());
        plan.args(["--profile", name]);
        plan
    };
    let told = Ran::of(&mut profile("admin")).expect(1);
    let told = told.tells(&["MFA", &role, "aws configure export-credentials --profile admin --format env"]);
    in_plain_words(&told.stderr);

    // What is printed, typed: the aws CLI asks for the code, and the same command goes on with what it got.
    let folder = behind.folder.path().join("bin");
    fs::create_dir_all(&folder).expect("a folder");
    let python = &sandbox.tools.python;
    fs::write(folder.join("aws"), EXPORT_CREDENTIALS.replace("PYTHON", &python.display().to_string()))
        .expect("a script");
    fs::set_permissions(folder.join("aws"), fs::Permissions::from_mode(0o755)).expect("it may run");
    let typed = "eval \"$(aws configure export-credentials --profile admin --format env)\"";
    assert!(told.stderr.contains(typed), "{}", told.stderr);
    let script = format!(
        "export PATH={}:$PATH; {} && exec {} plan --kubeconfig {}",
        folder.display(),
        typed.replace("$(aws", "$(echo 123456 | aws"),
        crate::command::program(),
        // The role has no access entry.
        behind.kubeconfig("person", &format!("server: 'https://{}'", behind.host))
    );
    let mut shell = Command::new("bash");
    for (name, value) in profile("admin").get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    Ran::of(shell.current_dir(behind.folder.path()).args(["-c", &script])).expect(0);

    // Keys in the environment may be another account's: --profile is stronger, AWS_PROFILE is not.
    let stray = |command: &mut Command| {
        command.env("AWS_ACCESS_KEY_ID", "AKIASTRAY00000000000").env("AWS_SECRET_ACCESS_KEY", "stray");
    };
    let mut by_flag = profile("keys");
    stray(&mut by_flag);
    by_flag.args(["--kubeconfig", &behind.kubeconfig("ann", &format!("server: 'https://{}'", behind.host))]);
    Ran::of(&mut by_flag).expect(0);
    let mut by_variable = behind.plan();
    stray(&mut by_variable);
    by_variable
        .env("AWS_CONFIG_FILE", &config)
        .env("AWS_PROFILE", "keys")
        .env("HTTPS_PROXY", behind.proxy_url());
    Ran::of(&mut by_variable).expect(1).tells(&["InvalidClientTokenId"]);

    let told = Ran::of(&mut profile("console"))
        .expect(1)
        .tells(&["aws login", "export-credentials --profile console"]);
    in_plain_words(&told.stderr);
}

/// Service Quotas and IAM have no endpoint in many private networks.
fn services_that_are_not_there(behind: &Behind) {
    let plan = || {
        let mut plan = behind.plan();
        plan.env("HTTPS_PROXY", behind.proxy_url());
        plan
    };
    let started = Instant::now();
    Ran::of(&mut plan()).expect(0);
    let usual = started.elapsed();

    let (quotas, iam) = (Relay::silence(), Relay::silence());
    let without = |command: &mut Command| {
        command.env("AWS_ENDPOINT_URL_SERVICE_QUOTAS", format!("https://127.0.0.1:{}", quotas.port));
        command.env("AWS_ENDPOINT_URL_IAM", format!("https://127.0.0.1:{}", iam.port));
    };
    let mut command = plan();
    without(&mut command);
    let started = Instant::now();
    let told = Ran::of(&mut command).expect(0);
    let took = started.elapsed();
    assert!(took < usual + Duration::from_secs(5), "{took:?} where {usual:?} is usual");
    assert_eq!((quotas.seen().len(), iam.seen().len()), (1, 1));
    assert_eq!(told.stdout.matches("EC-RUN-002").count(), 1, "{}", told.stdout);
    assert_eq!(told.stdout.matches("EC-IAM-002").count(), 1, "{}", told.stdout);

    // A step that changes something looks again and again.
    let mark = behind.sandbox.mark();
    let mut step = behind.command(&["associate-cidr", "--yes", "--cidr", "100.64.0.0/16"]);
    step.env("HTTPS_PROXY", behind.proxy_url());
    without(&mut step);
    Ran::of(&mut step).expect(0);
    assert!(writes(&behind.sandbox, mark).iter().any(|call| call.contains("AssociateVpcCidrBlock")));
    assert_eq!((quotas.seen().len(), iam.seen().len()), (1, 1));
}
