use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use serde_json::Value;

use crate::net::max_pods::{InstanceType, MaxPods, Options, known, max_pods};

use super::*;

const ENDPOINT: &str = "https://0123456789ABCDEF0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com";
const CERTIFICATE_AUTHORITY: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==";

static NOTHING: std::sync::LazyLock<Carried> = std::sync::LazyLock::new(Carried::default);

pub(super) fn boot(labels: &[NodeLabel]) -> Boot<'_> {
    Boot {
        cluster: "sandbox",
        endpoint: ENDPOINT,
        certificate_authority: CERTIFICATE_AUTHORITY,
        service_cidr: "172.20.0.0/16".parse().unwrap(),
        max_pods: MaxPodsRule::Fixed(
            max_pods(known("m5.large").unwrap(), &Options { custom: true, ..Options::default() }).unwrap(),
        ),
        labels,
        taints: &[],
        carried: &NOTHING,
    }
}

pub(super) fn labels() -> [NodeLabel; 2] {
    [("k8s.amazonaws.com/eniConfig", "us-west-2a"), ("team", "")]
        .map(|(key, value)| NodeLabel::new(key, value).unwrap())
}

/// `UPDATE_GOLDEN=1 cargo test` rewrites the files; review the diff.
pub(super) fn assert_golden(name: &str, rendered: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/nodes/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, rendered).unwrap();
    }
    assert_eq!(rendered, std::fs::read_to_string(&path).unwrap_or_default(), "{}", path.display());
}

#[test]
fn user_data_matches_the_golden_files() {
    assert_golden("al2023.txt", &render(AmiFamily::Al2023, &boot(&[])).unwrap());
    assert_golden("al2023-labels.txt", &render(AmiFamily::Al2023, &boot(&labels())).unwrap());
    assert_golden("al2.sh", &render(AmiFamily::Al2, &boot(&[])).unwrap());
    assert_golden("al2-labels.sh", &render(AmiFamily::Al2, &boot(&labels())).unwrap());
    assert_golden("bottlerocket.toml", &render(AmiFamily::Bottlerocket, &boot(&[])).unwrap());
    assert_golden("bottlerocket-labels.toml", &render(AmiFamily::Bottlerocket, &boot(&labels())).unwrap());
}

#[test]
fn families_are_named_as_on_the_command_line() {
    for family in AmiFamily::ALL {
        assert_eq!(family.to_string().parse(), Ok(family));
        assert_eq!(serde_json::to_value(family).unwrap(), family.to_string());
    }
    let error = "al2024".parse::<AmiFamily>().unwrap_err();
    assert_eq!(error.to_string(), "\"al2024\" is not an AMI family; expected al2023, al2 or bottlerocket");
}

#[test]
fn dns_is_the_tenth_address_of_the_service_cidr() {
    for (cidr, dns) in
        [("172.20.0.0/16", "172.20.0.10"), ("10.100.0.0/16", "10.100.0.10"), ("10.8.4.0/24", "10.8.4.10")]
    {
        assert_eq!(cluster_dns_ip(cidr.parse().unwrap()).to_string(), dns);
    }
}

/// The NodeConfig in AL2023 user data.
fn node_config(user_data: &str) -> Value {
    let parts: Vec<&str> = user_data.split("\n--//").collect();
    assert_eq!(parts.len(), 3, "{user_data}");
    assert_eq!(parts[2], "--\n");
    let (head, body) = parts[1].trim_start().split_once("\n\n").unwrap();
    assert_eq!(head, "Content-Type: application/node.eks.aws");
    serde_saphyr::from_str(body).unwrap_or_else(|error| panic!("{error}\n{body}"))
}

/// What bootstrap.sh would be called with, by a real shell.
fn bootstrap_arguments(script: &str) -> Vec<String> {
    let script = script.replacen("/etc/eks/bootstrap.sh", r"printf '%s\0'", 1);
    let run = Command::new("sh").arg("-c").arg(script).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let output = String::from_utf8(run.stdout).unwrap();
    output.split_terminator('\0').map(str::to_string).collect()
}

fn text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        '\'', '"', '\\', '$', '`', '\n', '\r', '\t', ':', '#', '-', '/', '%', '\u{85}', '\u{2028}',
    ]);
    prop::collection::vec(prop_oneof![any::<char>(), odd], 0..12)
        .prop_map(|characters| characters.into_iter().collect())
}

pub(super) fn pods() -> impl Strategy<Value = MaxPods> {
    prop::sample::select(crate::net::max_pods::all())
        .prop_filter_map("one interface", |known: InstanceType| {
            max_pods(&known, &Options { custom: true, ..Options::default() }).ok()
        })
}

pub(super) fn some_labels() -> impl Strategy<Value = Vec<NodeLabel>> {
    let label = ("[a-z]{1,8}", "[A-Za-z0-9]{0,8}")
        .prop_map(|(name, value)| NodeLabel::new(&format!("example.com/{name}"), &value).unwrap());
    prop::collection::btree_set(label, 0..3).prop_map(|labels| {
        let by_key: std::collections::BTreeMap<String, NodeLabel> =
            labels.into_iter().map(|label| (label.key().to_string(), label)).collect();
        by_key.into_values().collect()
    })
}

proptest! {
    #[test]
    fn any_character_survives_in_a_node_config(cluster in text(), endpoint in text(), ca in text(), labels in some_labels(), max_pods in pods()) {
        let boot = Boot { cluster: &cluster, endpoint: &endpoint, certificate_authority: &ca, max_pods: MaxPodsRule::Fixed(max_pods), ..boot(&labels) };
        let user_data = render(AmiFamily::Al2023, &boot).unwrap();
        prop_assert!(user_data.is_ascii());
        let config = node_config(&user_data);
        let spec = &config["spec"];
        prop_assert_eq!(&spec["cluster"]["name"], &cluster);
        prop_assert_eq!(&spec["cluster"]["apiServerEndpoint"], &endpoint);
        prop_assert_eq!(&spec["cluster"]["certificateAuthority"], &ca);
        prop_assert_eq!(&spec["cluster"]["cidr"], "172.20.0.0/16");
        prop_assert_eq!(&spec["kubelet"]["config"]["maxPods"], max_pods.get());
        prop_assert_eq!(&spec["kubelet"]["maxPodsExpression"], &max_pods.to_string());
        let flags = kubelet::ours(&labels, &[]);
        let written = spec["kubelet"].get("flags").cloned();
        prop_assert_eq!(written, (!flags.is_empty()).then(|| flags.into()));
    }

    #[test]
    fn any_character_survives_in_toml(cluster in text(), endpoint in text(), ca in text(), labels in some_labels(), max_pods in pods()) {
        let boot = Boot { cluster: &cluster, endpoint: &endpoint, certificate_authority: &ca, max_pods: MaxPodsRule::Fixed(max_pods), ..boot(&labels) };
        let settings: toml::Table = render(AmiFamily::Bottlerocket, &boot).unwrap().parse().unwrap();
        let kubernetes = &settings["settings"]["kubernetes"];
        prop_assert_eq!(kubernetes["cluster-name"].as_str(), Some(cluster.as_str()));
        prop_assert_eq!(kubernetes["api-server"].as_str(), Some(endpoint.as_str()));
        prop_assert_eq!(kubernetes["cluster-certificate"].as_str(), Some(ca.as_str()));
        prop_assert_eq!(kubernetes["cluster-dns-ip"].as_str(), Some("172.20.0.10"));
        prop_assert_eq!(kubernetes["max-pods"].as_integer(), Some(i64::from(max_pods.get())));
        let written = kubernetes.get("node-labels").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        prop_assert_eq!(written.len(), labels.len());
        for label in &labels {
            prop_assert_eq!(written[label.key()].as_str(), Some(label.value()));
        }
    }
}

proptest! {
    // Each case starts a shell.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_character_survives_a_shell(cluster in text(), endpoint in text(), ca in text(), labels in some_labels(), max_pods in pods()) {
        // No argument of a process can hold a NUL.
        let [cluster, endpoint, ca] = [cluster, endpoint, ca].map(|text| text.replace('\0', ""));
        let boot = Boot { cluster: &cluster, endpoint: &endpoint, certificate_authority: &ca, max_pods: MaxPodsRule::Fixed(max_pods), ..boot(&labels) };
        let mut kubelet = vec![format!("--max-pods={max_pods}")];
        kubelet.extend(kubelet::ours(&labels, &[]));
        let kubelet = kubelet.join(" ");
        prop_assert_eq!(
            bootstrap_arguments(&render(AmiFamily::Al2, &boot).unwrap()),
            [
                &cluster, "--apiserver-endpoint", &endpoint, "--b64-cluster-ca", &ca, "--dns-cluster-ip", "172.20.0.10",
                "--use-max-pods", "false", "--kubelet-extra-args", &kubelet,
            ]
        );
    }
}

/// What EKS merges its own into: what was carried, without the cluster, max pods, labels and taints.
fn merged(family: AmiFamily, old: &str) -> Result<String, UserDataError> {
    let max_pods = boot(&[]).max_pods.lowest();
    for_eks(family, &carry(family, old.as_bytes(), "172.20.0.0/16".parse().ok()), max_pods)
}

#[test]
fn user_data_for_eks_is_only_what_was_carried() {
    for family in [AmiFamily::Al2023, AmiFamily::Al2] {
        assert_eq!(merged(family, &render(family, &boot(&labels())).unwrap()).unwrap(), "", "{family}");
    }
    let script = "Content-Type: text/x-shellscript; charset=\"us-ascii\"\n\n#!/bin/sh\necho proxy\n";
    let config = "Content-Type: application/node.eks.aws\n\n---\napiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  cluster:\n    name: old\n  kubelet:\n    config:\n      maxPods: 29\n      imageGCHighThresholdPercent: 70\n    flags: [\"--node-labels=a=b\", \"--v=2\"]\n";
    let text = merged(AmiFamily::Al2023, &mime::write(&[script, config])).unwrap();
    let parts = mime::parse(&text).unwrap();
    assert_eq!(parts.len(), 2, "{text}");
    assert_eq!(parts[0].raw.trim_end(), script.trim_end());
    assert!(
        parts[1].raw.contains("imageGCHighThresholdPercent: 70") && parts[1].raw.contains("--v=2"),
        "{text}"
    );
    for word in ["cluster", "maxPods", "node-labels"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    let read: Carried = carry(AmiFamily::Al2023, text.as_bytes(), None);
    assert!(read.unclear.is_empty() && read.keeps_settings(), "{read:?}");
}

#[test]
fn bottlerocket_s_user_data_for_eks_has_max_pods_because_it_wins() {
    let old = "[settings.kernel.sysctl]\n\"vm.max_map_count\" = \"262144\"\n[settings.kubernetes]\ncluster-name = \"old\"\nmax-pods = 29\n[settings.kubernetes.node-labels]\na = \"b\"\n";
    let text = merged(AmiFamily::Bottlerocket, old).unwrap();
    let expected = "[settings.kernel.sysctl]\n\"vm.max_map_count\" = \"262144\"\n\n[settings.kubernetes]\nmax-pods = 20\n";
    assert_eq!(text, expected);
    assert_eq!(merged(AmiFamily::Bottlerocket, "").unwrap(), "[settings.kubernetes]\nmax-pods = 20\n");
}

/// EKS calls bootstrap.sh, so nothing can be added to the call.
#[test]
fn options_of_bootstrap_sh_are_refused_where_eks_calls_it() {
    let part = "Content-Type: text/x-shellscript\n\n#!/bin/bash\necho before\n";
    let call = |options: &str| {
        format!(
            "Content-Type: text/x-shellscript\n\n#!/bin/bash\nset -ex\n/etc/eks/bootstrap.sh old --kubelet-extra-args '--node-labels=a=b --max-pods=29' {options}\n"
        )
    };
    let text = merged(AmiFamily::Al2, &mime::write(&[part, &call("")])).unwrap();
    assert_eq!(mime::parse(&text).unwrap().len(), 1, "{text}");
    let options = merged(
        AmiFamily::Al2,
        &call("--container-runtime containerd").replace("Content-Type: text/x-shellscript\n\n", ""),
    );
    assert_eq!(options, Err(UserDataError::CallOfEks));
}
