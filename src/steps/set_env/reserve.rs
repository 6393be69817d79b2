//! Sets RESERVED_ENIS in the environment of Karpenter's controller, and restores it.

use crate::error::Result;
use crate::facts::Karpenter;
use crate::k8s::karpenter::{self, RESERVED_ENIS};
use crate::scene::Scene;
use crate::session::{Seen, Session};
use crate::step::{Change, Sign};

/// The first network interface carries no pods.
const ONE: &str = "1";

/// A change of the variable.
#[derive(Debug, Clone)]
pub(crate) struct Reserve {
    deployment: String,
    container: String,
    before: Option<String>,
    after: Option<String>,
}

pub(super) fn change(scene: &Scene<'_>) -> Option<Reserve> {
    let karpenter = scene.facts.karpenter.as_ref().filter(|_| scene.design.karpenter.reserves)?;
    of(karpenter, Some(ONE.into()))
}

/// The way back to the recorded value, unless somebody has set another one since.
pub(super) fn undo(scene: &Scene<'_>) -> Option<Reserve> {
    let before = scene.facts.record.reserved_enis.clone()?;
    let karpenter = scene.facts.karpenter.as_ref()?;
    let is_ours = karpenter.reserved_env.as_deref() == Some(ONE) && before.as_deref() != Some(ONE);
    if is_ours { of(karpenter, before) } else { None }
}

fn of(karpenter: &Karpenter, after: Option<String>) -> Option<Reserve> {
    Some(Reserve {
        deployment: karpenter.deployment.clone()?,
        container: karpenter.container.clone(),
        before: karpenter.reserved_env.clone(),
        after,
    })
}

impl Reserve {
    pub(super) fn describe(&self) -> Change {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not set)".into());
        Change::new(Sign::Change, format!("Deployment {}", self.deployment)).before_after(
            RESERVED_ENIS,
            Some(shown(&self.before)),
            shown(&self.after),
        )
    }

    pub(super) async fn apply(self, session: &mut Session) -> Result<()> {
        session
            .remember(|record| {
                record.reserved_enis.get_or_insert(self.before.clone());
            })
            .await?;
        self.write(session).await
    }

    /// Sets it, and waits until the controller runs with it.
    pub(super) async fn write(&self, session: &Session) -> Result<()> {
        let client = &session.clients.kube.client;
        karpenter::reserve(client, &self.deployment, &self.container, self.after.as_deref()).await?;
        session
            .until("Karpenter to run with its new settings", async || {
                Ok(match karpenter::is_rolled_out(client, &self.deployment).await? {
                    true => Seen::Yes(()),
                    false => Seen::NotYet(format!("Deployment {} rolls out", self.deployment)),
                })
            })
            .await
    }
}
