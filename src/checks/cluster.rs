//! Clusters that custom networking is not for.

use crate::issue::Issue;

use super::Scene;

pub fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let cluster = &scene.facts.cluster;
    if cluster.auto_mode {
        findings.push(
            Issue::error("EC-CLU-001", "the cluster runs EKS Auto Mode, which has no aws-node to configure")
                .at(&cluster.arn)
                .why("Auto Mode's own networking takes pod subnets from its NodeClass")
                .fix("set podSubnetSelectorTerms and podSecurityGroupSelectorTerms in the NodeClass"),
        );
    }
    if cluster.ipv6 {
        findings.push(
            Issue::error("EC-CLU-002", "the cluster's pods have IPv6 addresses")
                .at(&cluster.arn)
                .why("custom networking is for IPv4 clusters alone; IPv6 pods don't use up the subnets' addresses")
                .fix("nothing: this cluster doesn't need it"),
        );
    }
    if cluster.status != "ACTIVE" {
        findings.push(
            Issue::error("EC-CLU-003", format!("the cluster is {}", cluster.status))
                .at(&cluster.arn)
                .why("EKS takes changes only while a cluster is ACTIVE")
                .fix(format!("aws eks wait cluster-active --name {}", cluster.name)),
        );
    }
    if scene.facts.cni.missing && !cluster.auto_mode {
        findings.push(
            Issue::error("EC-CLU-004", "the cluster has no aws-node")
                .at("DaemonSet kube-system/aws-node")
                .why("custom networking is a mode of the Amazon VPC CNI")
                .fix(format!("aws eks create-addon --cluster-name {} --addon-name vpc-cni", cluster.name)),
        );
    }
}
