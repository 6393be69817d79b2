//! An EKS cluster on this machine, without a network: a real Kubernetes control plane, AWS's APIs, and nodes that join
//! as with the VPC CNI. Independent of the program under test.
//!
//! ```ignore
//! let sandbox = Sandbox::start(&Shape { azs: 1, ..Shape::default() })?;
//! let status = sandbox.command("eni-custom").args(["setup", "--yes"]).status()?;
//! ```

mod api;
mod broken_nodes;
pub mod browser;
mod controlplane;
pub mod env;
mod http;
pub mod karpenter;
mod log;
pub mod picture;
pub mod process;
pub mod program;
mod shape;
mod start;
pub mod targets;
pub mod tools;
mod verdict;
pub mod warm;
pub mod watch;
pub mod witness;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use kube::Config;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use controlplane::Ports;
use karpenter::controller::Controller;
pub use log::{AwsCall, KubernetesCall, Mark};
use process::Children;
pub use shape::{
    AuthenticationMode, Aws, Cni, Crd, IpFamily, Karpenter, KarpenterOwner, Latency, OldNodes, Pools, Shape,
};
use tools::Tools;
pub use workloads::Kubectl;

/// A running cluster. It stops when it is dropped or when this process exits.
pub struct Sandbox {
    // Fields are dropped in this order: processes exit before their files are deleted.
    #[expect(dead_code, reason = "it runs until it is dropped")]
    karpenter: Option<Controller>,
    children: Children,
    pub shape: Shape,
    /// Ids and access keys of what the AWS side created.
    pub aws: AwsSide,
    /// The endpoint of the AWS APIs.
    pub endpoint: String,
    pub tools: Tools,
    /// Ids of the instances that existed at the start.
    pub old_instances: BTreeSet<String>,
    kubectl: Kubectl,
    ports: Ports,
    _lock: File,
    dir: TempDir,
}

/// The content of aws.json.
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
    /// The roles of all old nodes.
    pub old_node_roles: Vec<String>,
    /// The groups of a shape with pools; empty for others.
    #[serde(default)]
    pub pools: Vec<OldPool>,
    /// The add-on's own role, if it has one.
    pub cni_role_arn: Option<String>,
    /// `admin` created the cluster; `witness` is for test code, `node_agent` for the nodes.
    pub keys: BTreeMap<String, Keys>,
}

/// A node group of a shape with pools.
#[derive(Clone, Debug, Deserialize)]
pub struct OldPool {
    /// The managed node group's name, else the Auto Scaling group's.
    pub name: String,
    /// `managed` or `self-managed`
    pub kind: String,
    /// Its Auto Scaling group.
    pub asg: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Keys {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub arn: String,
    /// Of a role's session.
    #[serde(default)]
    pub session_token: Option<String>,
}

impl Sandbox {
    /// Builds what is missing, starts everything, and returns when the cluster is in use: nodes and pods are Ready, and
    /// every PodDisruptionBudget allows a disruption.
    pub fn start(shape: &Shape) -> Result<Self> {
        let tools = tools::for_shape(shape)?;
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
        let mut children = Children::new(&path.join("logs"), start::go_runtime(shape))?;
        let started = start::all(&mut children, shape, &tools, &path, &ports, &kubectl);
        if started.is_err() && std::env::var_os("ENI_CUSTOM_SANDBOX_KEEP").is_some() {
            children.end();
            tools::say(&format!("kept {}", dir.keep().display()));
            return Err(started.expect_err("checked above"));
        }
        let (aws, karpenter) = started?;
        let endpoint = format!("http://127.0.0.1:{}", ports.aws.number);
        let old_instances = BTreeSet::new();
        let shape = shape.clone();
        let mut sandbox = Self {
            karpenter,
            children,
            shape,
            aws,
            endpoint,
            tools,
            old_instances,
            kubectl,
            ports,
            _lock: lock,
            dir,
        };
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

    /// The folder with all files of this sandbox.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The kubeconfig for users and the program, in group system:masters.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir().join("kubeconfig")
    }

    /// The kubeconfig for test code, whose requests the audit log shows under another user.
    pub(crate) fn kubeconfig_admin(&self) -> PathBuf {
        self.dir().join("kubeconfig-admin")
    }

    /// The same as a client configuration.
    pub async fn admin_config(&self) -> Result<Config> {
        api::config(self.dir()).await
    }

    /// The environment in which users and the program find this cluster.
    pub fn env(&self) -> Vec<(String, String)> {
        env::of(self, "admin", &self.kubeconfig())
    }

    /// The same with another access key of aws.json and the kubeconfig for test code.
    pub fn env_for(&self, key: &str) -> Vec<(String, String)> {
        env::of(self, key, &self.kubeconfig_admin())
    }

    /// A command in that environment.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        env::apply(&mut command, self.env());
        command
    }

    /// Runs kubectl and returns its stdout.
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.kubectl.run(args)
    }

    /// Runs kubectl with this stdin, as for `apply -f -`.
    pub fn kubectl_with(&self, args: &[&str], stdin: &str) -> Result<String> {
        self.kubectl.run_with(args, stdin)
    }

    /// kubectl without a borrow of the sandbox: for conditions of `until`, or for another thread.
    pub fn kubectl_alone(&self) -> Kubectl {
        self.kubectl.clone()
    }

    pub(crate) fn aws_log_file(&self) -> PathBuf {
        self.dir().join("aws.log")
    }

    pub fn audit_log_file(&self) -> PathBuf {
        self.dir().join("audit.log")
    }

    /// The current end of both request logs.
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

    /// Injects a fault into AWS. The AWS side lists the kinds.
    pub fn fault(&self, fault: &Value) -> Result<()> {
        http::request(self.ports.aws.number, "POST", "/sandbox/faults", &fault.to_string()).map(drop)
    }

    pub fn clear_faults(&self) -> Result<()> {
        http::request(self.ports.aws.number, "DELETE", "/sandbox/faults", "").map(drop)
    }

    /// Expires all Kubernetes tokens issued so far. The API server notices within ten seconds.
    pub fn expire_tokens(&self) -> Result<()> {
        http::request(self.ports.aws.number, "POST", "/sandbox/tokens/expire", "").map(drop)
    }

    /// Makes another account the owner of the VPC, which shares it with the cluster's account. Empty: the cluster's
    /// account owns it again.
    pub fn share_vpc(&self, account: &str) -> Result<()> {
        let body = serde_json::json!({"account": account}).to_string();
        http::request(self.ports.aws.number, "POST", "/sandbox/vpc-owner", &body).map(drop)
    }

    /// The API server's loopback port.
    pub fn kubernetes_port(&self) -> u16 {
        self.ports.kubernetes.number
    }

    /// The loopback port of AWS's APIs.
    pub fn aws_port(&self) -> u16 {
        self.ports.aws.number
    }

    /// The host name of an EKS endpoint. The API server's certificate is for it; no name server resolves it.
    pub fn endpoint_host(&self) -> String {
        controlplane::endpoint_host(&self.shape)
    }

    /// Makes DescribeCluster return another endpoint, usually a private one.
    pub fn name_endpoint(&self, endpoint: &str) -> Result<()> {
        let body = serde_json::json!({"endpoint": endpoint}).to_string();
        http::request(self.ports.aws.number, "POST", "/sandbox/endpoint", &body).map(drop)
    }

    /// Sets the status and health issues that EKS reports for a managed node group, optionally only for some seconds.
    pub fn nodegroup(&self, name: &str, status: &str, issues: &Value, seconds: Option<f64>) -> Result<()> {
        let body = serde_json::json!({"name": name, "status": status, "issues": issues, "seconds": seconds});
        http::request(self.ports.aws.number, "POST", "/sandbox/nodegroup", &body.to_string()).map(drop)
    }

    /// The actions that IAM was asked about, by the caller's ARN, including those that CloudFormation performs in its
    /// name.
    pub fn asked_permissions(&self) -> Result<BTreeMap<String, BTreeSet<String>>> {
        let text = http::request(self.ports.aws.number, "GET", "/sandbox/permissions", "")?;
        Ok(serde_json::from_str(&text)?)
    }

    /// All instances of the AWS side, without paging and without delay.
    pub fn instances(&self) -> Result<Value> {
        let text = http::request(self.ports.aws.number, "GET", "/sandbox/instances", "")?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Returns an error if one of the processes has exited.
    pub fn check(&mut self) -> Result<()> {
        self.children.check()
    }

    /// Restarts the API server: for a moment it does not answer, and every watch breaks.
    pub fn restart_api_server(&mut self) -> Result<()> {
        self.children.stop("kube-apiserver");
        controlplane::start_api_server(&mut self.children, &self.tools, self.dir.path(), &self.ports)
    }

    /// Stops one of the processes permanently.
    pub fn stop(&mut self, process: &str) {
        self.children.stop(process);
    }

    /// Waits until a condition holds.
    pub fn until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        ask: impl FnMut() -> Result<Option<T>, String>,
    ) -> Result<T> {
        self.children.until(what, limit, ask)
    }
}

/// Creates a locked temporary folder. Folders without a lock, left by sandboxes that were killed, are deleted.
fn directory() -> Result<(TempDir, File)> {
    const PREFIX: &str = "eni-custom-sandbox-";
    for entry in fs::read_dir(std::env::temp_dir())?.flatten() {
        let path = entry.path();
        let is_sandbox = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let left = || File::open(path.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_sandbox && left() {
            let _ = fs::remove_dir_all(&path);
        }
    }
    let dir = tempfile::Builder::new().prefix(PREFIX).tempdir()?;
    // Created under another name: before it is locked it would look like a leftover.
    let name = dir.path().join("lock.new");
    let lock = File::create(&name)?;
    lock.lock()?;
    fs::rename(&name, dir.path().join("lock"))?;
    Ok((dir, lock))
}
