//! The VPC, and what filters its traffic.

use crate::aws::Aws;
use crate::clients::Clients;
use crate::error::{Error, Result};
use crate::facts::{Backends, Cluster, Part, Quotas, Vpc};
use crate::k8s::backends;
use crate::net::cidr::DEFAULT_BLOCK_QUOTA;
use crate::net::firewall::Firewall;

use super::gaps::Gaps;

pub(super) async fn vpc(aws: &Aws, cluster: &Cluster) -> Result<Vpc> {
    let id = &cluster.vpc_id;
    let quotas = async {
        // A missing permission here does not stop the run: AWS itself checks the quotas.
        Ok(aws.quotas.of_vpc().await.map_err(|error| error.in_short()))
    };
    let (blocks, subnets, route_tables, peerings, quotas) = tokio::try_join!(
        aws.ec2.vpc(id),
        aws.ec2.subnets(id),
        aws.ec2.route_tables(id),
        aws.ec2.peerings(id),
        quotas,
    )?;
    let quotas = Quotas::of(quotas);
    Ok(Vpc {
        id: id.clone(),
        owner: blocks.owner,
        primary: blocks.primary,
        blocks: blocks.blocks,
        subnets,
        route_tables,
        peerings,
        block_quota: quotas.blocks.map_or(DEFAULT_BLOCK_QUOTA, |blocks| blocks as usize),
        quotas,
    })
}

/// The caller may lack the permission for each of these calls. No change needs them, so the result is then unknown.
pub(super) async fn reach(clients: &Clients, cluster: &Cluster, gaps: &Gaps) -> Result<(Firewall, Backends)> {
    let ec2 = &clients.aws.ec2;
    let (groups, acls, backends) = tokio::join!(
        ec2.security_groups(&cluster.vpc_id),
        ec2.network_acls(&cluster.vpc_id),
        backends::read(&clients.kube.client),
    );
    let mut firewall = Firewall::default();
    match groups {
        Ok(groups) => firewall.groups = groups,
        Err(error) => {
            gaps.note(Part::SecurityGroups, &error);
            firewall.groups_unknown = Some(error.in_short());
        }
    }
    match acls {
        Ok(acls) => firewall.acls = acls,
        Err(error) => firewall.acls_unknown = Some(error.in_short()),
    }
    let unknown = |error: Error| Backends { unknown: Some(error.in_short()), ..Backends::default() };
    Ok((firewall, backends.unwrap_or_else(unknown)))
}
