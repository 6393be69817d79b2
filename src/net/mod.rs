//! Addresses: what AWS allows, how blocks are split into subnets, how many pods a node can hold.
//!
//! Pure: no module here uses a client.

pub mod accelerators;
pub mod cidr;
pub mod eniconfig;
pub mod firewall;
pub mod max_pods;
pub mod partition;
pub mod pem;
pub mod proxy;
pub mod vcpus;
