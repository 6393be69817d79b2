//! There and back on each shape of cluster. With those of the other files all pairs are met of: owners of the old
//! nodes, kinds of aws-node, definitions of ENIConfig, ways to let nodes join, and public or private nodes.

use sandbox::{AuthenticationMode, Cni, Crd, OldNodes, Shape};

use super::there_and_back;
use crate::policy;

#[test]
fn a_daemonset_a_missing_definition_and_aws_auth_come_back_as_they_were() {
    let shape = Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        cni: Cni::Daemonset,
        crd: Crd::Missing,
        authentication_mode: AuthenticationMode::ConfigMap,
        ..Shape::default()
    };
    let sandbox = there_and_back(shape, &["--eniconfig-name", "us-west-2a=pods-a"]);
    policy::needs_all_of_kubernetes(&sandbox, Default::default(), policy::KUBERNETES_UNDO_DAEMONSET);
}

#[test]
fn nodes_of_both_owners_in_public_subnets_come_back_as_they_were() {
    let shape =
        Shape { azs: 1, cni: Cni::Daemonset, crd: Crd::Untyped, public_nodes: true, ..Shape::default() };
    there_and_back(shape, &["--external-snat"]);
}

#[test]
fn managed_nodes_aws_auth_and_the_add_on_come_back_as_they_were() {
    let shape = Shape {
        azs: 1,
        old_nodes: OldNodes::Managed,
        authentication_mode: AuthenticationMode::ConfigMap,
        ..Shape::default()
    };
    there_and_back(shape, &["--env-last"]);
}
