//! Questions about aws-node's environment.

use crate::error::Result;
use crate::scene::Scene;
use crate::settings::{CniSettings, Settings};
use crate::ui::Question;

use super::purpose::{Purpose, has_public_nodes};
use super::{Asking, Effect, Reply};

/// Asked only where nodes are in public subnets.
pub(super) fn external_snat(asking: &Asking<'_>) -> Result<Reply> {
    let settings = asking.scene.settings;
    if settings.cni.external_snat || !has_public_nodes(&asking.scene) {
        return Ok(Reply::NotAsked);
    }
    let question = Question {
        ask: "How should pods reach the internet?".into(),
        why: "The nodes are in public subnets.".into(),
        more: "Without this, a pod's traffic leaves through its node's primary network interface, with the node's public address. With AWS_VPC_K8S_CNI_EXTERNALSNAT=true it leaves through the route table of the pod's own subnet, so that needs a route to a NAT gateway; the plan checks that.".into(),
        ..Question::default()
    };
    let items = [
        "through the NAT gateway of their own subnets (external SNAT)".to_string(),
        "through their nodes, with the nodes' public addresses".into(),
    ];
    let default = if asking.purpose == Purpose::PrivatePods { 0 } else { 1 };
    asking.choose(question, &items, default, |at| {
        let cni = CniSettings { external_snat: at == 0, ..settings.cni.clone() };
        asking.answered(Settings { cni, ..settings.clone() }, None)
    })
}

/// Asked only if custom networking is yet to be enabled and there are nodes.
pub(super) fn env_last(asking: &Asking<'_>) -> Result<Reply> {
    let Scene { settings, facts, design, .. } = asking.scene;
    let done = design.env.iter().all(|(name, value)| facts.cni.env.get(name) == Some(value));
    if settings.cni.env_last || done || facts.nodes.is_empty() {
        return Ok(Reply::NotAsked);
    }
    let question = Question {
        ask: "When should custom networking be enabled?".into(),
        why: "A node that starts in between finds no ENIConfig, and stays NotReady until there is one.".into(),
        more: "The EKS user guide sets aws-node's environment (step 3) before it writes the ENIConfigs (step 6). On a live cluster an autoscaler may start a node in between: the CNI finds no ENIConfig for it, so the node stays NotReady until step 6 is done. Enabling it afterwards has the same end, and no such gap.".into(),
        ..Question::default()
    };
    let items = [
        "after the ENIConfigs are written (recommended)".to_string(),
        "before they are written, as in the EKS user guide".into(),
    ];
    asking.choose(question, &items, 0, |at| {
        let cni = CniSettings { env_last: at == 0, ..settings.cni.clone() };
        asking.answered(Settings { cni, ..settings.clone() }, order as Effect)
    })
}

fn order(scene: &Scene<'_>) -> String {
    let numbers: Vec<String> = scene.steps().iter().map(|step| step.number().to_string()).collect();
    format!("order of the steps: {}", numbers.join(", "))
}
