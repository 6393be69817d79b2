//! Whether the caller may make the calls of a plan: asks IAM's policy simulator, or EC2 with dry runs if the simulator
//! is not allowed. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use crate::aws::ec2::DryRun;
use crate::aws::iam::{Decision, Iam, Question};
use crate::design::{Design, PodSubnet, RouteChoice};
use crate::error::{Error, Result};
use crate::facts::{Caller, Facts, Owner, Permissions, owner};
use crate::policy::calls::{names, planned};
use crate::policy::{Grant, Names};
use crate::session::Session;
use crate::step::Step;

/// The actions of a plan, by name.
type Planned = BTreeMap<&'static str, BTreeSet<Grant>>;

/// Checks everything that these steps will call. A step with nothing to change needs no permission.
pub(crate) async fn read(session: &Session, steps: &[Step]) -> Permissions {
    let facts = &session.facts;
    let planned = planned(&session.scene(), steps);
    let asked: BTreeSet<&'static str> = planned.keys().copied().collect();
    if asked == facts.permissions.asked {
        return facts.permissions.clone();
    }
    let mut permissions = Permissions { asked, ..Permissions::default() };
    if planned.is_empty() {
        return permissions;
    }
    match simulate(&session.clients.aws.iam, &facts.caller, &planned, &names(&session.scene())).await {
        Ok(answers) => {
            for (action, answer) in answers {
                note(&mut permissions, action, answer);
            }
        }
        Err(error) => {
            let mut tried = dry_runs(session, &planned).await;
            let reason = match error.reason() {
                Some(cause) if !cause.code.is_empty() => format!("{}: {}", error.what(), cause.code),
                _ => error.to_string(),
            };
            for action in planned.keys() {
                let answer = tried.remove(action).unwrap_or_else(|| Permitted::Unknown(reason.clone()));
                note(&mut permissions, action, answer);
            }
        }
    }
    permissions
}

/// The result for one action.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Permitted {
    Allowed,
    Denied,
    Unknown(String),
}

fn note(permissions: &mut Permissions, action: &'static str, answer: Permitted) {
    match answer {
        Permitted::Allowed => {}
        Permitted::Denied => drop(permissions.denied.insert(action)),
        Permitted::Unknown(reason) => drop(permissions.unknown.entry(reason).or_default().insert(action)),
    }
}

/// One question without resources, which is enough for an administrator; then one for each kind of resource, with the
/// condition keys of the calls, about the actions that the first did not allow.
async fn simulate(
    iam: &Iam,
    caller: &Caller,
    planned: &Planned,
    names: &Names,
) -> Result<BTreeMap<&'static str, Permitted>> {
    let all: Vec<&str> = planned.keys().copied().collect();
    let region = vec![("aws:RequestedRegion".to_string(), vec![caller.region.clone()])];
    let Some((principal, decisions)) = without_resources(iam, caller, &all, &region).await? else {
        return Ok(planned.keys().map(|action| (*action, Permitted::Allowed)).collect());
    };
    let mut answers: BTreeMap<&'static str, Permitted> = BTreeMap::new();
    let mut left: BTreeMap<Grant, Vec<&'static str>> = BTreeMap::new();
    for (action, grants) in planned {
        let decision = decisions.iter().find(|decision| decision.action.eq_ignore_ascii_case(action));
        if decision.is_some_and(|decision| decision.allowed) {
            answers.insert(action, Permitted::Allowed);
            // A policy may name this one role, which the question without resources does not cover.
            if grants.contains(&Grant::PassAddonRole) {
                left.entry(Grant::PassAddonRole).or_default().push(action);
            }
            continue;
        }
        let open: Vec<Grant> = grants.iter().copied().filter(|grant| *grant != Grant::Read).collect();
        if open.is_empty() {
            answers
                .insert(action, decision.map_or(Permitted::Unknown("IAM returned no result".into()), judge));
        }
        for grant in open.into_iter().filter(|grant| grant.probe(names).is_some()) {
            left.entry(grant).or_default().push(action);
        }
    }
    let on_each =
        left.iter().map(|(grant, actions)| on_resources(iam, &principal, *grant, actions, names, &region));
    for (action, answer) in join_all(on_each).await.into_iter().flatten() {
        let worse = match (answers.get(action), answer) {
            (Some(Permitted::Denied), _) | (_, Permitted::Denied) => Permitted::Denied,
            (Some(Permitted::Unknown(reason)), _) => Permitted::Unknown(reason.clone()),
            (_, answer) => answer,
        };
        answers.insert(action, worse);
    }
    Ok(answers)
}

fn judge(decision: &Decision) -> Permitted {
    match (decision.allowed, decision.missing_keys.is_empty()) {
        (true, _) => Permitted::Allowed,
        (false, true) => Permitted::Denied,
        (false, false) => Permitted::Unknown(format!(
            "the policies depend on {}, which is known only when the call is made",
            decision.missing_keys.join(", ")
        )),
    }
}

/// `None` for the account's root user, whom no policy restricts.
async fn without_resources(
    iam: &Iam,
    caller: &Caller,
    actions: &[&str],
    keys: &[(String, Vec<String>)],
) -> Result<Option<(String, Vec<Decision>)>> {
    let question = Question { actions, keys, ..Question::default() };
    match principal(&caller.arn) {
        Principal::Root => Ok(None),
        Principal::Is(arn) => Ok(Some((arn.clone(), iam.simulate(&arn, &question).await?))),
        Principal::Role { arn, name } => match iam.simulate(&arn, &question).await {
            Ok(decisions) => Ok(Some((arn, decisions))),
            // The role has a path, which its sessions' ARNs leave out.
            Err(error) if is_no_such_principal(&error) => {
                let arn = iam.role_arn(&name).await?;
                let decisions = iam.simulate(&arn, &question).await?;
                Ok(Some((arn, decisions)))
            }
            Err(error) => Err(error),
        },
        Principal::Other => {
            Err(Error::failed("the caller is neither an IAM user nor a role").at(&caller.arn))
        }
    }
}

/// A wrong role ARN may look like a denied call.
fn is_no_such_principal(error: &Error) -> bool {
    matches!(error.code(), "NoSuchEntity" | "NoSuchEntityException")
}

async fn on_resources(
    iam: &Iam,
    principal: &str,
    grant: Grant,
    actions: &[&'static str],
    names: &Names,
    region: &[(String, Vec<String>)],
) -> Vec<(&'static str, Permitted)> {
    let probe = grant.probe(names).unwrap_or_default();
    let own = probe.keys.into_iter().map(|(key, value)| (key, vec![value]));
    let keys: Vec<(String, Vec<String>)> = region.iter().cloned().chain(own).collect();
    let ask = async |actions: &[&'static str]| {
        iam.simulate(principal, &Question { actions, arns: &probe.arns, any: probe.any, keys: &keys }).await
    };
    let answered = match ask(actions).await {
        // "require different authorization information": not these in one question.
        Err(error) if error.code().starts_with("InvalidInput") && actions.len() > 1 => {
            let each = join_all(actions.iter().map(|action| {
                let ask = &ask;
                async move { ask(&[*action]).await }
            }));
            each.await.into_iter().collect::<Result<Vec<_>>>().map(|decisions| decisions.concat())
        }
        answer => answer,
    };
    let of = |action: &'static str| match &answered {
        Ok(decisions) => decisions
            .iter()
            .find(|decision| decision.action.eq_ignore_ascii_case(action))
            .map_or(Permitted::Unknown("IAM returned no result".into()), judge),
        Err(error) => Permitted::Unknown(error.to_string()),
    };
    actions.iter().map(|action| (*action, of(action))).collect()
}

/// The principal whose policies apply.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Principal {
    Root,
    Is(String),
    /// A session's role, as far as the session's ARN shows it.
    Role {
        arn: String,
        name: String,
    },
    Other,
}

/// `arn:aws:sts::1:assumed-role/NAME/SESSION` is a session of `arn:aws:iam::1:role/…/NAME`.
fn principal(arn: &str) -> Principal {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, partition, service, _, account, rest] = parts[..] else { return Principal::Other };
    match (service, rest.split_once('/')) {
        ("iam", None) if rest == "root" => Principal::Root,
        ("iam", Some(("user", _))) => Principal::Is(arn.into()),
        ("sts", Some(("assumed-role", session))) => {
            let name = session.split('/').next().unwrap_or_default().to_string();
            Principal::Role { arn: format!("arn:{partition}:iam::{account}:role/{name}"), name }
        }
        _ => Principal::Other,
    }
}

/// EC2 calls that can be tried as a dry run with the real request.
async fn dry_runs(session: &Session, planned: &Planned) -> BTreeMap<&'static str, Permitted> {
    let ec2 = &session.clients.aws.ec2;
    let (design, facts) = (&session.design, &session.facts);
    let mut answers = BTreeMap::new();
    let wanted = |action: &str| planned.contains_key(action);
    if let Some((zone, cidr)) = new_subnet(design).filter(|_| wanted("ec2:CreateSubnet")) {
        let tags = design.zone_tags(zone);
        let tried = ec2.may_create_subnet(&facts.vpc.id, &zone.zone_id, cidr, &tags).await;
        answers.insert("ec2:CreateSubnet", answer(tried));
    }
    if let Some((table, subnet)) = there(design).filter(|_| wanted("ec2:AssociateRouteTable")) {
        answers.insert("ec2:AssociateRouteTable", answer(ec2.may_associate_route_table(table, subnet).await));
    }
    if let Some(id) = unowned(design, facts).filter(|_| wanted("ec2:TerminateInstances")) {
        answers.insert("ec2:TerminateInstances", answer(ec2.may_terminate(id).await));
    }
    answers
}

fn new_subnet(design: &Design) -> Option<(&crate::design::ZoneDesign, ipnet::Ipv4Net)> {
    design.zones.iter().find_map(|zone| match zone.pod_subnet {
        PodSubnet::New { cidr } => Some((zone, cidr)),
        _ => None,
    })
}

/// An existing pod subnet, and the route table that it should have.
fn there(design: &Design) -> Option<(&str, &str)> {
    design.zones.iter().find_map(|zone| match (&zone.pod_subnet, &zone.route_table) {
        (PodSubnet::There { id, ours: true }, RouteChoice::Table(table)) => {
            Some((table.as_str(), id.as_str()))
        }
        _ => None,
    })
}

fn unowned<'a>(design: &Design, facts: &'a Facts) -> Option<&'a str> {
    let nodes = facts.nodes.iter().filter(|node| design.drained.contains(&node.name));
    nodes.filter(|node| owner(facts, node) == Owner::Unowned).find_map(|node| node.instance_id.as_deref())
}

fn answer(tried: DryRun) -> Permitted {
    match tried {
        DryRun::Allowed => Permitted::Allowed,
        DryRun::Denied => Permitted::Denied,
        DryRun::Other(error) => Permitted::Unknown(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_the_policies_of_its_role() {
        let role = |name: &str| Principal::Role {
            arn: format!("arn:aws:iam::123456789012:role/{name}"),
            name: name.into(),
        };
        let cases = [
            ("arn:aws:iam::123456789012:root", Principal::Root),
            (
                "arn:aws:iam::123456789012:user/team/ann",
                Principal::Is("arn:aws:iam::123456789012:user/team/ann".into()),
            ),
            ("arn:aws:sts::123456789012:assumed-role/deployer/i-0a", role("deployer")),
            (
                "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0a/ann@example.com",
                role("AWSReservedSSO_Admin_0a"),
            ),
            ("arn:aws:sts::123456789012:federated-user/ann", Principal::Other),
            ("nonsense", Principal::Other),
        ];
        for (arn, expected) in cases {
            assert_eq!(principal(arn), expected, "{arn}");
        }
        assert_eq!(
            principal("arn:aws-cn:sts::123456789012:assumed-role/d/s"),
            Principal::Role { arn: "arn:aws-cn:iam::123456789012:role/d".into(), name: "d".into() }
        );
    }

    #[test]
    fn a_denial_because_of_a_missing_key_is_unknown() {
        let decision = |allowed, missing: &[&str]| Decision {
            action: "ec2:CreateSubnet".into(),
            allowed,
            missing_keys: missing.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(judge(&decision(true, &["aws:SourceIp"])), Permitted::Allowed);
        assert_eq!(judge(&decision(false, &[])), Permitted::Denied);
        assert!(
            matches!(judge(&decision(false, &["aws:SourceIp"])), Permitted::Unknown(why) if why.contains("aws:SourceIp"))
        );
    }
}
