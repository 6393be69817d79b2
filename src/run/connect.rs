//! Connects to AWS and the cluster, and reads the facts.

use crate::aws::{Aws, ProfileChoice};
use crate::calls::Calls;
use crate::clients::Clients;
use crate::design::design;
use crate::discover::{Reading, discover};
use crate::error::{Error, Result};
use crate::events::{Event, Events, Interrupt};
use crate::facts::{Caller, Cluster};
use crate::goal::Goal;
use crate::k8s::Kube;
use crate::net::proxy::Proxies;
use crate::session::Session;
use crate::settings::Settings;
use crate::text::{closest, did_you_mean, few};

/// Authenticates and reads all facts; changes nothing.
pub(crate) async fn connect(
    goal: Goal,
    settings: Settings,
    events: Events,
    interrupt: Interrupt,
    reading: Reading,
) -> Result<(Session, Calls)> {
    let calls = Calls::default();
    let Some(name) = settings.target.cluster.clone() else {
        return Err(Error::usage("no cluster is set").fix("add --cluster NAME, or set ENI_CUSTOM_CLUSTER"));
    };
    let proxies = Proxies::read(|name| std::env::var(name).ok())?;
    let choice =
        ProfileChoice { name: settings.target.profile.as_deref(), is_flag: settings.profile_is_flag() };
    let aws = Box::pin(Aws::connect(choice, settings.target.region.as_deref(), &proxies, &calls)).await?;
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
    // Auto Mode and IPv6 clusters are refused later by the checks.
    let kube = Kube::connect(&cluster, &settings.target.kubeconfig, &proxies, &aws.sts, &calls)?;
    kube.check(&cluster).await?;
    let clients = Clients { aws, kube };
    let session = read((clients, caller, cluster), goal, settings, events, interrupt, reading).await?;
    Ok((session, calls))
}

/// The clients, and what the first calls have returned.
pub(super) type Connected = (Clients, Caller, Cluster);

/// Reads all facts; changes nothing.
pub(super) async fn read(
    (clients, caller, cluster): Connected,
    goal: Goal,
    settings: Settings,
    events: Events,
    interrupt: Interrupt,
    reading: Reading,
) -> Result<Session> {
    let facts = Box::pin(discover(&clients, goal, &settings, caller, cluster, reading)).await?;
    let design = design(&settings, &facts);
    Ok(Session { clients, goal, settings, facts, design, events, interrupt, lock_lost: Default::default() })
}

async fn no_such_cluster(aws: &Aws, name: &str, error: Error) -> Error {
    let known = aws.eks.cluster_names().await.unwrap_or_default();
    let there = match (did_you_mean(&closest(name, known.iter().map(String::as_str))), known.is_empty()) {
        (Some(question), _) => question,
        (None, true) => "there are no clusters in this region; set another --region or --profile".into(),
        (None, false) => format!("clusters in this region: {}", few(&known)),
    };
    let refused =
        Error::refused(format!("there is no cluster '{name}' in {}; nothing was changed", aws.region));
    match error.reason() {
        Some(cause) => refused.cause(cause.clone()),
        None => refused,
    }
    .fix(there)
}
