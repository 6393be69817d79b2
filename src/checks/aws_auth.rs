//! ConfigMap kube-system/aws-auth, if it is the cluster's only way to authenticate nodes.

use crate::facts::{Authentication, Facts};
use crate::issue::{Issue, id};
use crate::nodes::aws_auth::{AwsAuthError, add_node_role, has_role, remove_node_role};

use crate::scene::Scene;

const AT: &str = "ConfigMap kube-system/aws-auth";

/// Before the new nodes' role is added.
pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    if facts.cluster.authentication != Authentication::ConfigMap {
        return;
    }
    // Until the base stack has created the role, any role will do: the check is whether an entry can be added.
    let new = format!("arn:aws:iam::{}:role/{}", facts.caller.account, scene.design.base_stack);
    let roles = facts.node_groups.aws_auth.as_deref().unwrap_or_default();
    for role in scene.design.roles(facts) {
        let role = role.as_ref().unwrap_or(&new);
        match add_node_role(roles, role) {
            Err(error) => findings.push(uneditable("the new nodes' role can't be added to aws-auth", &error)),
            Ok(_) if has_role(roles, role) == Ok(true) => continue,
            Ok(_) => findings.extend(held(facts)),
        }
        return;
    }
}

/// Before the managed entry is removed.
pub(super) fn check_undo(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (facts, record) = (scene.facts, &scene.facts.record);
    if facts.cluster.authentication != Authentication::ConfigMap {
        return;
    }
    let Some(roles) = &facts.node_groups.aws_auth else { return };
    let before = record.aws_auth.as_ref().and_then(Option::as_deref);
    let refused = record.node_roles.iter().find_map(|role| remove_node_role(roles, role, before).err());
    findings.extend(
        refused.map(|error| uneditable("the new nodes' role can't be removed from aws-auth", &error)),
    );
}

fn uneditable(what: &str, error: &AwsAuthError) -> Issue {
    let fix = match error {
        AwsAuthError::NoYaml(_) | AwsAuthError::NoList => {
            "kubectl -n kube-system edit configmap aws-auth # in this form aws-iam-authenticator ignores all of its roles"
        }
        _ => "kubectl -n kube-system edit configmap aws-auth",
    };
    Issue::error(id::NOD_041, what).at(AT).why(error.to_string()).fix(fix)
}

fn held(facts: &Facts) -> Option<Issue> {
    let holder = facts.node_groups.aws_auth_holder.as_ref()?;
    Some(
        Issue::warning(id::NOD_040, format!("aws-auth belongs to {holder}"))
            .at(AT)
            .why("its owner would remove the new nodes' role at its next update, and new nodes could not join")
            .fix(format!(
                "add --accept {}, and add the role to mapRoles at its owner as soon as the base stack has created it",
                id::NOD_040
            )),
    )
}

#[cfg(test)]
mod tests {
    use crate::issue::id;

    use crate::checks::nodes;
    use crate::checks::{found, reported};
    use crate::facts::{Authentication, Facts};
    use crate::ownership::Holder;
    use crate::sample;

    fn with(roles: &str) -> Facts {
        let mut facts = sample::facts();
        facts.caller.account = "123456789012".into();
        facts.cluster.authentication = Authentication::ConfigMap;
        facts.node_groups.aws_auth = Some(roles.into());
        facts
    }

    fn of(facts: &Facts) -> Vec<String> {
        let all = reported(nodes::check, facts, &[]).into_iter();
        all.filter(|line| line.starts_with("EC-NOD-04")).collect()
    }

    #[test]
    fn an_uneditable_aws_auth_is_reported_with_its_line_if_nodes_depend_on_it() {
        let broken = "- rolearn: arn:aws:iam::1:role/a\n  username: {{SessionName}}\n";
        assert_eq!(of(&with(broken)), ["EC-NOD-041 Error: the new nodes' role can't be added to aws-auth"]);
        let finding =
            found(nodes::check, &with(broken), &[]).into_iter().find(|one| one.id == id::NOD_041).unwrap();
        assert!(finding.why.contains("line 2") && finding.why.contains("quotes"), "{finding:?}");
        assert_eq!(of(&with("- rolearn: arn:aws:iam::1:role/a\n  username: a\n  username: b\n")), [""; 0]);
        let mut by_entry = with(broken);
        by_entry.cluster.authentication = Authentication::ApiAndConfigMap;
        assert_eq!(of(&by_entry), [""; 0]);
    }

    #[test]
    fn another_owner_of_aws_auth_is_a_risk() {
        let mut facts = with("");
        facts.node_groups.aws_auth_holder = Some(Holder::Manager("Terraform".into()));
        assert_eq!(of(&facts), ["EC-NOD-040 Warning: aws-auth belongs to field manager 'Terraform'"]);
    }
}
