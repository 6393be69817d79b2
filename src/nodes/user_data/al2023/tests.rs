use super::super::carried::tests::{
    AL2, AL2023, BOTTLEROCKET, carry_all, multipart, node_config, rendered, texts,
};
use super::super::render as render_for;
use super::super::tests::{assert_golden, boot};
use super::*;

/// As EKS appends it for a managed node group.
const EKS_NODE_CONFIG: &str = r#"---
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    apiServerEndpoint: https://0123456789ABCDEF0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com
    certificateAuthority: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==
    cidr: 172.20.0.0/16
    name: sandbox
  kubelet:
    config:
      clusterDNS:
      - 172.20.0.10
      maxPods: 29
    flags:
    - --node-labels=eks.amazonaws.com/nodegroup-image=ami-1,eks.amazonaws.com/capacityType=ON_DEMAND,eks.amazonaws.com/nodegroup=general,team=web
    - --register-with-taints=dedicated=db:NoSchedule
"#;

const PROXY_SCRIPT: &str = "#!/bin/bash\nset -e\ncat > /etc/profile.d/proxy.sh <<'EOF'\nexport HTTPS_PROXY=http://proxy.example.com:3128\nEOF\n";

#[test]
fn eks_s_own_node_config_is_nothing_but_labels_and_taints() {
    let carried = carry_all(AL2023, &multipart(&[("application/node.eks.aws", EKS_NODE_CONFIG)]));
    assert_eq!(
        texts(&carried.labels),
        [
            "eks.amazonaws.com/capacityType=ON_DEMAND",
            "eks.amazonaws.com/nodegroup=general",
            "eks.amazonaws.com/nodegroup-image=ami-1",
            "team=web"
        ]
    );
    assert_eq!(texts(&carried.taints), ["dedicated=db:NoSchedule"]);
    assert!(!carried.keeps_settings());
}

#[test]
fn node_configs_are_merged_as_nodeadm_merges_them() {
    let first = node_config(
        r#"  featureGates: {FastImagePull: true, InstanceIdNodeName: true}
  kubelet:
    maxPodsExpression: "max_pods"
    config:
      maxPods: 58
      kubeReserved: {cpu: 100m, memory: 300Mi}
      allowedUnsafeSysctls: [a, b]
      failSwapOn: true
      registerWithTaints: [{key: a, value: b, effect: NoSchedule}]
    flags: ["--v=2", --max-pods=58, --node-labels=a=1]
  containerd:
    config: |
      version = 3
      [plugins."io.containerd.grpc.v1.cri"]
      enable_cdi = true
  instance:
    localStorage: {strategy: RAID0, disabledMounts: [PodLogs]}
    environment: {default: {HTTPS_PROXY: "http://proxy"}}
"#,
    );
    let second = node_config(
        r#"  featureGates: {FastImagePull: false}
  kubelet:
    config:
      kubeReserved: {memory: 400Mi}
      allowedUnsafeSysctls: []
      failSwapOn: false
    flags: [--node-labels=b=2]
  containerd:
    config: |
      [plugins."io.containerd.grpc.v1.cri"]
      enable_cdi = false
  instance:
    localStorage: {strategy: "", mountPath: /mnt/x, disabledMounts: []}
    environment: {kubelet: {GODEBUG: x}}
"#,
    );
    let text = multipart(&[("application/node.eks.aws", &first), ("application/node.eks.aws", &second)]);
    let carried = carry_all(AL2023, &text);
    assert_eq!(
        (texts(&carried.labels), texts(&carried.taints)),
        (vec!["a=1".into(), "b=2".into()], vec!["a=b:NoSchedule".into()])
    );
    let Kept::Al2023(kept) = &carried.kept else { panic!("{carried:?}") };
    let spec = Value::Object(kept.spec.clone());
    assert_eq!(
        spec,
        json!({
            "featureGates": {"FastImagePull": false, "InstanceIdNodeName": true},
            "kubelet": {
                "config": {
                    "kubeReserved": {"cpu": "100m", "memory": "400Mi"},
                    "allowedUnsafeSysctls": [],
                    "failSwapOn": false,
                },
                "flags": ["--v=2"],
            },
            "containerd": {"config": "version = 3\n\n[plugins.\"io.containerd.grpc.v1.cri\"]\nenable_cdi = false\n"},
            "instance": {
                "localStorage": {"strategy": "RAID0", "mountPath": "/mnt/x", "disabledMounts": ["PodLogs"]},
                "environment": {"default": {"HTTPS_PROXY": "http://proxy"}, "kubelet": {"GODEBUG": "x"}},
            },
        })
    );
}

#[test]
fn the_flag_s_taints_win_over_the_configuration_s() {
    let text = node_config(
        "  kubelet:\n    config:\n      registerWithTaints: [{key: a, effect: NoSchedule}]\n    flags: ['--register-with-taints=b:NoExecute']\n",
    );
    assert_eq!(texts(&carry_all(AL2023, &text).taints), ["b=:NoExecute"]);
}

#[test]
fn a_proxy_part_and_settings_get_into_new_al2023_user_data() {
    let config = node_config(
        r#"  cluster: {name: sandbox, apiServerEndpoint: x, certificateAuthority: eA==, cidr: 172.20.0.0/16}
  kubelet:
    config:
      evictionHard: {memory.available: 5%}
      kubeReserved: {cpu: 100m}
      maxPods: 29
    flags: ["--node-labels=team=web", "--v=2"]
  containerd:
    config: |
      [plugins."io.containerd.cri.v1.images".registry]
      config_path = "/etc/containerd/certs.d"
  instance:
    environment: {default: {HTTPS_PROXY: "http://proxy.example.com:3128"}}
"#,
    );
    let text = multipart(&[
        ("text/x-shellscript; charset=\"us-ascii\"", PROXY_SCRIPT),
        ("application/node.eks.aws", &config),
    ]);
    assert_golden("al2023-proxy.txt", &rendered(AL2023, &carry_all(AL2023, &text)));
}

#[test]
fn user_data_of_a_managed_group_gets_into_new_user_data() {
    let own = node_config("  kubelet:\n    config:\n      maxPods: 110\n      podPidsLimit: 4096\n");
    let text =
        multipart(&[("application/node.eks.aws", &own), ("application/node.eks.aws", EKS_NODE_CONFIG)]);
    let carried = carry_all(AL2023, &text);
    assert_golden("al2023-managed.txt", &rendered(AL2023, &carried));
}

#[test]
fn only_al2023_computes_max_pods() {
    let lowest = boot(&[]).max_pods.lowest();
    let rule = MaxPodsRule::Computed { expression: "max_pods < 44 ? max_pods : 44".into(), lowest };
    let old = node_config(
        "  kubelet:\n    config:\n      maxPods: 110\n    flags: [--max-pods=110]\n    maxPodsExpression: \"1\"\n",
    );
    let carried = carry_all(AL2023, &old);
    let new = render_for(AL2023, &Boot { max_pods: rule.clone(), carried: &carried, ..boot(&[]) }).unwrap();
    assert!(new.contains("    maxPodsExpression: \"max_pods < 44 ? max_pods : 44\"\n"), "{new}");
    assert!(!new.contains("maxPods:") && !new.contains("max-pods"), "{new}");
    for family in [AL2, BOTTLEROCKET] {
        let computed = render_for(family, &Boot { max_pods: rule.clone(), ..boot(&[]) });
        assert_eq!(computed, render_for(family, &boot(&[])));
    }
}
