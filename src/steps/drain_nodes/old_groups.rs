//! Deletes the old managed node groups that the drain has emptied (`--delete-old-groups`).

use crate::drain::suspend::read_groups;
use crate::error::{Error, Result};
use crate::facts::EksStatus;
use crate::fixes;
use crate::session::{Seen, Session};
use crate::text::counted;

/// What EKS says of a node group that does not exist.
const GONE: &str = "ResourceNotFoundException";

/// Starts the deletion. EKS would drain and terminate the nodes of the group by itself, so it must have none.
pub(super) async fn delete(session: &Session, name: &str) -> Result<()> {
    let Some(managed) = session.facts.node_groups.managed.iter().find(|one| one.name == name) else {
        return Ok(());
    };
    let groups = read_groups(session).await?;
    let own = managed.groups.iter().filter_map(|name| groups.get(name));
    let (eks, cluster) = (&session.clients.aws.eks, &session.facts.cluster.name);
    // An interrupted run may have started it.
    match eks.managed_node_group(cluster, name).await {
        Ok(group) if group.status == EksStatus::Deleting => return Ok(()),
        Err(error) if error.code() == GONE => return Ok(()),
        read => drop(read?),
    }
    let instances = own.flat_map(|group| &group.instances).filter(|one| one.is_active()).count();
    if instances > 0 {
        return Err(Error::failed(format!(
            "the old managed node group has started {}; it is not deleted",
            counted(instances, "instance")
        ))
        .at(name)
        .because("somebody, or an autoscaler, has scaled it up since it was drained")
        .fix(format!("{} --delete-old-groups", fixes::command(&session.facts, "drain-nodes"))));
    }
    eks.delete_managed(cluster, name).await
}

/// Waits until the node groups that are being deleted are gone.
pub(super) async fn gone(session: &Session) -> Result<()> {
    let (eks, cluster) = (&session.clients.aws.eks, &session.facts.cluster.name);
    for name in &session.design.deleted {
        let what = format!("managed node group {name} to be deleted");
        session
            .until(&what, async || match eks.managed_node_group(cluster, name).await {
                Err(error) if error.code() == GONE => Ok(Seen::Yes(())),
                Err(error) => Err(error),
                Ok(group) if group.status == EksStatus::DeleteFailed => {
                    Err(Error::failed("EKS could not delete the managed node group")
                        .at(name)
                        .because(group.issues.join("; "))
                        .fix("remove the cause, then run the same command again"))
                }
                Ok(group) => Ok(Seen::NotYet(group.status.to_string())),
            })
            .await?;
    }
    Ok(())
}
