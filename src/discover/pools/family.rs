//! The AMI family of a pool's nodes. Pure.

use crate::facts::AmiFamily;

/// By EKS's amiType, else by the image's name, else by what the nodes report as osImage. `None` for Windows, for other
/// distributions, and if nothing is known.
pub(super) fn family(ami_type: &str, image: Option<&str>, os_images: &[&str]) -> Option<AmiFamily> {
    match ami_type {
        "" | "CUSTOM" => {}
        known => return of_ami_type(known),
    }
    image.and_then(of_image).or_else(|| {
        let mut found = os_images.iter().map(|os| of_os(os));
        let first = found.next().flatten();
        // Nodes of two families: an update is under way, or the group is no pool.
        first.filter(|first| found.all(|other| other == Some(*first)))
    })
}

/// `AL2023_x86_64_STANDARD`, `AL2_ARM_64`, `BOTTLEROCKET_x86_64_NVIDIA` (EKS API reference, Nodegroup, amiType)
fn of_ami_type(ami_type: &str) -> Option<AmiFamily> {
    match ami_type.split('_').next()? {
        "AL2023" => Some(AmiFamily::Al2023),
        "AL2" => Some(AmiFamily::Al2),
        "BOTTLEROCKET" => Some(AmiFamily::Bottlerocket),
        _ => None,
    }
}

/// Names of AWS's images (amazon-eks-ami, Bottlerocket), which its build scripts give to own images too:
/// `amazon-eks-node-al2023-x86_64-standard-1.34-v20251108`, `amazon-eks-gpu-node-1.32-v20251108`,
/// `bottlerocket-aws-k8s-1.34-x86_64-v1.50.0-1a2b3c4d`. A parameter's path has the same parts:
/// `/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/…`.
fn of_image(name: &str) -> Option<AmiFamily> {
    let name = name.rsplit_once("/aws/service/").map_or(name, |(_, path)| path);
    let is_al2023 = name.starts_with("amazon-eks-node-al2023-") || name.contains("/amazon-linux-2023/");
    let is_al2 = ["amazon-eks-node-", "amazon-eks-gpu-node-", "amazon-eks-arm64-node-"]
        .iter()
        .any(|start| name.starts_with(start))
        || name.contains("/amazon-linux-2");
    match name {
        _ if is_al2023 => Some(AmiFamily::Al2023),
        _ if is_al2 => Some(AmiFamily::Al2),
        _ if name.starts_with("bottlerocket-aws-k8s-") || name.starts_with("bottlerocket/aws-k8s-") => {
            Some(AmiFamily::Bottlerocket)
        }
        _ => None,
    }
}

/// PRETTY_NAME of /etc/os-release, which kubelet reports: `Amazon Linux 2023.9.20251105`, `Amazon Linux 2`,
/// `Bottlerocket OS 1.50.0 (aws-k8s-1.34)`.
fn of_os(os_image: &str) -> Option<AmiFamily> {
    match os_image {
        "Amazon Linux 2" => Some(AmiFamily::Al2),
        os if os.starts_with("Amazon Linux 2023") => Some(AmiFamily::Al2023),
        os if os.starts_with("Bottlerocket") => Some(AmiFamily::Bottlerocket),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use AmiFamily::{Al2, Al2023, Bottlerocket};

    #[test]
    fn the_ami_type_decides_then_the_images_name_then_what_the_nodes_report() {
        let (al2023, al2) = ("Amazon Linux 2023.9.20251105", "Amazon Linux 2");
        let bottlerocket = "Bottlerocket OS 1.50.0 (aws-k8s-1.34)";
        type Case<'a> = (&'a str, Option<&'a str>, &'a [&'a str], Option<AmiFamily>);
        let cases: &[Case<'_>] = &[
            ("AL2023_x86_64_NEURON", Some("bottlerocket-aws-k8s-1.34"), &[al2], Some(Al2023)),
            ("AL2_x86_64_GPU", None, &[], Some(Al2)),
            ("AL2_ARM_64", None, &[], Some(Al2)),
            ("BOTTLEROCKET_ARM_64_NVIDIA_FIPS", None, &[], Some(Bottlerocket)),
            ("WINDOWS_CORE_2022_x86_64", None, &[al2023], None),
            ("SOMETHING_NEW", None, &[al2023], None),
            ("CUSTOM", Some("amazon-eks-node-al2023-arm64-standard-1.34-v20251108"), &[], Some(Al2023)),
            ("", Some("amazon-eks-node-1.32-v20251108"), &[], Some(Al2)),
            ("", Some("amazon-eks-gpu-node-1.32-v20251108"), &[], Some(Al2)),
            ("", Some("amazon-eks-arm64-node-1.32-v20251108"), &[], Some(Al2)),
            ("", Some("bottlerocket-aws-k8s-1.34-x86_64-v1.50.0-1a2b3c4d"), &[al2], Some(Bottlerocket)),
            ("", Some("Windows_Server-2022-English-Core-EKS_Optimized-1.34"), &[], None),
            ("", Some("ubuntu-eks/k8s_1.34/images/hvm-ssd/ubuntu-noble"), &["Ubuntu 24.04.1 LTS"], None),
            ("CUSTOM", Some("our-golden-image-7"), &[al2023, al2023], Some(Al2023)),
            ("CUSTOM", Some("our-golden-image-7"), &[al2], Some(Al2)),
            ("", None, &[bottlerocket], Some(Bottlerocket)),
            ("", None, &["Amazon Linux 2", al2023], None),
            ("", None, &["Amazon Linux AMI 2018.03"], None),
            ("", None, &[], None),
        ];
        for (ami_type, image, os_images, expected) in cases {
            assert_eq!(family(ami_type, *image, os_images), *expected, "{ami_type} {image:?} {os_images:?}");
        }
    }

    #[test]
    fn a_parameter_that_ec2_looks_up_has_the_family_in_its_path() {
        for (path, expected) in [
            (
                "resolve:ssm:/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended/image_id",
                Some(Al2023),
            ),
            (
                "resolve:ssm:/aws/service/eks/optimized-ami/1.32/amazon-linux-2-arm64/recommended/image_id",
                Some(Al2),
            ),
            ("resolve:ssm:/aws/service/bottlerocket/aws-k8s-1.34/x86_64/latest/image_id", Some(Bottlerocket)),
            ("resolve:ssm:/golden/eks", None),
        ] {
            assert_eq!(family("", Some(path), &[]), expected, "{path}");
        }
    }
}
