//! What Karpenter's NodePools can choose: instance types by requirements, and subnets by selector terms. Pure.
//!
//! Keys and operators are those of Karpenter's documentation ("NodePools", "NodeClasses"). An unknown key excludes no
//! type: the smallest type decides, so too many types are safer than too few.

use std::collections::BTreeMap;

use crate::facts::{ClassPods, NodeClass, NodePool, Requirement, SubnetTerm};

use crate::net::max_pods::{Architecture, InstanceType, Options, all, evaluate, max_pods};

/// Known instance types that a pool can choose.
pub fn types(pool: &NodePool) -> Vec<&'static InstanceType> {
    let fits = |kind: &&InstanceType| {
        // Karpenter does not launch a type that has no EKS image.
        !kind.architectures.is_empty() && pool.requirements.iter().all(|one| meets(kind, one))
    };
    all().iter().filter(fits).collect()
}

/// The number of pods that a type has addresses for; `None` if no network interface is left for pods.
pub fn limit(kind: &InstanceType, options: &Options) -> u32 {
    max_pods(kind, &Options { cap: false, ..*options }).map_or(0, |pods| pods.get())
}

/// The pods that a class gives a node of this type; `None`: Karpenter computes them.
///
/// # Errors
/// Why its expression gives no number.
pub fn given(class: &NodeClass, kind: &InstanceType) -> Option<Result<u32, String>> {
    Some(match class.max_pods.as_ref()? {
        ClassPods::Number(pods) => Ok(*pods),
        // Karpenter's own number counts all interfaces.
        ClassPods::Expression(text) => evaluate(text, kind, limit(kind, &Options::default())),
    })
}

/// Types whose maxPods in this class exceeds their addresses, each with its limit, smallest first.
pub fn overfull<'a>(
    class: &NodeClass,
    pools: impl Iterator<Item = &'a NodePool>,
    options: &Options,
) -> Vec<(&'static str, u32)> {
    let exceeds = |kind: &InstanceType, limit: u32| {
        given(class, kind).and_then(Result::ok).is_some_and(|pods| limit < pods)
    };
    let mut found: Vec<(&str, u32)> = pools
        .flat_map(types)
        .map(|kind| (kind, limit(kind, options)))
        .filter(|(kind, limit)| exceeds(kind, *limit))
        .map(|(kind, limit)| (kind.name.as_str(), limit))
        .collect();
    found.sort_by_key(|(name, limit)| (*limit, *name));
    found.dedup();
    found
}

fn meets(kind: &InstanceType, requirement: &Requirement) -> bool {
    let (family, size) = kind.name.split_once('.').unwrap_or((&kind.name, ""));
    // "m5dn": category m, generation 5.
    let letters = family.find(|c: char| c.is_ascii_digit()).unwrap_or(family.len());
    let (category, rest) = family.split_at(letters);
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let values: Vec<String> = match requirement.key.as_str() {
        "node.kubernetes.io/instance-type" => vec![kind.name.clone()],
        "karpenter.k8s.aws/instance-family" => vec![family.into()],
        "karpenter.k8s.aws/instance-size" => vec![size.into()],
        // "u-6tb1": the category is before the dash.
        "karpenter.k8s.aws/instance-category" => vec![category.trim_end_matches('-').into()],
        "karpenter.k8s.aws/instance-generation" => vec![rest[..digits].into()],
        "karpenter.k8s.aws/instance-cpu" => match kind.vcpus {
            Some(vcpus) => vec![vcpus.to_string()],
            None => return true,
        },
        "kubernetes.io/arch" => {
            let name = |architecture: &Architecture| match architecture {
                Architecture::X86_64 => "amd64".to_string(),
                Architecture::Arm64 => "arm64".to_string(),
            };
            kind.architectures.iter().map(name).collect()
        }
        _ => return true,
    };
    let any = |holds: &dyn Fn(&String) -> bool| values.iter().any(holds);
    let number = |text: &String| text.parse::<i64>().ok();
    let bound = requirement.values.first().and_then(number);
    let compares = |holds: fn(i64, i64) -> bool| {
        any(&|value| number(value).zip(bound).is_some_and(|(value, bound)| holds(value, bound)))
    };
    match requirement.operator.as_str() {
        "In" => any(&|value| requirement.values.contains(value)),
        "NotIn" => !any(&|value| requirement.values.contains(value)),
        "DoesNotExist" => false,
        "Gt" => compares(|value, bound| value > bound),
        "Lt" => compares(|value, bound| value < bound),
        "Gte" => compares(|value, bound| value >= bound),
        "Lte" => compares(|value, bound| value <= bound),
        _ => true,
    }
}

/// Whether a term selects a subnet; one that does not exist yet has no id. Values are EC2 filters with the wildcards `*`
/// and `?`.
pub fn selects(term: &SubnetTerm, id: Option<&str>, tags: &BTreeMap<String, String>) -> bool {
    if let Some(wanted) = &term.id {
        return Some(wanted.as_str()) == id;
    }
    let has = |(key, value): (&String, &String)| tags.get(key).is_some_and(|own| like(value, own));
    !term.tags.is_empty() && term.tags.iter().all(has)
}

fn like(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| like(rest, &text[at..]))
        }
        Some(first) => {
            let mut own = text.chars();
            own.next().is_some_and(|c| first == '?' || c == first)
                && like(&pattern[first.len_utf8()..], own.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(requirements: &[(&str, &str, &[&str])]) -> NodePool {
        let one = |(key, operator, values): &(&str, &str, &[&str])| Requirement {
            key: key.to_string(),
            operator: operator.to_string(),
            values: values.iter().map(ToString::to_string).collect(),
        };
        NodePool {
            name: "default".into(),
            class: "default".into(),
            requirements: requirements.iter().map(one).collect(),
            ..NodePool::default()
        }
    }

    fn chosen(requirements: &[(&str, &str, &[&str])]) -> Vec<&'static str> {
        types(&pool(requirements)).iter().map(|kind| kind.name.as_str()).collect()
    }

    #[test]
    fn a_node_pool_chooses_types_by_its_requirements() {
        let family = "karpenter.k8s.aws/instance-family";
        let large = ("karpenter.k8s.aws/instance-size", "In", &["large", "xlarge"][..]);
        assert_eq!(chosen(&[(family, "In", &["m5"]), large]), ["m5.large", "m5.xlarge"]);
        let category = ("karpenter.k8s.aws/instance-category", "In", &["m"][..]);
        let generation = |operator, bound| ("karpenter.k8s.aws/instance-generation", operator, bound);
        let of = chosen(&[category, generation("Gt", &["6"][..])]);
        assert!(of.contains(&"m7g.large") && !of.contains(&"m6i.large") && !of.contains(&"c7g.large"));
        let arm = ("kubernetes.io/arch", "In", &["arm64"][..]);
        assert!(chosen(&[arm, category]).iter().all(|name| name.contains('g')));
        assert_eq!(chosen(&[("node.kubernetes.io/instance-type", "In", &["t3.micro"])]), ["t3.micro"]);
        assert!(!chosen(&[(family, "NotIn", &["m5"])]).contains(&"m5.large"));
        assert!(
            chosen(&[("topology.kubernetes.io/zone", "In", &["a"])]).len() > 1000,
            "it does not restrict types"
        );
        let few = chosen(&[category, ("karpenter.k8s.aws/instance-cpu", "Lt", &["3"])]);
        assert!(few.contains(&"m5.large") && !few.contains(&"m5.xlarge"));
    }

    #[test]
    fn max_pods_of_a_class_is_compared_with_every_type() {
        let class = |pods| NodeClass { max_pods: Some(ClassPods::Number(pods)), ..NodeClass::default() };
        let custom = Options { custom: true, ..Options::default() };
        let pools = [pool(&[("karpenter.k8s.aws/instance-family", "In", &["m5"])])];
        assert_eq!(overfull(&class(20), pools.iter(), &custom), []);
        assert_eq!(overfull(&class(44), pools.iter(), &custom), [("m5.large", 20)]);
        assert_eq!(overfull(&class(110), pools.iter(), &Options { prefix: true, ..custom }), []);
        assert_eq!(overfull(&NodeClass::default(), pools.iter(), &custom), [], "Karpenter computes it");
    }

    #[test]
    fn terms_select_by_id_or_by_all_their_tags() {
        let tags: BTreeMap<String, String> =
            [("Name".to_string(), "shop-pods-a".to_string()), ("team".to_string(), "web".to_string())].into();
        let by = |wanted: &[(&str, &str)]| {
            let tags_wanted =
                wanted.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
            selects(&SubnetTerm { id: None, tags: tags_wanted }, Some("subnet-1"), &tags)
        };
        assert!(by(&[("Name", "*")]) && by(&[("Name", "shop-*-?"), ("team", "web")]));
        assert!(!by(&[("Name", "*"), ("karpenter.sh/discovery", "shop")]));
        assert!(!by(&[("Name", "shop")]) && !by(&[]));
        let id = SubnetTerm { id: Some("subnet-1".into()), tags: BTreeMap::new() };
        assert!(selects(&id, Some("subnet-1"), &tags) && !selects(&id, None, &tags));
    }
}
