//! ConfigMap kube-system/aws-auth, where the cluster lets nodes join by it alone.

use crate::facts::{Authentication, Facts};
use crate::issue::Issue;
use crate::nodes::aws_auth::{AwsAuthError, add_node_role, has_role, remove_node_role};

use super::Scene;

const AT: &str = "ConfigMap kube-system/aws-auth";

/// Before the new nodes' role is added.
pub fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    if facts.cluster.authentication != Authentication::ConfigMap {
        return;
    }
    let stack = facts.node_groups.stacks.get(&scene.design.base_stack);
    let known = stack.and_then(|stack| stack.outputs.get("NodeRoleArn")).cloned();
    // Until the base stack has made it, any role does: what matters is whether there is a place for an entry.
    let role = known
        .unwrap_or_else(|| format!("arn:aws:iam::{}:role/{}", facts.caller.account, scene.design.base_stack));
    let roles = facts.node_groups.aws_auth.as_deref().unwrap_or_default();
    match add_node_role(roles, &role) {
        Err(error) => findings.push(uneditable("the new nodes' role can't be added to aws-auth", &error)),
        Ok(_) if has_role(roles, &role) == Ok(true) => {}
        Ok(_) => findings.extend(held(facts)),
    }
}

/// Before our entry is taken out.
pub fn check_undo(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (facts, record) = (scene.facts, &scene.facts.record);
    if facts.cluster.authentication != Authentication::ConfigMap {
        return;
    }
    let (Some(role), Some(roles)) = (&record.node_role, &facts.node_groups.aws_auth) else { return };
    let before = record.aws_auth.as_ref().and_then(Option::as_deref);
    if let Err(error) = remove_node_role(roles, role, before) {
        findings.push(uneditable("the new nodes' role can't be taken out of aws-auth", &error));
    }
}

fn uneditable(what: &str, error: &AwsAuthError) -> Issue {
    let fix = match error {
        AwsAuthError::NoYaml(_) | AwsAuthError::NoList => {
            "kubectl -n kube-system edit configmap aws-auth; as it is, aws-iam-authenticator takes no role from it"
        }
        _ => "kubectl -n kube-system edit configmap aws-auth",
    };
    Issue::error("EC-NOD-041", what).at(AT).why(error.to_string()).fix(fix)
}

fn held(facts: &Facts) -> Option<Issue> {
    let holder = facts.node_groups.aws_auth_holder.as_ref()?;
    Some(
        Issue::warning("EC-NOD-040", format!("aws-auth belongs to {holder}"))
            .at(AT)
            .why("when it is written there again, the new nodes' role is gone from it, and new nodes can't join")
            .fix(
                "go on with --accept EC-NOD-040, and add the role there as soon as the base stack has made it: the finding \
                 is gone where it is in mapRoles before",
            ),
    )
}

#[cfg(test)]
mod tests {
    use crate::checks::nodes;
    use crate::checks::{found, told};
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
        let all = told(nodes::check, facts, &[]).into_iter();
        all.filter(|line| line.starts_with("EC-NOD-04")).collect()
    }

    #[test]
    fn what_can_not_be_edited_is_told_with_its_line_and_only_where_it_counts() {
        let broken = "- rolearn: arn:aws:iam::1:role/a\n  username: {{SessionName}}\n";
        assert_eq!(of(&with(broken)), ["EC-NOD-041 Error: the new nodes' role can't be added to aws-auth"]);
        let finding =
            found(nodes::check, &with(broken), &[]).into_iter().find(|one| one.id == "EC-NOD-041").unwrap();
        assert!(finding.why.contains("line 2") && finding.why.contains("quotes"), "{finding:?}");
        assert_eq!(of(&with("- rolearn: arn:aws:iam::1:role/a\n  username: a\n  username: b\n")), [""; 0]);
        let mut by_entry = with(broken);
        by_entry.cluster.authentication = Authentication::ApiAndConfigMap;
        assert_eq!(of(&by_entry), [""; 0]);
    }

    #[test]
    fn whoever_keeps_it_is_a_risk() {
        let mut facts = with("");
        facts.node_groups.aws_auth_holder = Some(Holder::Manager("Terraform".into()));
        assert_eq!(of(&facts), ["EC-NOD-040 Warning: aws-auth belongs to field manager 'Terraform'"]);
    }
}
