//! From settings to a cluster that was read.

use crate::aws::{Aws, ProfileChoice};
use crate::calls::Calls;
use crate::clients::Clients;
use crate::design::design;
use crate::discover::{Reading, discover};
use crate::error::{Error, Result};
use crate::events::{Event, Events, Interrupt};
use crate::k8s::Kube;
use crate::net::proxy::Proxies;
use crate::session::Session;
use crate::settings::Settings;

/// Logs in and reads everything; changes nothing.
pub async fn connect(
    settings: Settings,
    events: Events,
    interrupt: Interrupt,
    reading: Reading,
) -> Result<(Session, Calls)> {
    let calls = Calls::default();
    let Some(name) = settings.cluster.clone() else {
        return Err(Error::usage("no cluster is named").fix("give --cluster NAME, or set ENI_CUSTOM_CLUSTER"));
    };
    let proxies = Proxies::read(|name| std::env::var(name).ok())?;
    let choice = ProfileChoice { name: settings.profile.as_deref(), is_flag: settings.profile_is_flag() };
    let aws = Box::pin(Aws::connect(choice, settings.region.as_deref(), &proxies, &calls)).await?;
    let caller = aws.caller().await?;
    let cluster = match aws.eks.cluster(&name).await {
        Ok(cluster) => cluster,
        Err(error) if error.code() == "ResourceNotFoundException" => {
            return Err(no_such_cluster(&aws, &name, error).await);
        }
        Err(error) => return Err(error),
    };
    events.emit(Event::Target {
        cluster: name,
        arn: cluster.arn.clone(),
        account: caller.account.clone(),
        region: aws.region.clone(),
        endpoint: cluster.endpoint.clone(),
        caller: caller.arn.clone(),
    });
    // An Auto Mode or IPv6 cluster is refused by the checks, and they need no more than this to be read.
    let kube = Kube::connect(&cluster, &settings.kubeconfig, &proxies, &aws.sts, &calls)?;
    kube.check(&cluster).await?;
    let clients = Clients { aws, kube };
    let facts = Box::pin(discover(&clients, &settings, caller, cluster, reading)).await?;
    let design = design(&settings, &facts);
    let session =
        Session { clients, settings, facts, design, events, interrupt, lock_lost: Default::default() };
    Ok((session, calls))
}

async fn no_such_cluster(aws: &Aws, name: &str, error: Error) -> Error {
    let known = aws.eks.cluster_names().await.unwrap_or_default();
    let there = match known.is_empty() {
        true => "there is none; another --region or --profile?".to_string(),
        false => format!("its clusters: {}", known.join(", ")),
    };
    let refused =
        Error::refused(format!("there is no cluster '{name}' in {}; nothing was changed", aws.region));
    match error.reason() {
        Some(cause) => refused.cause(cause.clone()),
        None => refused,
    }
    .fix(there)
}
