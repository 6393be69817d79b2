use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::super::tests::{assert_golden, boot, labels, pods, some_labels};
use super::super::{Boot, MaxPodsRule, UserDataError, render};
use super::*;

pub(crate) const AL2023: AmiFamily = AmiFamily::Al2023;
pub(crate) const AL2: AmiFamily = AmiFamily::Al2;
pub(crate) const BOTTLEROCKET: AmiFamily = AmiFamily::Bottlerocket;

fn cidr() -> Option<Ipv4Net> {
    Some("172.20.0.0/16".parse().unwrap())
}

pub(crate) fn carry_text(family: AmiFamily, text: &str) -> Carried {
    carry(family, text.as_bytes(), cidr())
}

/// Of text that is understood as a whole.
pub(crate) fn carry_all(family: AmiFamily, text: &str) -> Carried {
    let carried = carry_text(family, text);
    assert_eq!(carried.unclear, [], "{text}");
    carried
}

pub(crate) fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn taints() -> Vec<NodeTaint> {
    ["dedicated=db:NoSchedule", "dedicated=db:NoExecute", "spot:PreferNoSchedule"]
        .map(|taint| NodeTaint::parse(taint).unwrap())
        .to_vec()
}

/// A new node with what was carried, and with labels and taints.
pub(crate) fn rendered(family: AmiFamily, carried: &Carried) -> String {
    render(family, &Boot { carried, taints: &carried.taints, ..boot(&carried.labels) }).unwrap()
}

/// One NodeConfig with this spec.
pub(crate) fn node_config(spec: &str) -> String {
    format!("---\napiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n{spec}")
}

pub(crate) fn multipart(parts: &[(&str, &str)]) -> String {
    let parts: Vec<String> =
        parts.iter().map(|(media_type, body)| format!("Content-Type: {media_type}\n\n{body}")).collect();
    mime::write(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn nothing_comes_of_nothing() {
    for family in AmiFamily::ALL {
        for text in ["", "\n \r\n"] {
            assert_eq!(carry_text(family, text), Carried::default());
        }
    }
}

#[test]
fn a_dns_address_other_than_the_cluster_s_is_kept() {
    for (family, text) in [
        (AL2023, node_config("  kubelet:\n    config:\n      clusterDNS: [169.254.20.10]\n")),
        (AL2, "#!/bin/bash\n/etc/eks/bootstrap.sh x --dns-cluster-ip 169.254.20.10\n".into()),
        (BOTTLEROCKET, "[settings.kubernetes]\ncluster-dns-ip = \"169.254.20.10\"\n".into()),
    ] {
        let new = rendered(family, &carry_all(family, &text));
        assert!(new.contains("169.254.20.10"), "{new}");
        let default = text.replace("169.254.20.10", "172.20.0.10");
        assert!(!carry_all(family, &default).keeps_settings(), "{family}");
        assert!(carry(family, default.as_bytes(), None).keeps_settings(), "{family}");
    }
}

#[test]
fn user_data_is_read_however_it_is_packed() {
    let body = node_config("  kubelet:\n    flags: [--node-labels=team=web, --v=4]\n");
    let whole =
        multipart(&[("text/x-shellscript", "#!/bin/sh\necho\n"), ("application/node.eks.aws", &body)]);
    let gzip = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let packed = |bytes: &[u8]| {
        format!(
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: application/node.eks.aws\nContent-Transfer-Encoding: base64\n\n{}\n--x--\n",
            STANDARD.encode(bytes)
        )
    };
    for user_data in [
        whole.clone().into_bytes(),
        whole.replace('\n', "\r\n").into_bytes(),
        gzip(&whole),
        STANDARD.encode(&whole).into_bytes(),
        body.clone().into_bytes(),
        body.replace('\n', "\r\n").into_bytes(),
        br#"{"apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig", "spec": {"kubelet": {"flags": ["--node-labels=team=web", "--v=4"]}}}"#.to_vec(),
        packed(body.as_bytes()).into_bytes(),
        packed(&gzip(&body)).into_bytes(),
    ] {
        let carried = carry(AL2023, &user_data, cidr());
        assert_eq!((texts(&carried.labels), &carried.unclear), (vec!["team=web".into()], &vec![]));
        assert!(rendered(AL2023, &carried).contains("\n      - \"--v=4\"\n"));
    }
    for (family, text) in [
        (AL2, "#!/bin/bash\n/etc/eks/bootstrap.sh x --kubelet-extra-args --node-labels=team=web\n"),
        (BOTTLEROCKET, "[settings.kubernetes.node-labels]\nteam = \"web\"\n"),
    ] {
        for user_data in [text.as_bytes().to_vec(), text.replace('\n', "\r\n").into_bytes(), gzip(text)] {
            let carried = carry(family, &user_data, cidr());
            assert_eq!((texts(&carried.labels), carried.keeps_settings()), (vec!["team=web".into()], false));
        }
    }
}

#[test]
fn other_parts_stay_byte_for_byte_and_in_order() {
    let raw = [
        "Content-Type: text/cloud-config; charset=\"utf-8\"\r\nMIME-Version: 1.0\r\n\r\n#cloud-config\r\nntp: {servers: [\"é\"]}\r\n",
        "Content-Type: text/x-shellscript\nContent-Transfer-Encoding: base64\n\nIyEvYmluL3NoCmVjaG8g\nw6kK",
        "Content-Type: text/cloud-boothook\n\n#!/bin/sh\necho --//\n--//\n",
        "\n#!/bin/sh\necho no type",
    ];
    let text = mime::write(&raw);
    for family in [AL2023, AL2] {
        let new = rendered(family, &carry_all(family, &text));
        let parts = mime::parse(&new).unwrap();
        assert_eq!(parts[..4].iter().map(|part| part.raw).collect::<Vec<_>>(), raw);
        assert_eq!(parts.len(), 5);
    }
}

#[test]
fn a_script_or_cloud_config_alone_becomes_a_part() {
    for text in ["#!/bin/sh\necho é\n", "#cloud-config\nruncmd: [a]\n", "  #include\nhttps://example.com/x\n"]
    {
        for family in [AL2023, AL2] {
            let new = rendered(family, &carry_all(family, text));
            assert!(new.is_ascii());
            let parts = mime::parse(&new).unwrap();
            assert_eq!(String::from_utf8(parts[0].content().unwrap()).unwrap(), text);
            assert_eq!(parts.len(), 2);
        }
    }
}

#[test]
fn what_is_not_understood_is_shown() {
    let config = node_config("  kubelet: {}\n");
    let bootstrap = "#!/bin/bash\n/etc/eks/bootstrap.sh x\n";
    let toml = "[settings.kubernetes]\nmax-pods = 3\n";
    for (family, text, what, why) in [
        (
            AL2023,
            multipart(&[("text/x-custom", "a secret way\n")]),
            "user data part 1 (text/x-custom)",
            "a secret way",
        ),
        (
            AL2023,
            multipart(&[("multipart/mixed", "a\n")]),
            "part 1 (multipart/mixed)",
            "does not know this type",
        ),
        (
            AL2023,
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n".into(),
            "user data",
            "--a-- is missing",
        ),
        (AL2023, node_config("  kubelet: [\n"), "user data", "not a NodeConfig: line"),
        (
            AL2023,
            node_config("  kubelet:\n    config:\n      failSwapOn: off\n"),
            "user data",
            "YAML 1.1 and 1.2",
        ),
        (
            AL2023,
            node_config("  kubelet:\n    flags: --v=2\n"),
            "user data",
            "spec.kubelet.flags is not of the type",
        ),
        (AL2023, node_config("  cluster: {enableOutpost: true}\n"), "enableOutpost", "not supported"),
        (
            AL2023,
            node_config("  kubelet:\n    config:\n      registerWithTaints: [{key: a, effect: Never}]\n"),
            "registerWithTaints",
            "a=:Never",
        ),
        (
            AL2023,
            config.replace("v1alpha1", "v1beta1"),
            "user data",
            "not a NodeConfig of node.eks.aws/v1alpha1",
        ),
        (AL2023, format!("{config}{config}"), "user data", "not a NodeConfig"),
        (AL2023, bootstrap.into(), "user data", "starts a node by itself: \"/etc/eks/bootstrap.sh x\""),
        (AL2023, toml.into(), "user data", "[settings.kubernetes]"),
        (
            AL2023,
            multipart(&[("text/x-shellscript", "#!/bin/sh\necho maxPods: 110 > /etc/eks/nodeadm.d/x\n")]),
            "part 1",
            "maxPods: 110",
        ),
        (AL2023, "\u{1f}\u{8b}".into(), "user data", "not a NodeConfig"),
        (AL2, config.clone(), "user data", "its format is not known"),
        (
            AL2,
            multipart(&[("application/node.eks.aws", &config)]),
            "application/node.eks.aws",
            "does not know this type",
        ),
        (
            AL2,
            multipart(&[("text/cloud-config", "#cloud-config\nruncmd: [/etc/eks/bootstrap.sh x]\n")]),
            "part 1",
            "runcmd: [/etc/eks/bootstrap.sh x]",
        ),
        (
            AL2,
            multipart(&[("text/x-shellscript", bootstrap), ("text/x-shellscript", bootstrap)]),
            "part 2",
            "2 parts call",
        ),
        (AL2, toml.into(), "user data", "[settings.kubernetes]"),
        (BOTTLEROCKET, bootstrap.into(), "user data", "not TOML"),
        (BOTTLEROCKET, config.clone(), "user data", "apiVersion"),
        (BOTTLEROCKET, multipart(&[("text/cloud-config", "#cloud-config\n")]), "user data", "MIME-Version"),
        (BOTTLEROCKET, "settings = 1".into(), "setting settings", "not a table: \"1\""),
        (BOTTLEROCKET, "[settings.kubernetes.node-labels]\na = 1".into(), "node-labels.a", "1"),
        (
            BOTTLEROCKET,
            "[settings.kubernetes.node-labels]\n\"kubernetes.io/role\" = \"x\"".into(),
            "kubernetes.io/role",
            "reserves",
        ),
        (BOTTLEROCKET, "[settings.kubernetes.node-taints]\na = \"b\"".into(), "node-taints.a", "b"),
    ] {
        let unclear = carry_text(family, &text).unclear;
        let [one] = unclear.as_slice() else {
            assert!(text.contains("bootstrap.sh") && unclear.len() == 2, "{family}: {text}: {unclear:?}");
            continue;
        };
        assert!(one.what.contains(what) && one.why.contains(why), "{family}: {text}: {one:?}");
    }
    for (bytes, why) in [(&b"#!/bin/sh\n\xff"[..], "byte 11"), (b"\x1f\x8b\x08", "gzip")] {
        let unclear = carry(AL2, bytes, None).unclear;
        assert!(unclear[0].why.contains(why), "{unclear:?}");
    }
}

#[test]
fn a_long_line_is_shown_shortened() {
    let text = format!("{}\n", "ä".repeat(1000));
    let why = &carry_text(AL2023, &text).unclear[0].why;
    assert!(why.ends_with("ä…\"") && why.chars().count() < 400, "{why}");
}

#[test]
fn settings_get_into_new_bottlerocket_user_data() {
    let text = r#"[settings.kubernetes]
api-server = "https://x"
cluster-certificate = "x"
cluster-name = "sandbox"
cluster-dns-ip = "172.20.0.10"
max-pods = 29
allowed-unsafe-sysctls = ["net.core.somaxconn"]

[settings.kubernetes.node-labels]
team = "web"

[settings.kubernetes.node-taints]
dedicated = ["db:NoSchedule", "db:NoExecute"]
spot = ":PreferNoSchedule"

[settings.kubernetes.kube-reserved]
cpu = "100m"

[settings.kernel.sysctl]
"vm.max_map_count" = "262144"

[settings.network]
https-proxy = "proxy.example.com:3128"

[settings.host-containers.admin]
enabled = true
"#;
    let carried = carry_all(BOTTLEROCKET, text);
    assert_eq!(
        texts(&carried.taints),
        ["dedicated=db:NoSchedule", "dedicated=db:NoExecute", "spot=:PreferNoSchedule"]
    );
    assert_golden("bottlerocket-settings.toml", &rendered(BOTTLEROCKET, &carried));
}

#[test]
fn taints_are_written_where_nothing_is_carried() {
    let (labels, taints) = (labels(), taints());
    for (family, name) in
        [(AL2023, "al2023-taints.txt"), (AL2, "al2-taints.sh"), (BOTTLEROCKET, "bottlerocket-taints.toml")]
    {
        assert_golden(name, &render(family, &Boot { taints: &taints, ..boot(&labels) }).unwrap());
    }
}

#[test]
fn user_data_is_at_most_16_kib() {
    let script = |bytes: usize| carry_all(AL2, &format!("#!/bin/sh\n# {}\n", "x".repeat(bytes)));
    let render = |carried: &Carried| render(AL2, &Boot { carried, ..boot(&[]) });
    let start = render(&script(0)).unwrap().len();
    assert_eq!(render(&script(16_384 - start)).unwrap().len(), 16_384);
    let error = render(&script(16_384 - start + 7)).unwrap_err();
    assert_eq!(error, UserDataError::TooLong { bytes: 16_391 });
    assert_eq!(error.to_string(), "user data has 16391 bytes, 7 more than the 16384 that EC2 accepts");
}

#[test]
fn user_data_of_another_family_is_not_carried() {
    let carried = carry_all(BOTTLEROCKET, "[settings.motd]\nx = 1\n");
    let error = render(AL2023, &Boot { carried: &carried, ..boot(&[]) }).unwrap_err();
    assert_eq!(error, UserDataError::OtherFamily { carried: BOTTLEROCKET, family: AL2023 });
}

/// Old user data with everything that can be kept, for each family.
fn old_user_data() -> impl Strategy<Value = (AmiFamily, String)> {
    let line = "[a-zé ]{0,12}";
    let script = prop::collection::vec(line, 0..4)
        .prop_map(|lines| format!("#!/bin/sh\n: \"{}\"\n", lines.join("\n")));
    let number = 1..9999_u32;
    (prop::sample::select(AmiFamily::ALL.to_vec()), prop::collection::vec(script, 0..3), number, any::<bool>(), "[ -~é]{0,12}").prop_map(
        |(family, scripts, number, crlf, text)| {
            let quoted = serde_json::to_string(&text).unwrap();
            let bootstrap = format!(
                "#!/bin/bash -e\n: '{}'\n/etc/eks/bootstrap.sh x --local-disks raid{number} --kubelet-extra-args '--v={number} --node-labels=old=x'\necho {number}\n",
                text.replace('\'', "")
            );
            let config = node_config(&format!("  kubelet:\n    config: {{podPidsLimit: {number}, a: {quoted}}}\n    flags: [--v={number}, --node-labels=old=x]\n"));
            let mut parts: Vec<(&str, &str)> = scripts.iter().map(|script| ("text/x-shellscript", script.as_str())).collect();
            let user_data = match family {
                AL2023 => {
                    parts.push(("application/node.eks.aws", &config));
                    multipart(&parts)
                }
                AL2 => {
                    parts.insert(parts.len() / 2, ("text/x-shellscript", &bootstrap));
                    multipart(&parts)
                }
                BOTTLEROCKET => format!("[settings.motd]\ntext = {}\n[settings.kubernetes]\nx = {number}\nnode-labels.old = \"x\"\n", toml::Value::from(text)),
            };
            (family, if crlf { user_data.replace('\n', "\r\n") } else { user_data })
        },
    )
}

proptest! {
    #[test]
    fn what_is_rendered_is_carried_again_and_nothing_else(
        (family, old) in old_user_data(),
        labels in some_labels(),
        taints in prop::sample::subsequence(taints(), 0..=3),
        max_pods in pods(),
    ) {
        let carried = carry_text(family, &old);
        prop_assert_eq!((&carried.unclear, texts(&carried.labels)), (&vec![], vec!["old=x".to_string()]), "{}", old);
        for carried in [carried, Carried::default()] {
            let boot = Boot { taints: &taints, carried: &carried, max_pods: MaxPodsRule::Fixed(max_pods), ..boot(&labels) };
            let new = render(family, &boot).unwrap();
            prop_assert_eq!(&render(family, &boot).unwrap(), &new);
            let again = carry_text(family, &new);
            let expected = Carried { labels: labels.clone(), taints: taints.clone(), unclear: vec![], kept: carried.kept.clone() };
            prop_assert_eq!(again, expected, "{}", new);
        }
    }

    #[test]
    fn arbitrary_bytes_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200), mut text in "[ -~\n\r\té]{0,200}", head in prop::sample::select(vec![
        "", "#!/bin/bash\n/etc/eks/bootstrap.sh ", "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=a\n\n--a\n",
        "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec: ", "[settings.kubernetes]\n", "\u{1f}\u{8b}",
    ])) {
        text.insert_str(0, head);
        for family in AmiFamily::ALL {
            for bytes in [&bytes, text.as_bytes()] {
                let carried = carry(family, bytes, cidr());
                if carried.unclear.is_empty() && carried.keeps_settings() {
                    let boot = Boot { carried: &carried, ..boot(&[]) };
                    prop_assert!(render(family, &boot).is_ok());
                }
            }
        }
    }
}
