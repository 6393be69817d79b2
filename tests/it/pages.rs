//! The number of AWS calls grows with the pages of responses, not with the number of nodes.

use std::collections::BTreeMap;
use std::process::Command;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Node;
use kube::api::PostParams;
use kube::{Api, Client};
use sandbox::{Aws, OldNodes, Sandbox, Shape};
use serde_json::{Value, json};

use crate::cluster::start;
use crate::command::{by_program, run};

/// Creates instances like those of a group, each with an interface like those of the CNI. They belong to no group.
const INSTANCES: &str = "
import boto3, json, sys
account, zones, count = json.loads(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
ec2 = boto3.client('ec2', endpoint_url=account['endpoint'], region_name=account['region'],
                   aws_access_key_id=account['key'], aws_secret_access_key=account['secret'])
image = ec2.describe_instances()['Reservations'][0]['Instances'][0]['ImageId']
groups, made = [account['group']], []
for at, (zone, subnet) in enumerate(zones.items()):
    share = (count - len(made)) // (len(zones) - at)
    started = ec2.run_instances(ImageId=image, InstanceType='m5.large', MinCount=share, MaxCount=share,
                                SubnetId=subnet, SecurityGroupIds=groups)['Instances']
    for instance in started:
        ec2.create_network_interface(SubnetId=subnet, Groups=groups, Description='aws-K8S-' + instance['InstanceId'])
        made.append([instance['InstanceId'], zone])
print(json.dumps(made))
";

/// Adds this many nodes: instances in EC2, and Node objects without a kubelet.
fn grow(sandbox: &Sandbox, count: usize) {
    let (aws, keys) = (&sandbox.aws, &sandbox.aws.keys["witness"]);
    let account = json!({
        "endpoint": aws.endpoint, "region": aws.region, "group": aws.cluster_security_group,
        "key": keys.access_key_id, "secret": keys.secret_access_key,
    });
    let zones = json!(aws.private_subnets);
    let mut python = Command::new(&sandbox.tools.python);
    python.args(["-c", INSTANCES, &account.to_string(), &zones.to_string(), &count.to_string()]);
    let output = python.output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: Vec<(String, String)> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(made.len(), count);

    let written = async {
        let config = sandbox.admin_config().await.expect("a kubeconfig");
        let nodes: Api<Node> = Api::all(Client::try_from(config).expect("a client"));
        let writes = made.iter().map(|(id, zone)| {
            let nodes = nodes.clone();
            async move {
                let node = serde_json::from_value(node(id, zone)).expect("a Node");
                nodes.create(&PostParams::default(), &node).await.map(drop)
            }
        });
        stream::iter(writes).buffer_unordered(16).try_collect::<Vec<()>>().await
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(written).expect("the nodes are written");
}

fn node(id: &str, zone: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": format!("{id}.compute.internal"), "labels": {
            "kubernetes.io/os": "linux", "node.kubernetes.io/instance-type": "m5.large", "topology.kubernetes.io/zone": zone,
        } },
        "spec": { "providerID": format!("aws:///{zone}/{id}") },
    })
}

/// The AWS calls of a command, by operation.
fn calls(sandbox: &Sandbox, args: &[&str]) -> BTreeMap<String, usize> {
    let mark = sandbox.mark();
    let ran = run(sandbox, args);
    assert!(matches!(ran.code, 0 | 3 | 4), "{args:?} ended with {}: {}", ran.code, ran.stderr);
    let mut calls = BTreeMap::new();
    for call in sandbox.aws_log(mark).expect("the AWS log can be read").iter().filter(|call| by_program(call))
    {
        *calls.entry(format!("{}:{}", call.service, call.operation)).or_default() += 1;
    }
    calls
}

#[test]
fn hundreds_of_nodes_add_only_pages_to_the_calls_for_ten() {
    let shape = Shape {
        azs: 2,
        old_nodes: OldNodes::SelfManaged,
        aws: Aws::Calm,
        workloads: false,
        ..Shape::default()
    };
    let mut sandbox = start(shape);
    // Stop what would start kubelets for these instances or notice that they are missing.
    for process in ["node-agent", "kwok"] {
        sandbox.stop(process);
    }
    let commands: [&[&str]; 2] = [&["plan", "--terminate-unowned", "--nodes-per-zone", "2"], &["verify"]];
    grow(&sandbox, 8);
    let few = commands.map(|args| calls(&sandbox, args));
    // With 1,000 the result is the same but takes four minutes: moto needs about 50 ms per instance.
    grow(&sandbox, 290);
    let many = commands.map(|args| calls(&sandbox, args));

    // A filter accepts 200 ids, and a page of the sandbox has 100 items. A plan reads the instances once more, for what
    // they were launched from.
    for (((args, few), many), instances) in commands.iter().zip(few).zip(many).zip([6, 3]) {
        let by_pages = [("ec2:DescribeInstances", instances), ("ec2:DescribeNetworkInterfaces", 3)];
        let grown: Vec<(&str, usize)> = many
            .iter()
            .filter(|(name, count)| few.get(*name) != Some(*count))
            .map(|(name, count)| (name.as_str(), *count))
            .collect();
        assert_eq!(grown, by_pages, "{args:?}: {few:?}");
    }
}
