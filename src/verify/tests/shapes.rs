use super::{addon, after, manager};
use crate::design::{ANNOTATION_DEF, CUSTOM_NETWORK, LABEL_DEF};
use crate::facts::{Interface, Node, NodeKind, Pod};
use crate::sample::{node, pod};

#[test]
fn other_valid_setups_pass() {
    // ENIConfigs with custom names, selected by a node label.
    assert_eq!(
        after(|facts| {
            facts.cni.env.insert(LABEL_DEF.into(), "pods".into());
            for (config, node) in facts.eniconfigs.items.iter_mut().zip(&mut facts.nodes) {
                config.name = format!("pods-{}", config.name);
                node.labels.insert("pods".into(), config.name.clone());
            }
        }),
        [""; 0]
    );
    // Selected by annotation, with a value that Go parses as true.
    assert_eq!(
        after(|facts| {
            facts.cni.env.insert(ANNOTATION_DEF.into(), "pods".into());
            facts.cni.env.insert(CUSTOM_NETWORK.into(), "1".into());
            for node in &mut facts.nodes {
                node.annotations.insert("pods".into(), node.zone.clone());
            }
        }),
        [""; 0]
    );
    // No security groups in the ENIConfig: those of the instance apply.
    assert_eq!(
        after(|facts| {
            for config in &mut facts.eniconfigs.items {
                config.security_groups.clear();
            }
        }),
        [""; 0]
    );
    // Prefix delegation: AWS recommends 110, the maximum is 290; values between are the user's choice.
    assert_eq!(
        after(|facts| {
            facts.cni.env.insert("ENABLE_PREFIX_DELEGATION".into(), "true".into());
            facts.nodes[0].max_pods = 110;
            facts.nodes[1].max_pods = 290;
        }),
        [""; 0]
    );
    // The add-on sets the variables, and one that it does not set has its default.
    assert_eq!(
        after(|facts| {
            facts.cni.env.insert("AWS_VPC_K8S_CNI_EXTERNALSNAT".into(), "false".into());
            facts.cni.addon = addon(
                r#"{"env": {"AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true", "ENI_CONFIG_LABEL_DEF": "topology.kubernetes.io/zone"}}"#,
            );
        }),
        [""; 0]
    );
    // Helm set the variable itself; Windows nodes do not count; a hostNetwork pod has the node's address.
    assert_eq!(
        after(|facts| {
            facts.cni.annotations.insert("meta.helm.sh/release-name".into(), "cni".into());
            facts
                .cni
                .env_managers
                .insert(CUSTOM_NETWORK.into(), vec![manager("helm"), manager("kubectl-edit")]);
            let windows = Node { kind: NodeKind::Windows, ready: false, ..node("win", "a") };
            facts.nodes.push(windows);
            let host = Pod { node: "new-a".into(), host_network: true, ..pod("kube-system", "proxy") };
            facts.pods.push(Pod { address: Some("10.0.0.5".into()), ..host });
        }),
        [""; 0]
    );
    // An interface that a live node will attach, and one of another cluster in the same VPC.
    assert_eq!(
        after(|facts| {
            let loose = |instance: &str, cluster: &str| Interface {
                instance: instance.into(),
                attached: false,
                cluster: Some(cluster.into()),
                ..facts.nodes[0].interfaces[0].clone()
            };
            facts.loose_interfaces = vec![loose("i-new-a", "shop"), loose("i-gone", "bank")];
        }),
        [""; 0]
    );
}
