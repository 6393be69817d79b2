//! The Kubernetes control plane: its files, and the flags of its processes.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use super::process::Children;
use super::shape::Shape;
use super::tools::{self, Tools};

pub(crate) const SERVICE_CIDR: &str = "172.20.0.0/16";

/// Bodies are logged if tests read them: evictions (grace period, UID) and the program's writes. The control plane's
/// own requests are not logged, because there are too many.
const AUDIT_POLICY: &str = r#"apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- level: None
  users: ["system:kube-controller-manager", "system:kube-scheduler", "system:apiserver"]
- level: None
  users: [sandbox, karpenter]
  resources:
  - {group: coordination.k8s.io, resources: [leases]}
  - {group: "", resources: [events]}
  - {group: events.k8s.io, resources: [events]}
- level: Request
  verbs: [create, update, patch, delete]
  resources:
  - {group: "", resources: [pods/eviction, nodes, configmaps]}
  - {group: apps, resources: [daemonsets, deployments]}
  - {group: karpenter.sh, resources: [nodepools, nodeclaims]}
  - {group: karpenter.k8s.aws, resources: [ec2nodeclasses]}
  - {group: crd.k8s.amazonaws.com, resources: [eniconfigs]}
- level: Metadata
"#;

/// A loopback port that no other sandbox of this user uses while this one runs.
pub(crate) struct Port {
    pub(crate) number: u16,
    _lock: File,
}

impl Port {
    /// Below the ephemeral ports (Linux: from 32768), so that no connection takes the port between this check and the
    /// server's start.
    pub(crate) fn pick() -> Result<Self> {
        let locks = tools::cache()?.join("ports");
        fs::create_dir_all(&locks)?;
        let start = random() % 10_000;
        for offset in 0..10_000 {
            let number = 20_000 + u16::try_from((start + offset) % 10_000)?;
            let lock = File::create(locks.join(number.to_string()))?;
            if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Ok(Self { number, _lock: lock });
            }
        }
        bail!("no free port between 20000 and 29999")
    }
}

/// The ports that one sandbox listens on.
pub(crate) struct Ports {
    pub(crate) aws: Port,
    pub(crate) kubernetes: Port,
    pub(crate) etcd: Port,
    pub(crate) etcd_peer: Port,
}

impl Ports {
    pub(crate) fn pick() -> Result<Self> {
        Ok(Self {
            aws: Port::pick()?,
            kubernetes: Port::pick()?,
            etcd: Port::pick()?,
            etcd_peer: Port::pick()?,
        })
    }
}

/// Writes keys, certificates, tokens, kubeconfigs and the audit policy.
pub(crate) fn write_files(dir: &Path, shape: &Shape, ports: &Ports) -> Result<()> {
    let pki = dir.join("pki");
    fs::create_dir_all(&pki)?;
    certificates(&pki, &endpoint_host(shape)).context("making certificates")?;
    fs::write(pki.join("audit-policy.yaml"), AUDIT_POLICY)?;

    let endpoint = format!("https://127.0.0.1:{}", ports.kubernetes.number);
    let mut tokens = String::new();
    for (user, file) in [
        ("sandbox", "kubeconfig-admin"),
        ("person", "kubeconfig"),
        ("system:kube-controller-manager", "kubeconfig-controller-manager"),
        ("system:kube-scheduler", "kubeconfig-scheduler"),
        ("karpenter", "kubeconfig-karpenter"),
    ] {
        let token = format!("{:016x}{:016x}", random(), random());
        tokens.push_str(&format!("{token},{user},{user},\"system:masters\"\n"));
        let credentials = format!("token: {token}");
        let cluster = format!("server: {endpoint}, certificate-authority: {}", pki.join("ca.crt").display());
        fs::write(dir.join(file), kubeconfig(&shape.cluster, &cluster, user, &credentials))?;
    }
    fs::write(pki.join("tokens.csv"), tokens)?;
    let review = format!("server: http://127.0.0.1:{}/sandbox/token-review", ports.aws.number);
    fs::write(pki.join("webhook.yaml"), kubeconfig("token-review", &review, "api-server", ""))?;
    Ok(())
}

fn kubeconfig(context: &str, cluster: &str, user: &str, credentials: &str) -> String {
    format!(
        "apiVersion: v1
kind: Config
clusters:
- {{name: {context}, cluster: {{{cluster}}}}}
users:
- {{name: \"{user}\", user: {{{credentials}}}}}
contexts:
- {{name: {context}, context: {{cluster: {context}, user: \"{user}\"}}}}
current-context: {context}
"
    )
}

/// The host name that EKS would give the API server. No name server resolves it; the certificate is for it.
pub(crate) fn endpoint_host(shape: &Shape) -> String {
    format!("0A1B2C3D4E5F60718293A4B5C6D7E8F9.gr7.{}.eks.amazonaws.com", shape.region)
}

fn certificates(pki: &Path, endpoint_host: &str) -> Result<()> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "sandbox");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    fs::write(pki.join("ca.crt"), ca.self_signed(&ca_key)?.pem())?;

    let names = [
        "127.0.0.1",
        "172.20.0.1",
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        endpoint_host,
    ];
    let mut server = CertificateParams::new(names.map(String::from))?;
    server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    server.use_authority_key_identifier_extension = true;
    let server_key = KeyPair::generate()?;
    let certificate = server.signed_by(&server_key, &Issuer::new(ca, ca_key))?;
    fs::write(pki.join("apiserver.crt"), certificate.pem())?;
    fs::write(pki.join("apiserver.key"), server_key.serialize_pem())?;

    let accounts = KeyPair::generate()?;
    fs::write(pki.join("sa.key"), accounts.serialize_pem())?;
    fs::write(pki.join("sa.pub"), accounts.public_key_pem())?;
    Ok(())
}

/// The standard library seeds each hasher at random, which is good enough for tokens and loopback ports.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Starts etcd and the API server together, before everything else.
pub(crate) fn start_server(children: &mut Children, tools: &Tools, dir: &Path, ports: &Ports) -> Result<()> {
    start_etcd(children, tools, dir, ports)?;
    start_api_server(children, tools, dir, ports)
}

fn url(port: &Port) -> String {
    format!("http://127.0.0.1:{}", port.number)
}

fn start_etcd(children: &mut Children, tools: &Tools, dir: &Path, ports: &Ports) -> Result<()> {
    let mut etcd = Command::new(&tools.etcd.path);
    etcd.args(["--name", "sandbox", "--log-level", "warn", "--quota-backend-bytes", "4294967296"]);
    // The data is not needed after the processes exit, so nothing needs to reach the disk.
    etcd.arg("--unsafe-no-fsync").arg("--data-dir").arg(dir.join("etcd"));
    etcd.args(["--listen-client-urls", &url(&ports.etcd), "--advertise-client-urls", &url(&ports.etcd)]);
    etcd.args(["--listen-peer-urls", &url(&ports.etcd_peer)]);
    etcd.args(["--initial-advertise-peer-urls", &url(&ports.etcd_peer)]);
    etcd.args(["--initial-cluster", &format!("sandbox={}", url(&ports.etcd_peer))]);
    children.start("etcd", etcd, tools.etcd.watches_stdin)
}

/// Starts the API server, also for a restart.
pub(crate) fn start_api_server(
    children: &mut Children,
    tools: &Tools,
    dir: &Path,
    ports: &Ports,
) -> Result<()> {
    let file = |name: &str| dir.join("pki").join(name).display().to_string();
    let mut server = Command::new(&tools.kube_apiserver.path);
    server.args(["--etcd-servers", &url(&ports.etcd)]);
    server.args(["--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1"]);
    server.args(["--secure-port", &ports.kubernetes.number.to_string(), "--cert-dir", &file("")]);
    server.args([
        "--tls-cert-file",
        &file("apiserver.crt"),
        "--tls-private-key-file",
        &file("apiserver.key"),
    ]);
    server.args(["--authorization-mode", "Node,RBAC", "--allow-privileged=true"]);
    server.args(["--service-cluster-ip-range", SERVICE_CIDR]);
    server.args(["--service-account-issuer", "https://kubernetes.default.svc"]);
    server.args(["--service-account-key-file", &file("sa.pub")]);
    server.args(["--service-account-signing-key-file", &file("sa.key")]);
    server.args(["--token-auth-file", &file("tokens.csv")]);
    // Authentication as on EKS: the AWS side reviews tokens. The default version is v1beta1.
    server.args(["--authentication-token-webhook-config-file", &file("webhook.yaml")]);
    server.args(["--authentication-token-webhook-version", "v1"]);
    server.args(["--authentication-token-webhook-cache-ttl", "10s"]);
    server.args(["--audit-policy-file", &file("audit-policy.yaml")]);
    server.arg("--audit-log-path").arg(dir.join("audit.log"));
    // "blocking": a line is written before the response is complete. 0 would mean a new file every 100 MB.
    server.args(["--audit-log-mode", "blocking", "--audit-log-maxsize", "10000"]);
    server.args(["--max-requests-inflight", "2000", "--max-mutating-requests-inflight", "1000"]);
    server.args(["--endpoint-reconciler-type", "none", "--profiling=false"]);
    children.start("kube-apiserver", server, tools.kube_apiserver.watches_stdin)
}

/// Starts the processes that exit if there is no API server at their start.
pub(crate) fn start_controllers(children: &mut Children, tools: &Tools, dir: &Path) -> Result<()> {
    // The defaults (20 and 50 requests per second) would limit a large cluster.
    let rates = ["--kube-api-qps", "500", "--kube-api-burst", "1000"];
    let pki = dir.join("pki");

    let mut manager = Command::new(&tools.kube_controller_manager.path);
    manager.arg("--kubeconfig").arg(dir.join("kubeconfig-controller-manager")).args(rates);
    manager.args(["--controllers=*,-node-ipam-controller", "--allocate-node-cidrs=false"]);
    manager.args([
        "--leader-elect=false",
        "--secure-port",
        "0",
        "--profiling=false",
        "--cluster-name",
        "sandbox",
    ]);
    manager.arg("--root-ca-file").arg(pki.join("ca.crt"));
    manager.arg("--service-account-private-key-file").arg(pki.join("sa.key"));
    // Twice the interval of the heartbeats in stages/node-heartbeat.yaml.
    manager.args(["--node-monitor-period", "1s", "--node-monitor-grace-period", "11m"]);
    manager.args(["--concurrent-deployment-syncs", "10", "--concurrent-replicaset-syncs", "10"]);
    manager.arg("--flex-volume-plugin-dir").arg(dir.join("flexvolume"));
    children.start("kube-controller-manager", manager, tools.kube_controller_manager.watches_stdin)?;

    let mut scheduler = Command::new(&tools.kube_scheduler.path);
    scheduler.arg("--kubeconfig").arg(dir.join("kubeconfig-scheduler")).args(rates);
    scheduler.args(["--leader-elect=false", "--secure-port", "0", "--profiling=false"]);
    children.start("kube-scheduler", scheduler, tools.kube_scheduler.watches_stdin)?;

    let mut kwok = Command::new(&tools.kwok.path);
    kwok.env("HOME", dir).arg("--kubeconfig").arg(dir.join("kubeconfig-admin"));
    kwok.arg("--config").arg(tools::sources().join("controlplane/kwok.yaml"));
    let stages = tools::sources().join("controlplane/stages");
    for stage in fs::read_dir(&stages).with_context(|| format!("reading {}", stages.display()))? {
        kwok.arg("--config").arg(stage?.path());
    }
    // The node agent sets this label when a node's network is ready.
    kwok.args(["--manage-nodes-with-label-selector", "kwok.x-k8s.io/node=fake"]);
    // No Leases: kwok ignores the pods of a node while its cache lacks the node's Lease, including the pods that it
    // lists once for a new node. If that list arrives before the Lease, they stay Pending forever.
    kwok.args(["--node-lease-duration-seconds", "0"]);
    children.start("kwok", kwok, tools.kwok.watches_stdin)
}
