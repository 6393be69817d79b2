//! AWS and Kubernetes clients of a run.

use crate::aws::Aws;
use crate::k8s::Kube;

/// The AWS and Kubernetes clients of a run.
#[derive(Clone)]
pub(crate) struct Clients {
    pub aws: Aws,
    pub kube: Kube,
}
