//! Lease kube-system/eni-custom: allows one run at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::{Api, Client};

use crate::error::{Error, Result};
use crate::facts::LockHolder;
use crate::tags::NAMESPACE;

use super::{failure, found};

const NAME: &str = "eni-custom";
/// How long a run that died without releasing the lease blocks the next one.
const LEASE_SECONDS: i32 = 30;
const RENEW_EVERY: Duration = Duration::from_secs(8);

/// Renews the lease while it lives; `release` deletes the lease.
pub struct Lock {
    client: Client,
    holder: String,
    lost: Arc<AtomicBool>,
    renewal: tokio::task::JoinHandle<()>,
}

/// The live holder; `None` if the lease is free or expired, or its run on this machine is dead.
pub async fn holder(client: &Client) -> Result<Option<LockHolder>> {
    let lease = found(api(client).get(NAME).await, "read Lease kube-system/eni-custom")?;
    Ok(lease.as_ref().and_then(|lease| live_holder(lease, Timestamp::now())))
}

fn live_holder(lease: &Lease, now: Timestamp) -> Option<LockHolder> {
    let spec = lease.spec.as_ref()?;
    let identity = spec.holder_identity.clone().filter(|identity| !identity.is_empty())?;
    let renewed = spec.renew_time.as_ref()?.0;
    let age = now.duration_since(renewed).as_secs();
    let free_in = i64::from(spec.lease_duration_seconds.unwrap_or(LEASE_SECONDS)) - age;
    if free_in <= 0 || is_dead_here(&identity) {
        return None;
    }
    let since = spec.acquire_time.as_ref().map(|time| time.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    Some(LockHolder { identity, since, free_in })
}

/// A run on this machine whose process is gone can't renew: no need to wait for its lease to expire.
pub(super) fn is_dead_here(identity: &str) -> bool {
    let mut parts = identity.rsplitn(2, '/');
    let (Some(pid), Some(host)) = (parts.next(), parts.next()) else { return false };
    let Ok(pid) = pid.parse::<u32>() else { return false };
    host == host_identity() && !process_is_alive(pid)
}

#[cfg(unix)]
fn process_is_alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else { return false };
    // Signal 0 only checks; EPERM means that the process exists and belongs to somebody else.
    let is_there = !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH));
    is_there && !is_zombie(pid)
}

/// A zombie has ended but was not reaped; in a container whose first process never reaps, it stays one. /proc/PID/stat
/// has the state after the name in parentheses (proc(5)).
#[cfg(unix)]
fn is_zombie(pid: rustix::process::Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}

#[cfg(not(unix))]
fn process_is_alive(_: u32) -> bool {
    true
}

/// Host name and boot id: a process id is unique only within both.
fn host_identity() -> String {
    let host = hostname();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    format!("{host}/{}", boot.trim().get(..8).unwrap_or_default())
}

#[cfg(unix)]
fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn hostname() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// This process as `host/boot/process`, so that a later run on this machine can check whether it is alive.
pub fn own_identity() -> String {
    format!("{}/{}", host_identity(), std::process::id())
}

impl Lock {
    /// Acquires the lease, or returns an error that names the holder.
    pub async fn take(client: &Client) -> Result<Self> {
        let holder = own_identity();
        let api = api(client);
        let lost = |error: &kube::Error| failure("acquire Lease kube-system/eni-custom", error);
        let written = match found(api.get(NAME).await, "read Lease kube-system/eni-custom")? {
            None => api.create(&PostParams::default(), &lease(&holder, None, None)).await,
            Some(current) => {
                if let Some(live) = live_holder(&current, Timestamp::now()) {
                    return Err(held(&live));
                }
                // With the resourceVersion, one of two concurrent runs gets 409.
                let next = lease(&holder, current.metadata.resource_version, None);
                api.replace(NAME, &PostParams::default(), &next).await
            }
        };
        match written {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 409 => {
                let live = self::holder(client).await?;
                return Err(live.map_or_else(|| lost(&kube::Error::Api(status)), |live| held(&live)));
            }
            Err(error) => return Err(lost(&error)),
        }
        let lost = Arc::new(AtomicBool::new(false));
        let renewal = tokio::spawn(renew(client.clone(), holder.clone(), Arc::clone(&lost)));
        Ok(Lock { client: client.clone(), holder, lost, renewal })
    }

    /// Becomes true if the lease was not renewed in time, or another run has acquired it, e.g. while this machine slept.
    pub fn lost(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.lost)
    }

    /// Deletes the lease, if this run still holds it.
    pub async fn release(self) -> Result<()> {
        self.renewal.abort();
        let api = api(&self.client);
        let Some(current) = found(api.get(NAME).await, "read Lease kube-system/eni-custom")? else {
            return Ok(());
        };
        if current.spec.and_then(|spec| spec.holder_identity).as_deref() != Some(self.holder.as_str()) {
            return Ok(());
        }
        let ours =
            Preconditions { uid: current.metadata.uid, resource_version: current.metadata.resource_version };
        match api.delete(NAME, &DeleteParams::default().preconditions(ours)).await {
            Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Ok(()),
            Err(error) => Err(failure("release Lease kube-system/eni-custom", &error)),
            Ok(_) => Ok(()),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// The error when another run holds the lease.
pub fn held(live: &LockHolder) -> Error {
    Error::refused("another run of eni-custom is active on this cluster; nothing was changed")
        .at("Lease kube-system/eni-custom")
        .because(format!("held by {}", live.identity))
        .fix(format!("wait until it ends; if it is dead, its lease expires in {} s", live.free_in))
}

/// Renews the lease until it is lost. A failed renewal is retried well before the lease expires.
async fn renew(client: Client, holder: String, lost: Arc<AtomicBool>) {
    let api = api(&client);
    let mut renewed = Instant::now();
    while !lost.load(Ordering::Relaxed) {
        tokio::time::sleep(RENEW_EVERY).await;
        let current = match api.get(NAME).await {
            Ok(current) => Some(current),
            Err(kube::Error::Api(status)) if status.code == 404 => Some(Lease::default()),
            Err(_) => None,
        };
        let holds = |lease: &Lease| {
            lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_ref()) == Some(&holder)
        };
        match current {
            Some(lease) if !holds(&lease) => lost.store(true, Ordering::Relaxed),
            Some(current) => {
                let since = current.spec.and_then(|spec| spec.acquire_time);
                let next = lease(&holder, current.metadata.resource_version, since);
                if api.replace(NAME, &PostParams::default(), &next).await.is_ok() {
                    renewed = Instant::now();
                }
            }
            None => {}
        }
        let lasts = Duration::from_secs(u64::from(LEASE_SECONDS.unsigned_abs()));
        if renewed.elapsed() >= lasts {
            lost.store(true, Ordering::Relaxed);
        }
    }
}

/// A lease that is renewed now and held since `since`; without `since` it is acquired now.
fn lease(holder: &str, resource_version: Option<String>, since: Option<MicroTime>) -> Lease {
    let now = MicroTime(Timestamp::now());
    let mut lease = Lease::default();
    lease.metadata.name = Some(NAME.into());
    lease.metadata.namespace = Some(NAMESPACE.into());
    lease.metadata.resource_version = resource_version;
    lease.spec = Some(LeaseSpec {
        holder_identity: Some(holder.to_string()),
        lease_duration_seconds: Some(LEASE_SECONDS),
        acquire_time: Some(since.unwrap_or_else(|| now.clone())),
        renew_time: Some(now),
        ..LeaseSpec::default()
    });
    lease
}

fn api(client: &Client) -> Api<Lease> {
    Api::namespaced(client.clone(), NAMESPACE)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::process_is_alive;

    #[test]
    fn a_zombie_process_is_dead() {
        assert!(process_is_alive(std::process::id()));
        let mut child =
            std::process::Command::new("true").stdout(std::process::Stdio::piped()).spawn().unwrap();
        // Its stdout is closed when it exits.
        std::io::copy(&mut child.stdout.take().unwrap(), &mut std::io::sink()).unwrap();
        while process_is_alive(child.id()) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
    }
}
