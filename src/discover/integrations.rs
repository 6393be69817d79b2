//! Autoscalers, policies, load balancers and stack quotas. No change needs them: what can't be read is reported as unknown.

use crate::clients::Clients;
use crate::error::Result;
use crate::facts::Integrations;
use crate::k8s::integrations;

pub(super) async fn integrations(clients: &Clients) -> Integrations {
    let (kube, aws) = (&clients.kube.client, &clients.aws);
    let (autoscalers, policies, ip_targets, load_balancers, stacks, stack_quota) = tokio::join!(
        integrations::autoscalers(kube),
        integrations::policies(kube),
        integrations::ip_targets(kube),
        integrations::load_balancers(kube),
        aws.cloudformation.count(),
        aws.quotas.of_stacks(),
    );
    let mut found = Integrations::default();
    let mut known = Unknown(&mut found);
    let autoscalers = known.or_default("which autoscalers run", autoscalers);
    let policies = known.or_default("NetworkPolicies that name addresses", policies);
    let ip_targets = known.or_default("load balancers whose targets are pods", ip_targets);
    let load_balancers = known.or_default("whether the AWS Load Balancer Controller runs", load_balancers);
    let stacks = known.or_default("how many CloudFormation stacks there are", stacks.map(Some));
    let stack_quota = known.or_default("how many CloudFormation stacks there may be", stack_quota);
    Integrations { autoscalers, policies, ip_targets, load_balancers, stacks, stack_quota, ..found }
}

struct Unknown<'a>(&'a mut Integrations);

impl Unknown<'_> {
    fn or_default<T: Default>(&mut self, what: &'static str, read: Result<T>) -> T {
        read.unwrap_or_else(|error| {
            self.0.unknown.insert(what, error.in_short());
            T::default()
        })
    }
}
