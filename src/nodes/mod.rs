//! What a new node is made of: its user data, the CloudFormation templates it comes from and the
//! aws-auth entry that lets it join.
//!
//! Pure: no module here knows a client.

pub mod aws_auth;
pub mod templates;
pub mod user_data;
