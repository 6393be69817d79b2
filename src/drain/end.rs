//! Terminates a node's instance in a way that its owner does not replace it.

use crate::clients::Clients;
use crate::error::{Error, Result};
use crate::facts::{Owner, owner};
use crate::k8s::nodes as kube_nodes;
use crate::session::Session;

/// All that a task needs to terminate one node.
#[derive(Clone)]
pub(crate) struct Termination {
    instance: Option<String>,
    owner: Owner,
}

impl Termination {
    pub(crate) fn of(session: &Session, node: &str) -> Option<Self> {
        let found = session.facts.nodes.iter().find(|each| each.name == node)?;
        let owner = owner(&session.facts, found);
        Some(Termination { instance: found.instance_id.clone(), owner })
    }

    /// Terminates the node's instance. For a managed node group it calls the Auto Scaling group, as the cluster-autoscaler
    /// does: EKS itself can't be told which node to remove.
    pub(crate) async fn terminate(self, clients: Clients, terminate_unowned: bool) -> Result<()> {
        match (self.owner, self.instance) {
            (Owner::Group(_) | Owner::Managed(_), Some(id)) => {
                clients.aws.autoscaling.terminate_and_shrink(&id).await
            }
            (Owner::NodeClaim(name), _) => kube_nodes::delete_node_claim(&clients.kube.client, &name).await,
            // The checks refuse this without the flag.
            (Owner::Unowned, Some(id)) if terminate_unowned => clients.aws.ec2.terminate(&id).await,
            _ => Ok(()),
        }
    }
}

/// Whether a failed termination may succeed a moment later.
pub(crate) fn is_transient(error: &Error) -> bool {
    matches!(error.code(), "ScalingActivityInProgress" | "ResourceContention")
}
