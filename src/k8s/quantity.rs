//! Kubernetes resource quantities, and the total requests of a pod.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::facts::Requests;

use super::slim::{PodSpec, Resources};

/// A quantity in thousandths, rounded up; `None` if it can't be parsed. `100m`, `1.5`, `2Gi`, `3e3`.
///
/// Source: apimachinery, api/resource: a decimal number, then a binary suffix, a decimal one, or an exponent.
pub(super) fn thousandths(text: &str) -> Option<u128> {
    let suffixes: [(&str, f64); 15] = [
        ("Ki", 2f64.powi(10)),
        ("Mi", 2f64.powi(20)),
        ("Gi", 2f64.powi(30)),
        ("Ti", 2f64.powi(40)),
        ("Pi", 2f64.powi(50)),
        ("Ei", 2f64.powi(60)),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
    ];
    let text = text.trim();
    let (number, factor) = suffixes
        .iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)))
        .unwrap_or((text, 1.0));
    let value: f64 = number.parse().ok()?;
    let value = value * factor * 1000.0;
    // A billionth too much is floating-point error, so it is not rounded up.
    let whole = value.round();
    let whole = if (value - whole).abs() <= value * 1e-9 { whole } else { value.ceil() };
    (value.is_finite() && value >= 0.0).then_some(whole as u128)
}

/// CPU and memory of a resource list; what is not named counts as zero.
pub(super) fn amounts(resources: Option<&BTreeMap<String, Quantity>>) -> Requests {
    let amount = |name: &str| resources.and_then(|all| thousandths(&all.get(name)?.0)).unwrap_or_default();
    let whole = |value: u128| u64::try_from(value).unwrap_or(u64::MAX);
    Requests { cpu_milli: whole(amount("cpu")), memory: whole(amount("memory").div_ceil(1000)) }
}

/// All other resources, in whole units: ephemeral-storage, huge pages, and extended resources of device plugins
/// (`nvidia.com/gpu`).
pub(super) fn others(resources: Option<&BTreeMap<String, Quantity>>) -> BTreeMap<String, u64> {
    let all = resources.into_iter().flatten().filter(|(name, _)| is_other(name));
    let whole = |amount: &Quantity| u64::try_from(thousandths(&amount.0).unwrap_or_default().div_ceil(1000));
    all.map(|(name, amount)| (name.clone(), whole(amount).unwrap_or(u64::MAX))).collect()
}

fn is_other(name: &str) -> bool {
    !matches!(name, "cpu" | "memory" | "pods")
}

/// What the scheduler reserves for a pod: its containers with its sidecars, or the peak of its init containers if that
/// is larger, plus the pod overhead (Kubernetes documentation, "Sidecar containers: resource sharing").
pub(super) fn effective_requests(spec: &PodSpec) -> Requests {
    effective(spec, amounts, plus, at_least)
}

/// The same for all other resources; `None` if none is requested, as for most pods.
pub(super) fn effective_others(spec: &PodSpec) -> Option<BTreeMap<String, u64>> {
    let containers = spec.containers.iter().chain(&spec.init_containers).flatten();
    let requests = containers.filter_map(|container| container.resources.as_ref()?.requests.as_ref());
    let mut names = requests.chain(&spec.overhead).flat_map(BTreeMap::keys).filter(|name| is_other(name));
    names.next()?;
    let each = |one: BTreeMap<String, u64>, other: BTreeMap<String, u64>, of: fn(u64, u64) -> u64| {
        let mut all = one;
        for (name, amount) in other {
            let before = all.entry(name).or_default();
            *before = of(*before, amount);
        }
        all
    };
    let plus = |one, other| each(one, other, u64::saturating_add);
    let at_least = |one, other| each(one, other, u64::max);
    let mut asked = effective(spec, others, plus, at_least);
    asked.retain(|_, amount| *amount > 0);
    (!asked.is_empty()).then_some(asked)
}

fn effective<T: Default + Clone>(
    spec: &PodSpec,
    amounts: impl Fn(Option<&BTreeMap<String, Quantity>>) -> T,
    plus: impl Fn(T, T) -> T,
    at_least: impl Fn(T, T) -> T,
) -> T {
    let of = |resources: Option<&Resources>| amounts(resources.and_then(|all| all.requests.as_ref()));
    let mut running = T::default();
    let mut largest = T::default();
    for container in spec.init_containers.iter().flatten() {
        let requests = of(container.resources.as_ref());
        if container.restart_policy.as_deref() == Some("Always") {
            running = plus(running, requests);
            largest = at_least(largest, running.clone());
        } else {
            largest = at_least(largest, plus(running.clone(), requests));
        }
    }
    for container in spec.containers.iter().flatten() {
        running = plus(running, of(container.resources.as_ref()));
    }
    plus(at_least(largest, running), amounts(spec.overhead.as_ref()))
}

fn plus(one: Requests, other: Requests) -> Requests {
    Requests {
        cpu_milli: one.cpu_milli.saturating_add(other.cpu_milli),
        memory: one.memory.saturating_add(other.memory),
    }
}

fn at_least(one: Requests, other: Requests) -> Requests {
    Requests { cpu_milli: one.cpu_milli.max(other.cpu_milli), memory: one.memory.max(other.memory) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        for (text, expected) in [
            ("1", 1000),
            ("100m", 100),
            ("1.5", 1500),
            ("0.1", 100),
            ("2Gi", 2 * 1024 * 1024 * 1024 * 1000),
            ("128974848", 128_974_848_000),
            ("129e6", 129_000_000_000),
            ("129M", 129_000_000_000),
            ("123Mi", 123 * 1024 * 1024 * 1000),
            ("1u", 1),
        ] {
            assert_eq!(thousandths(text), Some(expected), "{text}");
        }
        for text in ["", "x", "1Xi", "-1", "Ki"] {
            assert_eq!(thousandths(text), None, "{text}");
        }
    }

    #[test]
    fn a_pod_requests_the_peak_of_its_containers() {
        let spec: PodSpec = serde_json::from_value(serde_json::json!({
            "initContainers": [
                {"name": "sidecar", "restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}},
                {"name": "unpack", "resources": {"requests": {"cpu": "1", "memory": "64Mi"}}},
            ],
            "containers": [
                {"name": "a", "resources": {"requests": {"cpu": "200m", "memory": "1Gi"}}},
                {"name": "b"},
            ],
            "overhead": {"cpu": "10m"},
        }))
        .unwrap();
        let requests = effective_requests(&spec);
        assert_eq!((requests.cpu_milli, requests.memory), (1110, 1024 * 1024 * 1024));
        assert_eq!(effective_others(&spec), None);
    }

    #[test]
    fn other_resources_are_summed_in_the_same_way() {
        let spec: PodSpec = serde_json::from_value(serde_json::json!({
            "initContainers": [{"name": "check", "resources": {"requests": {"nvidia.com/gpu": "2"}}}],
            "containers": [
                {"name": "a", "resources": {"requests": {"nvidia.com/gpu": "1", "hugepages-2Mi": "64Mi", "cpu": "1"}}},
                {"name": "b", "resources": {"requests": {"ephemeral-storage": "2Gi", "example.com/none": "0"}}},
            ],
        }))
        .unwrap();
        let expected = [("ephemeral-storage", 2 << 30), ("hugepages-2Mi", 64 << 20), ("nvidia.com/gpu", 2)];
        let expected = expected.map(|(name, amount)| (name.to_string(), amount));
        assert_eq!(effective_others(&spec), Some(expected.into()));
    }
}
