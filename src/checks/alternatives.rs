//! Should you? If a shortage of addresses is the only problem, other solutions cost less.

use crate::alternatives::alternatives;
use crate::issue::{Issue, id};
use crate::step::Step;

use crate::scene::Scene;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    if !scene.concerns(&[Step::SetEnv]) {
        return;
    }
    let Some(found) = alternatives(scene.settings, scene.facts, scene.design) else { return };
    let short =
        found.short.iter().map(|short| format!("{} ({} of {} free)", short.subnet, short.free, short.of));
    findings.push(
        Issue::note(id::SHO_001, "addresses are running out, and nothing else here needs custom networking")
            .at(short.collect::<Vec<_>>().join(", "))
            .why(found.lines().join(" | "))
            .fix("continue if pods need their own subnets or security groups; otherwise choose one of these alternatives"),
    );
}
