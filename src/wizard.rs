//! Asks a person at a terminal for settings, with defaults from the cluster, and goes back to earlier questions.

mod cni;
mod network;
mod nodes;
mod purpose;
mod target;

use std::borrow::Cow;

use crate::design::design;
use crate::error::Result;
use crate::facts::Facts;
use crate::goal::Goal;
use crate::net::max_pods::{InstanceType, known};
use crate::scene::Scene;
use crate::settings::Settings;
use crate::ui::{Answer, Prompt, Question};

use purpose::Purpose;

pub(crate) use target::choose as choose_target;

/// What the answers so far have come to.
#[derive(Debug, Clone)]
struct Answers {
    purpose: Purpose,
    settings: Settings,
}

/// The cluster with the answers so far.
struct Asking<'a> {
    scene: Scene<'a>,
    purpose: Purpose,
    prompt: &'a Prompt,
    /// Whether there is an earlier question to go back to.
    back: bool,
}

/// What a question came to.
enum Reply {
    /// It makes no difference here, or a flag has answered it.
    NotAsked,
    Back,
    /// The new answers, and what they change at once, in one line.
    Answered {
        answers: Box<Answers>,
        effect: Option<Effect>,
    },
}

/// Says what an answer changes, from the design that it leads to.
type Effect = fn(&Scene<'_>) -> String;

/// In the order in which they are asked: each may depend on the answers before it.
const QUESTIONS: &[fn(&Asking<'_>) -> Result<Reply>] = &[
    purpose::purpose,
    network::source,
    network::subnets,
    network::block,
    network::security_groups,
    cni::external_snat,
    nodes::kind,
    nodes::pools,
    cni::env_last,
];

/// The settings with answers for what no flag gives.
pub(crate) fn ask(scene: &Scene<'_>, prompt: &Prompt) -> Result<Settings> {
    let facts = scene.facts;
    let mut now = Answers { purpose: Purpose::of(scene), settings: scene.settings.clone() };
    let mut before: Vec<(usize, Answers)> = Vec::new();
    let mut at = 0;
    while let Some(question) = QUESTIONS.get(at) {
        let (purpose, back) = (now.purpose, !before.is_empty());
        let reply = with_scene(facts, &now.settings, |scene| {
            question(&Asking { scene: *scene, purpose, prompt, back })
        })?;
        match reply {
            Reply::NotAsked => at += 1,
            Reply::Back => {
                if let Some((earlier, answers)) = before.pop() {
                    (at, now) = (earlier, answers);
                }
            }
            Reply::Answered { answers, effect } => {
                if let Some(effect) = effect {
                    prompt.say(&format!("  {}", with_scene(facts, &answers.settings, effect)));
                }
                before.push((at, now));
                now = *answers;
                at += 1;
            }
        }
    }
    Ok(now.settings)
}

/// Looks at what these settings lead to. Chosen instance types are taken from the offline table: EC2 is asked for all of
/// them after the questions.
fn with_scene<T>(facts: &Facts, settings: &Settings, look: impl FnOnce(&Scene<'_>) -> T) -> T {
    let chosen = settings.nodes.instance_type.all.iter().chain(settings.nodes.instance_type.pools.values());
    let is_new = |kind: &&InstanceType| !facts.machine.types.contains_key(&kind.name);
    let new: Vec<&InstanceType> = chosen.filter_map(|name| known(name)).filter(is_new).collect();
    let mut facts = Cow::Borrowed(facts);
    if !new.is_empty() {
        facts.to_mut().machine.types.extend(new.into_iter().map(|kind| (kind.name.clone(), kind.clone())));
    }
    let design = design(settings, &facts);
    look(&Scene { goal: Goal::Setup, settings, facts: &facts, design: &design })
}

impl Asking<'_> {
    /// The answers with other settings.
    fn answered(&self, settings: Settings, effect: impl Into<Option<Effect>>) -> Reply {
        let answers = Box::new(Answers { purpose: self.purpose, settings });
        Reply::Answered { answers, effect: effect.into() }
    }

    /// Asks with a list; `reply` gets the index of the answer.
    fn choose(
        &self,
        question: Question,
        items: &[String],
        default: usize,
        reply: impl FnOnce(usize) -> Reply,
    ) -> Result<Reply> {
        let question = Question { back: self.back, ..question };
        Ok(match self.prompt.choose(&question, items, default)? {
            Answer::Is(at) => reply(at),
            Answer::Back => Reply::Back,
        })
    }
}
