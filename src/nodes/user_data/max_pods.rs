//! The number of pods of a group's nodes: one number, or an expression that each node computes.

use crate::net::max_pods::{InstanceType, MaxPods, MaxPodsError, Options, max_pods};

/// kubelet's maxPods on the nodes of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MaxPodsRule {
    /// The same on every node.
    Fixed(MaxPods),
    /// By instance type, computed by nodeadm on the node.
    Computed {
        /// CEL for NodeConfig's `maxPodsExpression`.
        expression: String,
        /// For a family or a reader that needs one number: the lowest of the group's instance types.
        lowest: MaxPods,
    },
}

/// Instance types for which nodeadm counts more interfaces than EC2 allows on the default network card, and how many
/// (nodeadm/internal/kubelet/instance-info.jsonl as of AMI release v20260714).
const COUNTED_MORE: [(&str, u32); 4] =
    [("i7ie.48xlarge", 15), ("i7ie.metal-48xl", 15), ("i8ge.48xlarge", 24), ("i8ge.metal-48xl", 24)];

impl MaxPodsRule {
    /// The rule for nodes of these instance types; `None` without a type.
    ///
    /// `knows_expression`: whether the image's nodeadm computes ([`knows_expression`](super::knows_expression)). Where
    /// it does not, or where the expression would give a type another number than [`max_pods`], the lowest number is for
    /// all. The expression never gives more than the highest number of these types: not for a type that was added later,
    /// and not with the recommended cap, which differs by vCPUs, which nodeadm has no variable for.
    ///
    /// # Errors
    /// One of the types can't be used with these options.
    pub(crate) fn new(
        types: &[InstanceType],
        options: &Options,
        knows_expression: bool,
    ) -> Result<Option<MaxPodsRule>, MaxPodsError> {
        let numbers: Vec<MaxPods> =
            types.iter().map(|one| max_pods(one, options)).collect::<Result<_, _>>()?;
        let (Some(lowest), Some(highest)) = (numbers.iter().min(), numbers.iter().max()) else {
            return Ok(None);
        };
        let formula = Formula { options, highest: highest.get() };
        let is_right = || types.iter().zip(&numbers).all(|(one, number)| formula.of(one) == number.get());
        Ok(Some(if lowest < highest && knows_expression && is_right() {
            MaxPodsRule::Computed { expression: formula.to_string(), lowest: *lowest }
        } else {
            MaxPodsRule::Fixed(*lowest)
        }))
    }

    /// The number that no node is below.
    pub(crate) fn lowest(&self) -> MaxPods {
        match self {
            MaxPodsRule::Fixed(number) => *number,
            MaxPodsRule::Computed { lowest, .. } => *lowest,
        }
    }
}

/// nodeadm's variables are `default_enis` (interfaces of the default network card), `ips_per_eni` and `max_pods`
/// (nodeadm/doc/examples.md, "Defining a Max Pods Expression"); CEL alone has no minimum.
struct Formula<'a> {
    options: &'a Options,
    highest: u32,
}

impl Formula<'_> {
    fn limit(&self) -> Option<u32> {
        self.options.max_eni.filter(|limit| *limit > 0)
    }

    /// Interfaces that carry no pods.
    fn reserved(&self) -> u32 {
        u32::from(self.options.custom) + u32::from(self.options.pod_eni)
    }

    fn addresses(&self) -> u32 {
        if self.options.prefix { 16 } else { 1 }
    }

    /// What nodeadm computes for a type.
    fn of(&self, one: &InstanceType) -> u32 {
        let counted = COUNTED_MORE.iter().find(|(name, _)| *name == one.name).map(|(_, enis)| *enis);
        let enis = counted.unwrap_or(one.enis).min(self.limit().unwrap_or(u32::MAX));
        let slots = enis.saturating_sub(self.reserved()) * one.ipv4_per_eni.saturating_sub(1);
        (slots * self.addresses() + 2).min(self.highest)
    }
}

/// CEL.
impl std::fmt::Display for Formula<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let enis = match self.limit() {
            Some(limit) => format!("(default_enis < {limit} ? default_enis : {limit})"),
            None => "default_enis".into(),
        };
        let times = if self.options.prefix { " * 16" } else { "" };
        let pods = format!("({enis} - {}) * (ips_per_eni - 1){times} + 2", self.reserved());
        write!(f, "{pods} < {highest} ? {pods} : {highest}", highest = self.highest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::max_pods::{all, known};

    fn types(names: &[&str]) -> Vec<InstanceType> {
        names.iter().map(|name| known(name).unwrap().clone()).collect()
    }

    fn rule(names: &[&str], options: Options, knows_expression: bool) -> MaxPodsRule {
        MaxPodsRule::new(&types(names), &options, knows_expression).unwrap().unwrap()
    }

    #[test]
    fn several_types_get_an_expression_with_each_one_s_number() {
        let custom = Options { custom: true, cap: true, ..Options::default() };
        let (small, large) = ("m5.large", "m5.2xlarge");
        for (options, expression, lowest) in [
            (
                custom,
                "(default_enis - 1) * (ips_per_eni - 1) + 2 < 44 ? (default_enis - 1) * (ips_per_eni - 1) + 2 : 44",
                20,
            ),
            (
                Options { pod_eni: true, max_eni: Some(4), ..custom },
                "((default_enis < 4 ? default_enis : 4) - 2) * (ips_per_eni - 1) + 2 < 30 ? ((default_enis < 4 ? default_enis : 4) - 2) * (ips_per_eni - 1) + 2 : 30",
                11,
            ),
        ] {
            match rule(&[small, large], options, true) {
                MaxPodsRule::Computed { expression: written, lowest: number } => {
                    assert_eq!((written.as_str(), number.get()), (expression, lowest));
                }
                MaxPodsRule::Fixed(number) => panic!("{number}"),
            }
        }
    }

    #[test]
    fn prefixes_and_the_cap_are_in_the_expression_where_one_number_limits_all_types() {
        let prefix = Options { custom: true, prefix: true, cap: true, ..Options::default() };
        // 98 is below the cap of few vCPUs; 250 is the cap of many.
        let MaxPodsRule::Computed { expression, lowest } = rule(&["t3.small", "m5.24xlarge"], prefix, true)
        else {
            panic!("fixed")
        };
        assert!(expression.ends_with("* 16 + 2 : 250"), "{expression}");
        assert_eq!(lowest.get(), 98);
    }

    #[test]
    fn one_number_is_fixed() {
        let custom = Options { custom: true, ..Options::default() };
        for (names, knows, number) in [
            (vec!["m5.large"], true, 20),
            (vec!["m5.large", "m5a.large"], true, 20),
            (vec!["m5.2xlarge", "m5.large"], false, 20),
        ] {
            match rule(&names, custom, knows) {
                MaxPodsRule::Fixed(fixed) => assert_eq!(fixed.get(), number),
                computed => panic!("{computed:?}"),
            }
        }
        assert_eq!(MaxPodsRule::new(&[], &custom, true), Ok(None));
    }

    #[test]
    fn the_lowest_number_is_for_all_where_nodeadm_would_compute_another() {
        // 110 for few vCPUs and 250 for many: vCPUs are not among nodeadm's variables.
        let prefix = Options { custom: true, prefix: true, cap: true, ..Options::default() };
        assert_eq!(rule(&["m5.large", "m5.24xlarge"], prefix, true).lowest().get(), 110);
        assert!(matches!(rule(&["m5.large", "m5.24xlarge"], prefix, true), MaxPodsRule::Fixed(_)));
        // nodeadm counts more interfaces of the larger one.
        let custom = Options { custom: true, ..Options::default() };
        assert!(matches!(
            rule(&["i8ge.48xlarge", "m5.24xlarge", "m6idn.32xlarge"], custom, true),
            MaxPodsRule::Fixed(_)
        ));
    }

    #[test]
    fn a_type_that_can_not_be_used_is_an_error() {
        let prefix = Options { custom: true, prefix: true, ..Options::default() };
        assert!(MaxPodsRule::new(&types(&["m5.large", "t2.medium"]), &prefix, true).is_err());
    }

    #[test]
    fn an_expression_gives_every_pair_of_types_its_numbers_or_is_not_used() {
        let types = all();
        for options in [
            Options { custom: true, ..Options::default() },
            Options { custom: true, prefix: true, cap: true, ..Options::default() },
        ] {
            for pair in types.windows(2) {
                if let Ok(Some(MaxPodsRule::Computed { lowest, .. })) = MaxPodsRule::new(pair, &options, true)
                {
                    let numbers: Vec<u32> =
                        pair.iter().map(|one| max_pods(one, &options).unwrap().get()).collect();
                    let highest = *numbers.iter().max().unwrap();
                    let formula = Formula { options: &options, highest };
                    assert_eq!(pair.iter().map(|one| formula.of(one)).collect::<Vec<_>>(), numbers);
                    assert_eq!(numbers.iter().min(), Some(&lowest.get()));
                }
            }
        }
    }
}
