//! Connects to AWS and the cluster, and reads the facts.

use crate::aws::{Aws, ProfileChoice};
use crate::calls::Calls;
use crate::checks::not_active;
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

/// The clusters to choose from.
pub(crate) struct Clusters {
    pub region: String,
    /// Sorted.
    pub names: Vec<String>,
}

/// The clusters of the region; changes nothing. `Ok(None)`: no region is set.
pub(crate) async fn clusters(settings: &Settings) -> Result<Option<Clusters>> {
    if lacks_region(settings).await {
        return Ok(None);
    }
    let proxies = Proxies::read(|name| std::env::var(name).ok())?;
    let aws = clients(settings, &proxies, &Calls::default()).await?;
    // The first call, so missing credentials are reported here.
    aws.caller().await?;
    let mut names = aws.eks.cluster_names().await?;
    names.sort_unstable();
    Ok(Some(Clusters { region: aws.region, names }))
}

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
        return Err(no_target(&settings).await);
    };
    let proxies = Proxies::read(|name| std::env::var(name).ok())?;
    let aws = clients(&settings, &proxies, &calls).await?;
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
    // It has no API server yet, or no longer. Everything else is refused later by the checks.
    if let Some(issue) = not_active(&cluster).filter(|_| cluster.endpoint.is_empty()) {
        return Err(Error::refused_by(vec![issue]));
    }
    let kube = Kube::connect(&cluster, &settings.target.kubeconfig, &proxies, &aws.sts, &calls)?;
    kube.check(&cluster).await?;
    let clients = Clients { aws, kube };
    let session = read((clients, caller, cluster), goal, settings, events, interrupt, reading).await?;
    Ok((session, calls))
}

async fn clients(settings: &Settings, proxies: &Proxies, calls: &Calls) -> Result<Aws> {
    let region = settings.target.region.as_deref();
    Box::pin(Aws::connect(profile(settings), region, proxies, calls)).await
}

async fn lacks_region(settings: &Settings) -> bool {
    settings.target.region.is_none() && !Aws::has_region(profile(settings)).await
}

fn profile(settings: &Settings) -> ProfileChoice<'_> {
    ProfileChoice { name: settings.target.profile.as_deref(), is_flag: settings.profile_is_flag() }
}

/// What names the cluster and is not set, all at once.
pub(crate) async fn missing_target(settings: &Settings) -> Vec<&'static str> {
    let mut missing = Vec::new();
    if settings.target.cluster.is_none() {
        missing.push("--cluster");
    }
    if lacks_region(settings).await {
        missing.push("--region");
    }
    missing
}

async fn no_target(settings: &Settings) -> Error {
    match missing_target(settings).await.contains(&"--region") {
        true => Error::usage("no cluster and no AWS region are set")
            .at("--cluster, --region")
            .fix("add --cluster NAME --region REGION, or set ENI_CUSTOM_CLUSTER and AWS_REGION"),
        false => Error::usage("no cluster is set")
            .at("--cluster")
            .fix("add --cluster NAME, or set ENI_CUSTOM_CLUSTER"),
    }
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

/// Reads all facts of a connected cluster again, as the first time.
pub(crate) async fn read_again(session: &mut Session, reading: Reading) -> Result<()> {
    let Session { clients, goal, settings, facts, .. } = session;
    let (caller, cluster) = (facts.caller.clone(), facts.cluster.clone());
    // The old facts stay if the read fails.
    let read = Box::pin(discover(clients, *goal, settings, caller, cluster, reading)).await?;
    session.design = design(&session.settings, &read);
    session.facts = read;
    Ok(())
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
