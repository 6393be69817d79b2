//! What a new node needs: user data, CloudFormation templates, and the aws-auth entry that lets it join.
//!
//! Pure: no module here uses a client.

pub mod aws_auth;
pub mod templates;
pub mod user_data;
