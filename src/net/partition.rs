//! AWS's partitions: their names in ARNs, their domains, and EC2's service principal. One table for all who need it.
//!
//! Sources: botocore's partitions.json (regions, domains); eksctl's partitions.go (service principals). EC2's
//! principal is not always the partition's domain: aws-iso-e, aws-iso-f and aws-eusc know `ec2.amazonaws.com` alone,
//! and IAM refuses a policy that names another one there ("Invalid principal in policy").

/// An AWS partition: regions with separate accounts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// As in `arn:aws-cn:…`.
    pub name: &'static str,
    /// What its regions' names begin with; empty: all others.
    prefix: &'static str,
    /// Domain of its APIs.
    pub dns_suffix: &'static str,
    /// EC2's service principal, which assumes the role of an instance.
    pub ec2_principal: &'static str,
}

const fn partition(
    name: &'static str,
    prefix: &'static str,
    dns_suffix: &'static str,
    ec2_principal: &'static str,
) -> Partition {
    Partition { name, prefix, dns_suffix, ec2_principal }
}

/// All of them; `aws` last.
pub(crate) const ALL: [Partition; 8] = [
    partition("aws-cn", "cn-", "amazonaws.com.cn", "ec2.amazonaws.com.cn"),
    partition("aws-us-gov", "us-gov-", "amazonaws.com", "ec2.amazonaws.com"),
    partition("aws-iso", "us-iso-", "c2s.ic.gov", "ec2.c2s.ic.gov"),
    partition("aws-iso-b", "us-isob-", "sc2s.sgov.gov", "ec2.sc2s.sgov.gov"),
    partition("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "ec2.amazonaws.com"),
    partition("aws-iso-f", "us-isof-", "csp.hci.ic.gov", "ec2.amazonaws.com"),
    partition("aws-eusc", "eusc-", "amazonaws.eu", "ec2.amazonaws.com"),
    partition("aws", "", "amazonaws.com", "ec2.amazonaws.com"),
];

/// The partition that a region is in.
pub(crate) fn of_region(region: &str) -> &'static Partition {
    ALL.iter().find(|partition| region.starts_with(partition.prefix)).unwrap_or(&ALL[ALL.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_s_name_tells_its_partition() {
        for (region, name, suffix, principal) in [
            ("us-west-2", "aws", "amazonaws.com", "ec2.amazonaws.com"),
            ("cn-north-1", "aws-cn", "amazonaws.com.cn", "ec2.amazonaws.com.cn"),
            ("us-gov-west-1", "aws-us-gov", "amazonaws.com", "ec2.amazonaws.com"),
            ("us-iso-east-1", "aws-iso", "c2s.ic.gov", "ec2.c2s.ic.gov"),
            ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov", "ec2.sc2s.sgov.gov"),
            ("eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk", "ec2.amazonaws.com"),
            ("us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov", "ec2.amazonaws.com"),
            ("eusc-de-east-1", "aws-eusc", "amazonaws.eu", "ec2.amazonaws.com"),
            ("mars-north-1", "aws", "amazonaws.com", "ec2.amazonaws.com"),
        ] {
            let partition = of_region(region);
            assert_eq!(
                (partition.name, partition.dns_suffix, partition.ec2_principal),
                (name, suffix, principal)
            );
        }
    }
}
