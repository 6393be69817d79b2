//! Autoscalers, policies, load balancers and stack quotas. No change needs them: what can't be read is reported as unknown.

use crate::clients::Clients;
use crate::error::Result;
use crate::facts::Neighbours;
use crate::k8s::neighbours;

pub(super) async fn neighbours(clients: &Clients) -> Neighbours {
    let (kube, aws) = (&clients.kube.client, &clients.aws);
    let (starters, policies, ip_targets, load_balancers, stacks, stack_quota) = tokio::join!(
        neighbours::starters(kube),
        neighbours::policies(kube),
        neighbours::ip_targets(kube),
        neighbours::load_balancers(kube),
        aws.cloudformation.count(),
        aws.quotas.of_stacks(),
    );
    let mut found = Neighbours::default();
    let mut known = Unknown(&mut found);
    let (autoscalers, karpenter) = known.or_default("which autoscalers run", starters);
    let policies = known.or_default("NetworkPolicies that name addresses", policies);
    let ip_targets = known.or_default("load balancers whose targets are pods", ip_targets);
    let load_balancers = known.or_default("whether the AWS Load Balancer Controller runs", load_balancers);
    let stacks = known.or_default("how many CloudFormation stacks there are", stacks.map(Some));
    let stack_quota = known.or_default("how many CloudFormation stacks there may be", stack_quota);
    Neighbours { autoscalers, karpenter, policies, ip_targets, load_balancers, stacks, stack_quota, ..found }
}

struct Unknown<'a>(&'a mut Neighbours);

impl Unknown<'_> {
    fn or_default<T: Default>(&mut self, what: &'static str, read: Result<T>) -> T {
        read.unwrap_or_else(|error| {
            self.0.unknown.insert(what, error.in_short());
            T::default()
        })
    }
}
