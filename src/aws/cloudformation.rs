//! CloudFormation: the stacks that hold node groups.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::types::{Capability, OnFailure, Parameter, StackStatus, Tag};

use crate::calls::Calls;
use crate::error::Result;
use crate::facts::Stack;

use super::optional::retries;
use super::{Trace, failure};

#[derive(Debug, Clone)]
pub(crate) struct CloudFormation {
    client: Client,
    /// For optional reads: few attempts.
    optional: Client,
}

/// A stack to create or update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StackRequest {
    pub name: String,
    pub template: String,
    pub parameters: BTreeMap<String, String>,
    pub tags: Vec<(String, String)>,
    pub token: String,
}

impl CloudFormation {
    pub(crate) fn new(config: &aws_config::SdkConfig, calls: &Calls) -> Self {
        let config =
            aws_sdk_cloudformation::config::Builder::from(config).interceptor(Trace(calls.clone())).build();
        let optional = config.to_builder().retry_config(retries()).build();
        CloudFormation { client: Client::from_conf(config), optional: Client::from_conf(optional) }
    }

    /// A stack by name; `None` if it does not exist.
    pub(crate) async fn stack(&self, name: &str) -> Result<Option<Stack>> {
        let reply = match self.client.describe_stacks().stack_name(name).send().await {
            Ok(reply) => reply,
            // CloudFormation has no NotFound here: it is a ValidationError that says "does not exist".
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(failure("DescribeStacks", &error).at(name)),
        };
        Ok(reply.stacks().first().map(as_fact))
    }

    /// All stacks with one of these tags, whatever their names.
    pub(crate) async fn stacks_tagged(&self, keys: &[&str], value: &str) -> Result<Vec<Stack>> {
        let mut pages = self.client.describe_stacks().into_paginator().items().send();
        let mut stacks = Vec::new();
        while let Some(stack) = pages.next().await {
            let stack = as_fact(&stack.map_err(|error| failure("DescribeStacks", &error))?);
            if keys.iter().any(|key| stack.tags.get(*key).is_some_and(|there| there == value)) {
                stacks.push(stack);
            }
        }
        Ok(stacks)
    }

    /// The number of stacks in the region, whoever created them.
    pub(crate) async fn count(&self) -> Result<u32> {
        let there = StackStatus::values()
            .iter()
            .map(|status| StackStatus::from(*status))
            .filter(|status| *status != StackStatus::DeleteComplete);
        let mut pages = self
            .optional
            .list_stacks()
            .set_stack_status_filter(Some(there.collect()))
            .into_paginator()
            .items()
            .send();
        let mut count = 0;
        while let Some(stack) = pages.next().await {
            stack.map_err(|error| failure("ListStacks", &error))?;
            count += 1;
        }
        Ok(count)
    }

    /// Starts to create a stack. If one of that name exists, the next read finds it.
    pub(crate) async fn create(&self, stack: &StackRequest) -> Result<()> {
        // CloudFormation may remember the token of a stack of this name that failed and was deleted.
        for attempt in 1.. {
            let reply = self
                .client
                .create_stack()
                .stack_name(&stack.name)
                .template_body(&stack.template)
                .set_parameters(Some(parameters(&stack.parameters)))
                .set_tags(Some(stack_tags(&stack.tags)))
                .capabilities(Capability::CapabilityIam)
                // A failed stack is deleted after its events are read: half a stack would keep names and groups.
                .on_failure(OnFailure::Rollback)
                .client_request_token(format!("{}-{attempt}", stack.token))
                .send()
                .await;
            match reply {
                Err(error) if error.code() == Some("AlreadyExistsException") => break,
                Err(error) if error.code() == Some("TokenAlreadyExistsException") && attempt < 10 => continue,
                Err(error) => return Err(failure("create stack", &error).at(&stack.name)),
                Ok(_) => break,
            }
        }
        Ok(())
    }

    /// Starts to update a stack's parameters. Parameters that are not named keep their values, and the template stays.
    pub(crate) async fn update_parameters(
        &self,
        stack: &Stack,
        changed: &BTreeMap<String, String>,
        token: &str,
    ) -> Result<()> {
        let parameters = stack.parameters.keys().map(|key| {
            let parameter = Parameter::builder().parameter_key(key);
            match changed.get(key) {
                Some(value) => parameter.parameter_value(value).build(),
                None => parameter.use_previous_value(true).build(),
            }
        });
        let reply = self
            .client
            .update_stack()
            .stack_name(&stack.name)
            .use_previous_template(true)
            .set_parameters(Some(parameters.collect()))
            .capabilities(Capability::CapabilityIam)
            .client_request_token(token)
            .send()
            .await;
        match reply {
            Err(error)
                if error.message().is_some_and(|text| text.contains("No updates are to be performed")) =>
            {
                Ok(())
            }
            Err(error) => Err(failure("update stack", &error).at(&stack.name)),
            Ok(_) => Ok(()),
        }
    }

    pub(crate) async fn delete(&self, name: &str, token: &str) -> Result<()> {
        self.client
            .delete_stack()
            .stack_name(name)
            .client_request_token(token)
            .send()
            .await
            .map_err(|error| failure("delete stack", &error).at(name))?;
        Ok(())
    }

    /// The resource that a stack works on, with its newest status and reason; `None` if it works on none right now. For
    /// display: it reads only the newest page of events, with few attempts.
    pub(crate) async fn in_progress(&self, name: &str) -> Result<Option<String>> {
        let reply = self.optional.describe_stack_events().stack_name(name).send().await;
        let reply = reply.map_err(|error| failure("DescribeStackEvents", &error).at(name))?;
        // Newest first, so the first event of a resource is its state.
        let mut seen = BTreeSet::new();
        let newest = reply.stack_events().iter().find(|event| {
            let id = event.logical_resource_id().unwrap_or_default();
            let status = event.resource_status().map(|status| status.as_str()).unwrap_or_default();
            seen.insert(id) && id != name && status.ends_with("_IN_PROGRESS")
        });
        Ok(newest.map(|event| {
            let id = event.logical_resource_id().unwrap_or_default();
            let kind = event.resource_type().unwrap_or_default();
            let status = event.resource_status().map(|status| status.as_str()).unwrap_or_default();
            let reason =
                event.resource_status_reason().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("{id} ({kind}) {status}{reason}")
        }))
    }

    /// What failed in a stack, newest first: each `LogicalId (type): reason`.
    pub(crate) async fn failures(&self, name: &str) -> Result<Vec<String>> {
        let mut pages = self.client.describe_stack_events().stack_name(name).into_paginator().items().send();
        let mut failures = Vec::new();
        while let Some(event) = pages.next().await {
            let event = event.map_err(|error| failure("DescribeStackEvents", &error).at(name))?;
            let status = event.resource_status().map(|status| status.as_str()).unwrap_or_default();
            let reason = event.resource_status_reason().unwrap_or_default();
            // A resource that was cancelled because another one failed is not a cause.
            if status.ends_with("_FAILED") && !reason.contains("cancelled") {
                let id = event.logical_resource_id().unwrap_or_default();
                let kind = event.resource_type().unwrap_or_default();
                failures.push(format!("{id} ({kind}): {reason}"));
            }
        }
        Ok(failures)
    }
}

fn as_fact(stack: &aws_sdk_cloudformation::types::Stack) -> Stack {
    Stack {
        name: stack.stack_name().unwrap_or_default().to_string(),
        id: stack.stack_id().unwrap_or_default().to_string(),
        status: stack.stack_status().map(|status| status.as_str()).unwrap_or_default().into(),
        reason: stack.stack_status_reason().unwrap_or_default().to_string(),
        updated: stack.last_updated_time().map(ToString::to_string).unwrap_or_default(),
        parameters: pairs(stack.parameters().iter().map(|p| (p.parameter_key(), p.parameter_value()))),
        outputs: pairs(stack.outputs().iter().map(|o| (o.output_key(), o.output_value()))),
        tags: pairs(stack.tags().iter().map(|t| (t.key(), t.value()))),
    }
}

fn is_missing<E: ProvideErrorMetadata>(error: &E) -> bool {
    error.code() == Some("ValidationError")
        && error.message().is_some_and(|text| text.contains("does not exist"))
}

fn pairs<'a>(items: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>) -> BTreeMap<String, String> {
    items.filter_map(|(key, value)| Some((key?.to_string(), value.unwrap_or_default().to_string()))).collect()
}

fn parameters(values: &BTreeMap<String, String>) -> Vec<Parameter> {
    values
        .iter()
        .map(|(key, value)| Parameter::builder().parameter_key(key).parameter_value(value).build())
        .collect()
}

fn stack_tags(tags: &[(String, String)]) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
