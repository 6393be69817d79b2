//! Undo of step 7: nodes with our role may no longer join, and the stacks are deleted, node groups before base.

use std::collections::BTreeSet;

use futures::future::LocalBoxFuture;

use crate::design::Design;
use crate::design::undo::our_subnets;
use crate::discover::Section;
use crate::error::{Error, Result};
use crate::facts::{AccessEntry, Authentication, Facts, Stack};
use crate::fixes;
use crate::nodes::aws_auth::has_role;
use crate::scene::Scene;
use crate::session::Session;
use crate::step::{Change, Sign, Step};
use crate::steps::Rules;
use crate::steps::create_subnets::sweep;
use crate::tags::TAG_CLUSTER;
use crate::text::counted;

use super::stacks::{all_deleted, delete};

pub(crate) struct UndoLaunchNodegroups;

#[derive(Debug, Clone)]
pub(crate) enum Removal {
    /// Removes the access entry, or our entry in aws-auth.
    Unauthorise {
        mode: Authentication,
        role: String,
    },
    Stack {
        name: String,
        base: bool,
    },
}

impl Rules for UndoLaunchNodegroups {
    type Change = Removal;
    const STEP: Step = Step::LaunchNodegroups;
    const READS: &'static [Section] = &[Section::NodeGroups];

    fn changes(scene: &Scene<'_>) -> Vec<Removal> {
        let Scene { design, facts, .. } = *scene;
        let is_base = |stack: &&Stack| stack.name == design.base_stack;
        let ours = || facts.node_groups.stacks.values().filter(|stack| is_ours(stack, facts));
        let of = |stack: &Stack, base| Removal::Stack { name: stack.name.clone(), base };
        let mut removals: Vec<Removal> =
            ours().filter(|stack| !is_base(stack)).map(|stack| of(stack, false)).collect();
        removals.extend(authorised(design, facts));
        removals.extend(ours().filter(is_base).map(|stack| of(stack, true)));
        removals
    }

    fn describe(removal: &Removal) -> Change {
        match removal {
            Removal::Stack { name, .. } => Change::new(Sign::Remove, format!("CloudFormation stack {name}")),
            Removal::Unauthorise { mode, role } => {
                let resource = match mode {
                    Authentication::ConfigMap => "mapRoles entry in ConfigMap kube-system/aws-auth",
                    _ => "EC2_LINUX access entry",
                };
                Change::new(Sign::Remove, resource).to("role", role)
            }
        }
    }

    /// Deleting a stack with nodes would terminate their pods without regard to PodDisruptionBudgets.
    async fn rehearse(session: &Session, removals: &[Removal]) -> Result<()> {
        let left = crate::design::our_instances(&session.facts).len();
        let deletes = removals.iter().any(|removal| matches!(removal, Removal::Stack { .. }));
        if left == 0 || !deletes {
            return Ok(());
        }
        Err(Error::refused(format!(
            "the node groups still have {}; no stack was deleted",
            counted(left, "instance")
        ))
        .fix(format!("drain them first: {}", fixes::command(&session.facts, "patch-security-groups --undo"))))
    }

    async fn apply(session: &mut Session, removal: Removal) -> Result<()> {
        match removal {
            Removal::Unauthorise { mode: Authentication::ConfigMap, role } => {
                let before = session.facts.record.aws_auth.clone();
                crate::k8s::aws_auth::refuse_nodes(&session.clients.kube.client, &role, before.as_ref()).await
            }
            Removal::Unauthorise { role, .. } => {
                let cluster = &session.facts.cluster.name;
                session.clients.aws.eks.delete_access_entry(cluster, &role).await
            }
            Removal::Stack { name, base } => {
                if base {
                    // The other stacks use the base stack's outputs.
                    let others: Vec<&str> = ours(session).filter(|other| *other != name).collect();
                    all_deleted(session, &others).await?;
                    // Leftover interfaces use the node security group and so block the deletion of the stack.
                    let subnets: Vec<String> =
                        our_subnets(&session.facts).map(|subnet| subnet.id.clone()).collect();
                    sweep(session, &subnets).await?;
                }
                delete_if_there(session, &name).await
            }
        }
    }

    fn beside<'a>(session: &'a Session, removal: &'a Removal) -> Option<LocalBoxFuture<'a, Result<()>>> {
        match removal {
            Removal::Stack { name, base: false } => Some(Box::pin(delete_if_there(session, name))),
            _ => None,
        }
    }

    async fn settle(session: &mut Session) -> Result<()> {
        all_deleted(session, &ours(session).collect::<Vec<_>>()).await
    }
}

async fn delete_if_there(session: &Session, name: &str) -> Result<()> {
    match session.clients.aws.cloudformation.stack(name).await? {
        Some(stack) => delete(session, &stack).await,
        None => Ok(()),
    }
}

/// The names of our stacks.
fn ours(session: &Session) -> impl Iterator<Item = &str> {
    let stacks = session.facts.node_groups.stacks.values();
    stacks.filter(|stack| is_ours(stack, &session.facts)).map(|stack| stack.name.as_str())
}

fn is_ours(stack: &Stack, facts: &Facts) -> bool {
    stack.tags.get(TAG_CLUSTER) == Some(&facts.cluster.name)
}

/// Our entries that exist: in aws-auth those of the stack's role and the recorded ones, access entries by their tag.
fn authorised(design: &Design, facts: &Facts) -> Vec<Removal> {
    let mode = facts.cluster.authentication;
    let roles: BTreeSet<String> = match mode {
        Authentication::ConfigMap => {
            let entries = facts.node_groups.aws_auth.as_deref().unwrap_or_default();
            let ours = super::node_role(design, facts).into_iter().chain(facts.record.node_roles.clone());
            ours.filter(|role| has_role(entries, role).unwrap_or(false)).collect()
        }
        Authentication::Api | Authentication::ApiAndConfigMap => {
            let is_ours = |entry: &AccessEntry| entry.tags.get(TAG_CLUSTER) == Some(&facts.cluster.name);
            let entries = facts.node_groups.access_entries.iter();
            entries.filter(|(_, entry)| is_ours(entry)).map(|(role, _)| role.clone()).collect()
        }
    };
    roles.into_iter().map(|role| Removal::Unauthorise { mode, role }).collect()
}
