//! Auto Scaling: the groups that own nodes.

mod beside;
mod launch;
mod settings;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::error::ProvideErrorMetadata;
use aws_sdk_autoscaling::operation::describe_auto_scaling_groups::builders::DescribeAutoScalingGroupsFluentBuilder;
use aws_sdk_autoscaling::types::{Filter, ScalingActivityStatusCode, TagDescription};

use crate::calls::Calls;
use crate::error::Result;
use crate::facts::{AutoScalingGroup, GroupInstance, Sizes, WarmPool};

use super::{Trace, failure};

#[derive(Debug, Clone)]
pub(crate) struct AutoScaling {
    client: Client,
}

impl AutoScaling {
    pub(crate) fn new(config: &aws_config::SdkConfig, calls: &Calls) -> Self {
        let config =
            aws_sdk_autoscaling::config::Builder::from(config).interceptor(Trace(calls.clone())).build();
        AutoScaling { client: Client::from_conf(config) }
    }

    /// The groups that have the cluster's tag, and those with these names. A group that starts nodes need not have
    /// the tag: the cloud provider looks for it on instances (terraform-aws-eks#2072).
    pub(crate) async fn groups(
        &self,
        cluster: &str,
        names: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, AutoScalingGroup>> {
        let keys = [format!("kubernetes.io/cluster/{cluster}"), format!("k8s.io/cluster/{cluster}")];
        let filter = Filter::builder().name("tag-key").set_values(Some(keys.to_vec())).build();
        let mut found = BTreeMap::new();
        let tagged = self.client.describe_auto_scaling_groups().filters(filter);
        collect(tagged, &mut found).await?;
        let others: Vec<String> = names.iter().filter(|name| !found.contains_key(*name)).cloned().collect();
        found.extend(self.named(&others).await?);
        Ok(found)
    }

    /// The groups with these names; one that does not exist is left out.
    pub(crate) async fn named(&self, names: &[String]) -> Result<BTreeMap<String, AutoScalingGroup>> {
        let mut found = BTreeMap::new();
        // The call takes 50 names.
        for names in names.chunks(50) {
            let named =
                self.client.describe_auto_scaling_groups().set_auto_scaling_group_names(Some(names.to_vec()));
            collect(named, &mut found).await?;
        }
        Ok(found)
    }

    /// Why the group could not start an instance, newest first, with the activity's id. The stack is complete all the
    /// while and does not report it, because the group keeps trying.
    pub(crate) async fn failed_activities(&self, group: &str) -> Result<Vec<(String, String)>> {
        let reply = self
            .client
            .describe_scaling_activities()
            .auto_scaling_group_name(group)
            .max_records(20)
            .send()
            .await
            .map_err(|error| failure("DescribeScalingActivities", &error).at(group))?;
        // Only while the newest activity is a failure: an older failure is resolved.
        let failed = reply
            .activities()
            .iter()
            .take_while(|activity| activity.status_code() == Some(&ScalingActivityStatusCode::Failed));
        let failures = failed.map(|activity| {
            let id = activity.activity_id().unwrap_or_default();
            (id.to_string(), activity.status_message().unwrap_or_default().to_string())
        });
        Ok(failures.collect())
    }

    /// Sets the group's minimum and maximum size. A desired capacity outside of them is adjusted by Auto Scaling. A
    /// group that is gone is a success.
    pub(crate) async fn set_bounds(&self, group: &str, min: i32, max: i32) -> Result<()> {
        let set = self
            .client
            .update_auto_scaling_group()
            .auto_scaling_group_name(group)
            .min_size(min)
            .max_size(max);
        match set.send().await {
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(failure(format!("set the group's size to {min} to {max}"), &error).at(group)),
            Ok(_) => Ok(()),
        }
    }

    /// Sets the desired capacity, in capacity units, within minimum and maximum size.
    pub(crate) async fn set_desired(&self, group: &str, desired: i32) -> Result<()> {
        self.client
            .update_auto_scaling_group()
            .auto_scaling_group_name(group)
            .desired_capacity(desired)
            .send()
            .await
            .map_err(|error| {
                failure(format!("set the group's desired capacity to {desired}"), &error).at(group)
            })?;
        Ok(())
    }

    /// Sets minimum size, maximum size and desired capacity.
    pub(crate) async fn set_sizes(&self, group: &str, sizes: Sizes) -> Result<()> {
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

    /// Suspends scaling processes of the group, such as `Launch` and `AZRebalance`.
    pub(crate) async fn suspend(&self, group: &str, processes: &BTreeSet<String>) -> Result<()> {
        self.client
            .suspend_processes()
            .auto_scaling_group_name(group)
            .set_scaling_processes(Some(processes.iter().cloned().collect()))
            .send()
            .await
            .map_err(|error| failure("suspend the group's processes", &error).at(group))?;
        Ok(())
    }

    /// Resumes scaling processes of the group. If none is suspended, or the group is gone, that is a success.
    pub(crate) async fn resume(&self, group: &str, processes: &BTreeSet<String>) -> Result<()> {
        let resumed = self
            .client
            .resume_processes()
            .auto_scaling_group_name(group)
            .set_scaling_processes(Some(processes.iter().cloned().collect()))
            .send()
            .await;
        match resumed {
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(failure("resume the group's processes", &error).at(group)),
            Ok(_) => Ok(()),
        }
    }

    /// Terminates an instance and decrements the group's desired capacity. One that is already gone is a success.
    pub(crate) async fn terminate_and_shrink(&self, instance: &str) -> Result<()> {
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

/// Auto Scaling has no separate error code for a group that does not exist.
fn is_gone<E>(error: &aws_sdk_autoscaling::error::SdkError<E>) -> bool
where
    E: ProvideErrorMetadata,
{
    error.code() == Some("ValidationError")
        && error.message().is_some_and(|text| text.to_lowercase().contains("not found"))
}

async fn collect(
    request: DescribeAutoScalingGroupsFluentBuilder,
    into: &mut BTreeMap<String, AutoScalingGroup>,
) -> Result<()> {
    let mut pages = request.into_paginator().items().send();
    while let Some(group) = pages.next().await {
        let group = group.map_err(|error| failure("DescribeAutoScalingGroups", &error))?;
        let group = read(&group);
        into.insert(group.name.clone(), group);
    }
    Ok(())
}

fn read(group: &aws_sdk_autoscaling::types::AutoScalingGroup) -> AutoScalingGroup {
    let tag =
        |tag: &TagDescription| Some((tag.key()?.to_string(), tag.value().unwrap_or_default().to_string()));
    let instance = |instance: &aws_sdk_autoscaling::types::Instance| GroupInstance {
        id: instance.instance_id().unwrap_or_default().to_string(),
        state: instance.lifecycle_state().map(|state| state.as_str()).unwrap_or_default().into(),
        zone: instance.availability_zone().unwrap_or_default().to_string(),
        weight: instance.weighted_capacity().and_then(|weight| weight.parse().ok()).unwrap_or(1),
    };
    let suspended = group.suspended_processes().iter();
    AutoScalingGroup {
        name: group.auto_scaling_group_name().unwrap_or_default().to_string(),
        min: group.min_size().unwrap_or_default(),
        desired: group.desired_capacity().unwrap_or_default(),
        max: group.max_size().unwrap_or_default(),
        instances: group.instances().iter().map(instance).collect(),
        tags: group.tags().iter().filter_map(tag).collect(),
        suspended: suspended.filter_map(|process| process.process_name().map(ToString::to_string)).collect(),
        zones: group.availability_zones().iter().cloned().collect(),
        warm_pool: group.warm_pool_configuration().map(|pool| WarmPool {
            state: pool.pool_state().map(|state| state.as_str()).unwrap_or("Stopped").to_string(),
            reuse: pool
                .instance_reuse_policy()
                .and_then(|policy| policy.reuse_on_scale_in())
                .unwrap_or_default(),
        }),
        settings: settings::settings(group),
    }
}
