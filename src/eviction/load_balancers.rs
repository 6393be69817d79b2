//! How long a node needs to leave its load balancers. Pure.
//!
//! A cordoned node stays a target of type instance: the AWS Load Balancer Controller and the cloud provider leave out
//! only nodes with the label `node.kubernetes.io/exclude-from-external-load-balancers` (aws-load-balancer-controller,
//! pkg/backend/endpoint_utils.go; cloud-provider, controllers/service). A node gets it when its last pod is gone, not
//! before: with `externalTrafficPolicy: Local` it takes connections as long as it has pods, and new nodes only when
//! they have some.
//!
//! Elastic Load Balancing is not called: that would need permissions on every target group of the account, and it would
//! only return this delay.

use std::time::Duration;

use crate::facts::{Facts, LoadBalancers};
use crate::settings::Settings;

/// The default of a target group (Elastic Load Balancing, "deregistration_delay.timeout_seconds").
const DEREGISTRATION_DELAY: Duration = Duration::from_secs(300);
/// From the label to the target's deregistration.
const REACTION: Duration = Duration::from_secs(10);

/// How long an empty node stays after it is labelled; none where it is not a target.
pub(crate) fn wait(facts: &Facts, settings: &Settings) -> Option<Duration> {
    wait_for(&facts.load_balancers, settings.drain.lb_drain)
}

fn wait_for(there: &LoadBalancers, asked: Option<Duration>) -> Option<Duration> {
    let by_itself = || there.longest_delay.unwrap_or_default().max(DEREGISTRATION_DELAY) + REACTION;
    let wait = there.forward_to_nodes().then(|| asked.unwrap_or_else(by_itself))?;
    (!wait.is_zero()).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_waits_for_the_longest_delay_or_as_long_as_asked() {
        let seconds = |number| Some(Duration::from_secs(number));
        let none = LoadBalancers::default();
        let some = LoadBalancers { instance_targets: ["Service shop/web".into()].into(), ..none.clone() };
        let slow = LoadBalancers { longest_delay: seconds(900), ..some.clone() };
        let quick = LoadBalancers { longest_delay: seconds(30), ..some.clone() };
        let unknown = LoadBalancers { unknown: Some("Forbidden".into()), ..none.clone() };
        for (there, asked, expected) in [
            (&none, None, None),
            (&none, seconds(60), None),
            (&some, None, seconds(310)),
            (&some, seconds(60), seconds(60)),
            (&some, seconds(0), None),
            (&slow, None, seconds(910)),
            // Target groups of Ingresses may still have the default.
            (&quick, None, seconds(310)),
            (&unknown, None, seconds(310)),
        ] {
            assert_eq!(wait_for(there, asked), expected, "{there:?} {asked:?}");
        }
    }
}
