//! An EKS cluster on this machine, without a network: a real Kubernetes control plane, AWS's APIs, and nodes
//! that join as the VPC CNI would let them. It knows nothing of the program that is tried on it.
//!
//! ```ignore
//! let sandbox = Sandbox::start(&Shape { azs: 1, ..Shape::default() })?;
//! let status = sandbox.command("eni-custom").args(["setup", "--yes"]).status()?;
//! ```

mod casualties;
mod controlplane;
pub mod env;
mod http;
mod log;
pub mod picture;
pub mod process;
pub mod program;
mod shape;
pub mod targets;
pub mod tools;
mod verdict;
pub mod watch;
pub mod witness;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use controlplane::Ports;
pub use log::{AwsCall, KubernetesCall, Mark};
use process::Children;
pub use shape::{AuthenticationMode, Aws, Cni, Crd, IpFamily, Latency, OldNodes, Shape};
use tools::Tools;
pub use workloads::Kubectl;

/// A running cluster. Ends when it is dropped, or with this process.
pub struct Sandbox {
    // Fields are dropped in this order: processes end before their files go.
    children: Children,
    pub shape: Shape,
    /// What the AWS side made: ids and access keys.
    pub aws: AwsSide,
    /// Where the AWS APIs are.
    pub endpoint: String,
    pub tools: Tools,
    /// Ids of the instances that were there at the start.
    pub old_instances: BTreeSet<String>,
    kubectl: Kubectl,
    ports: Ports,
    _lock: File,
    dir: TempDir,
}

/// aws.json.
#[derive(Clone, Debug, Deserialize)]
pub struct AwsSide {
    pub endpoint: String,
    pub region: String,
    pub account: String,
    pub vpc_id: String,
    pub cluster_arn: String,
    pub cluster_security_group: String,
    /// By Availability Zone, like the other maps.
    pub private_subnets: BTreeMap<String, String>,
    pub public_subnets: BTreeMap<String, String>,
    pub private_route_tables: BTreeMap<String, String>,
    pub public_route_table: String,
    pub nat_gateways: BTreeMap<String, String>,
    pub self_managed_asgs: Vec<String>,
    pub old_node_role_arn: Option<String>,
    /// The add-on's own role, where it has one.
    pub cni_role_arn: Option<String>,
    /// `admin` made the cluster; `witness` is for test code; `node_agent` for the nodes.
    pub keys: BTreeMap<String, Keys>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Keys {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub arn: String,
}

impl Sandbox {
    /// Builds what is missing, starts everything, and comes back when the cluster is one in use: nodes and
    /// pods Ready, every PodDisruptionBudget with room for a disruption.
    pub fn start(shape: &Shape) -> Result<Self> {
        let tools = tools::find_or_build()?;
        let (dir, lock) = directory()?;
        let path = dir.path().to_path_buf();
        let ports = Ports::pick()?;
        controlplane::write_files(&path, shape, &ports)?;
        let places = json!({
            "cluster_endpoint": format!("https://127.0.0.1:{}", ports.kubernetes.number),
            "ca_file": path.join("pki/ca.crt"),
            "service_cidr": controlplane::SERVICE_CIDR,
            "kubeconfig": path.join("kubeconfig-admin"),
        });
        fs::write(path.join("shape.json"), shape.to_json(places).to_string())?;

        env::link(&path, "kubectl", &tools.kubectl)?;
        let kubectl = Kubectl { path: tools.kubectl.clone(), dir: path.clone() };
        let mut children = Children::new(&path.join("logs"))?;
        let started = Self::start_all(&mut children, shape, &tools, &path, &ports, &kubectl);
        if started.is_err() && std::env::var_os("ENI_CUSTOM_SANDBOX_KEEP").is_some() {
            children.end();
            tools::say(&format!("kept {}", dir.keep().display()));
            return Err(started.expect_err("looked at above"));
        }
        let aws = started?;
        let endpoint = format!("http://127.0.0.1:{}", ports.aws.number);
        let old_instances = BTreeSet::new();
        let shape = shape.clone();
        let mut sandbox =
            Self { children, shape, aws, endpoint, tools, old_instances, kubectl, ports, _lock: lock, dir };
        let instances = sandbox.instances()?;
        let ids = instances.as_array().into_iter().flatten().filter_map(|each| each["instance_id"].as_str());
        sandbox.old_instances = ids.map(String::from).collect();
        if sandbox.shape.dead_node {
            let name = "jsonpath={.items[0].metadata.name}";
            let node = sandbox.kubectl(&["get", "nodes", "-o", name])?;
            sandbox.kill_kubelet(node.trim())?;
        }
        if sandbox.shape.left_over_node {
            sandbox.leave_node_behind("ip-192-168-255-9.us-west-2.compute.internal")?;
        }
        Ok(sandbox)
    }

    fn start_all(
        children: &mut Children,
        shape: &Shape,
        tools: &Tools,
        dir: &Path,
        ports: &Ports,
        kubectl: &Kubectl,
    ) -> Result<AwsSide> {
        controlplane::start_server(children, tools, dir, ports)?;
        children.start("aws", aws_side(tools, dir, ports), true)?;
        let port = ports.kubernetes.number;
        children.until("the API server", Duration::from_secs(120), || {
            // Cheap question first: kubectl is a whole process.
            if TcpStream::connect(("127.0.0.1", port)).is_err() {
                return Ok(None);
            }
            kubectl.run(&["get", "--raw=/readyz"]).map(Some).map_err(|error| format!("{error:#}"))
        })?;
        controlplane::start_controllers(children, tools, dir)?;
        let system = thread::spawn({
            let (kubectl, shape) = (kubectl.clone(), shape.clone());
            move || workloads::create_system(&kubectl, &shape)
        });
        let file = dir.join("aws.json");
        let aws: AwsSide = children.until("the AWS side", Duration::from_secs(120), || {
            let Ok(text) = fs::read(&file) else { return Ok(None) };
            serde_json::from_slice(&text).map(Some).map_err(|error| format!("aws.json: {error}"))
        })?;
        children.start("node-agent", node_agent(tools, dir, shape, ports, &aws)?, tools.node_agent.ours)?;
        workloads::create_aws_auth(kubectl, shape, &aws)?;
        system.join().expect("kubectl does not panic")?;
        let slow = if shape.latency == Latency::Realistic { 900 } else { 180 };
        // Two cores start a node or two a second.
        let limit = Duration::from_secs(slow + 2 * shape.old_node_count() as u64);
        children.until("the nodes", limit, || workloads::nodes_are_ready(kubectl, shape))?;
        workloads::create_workloads(kubectl, shape)?;
        children.until("a cluster in use", limit, || workloads::settled(kubectl, shape))?;
        Ok(aws)
    }

    /// Everything that this sandbox has on disk.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The kubeconfig for people, in group system:masters.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir().join("kubeconfig")
    }

    /// The kubeconfig for test code, so that the audit log tells its requests from others'.
    pub(crate) fn kubeconfig_admin(&self) -> PathBuf {
        self.dir().join("kubeconfig-admin")
    }

    /// The same, for a client.
    pub async fn admin_config(&self) -> Result<Config> {
        let file = Kubeconfig::read_from(self.kubeconfig_admin())?;
        Ok(Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?)
    }

    /// The environment in which people and the program find this cluster.
    pub fn env(&self) -> Vec<(String, String)> {
        env::of(self, "admin", &self.kubeconfig())
    }

    /// The same with another access key of aws.json, and test code's kubeconfig.
    pub fn env_for(&self, key: &str) -> Vec<(String, String)> {
        env::of(self, key, &self.kubeconfig_admin())
    }

    /// A command in that environment.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        env::apply(&mut command, self.env());
        command
    }

    /// kubectl's stdout.
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.kubectl.run(args)
    }

    /// kubectl with something on its stdin, as for `apply -f -`.
    pub fn kubectl_with(&self, args: &[&str], stdin: &str) -> Result<String> {
        self.kubectl.run_with(args, stdin)
    }

    /// kubectl for those who ask while they wait, or on another thread.
    pub fn kubectl_alone(&self) -> Kubectl {
        self.kubectl.clone()
    }

    pub(crate) fn aws_log_file(&self) -> PathBuf {
        self.dir().join("aws.log")
    }

    pub fn audit_log_file(&self) -> PathBuf {
        self.dir().join("audit.log")
    }

    /// Now, in both request logs.
    pub fn mark(&self) -> Mark {
        Mark { aws: log::end(&self.aws_log_file()), kubernetes: log::end(&self.audit_log_file()) }
    }

    /// Requests to AWS since a mark; `Mark::default()` is the start.
    pub fn aws_log(&self, since: Mark) -> Result<Vec<AwsCall>> {
        log::read(&self.aws_log_file(), since.aws)
    }

    /// Requests to Kubernetes since a mark.
    pub fn audit_log(&self, since: Mark) -> Result<Vec<KubernetesCall>> {
        log::read(&self.audit_log_file(), since.kubernetes)
    }

    /// Makes AWS fail: see the AWS side's fault kinds.
    pub fn fault(&self, fault: &Value) -> Result<()> {
        http::request(self.ports.aws.number, "POST", "/sandbox/faults", &fault.to_string()).map(drop)
    }

    pub fn clear_faults(&self) -> Result<()> {
        http::request(self.ports.aws.number, "DELETE", "/sandbox/faults", "").map(drop)
    }

    /// Makes all log-ins to Kubernetes so far expire; the API server notices within ten seconds.
    pub fn expire_tokens(&self) -> Result<()> {
        http::request(self.ports.aws.number, "POST", "/sandbox/tokens/expire", "").map(drop)
    }

    /// Lets another account own the VPC, and share it with the cluster's; empty: it is the cluster's own again.
    pub fn share_vpc(&self, account: &str) -> Result<()> {
        let body = serde_json::json!({"account": account}).to_string();
        http::request(self.ports.aws.number, "POST", "/sandbox/vpc-owner", &body).map(drop)
    }

    /// Where the API server listens on the loopback.
    pub fn kubernetes_port(&self) -> u16 {
        self.ports.kubernetes.number
    }

    /// Where AWS's APIs listen on the loopback.
    pub fn aws_port(&self) -> u16 {
        self.ports.aws.number
    }

    /// The host name that an EKS endpoint has, which the API server's certificate is for and no name server knows.
    pub fn endpoint_host(&self) -> String {
        controlplane::endpoint_host(&self.shape)
    }

    /// Lets DescribeCluster say another endpoint: a private one, as a rule.
    pub fn name_endpoint(&self, endpoint: &str) -> Result<()> {
        let body = serde_json::json!({"endpoint": endpoint}).to_string();
        http::request(self.ports.aws.number, "POST", "/sandbox/endpoint", &body).map(drop)
    }

    /// EKS says so of a managed node group: its status and health issues; for so many seconds, where any are given.
    pub fn nodegroup(&self, name: &str, status: &str, issues: &Value, seconds: Option<f64>) -> Result<()> {
        let body = serde_json::json!({"name": name, "status": status, "issues": issues, "seconds": seconds});
        http::request(self.ports.aws.number, "POST", "/sandbox/nodegroup", &body.to_string()).map(drop)
    }

    /// Actions that IAM was asked about, by the caller's ARN; those that CloudFormation takes in a caller's name too.
    pub fn asked_permissions(&self) -> Result<BTreeMap<String, BTreeSet<String>>> {
        let text = http::request(self.ports.aws.number, "GET", "/sandbox/permissions", "")?;
        Ok(serde_json::from_str(&text)?)
    }

    /// What the AWS side knows about instances, without paging and without delay.
    pub fn instances(&self) -> Result<Value> {
        let text = http::request(self.ports.aws.number, "GET", "/sandbox/instances", "")?;
        Ok(serde_json::from_str(&text)?)
    }

    /// An error when one of its processes has ended.
    pub fn check(&mut self) -> Result<()> {
        self.children.check()
    }

    /// Ends the API server and starts it again: for a moment nobody answers, and every watch breaks.
    pub fn restart_api_server(&mut self) -> Result<()> {
        self.children.stop("kube-apiserver");
        controlplane::start_api_server(&mut self.children, &self.tools, self.dir.path(), &self.ports)
    }

    /// Ends one of its processes for good: what it did is not done any more.
    pub fn stop(&mut self, process: &str) {
        self.children.stop(process);
    }

    /// Waits, for test code, until Kubernetes or AWS say so.
    pub fn until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        ask: impl FnMut() -> Result<Option<T>, String>,
    ) -> Result<T> {
        self.children.until(what, limit, ask)
    }
}

/// A temporary folder with a lock on it. Folders of sandboxes that could not clean up (SIGKILL) have none:
/// they go.
fn directory() -> Result<(TempDir, File)> {
    const PREFIX: &str = "eni-custom-sandbox-";
    for entry in fs::read_dir(std::env::temp_dir())?.flatten() {
        let path = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let left = || File::open(path.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok());
        if ours && left() {
            let _ = fs::remove_dir_all(&path);
        }
    }
    let dir = tempfile::Builder::new().prefix(PREFIX).tempdir()?;
    // Made under another name: between its making and its locking it would look left behind.
    let name = dir.path().join("lock.new");
    let lock = File::create(&name)?;
    lock.lock()?;
    fs::rename(&name, dir.path().join("lock"))?;
    Ok((dir, lock))
}

fn aws_side(tools: &Tools, dir: &Path, ports: &Ports) -> Command {
    let mut command = Command::new(&tools.python);
    env::clear(&mut command);
    command.env("PYTHONPATH", tools::sources().join("aws")).env("PYTHONUNBUFFERED", "1");
    command.args(["-m", "sandbox_aws", "--port", &ports.aws.number.to_string(), "--dir"]).arg(dir);
    command
}

fn node_agent(tools: &Tools, dir: &Path, shape: &Shape, ports: &Ports, aws: &AwsSide) -> Result<Command> {
    let Some(keys) = aws.keys.get("node_agent") else { bail!("aws.json has no key node_agent") };
    let mut command = Command::new(&tools.node_agent.path);
    env::clear(&mut command);
    command
        .env("AWS_ACCESS_KEY_ID", &keys.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key);
    command.args(["--aws-endpoint", &format!("http://127.0.0.1:{}", ports.aws.number)]);
    command.args(["--region", &shape.region, "--cluster", &shape.cluster]);
    command.args(["--kubernetes-version", &shape.kubernetes_version]);
    command.arg("--kubeconfig").arg(dir.join("kubeconfig-admin"));
    // Between the instance's start and the kubelet's: some 20 s on EC2.
    if shape.latency == Latency::Realistic {
        command.args(["--boot-time", "20s"]);
    }
    Ok(command)
}
