//! Step 7: node role, security group and one self-managed node group per ENIConfig, all at size 0.

mod stacks;
mod template;
mod undo;

use std::collections::BTreeMap;

use futures::future::LocalBoxFuture;

use crate::aws::cloudformation::StackRequest;
use crate::client_token::client_token;
use crate::design::{Design, GroupDesign, PoolDesign};
use crate::discover::Section;
use crate::error::{Error, Result};
use crate::facts::{Authentication, Facts, StackStatus};
use crate::nodes::aws_auth::has_role;
use crate::nodes::templates::{BASE, BaseParameters, Parameters, output};
use crate::scene::Scene;
use crate::session::{Seen, Session};
use crate::step::{Change, Sign, Step};
use crate::tags::TAG_CLUSTER;

use super::Rules;

pub(crate) use stacks::{all_complete, complete, remove_failed, settled};
pub(crate) use template::{BaseOutputs, first_sizes, node_group_template, user_data};
pub(crate) use undo::UndoLaunchNodegroups;

pub(crate) struct LaunchNodegroups;

#[derive(Debug, Clone)]
pub(crate) enum GroupChange {
    Stack(StackChange),
    /// The base stack is from a run that needed no new role.
    AddRole {
        stack: String,
    },
    /// Allows nodes with a role to join; `None` for one that the base stack is about to create.
    Authorise {
        mode: Authentication,
        role: Option<String>,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct StackChange {
    name: String,
    is_base: bool,
    /// Status of a failed stack that must be deleted first.
    failed: Option<StackStatus>,
    shown: Vec<(&'static str, String)>,
}

impl Rules for LaunchNodegroups {
    type Change = GroupChange;
    const STEP: Step = Step::LaunchNodegroups;
    const READS: &'static [Section] = &[Section::NodeGroups];

    fn changes(scene: &Scene<'_>) -> Vec<GroupChange> {
        let Scene { design, facts, .. } = *scene;
        let mut changes = Vec::new();
        changes.extend(stack_change(design, facts, None).map(GroupChange::Stack));
        changes.extend(
            lacks_role(design, facts).then(|| GroupChange::AddRole { stack: design.base_stack.clone() }),
        );
        for role in design.roles(facts) {
            if !role.as_deref().is_some_and(|role| is_authorised(facts, role)) {
                changes.push(GroupChange::Authorise { mode: facts.cluster.authentication, role });
            }
        }
        let groups = design.groups().filter_map(|group| stack_change(design, facts, Some(group)));
        changes.extend(groups.map(GroupChange::Stack));
        changes
    }

    fn describe(change: &GroupChange) -> Change {
        match change {
            GroupChange::Stack(stack) => {
                let sign = if stack.failed.is_some() { Sign::Change } else { Sign::Create };
                let mut change = Change::new(sign, format!("CloudFormation stack {}", stack.name));
                if let Some(status) = &stack.failed {
                    change = change.before_after("status", Some(status.name()), "deleted, then recreated");
                }
                stack.shown.iter().fold(change, |change, (name, value)| change.to(*name, value))
            }
            GroupChange::AddRole { stack } => Change::new(
                Sign::Change,
                format!("CloudFormation stack {stack}"),
            )
            .before_after("node role", Some("none"), "new"),
            GroupChange::Authorise { mode, role } => {
                let resource = match mode {
                    Authentication::ConfigMap => "mapRoles entry in ConfigMap kube-system/aws-auth",
                    _ => "EC2_LINUX access entry",
                };
                let change = Change::new(Sign::Create, resource);
                match role {
                    Some(role) => change.to("role", role),
                    None => change.later("role"),
                }
            }
        }
    }

    async fn apply(session: &mut Session, change: GroupChange) -> Result<()> {
        match change {
            GroupChange::Stack(stack) => {
                if !stack.is_base {
                    base_is_ready(session).await?;
                }
                create(session, &stack).await
            }
            GroupChange::AddRole { stack } => {
                let there = settled(session, &stack).await?;
                let parameters = base_parameters(&session.design, &session.facts, true);
                let changed = parameters.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
                let content = format!("{} {} {changed:?}", there.id, there.updated);
                let token = client_token(&session.facts.cluster.arn, Step::LaunchNodegroups.name(), &content);
                session.clients.aws.cloudformation.update_parameters(&there, &changed, &token).await
            }
            GroupChange::Authorise { mode, role } => {
                let role = match role {
                    Some(role) => role,
                    None => {
                        base_is_ready(session).await?;
                        base_output(session, output::NODE_ROLE_ARN)?
                    }
                };
                match mode {
                    Authentication::ConfigMap => {
                        let before = session.facts.node_groups.aws_auth.clone();
                        session
                            .remember(|record| {
                                record.aws_auth.get_or_insert(before);
                                record.node_roles.insert(role.clone());
                            })
                            .await?;
                        crate::k8s::aws_auth::allow_nodes(&session.clients.kube.client, &role).await
                    }
                    _ => access_entry(session, &role, &session.design.tags()).await,
                }
            }
        }
    }

    /// The first group's stack waits for the base stack.
    fn beside<'a>(session: &'a Session, change: &'a GroupChange) -> Option<LocalBoxFuture<'a, Result<()>>> {
        match change {
            GroupChange::Stack(stack) if !stack.is_base => Some(Box::pin(create(session, stack))),
            _ => None,
        }
    }

    async fn settle(session: &mut Session) -> Result<()> {
        let groups = session.design.groups().map(|(_, group)| group.stack.as_str());
        let names: Vec<&str> = std::iter::once(session.design.base_stack.as_str()).chain(groups).collect();
        all_complete(session, &names).await
    }
}

async fn create(session: &Session, stack: &StackChange) -> Result<()> {
    if stack.failed.is_some() {
        remove_failed(session, &stack.name, TAG_CLUSTER).await?;
    }
    let request = request(session, &stack.name)?;
    session.clients.aws.cloudformation.create(&request).await
}

/// A stack that is missing, or that failed before it completed. A stack in progress is waited for.
fn stack_change(
    design: &Design,
    facts: &Facts,
    group: Option<(&PoolDesign, &GroupDesign)>,
) -> Option<StackChange> {
    let name = group.map_or(&design.base_stack, |(_, group)| &group.stack);
    let there = facts.node_groups.stacks.get(name);
    let failed = there.map(|stack| stack.status.clone()).filter(StackStatus::never_completed);
    if there.is_some() && failed.is_none() {
        return None;
    }
    let shown = match group {
        None => vec![
            ("node role", role(design).into()),
            ("node security group", format!("to and from {}", facts.cluster.security_group)),
        ],
        Some((pool, group)) => {
            let machine = &pool.machine;
            let text = |value: Option<String>| value.unwrap_or_else(|| "?".into());
            vec![
                ("zone", group.zone_names()),
                ("node subnet", group.node_subnets().join(", ")),
                ("instance type", machine.type_names()),
                ("image", text(machine.image.as_ref().map(|image| format!("{} {}", image.id, image.name)))),
                ("max pods", text(machine.max_pods().map(|max| max.to_string()))),
                ("size", format!("0, then {} (max {})", group.size, group.max_size)),
            ]
        }
    };
    Some(StackChange { name: name.clone(), is_base: group.is_none(), failed, shown })
}

fn role(design: &Design) -> &'static str {
    match (design.pools.is_empty(), design.creates_role()) {
        (true, _) => "none: Karpenter starts the nodes",
        (false, true) => "new",
        (false, false) => "kept from the old nodes",
    }
}

/// Whether the base stack exists without the role that new nodes need.
pub(crate) fn lacks_role(design: &Design, facts: &Facts) -> bool {
    let base = facts.node_groups.stacks.get(&design.base_stack);
    let is_complete = base.is_some_and(|stack| stack.status.is_complete());
    is_complete && design.creates_role() && node_role(design, facts).is_none()
}

fn node_role(design: &Design, facts: &Facts) -> Option<String> {
    facts.node_groups.stacks.get(&design.base_stack)?.outputs.get(output::NODE_ROLE_ARN).cloned()
}

/// Whether nodes with this role may join.
pub(crate) fn is_authorised(facts: &Facts, role: &str) -> bool {
    match facts.cluster.authentication {
        Authentication::ConfigMap => {
            facts.node_groups.aws_auth.as_deref().is_some_and(|roles| has_role(roles, role).unwrap_or(false))
        }
        Authentication::Api | Authentication::ApiAndConfigMap => {
            facts.node_groups.access_entries.contains_key(role)
        }
    }
}

/// Allows nodes with a role to join, by an access entry with these tags.
///
/// IAM is eventually consistent: for some seconds EKS calls a new role invalid.
pub(crate) async fn access_entry(session: &Session, role: &str, tags: &[(String, String)]) -> Result<()> {
    let cluster = &session.facts.cluster;
    let token = client_token(&cluster.arn, Step::LaunchNodegroups.name(), role);
    session
        .until("EKS to accept the new node role", async || {
            let entry = session.clients.aws.eks.create_node_access_entry(&cluster.name, role, tags, &token);
            match entry.await {
                Ok(()) => Ok(Seen::Yes(())),
                Err(error) if error.code() == "InvalidParameterException" && is_about_principal(&error) => {
                    Ok(Seen::NotYet(error.to_string()))
                }
                Err(error) => Err(error),
            }
        })
        .await
}

fn is_about_principal(error: &Error) -> bool {
    error.reason().is_some_and(|cause| cause.message.to_lowercase().contains("principal"))
}

/// The other stacks need the base stack's outputs. This run or an interrupted one may have started it.
async fn base_is_ready(session: &mut Session) -> Result<()> {
    let ready = |session: &Session| {
        let role = !session.design.creates_role() || base_output(session, output::NODE_ROLE_ARN).is_ok();
        role && base_output(session, output::NODE_SECURITY_GROUP_ID).is_ok()
    };
    if ready(session) {
        return Ok(());
    }
    let name = session.design.base_stack.clone();
    complete(session, &name).await?;
    session.observe().await?;
    base_output(session, output::NODE_SECURITY_GROUP_ID).map(drop)
}

fn base_output(session: &Session, name: &str) -> Result<String> {
    let stack = session.facts.node_groups.stacks.get(&session.design.base_stack);
    stack.and_then(|stack| stack.outputs.get(name)).cloned().ok_or_else(|| {
        Error::failed(format!("the stack has no output {name}")).at(&session.design.base_stack).fix(format!(
            "{} # creates the stack; if the stack exists, its template was changed",
            crate::fixes::command(&session.facts, "launch-nodegroups")
        ))
    })
}

fn request(session: &Session, name: &str) -> Result<StackRequest> {
    let (design, facts) = (&session.design, &session.facts);
    let group = design.groups().find(|(_, group)| group.stack == name);
    let (template, parameters, tags) = match group {
        None => (BASE.to_string(), base_parameters(design, facts, design.creates_role()), design.tags()),
        Some((pool, new)) => {
            let group = base_output(session, output::NODE_SECURITY_GROUP_ID)?;
            let profile = base_output(session, output::INSTANCE_PROFILE_ARN).ok();
            let role = base_output(session, output::NODE_ROLE_ARN).ok();
            let base = BaseOutputs {
                security_group: &group,
                role: role.as_deref(),
                instance_profile: profile.as_deref(),
            };
            let template = node_group_template(design, facts, (pool, new), base)?;
            (template, first_sizes(new), design.group_tags(pool, new))
        }
    };
    let parameters: BTreeMap<String, String> =
        parameters.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
    let content = format!("{name}\n{template}\n{parameters:?}");
    Ok(StackRequest {
        name: name.into(),
        template,
        parameters,
        tags,
        token: client_token(&facts.cluster.arn, Step::LaunchNodegroups.name(), &content),
    })
}

/// Parameters of the base stack.
pub(crate) fn base_parameters(design: &Design, facts: &Facts, create_role: bool) -> Parameters {
    BaseParameters {
        cluster_name: &facts.cluster.name,
        vpc_id: &facts.vpc.id,
        cluster_security_group_id: &facts.cluster.security_group,
        cni_policy: true,
        region: &facts.caller.region,
        create_role,
        permissions_boundary: design.permissions_boundary.as_deref(),
        role_path: design.role_path.as_deref(),
    }
    .parameters()
}
