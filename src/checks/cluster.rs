//! Clusters that can't use custom networking.

use crate::facts::{Cluster, EksStatus};
use crate::issue::{Id, Issue, id};

use crate::scene::Scene;

/// The ids of these checks: with one of them nothing else about the cluster matters.
pub(crate) const UNSUPPORTED: [Id; 4] =
    [id::CLU_001.id(), id::CLU_002.id(), id::CLU_003.id(), id::CLU_004.id()];

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let cluster = &scene.facts.cluster;
    if cluster.auto_mode {
        findings.push(
            Issue::error(id::CLU_001, "the cluster uses EKS Auto Mode, which has no aws-node to configure")
                .at(&cluster.arn)
                .why("EKS Auto Mode takes pod subnets from its NodeClass")
                .fix("set podSubnetSelectorTerms and podSecurityGroupSelectorTerms in the NodeClass"),
        );
    }
    if cluster.ipv6 {
        findings.push(
            Issue::error(id::CLU_002, "the cluster's pods have IPv6 addresses")
                .at(&cluster.arn)
                .why("custom networking works only on IPv4 clusters; IPv6 pods don't use up the subnets' IPv4 addresses")
                .fix("nothing to do: this cluster doesn't need custom networking"),
        );
    }
    findings.extend(not_active(cluster));
    if scene.facts.cni.missing && !cluster.auto_mode {
        findings.push(
            Issue::error(id::CLU_004, "the cluster has no aws-node")
                .at("DaemonSet kube-system/aws-node")
                .why("custom networking is a feature of the Amazon VPC CNI, which runs as aws-node")
                .fix(format!("aws eks create-addon --cluster-name {} --addon-name vpc-cni", cluster.name)),
        );
    }
}

/// An issue if EKS accepts no change of the cluster now.
pub(crate) fn not_active(cluster: &Cluster) -> Option<Issue> {
    (cluster.status != EksStatus::Active).then(|| {
        Issue::error(id::CLU_003, format!("the cluster is {}", cluster.status))
            .at(&cluster.arn)
            .why("EKS accepts changes only while a cluster is ACTIVE")
            .fix(format!("aws eks wait cluster-active --name {}", cluster.name))
    })
}
