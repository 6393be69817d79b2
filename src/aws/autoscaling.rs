//! Auto Scaling: the groups that own nodes.

mod launch;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::error::ProvideErrorMetadata;
use aws_sdk_autoscaling::types::{Filter, ScalingActivityStatusCode};

use crate::calls::Calls;
use crate::error::Result;
use crate::facts::{AutoScalingGroup, GroupInstance};
use crate::k8s::record::Sizes;

use super::{Count, failure};

pub use launch::LaunchedFrom;

#[derive(Debug, Clone)]
pub struct AutoScaling {
    client: Client,
}

impl AutoScaling {
    pub fn new(config: &aws_config::SdkConfig, calls: &Calls) -> Self {
        let config =
            aws_sdk_autoscaling::config::Builder::from(config).interceptor(Count(calls.clone())).build();
        AutoScaling { client: Client::from_conf(config) }
    }

    /// All groups whose nodes belong to a cluster: nodes can't join without that tag.
    pub async fn groups_of_cluster(&self, cluster: &str) -> Result<BTreeMap<String, AutoScalingGroup>> {
        let keys = [format!("kubernetes.io/cluster/{cluster}"), format!("k8s.io/cluster/{cluster}")];
        let filter = Filter::builder().name("tag-key").set_values(Some(keys.to_vec())).build();
        let mut pages =
            self.client.describe_auto_scaling_groups().filters(filter).into_paginator().items().send();
        let mut groups = BTreeMap::new();
        while let Some(group) = pages.next().await {
            let group = group.map_err(|error| failure("DescribeAutoScalingGroups", &error))?;
            let name = group.auto_scaling_group_name().unwrap_or_default().to_string();
            let tags = group.tags().iter();
            let tags = tags.filter_map(|tag| {
                Some((tag.key()?.to_string(), tag.value().unwrap_or_default().to_string()))
            });
            let suspended = group.suspended_processes().iter();
            let suspended: BTreeSet<String> =
                suspended.filter_map(|process| process.process_name().map(ToString::to_string)).collect();
            groups.insert(
                name.clone(),
                AutoScalingGroup {
                    name,
                    min: group.min_size().unwrap_or_default(),
                    desired: group.desired_capacity().unwrap_or_default(),
                    max: group.max_size().unwrap_or_default(),
                    instances: group
                        .instances()
                        .iter()
                        .map(|instance| GroupInstance {
                            id: instance.instance_id().unwrap_or_default().to_string(),
                            state: instance
                                .lifecycle_state()
                                .map(|s| s.as_str())
                                .unwrap_or_default()
                                .to_string(),
                        })
                        .collect(),
                    tags: tags.collect(),
                    suspended,
                },
            );
        }
        Ok(groups)
    }

    /// Why the group could not start an instance, newest first, by the activity's id. A group keeps trying, so this is
    /// what a stack that is complete never tells.
    pub async fn failed_activities(&self, group: &str) -> Result<Vec<(String, String)>> {
        let reply = self
            .client
            .describe_scaling_activities()
            .auto_scaling_group_name(group)
            .max_records(20)
            .send()
            .await
            .map_err(|error| failure("DescribeScalingActivities", &error).at(group))?;
        // Only as long as the newest one has failed: an older failure that was got over is no news.
        let failed = reply
            .activities()
            .iter()
            .take_while(|activity| activity.status_code() == Some(&ScalingActivityStatusCode::Failed));
        let told = failed.map(|activity| {
            let id = activity.activity_id().unwrap_or_default();
            (id.to_string(), activity.status_message().unwrap_or_default().to_string())
        });
        Ok(told.collect())
    }

    /// Sets the group's bounds. Those that are outside of them pull its desired size along.
    pub async fn set_bounds(&self, group: &str, min: i32, max: i32) -> Result<()> {
        self.client
            .update_auto_scaling_group()
            .auto_scaling_group_name(group)
            .min_size(min)
            .max_size(max)
            .send()
            .await
            .map_err(|error| failure(format!("set the group's size to {min} to {max}"), &error).at(group))?;
        Ok(())
    }

    /// Sets the group's bounds and how many instances it is to have.
    pub async fn set_sizes(&self, group: &str, sizes: Sizes) -> Result<()> {
        self.client
            .update_auto_scaling_group()
            .auto_scaling_group_name(group)
            .min_size(sizes.min)
            .desired_capacity(sizes.desired)
            .max_size(sizes.max)
            .send()
            .await
            .map_err(|error| {
                failure(format!("set the group's size to {}", sizes.desired), &error).at(group)
            })?;
        Ok(())
    }

    /// Keeps the group from doing these by itself: `Launch`, `AZRebalance`.
    pub async fn suspend(&self, group: &str, processes: &BTreeSet<String>) -> Result<()> {
        self.client
            .suspend_processes()
            .auto_scaling_group_name(group)
            .set_scaling_processes(Some(processes.iter().cloned().collect()))
            .send()
            .await
            .map_err(|error| failure("suspend the group's processes", &error).at(group))?;
        Ok(())
    }

    pub async fn resume(&self, group: &str, processes: &BTreeSet<String>) -> Result<()> {
        self.client
            .resume_processes()
            .auto_scaling_group_name(group)
            .set_scaling_processes(Some(processes.iter().cloned().collect()))
            .send()
            .await
            .map_err(|error| failure("resume the group's processes", &error).at(group))?;
        Ok(())
    }

    /// Ends an instance and takes the group's desired size down with it. One that is gone is what was wanted.
    pub async fn terminate_and_shrink(&self, instance: &str) -> Result<()> {
        let reply = self
            .client
            .terminate_instance_in_auto_scaling_group()
            .instance_id(instance)
            .should_decrement_desired_capacity(true)
            .send()
            .await;
        match reply {
            Err(error) if error.message().is_some_and(|text| text.contains("not found")) => Ok(()),
            Err(error) => Err(failure("terminate instance in its Auto Scaling group", &error).at(instance)),
            Ok(_) => Ok(()),
        }
    }
}
