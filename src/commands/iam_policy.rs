//! `iam-policy`: the least privileges that a command needs, for AWS or for Kubernetes.

use crate::cli::IamPolicyArgs;
use crate::exit::Exit;
use crate::policy::{self, Names, Scope};
use crate::ui::Ui;

pub(super) fn iam_policy(args: &IamPolicyArgs, ui: &Ui) -> Exit {
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let IamPolicyArgs {
        read_only,
        step,
        terminate_unowned,
        delete_old_groups,
        karpenter,
        undo,
        managed,
        replacements,
        ..
    } = *args;
    let wanted = Scope {
        read_only,
        step,
        terminate_unowned,
        delete_old_groups,
        karpenter,
        undo,
        managed,
        replacements,
    };
    let names = Names {
        cluster: given(&args.cluster),
        region: given(&args.region),
        account: given(&args.account),
        vpc: given(&args.vpc),
        addon_role: given(&args.addon_role),
        role_path: args.role_path.clone(),
        node_roles: args.node_role.iter().cloned().collect(),
        ..Names::default()
    };
    let text = match (args.kubernetes, args.why) {
        (true, _) => policy::kubernetes::manifest(&wanted, &args.group),
        (_, true) => policy::reasons(&wanted),
        _ => {
            let document = policy::document(&wanted, &names);
            let size = document.to_string().len();
            if size > policy::MANAGED_POLICY {
                ui.say(&format!(
                    "note: {size} characters; a managed policy can have {}: use an inline policy of a role, which can \
                     have 10,240",
                    policy::MANAGED_POLICY
                ));
            }
            format!("{document:#}\n")
        }
    };
    Ui::raw(text.as_bytes());
    Exit::Done
}
