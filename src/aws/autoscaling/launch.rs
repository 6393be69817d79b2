//! Launch configurations, in the shape of launch templates.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::{BlockDeviceMapping, Ebs, InstanceMetadataOptions, LaunchConfiguration};
use serde_json::{Map, Value, json};

use crate::aws::launched::launched;
use crate::aws::properties::{each, map, object, one, text, texts, unclear};
use crate::error::Result;
use crate::facts::{LaunchSource, Launched, Unclear};

use super::{AutoScaling, failure};

impl AutoScaling {
    /// The launch configurations with these names; one that is gone is left out.
    pub(crate) async fn launch_configurations(&self, names: &[String]) -> Result<BTreeMap<String, Launched>> {
        let mut found = BTreeMap::new();
        // The call takes 50 names.
        for names in names.chunks(50) {
            let mut pages = self
                .client
                .describe_launch_configurations()
                .set_launch_configuration_names(Some(names.to_vec()))
                .into_paginator()
                .items()
                .send();
            while let Some(one) = pages.next().await {
                let one = one.map_err(|error| failure("DescribeLaunchConfigurations", &error))?;
                let name = one.launch_configuration_name().unwrap_or_default().to_string();
                let source = LaunchSource::Configuration(name.clone()).to_string();
                found.insert(name, launched(source, data(&one), one.user_data(), lost(&one)));
            }
        }
        Ok(found)
    }
}

/// As the launch template that launches the same instances.
fn data(of: &LaunchConfiguration) -> Map<String, Value> {
    // A launch template says whether instances get a public address in its first network interface, which then has the
    // security groups.
    let groups = texts(of.security_groups());
    let (groups, interfaces) = match of.associate_public_ip_address() {
        Some(public) => {
            let first = object([
                ("DeviceIndex", 0.into()),
                ("AssociatePublicIpAddress", public.into()),
                ("Groups", groups),
            ]);
            (Value::Null, json!([first]))
        }
        None => (groups, Value::Null),
    };
    // It has the name or the ARN.
    let profile = of.iam_instance_profile().map(|profile| match profile.starts_with("arn:") {
        true => json!({ "Arn": profile }),
        false => json!({ "Name": profile }),
    });
    let spot = |price: &str| json!({ "MarketType": "spot", "SpotOptions": { "MaxPrice": price } });
    map([
        ("ImageId", of.image_id().into()),
        ("InstanceType", of.instance_type().into()),
        ("KeyName", of.key_name().filter(|name| !name.is_empty()).into()),
        ("SecurityGroupIds", groups),
        ("NetworkInterfaces", interfaces),
        ("IamInstanceProfile", profile.into()),
        ("KernelId", of.kernel_id().filter(|id| !id.is_empty()).into()),
        ("RamDiskId", of.ramdisk_id().filter(|id| !id.is_empty()).into()),
        ("BlockDeviceMappings", each(of.block_device_mappings(), block_device)),
        ("Monitoring", one(of.instance_monitoring(), |of| object([("Enabled", of.enabled().into())]))),
        ("EbsOptimized", of.ebs_optimized().into()),
        ("InstanceMarketOptions", of.spot_price().map(spot).into()),
        ("Placement", of.placement_tenancy().map(|tenancy| json!({ "Tenancy": tenancy })).into()),
        ("MetadataOptions", one(of.metadata_options(), metadata)),
    ])
}

fn lost(of: &LaunchConfiguration) -> Vec<Unclear> {
    let is_set = |id: Option<&str>| id.is_some_and(|id| !id.is_empty());
    unclear(
        "EC2-Classic no longer exists",
        [
            ("ClassicLinkVPCId", is_set(of.classic_link_vpc_id())),
            ("ClassicLinkVPCSecurityGroups", !of.classic_link_vpc_security_groups().is_empty()),
        ],
    )
}

fn block_device(of: &BlockDeviceMapping) -> Value {
    object([
        ("DeviceName", of.device_name().into()),
        ("VirtualName", of.virtual_name().into()),
        ("Ebs", one(of.ebs(), volume)),
        // A launch template says so with an empty text.
        ("NoDevice", of.no_device().filter(|none| *none).map(|_| "").into()),
    ])
}

fn volume(of: &Ebs) -> Value {
    object([
        ("SnapshotId", of.snapshot_id().into()),
        ("VolumeSize", of.volume_size().into()),
        ("VolumeType", of.volume_type().into()),
        ("DeleteOnTermination", of.delete_on_termination().into()),
        ("Iops", of.iops().into()),
        ("Encrypted", of.encrypted().into()),
        ("Throughput", of.throughput().into()),
    ])
}

fn metadata(of: &InstanceMetadataOptions) -> Value {
    object([
        ("HttpTokens", text(of.http_tokens())),
        ("HttpPutResponseHopLimit", of.http_put_response_hop_limit().into()),
        ("HttpEndpoint", text(of.http_endpoint())),
    ])
}

#[cfg(test)]
mod tests;
