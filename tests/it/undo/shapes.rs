//! Setup and undo on each shape of cluster. Together with the other files they cover all pairs of: owners of the old
//! nodes, kinds of aws-node, ENIConfig CRDs, authentication modes, and public or private nodes.

use sandbox::{AuthenticationMode, Cni, Crd, OldNodes, Shape};

use super::setup_and_undo;
use crate::policy;

#[test]
fn undo_restores_a_daemonset_a_missing_crd_and_aws_auth() {
    let shape = Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        cni: Cni::Daemonset,
        crd: Crd::Missing,
        authentication_mode: AuthenticationMode::ConfigMap,
        ..Shape::default()
    };
    let sandbox = setup_and_undo(shape, &["--eniconfig-name", "us-west-2a=pods-a"]);
    policy::needs_all_of_kubernetes(&sandbox, Default::default(), policy::KUBERNETES_UNDO_DAEMONSET);
}

#[test]
fn undo_restores_managed_and_self_managed_nodes_in_public_subnets() {
    let shape =
        Shape { azs: 1, cni: Cni::Daemonset, crd: Crd::Untyped, public_nodes: true, ..Shape::default() };
    setup_and_undo(shape, &["--external-snat"]);
}

#[test]
fn undo_restores_managed_nodes_aws_auth_and_the_addon() {
    let shape = Shape {
        azs: 1,
        old_nodes: OldNodes::Managed,
        authentication_mode: AuthenticationMode::ConfigMap,
        ..Shape::default()
    };
    setup_and_undo(shape, &["--env-last"]);
}
