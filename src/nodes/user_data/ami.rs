//! Images: the SSM parameter of a family's latest one, and what an image's nodeadm knows.

use crate::facts::AmiFamily;
use crate::net::accelerators::Accelerator;
use crate::net::max_pods::Architecture;

/// Why there is no AMI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AmiError {
    /// The last release of EKS's AL2 AMIs was for 1.32.
    #[error(
        "there is no AL2 AMI for Kubernetes {kubernetes_version}: AWS publishes none for 1.33 and later; use al2023 or bottlerocket"
    )]
    Al2NotPublished {
        /// The cluster's version.
        kubernetes_version: String,
    },
    /// Not of the form `1.34`.
    #[error("{text:?} is not a Kubernetes version; expected one such as 1.34")]
    NoVersion {
        /// As it was given.
        text: String,
    },
}

/// The public SSM parameter that holds the id of the latest AMI of a family.
///
/// `kubernetes_version`: the cluster's, as EKS writes it (`1.34`).
pub(crate) fn ami_parameter(
    family: AmiFamily,
    kubernetes_version: &str,
    architecture: Architecture,
    accelerator: Option<Accelerator>,
) -> Result<String, AmiError> {
    let (major, minor) = version(kubernetes_version)
        .ok_or_else(|| AmiError::NoVersion { text: kubernetes_version.to_string() })?;
    let al2023 = match accelerator {
        Some(Accelerator::Nvidia) => "nvidia",
        Some(Accelerator::Neuron) => "neuron",
        Some(Accelerator::Other) | None => "standard",
    };
    Ok(match (family, architecture) {
        (AmiFamily::Al2023, architecture) => format!(
            "/aws/service/eks/optimized-ami/{major}.{minor}/amazon-linux-2023/{architecture}/{al2023}/recommended/image_id"
        ),
        (AmiFamily::Al2, _) if (major, minor) >= (1, 33) => {
            return Err(AmiError::Al2NotPublished { kubernetes_version: kubernetes_version.to_string() });
        }
        // One image has the drivers of both.
        (AmiFamily::Al2, _) if matches!(accelerator, Some(Accelerator::Nvidia | Accelerator::Neuron)) => {
            format!("/aws/service/eks/optimized-ami/{major}.{minor}/amazon-linux-2-gpu/recommended/image_id")
        }
        (AmiFamily::Al2, Architecture::X86_64) => {
            format!("/aws/service/eks/optimized-ami/{major}.{minor}/amazon-linux-2/recommended/image_id")
        }
        (AmiFamily::Al2, Architecture::Arm64) => {
            format!(
                "/aws/service/eks/optimized-ami/{major}.{minor}/amazon-linux-2-arm64/recommended/image_id"
            )
        }
        // The plain variant has the drivers of Inferentia and Trainium.
        (AmiFamily::Bottlerocket, architecture) => {
            let nvidia = if accelerator == Some(Accelerator::Nvidia) { "-nvidia" } else { "" };
            format!(
                "/aws/service/bottlerocket/aws-k8s-{major}.{minor}{nvidia}/{architecture}/latest/image_id"
            )
        }
    })
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    let number = |digits: &str| {
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    Some((number(major)?, number(minor)?))
}

/// First release of EKS's AL2023 AMIs whose nodeadm computes max pods (awslabs/amazon-eks-ami, CHANGELOG.md, pull
/// request 2446).
const FIRST_WITH_EXPRESSION: &str = "20251007";

/// Whether nodeadm on this image reads NodeConfig's `maxPodsExpression`.
///
/// `image`: its name, such as `amazon-eks-node-al2023-x86_64-standard-1.34-v20251007`. Of an image of somebody else's
/// this is not known, and an older nodeadm would silently take the number without custom networking.
pub(crate) fn knows_expression(image: &str) -> bool {
    image.starts_with("amazon-eks-node-al2023-")
        && image.rsplit_once("-v").is_some_and(|(_, release)| {
            release.len() == FIRST_WITH_EXPRESSION.len()
                && release.bytes().all(|byte| byte.is_ascii_digit())
                && release >= FIRST_WITH_EXPRESSION
        })
}

#[cfg(test)]
mod tests;
