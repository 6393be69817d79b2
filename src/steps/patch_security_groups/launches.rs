//! Whether Auto Scaling can start a group's nodes.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::facts::AutoScalingGroup;
use crate::session::Session;

/// Failed launches of the groups that are waited for.
#[derive(Debug, Default)]
pub(crate) struct Launches {
    /// Failures from before this wait: the group may have recovered from them.
    before: BTreeMap<String, BTreeSet<String>>,
}

impl Launches {
    /// The newest failure to start a missing node; `None` if there was none. Three failures are an error: the nodes of
    /// `whose` can't be started, and `next` is the fix.
    pub(crate) async fn failure(
        &mut self,
        session: &Session,
        group: &AutoScalingGroup,
        whose: &str,
        next: &str,
    ) -> Result<Option<String>> {
        if group.capacity(|_| true) >= group.desired {
            return Ok(None);
        }
        let failures = session.clients.aws.autoscaling.failed_activities(&group.name).await?;
        let known = self
            .before
            .entry(group.name.clone())
            .or_insert_with(|| failures.iter().map(|(id, _)| id.clone()).collect());
        let new: Vec<&String> =
            failures.iter().filter(|(id, _)| !known.contains(id)).map(|(_, reason)| reason).collect();
        match new.first() {
            // A single failure may be IAM that does not know the new instance profile yet.
            Some(failure) if new.len() >= 3 => {
                Err(Error::failed(format!("Auto Scaling can't start the nodes of {whose}"))
                    .at(&group.name)
                    .because(failure)
                    .fix(next))
            }
            failure => Ok(failure.map(ToString::to_string)),
        }
    }
}
