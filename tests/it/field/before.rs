//! What `plan` reports before the first change.

use aws_sdk_ec2::types::{IpPermission, Tag};
use sandbox::{Cni, OldNodes, Sandbox, Shape};
use serde_json::{Value, json};

use super::{apply, kubectl, report_with, reports_nothing, set_env, set_image};
use crate::cluster::start;
use crate::command::writes;
use crate::reach::{Console, from_cidr, from_group};

/// With a role of their own the new nodes need no managed node group, which would be reported.
const PLAN: &[&str] = &["plan", "--node-role", "new"];
const ZONE: &str = "us-west-2a";

#[test]
fn field_failures_are_reported_before_the_first_change() {
    let sandbox = start(Shape {
        azs: 1,
        old_nodes: OldNodes::Both,
        cni: Cni::Daemonset,
        secondary_cidr: Some("100.64.0.0/16".into()),
        ..Shape::default()
    });
    let console = Console::of(&sandbox);
    let mark = sandbox.mark();
    reports_nothing(&sandbox, PLAN);

    autoscalers_start_nodes(&sandbox);
    network_policies_by_address(&sandbox);
    budgets(&sandbox);
    too_many_host_network_pods(&sandbox);
    a_version_with_a_bug(&sandbox);
    managed_nodes_that_are_kept(&sandbox);
    reports_nothing(&sandbox, PLAN);

    targets_of_load_balancers(&sandbox, &console);
    prefixes(&sandbox, &console);
    rules(&sandbox, &console);
    subnets_without_a_tag(&sandbox, &console);
    a_shared_vpc(&sandbox, &console);
    denied_and_throttled_calls(&sandbox);
    no_capacity_beside_the_old_nodes(&sandbox, &console);
    assert_eq!(writes(&sandbox, mark), Vec::<String>::new(), "a plan changes nothing");
}

pub(super) fn deployment(namespace: &str, name: &str, labels: &Value, env: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "example.com/none", "env": env}]},
            },
        },
    })
}

/// A custom resource definition that allows any spec, and one object of that kind.
pub(super) fn custom(group: &str, version: &str, kind: &str, scope: &str, object: Value) -> [Value; 2] {
    let plural = format!("{}s", kind.to_lowercase()).replace("classs", "classes");
    let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group, "scope": scope,
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()},
            "versions": [{"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema": any}}],
        },
    });
    let mut object = object;
    object["apiVersion"] = json!(format!("{group}/{version}"));
    object["kind"] = json!(kind);
    [definition, object]
}

#[track_caller]
pub(super) fn define(sandbox: &Sandbox, [definition, object]: &[Value; 2]) {
    apply(sandbox, definition);
    let name = definition["metadata"]["name"].as_str().expect("a name");
    kubectl(sandbox, &["wait", "--for=condition=Established", "--timeout=60s", &format!("crd/{name}")]);
    apply(sandbox, object);
}

/// 19 and 27: Karpenter as its chart installs it, and a Cluster Autoscaler.
fn autoscalers_start_nodes(sandbox: &Sandbox) {
    kubectl(sandbox, &["create", "namespace", "karpenter"]);
    let class =
        json!({"metadata": {"name": "default"}, "spec": {"amiSelectorTerms": [{"alias": "al2023@latest"}]}});
    define(sandbox, &custom("karpenter.k8s.aws", "v1", "EC2NodeClass", "Cluster", class));
    let labels = json!({"app.kubernetes.io/name": "karpenter", "app.kubernetes.io/instance": "karpenter"});
    apply(sandbox, &deployment("karpenter", "karpenter", &labels, &json!([])));
    reports_nothing(sandbox, &[PLAN, &["--env-last"]].concat());
    // A flag of the controller has precedence over the variable, which setup sets.
    let args = json!([{"op": "add", "path": "/spec/template/spec/containers/0/args", "value": ["--reserved-enis=0"]}]);
    kubectl(
        sandbox,
        &["-n", "karpenter", "patch", "deployment", "karpenter", "--type=json", "-p", &args.to_string()],
    );
    let reported = report_with(sandbox, PLAN, &["EC-NOD-012", "EC-NOD-013"]);
    assert!(reported.to_string().contains("set --reserved-enis=1"), "{reported:#}");
    let args = json!([{"op": "remove", "path": "/spec/template/spec/containers/0/args"}]);
    kubectl(
        sandbox,
        &["-n", "karpenter", "patch", "deployment", "karpenter", "--type=json", "-p", &args.to_string()],
    );
    kubectl(sandbox, &["-n", "karpenter", "set", "env", "deployment/karpenter", "RESERVED_ENIS=1"]);
    reports_nothing(sandbox, &[PLAN, &["--env-last"]].concat());
    // Before 1.0 NodePools had another API version.
    let beta = json!({"metadata": {"name": "default"}, "spec": {"template": {"spec": {}}}});
    define(sandbox, &custom("karpenter.sh", "v1beta1", "NodePool", "Cluster", beta));
    let reported = report_with(sandbox, PLAN, &["EC-NOD-070"]);
    assert!(reported.to_string().contains("1.0 or later"), "{reported:#}");
    kubectl(sandbox, &["delete", "crd", "nodepools.karpenter.sh"]);
    kubectl(sandbox, &["-n", "karpenter", "delete", "deployment", "karpenter"]);
    kubectl(sandbox, &["delete", "crd", "ec2nodeclasses.karpenter.k8s.aws"]);

    let labels = json!({"app": "cluster-autoscaler"});
    apply(sandbox, &deployment("kube-system", "cluster-autoscaler", &labels, &json!([])));
    let reported = report_with(sandbox, PLAN, &["EC-NOD-013"]);
    assert!(
        reported.to_string().contains("scale deployment cluster-autoscaler --replicas=0"),
        "{reported:#}"
    );
    kubectl(sandbox, &["-n", "kube-system", "scale", "deployment", "cluster-autoscaler", "--replicas=0"]);
    reports_nothing(sandbox, PLAN);
    kubectl(sandbox, &["-n", "kube-system", "delete", "deployment", "cluster-autoscaler"]);
}

/// 15: a NetworkPolicy that allows only the old block.
fn network_policies_by_address(sandbox: &Sandbox) {
    let policy = |blocks: &[&str]| {
        let from: Vec<Value> = blocks.iter().map(|block| json!({"ipBlock": {"cidr": block}})).collect();
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"namespace": "shop", "name": "from-the-vpc"},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": from}]},
        })
    };
    apply(sandbox, &policy(&["192.168.0.0/16"]));
    let reported = report_with(sandbox, PLAN, &["EC-RCH-015"]);
    assert!(reported.to_string().contains("NetworkPolicy shop/from-the-vpc"), "{reported:#}");
    apply(sandbox, &policy(&["192.168.0.0/16", "100.64.0.0/16"]));
    reports_nothing(sandbox, PLAN);
    kubectl(sandbox, &["-n", "shop", "delete", "networkpolicy", "from-the-vpc"]);
}

/// 12: a budget that never allows a disruption, and two budgets on the same pods.
fn budgets(sandbox: &Sandbox) {
    let set = |most: &str| {
        let patch = json!({"spec": {"maxUnavailable": most}}).to_string();
        kubectl(sandbox, &["-n", "shop", "patch", "pdb", "web", "--type=merge", "-p", &patch]);
    };
    set("0%");
    report_with(sandbox, PLAN, &["EC-POD-005"]);
    set("25%");
    let second = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"namespace": "shop", "name": "second"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    });
    apply(sandbox, &second);
    let reported = report_with(sandbox, PLAN, &["EC-POD-004"]);
    assert!(reported.to_string().contains("shop/second"), "{reported:#}");
    kubectl(sandbox, &["-n", "shop", "delete", "pdb", "second"]);
}

/// 30: a log shipper and a node exporter besides aws-node and kube-proxy.
fn too_many_host_network_pods(sandbox: &Sandbox) {
    let exporter = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"namespace": "shop", "name": "exporter"},
        "spec": {
            "selector": {"matchLabels": {"app": "exporter"}},
            "template": {
                "metadata": {"labels": {"app": "exporter"}},
                "spec": {
                    "hostNetwork": true,
                    "containers": [{"name": "main", "image": "example.com/none"}],
                },
            },
        },
    });
    apply(sandbox, &exporter);
    kubectl(sandbox, &["-n", "shop", "rollout", "status", "daemonset/exporter", "--timeout=60s"]);
    let reported = report_with(sandbox, PLAN, &["EC-NOD-014"]);
    assert!(reported.to_string().contains("shop/exporter"), "{reported:#}");
    kubectl(sandbox, &["-n", "shop", "delete", "daemonset", "exporter"]);
}

/// 25: security groups for pods, with the only version that loses the node.
fn a_version_with_a_bug(sandbox: &Sandbox) {
    set_image(sandbox, "v1.19.4");
    set_env(sandbox, &["ENABLE_POD_ENI=true"]);
    let reported = report_with(sandbox, PLAN, &["EC-CNI-009"]);
    assert!(reported.to_string().contains("amazon-vpc-cni-k8s#3277"), "{reported:#}");
    set_image(sandbox, "v1.19.5");
    reports_nothing(sandbox, PLAN);
    set_env(sandbox, &["ENABLE_POD_ENI=false"]);
    set_image(sandbox, "v1.20.4");
}

/// 32: old managed nodes that are not drained.
fn managed_nodes_that_are_kept(sandbox: &Sandbox) {
    let reported = report_with(sandbox, &["plan", "--keep-old-nodes"], &["EC-NOD-015"]);
    assert!(reported.to_string().contains("old-managed"), "{reported:#}");
}

/// 14: two of the pods' security groups are tagged for the cluster.
fn targets_of_load_balancers(sandbox: &Sandbox, console: &Console<'_>) {
    let binding = json!({
        "metadata": {"namespace": "shop", "name": "k8s-shop-web"},
        "spec": {"targetType": "ip", "targetGroupARN": "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/web/1"},
    });
    define(sandbox, &custom("elbv2.k8s.aws", "v1beta1", "TargetGroupBinding", "Namespaced", binding));
    reports_nothing(sandbox, PLAN);
    let cluster = sandbox.aws.cluster_security_group.clone();
    let pods = console.group("pods-with-a-tag");
    console.allow(&pods, from_group(&pods));
    console.allow(&pods, from_group(&cluster));
    console.allow(&cluster, from_group(&pods));
    let tag = Tag::builder().key("kubernetes.io/cluster/sandbox").value("owned").build();
    console.run(console.ec2.create_tags().resources(&pods).tags(tag).send());
    let both = ["plan", "--security-group", &pods, "--security-group", &cluster];
    let reported = report_with(sandbox, &both, &["EC-RCH-016"]);
    assert!(reported.to_string().contains("shop/k8s-shop-web"), "{reported:#}");
    reports_nothing(sandbox, PLAN);
    kubectl(sandbox, &["delete", "crd", "targetgroupbindings.elbv2.k8s.aws"]);
}

/// 17: a subnet in which other interfaces use single addresses.
fn prefixes(sandbox: &Sandbox, console: &Console<'_>) {
    let subnet = console.subnet(ZONE, "100.64.240.0/24");
    let id = subnet.split_once('=').expect("zone and subnet").1;
    console.run(console.ec2.create_network_interface().subnet_id(id).send());
    set_env(sandbox, &["ENABLE_PREFIX_DELEGATION=true"]);
    report_with(sandbox, &["plan", "--subnet", &subnet, "--nodes-per-zone", "1"], &["EC-QTA-012"]);
    set_env(sandbox, &["ENABLE_PREFIX_DELEGATION=false"]);
}

/// A security group with as many rules as the quota allows.
fn rules(sandbox: &Sandbox, console: &Console<'_>) {
    let cluster = &sandbox.aws.cluster_security_group;
    let groups = console.run(console.ec2.describe_security_groups().group_ids(cluster).send());
    let there: usize = groups.security_groups()[0]
        .ip_permissions()
        .iter()
        .map(|permission| permission.ip_ranges().len() + permission.user_id_group_pairs().len())
        .sum();
    let more: Vec<IpPermission> = (there..60)
        .map(|at| from_cidr(9000 + i32::try_from(at).expect("a port"), "203.0.113.0/24"))
        .collect();
    let add = console.ec2.authorize_security_group_ingress().group_id(cluster);
    console.run(add.set_ip_permissions(Some(more.clone())).send());
    report_with(sandbox, PLAN, &["EC-QTA-005"]);
    let take = console.ec2.revoke_security_group_ingress().group_id(cluster);
    console.run(take.set_ip_permissions(Some(more)).send());
    reports_nothing(sandbox, PLAN);
}

fn subnets_without_a_tag(sandbox: &Sandbox, console: &Console<'_>) {
    let aws = &sandbox.aws;
    let ids: Vec<String> = aws.private_subnets.values().chain(aws.public_subnets.values()).cloned().collect();
    console.run(console.ec2.delete_tags().set_resources(Some(ids)).send());
    reports_nothing(sandbox, PLAN);
}

/// Another account owns the VPC. Setup can continue with subnets that the owner created.
fn a_shared_vpc(sandbox: &Sandbox, console: &Console<'_>) {
    sandbox.share_vpc("210987654321").expect("the sandbox changes the owner");
    let reported = report_with(sandbox, PLAN, &["EC-NET-012"]);
    assert!(reported.to_string().contains("belongs to account 210987654321"), "{reported:#}");
    let subnet = console.subnet(ZONE, "100.64.0.0/18");
    let (_, id) = subnet.split_once('=').expect("zone and subnet");
    let table = &sandbox.aws.private_route_tables[ZONE];
    console.run(console.ec2.associate_route_table().route_table_id(table).subnet_id(id).send());
    reports_nothing(sandbox, &[PLAN, &["--subnet", &subnet]].concat());
    sandbox.share_vpc("").expect("the sandbox changes the owner");
}

/// Denied or throttled calls are retried or reported as unknown.
fn denied_and_throttled_calls(sandbox: &Sandbox) {
    let fault = |service: &str, operation: &str, code: &str, status: u16, times: u32| json!({"service": service, "operation": operation, "kind": "error", "code": code, "status": status, "times": times});
    sandbox
        .fault(&json!([
            fault("service-quotas", "ListServiceQuotas", "AccessDeniedException", 400, 1),
            fault("service-quotas", "GetServiceQuota", "AccessDeniedException", 400, 2),
            fault("cloudformation", "ListStacks", "AccessDenied", 403, 1),
        ]))
        .expect("the faults are set");
    let reported = super::report(sandbox, PLAN);
    let findings = reported["findings"].as_array().expect("findings");
    let unknown: Vec<&str> = findings
        .iter()
        .filter(|one| one["id"] == "EC-RUN-002")
        .map(|one| one["why"].as_str().expect("a reason"))
        .collect();
    // The same denial for two quotas is reported once.
    assert_eq!(unknown.len(), 3, "{reported:#}");
    assert!(unknown.iter().all(|why| why.starts_with("unknown because ") && why.contains("AccessDenied")));

    sandbox
        .fault(&json!([
            fault("ec2", "DescribeSubnets", "RequestLimitExceeded", 503, 2),
            fault("eks", "ListNodegroups", "TooManyRequestsException", 429, 1),
            fault("cloudformation", "ListStacks", "Throttling", 400, 30),
        ]))
        .expect("the faults are set");
    let reported = report_with(sandbox, PLAN, &["EC-RUN-002"]);
    assert!(reported.to_string().contains("ListStacks: Throttling"), "{reported:#}");
    sandbox.clear_faults().expect("AWS forgets them");
}

/// 28: the node subnet has only a few free addresses.
fn no_capacity_beside_the_old_nodes(sandbox: &Sandbox, console: &Console<'_>) {
    let subnet = &sandbox.aws.private_subnets[ZONE];
    let free = || {
        let found = console.run(console.ec2.describe_subnets().subnet_ids(subnet).send());
        found.subnets()[0].available_ip_address_count().expect("a count")
    };
    // Use up whole blocks first, then single addresses.
    let take = |prefixes: Option<i32>, addresses: Option<i32>| {
        let request = console.ec2.create_network_interface().subnet_id(subnet);
        let request =
            request.set_ipv4_prefix_count(prefixes).set_secondary_private_ip_address_count(addresses);
        console.runtime.block_on(request.send()).is_ok()
    };
    while take(Some(40), None) {}
    while take(Some(4), None) {}
    while free() > 50 && take(None, Some(40)) {}
    while free() > 1 && take(None, None) {}
    let reported = report_with(sandbox, &["plan", "--nodes-per-zone", "2"], &["EC-NET-011"]);
    assert!(reported.to_string().contains(subnet), "{reported:#}");
}
