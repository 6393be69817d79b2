//! Why there can't be a template with an input.

use crate::facts::Unclear;

/// Bytes of a template that CloudFormation accepts in the request itself: CloudFormation user guide, quotas.
pub(crate) const LONGEST_TEMPLATE: usize = 51_200;

/// Bytes of user data that EC2 accepts, before base64: EC2 user guide, "Run commands at launch".
pub(crate) const LONGEST_USER_DATA: usize = 16_384;

/// Instance types that a managed node group may have: EKS API reference, CreateNodegroup.
pub(crate) const MOST_TYPES: usize = 20;

/// Characters that the name of a managed node group may have: EKS API reference, CreateNodegroup.
pub(crate) const LONGEST_NAME: usize = 63;

/// Why there can't be a template with this input.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error("user data has {bytes} bytes, {} more than the {LONGEST_USER_DATA} that EC2 accepts", bytes - LONGEST_USER_DATA)]
    UserDataTooLong { bytes: usize },
    #[error(
        "the template has {bytes} bytes, {} more than the {LONGEST_TEMPLATE} that CloudFormation accepts in a request; user data has {user_data} of them",
        bytes - LONGEST_TEMPLATE
    )]
    TemplateTooLong {
        bytes: usize,
        /// Those of the user data, as text or in base64.
        user_data: usize,
    },
    #[error(
        "{at} contains \"{{{{resolve:\", which CloudFormation would replace by a value from Parameter Store or Secrets Manager"
    )]
    DynamicReference {
        /// `LaunchTemplateData.TagSpecifications[0].Tags[1].Value`
        at: String,
    },
    #[error("{at} has the key {key}, which CloudFormation would call as a function")]
    Function { at: String, key: String },
    #[error("{at} is null, and CloudFormation accepts no null")]
    Null { at: String },
    #[error("{property} of the group is not copied: the template sets it")]
    Reserved { property: String },
    #[error("the launch template can't have {}", fields(.0))]
    Unsupported(Vec<Unclear>),
    #[error("no instance type is known")]
    NoInstanceType,
    #[error("a mixed instances policy has no market type {0}, only Spot")]
    Market(String),
    #[error("a managed node group can't have {0}")]
    NotManaged(&'static str),
    #[error("a managed node group can have {MOST_TYPES} instance types, not {0}")]
    TooManyTypes(usize),
    #[error(
        "{0:?} can't be the name of a managed node group: at most {LONGEST_NAME} letters, digits, '-' and '_', a letter or digit first"
    )]
    Name(String),
    #[error("EKS knows no taint effect {0:?}")]
    TaintEffect(String),
}

fn fields(unclear: &[Unclear]) -> String {
    let each = unclear.iter().map(|one| format!("{} ({})", one.what, one.why));
    each.collect::<Vec<_>>().join(", ")
}
