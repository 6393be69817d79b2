//! What no change needs, and what could not be read: it is said, so that silence means that all was looked at.

use crate::finding::Finding;

use super::Scene;

pub fn check(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    let (facts, account) = (scene.facts, &scene.facts.caller.account);
    let quotas =
        facts.vpc.quotas.unread.as_ref().map(|why| ("whether the VPC's quotas are AWS's defaults", why));
    let vcpus = facts.machine.vcpu_unread.as_ref().map(|why| ("how many vCPUs the account may run", why));
    let neighbours = facts.neighbours.unknown.iter().map(|(what, why)| (*what, why));
    findings.extend(quotas.into_iter().chain(vcpus).chain(neighbours).map(|(what, why)| {
        Finding::note("EC-RUN-002", format!("unknown: {what}"))
            .at(format!("account {account}"))
            .why(format!("unknown because {why}"))
            .mend("eni-custom iam-policy prints what it takes to look at it, with --kubernetes for the cluster; or look yourself")
    }));
}

#[cfg(test)]
mod tests {
    use crate::sample::facts;

    #[test]
    fn what_could_not_be_read_is_told_and_silence_is_no_answer() {
        let mut facts = facts();
        assert_eq!(super::super::found(super::check, &facts, &[]), []);
        facts.vpc.quotas.unread = Some("ListServiceQuotas: AccessDeniedException".into());
        facts.machine.vcpu_unread = Some("GetServiceQuota: TooManyRequestsException".into());
        facts.neighbours.unknown.insert("who starts nodes by itself", "list Deployments: Forbidden".into());
        insta::assert_json_snapshot!(super::super::found(super::check, &facts, &[]));
    }
}
