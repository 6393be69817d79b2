//! EKS: the cluster, its add-on vpc-cni, managed node groups and access entries.

mod settings;

use std::collections::BTreeMap;

use aws_sdk_eks::Client;
use aws_sdk_eks::types::{
    AuthenticationMode, IpFamily, NodegroupScalingConfig, ResolveConflicts, UpdateStatus,
};

use crate::calls::Calls;
use crate::error::{Error, Result};
use crate::facts::{AccessEntry, Addon, Authentication, Cluster, ManagedNodeGroup};

use super::{Trace, failure};

/// The add-on that installs aws-node.
pub(crate) const VPC_CNI: &str = "vpc-cni";

#[derive(Debug, Clone)]
pub(crate) struct Eks {
    client: Client,
}

/// What an update belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Updated<'a> {
    Addon,
    ManagedNodeGroup(&'a str),
}

impl Updated<'_> {
    /// The flag of `aws eks describe-update` that names it.
    pub(crate) fn flag(self) -> String {
        match self {
            Updated::Addon => format!("--addon-name {VPC_CNI}"),
            Updated::ManagedNodeGroup(name) => format!("--nodegroup-name {name}"),
        }
    }
}

impl std::fmt::Display for Updated<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Updated::Addon => write!(f, "add-on {VPC_CNI}"),
            Updated::ManagedNodeGroup(name) => write!(f, "managed node group {name}"),
        }
    }
}

/// The sizes to set on a managed node group; without a desired size, the current one stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scaling {
    pub min: i32,
    pub max: i32,
    pub desired: Option<i32>,
}

/// The status of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Update {
    InProgress,
    Successful,
    /// Failed or cancelled, with EKS's errors.
    Failed(String),
}

fn issue(issue: &aws_sdk_eks::types::Issue) -> String {
    let code = issue.code().map(|code| code.as_str()).unwrap_or_default();
    format!("{code}: {}", issue.message().unwrap_or_default())
}

impl Eks {
    pub(crate) fn new(config: &aws_config::SdkConfig, calls: &Calls) -> Self {
        let config = aws_sdk_eks::config::Builder::from(config).interceptor(Trace(calls.clone())).build();
        Eks { client: Client::from_conf(config) }
    }

    pub(crate) async fn cluster(&self, name: &str) -> Result<Cluster> {
        let reply = self
            .client
            .describe_cluster()
            .name(name)
            .send()
            .await
            .map_err(|error| failure("DescribeCluster", &error).at(name))?;
        let cluster = reply.cluster().ok_or_else(|| Error::failed("EKS returned no cluster").at(name))?;
        let vpc = cluster.resources_vpc_config();
        let network = cluster.kubernetes_network_config();
        let text = |value: Option<&str>| value.unwrap_or_default().to_string();
        Ok(Cluster {
            name: text(cluster.name()),
            arn: text(cluster.arn()),
            version: text(cluster.version()),
            status: cluster.status().map(|status| status.as_str()).unwrap_or_default().into(),
            endpoint: text(cluster.endpoint()),
            certificate_authority: text(cluster.certificate_authority().and_then(|ca| ca.data())),
            vpc_id: text(vpc.and_then(|vpc| vpc.vpc_id())),
            security_group: text(vpc.and_then(|vpc| vpc.cluster_security_group_id())),
            control_plane_groups: vpc.map(|vpc| vpc.security_group_ids().to_vec()).unwrap_or_default(),
            private_endpoint: vpc.is_some_and(|vpc| vpc.endpoint_private_access()),
            service_cidr: network.and_then(|network| network.service_ipv4_cidr()?.parse().ok()),
            ipv6: network.and_then(|network| network.ip_family()) == Some(&IpFamily::Ipv6),
            auto_mode: cluster.compute_config().and_then(|compute| compute.enabled()).unwrap_or_default(),
            // A cluster from before access entries has no mode: it reads aws-auth.
            authentication: match cluster.access_config().and_then(|access| access.authentication_mode()) {
                Some(AuthenticationMode::Api) => Authentication::Api,
                Some(AuthenticationMode::ApiAndConfigMap) => Authentication::ApiAndConfigMap,
                _ => Authentication::ConfigMap,
            },
            subnet_ids: vpc.map(|vpc| vpc.subnet_ids().to_vec()).unwrap_or_default(),
        })
    }

    /// The names of the region's clusters, for "did you mean".
    pub(crate) async fn cluster_names(&self) -> Result<Vec<String>> {
        let mut pages = self.client.list_clusters().into_paginator().items().send();
        let mut names = Vec::new();
        while let Some(name) = pages.next().await {
            names.push(name.map_err(|error| failure("ListClusters", &error))?);
        }
        Ok(names)
    }

    /// The vpc-cni add-on; `None` if EKS does not manage the CNI.
    pub(crate) async fn addon(&self, cluster: &str) -> Result<Option<Addon>> {
        let reply = match self.client.describe_addon().cluster_name(cluster).addon_name(VPC_CNI).send().await
        {
            Ok(reply) => reply,
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(failure("DescribeAddon", &error).at(VPC_CNI)),
        };
        Ok(reply.addon().map(|addon| Addon {
            version: addon.addon_version().unwrap_or_default().to_string(),
            status: addon.status().map(|status| status.as_str()).unwrap_or_default().into(),
            configuration: addon.configuration_values().unwrap_or_default().to_string(),
            role: addon.service_account_role_arn().map(ToString::to_string),
            issues: addon
                .health()
                .map(|health| health.issues())
                .unwrap_or_default()
                .iter()
                .map(|issue| {
                    let code = issue.code().map(|code| code.as_str()).unwrap_or_default();
                    format!("{code}: {}", issue.message().unwrap_or_default())
                })
                .collect(),
        }))
    }

    /// Updates the add-on's configuration. Returns the id of the update to wait for.
    ///
    /// PRESERVE keeps what others changed in the cluster; EKS reports when it can't. `role` is the add-on's current
    /// role: an update without it clears it, and aws-node falls back to its nodes' role (UpdateAddon,
    /// serviceAccountRoleArn; hashicorp/terraform-provider-aws#19402). Other fields that are left out keep their values:
    /// version and podIdentityAssociations.
    pub(crate) async fn update_addon(
        &self,
        cluster: &str,
        configuration: &str,
        role: Option<&str>,
        token: &str,
    ) -> Result<String> {
        let reply = self
            .client
            .update_addon()
            .cluster_name(cluster)
            .addon_name(VPC_CNI)
            .configuration_values(configuration)
            .set_service_account_role_arn(role.map(ToString::to_string))
            .resolve_conflicts(ResolveConflicts::Preserve)
            .client_request_token(token)
            .send()
            .await
            .map_err(|error| failure("update the add-on vpc-cni", &error).at(cluster))?;
        Ok(reply.update().and_then(|update| update.id()).unwrap_or_default().to_string())
    }

    pub(crate) async fn update(&self, cluster: &str, of: Updated<'_>, update_id: &str) -> Result<Update> {
        let request = self.client.describe_update().name(cluster).update_id(update_id);
        let request = match of {
            Updated::Addon => request.addon_name(VPC_CNI),
            Updated::ManagedNodeGroup(name) => request.nodegroup_name(name),
        };
        let reply = request.send().await.map_err(|error| failure("DescribeUpdate", &error).at(update_id))?;
        let Some(update) = reply.update() else { return Ok(Update::InProgress) };
        let errors: Vec<String> = update
            .errors()
            .iter()
            .map(|error| {
                let code = error.error_code().map(|code| code.as_str()).unwrap_or_default();
                format!("{code}: {}", error.error_message().unwrap_or_default())
            })
            .collect();
        Ok(match update.status() {
            Some(UpdateStatus::Successful) => Update::Successful,
            Some(UpdateStatus::Failed | UpdateStatus::Cancelled) => Update::Failed(errors.join("; ")),
            _ => Update::InProgress,
        })
    }

    /// The number of past updates of the add-on or of a managed node group. It goes into the client token, which must
    /// change after a failed update: EKS answers the same token with the same, failed, update.
    pub(crate) async fn update_count(&self, cluster: &str, of: Updated<'_>) -> Result<usize> {
        let request = self.client.list_updates().name(cluster);
        let request = match of {
            Updated::Addon => request.addon_name(VPC_CNI),
            Updated::ManagedNodeGroup(name) => request.nodegroup_name(name),
        };
        let mut pages = request.into_paginator().items().send();
        let mut count = 0;
        while let Some(update) = pages.next().await {
            update.map_err(|error| failure("ListUpdates", &error).at(cluster))?;
            count += 1;
        }
        Ok(count)
    }

    pub(crate) async fn managed_node_groups(&self, cluster: &str) -> Result<Vec<ManagedNodeGroup>> {
        let mut pages = self.client.list_nodegroups().cluster_name(cluster).into_paginator().items().send();
        let mut names = Vec::new();
        while let Some(name) = pages.next().await {
            names.push(name.map_err(|error| failure("ListNodegroups", &error).at(cluster))?);
        }
        let read = names.iter().map(|name| async move {
            match self.managed_node_group(cluster, name).await {
                // Deleted since it was listed.
                Err(error) if error.code() == "ResourceNotFoundException" => Ok(None),
                read => read.map(Some),
            }
        });
        let groups: Vec<Option<ManagedNodeGroup>> = futures::future::try_join_all(read).await?;
        Ok(groups.into_iter().flatten().collect())
    }

    pub(crate) async fn managed_node_group(&self, cluster: &str, name: &str) -> Result<ManagedNodeGroup> {
        let reply = self
            .client
            .describe_nodegroup()
            .cluster_name(cluster)
            .nodegroup_name(name)
            .send()
            .await
            .map_err(|error| failure("DescribeNodegroup", &error).at(name))?;
        let group = reply.nodegroup().ok_or_else(|| Error::failed("EKS returned no node group").at(name))?;
        let scaling = group.scaling_config();
        Ok(ManagedNodeGroup {
            name: name.to_string(),
            status: group.status().map(|status| status.as_str()).unwrap_or_default().into(),
            min: scaling.and_then(|scaling| scaling.min_size()).unwrap_or_default(),
            desired: scaling.and_then(|scaling| scaling.desired_size()).unwrap_or_default(),
            max: scaling.and_then(|scaling| scaling.max_size()).unwrap_or_default(),
            groups: group
                .resources()
                .map(|resources| resources.auto_scaling_groups())
                .unwrap_or_default()
                .iter()
                .filter_map(|group| group.name().map(ToString::to_string))
                .collect(),
            issues: group
                .health()
                .map(|health| health.issues())
                .unwrap_or_default()
                .iter()
                .map(issue)
                .collect(),
            settings: settings::settings(group),
        })
    }

    /// Sets a managed node group's bounds, and its desired size where one is given: an autoscaler may have changed the
    /// desired size since it was read. Returns the id of the update to wait for.
    pub(crate) async fn scale_managed(
        &self,
        cluster: &str,
        group: &str,
        scaling: Scaling,
        token: &str,
    ) -> Result<String> {
        let config = NodegroupScalingConfig::builder()
            .min_size(scaling.min)
            .set_desired_size(scaling.desired)
            .max_size(scaling.max)
            .build();
        let reply = self
            .client
            .update_nodegroup_config()
            .cluster_name(cluster)
            .nodegroup_name(group)
            .scaling_config(config)
            .client_request_token(token)
            .send()
            .await
            .map_err(|error| {
                let what = format!("set the managed node group's size to {} to {}", scaling.min, scaling.max);
                failure(what, &error).at(group)
            })?;
        Ok(reply.update().and_then(|update| update.id()).unwrap_or_default().to_string())
    }

    /// All access entries, by principal.
    pub(crate) async fn access_entries(&self, cluster: &str) -> Result<BTreeMap<String, AccessEntry>> {
        let mut pages =
            self.client.list_access_entries().cluster_name(cluster).into_paginator().items().send();
        let mut principals = Vec::new();
        while let Some(principal) = pages.next().await {
            principals.push(principal.map_err(|error| failure("ListAccessEntries", &error).at(cluster))?);
        }
        let entries = futures::future::try_join_all(principals.into_iter().map(|principal| async move {
            let reply =
                self.client.describe_access_entry().cluster_name(cluster).principal_arn(&principal).send();
            let reply = match reply.await {
                Ok(reply) => reply,
                // Deleted since it was listed.
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(|error| error.is_resource_not_found_exception()) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(failure("DescribeAccessEntry", &error).at(&principal)),
            };
            let entry = reply.access_entry();
            let kind = entry.and_then(|entry| entry.r#type()).unwrap_or_default().to_string();
            let tags = entry.and_then(|entry| entry.tags()).cloned().unwrap_or_default();
            Ok::<_, Error>(Some((principal, AccessEntry { kind, tags: tags.into_iter().collect() })))
        }))
        .await?;
        Ok(entries.into_iter().flatten().collect())
    }

    /// Lets nodes of a role join. An existing entry is a success. EKS does not accept an empty map of tags.
    pub(crate) async fn create_node_access_entry(
        &self,
        cluster: &str,
        role_arn: &str,
        tags: &[(String, String)],
        token: &str,
    ) -> Result<()> {
        let request = self
            .client
            .create_access_entry()
            .cluster_name(cluster)
            .principal_arn(role_arn)
            .r#type("EC2_LINUX")
            .set_tags((!tags.is_empty()).then(|| tags.iter().cloned().collect()))
            .client_request_token(token);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(failure("create access entry", &error).at(role_arn)),
        }
    }

    /// Starts to delete a managed node group. One that is already gone is a success.
    pub(crate) async fn delete_managed(&self, cluster: &str, name: &str) -> Result<()> {
        match self.client.delete_nodegroup().cluster_name(cluster).nodegroup_name(name).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(failure("delete managed node group", &error).at(name)),
        }
    }

    /// Deletes an access entry. One that is already gone is a success.
    pub(crate) async fn delete_access_entry(&self, cluster: &str, role_arn: &str) -> Result<()> {
        match self.client.delete_access_entry().cluster_name(cluster).principal_arn(role_arn).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(failure("delete access entry", &error).at(role_arn)),
        }
    }
}
