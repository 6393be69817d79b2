//! Should you? Where addresses alone are short, there are ways that cost less.

use crate::alternatives::alternatives;
use crate::issue::Issue;
use crate::step::Step;

use super::Scene;

pub fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    if !scene.concerns(&[Step::SetEnv]) {
        return;
    }
    let Some(found) = alternatives(scene.settings, scene.facts, scene.design) else { return };
    let short =
        found.short.iter().map(|short| format!("{} ({} of {} free)", short.subnet, short.free, short.of));
    findings.push(
        Issue::note("EC-SHO-001", "addresses are short, and nothing else asks for custom networking")
            .at(short.collect::<Vec<_>>().join(", "))
            .why(found.lines().join(" | "))
            .fix("go on, if pods are to have subnets or security groups of their own; else take another of these ways"),
    );
}
