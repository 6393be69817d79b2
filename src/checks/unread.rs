//! Optional facts that could not be read. They are reported, so that no issue means that everything was checked.

use crate::issue::{Issue, id};

use crate::scene::Scene;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (facts, account) = (scene.facts, &scene.facts.caller.account);
    let quotas =
        facts.vpc.quotas.unread.as_ref().map(|why| ("whether the VPC's quotas are the AWS defaults", why));
    let vcpus = facts.machine.vcpu_unread.as_ref().map(|why| ("how many vCPUs the account may run", why));
    let integrations = facts.integrations.unknown.iter().map(|(what, why)| (*what, why));
    // A service that can't be reached is one issue, however many facts it was to provide.
    let mut by_reason: Vec<(&String, Vec<&str>)> = Vec::new();
    for (what, why) in quotas.into_iter().chain(vcpus).chain(integrations) {
        match by_reason.iter_mut().find(|(known, _)| *known == why) {
            Some((_, unknown)) => unknown.push(what),
            None => by_reason.push((why, vec![what])),
        }
    }
    findings.extend(by_reason.into_iter().map(|(why, unknown)| {
        Issue::note(id::RUN_002, format!("unknown: {}", unknown.join("; ")))
            .at(format!("account {account}"))
            .why(format!("unknown because {why}"))
            .fix("if a permission is missing, eni-custom iam-policy prints it (add --kubernetes for Kubernetes roles); or check these yourself")
    }));
}

#[cfg(test)]
mod tests {
    use crate::sample::facts;

    #[test]
    fn unread_facts_are_reported_with_their_reason() {
        let mut facts = facts();
        assert_eq!(super::super::found(super::check, &facts, &[]), []);
        facts.vpc.quotas.unread = Some("ListServiceQuotas: AccessDeniedException".into());
        facts.machine.vcpu_unread = Some("GetServiceQuota: TooManyRequestsException".into());
        facts
            .integrations
            .unknown
            .insert("which autoscalers start nodes", "list Deployments: Forbidden".into());
        insta::assert_json_snapshot!(super::super::found(super::check, &facts, &[]));
    }

    #[test]
    fn one_reason_is_reported_once() {
        let mut facts = facts();
        let why = "ListServiceQuotas: no connection within 2 s";
        facts.vpc.quotas.unread = Some(why.into());
        facts.machine.vcpu_unread = Some(why.into());
        facts.integrations.unknown.insert("how many CloudFormation stacks there may be", why.into());
        let found = super::super::found(super::check, &facts, &[]);
        let [one] = &found[..] else { panic!("{found:?}") };
        assert_eq!(one.what.matches(';').count(), 2, "{}", one.what);
    }
}
