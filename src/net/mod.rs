//! Addresses: what AWS allows, how blocks are split into subnets, how many pods a node can hold.
//!
//! Pure: no module here uses a client.

pub(crate) mod accelerators;
pub(crate) mod cidr;
pub(crate) mod eniconfig;
pub(crate) mod firewall;
pub(crate) mod max_pods;
pub(crate) mod partition;
pub(crate) mod pem;
pub(crate) mod proxy;
pub(crate) mod regions;
pub(crate) mod vcpus;
