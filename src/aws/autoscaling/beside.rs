//! What belongs to Auto Scaling groups without being in their description: lifecycle hooks, notifications, scaling
//! policies and scheduled actions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::aws::properties::map;
use crate::error::{Error, Result};
use crate::facts::{Beside, Hook, LifecycleHook};

use super::{AutoScaling, failure};

/// Texts by group.
type ByGroup<T> = BTreeMap<String, T>;

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

    /// The rest, of all groups.
    pub(crate) async fn beside(&self) -> Result<Beside> {
        let (mut scaling, actions, notifications) =
            tokio::try_join!(self.policies(), self.scheduled_actions(), self.notifications())?;
        for (group, names) in actions {
            scaling.entry(group).or_default().extend(names);
        }
        let of_topic = |(topic, kinds)| json!({ "TopicARN": topic, "NotificationTypes": kinds });
        let of_group =
            |(group, topics): (String, ByGroup<_>)| (group, topics.into_iter().map(of_topic).collect());
        Ok(Beside { scaling, notifications: notifications.into_iter().map(of_group).collect() })
    }

    async fn policies(&self) -> Result<ByGroup<Vec<String>>> {
        let mut found: ByGroup<Vec<String>> = BTreeMap::new();
        let mut pages = self.client.describe_policies().into_paginator().items().send();
        while let Some(policy) = pages.next().await {
            let policy = policy.map_err(|error| failure("DescribePolicies", &error))?;
            let group = policy.auto_scaling_group_name().unwrap_or_default().to_string();
            let name = policy.policy_name().unwrap_or_default();
            found.entry(group).or_default().push(format!("scaling policy {name}"));
        }
        Ok(found)
    }

    async fn scheduled_actions(&self) -> Result<ByGroup<Vec<String>>> {
        let mut found: ByGroup<Vec<String>> = BTreeMap::new();
        let mut pages = self.client.describe_scheduled_actions().into_paginator().items().send();
        while let Some(action) = pages.next().await {
            let action = action.map_err(|error| failure("DescribeScheduledActions", &error))?;
            let group = action.auto_scaling_group_name().unwrap_or_default().to_string();
            let name = action.scheduled_action_name().unwrap_or_default();
            found.entry(group).or_default().push(format!("scheduled action {name}"));
        }
        Ok(found)
    }

    /// The kinds of messages for each topic.
    async fn notifications(&self) -> Result<ByGroup<BTreeMap<String, BTreeSet<String>>>> {
        let mut found: ByGroup<BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        let mut pages = self.client.describe_notification_configurations().into_paginator().items().send();
        while let Some(one) = pages.next().await {
            let one = one.map_err(|error| failure("DescribeNotificationConfigurations", &error))?;
            let group = found.entry(one.auto_scaling_group_name().unwrap_or_default().to_string());
            let topic = group.or_default().entry(one.topic_arn().unwrap_or_default().to_string());
            topic.or_default().extend(one.notification_type().map(ToString::to_string));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_a_property_and_delays_a_termination_only_if_it_is_for_that() {
        let of = |transition: &str| {
            let hook = aws_sdk_autoscaling::types::LifecycleHook::builder()
                .lifecycle_hook_name("drain")
                .lifecycle_transition(transition)
                .heartbeat_timeout(60)
                .global_timeout(6000)
                .default_result("CONTINUE")
                .role_arn("")
                .build();
            self::hook(&hook)
        };
        let (start, end) = ("autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING");
        let waits = Hook { name: "drain".into(), heartbeat: 60, longest: 6000 };
        assert_eq!((of(start).terminate, of(end).terminate), (None, Some(waits)));
        let expected = json!({
            "LifecycleHookName": "drain", "LifecycleTransition": start, "HeartbeatTimeout": 60,
            "DefaultResult": "CONTINUE",
        });
        assert_eq!(serde_json::Value::Object(of(start).property), expected);
    }
}
