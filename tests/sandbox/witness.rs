//! Reads a cluster through the AWS and Kubernetes APIs and reports what differs from the documented end state. It
//! shares no code with the program.

pub mod pools;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use ipnet::Ipv4Net;
use serde_json::Value;

use super::Sandbox;

/// The state of AWS and Kubernetes at one time.
#[derive(Debug, Default)]
pub struct Seen {
    /// The VPC's associated CIDR blocks; the first is the primary one.
    pub blocks: Vec<Ipv4Net>,
    pub subnets: BTreeMap<String, Subnet>,
    /// By subnet: its explicitly associated route table.
    pub route_tables: BTreeMap<String, String>,
    pub enis: Vec<Eni>,
    /// Pending and running instances, with their type.
    pub instances: BTreeMap<String, String>,
    /// Max pods with custom networking and without prefixes, by instance type.
    pub max_pods: BTreeMap<String, u64>,
    pub stacks: BTreeMap<String, String>,
    /// configurationValues of the add-on vpc-cni, if it is installed.
    pub addon: Option<Value>,
    pub eniconfigs: BTreeMap<String, EniConfig>,
    pub nodes: Vec<Value>,
    pub pods: Vec<Value>,
    pub workloads: Vec<Value>,
}

#[derive(Debug)]
pub struct Subnet {
    pub block: Ipv4Net,
    pub zone: String,
    pub available: bool,
}

#[derive(Clone, Debug)]
pub struct Eni {
    pub id: String,
    pub subnet: String,
    pub groups: BTreeSet<String>,
    /// The instance to which it is attached, and the device index.
    pub attached: Option<(String, i32)>,
    pub description: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EniConfig {
    pub subnet: String,
    pub groups: BTreeSet<String>,
}

/// The SDK with the access key of test code, so that the log can distinguish its requests from the program's.
pub async fn sdk(endpoint: &str, region: &str, keys: &super::Keys) -> SdkConfig {
    let credentials =
        Credentials::new(&keys.access_key_id, &keys.secret_access_key, None, None, "sandbox's witness");
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_string()))
        .endpoint_url(endpoint)
        .credentials_provider(credentials)
        .load()
        .await
}

/// Runs async code for a caller that may itself be async.
pub(crate) fn block_on<T: Send>(work: impl Future<Output = Result<T>> + Send) -> Result<T> {
    thread::scope(|scope| {
        let run = || tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work);
        scope.spawn(run).join().expect("reading does not panic")
    })
}

fn read(sandbox: &Sandbox) -> Result<Seen> {
    let mut seen = block_on(read_aws(sandbox)).context("looking at AWS")?;
    read_kubernetes(sandbox, &mut seen).context("reading Kubernetes")?;
    Ok(seen)
}

/// Retries for a moment until nothing is missing: AWS's answers lag behind changes (EC2 API reference, "Eventual
/// consistency"). Returns what is still missing then.
pub fn end_state(sandbox: &mut Sandbox) -> Result<(Seen, Vec<String>)> {
    let start = Instant::now();
    loop {
        sandbox.check()?;
        let seen = read(sandbox)?;
        let faults = super::verdict::faults(&seen, sandbox);
        if faults.is_empty() || start.elapsed() > Duration::from_secs(15) {
            return Ok((seen, faults));
        }
        thread::sleep(Duration::from_millis(200));
    }
}

async fn read_aws(sandbox: &Sandbox) -> Result<Seen> {
    let keys = sandbox.aws.keys.get("witness").context("aws.json has no key witness")?;
    let sdk = sdk(&sandbox.endpoint, &sandbox.shape.region, keys).await;
    let mut seen = Seen::default();
    read_ec2(&aws_sdk_ec2::Client::new(&sdk), &sandbox.aws.vpc_id, &mut seen).await?;

    let stacks = aws_sdk_cloudformation::Client::new(&sdk);
    let stacks = stacks.describe_stacks().into_paginator().items().send().try_collect().await?;
    for stack in stacks {
        let status = stack.stack_status().context("a stack has a status")?.to_string();
        seen.stacks.insert(stack.stack_name.context("a stack has a name")?, status);
    }
    let eks = aws_sdk_eks::Client::new(&sdk);
    let addon = eks.describe_addon().cluster_name(&sandbox.shape.cluster).addon_name("vpc-cni").send().await;
    match addon {
        Ok(reply) => {
            let values = reply.addon().and_then(|addon| addon.configuration_values()).unwrap_or("{}");
            seen.addon = Some(serde_json::from_str(values)?);
        }
        Err(error)
            if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(seen)
}

async fn read_ec2(ec2: &aws_sdk_ec2::Client, vpc: &str, seen: &mut Seen) -> Result<()> {
    use aws_sdk_ec2::types::{Filter, InstanceStateName, SubnetState, VpcCidrBlockStateCode};
    let in_vpc = || Filter::builder().name("vpc-id").values(vpc).build();

    let vpcs = ec2.describe_vpcs().vpc_ids(vpc).send().await?;
    for block in vpcs.vpcs().iter().flat_map(|vpc| vpc.cidr_block_association_set()) {
        let state = block.cidr_block_state().and_then(|state| state.state());
        if state == Some(&VpcCidrBlockStateCode::Associated) {
            seen.blocks.push(block.cidr_block().unwrap_or_default().parse()?);
        }
    }
    for subnet in
        ec2.describe_subnets().filters(in_vpc()).into_paginator().items().send().try_collect().await?
    {
        let id = subnet.subnet_id().unwrap_or_default().to_string();
        let value = Subnet {
            block: subnet.cidr_block().unwrap_or_default().parse()?,
            zone: subnet.availability_zone().unwrap_or_default().to_string(),
            available: subnet.state() == Some(&SubnetState::Available),
        };
        seen.subnets.insert(id, value);
    }
    let tables =
        ec2.describe_route_tables().filters(in_vpc()).into_paginator().items().send().try_collect().await?;
    for table in &tables {
        let subnets = table.associations().iter().filter_map(|association| association.subnet_id());
        let id = table.route_table_id().unwrap_or_default();
        seen.route_tables.extend(subnets.map(|subnet| (subnet.to_string(), id.to_string())));
    }
    seen.enis = enis(ec2, vpc).await?;

    let instances =
        ec2.describe_instances().filters(in_vpc()).into_paginator().items().send().try_collect().await?;
    for instance in instances.iter().flat_map(|reservation| reservation.instances()) {
        let state = instance.state().and_then(|state| state.name());
        if matches!(state, Some(InstanceStateName::Pending | InstanceStateName::Running)) {
            let kind = instance.instance_type().context("an instance has a type")?;
            let id = instance.instance_id().unwrap_or_default().to_string();
            seen.instances.insert(id, kind.to_string());
        }
    }
    for kind in seen.instances.values().collect::<BTreeSet<_>>() {
        let reply = ec2.describe_instance_types().instance_types(kind.as_str().into()).send().await?;
        let info = reply.instance_types().first().context("an instance type in use is known")?;
        let network = info.network_info().context("it has a network")?;
        let card = network.default_network_card_index().unwrap_or(0);
        let card = network.network_cards().iter().find(|each| each.network_card_index() == Some(card));
        let enis = card.and_then(|card| card.maximum_network_interfaces()).unwrap_or(0);
        let addresses = network.ipv4_addresses_per_interface().unwrap_or(0);
        let cpus = info.v_cpu_info().and_then(|cpus| cpus.default_v_cpus()).unwrap_or(0);
        // The first interface and the first address of each other one carry no pods; two pods use hostNetwork (EKS user
        // guide, custom networking). AWS recommends at most 110 pods, or 250 with more than 30 processors.
        let pods = (enis - 1) * (addresses - 1) + 2;
        let most = if cpus > 30 { 250 } else { 110 };
        seen.max_pods.insert(kind.clone(), u64::try_from(pods.min(most))?);
    }
    Ok(())
}

pub(crate) async fn enis(ec2: &aws_sdk_ec2::Client, vpc: &str) -> Result<Vec<Eni>> {
    let in_vpc = aws_sdk_ec2::types::Filter::builder().name("vpc-id").values(vpc).build();
    let enis = ec2.describe_network_interfaces().filters(in_vpc).into_paginator().items().send();
    let enis = enis.try_collect().await?;
    Ok(enis
        .iter()
        .map(|eni| Eni {
            id: eni.network_interface_id().unwrap_or_default().to_string(),
            subnet: eni.subnet_id().unwrap_or_default().to_string(),
            groups: eni.groups().iter().filter_map(|group| group.group_id().map(String::from)).collect(),
            attached: eni.attachment().and_then(|attachment| {
                Some((attachment.instance_id()?.to_string(), attachment.device_index()?))
            }),
            description: eni.description().unwrap_or_default().to_string(),
        })
        .collect())
}

fn read_kubernetes(sandbox: &Sandbox, seen: &mut Seen) -> Result<()> {
    let kinds = "nodes,pods,daemonsets,deployments,statefulsets,poddisruptionbudgets";
    for object in list(sandbox, kinds)? {
        // Custom networking does not apply to Fargate.
        if object["metadata"]["labels"]["eks.amazonaws.com/compute-type"] == "fargate"
            || object["spec"]["schedulerName"] == "fargate-scheduler"
        {
            continue;
        }
        match object["kind"].as_str() {
            Some("Node") => seen.nodes.push(object),
            Some("Pod") => seen.pods.push(object),
            _ => seen.workloads.push(object),
        }
    }
    let crds = sandbox.kubectl(&["get", "customresourcedefinitions", "-o", "name"])?;
    if crds.contains("eniconfigs.crd.k8s.amazonaws.com") {
        for object in list(sandbox, "eniconfigs")? {
            let spec = &object["spec"];
            let groups = spec["securityGroups"].as_array().into_iter().flatten();
            let value = EniConfig {
                subnet: spec["subnet"].as_str().unwrap_or_default().to_string(),
                groups: groups.filter_map(|group| group.as_str().map(String::from)).collect(),
            };
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            seen.eniconfigs.insert(name.to_string(), value);
        }
    }
    Ok(())
}

fn list(sandbox: &Sandbox, kinds: &str) -> Result<Vec<Value>> {
    let mut list: Value = serde_json::from_str(&sandbox.kubectl(&["get", kinds, "-A", "-o", "json"])?)?;
    Ok(list["items"].as_array_mut().map(std::mem::take).unwrap_or_default())
}

/// A readable summary of the end state.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blocks: Vec<String> = self.blocks.iter().map(Ipv4Net::to_string).collect();
        writeln!(f, "  VPC          {}", blocks.join(", "))?;
        for (name, config) in &self.eniconfigs {
            let block =
                self.subnets.get(&config.subnet).map_or(String::new(), |subnet| subnet.block.to_string());
            let groups: Vec<&str> = config.groups.iter().map(String::as_str).collect();
            writeln!(f, "  ENIConfig    {name}: {} {block}, {}", config.subnet, groups.join(" + "))?;
        }
        for (name, status) in &self.stacks {
            writeln!(f, "  stack        {name}: {status}")?;
        }
        for node in &self.nodes {
            let node = super::verdict::Node::of(node);
            let pods: Vec<&str> = self.pods.iter().filter_map(|pod| node.pod_address(pod)).collect();
            let kind = self.instances.get(&node.instance).map_or("", String::as_str);
            let (name, zone, max) = (&node.name, &node.zone, node.max_pods);
            let ready = if node.ready { "Ready" } else { "not Ready" };
            writeln!(f, "  node         {name} {zone} {kind} {ready}, max pods {max}")?;
            writeln!(f, "               {} pods: {}", pods.len(), pods.join(" "))?;
        }
        Ok(())
    }
}
