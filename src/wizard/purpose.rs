//! What custom networking is for: the three reasons that the EKS user guide names. The answer decides which questions
//! follow and their defaults.

use crate::alternatives::{Alternatives, alternatives};
use crate::design::CUSTOM_NETWORK;
use crate::error::Result;
use crate::facts::RouteTable;
use crate::scene::Scene;
use crate::ui::Question;

use super::{Answers, Asking, Reply};

/// Why pods get other subnets than their nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The nodes' subnets run out of addresses.
    Addresses,
    /// Pods need other subnets or security groups than their nodes.
    Separation,
    /// The nodes are in public subnets, and pods should be in private ones.
    PrivatePods,
}

const ALL: [Purpose; 3] = [Purpose::Addresses, Purpose::Separation, Purpose::PrivatePods];

impl Purpose {
    /// The likeliest one, from what was given and what the cluster is.
    pub(super) fn of(scene: &Scene<'_>) -> Purpose {
        let settings = scene.settings;
        if !settings.cni.security_groups.is_empty() || !settings.network.subnets.is_empty() {
            return Purpose::Separation;
        }
        if settings.cni.external_snat || has_public_nodes(scene) {
            return Purpose::PrivatePods;
        }
        Purpose::Addresses
    }

    fn text(self) -> &'static str {
        match self {
            Purpose::Addresses => "pods run out of addresses",
            Purpose::Separation => "pods need other subnets or security groups than nodes",
            Purpose::PrivatePods => "nodes are in public subnets, pods should be in private",
        }
    }
}

/// Whether a node subnet has a route to an internet gateway.
pub(super) fn has_public_nodes(scene: &Scene<'_>) -> bool {
    let route_table = |subnet: &String| scene.facts.vpc.route_table_of(subnet);
    scene.design.zones.iter().any(|zone| route_table(&zone.node_subnet).is_some_and(RouteTable::is_public))
}

/// Not asked where custom networking is on already: the run only completes it.
pub(super) fn purpose(asking: &Asking<'_>) -> Result<Reply> {
    let Scene { settings, facts, design, .. } = asking.scene;
    let is_given = !settings.network.cidrs.is_empty()
        || !settings.network.subnets.is_empty()
        || !settings.cni.security_groups.is_empty()
        || settings.cni.external_snat;
    if is_given || facts.cni.is_on(CUSTOM_NETWORK) {
        return Ok(Reply::NotAsked);
    }
    let other_ways = alternatives(settings, facts, design);
    let question = Question {
        ask: "What do you need custom networking for?".into(),
        why: "Sets the defaults of the next questions.".into(),
        more: "The EKS user guide names these three reasons. The answer changes nothing by itself: it only decides what is asked next and which defaults are offered. Where only addresses are short, other ways may cost less, as the next line then says.".into(),
        ..Question::default()
    };
    let items = ALL.map(|one| one.text().to_string());
    let default = ALL.iter().position(|one| *one == asking.purpose).unwrap_or_default();
    asking.choose(question, &items, default, |at| {
        let purpose = ALL.get(at).copied().unwrap_or(Purpose::Addresses);
        if purpose == Purpose::Addresses
            && let Some(ways) = &other_ways
        {
            advise(asking, ways);
        }
        let answers = Box::new(Answers { purpose, settings: settings.clone() });
        Reply::Answered { answers, effect: None }
    })
}

/// Where only addresses are short, AWS recommends other ways first.
fn advise(asking: &Asking<'_>, ways: &Alternatives) {
    asking.prompt.say("  Where only addresses are short, compare:");
    for line in ways.short_lines() {
        asking.prompt.say(&format!("    {line}"));
    }
    asking.prompt.say(
        "  AWS recommends enhanced subnet discovery for this: no node is replaced, and no pod per node is lost.\n  \
         Its commands: `eni-custom plan` prints them with the alternatives. Ctrl-C ends here, Enter goes on.",
    );
}
