//! What instances are launched from: versions of launch templates, and images.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::launched::launched;
use crate::error::{Error, Result};
use crate::facts::{Image, KnownImage, LaunchSource, Launched};

use super::{Ec2, failure, filter, template_data};

impl Ec2 {
    /// A version of a launch template, which may be `$Latest` or `$Default`; `None` if the template or the version is
    /// gone. The call takes one template.
    pub(crate) async fn launch_template(&self, id: &str, version: &str) -> Result<Option<Launched>> {
        let reply = self
            .client
            .describe_launch_template_versions()
            .launch_template_id(id)
            .versions(version)
            .send()
            .await
            .map_err(|error| failure("DescribeLaunchTemplateVersions", &error).at(id));
        let reply = match reply {
            Ok(reply) => reply,
            // InvalidLaunchTemplateId.NotFound, InvalidLaunchTemplateId.VersionNotFound
            Err(error) if error.code().ends_with("NotFound") => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(found) = reply.launch_template_versions().first() else { return Ok(None) };
        let version = found.version_number().map_or(version.to_string(), |number| number.to_string());
        let source = LaunchSource::Template { id: id.into(), version }.to_string();
        Ok(found
            .launch_template_data()
            .map(|of| launched(source, template_data::data(of), of.user_data(), template_data::lost(of))))
    }

    /// Those of these images that EC2 lists. It does not list a deregistered image, or one that is no longer shared with
    /// the account; it lists a deprecated one, which instances can still be launched from.
    pub(crate) async fn images(&self, ids: &BTreeSet<String>) -> Result<BTreeMap<String, KnownImage>> {
        let mut found = BTreeMap::new();
        // A filter takes 200 values. Unknown ids would be an error, unknown filter values are not.
        for ids in ids.iter().collect::<Vec<_>>().chunks(200) {
            let mut pages = self
                .client
                .describe_images()
                .include_deprecated(true)
                .filters(filter("image-id", ids.iter().map(|id| id.as_str())))
                .into_paginator()
                .items()
                .send();
            while let Some(image) = pages.next().await {
                let image = known(&image.map_err(|error| failure("DescribeImages", &error))?);
                found.insert(image.image.id.clone(), image);
            }
        }
        Ok(found)
    }

    pub(crate) async fn image(&self, id: &str) -> Result<Image> {
        let reply = self
            .client
            .describe_images()
            .image_ids(id)
            .send()
            .await
            .map_err(|error| failure("DescribeImages", &error).at(id))?;
        let image = reply.images().first().ok_or_else(|| Error::failed("no such AMI").at(id))?;
        Ok(known(image).image)
    }
}

/// Images of EKS and Bottlerocket belong to several accounts of AWS; EC2 knows all of these by one alias, which nobody
/// else can have.
fn known(image: &aws_sdk_ec2::types::Image) -> KnownImage {
    KnownImage {
        image: Image {
            id: image.image_id().unwrap_or_default().to_string(),
            name: image.name().unwrap_or_default().to_string(),
            architecture: image.architecture().map(|arch| arch.as_str()).unwrap_or_default().to_string(),
        },
        by_aws: image.image_owner_alias() == Some("amazon"),
    }
}
