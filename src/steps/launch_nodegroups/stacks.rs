//! Waits for stacks, and deletes them.

use futures::stream::{self, StreamExt, TryStreamExt};

use crate::client_token::client_token;
use crate::error::{Error, Result};
use crate::events::Part;
use crate::facts::{Stack, StackStatus};
use crate::session::{AT_ONCE, Seen, Session};
use crate::text::{counted, few};

/// Waits until no operation is in progress on a stack.
pub(crate) async fn settled(session: &Session, name: &str) -> Result<Stack> {
    let mut resources = Resources::default();
    session
        .until(&format!("stack {name} to complete"), async || {
            Ok(match session.clients.aws.cloudformation.stack(name).await? {
                None => Seen::NotYet("not visible yet".into()),
                Some(stack) if stack.status.is_in_progress() => {
                    let at_work = resources.at_work(session, name).await;
                    Seen::NotYet(at_work.unwrap_or_else(|| stack.status.to_string()))
                }
                Some(stack) => Seen::Yes(stack),
            })
        })
        .await
}

/// What stacks are busy with. It is only shown: a caller that may not read it is not asked again.
#[derive(Default)]
struct Resources {
    unknown: bool,
}

impl Resources {
    /// `NodeRole (AWS::IAM::Role) CREATE_IN_PROGRESS: Resource creation Initiated`
    async fn at_work(&mut self, session: &Session, stack: &str) -> Option<String> {
        if self.unknown {
            return None;
        }
        let read = session.clients.aws.cloudformation.in_progress(stack).await;
        self.unknown = read.is_err();
        read.ok().flatten()
    }
}

/// Waits until a stack is complete. The error of a failed stack names the resources that failed, and why.
pub(crate) async fn complete(session: &Session, name: &str) -> Result<Stack> {
    let stack = settled(session, name).await?;
    if stack.status.is_complete() {
        return Ok(stack);
    }
    let reasons = session.clients.aws.cloudformation.failures(name).await?;
    Err(Error::failed(format!("the stack ended in {}", stack.status))
        .at(name)
        .because(if reasons.is_empty() { stack.reason } else { reasons.join("; ") })
        .fix("fix the cause, then run the same command again; a stack that never completed is deleted and recreated"))
}

/// Waits until all these stacks are complete, and fails as soon as one has failed.
pub(crate) async fn all_complete(session: &Session, names: &[&str]) -> Result<()> {
    if let [name] = names {
        return complete(session, name).await.map(drop);
    }
    let mut left = names.to_vec();
    let mut resources = Resources::default();
    session
        .until(&format!("{} to complete", counted(names.len(), "stack")), async || {
            let mut waiting = Vec::new();
            let mut still = Vec::new();
            for (name, stack) in statuses(session, &left).await? {
                match stack.map(|stack| stack.status) {
                    Some(status) if status.is_complete() => continue,
                    // Reads why.
                    Some(status) if !status.is_in_progress() => drop(complete(session, name).await?),
                    Some(status) if still.is_empty() => {
                        let at_work = resources.at_work(session, name).await;
                        waiting.push(format!("{name}: {}", at_work.unwrap_or_else(|| status.to_string())));
                    }
                    Some(status) => waiting.push(format!("{name}: {status}")),
                    None => waiting.push(format!("{name}: not visible yet")),
                }
                still.push(name);
            }
            left = still;
            let part = Part { done: names.len() - left.len(), of: names.len(), noun: "stack" };
            Ok(if left.is_empty() { Seen::Yes(()) } else { Seen::Partly(part, few(&waiting)) })
        })
        .await
}

/// The stacks of these names, in the same order.
async fn statuses<'a>(session: &Session, names: &[&'a str]) -> Result<Vec<(&'a str, Option<Stack>)>> {
    let cloudformation = &session.clients.aws.cloudformation;
    let read = async |name: &'a str| Ok::<_, Error>((name, cloudformation.stack(name).await?));
    stream::iter(names.iter().copied()).map(read).buffered(AT_ONCE).try_collect().await
}

/// Deletes a stack that failed before it completed, and waits. Requires our tag on it.
pub(crate) async fn remove_failed(session: &Session, name: &str, tag: &str) -> Result<()> {
    let cloudformation = &session.clients.aws.cloudformation;
    let Some(stack) = cloudformation.stack(name).await? else { return Ok(()) };
    if !stack.tags.contains_key(tag) {
        return Err(Error::failed("a failed stack with this name exists, and eni-custom did not create it")
            .at(&stack.id)
            .fix(format!("if nothing needs it: aws cloudformation delete-stack --stack-name {name}")));
    }
    delete(session, &stack).await?;
    deleted(session, name).await
}

/// Starts the deletion of a stack.
pub(super) async fn delete(session: &Session, stack: &Stack) -> Result<()> {
    let token = client_token(&session.facts.cluster.arn, "delete", &stack.id);
    session.clients.aws.cloudformation.delete(&stack.name, &token).await
}

/// Waits until a stack is deleted.
async fn deleted(session: &Session, name: &str) -> Result<()> {
    all_deleted(session, &[name]).await
}

/// Waits until all these stacks are deleted.
pub(super) async fn all_deleted(session: &Session, names: &[&str]) -> Result<()> {
    let what = match names {
        [name] => format!("stack {name}"),
        _ => counted(names.len(), "stack"),
    };
    let what = format!("{what} to be deleted");
    let mut left = names.to_vec();
    let failed = session.until(&what, async || {
        let mut waiting = Vec::new();
        let mut still = Vec::new();
        for (name, stack) in statuses(session, &left).await? {
            let Some(stack) = stack else { continue };
            if stack.status == StackStatus::DeleteFailed {
                return Ok(Seen::Yes(Some(stack)));
            }
            waiting.push(format!("{name}: {}", stack.status));
            still.push(name);
        }
        left = still;
        let part = Part { done: names.len() - left.len(), of: names.len(), noun: "stack" };
        Ok(if left.is_empty() { Seen::Yes(None) } else { Seen::Partly(part, few(&waiting)) })
    });
    let Some(failed) = failed.await? else { return Ok(()) };
    let reasons = session.clients.aws.cloudformation.failures(&failed.name).await?;
    Err(Error::failed("the stack can't be deleted")
        .at(&failed.name)
        .because(if reasons.is_empty() { failed.reason } else { reasons.join("; ") })
        .fix("remove what uses the stack, then run the same command again"))
}
