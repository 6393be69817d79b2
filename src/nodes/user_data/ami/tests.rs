use super::*;

#[test]
fn accelerated_instance_types_get_images_with_drivers() {
    let (x86, arm) = (Architecture::X86_64, Architecture::Arm64);
    let eks = "/aws/service/eks/optimized-ami/1.32";
    let bottlerocket = "/aws/service/bottlerocket/aws-k8s-1.32";
    for (family, architecture, accelerator, path) in [
        (
            AmiFamily::Al2023,
            x86,
            Accelerator::Nvidia,
            format!("{eks}/amazon-linux-2023/x86_64/nvidia/recommended/image_id"),
        ),
        (
            AmiFamily::Al2023,
            arm,
            Accelerator::Nvidia,
            format!("{eks}/amazon-linux-2023/arm64/nvidia/recommended/image_id"),
        ),
        (
            AmiFamily::Al2023,
            x86,
            Accelerator::Neuron,
            format!("{eks}/amazon-linux-2023/x86_64/neuron/recommended/image_id"),
        ),
        (
            AmiFamily::Al2023,
            x86,
            Accelerator::Other,
            format!("{eks}/amazon-linux-2023/x86_64/standard/recommended/image_id"),
        ),
        (AmiFamily::Al2, x86, Accelerator::Nvidia, format!("{eks}/amazon-linux-2-gpu/recommended/image_id")),
        (AmiFamily::Al2, x86, Accelerator::Neuron, format!("{eks}/amazon-linux-2-gpu/recommended/image_id")),
        (
            AmiFamily::Bottlerocket,
            x86,
            Accelerator::Nvidia,
            format!("{bottlerocket}-nvidia/x86_64/latest/image_id"),
        ),
        (
            AmiFamily::Bottlerocket,
            arm,
            Accelerator::Nvidia,
            format!("{bottlerocket}-nvidia/arm64/latest/image_id"),
        ),
        (AmiFamily::Bottlerocket, x86, Accelerator::Neuron, format!("{bottlerocket}/x86_64/latest/image_id")),
    ] {
        assert_eq!(ami_parameter(family, "1.32", architecture, Some(accelerator)), Ok(path));
    }
}

#[test]
fn ami_parameters_are_those_that_aws_publishes() {
    use Architecture::{Arm64, X86_64};
    for (family, version, architecture, path) in [
        (
            AmiFamily::Al2023,
            "1.34",
            X86_64,
            "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended/image_id",
        ),
        (
            AmiFamily::Al2023,
            "1.29",
            Arm64,
            "/aws/service/eks/optimized-ami/1.29/amazon-linux-2023/arm64/standard/recommended/image_id",
        ),
        (
            AmiFamily::Al2,
            "1.32",
            X86_64,
            "/aws/service/eks/optimized-ami/1.32/amazon-linux-2/recommended/image_id",
        ),
        (
            AmiFamily::Al2,
            "1.9",
            Arm64,
            "/aws/service/eks/optimized-ami/1.9/amazon-linux-2-arm64/recommended/image_id",
        ),
        (
            AmiFamily::Bottlerocket,
            "1.34",
            X86_64,
            "/aws/service/bottlerocket/aws-k8s-1.34/x86_64/latest/image_id",
        ),
        (
            AmiFamily::Bottlerocket,
            "1.34",
            Arm64,
            "/aws/service/bottlerocket/aws-k8s-1.34/arm64/latest/image_id",
        ),
    ] {
        assert_eq!(ami_parameter(family, version, architecture, None), Ok(path.to_string()));
    }
}

#[test]
fn al2_is_refused_from_1_33_on() {
    for version in ["1.33", "1.34", "1.100", "2.0"] {
        let error = ami_parameter(AmiFamily::Al2, version, Architecture::X86_64, None).unwrap_err();
        assert_eq!(error, AmiError::Al2NotPublished { kubernetes_version: version.into() });
    }
    for text in ["", "1", "1.", "v1.34", "1.34.2", "1.+4", "1.34-eks"] {
        let error = ami_parameter(AmiFamily::Al2, text, Architecture::X86_64, None).unwrap_err();
        assert_eq!(error, AmiError::NoVersion { text: text.into() });
    }
}

#[test]
fn images_compute_max_pods_since_their_release() {
    for (image, knows) in [
        ("amazon-eks-node-al2023-x86_64-standard-1.34-v20251007", true),
        ("amazon-eks-node-al2023-arm64-nvidia-1.31-v20260714", true),
        ("amazon-eks-node-al2023-x86_64-standard-1.34-v20251003", false),
        ("amazon-eks-node-1.32-v20251120", false),
        ("bottlerocket-aws-k8s-1.34-x86_64-v1.50.0-abcdef12", false),
        ("our-amazon-eks-node-al2023-x86_64-standard-1.34-v20251007", false),
        ("amazon-eks-node-al2023-x86_64-standard-1.34-v20251007-patched", false),
        ("amazon-eks-node-al2023-x86_64-standard-1.34-v999999999", false),
        ("", false),
    ] {
        assert_eq!(knows_expression(image), knows, "{image}");
    }
}
