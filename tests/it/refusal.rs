//! Refusals: the exit code, a message with what, where and the fix, and no change.

use sandbox::{Cni, IpFamily, OldNodes, Sandbox, Shape};

use crate::cluster::{refuses, refuses_in, shared, start};
use crate::command::{in_sandbox, run};

fn small(shape: Shape) -> Sandbox {
    start(Shape { azs: 1, old_nodes: OldNodes::SelfManaged, ..shape })
}

#[test]
fn an_unknown_cluster() {
    refuses(
        &shared(),
        &["setup", "--yes", "--cluster", "nope"],
        3,
        &["no cluster 'nope' in us-west-2", "clusters in this region: sandbox"],
    );
}

#[test]
fn a_wrong_region() {
    refuses(
        &shared(),
        &["setup", "--yes", "--region", "eu-west-1"],
        3,
        &["no cluster 'sandbox' in eu-west-1", "--region"],
    );
}

#[test]
fn no_credentials() {
    let sandbox = shared();
    let mut command = in_sandbox(&sandbox, &["setup", "--yes"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    // And none of the machine that runs the tests.
    command
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    refuses_in(&sandbox, &mut command, 1, &["authenticate to AWS", "AWS_PROFILE"]);
}

#[test]
fn credentials_that_aws_does_not_know() {
    let sandbox = shared();
    let mut command = in_sandbox(&sandbox, &["setup", "--yes"]);
    command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    refuses_in(&sandbox, &mut command, 1, &["authenticate to AWS", "InvalidClientTokenId"]);
}

#[test]
fn the_cluster_s_own_kubeconfig_is_accepted() {
    let sandbox = shared();
    let path = sandbox.kubeconfig().to_string_lossy().into_owned();
    run(&sandbox, &["plan", "--kubeconfig", &path]).expect(0);
}

#[test]
fn blocks_that_aws_would_reject() {
    let sandbox = shared();
    let cases = [
        ("10.1.0.0/16", "192.168.0.0/16"),
        ("192.168.0.0/20", "overlap"),
        ("100.64.0.0/29", "/28"),
        ("198.19.0.0/16", "198.19.0.0/16"),
    ];
    for (block, why) in cases {
        refuses(&sandbox, &["setup", "--yes", "--cidr", block], 3, &["EC-NET-003", block, "--cidr", why]);
    }
}

#[test]
fn a_block_with_host_bits() {
    refuses(&shared(), &["setup", "--yes", "--cidr", "100.64.0.1/16"], 2, &["100.64.0.0/16"]);
}

#[test]
fn too_few_addresses_for_the_requested_nodes() {
    let args = ["setup", "--yes", "--cidr", "100.64.0.0/26", "--nodes-per-zone", "5"];
    refuses(&shared(), &args, 3, &["EC-NET-010", "us-west-2a", "--nodes-per-zone"]);
}

#[test]
fn a_subnet_in_a_zone_without_nodes() {
    let sandbox = shared();
    let subnet = format!("us-west-2d={}", sandbox.aws.private_subnets["us-west-2a"]);
    refuses(
        &sandbox,
        &["setup", "--yes", "--subnet", &subnet],
        3,
        &["EC-NET-004", "us-west-2d", "us-west-2a, us-west-2b"],
    );
}

#[test]
fn a_subnet_of_another_zone() {
    let sandbox = shared();
    let subnet = format!("us-west-2a={}", sandbox.aws.private_subnets["us-west-2b"]);
    refuses(&sandbox, &["setup", "--yes", "--subnet", &subnet], 3, &["EC-NET-006", "is in us-west-2b"]);
}

#[test]
fn a_subnet_in_the_nodes_own_block() {
    let sandbox = shared();
    let subnet = format!("us-west-2a={}", sandbox.aws.public_subnets["us-west-2a"]);
    refuses(&sandbox, &["setup", "--yes", "--subnet", &subnet], 3, &["EC-NET-007", "192.168.0.0/16"]);
}

#[test]
fn invalid_instance_types_and_images() {
    let sandbox = shared();
    let image = image(&sandbox);
    let cases: [(&[&str], &[&str]); 5] = [
        (&["--instance-type", "m5.lrge"], &["EC-NOD-001", "did you mean", "m5.large"]),
        (&["--instance-type", "hpc6id.32xlarge"], &["EC-NOD-002", "hpc6id.32xlarge"]),
        (&["--instance-type", "m6g.large", "--ami-id", &image], &["EC-NOD-004", "x86_64", "arm64"]),
        (&["--ami-family", "al2"], &["EC-NOD-005", "1.34", "--ami-family"]),
        (&["--ami-id", "ami-0123456789abcdef0"], &["EC-NOD-005", "--ami-id"]),
    ];
    for (args, texts) in cases {
        let all: Vec<&str> = ["setup", "--yes"].into_iter().chain(args.iter().copied()).collect();
        refuses(&sandbox, &all, 3, texts);
    }
}

/// The x86_64 image that the plan would use.
fn image(sandbox: &Sandbox) -> String {
    let plan = run(sandbox, &["plan"]).expect(0).stdout;
    let words = plan.split_whitespace();
    words.into_iter().find(|word| word.starts_with("ami-")).expect("the plan names an image").to_string()
}

#[test]
fn no_terminal_and_no_yes() {
    refuses(&shared(), &["setup"], 3, &["no terminal", "eni-custom setup --cluster sandbox", "--yes"]);
}

#[test]
fn no_cluster_named() {
    let sandbox = shared();
    let mut command = in_sandbox(&sandbox, &["setup", "--yes"]);
    command.env_remove("ENI_CUSTOM_CLUSTER");
    refuses_in(&sandbox, &mut command, 2, &["--cluster", "ENI_CUSTOM_CLUSTER"]);
}

#[test]
fn an_old_cni_and_a_full_vpc_are_reported_together() {
    let sandbox = small(Shape {
        cni: Cni::Daemonset,
        cni_version: "v1.3.4".into(),
        cidr_quota: 1,
        vcpu_quota: 3,
        ..Shape::default()
    });
    let texts =
        ["EC-CNI-002", "1.3.4 is too old", "1.4.0", "EC-NET-003", "quota", "EC-QTA-003", "L-1216C47A"];
    refuses(&sandbox, &["setup", "--yes", "--cidr", "100.64.0.0/16"], 3, &texts);
    refuses(&sandbox, &["detect-cni"], 3, &["EC-CNI-002"]);
}

#[test]
fn an_ipv6_cluster() {
    let sandbox = small(Shape { ip_family: IpFamily::Ipv6, workloads: false, ..Shape::default() });
    refuses(&sandbox, &["setup", "--yes"], 3, &["EC-CLU-002", "IPv6"]);
}

#[test]
fn an_auto_mode_cluster() {
    let sandbox = small(Shape { auto_mode: true, workloads: false, ..Shape::default() });
    refuses(&sandbox, &["setup", "--yes"], 3, &["EC-CLU-001", "podSubnetSelectorTerms"]);
}

#[test]
fn bare_pods_foreign_fields_and_a_concurrent_run() {
    let sandbox = small(Shape { cni: Cni::Daemonset, ..Shape::default() });

    let node = sandbox
        .kubectl(&["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"])
        .expect("kubectl answers");
    let pod = format!(
        "{{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {{\"name\": \"lonely\", \"namespace\": \"default\"}}, \
         \"spec\": {{\"nodeName\": \"{node}\", \"containers\": [{{\"name\": \"main\", \"image\": \"example.com/none\"}}]}}}}"
    );
    sandbox.kubectl_with(&["apply", "-f", "-"], &pod).expect("the pod is created");
    let texts = ["EC-POD-001", "default/lonely", "--evict-bare-pods", "--keep-old-nodes"];
    refuses(&sandbox, &["setup", "--yes"], 3, &texts);

    let patch = "{\"apiVersion\": \"apps/v1\", \"kind\": \"DaemonSet\", \"metadata\": {\"name\": \"aws-node\", \"namespace\": \"kube-system\"}, \
         \"spec\": {\"template\": {\"spec\": {\"containers\": [{\"name\": \"aws-node\", \
         \"env\": [{\"name\": \"AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG\", \"value\": \"false\"}]}]}}}}";
    sandbox
        .kubectl_with(
            &[
                "apply",
                "--server-side",
                "--force-conflicts",
                "--field-manager",
                "platform-controller",
                "-f",
                "-",
            ],
            patch,
        )
        .expect("the field has an owner");
    let texts =
        ["EC-CNI-008", "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "platform-controller", "--take-over-env"];
    refuses(&sandbox, &["setup", "--yes"], 3, &texts);

    let daemonset = ["-n", "kube-system", "annotate", "daemonset", "aws-node"];
    let annotate =
        |mark: &str| sandbox.kubectl(&[&daemonset[..], &[mark]].concat()).expect("the mark is set");
    annotate("meta.helm.sh/release-name=aws-vpc-cni");
    let texts =
        ["EC-CNI-004", "Helm 'aws-vpc-cni'", "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG=true", "--take-over-env"];
    refuses(&sandbox, &["setup", "--yes", "--evict-bare-pods"], 3, &texts);
    annotate("meta.helm.sh/release-name-");

    sandbox
        .kubectl(&[
            "-n",
            "kube-system",
            "set",
            "env",
            "daemonset",
            "aws-node",
            "ENI_CONFIG_ANNOTATION_DEF=example.com/eni",
        ])
        .expect("the variable is set");
    let args = ["setup", "--yes", "--evict-bare-pods", "--take-over-env"];
    refuses(&sandbox, &args, 3, &["EC-CNI-005", "ENI_CONFIG_ANNOTATION_DEF", "--remove-annotation-def"]);

    sandbox.kubectl_with(&["apply", "-f", "-"], &lease(&sandbox)).expect("the lease is held");
    let args = ["setup", "--yes", "--evict-bare-pods", "--take-over-env", "--remove-annotation-def"];
    refuses(&sandbox, &args, 3, &["another run of eni-custom", "elsewhere/1", "expires in"]);
}

/// A lease that another host holds and has just renewed.
fn lease(sandbox: &Sandbox) -> String {
    let script = "import datetime; print(datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%fZ'))";
    let now = sandbox.command(&sandbox.tools.python).args(["-c", script]).output().expect("python runs");
    let now = String::from_utf8_lossy(&now.stdout).trim().to_string();
    format!(
        "{{\"apiVersion\": \"coordination.k8s.io/v1\", \"kind\": \"Lease\", \
         \"metadata\": {{\"name\": \"eni-custom\", \"namespace\": \"kube-system\"}}, \
         \"spec\": {{\"holderIdentity\": \"elsewhere/1\", \"leaseDurationSeconds\": 3600, \"renewTime\": \"{now}\"}}}}"
    )
}
