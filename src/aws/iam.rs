//! IAM: whether the caller's policies allow a call, and the roles of instance profiles.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType};

use crate::calls::Calls;
use crate::error::{Error, Result};
use crate::facts::InstanceProfile;

use super::optional::{OneConnection, Patience, retries, timeouts};
use super::{Trace, failure};

/// The simulator takes some seconds for many actions.
const ANSWER: Duration = Duration::from_secs(15);

#[derive(Debug, Clone)]
pub(crate) struct Iam {
    client: Client,
    patience: Patience,
}

/// What the policies say about one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    pub action: String,
    pub allowed: bool,
    /// Condition keys that the policies use and that the request did not give: the answer is not reliable.
    pub missing_keys: Vec<String>,
}

/// The resources and condition keys of a simulated call. Without ARNs: `*`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Question<'a> {
    pub actions: &'a [&'a str],
    pub arns: &'a [String],
    /// Whether it is enough that one of the ARNs is allowed.
    pub any: bool,
    /// Condition keys and their values.
    pub keys: &'a [(String, Vec<String>)],
}

impl Iam {
    pub(crate) fn new(config: &aws_config::SdkConfig, calls: &Calls) -> Self {
        let config = aws_sdk_iam::config::Builder::from(config)
            .interceptor(Trace(calls.clone()))
            .retry_config(retries())
            .timeout_config(timeouts(ANSWER))
            .retry_classifier(OneConnection)
            .build();
        Iam { client: Client::from_conf(config), patience: Patience::default() }
    }

    /// Simulates the policies of an IAM user or role. Each action is evaluated for each ARN, and must be allowed for all
    /// of them, or for any.
    pub(crate) async fn simulate(&self, principal: &str, question: &Question<'_>) -> Result<Vec<Decision>> {
        self.patience.ask(Box::pin(self.ask_simulator(principal, question))).await
    }

    async fn ask_simulator(&self, principal: &str, question: &Question<'_>) -> Result<Vec<Decision>> {
        let mut keys = Vec::new();
        for (name, values) in question.keys {
            let kind =
                if values.len() == 1 { ContextKeyTypeEnum::String } else { ContextKeyTypeEnum::StringList };
            let entry = ContextEntry::builder().context_key_name(name).context_key_type(kind);
            keys.push(entry.set_context_key_values(Some(values.clone())).build());
        }
        let mut pages = self
            .client
            .simulate_principal_policy()
            .policy_source_arn(principal)
            .set_action_names(Some(question.actions.iter().map(ToString::to_string).collect()))
            .set_resource_arns((!question.arns.is_empty()).then(|| question.arns.to_vec()))
            .set_context_entries(Some(keys))
            .into_paginator()
            .items()
            .send();
        let mut decisions: Vec<Decision> = Vec::new();
        while let Some(result) = pages.next().await {
            let result = result.map_err(|error| failure("SimulatePrincipalPolicy", &error).at(principal))?;
            let one = decision(&result);
            match decisions.iter_mut().find(|known| known.action == one.action) {
                Some(known) => {
                    known.allowed = match question.any {
                        true => known.allowed || one.allowed,
                        false => known.allowed && one.allowed,
                    };
                    known.missing_keys.extend(one.missing_keys);
                }
                None => decisions.push(one),
            }
        }
        for decision in &mut decisions {
            decision.missing_keys.sort();
            decision.missing_keys.dedup();
        }
        Ok(decisions)
    }

    /// A role's ARN with its path, which the ARN of a session leaves out.
    pub(crate) async fn role_arn(&self, name: &str) -> Result<String> {
        let question = async {
            let reply = self.client.get_role().role_name(name).send().await;
            reply.map_err(|error| failure("GetRole", &error).at(name))
        };
        let reply = self.patience.ask(Box::pin(question)).await?;
        let arn = reply.role().map(|role| role.arn().to_string());
        arn.ok_or_else(|| Error::failed("IAM returned no role").at(name))
    }

    /// Names of a role's policies, attached ones and inline ones. `name`: without its path.
    pub(crate) async fn role_policies(&self, name: &str) -> Result<BTreeSet<String>> {
        let attached = async {
            let pages = self.client.list_attached_role_policies().role_name(name).into_paginator().items();
            let read: std::result::Result<Vec<_>, _> = pages.send().collect().await;
            read.map_err(|error| failure("ListAttachedRolePolicies", &error).at(name))
        };
        let inline = async {
            let pages = self.client.list_role_policies().role_name(name).into_paginator().items();
            let read: std::result::Result<Vec<_>, _> = pages.send().collect().await;
            read.map_err(|error| failure("ListRolePolicies", &error).at(name))
        };
        let attached = self.patience.ask_if_reached(Box::pin(attached)).await?;
        let inline = self.patience.ask_if_reached(Box::pin(inline)).await?;
        let attached = attached.iter().filter_map(|policy| policy.policy_name()).map(ToString::to_string);
        Ok(attached.chain(inline).collect())
    }

    /// An instance profile and its role. `name`: without its path.
    pub(crate) async fn instance_profile(&self, name: &str) -> Result<InstanceProfile> {
        let question = async {
            let reply = self.client.get_instance_profile().instance_profile_name(name).send().await;
            reply.map_err(|error| failure("GetInstanceProfile", &error).at(name))
        };
        let reply = self.patience.ask_if_reached(Box::pin(question)).await?;
        let profile = reply.instance_profile();
        let profile = profile.ok_or_else(|| Error::failed("IAM returned no instance profile").at(name))?;
        let role = profile.roles().first().map(|role| role.arn().to_string());
        Ok(InstanceProfile { arn: profile.arn().to_string(), role })
    }
}

fn decision(result: &EvaluationResult) -> Decision {
    let allowed = *result.eval_decision() == PolicyEvaluationDecisionType::Allowed;
    let on_each = result.resource_specific_results();
    let denied = |result: &&aws_sdk_iam::types::ResourceSpecificResult| {
        *result.eval_resource_decision() != PolicyEvaluationDecisionType::Allowed
    };
    let missing = on_each.iter().flat_map(|result| result.missing_context_values());
    Decision {
        action: result.eval_action_name().to_string(),
        allowed: allowed && !on_each.iter().any(|result| denied(&result)),
        missing_keys: result.missing_context_values().iter().chain(missing).cloned().collect(),
    }
}
