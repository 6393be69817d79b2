//! Quotas of running On-Demand instances: EC2 counts vCPUs, by groups of instance families.
//!
//! Source: EC2 user guide, "Amazon EC2 instance type quotas"; the codes are Service Quotas'.

/// One quota.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct VcpuFamily {
    /// `L-1216C47A`
    pub code: &'static str,
    /// The name of EC2's quota.
    pub name: &'static str,
    /// Prefixes of instance types, before the generation's digit.
    families: &'static [&'static str],
}

const FAMILIES: [VcpuFamily; 10] = [
    VcpuFamily { code: "L-74FC7D96", name: "F", families: &["f"] },
    VcpuFamily { code: "L-DB2E81BA", name: "G and VT", families: &["g", "gr", "vt"] },
    VcpuFamily { code: "L-417A185B", name: "P", families: &["p"] },
    VcpuFamily { code: "L-1945791B", name: "Inf", families: &["inf"] },
    VcpuFamily { code: "L-2C3B7624", name: "Trn", families: &["trn"] },
    VcpuFamily { code: "L-7295265B", name: "X", families: &["x"] },
    VcpuFamily { code: "L-6E869C2A", name: "DL", families: &["dl"] },
    VcpuFamily { code: "L-F7808C92", name: "HPC", families: &["hpc"] },
    VcpuFamily { code: "L-43DA4232", name: "High Memory", families: &["u"] },
    VcpuFamily {
        code: "L-1216C47A",
        name: "Standard (A, C, D, H, I, M, R, T, Z)",
        families: &["a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"],
    },
];

/// The quota that an instance type counts towards; `None` for types that are counted otherwise (mac).
pub(crate) fn vcpu_family(instance_type: &str) -> Option<&'static VcpuFamily> {
    // `u-6tb1.112xlarge`, `u7i-12tb.224xlarge`: the letters before the first digit or dash.
    let end = instance_type.find(|c: char| !c.is_ascii_alphabetic())?;
    FAMILIES.iter().find(|family| family.families.contains(&&instance_type[..end]))
}

#[cfg(test)]
mod tests {
    use super::vcpu_family;

    #[test]
    fn families_have_their_quotas() {
        let cases = [
            ("m5.large", Some("L-1216C47A")),
            ("t4g.micro", Some("L-1216C47A")),
            ("im4gn.large", Some("L-1216C47A")),
            ("g5.xlarge", Some("L-DB2E81BA")),
            ("p5.48xlarge", Some("L-417A185B")),
            ("trn1.32xlarge", Some("L-2C3B7624")),
            ("x2idn.16xlarge", Some("L-7295265B")),
            ("u-6tb1.112xlarge", Some("L-43DA4232")),
            ("hpc7g.4xlarge", Some("L-F7808C92")),
            ("mac2.metal", None),
            ("", None),
        ];
        for (name, code) in cases {
            assert_eq!(vcpu_family(name).map(|family| family.code), code, "{name}");
        }
    }
}
