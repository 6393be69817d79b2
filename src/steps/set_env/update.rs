//! Updates EKS add-on vpc-cni without changing anything else of it.

use crate::addon::Unreadable;
use crate::aws::eks::Updated;
use crate::client_token::client_token;
use crate::error::{Error, Result};
use crate::facts::Addon;
use crate::session::{Seen, Session};
use crate::step::Step;

const AT: &str = "EKS add-on vpc-cni";

/// Sets the add-on's configuration to what `wanted` returns for the current one. Writes nothing if the text is the same.
///
/// The add-on is read right before the write, when no update is in progress: somebody else may have changed its
/// configuration or role since the plan was made.
pub(crate) async fn update_addon(
    session: &Session,
    step: Step,
    wanted: impl Fn(&str) -> std::result::Result<String, Unreadable>,
) -> Result<()> {
    let (eks, cluster) = (&session.clients.aws.eks, &session.facts.cluster);
    let addon = idle_addon(session).await?;
    let configuration = wanted(&addon.configuration).map_err(|error| {
        Error::failed("the add-on's configuration can't be merged with the planned values")
            .at(AT)
            .because(error)
    })?;
    if configuration == addon.configuration {
        return Ok(());
    }
    let role = addon.role.as_deref();
    let updates = eks.update_count(&cluster.name, Updated::Addon).await?;
    let content = format!("{updates} {} {configuration}", role.unwrap_or_default());
    let token = client_token(&cluster.arn, step.name(), &content);
    let update = eks.update_addon(&cluster.name, &configuration, role, &token).await?;
    session.updated(&session.interrupt, Updated::Addon, &update).await?;
    keeps_its_role(session, role).await
}

/// The add-on, once no update is in progress (of somebody else, or of an interrupted run).
async fn idle_addon(session: &Session) -> Result<Addon> {
    let cluster = &session.facts.cluster.name;
    session
        .until("the current update of add-on vpc-cni to finish", async || {
            match session.clients.aws.eks.addon(cluster).await? {
                Some(addon) if addon.status.is_changing() => Ok(Seen::NotYet(addon.status.to_string())),
                Some(addon) => Ok(Seen::Yes(addon)),
                None => Err(Error::failed("the add-on was removed during this run")
                    .at(AT)
                    .fix("run the same command again: it then writes to the DaemonSet")),
            }
        })
        .await
}

/// Without the add-on's role, aws-node loses its EC2 permissions on every node whose own role lacks them.
async fn keeps_its_role(session: &Session, role: Option<&str>) -> Result<()> {
    let cluster = &session.facts.cluster.name;
    let now = session.clients.aws.eks.addon(cluster).await?.and_then(|addon| addon.role);
    if now.as_deref() == role {
        return Ok(());
    }
    let shown = |role: Option<&str>| role.unwrap_or("none").to_string();
    let error = Error::failed("the update changed the add-on's IAM role").at(AT).because(format!(
        "before: {}; now: {}",
        shown(role),
        shown(now.as_deref())
    ));
    Err(match role {
        Some(role) => error.fix(format!(
            "aws eks update-addon --cluster-name {cluster} --addon-name vpc-cni --resolve-conflicts PRESERVE \
             --service-account-role-arn {role}"
        )),
        None => error,
    })
}
