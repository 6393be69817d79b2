//! What the new nodes would not have of the old ones.

use std::collections::BTreeSet;

use crate::design::{PoolDesign, RoleDesign};
use crate::facts::Authentication;
use crate::issue::{Issue, id};
use crate::nodes::templates::ROLE_POLICIES;
use crate::nodes::user_data::carry;
use crate::scene::Scene;
use crate::step::Step;
use crate::text::{closest, did_you_mean, few};

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    unknown_pools(scene, findings);
    if !scene.concerns(&[Step::LaunchNodegroups]) {
        return;
    }
    for pool in &scene.design.pools {
        // A group that exists is not changed.
        if is_launched(scene, pool) {
            continue;
        }
        unclear(pool, findings);
        labels(pool, findings);
        user_data(scene, pool, findings);
        security_groups(scene, pool, findings);
        policies(scene, pool, findings);
    }
    shared_roles(scene, findings);
}

pub(super) fn is_launched(scene: &Scene<'_>, pool: &PoolDesign) -> bool {
    pool.groups.iter().all(|group| scene.facts.node_groups.stacks.contains_key(&group.stack))
}

/// Pools that a setting names and that the cluster does not have.
fn unknown_pools(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (settings, nodes) = (scene.settings, &scene.settings.nodes);
    let known = names(scene);
    let own = [
        ("replace-with", nodes.replace_with.names()),
        ("managed-image", nodes.managed_image.names()),
        ("instance-type", nodes.instance_type.names()),
        ("ami-family", nodes.ami_family.names()),
        ("ami-id", nodes.ami_id.names()),
        ("nodes-per-zone", nodes.nodes_per_zone.names()),
        ("max-nodes-per-zone", nodes.max_nodes_per_zone.names()),
        ("volume-size", nodes.volume_size.names()),
        ("node-role", nodes.node_role.names()),
        ("pool", nodes.pools.iter().collect()),
    ];
    for (flag, names) in own {
        for name in names.into_iter().filter(|name| !known.contains(name.as_str())) {
            let all = || few(&known.iter().map(ToString::to_string).collect::<Vec<_>>());
            findings.push(
                Issue::error(id::NOD_052, format!("the cluster has no pool '{name}' to replace"))
                    .at(settings.named(flag))
                    .why(format!("the pools are {}", all()))
                    .fix(did_you_mean(&closest(name, known.iter().copied())).unwrap_or_else(|| {
                        "use the name of a managed node group or of an Auto Scaling group that has old nodes".into()
                    })),
            );
        }
    }
}

/// Names of the pools that could be replaced.
fn names<'a>(scene: &Scene<'a>) -> BTreeSet<&'a str> {
    let Scene { facts, design, .. } = *scene;
    let designed = design.pools.iter().map(|pool| pool.name.as_str());
    designed.chain(facts.pools.iter().map(|pool| pool.name.as_str())).collect()
}

/// "If you delete a managed node group that uses a node IAM role that isn't used by any other managed node group in the
/// cluster, the role is removed from the aws-auth ConfigMap. … the self-managed nodes move to the NotReady status" (EKS
/// user guide, "Delete a managed node group").
fn shared_roles(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let managed: BTreeSet<&String> =
        facts.node_groups.managed.iter().filter_map(|group| group.settings.role.as_ref()).collect();
    for role in scene.design.existing_roles().collect::<BTreeSet<_>>() {
        if !managed.iter().any(|own| *own == role) {
            continue;
        }
        let has_it =
            |pool: &&PoolDesign| matches!(&pool.mirror.role, RoleDesign::Existing { arn, .. } if arn == role);
        // A new managed node group with the role keeps it authorised, as long as it exists itself.
        let (managed, others): (Vec<&PoolDesign>, Vec<&PoolDesign>) =
            scene.design.pools.iter().filter(has_it).partition(|pool| pool.kind.is_managed());
        let new = others.into_iter().filter(|pool| !is_launched(scene, pool));
        let pools: Vec<String> = new.map(|pool| pool.name.clone()).collect();
        if pools.is_empty() || !managed.is_empty() {
            continue;
        }
        let cluster = &facts.cluster.name;
        let fix = match facts.cluster.authentication {
            Authentication::ConfigMap => {
                "keep a managed node group with the role, at size 0; or --node-role new".to_string()
            }
            _ => format!(
                "keep a managed node group with the role, at size 0; or at once after the last one is deleted: aws eks create-access-entry --cluster-name {cluster} --principal-arn {role} --type EC2_LINUX; or --node-role new"
            ),
        };
        findings.push(
            Issue::warning(
                id::NOD_055,
                format!("the new nodes of {} need a managed node group that has their role", few(&pools)),
            )
            .at(role)
            .why("EKS let the role join for its managed node groups; when the last of them is deleted, EKS takes that back, and the new nodes become NotReady")
            .fix(fix),
        );
    }
}

/// What is not understood is never dropped in silence.
fn unclear(pool: &PoolDesign, findings: &mut Vec<Issue>) {
    for unclear in &pool.mirror.unclear {
        findings.push(
            Issue::warning(
                id::NOD_050,
                format!("the new nodes of pool {} do not get {}", pool.name, unclear.what),
            )
            .at(source(pool))
            .why(&unclear.why)
            .fix(format!(
                "if the nodes do not need it: --accept {}; else replace the pool yourself, and choose the others with --pool",
                id::NOD_050.id()
            )),
        );
    }
}

/// Labels with reserved prefixes are set by people or controllers after a node has joined.
fn labels(pool: &PoolDesign, findings: &mut Vec<Issue>) {
    let unsettable = &pool.mirror.unsettable;
    if unsettable.is_empty() {
        return;
    }
    let names: Vec<String> = unsettable.keys().cloned().collect();
    findings.push(
        Issue::warning(
            id::NOD_051,
            format!("the new nodes of pool {} do not set {}", pool.name, few(&names)),
        )
        .at(format!("pool {}", pool.name))
        .why(unsettable.values().next().cloned().unwrap_or_default())
        .fix(format!(
            "if nothing sets it again: kubectl label nodes -l … {}=…; pods that ask for such a label stay Pending until then",
            names[0]
        )),
    );
}

/// Each AMI family has its own format of user data.
fn user_data(scene: &Scene<'_>, pool: &PoolDesign, findings: &mut Vec<Issue>) {
    let Some(old) = &pool.old else { return };
    if pool.machine.family_unknown {
        findings.push(
            Issue::error(id::NOD_054, format!("user data can't be written for the nodes of pool {}", pool.name))
                .at(source(pool))
                .why("their image is not Amazon Linux or Bottlerocket, and each system has its own way to join a cluster")
                .fix(format!(
                    "--ami-family {}=al2023 for AWS's image; or replace the pool yourself, and choose the others with --pool",
                    pool.name
                )),
        );
        return;
    }
    let Some(family) = old.family.filter(|family| *family != pool.machine.family) else { return };
    let carried = carry(family, &old.template.user_data, scene.facts.cluster.service_cidr);
    if carried.keeps_settings() {
        findings.push(
            Issue::warning(
                id::NOD_050,
                format!("the new nodes of pool {} do not get the user data of the old ones", pool.name),
            )
            .at(source(pool))
            .why(format!("it is for {family}, and the new nodes are {}", pool.machine.family))
            .fix(format!("omit --ami-family to keep {family}; or --accept {}", id::NOD_050.id())),
        );
    }
}

/// Pods get the groups of their ENIConfig, and a zone has one for all pools.
fn security_groups(scene: &Scene<'_>, pool: &PoolDesign, findings: &mut Vec<Issue>) {
    let design = scene.design;
    let of_pods =
        if design.security_groups.is_empty() { &design.shared_groups } else { &design.security_groups };
    let lost: Vec<String> =
        pool.mirror.security_groups.iter().filter(|id| !of_pods.contains(id)).cloned().collect();
    if lost.is_empty() {
        return;
    }
    let all = of_pods.iter().chain(&lost).cloned().collect::<Vec<_>>().join(",");
    findings.push(
        Issue::warning(id::NOD_053, format!("the pods of pool {} are no longer in {}", pool.name, few(&lost)))
            .at(format!("ENIConfigs of {}", scene.facts.cluster.name))
            .why("the nodes keep the group, but pods get the security groups of their ENIConfig, which all pools share; EC-RCH-017 reports what would then be blocked")
            .fix(format!("to give it to the pods of all pools: --security-group NODE_GROUP,{},{all}", scene.facts.cluster.security_group)),
    );
}

/// Where a person finds what the pool's owner launches.
/// Pods without a role of their own can use the node's, and so can DaemonSets of monitoring and storage.
fn policies(scene: &Scene<'_>, pool: &PoolDesign, findings: &mut Vec<Issue>) {
    let Some(old) = pool.old.as_ref().and_then(|old| old.role.as_ref()) else { return };
    let known = &scene.facts.launches.policies;
    let new = match &pool.mirror.role {
        RoleDesign::Existing { arn, .. } if arn == old => return,
        RoleDesign::Existing { arn, .. } => known.get(arn),
        RoleDesign::New => Some(&Ok(ROLE_POLICIES.map(ToString::to_string).into())),
    };
    let name = &pool.name;
    let (what, why) = match (known.get(old), new) {
        (Some(Ok(had)), Some(Ok(have))) => {
            // What it allows beyond AmazonEC2ContainerRegistryPullOnly is not for kubelets: it lists repositories.
            let is_for_pulling = |policy: &&String| *policy == "AmazonEC2ContainerRegistryReadOnly";
            let lost: Vec<String> =
                had.difference(have).filter(|policy| !is_for_pulling(policy)).cloned().collect();
            if lost.is_empty() {
                return;
            }
            let what = format!("the new nodes of pool {name} don't have {}", few(&lost));
            (what, "pods without an IAM role of their own use the policies of their node's role".to_string())
        }
        (Some(Err(why)), _) | (_, Some(Err(why))) => {
            let what = format!("the new nodes of pool {name} may lack policies that their pods use");
            (what, format!("they have another IAM role, and the policies could not be read: {why}"))
        }
        _ => return,
    };
    findings.push(Issue::warning(id::NOD_056, what).at(old).why(why).fix(format!(
        "if pods of the pool need them: leave out --node-role for it, or attach the policies to the new role as well; else --accept {}",
        id::NOD_056.id()
    )));
}

pub(super) fn source(pool: &PoolDesign) -> String {
    let source = pool.old.as_ref().map(|old| old.template.source.clone()).filter(|source| !source.is_empty());
    source.unwrap_or_else(|| format!("pool {}", pool.name))
}

#[cfg(test)]
mod tests {
    use crate::checks::{found, reported};
    use crate::facts::{AmiFamily, Facts, Unclear};
    use crate::sample::{add_pool, facts};

    use super::*;

    /// A cluster with the pools `gpu` and `web`.
    fn cluster() -> Facts {
        let mut facts = facts();
        facts.nodes.clear();
        add_pool(&mut facts, "gpu", "g5.xlarge", &["a"]);
        add_pool(&mut facts, "web", "m5.large", &["a", "b"]);
        facts
    }

    #[test]
    fn pools_that_are_understood_have_no_issue() {
        assert_eq!(reported(check, &cluster(), &[]), [""; 0]);
    }

    #[test]
    fn what_is_not_understood_is_a_risk_that_shows_it() {
        let mut facts = cluster();
        let unclear =
            Unclear { what: "InstanceMaintenancePolicy".into(), why: "CloudFormation can't set it".into() };
        facts.pools[0].unclear.push(unclear);
        facts.pools[1].template.user_data = b"#cloud-boothook\n\xff".to_vec();
        let issues = found(check, &facts, &[]);
        assert!(issues.len() == 2 && issues.iter().all(|issue| issue.id == id::NOD_050), "{issues:?}");
        assert!(issues[0].what.ends_with("of pool gpu do not get InstanceMaintenancePolicy"), "{issues:?}");
        assert_eq!(found(check, &facts, &["--pool", "web"]).len(), 1, "the other pool stays as it is");
    }

    #[test]
    fn user_data_of_another_family_is_not_carried_over_in_silence() {
        let mut facts = cluster();
        let text = "[settings.kubernetes]\nallowed-unsafe-sysctls = [\"net.core.somaxconn\"]\n";
        facts.pools[1].family = Some(AmiFamily::Bottlerocket);
        facts.pools[1].template.user_data = text.into();
        assert_eq!(reported(check, &facts, &[]), [""; 0]);
        let lost = reported(check, &facts, &["--ami-family", "al2023"]);
        assert_eq!(
            lost,
            ["EC-NOD-050 Warning: the new nodes of pool web do not get the user data of the old ones"]
        );
    }

    #[test]
    fn nodes_of_an_unknown_system_are_refused_unless_they_get_another() {
        let mut facts = cluster();
        facts.pools[1].family = None;
        let refused = ["EC-NOD-054 Error: user data can't be written for the nodes of pool web"];
        assert_eq!(reported(check, &facts, &[]), refused);
        assert_eq!(reported(check, &facts, &["--ami-family", "web=al2023"]), [""; 0]);
    }

    #[test]
    fn a_pool_that_does_not_exist_is_an_error_with_the_name_that_was_meant() {
        let issues = found(check, &cluster(), &["--instance-type", "wbe=m6i.large"]);
        assert_eq!(issues.len(), 1, "{issues:?}");
        assert_eq!(issues[0].id, id::NOD_052);
        assert!(issues[0].fix.contains("did you mean web?"), "{issues:?}");
        assert_eq!(issues[0].place, "--instance-type");
    }

    #[test]
    fn pods_that_lose_a_security_group_are_reported_by_pool() {
        let mut facts = cluster();
        let groups = serde_json::json!({ "SecurityGroupIds": ["sg-db"] });
        facts.pools[0].template.data = groups.as_object().unwrap().clone();
        let lost = ["EC-NOD-053 Warning: the pods of pool gpu are no longer in sg-db"];
        assert_eq!(reported(check, &facts, &[]), lost);
        assert_eq!(reported(check, &facts, &["--security-group", "sg-db"]), [""; 0]);
        facts.pools[1].template.data = facts.pools[0].template.data.clone();
        assert_eq!(reported(check, &facts, &[]), [""; 0], "all pools have it");
    }

    #[test]
    fn policies_that_another_role_lacks_are_named_also_if_they_could_not_be_read() {
        let mut facts = cluster();
        let old = facts.pools[0].role.clone().unwrap();
        let policies = ["AmazonEKSWorkerNodePolicy", "orders-table"].map(ToString::to_string);
        facts.launches.policies = [(old.clone(), Ok(policies.into()))].into();
        assert_eq!(reported(check, &facts, &[]), [""; 0], "they keep the role");
        let lost = ["EC-NOD-056 Warning: the new nodes of pool gpu don't have orders-table"];
        assert_eq!(reported(check, &facts, &["--node-role", "gpu=new"]), lost);
        let other = "arn:aws:iam::123456789012:role/other";
        let argument = format!("gpu={other}");
        let has_all = facts.launches.policies[&old].clone();
        facts.launches.policies.insert(other.into(), has_all);
        assert_eq!(reported(check, &facts, &["--node-role", &argument]), [""; 0]);
        facts.launches.policies.insert(old, Err("AccessDenied".into()));
        let unknown = ["EC-NOD-056 Warning: the new nodes of pool gpu may lack policies that their pods use"];
        assert_eq!(reported(check, &facts, &["--node-role", "gpu=new"]), unknown);
    }

    #[test]
    fn labels_that_a_kubelet_may_not_set_are_reported() {
        let mut facts = cluster();
        facts.pools[0].labels = [("node-role.kubernetes.io/gpu".to_string(), String::new())].into();
        let said = ["EC-NOD-051 Warning: the new nodes of pool gpu do not set node-role.kubernetes.io/gpu"];
        assert_eq!(reported(check, &facts, &[]), said);
    }
}
