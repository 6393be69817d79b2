//! Replacement node groups for old ones that are gone: like those, as far as the record knows them. They are kept.
//!
//! They are launched after custom networking is off and before the first new node is drained. Earlier, their nodes would
//! start with custom networking, and with too few addresses for the standard max pods; later, the pods of the new nodes
//! would have nowhere to go. They use the templates of step 7, but a base stack and a tag of their own: undo deletes
//! what has our tag, and these are the cluster's old nodes from now on, also for the next setup.

use std::collections::BTreeMap;

use crate::aws::cloudformation::StackRequest;
use crate::client_token::client_token;
use crate::design::Design;
use crate::design::replacement::{
    Replacement, base_stack, is_needed, replacements, standard_max_pods, template,
};
use crate::error::{Error, Result};
use crate::facts::{Authentication, Facts, Stack};
use crate::net::max_pods::MaxPods;
use crate::nodes::templates::{BASE, Parameters, output, sizes};
use crate::session::Session;
use crate::step::{Change, Sign};
use crate::steps::launch_nodegroups::{
    access_entry, all_complete, base_parameters, complete, is_authorised, remove_failed,
};
use crate::tags::TAG_REPLACEMENT;

/// One resource of the replacement node groups.
#[derive(Debug, Clone)]
pub(crate) enum Launch {
    /// Role, instance profile and security group of all of them. A failed stack is deleted first.
    Base {
        failed: bool,
    },
    /// Allows nodes with that role to join.
    Authorise {
        mode: Authentication,
        role: Option<String>,
    },
    Group {
        replacement: Box<Replacement>,
        max_pods: Option<MaxPods>,
        failed: bool,
    },
}

/// What does not exist yet.
pub(crate) fn changes(design: &Design, facts: &Facts) -> Vec<Launch> {
    let failed = |stack: &Stack| stack.status.never_completed();
    let there = |name: &str| facts.replacement_stack(name);
    let to_make = |name: &str| there(name).is_none_or(failed);
    let groups: Vec<Launch> = replacements(design, facts)
        .into_iter()
        .filter(|one| to_make(&one.stack))
        .map(|one| Launch::Group {
            max_pods: standard_max_pods(facts, &one.shape),
            failed: there(&one.stack).is_some(),
            replacement: Box::new(one),
        })
        .collect();
    if !is_needed(design, facts) {
        return groups;
    }
    let base = base_stack(facts);
    let role = there(&base).and_then(|stack| stack.outputs.get(output::NODE_ROLE_ARN)).cloned();
    let mut changes = Vec::new();
    if to_make(&base) {
        changes.push(Launch::Base { failed: there(&base).is_some() });
    }
    if !role.as_deref().is_some_and(|role| is_authorised(facts, role)) {
        changes.push(Launch::Authorise { mode: facts.cluster.authentication, role });
    }
    changes.into_iter().chain(groups).collect()
}

pub(crate) fn describe(launch: &Launch) -> Change {
    let stack = |what: String, failed: bool| {
        let sign = if failed { Sign::Change } else { Sign::Create };
        let change = Change::new(sign, what);
        if failed { change.before_after("status", Some("failed"), "deleted, then recreated") } else { change }
    };
    match launch {
        Launch::Base { failed } => {
            stack("CloudFormation stack for the replacement nodes' role".into(), *failed)
        }
        Launch::Authorise { mode, role } => {
            let resource = match mode {
                Authentication::ConfigMap => "mapRoles entry for the replacement nodes' role",
                _ => "EC2_LINUX access entry for the replacement nodes' role",
            };
            let change = Change::new(Sign::Create, resource);
            match role {
                Some(role) => change.to("role", role),
                None => change.later("role"),
            }
        }
        Launch::Group { replacement: one, max_pods, failed } => {
            let max_pods = max_pods.map_or("?".into(), |max| max.to_string());
            stack(format!("CloudFormation stack {}", one.stack), *failed)
                .to("replaces", &one.group)
                .to("subnet", &one.shape.subnet)
                .to("instance type", one.shape.instance_type().unwrap_or("?"))
                .to("max pods", max_pods)
                .to("size", format!("{} (max {})", one.sizes.desired, one.sizes.max))
        }
    }
}

pub(crate) async fn launch(session: &mut Session, launch: Launch) -> Result<()> {
    let base = base_stack(&session.facts);
    match launch {
        Launch::Base { failed } => {
            if failed {
                remove_failed(session, &base, TAG_REPLACEMENT).await?;
            }
            create(session, base, BASE, base_parameters(&session.design, &session.facts, true)).await
        }
        Launch::Authorise { mode, .. } => {
            let role = base_output(session, &base, output::NODE_ROLE_ARN).await?;
            match mode {
                Authentication::ConfigMap => {
                    crate::k8s::aws_auth::allow_nodes(&session.clients.kube.client, &role).await
                }
                // Without our tag, because undo deletes what has it.
                _ => access_entry(session, &role, &[]).await,
            }
        }
        Launch::Group { replacement, failed, .. } => {
            if failed {
                remove_failed(session, &replacement.stack, TAG_REPLACEMENT).await?;
            }
            let group = base_output(session, &base, output::NODE_SECURITY_GROUP_ID).await?;
            let profile = base_output(session, &base, output::INSTANCE_PROFILE_ARN).await?;
            let template = template(&session.design, &session.facts, &replacement, &group, &profile)?;
            let size = |size: i32| u32::try_from(size).unwrap_or_default();
            let before = replacement.sizes;
            let sizes = sizes(size(before.min), size(before.desired), size(before.max));
            create(session, replacement.stack.clone(), &template, sizes).await
        }
    }
}

/// Waits until all stacks are complete; their nodes are waited for with those of the other old groups.
pub(crate) async fn settle(session: &Session) -> Result<()> {
    let replacements = replacements(&session.design, &session.facts);
    all_complete(session, &replacements.iter().map(|one| one.stack.as_str()).collect::<Vec<_>>()).await
}

async fn base_output(session: &Session, base: &str, name: &str) -> Result<String> {
    let stack = complete(session, base).await?;
    stack.outputs.get(name).cloned().ok_or_else(|| {
        Error::failed(format!("the stack has no output {name}")).at(base).fix("its template was changed")
    })
}

async fn create(session: &Session, name: String, template: &str, parameters: Parameters) -> Result<()> {
    let cluster = &session.facts.cluster;
    let parameters: BTreeMap<String, String> =
        parameters.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
    let content = format!("{name}\n{template}\n{parameters:?}");
    let request = StackRequest {
        token: client_token(&cluster.arn, TAG_REPLACEMENT, &content),
        template: template.into(),
        tags: vec![(TAG_REPLACEMENT.into(), cluster.name.clone())],
        parameters,
        name,
    };
    session.clients.aws.cloudformation.create(&request).await
}

#[cfg(test)]
mod tests;
