//! Instance types with accelerators, whose nodes need drivers that the standard images don't have.
//!
//! Source: EKS user guide, "Use EKS-optimized accelerated AMIs for GPU instances"; EC2, "Accelerated computing
//! instances".

/// The accelerator of an instance type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accelerator {
    /// NVIDIA GPUs: G and P, but for G4ad.
    Nvidia,
    /// AWS Inferentia and Trainium.
    Neuron,
    /// EKS publishes no image with its drivers: AMD GPUs, Gaudi, Qualcomm, FPGAs and media accelerators.
    Other,
}

/// The accelerator of an instance type, by its name.
pub(crate) fn accelerator(instance_type: &str) -> Option<Accelerator> {
    let family = &instance_type[..instance_type.find(|c: char| !c.is_ascii_alphabetic())?];
    match family {
        "g" if instance_type.starts_with("g4ad.") => Some(Accelerator::Other),
        "g" | "gr" | "p" => Some(Accelerator::Nvidia),
        "inf" | "trn" => Some(Accelerator::Neuron),
        "dl" | "f" | "vt" => Some(Accelerator::Other),
        _ => None,
    }
}

impl Accelerator {
    /// The prefixes of the resource names that its device plugin offers; empty if unknown.
    pub(crate) fn resources(self) -> &'static str {
        match self {
            Accelerator::Nvidia => "nvidia.com/",
            Accelerator::Neuron => "aws.amazon.com/neuron",
            Accelerator::Other => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_the_accelerator_of_their_family() {
        for (name, expected) in [
            ("g4dn.xlarge", Some(Accelerator::Nvidia)),
            ("g5g.xlarge", Some(Accelerator::Nvidia)),
            ("gr6.4xlarge", Some(Accelerator::Nvidia)),
            ("p5.48xlarge", Some(Accelerator::Nvidia)),
            ("p6-b200.48xlarge", Some(Accelerator::Nvidia)),
            ("g4ad.xlarge", Some(Accelerator::Other)),
            ("inf2.xlarge", Some(Accelerator::Neuron)),
            ("trn1.32xlarge", Some(Accelerator::Neuron)),
            ("dl1.24xlarge", Some(Accelerator::Other)),
            ("vt1.3xlarge", Some(Accelerator::Other)),
            ("f2.6xlarge", Some(Accelerator::Other)),
            ("m5.large", None),
            ("mac2.metal", None),
            ("hpc7g.4xlarge", None),
            ("u-6tb1.112xlarge", None),
            ("", None),
        ] {
            assert_eq!(accelerator(name), expected, "{name}");
        }
    }
}
