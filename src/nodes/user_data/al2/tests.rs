use super::super::carried::tests::{AL2, carry_all, carry_text, multipart, rendered, texts};
use super::super::tests::assert_golden;
use super::*;

/// As EKS writes it for a managed node group.
const EKS_SCRIPT: &str = "#!/bin/bash
set -ex
B64_CLUSTER_CA=LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==
API_SERVER_URL=https://0123456789ABCDEF0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com
K8S_CLUSTER_DNS_IP=172.20.0.10
/etc/eks/bootstrap.sh sandbox --kubelet-extra-args '--node-labels=eks.amazonaws.com/nodegroup=general --max-pods=29 --register-with-taints=a=b:NoSchedule' --b64-cluster-ca $B64_CLUSTER_CA --apiserver-endpoint $API_SERVER_URL --dns-cluster-ip $K8S_CLUSTER_DNS_IP --use-max-pods false
";

#[test]
fn eks_s_own_al2_script_is_nothing_but_labels_and_taints() {
    for text in
        [EKS_SCRIPT.to_string(), multipart(&[("text/x-shellscript; charset=\"us-ascii\"", EKS_SCRIPT)])]
    {
        let carried = carry_all(AL2, &text);
        assert_eq!(texts(&carried.labels), ["eks.amazonaws.com/nodegroup=general"]);
        assert_eq!(texts(&carried.taints), ["a=b:NoSchedule"]);
        assert!(!carried.keeps_settings());
    }
}

#[test]
fn parts_keep_their_place_around_an_al2_script() {
    let (before, after) = ("#!/bin/sh\necho before\n", "#!/bin/sh\necho after\n");
    let text = multipart(&[
        ("text/x-shellscript", before),
        ("text/x-shellscript", EKS_SCRIPT),
        ("text/x-shellscript", after),
    ]);
    let new = rendered(AL2, &carry_all(AL2, &text));
    let parts = mime::parse(&new).unwrap();
    let bodies: Vec<String> =
        parts.iter().map(|part| String::from_utf8(part.content().unwrap()).unwrap()).collect();
    assert_eq!((bodies[0].as_str(), bodies[2].as_str(), bodies.len()), (before, after, 3));
    assert!(bodies[1].contains("/etc/eks/bootstrap.sh 'sandbox'"));
}

#[test]
fn a_variable_that_is_used_again_stays() {
    let text = "#!/bin/sh\nNAME=sandbox\nexport TEAM=web\nCA=x\n/etc/eks/bootstrap.sh \"$NAME\" --b64-cluster-ca ${CA} --kubelet-extra-args \"--node-labels=team=${TEAM}\"\necho $NAME done\n";
    let carried = carry_all(AL2, text);
    assert_eq!(texts(&carried.labels), ["team=web"]);
    let new = rendered(AL2, &carried);
    assert!(
        new.starts_with("#!/bin/sh\nNAME=sandbox\nexport TEAM=web\n/etc/eks/bootstrap.sh 'sandbox'"),
        "{new}"
    );
    assert!(new.ends_with("\necho $NAME done\n"), "{new}");
}

#[test]
fn a_call_of_bootstrap_that_only_a_shell_understands_is_shown() {
    let call = "/etc/eks/bootstrap.sh x --kubelet-extra-args";
    for (script, why) in [
        (format!("if true; then\n{call} a\nfi\n"), "not a command of its own"),
        (format!("f() {{\n{call} a\n}}\nf\n"), "not a command of its own"),
        (format!("cat > /tmp/x <<EOF\n{call} a\nEOF\n"), "not a command of its own"),
        (format!("true && {call} a\n"), "not a command of its own"),
        (format!("{call} a || shutdown\n"), "not a command of its own"),
        (format!("sudo {call} a\n"), "not a command of its own"),
        (format!("{call} a\n{call} b\n"), "more than once"),
        (format!("sed -i s/a/b/ /etc/eks/bootstrap.sh\n{call} a\n"), "more than once"),
        (format!("{call} \"--node-labels=id=$(uname -n)\"\n"), "only a shell"),
        (format!("{call} $ARGS\n"), "$ARGS is not known"),
        (format!("ARGS=a\nARGS=b\n{call} $ARGS\n"), "$ARGS is not known"),
        (format!("if x; then ARGS=a; fi\n{call} $ARGS\n"), "$ARGS is not known"),
        (format!("{call} a > /var/log/x\n"), "'>'"),
        (format!("{call}\n"), "no value"),
        (format!("{call} a --new-option b\n"), "\"--new-option\""),
        (format!("{call} a y\n"), "\"y\""),
        (format!("{call} a --ip-family ipv6\n"), "ipv6"),
        (format!("{call} a\n'\n"), "structure"),
        (format!("echo 17 > /etc/eks/eni-max-pods.txt\n{call} a\n"), "sets max pods itself: \"echo 17"),
    ] {
        let carried = carry_text(AL2, &format!("#!/bin/bash\n{script}"));
        let [one] = carried.unclear.as_slice() else { panic!("{script}: {carried:?}") };
        assert!(one.why.contains(why), "{script}: {one:?}");
        assert!(!carried.keeps_settings() && carried.labels.is_empty());
    }
    let carried = carry_text(AL2, &format!("#!/usr/bin/python3\n{call} a\n"));
    assert!(carried.unclear[0].why.contains("not a shell"));
}

#[test]
fn lines_around_bootstrap_get_into_new_al2_user_data() {
    let text = r#"#!/bin/bash -xe
# proxy first
echo 'HTTPS_PROXY=http://proxy.example.com:3128' >> /etc/environment
if [ -e /dev/nvme1n1 ]; then
  mkfs -t xfs /dev/nvme1n1
fi
CA=LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==
/etc/eks/bootstrap.sh sandbox --b64-cluster-ca "$CA" --apiserver-endpoint https://x \
  --container-runtime containerd --containerd-config-file /etc/containerd/own.toml \
  --kubelet-extra-args '--node-labels=team=web --max-pods=29 --register-with-taints=dedicated=db:NoSchedule
    --v=2'
sysctl -w vm.max_map_count=262144 # Elasticsearch: für alle
"#;
    assert_golden("al2-lines.sh", &rendered(AL2, &carry_all(AL2, text)));
}
