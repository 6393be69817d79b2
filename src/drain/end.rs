//! How a node's instance is ended, so that its owner does not start another.

use crate::clients::Clients;
use crate::error::{Error, Result};
use crate::facts::{Owner, owner};
use crate::k8s::nodes as kube_nodes;
use crate::session::Session;

/// What it takes to end one node, for a task of its own.
#[derive(Clone)]
pub struct End {
    pub node: String,
    instance: Option<String>,
    owner: Owner,
}

impl End {
    pub fn of(session: &Session, node: &str) -> Option<Self> {
        let found = session.facts.nodes.iter().find(|each| each.name == node)?;
        let owner = owner(&session.facts, found);
        Some(End { node: node.to_string(), instance: found.instance_id.clone(), owner })
    }

    /// Ends the node's instance. A managed node group's goes as the cluster-autoscaler ends it too: through the
    /// Auto Scaling group, so that it is this node and not another of the group.
    pub async fn now(self, clients: Clients, terminate_unowned: bool) -> Result<()> {
        match (self.owner, self.instance) {
            (Owner::Group(_) | Owner::Managed(_), Some(id)) => {
                clients.aws.autoscaling.terminate_and_shrink(&id).await
            }
            (Owner::NodeClaim(name), _) => kube_nodes::delete_node_claim(&clients.kube.client, &name).await,
            // Asked for with a flag, or refused by the checks.
            (Owner::Nobody, Some(id)) if terminate_unowned => clients.aws.ec2.terminate(&id).await,
            _ => Ok(()),
        }
    }
}

/// Whether an end that failed may succeed a moment later.
pub fn is_passing(error: &Error) -> bool {
    matches!(error.code(), "ScalingActivityInProgress" | "ResourceContention")
}
