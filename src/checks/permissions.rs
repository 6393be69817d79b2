//! Whether the caller has the permissions for the plan.

use std::collections::BTreeSet;

use crate::design::replacement;
use crate::issue::{Issue, id};

use crate::scene::Scene;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (facts, permissions) = (scene.facts, &scene.facts.permissions);
    let undo = match scene.undo() {
        Some(_) if replacement::is_needed(scene.design, facts) => " --undo --replacements",
        Some(_) => " --undo",
        None => "",
    };
    let role = facts.cni.addon.as_ref().and_then(|addon| addon.role.as_deref());
    let role = role.map(|role| format!(" --addon-role {role}")).unwrap_or_default();
    let roles: BTreeSet<&str> = scene.design.existing_roles().collect();
    let role = roles.iter().fold(role, |flags, arn| format!("{flags} --node-role {arn}"));
    let path = scene.settings.nodes.role_path.iter().map(|path| format!(" --role-path {path}"));
    let role = role + &path.collect::<String>();
    let drain = &scene.settings.drain;
    let managed = scene.design.pools.iter().any(|pool| pool.kind.is_managed());
    let more = [
        (managed, " --managed-node-groups"),
        (drain.terminate_unowned, " --terminate-unowned"),
        (drain.delete_old_groups && scene.undo().is_none(), " --delete-old-groups"),
    ];
    let more: String = more.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| *flag).collect();
    let policy = format!(
        "eni-custom iam-policy --cluster {} --region {} --account {}{role}{undo}{more} # prints a sufficient policy",
        facts.cluster.name, facts.caller.region, facts.caller.account
    );
    if !permissions.denied.is_empty() {
        let actions = list(&permissions.denied);
        let what = match permissions.denied.len() {
            1 => format!("the caller lacks permission {actions}"),
            count => format!("the caller lacks {count} permissions: {actions}"),
        };
        // The caller of a plan need not be the one who makes the changes.
        let finding = match scene.settings.run.read_only {
            true => Issue::warning(id::IAM_001, what),
            false => Issue::error(id::IAM_001, what),
        };
        findings
            .push(finding.at(&facts.caller.arn).why("the steps of this run call these actions").fix(&policy));
    }
    for (reason, actions) in &permissions.unknown {
        findings.push(
            Issue::note(id::IAM_002, format!("unknown whether the caller may call {}", list(actions)))
                .at(&facts.caller.arn)
                .why(format!("unknown because {reason}"))
                .fix(&policy),
        );
    }
}

fn list<'a>(actions: impl IntoIterator<Item = &'a &'static str>) -> String {
    actions.into_iter().copied().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::design;
    use crate::goal::Goal;
    use crate::sample::{facts, settings};

    fn found(read_only: bool, change: impl FnOnce(&mut crate::facts::Permissions)) -> Vec<Issue> {
        let mut settings = settings(&[]);
        settings.run.read_only = read_only;
        let mut facts = facts();
        change(&mut facts.permissions);
        let design = design(&settings, &facts);
        let scene = Scene { goal: Goal::Setup, settings: &settings, facts: &facts, design: &design };
        let mut findings = Vec::new();
        check(&scene, &mut findings);
        findings
    }

    #[test]
    fn a_caller_with_all_permissions_has_no_issue() {
        assert_eq!(found(false, |_| {}), []);
    }

    #[test]
    fn missing_permissions_are_one_issue_and_unknown_ones_show_the_reason() {
        let mut all = found(false, |permissions| {
            permissions.denied = ["ec2:CreateSubnet", "iam:CreateRole"].into();
            permissions
                .unknown
                .insert("SimulatePrincipalPolicy: AccessDenied".into(), ["eks:UpdateAddon"].into());
        });
        insta::assert_json_snapshot!(all);
        all = found(true, |permissions| permissions.denied = ["ec2:CreateSubnet"].into());
        assert_eq!(all[0].severity(), crate::issue::Severity::Warning);
    }
}
