//! Calls with DryRun: EC2 says whether the caller may make the call, and does nothing.

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use ipnet::Ipv4Net;

use crate::aws::failure;
use crate::error::Error;

use super::Ec2;

/// What EC2 said.
#[derive(Debug, Clone)]
pub(crate) enum DryRun {
    Allowed,
    Denied,
    /// Another error, so nothing is known about the permission.
    Other(Error),
}

impl Ec2 {
    pub(crate) async fn may_create_subnet(
        &self,
        vpc_id: &str,
        zone_id: &str,
        cidr: Ipv4Net,
        tags: &[(String, String)],
    ) -> DryRun {
        let request = self.subnet_request(vpc_id, zone_id, cidr, tags).dry_run(true);
        verdict("CreateSubnet", request.send().await)
    }

    pub(crate) async fn may_associate_route_table(&self, table: &str, subnet: &str) -> DryRun {
        let request =
            self.client.associate_route_table().route_table_id(table).subnet_id(subnet).dry_run(true);
        verdict("AssociateRouteTable", request.send().await)
    }

    pub(crate) async fn may_terminate(&self, instance: &str) -> DryRun {
        let request = self.client.terminate_instances().instance_ids(instance).dry_run(true);
        verdict("TerminateInstances", request.send().await)
    }
}

/// A dry run never succeeds: it is refused with one code or the other (EC2 API reference, common parameters).
fn verdict<T, E>(operation: &str, reply: Result<T, SdkError<E, HttpResponse>>) -> DryRun
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match reply {
        Ok(_) => DryRun::Allowed,
        Err(error) => match error.code() {
            Some("DryRunOperation") => DryRun::Allowed,
            Some("UnauthorizedOperation") => DryRun::Denied,
            _ => DryRun::Other(failure(operation, &error)),
        },
    }
}
