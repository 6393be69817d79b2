//! Whether Auto Scaling can start a group's nodes.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::facts::AutoScalingGroup;
use crate::session::Session;

/// What was seen of groups' launches while they are waited for.
#[derive(Debug, Default)]
pub struct Launches {
    /// Failures from before are an earlier run's: the group may be over them.
    before: BTreeMap<String, BTreeSet<String>>,
}

impl Launches {
    /// The newest failure to start a node that the group lacks; nothing where there was none. A row of them is an error:
    /// the nodes of `whose` can't be started, and `next` is what can be done about it.
    pub async fn failure(
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
            failures.iter().filter(|(id, _)| !known.contains(id)).map(|(_, told)| told).collect();
        match new.first() {
            // One failure may be IAM that has not heard of the new profile yet; a row of them is no accident.
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
