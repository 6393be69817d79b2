//! Corporate networks: proxies, tunnels, TLS inspection, services without an endpoint.

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
use crate::command::{Outcome, in_sandbox, writes};
use crate::policy::{aws, user};

const PLAN: &[&str] = &["plan"];
/// The host name of AWS in this test. No name server resolves it.
const AWS: &str = "aws.sandbox.test";

/// `aws configure export-credentials`, which only version 2 of the AWS CLI has; the sandbox's is version 1. This script
/// does the same with the same library. It reads the MFA code from stdin; the AWS CLI prompts for it at the terminal.
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

/// A cluster with a private endpoint, and the servers between it and the program.
struct Behind {
    sandbox: Sandbox,
    host: String,
    proxy: Relay,
    authority: Authority,
    folder: tempfile::TempDir,
}

/// Runs on one cluster, whose endpoint only the proxy can resolve.
#[test]
fn proxies_and_tunnels_work_and_only_the_cluster_s_own_api_server_is_trusted() {
    let sandbox = start(Shape { azs: 1, old_nodes: OldNodes::SelfManaged, ..Shape::default() });
    let host = sandbox.endpoint_host();
    sandbox.name_endpoint(&format!("https://{host}")).expect("the sandbox takes an endpoint");
    let authority = Authority::new();
    let front = Relay::tls(&authority, AWS, sandbox.aws_port());
    let proxy = Relay::proxy(BTreeMap::from([
        // Host names are compared without regard to case.
        (format!("{}:443", host.to_lowercase()), sandbox.kubernetes_port()),
        (format!("{host}:443"), sandbox.kubernetes_port()),
        (format!("{AWS}:443"), front.port),
        (format!("{AWS}:80"), sandbox.aws_port()),
    ]));
    let folder = tempfile::tempdir().expect("a folder");
    let behind = Behind { sandbox, host, proxy, authority, folder };
    native_access_through_the_environment_s_proxy(&behind);
    no_proxy_is_honoured(&behind);
    a_kubeconfig_with_either_proxy(&behind);
    a_kubeconfig_through_a_tunnel(&behind);
    another_server(&behind);
    inspected_tls(&behind);
    aws_through_the_proxy(&behind);
    an_html_page_instead_of_a_response(&behind);
    credentials_that_need_a_person(&behind);
    unreachable_services(&behind);
}

impl Behind {
    fn plan(&self) -> Command {
        self.command(PLAN)
    }

    /// The program without the proxy settings of the machine that runs the tests.
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

    /// Writes a file to this test's folder.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("the file is written");
        path.display().to_string()
    }

    /// The sandbox's kubeconfig with these fields in its cluster entry.
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

/// Asserts that the text has none of the internal words of libraries and of Rust.
#[track_caller]
fn assert_plain_words(text: &str) {
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
        assert!(!text.contains(word), "'{word}' is in:\n{text}");
    }
}

fn native_access_through_the_environment_s_proxy(behind: &Behind) {
    Outcome::of(behind.plan().env("HTTPS_PROXY", behind.proxy_url())).expect(0);
    behind.saw(&format!("CONNECT {}:443", behind.host));
    // A SOCKS proxy as `ssh -D` opens it. AWS is reached directly here.
    let socks = format!("socks5://127.0.0.1:{}", behind.proxy.port);
    Outcome::of(behind.plan().env("HTTPS_PROXY", socks)).expect(0);
    behind.saw(&format!("SOCKS5 {}:443", behind.host));
}

fn no_proxy_is_honoured(behind: &Behind) {
    // Users write trailing commas and ports.
    for no_proxy in [".eks.amazonaws.com,", &format!("localhost, {}:443", behind.host)] {
        let mut plan = behind.plan();
        plan.env("HTTPS_PROXY", behind.proxy_url()).env("NO_PROXY", no_proxy);
        let ran = Outcome::of(&mut plan).expect(1).says(&["reach the cluster's API server"]);
        assert_plain_words(&ran.stderr);
        assert_eq!(behind.proxy.seen(), Vec::<String>::new(), "{no_proxy}");
    }
}

fn a_kubeconfig_with_either_proxy(behind: &Behind) {
    let server = format!("server: 'https://{}'", behind.host);
    let plain = behind.kubeconfig("plain", &server);
    Outcome::of(behind.with(&plain).env("HTTPS_PROXY", behind.proxy_url()).env("NO_PROXY", "a.example,"))
        .expect(0);
    behind.saw(&format!("CONNECT {}:443", behind.host));

    let own = |scheme: &str| format!("{server}, proxy-url: '{scheme}://127.0.0.1:{}'", behind.proxy.port);
    let http = behind.kubeconfig("http", &own("http"));
    Outcome::of(&mut behind.with(&http)).expect(0);
    behind.saw(&format!("CONNECT {}:443", behind.host));
    let socks = behind.kubeconfig("socks", &own("socks5"));
    // The kubeconfig's proxy-url overrides the environment.
    Outcome::of(behind.with(&socks).env("HTTPS_PROXY", "http://127.0.0.1:1").env("NO_PROXY", "*")).expect(0);
    behind.saw(&format!("SOCKS5 {}:443", behind.host));
}

fn a_kubeconfig_through_a_tunnel(behind: &Behind) {
    let tunnel = Relay::tunnel(behind.sandbox.kubernetes_port());
    for (name, more) in [
        ("tunnel", ""),
        // What users add because no certificate names the tunnel.
        ("careless", ", insecure-skip-tls-verify: true"),
        ("named", ", tls-server-name: kubernetes"),
    ] {
        let fields = format!("server: 'https://localhost:{}'{more}", tunnel.port);
        Outcome::of(&mut behind.with(&behind.kubeconfig(name, &fields))).expect(0);
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
        let texts = [
            "leads to another server",
            "certificate authority that EKS names",
            "update-kubeconfig",
            &other.port.to_string(),
        ];
        refuses_in(&behind.sandbox, &mut setup, 3, &texts);
        // No token was sent there.
        assert_eq!(other.seen(), Vec::<String>::new(), "{name}");
    }
    let proxied = behind.kubeconfig("kubectl-proxy", "server: 'http://localhost:8001'");
    Outcome::of(&mut behind.with(&proxied)).expect(3).says(&[
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
    Outcome::of(&mut plan).expect(3).says(&["is not cluster 'sandbox'", "inspects TLS", "NO_PROXY"]);
    assert_eq!(inspector.seen(), Vec::<String>::new());
}

fn aws_through_the_proxy(behind: &Behind) {
    let bundle = behind.file("bundle.pem", &format!("# test CA\n{}", behind.authority.pem));
    let plan = |endpoint: &str| {
        let mut plan = behind.plan();
        plan.env("AWS_ENDPOINT_URL", endpoint).env("HTTPS_PROXY", behind.proxy_url());
        plan
    };
    let secure = format!("https://{AWS}");
    Outcome::of(plan(&secure).env("AWS_CA_BUNDLE", &bundle)).expect(0);
    behind.saw(&format!("CONNECT {AWS}:443"));
    let config = behind.file("config", &format!("[default]\nca_bundle = {bundle}\n"));
    Outcome::of(plan(&secure).env("AWS_CONFIG_FILE", config)).expect(0);

    let ran = Outcome::of(&mut plan(&secure)).expect(1).says(&[
        "authenticate to AWS",
        "certificate",
        "AWS_CA_BUNDLE",
    ]);
    assert_plain_words(&ran.stderr);
    Outcome::of(plan(&secure).env("AWS_CA_BUNDLE", "/no/such/file"))
        .expect(2)
        .says(&["AWS_CA_BUNDLE", "/no/such/file"]);
    behind.proxy.seen();

    Outcome::of(plan(&format!("http://{AWS}")).env("HTTP_PROXY", behind.proxy_url())).expect(0);
    behind.saw(&format!("POST {AWS}"));
    let mut socks = plan(&secure);
    socks
        .env("HTTPS_PROXY", format!("socks5://127.0.0.1:{}", behind.proxy.port))
        .env("AWS_CA_BUNDLE", &bundle);
    Outcome::of(&mut socks).expect(0);
    behind.saw(&format!("SOCKS5 {AWS}:443"));
    // With the system's certificates, and to a host that does not exist.
    let ran =
        Outcome::of(socks.env_remove("AWS_CA_BUNDLE")).expect(1).says(&["certificate", "AWS_CA_BUNDLE"]);
    assert_plain_words(&ran.stderr);
    let ran = Outcome::of(socks.env("AWS_ENDPOINT_URL", "https://missing.sandbox.test")).expect(1);
    assert_plain_words(&ran.says(&["authenticate to AWS", "HTTPS_PROXY"]).stderr);
    behind.proxy.seen();
}

fn an_html_page_instead_of_a_response(behind: &Behind) {
    const PAGE: &str = "<html><head><title>Access denied</title></head>\n<body><p>Your request was blocked.</p></body></html>";
    for (status, code) in [("200 OK", "200"), ("403 Forbidden", "403")] {
        let page = Relay::page(status, "text/html", PAGE);
        let mut plan = behind.plan();
        plan.env("AWS_ENDPOINT_URL", format!("http://{AWS}"));
        plan.env("HTTP_PROXY", format!("http://127.0.0.1:{}", page.port));
        let status = format!("HTTP status {code}, text/html: \"Access denied Your request was blocked.\"");
        let ran = Outcome::of(&mut plan).expect(1).says(&["authenticate to AWS", &status, "HTTPS_PROXY"]);
        assert_plain_words(&ran.stderr);
        assert!(ran.stderr.lines().count() < 8, "{}", ran.stderr);
    }
    let page = Relay::page("502 Bad Gateway", "text/html", PAGE);
    let server = format!("server: 'https://{}', proxy-url: 'http://127.0.0.1:{}'", behind.host, page.port);
    let ran = Outcome::of(&mut behind.with(&behind.kubeconfig("page", &server))).expect(1);
    assert_plain_words(&ran.says(&["reach the cluster's API server", "proxy-url"]).stderr);
}

fn credentials_that_need_a_person(behind: &Behind) {
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
    let ran = Outcome::of(&mut profile("admin")).expect(1);
    let ran = ran.says(&["MFA", &role, "aws configure export-credentials --profile admin --format env"]);
    assert_plain_words(&ran.stderr);

    // Run the printed command: the AWS CLI asks for the code, and the same command then works with the credentials.
    let folder = behind.folder.path().join("bin");
    fs::create_dir_all(&folder).expect("a folder");
    let python = &sandbox.tools.python;
    fs::write(folder.join("aws"), EXPORT_CREDENTIALS.replace("PYTHON", &python.display().to_string()))
        .expect("a script");
    fs::set_permissions(folder.join("aws"), fs::Permissions::from_mode(0o755))
        .expect("the script is executable");
    let typed = "eval \"$(aws configure export-credentials --profile admin --format env)\"";
    assert!(ran.stderr.contains(typed), "{}", ran.stderr);
    let script = format!(
        "export PATH={}:$PATH; {} && exec {} plan --kubeconfig {}",
        folder.display(),
        typed.replace("$(aws", "$(echo 123456 | aws"),
        crate::command::program(),
        // The role has no access entry, so use the sandbox's kubeconfig.
        behind.kubeconfig("person", &format!("server: 'https://{}'", behind.host))
    );
    let mut shell = Command::new("bash");
    for (name, value) in profile("admin").get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    Outcome::of(shell.current_dir(behind.folder.path()).args(["-c", &script])).expect(0);

    // Keys in the environment may belong to another account: --profile overrides them, AWS_PROFILE does not.
    let stray = |command: &mut Command| {
        command.env("AWS_ACCESS_KEY_ID", "AKIASTRAY00000000000").env("AWS_SECRET_ACCESS_KEY", "stray");
    };
    let mut by_flag = profile("keys");
    stray(&mut by_flag);
    by_flag.args(["--kubeconfig", &behind.kubeconfig("ann", &format!("server: 'https://{}'", behind.host))]);
    Outcome::of(&mut by_flag).expect(0);
    let mut by_variable = behind.plan();
    stray(&mut by_variable);
    by_variable
        .env("AWS_CONFIG_FILE", &config)
        .env("AWS_PROFILE", "keys")
        .env("HTTPS_PROXY", behind.proxy_url());
    Outcome::of(&mut by_variable).expect(1).says(&["InvalidClientTokenId"]);

    let ran = Outcome::of(&mut profile("console"))
        .expect(1)
        .says(&["aws login", "export-credentials --profile console"]);
    assert_plain_words(&ran.stderr);
}

/// Many private networks have no endpoint for Service Quotas and IAM.
fn unreachable_services(behind: &Behind) {
    let plan = || {
        let mut plan = behind.plan();
        plan.env("HTTPS_PROXY", behind.proxy_url());
        plan
    };
    let started = Instant::now();
    Outcome::of(&mut plan()).expect(0);
    let usual = started.elapsed();

    let (quotas, iam) = (Relay::silence(), Relay::silence());
    let without = |command: &mut Command| {
        command.env("AWS_ENDPOINT_URL_SERVICE_QUOTAS", format!("https://127.0.0.1:{}", quotas.port));
        command.env("AWS_ENDPOINT_URL_IAM", format!("https://127.0.0.1:{}", iam.port));
    };
    let mut command = plan();
    without(&mut command);
    let started = Instant::now();
    let ran = Outcome::of(&mut command).expect(0);
    let took = started.elapsed();
    assert!(took < usual + Duration::from_secs(5), "{took:?} instead of {usual:?}");
    assert_eq!((quotas.seen().len(), iam.seen().len()), (1, 1));
    assert_eq!(ran.stdout.matches("EC-RUN-002").count(), 1, "{}", ran.stdout);
    assert_eq!(ran.stdout.matches("EC-IAM-002").count(), 1, "{}", ran.stdout);

    // A step that changes something reads repeatedly.
    let mark = behind.sandbox.mark();
    let mut step = behind.command(&["associate-cidr", "--yes", "--cidr", "100.64.0.0/16"]);
    step.env("HTTPS_PROXY", behind.proxy_url());
    without(&mut step);
    Outcome::of(&mut step).expect(0);
    assert!(writes(&behind.sandbox, mark).iter().any(|call| call.contains("AssociateVpcCidrBlock")));
    assert_eq!((quotas.seen().len(), iam.seen().len()), (1, 1));
}
