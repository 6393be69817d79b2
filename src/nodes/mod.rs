//! What a new node needs: user data, CloudFormation templates, and the aws-auth entry that lets it join.
//!
//! Pure: no module here uses a client.

pub(crate) mod aws_auth;
pub(crate) mod templates;
pub(crate) mod user_data;
