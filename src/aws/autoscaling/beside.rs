//! What belongs to an Auto Scaling group without being in its description: lifecycle hooks, scaling policies and
//! scheduled actions.

use std::collections::BTreeMap;

use crate::aws::properties::map;
use crate::error::{Error, Result};
use crate::facts::{Hook, LifecycleHook};

use super::{AutoScaling, failure};

impl AutoScaling {
    /// All hooks of the group. The call takes one group.
    pub(crate) async fn lifecycle_hooks(&self, group: &str) -> Result<Vec<LifecycleHook>> {
        let reply = self
            .client
            .describe_lifecycle_hooks()
            .auto_scaling_group_name(group)
            .send()
            .await
            .map_err(|error| failure("DescribeLifecycleHooks", &error).at(group))?;
        Ok(reply.lifecycle_hooks().iter().map(hook).collect())
    }

    /// Names of the scaling policies and scheduled actions of all groups, by group: `scaling policy cpu`.
    pub(crate) async fn scaling(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let (mut found, actions) = tokio::try_join!(self.policies(), self.scheduled_actions())?;
        for (group, names) in actions {
            found.entry(group).or_insert_with(Vec::new).extend(names);
        }
        Ok(found)
    }

    async fn policies(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut pages = self.client.describe_policies().into_paginator().items().send();
        while let Some(policy) = pages.next().await {
            let policy = policy.map_err(|error| failure("DescribePolicies", &error))?;
            let group = policy.auto_scaling_group_name().unwrap_or_default().to_string();
            let name = policy.policy_name().unwrap_or_default();
            found.entry(group).or_default().push(format!("scaling policy {name}"));
        }
        Ok(found)
    }

    async fn scheduled_actions(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut pages = self.client.describe_scheduled_actions().into_paginator().items().send();
        while let Some(action) = pages.next().await {
            let action = action.map_err(|error| failure("DescribeScheduledActions", &error))?;
            let group = action.auto_scaling_group_name().unwrap_or_default().to_string();
            let name = action.scheduled_action_name().unwrap_or_default();
            found.entry(group).or_default().push(format!("scheduled action {name}"));
        }
        Ok::<_, Error>(found)
    }
}

fn hook(of: &aws_sdk_autoscaling::types::LifecycleHook) -> LifecycleHook {
    let seconds = |seconds: Option<i32>| u64::try_from(seconds.unwrap_or_default()).unwrap_or_default();
    let name = of.lifecycle_hook_name().unwrap_or_default();
    let is_of_end = of.lifecycle_transition() == Some("autoscaling:EC2_INSTANCE_TERMINATING");
    LifecycleHook {
        terminate: is_of_end.then(|| Hook {
            name: name.into(),
            heartbeat: seconds(of.heartbeat_timeout()),
            longest: seconds(of.global_timeout()),
        }),
        // The total time follows from the heartbeat, and can't be set.
        property: map([
            ("LifecycleHookName", name.into()),
            ("LifecycleTransition", of.lifecycle_transition().into()),
            ("HeartbeatTimeout", of.heartbeat_timeout().into()),
            ("DefaultResult", of.default_result().into()),
            ("NotificationTargetARN", of.notification_target_arn().filter(|arn| !arn.is_empty()).into()),
            ("NotificationMetadata", of.notification_metadata().into()),
            ("RoleARN", of.role_arn().filter(|arn| !arn.is_empty()).into()),
        ]),
    }
}
