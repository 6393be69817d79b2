//! The launch templates and launch configurations of Auto Scaling groups.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::{AutoScalingGroup, LaunchTemplateSpecification};

use crate::error::Result;

use super::{AutoScaling, failure};

/// A launch template's version, or a launch configuration, the older way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LaunchedFrom {
    Template { id: String, version: String },
    Configuration(String),
}

impl AutoScaling {
    /// The launch template or configuration of each of these groups.
    pub(crate) async fn launched_from(&self, groups: &[String]) -> Result<BTreeMap<String, LaunchedFrom>> {
        let mut found = BTreeMap::new();
        // The call takes 50 names.
        for names in groups.chunks(50) {
            let mut pages = self
                .client
                .describe_auto_scaling_groups()
                .set_auto_scaling_group_names(Some(names.to_vec()))
                .into_paginator()
                .items()
                .send();
            while let Some(group) = pages.next().await {
                let group = group.map_err(|error| failure("DescribeAutoScalingGroups", &error))?;
                let name = group.auto_scaling_group_name().unwrap_or_default().to_string();
                found.extend(launched_from(&group).map(|from| (name, from)));
            }
        }
        Ok(found)
    }

    /// The image of a launch configuration; `None` if the configuration is gone.
    pub(crate) async fn image_of_configuration(&self, name: &str) -> Result<Option<String>> {
        let reply =
            self.client.describe_launch_configurations().launch_configuration_names(name).send().await;
        let reply = reply.map_err(|error| failure("DescribeLaunchConfigurations", &error).at(name))?;
        let found = reply.launch_configurations().first();
        Ok(found.and_then(|found| found.image_id()).map(ToString::to_string))
    }
}

fn launched_from(group: &AutoScalingGroup) -> Option<LaunchedFrom> {
    let mixed = || group.mixed_instances_policy()?.launch_template()?.launch_template_specification();
    let of_template = |template: &LaunchTemplateSpecification| {
        Some(LaunchedFrom::Template {
            id: template.launch_template_id()?.to_string(),
            version: template.version().unwrap_or("$Default").to_string(),
        })
    };
    match group.launch_configuration_name() {
        Some(name) => Some(LaunchedFrom::Configuration(name.into())),
        None => of_template(group.launch_template().or_else(mixed)?),
    }
}
