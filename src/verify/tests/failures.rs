use super::problems;
use crate::facts::{Crd, Facts};
use crate::issue::Severity;
use crate::sample::custom;
use crate::ui::report_text;
use crate::verify::{Expected, Report, ReportSection, verify};

/// A change to the healthy cluster, and all problems that it causes.
type Case = (fn(&mut Facts), &'static [&'static str]);

const ENICONFIGS: &[Case] = &[
    (|facts| facts.eniconfigs.crd = Crd::Untyped, &["EC-VFY-010 Warning: the ENIConfig CRD has no schema"]),
    (
        |facts| facts.eniconfigs.items[1].name = "id-b".into(),
        &["EC-VFY-011 Error: ENIConfig 'b' for 1 node in b does not exist"],
    ),
    (
        |facts| {
            facts
                .eniconfigs
                .malformed
                .insert("a".into(), "spec.securityGroups is \"sg-1\", and not a list".into());
        },
        &["EC-VFY-012 Error: the CNI can't read ENIConfig a"],
    ),
    (
        |facts| {
            facts.nodes[0].interfaces.clear();
            facts.eniconfigs.items[0].subnet = "subnet-gone".into();
        },
        &[
            "EC-VFY-013 Error: ENIConfig a names a subnet that does not exist",
            "EC-VFY-022 Error: 1 node in a without an interface for pods",
        ],
    ),
    (
        |facts| {
            facts.nodes[0].interfaces.clear();
            facts.eniconfigs.items[0].subnet = "pods-b".into();
        },
        &[
            "EC-VFY-014 Error: ENIConfig a gives nodes in a a subnet in b",
            "EC-VFY-022 Error: 1 node in a without an interface for pods",
            "EC-VFY-030 Error: 1 pod outside the pod subnet, on nodes in a",
        ],
    ),
    (|facts| facts.vpc.blocks.retain(|block| block.cidr == facts.vpc.primary), &[]),
    (
        |facts| {
            facts.vpc.blocks.truncate(1);
            facts.vpc.blocks[0].cidr = "0.0.0.0/0".parse().unwrap();
        },
        &[
            "EC-VFY-015 Warning: the subnet of ENIConfig a is in the nodes' own CIDR block",
            "EC-VFY-015 Warning: the subnet of ENIConfig b is in the nodes' own CIDR block",
        ],
    ),
    (
        |facts| facts.firewall.groups.clear(),
        &[
            "EC-VFY-016 Error: ENIConfig a names a security group that does not exist",
            "EC-VFY-016 Error: ENIConfig b names a security group that does not exist",
        ],
    ),
    (
        |facts| {
            facts
                .vpc
                .subnets
                .iter_mut()
                .filter(|subnet| subnet.id == "pods-a")
                .for_each(|subnet| subnet.free = 9)
        },
        &["EC-VFY-017 Warning: the pod subnet of a has 9 addresses left"],
    ),
];

const NODES: &[Case] = &[
    (|facts| facts.nodes[0].ready = false, &["EC-VFY-020 Error: 1 node in a not Ready"]),
    (|facts| facts.nodes.clear(), &["EC-VFY-020 Warning: there are no EC2 nodes"]),
    (
        |facts| facts.nodes[0].interfaces[0].subnet = "subnet-a".into(),
        &["EC-VFY-021 Error: 1 node in a does not use custom networking, or uses another ENIConfig"],
    ),
    (
        |facts| facts.nodes[0].interfaces.clear(),
        &["EC-VFY-022 Error: 1 node in a without an interface for pods"],
    ),
    (
        |facts| facts.eniconfigs.items[0].security_groups = vec!["sg-cluster".into(), "sg-2".into()],
        &[
            "EC-VFY-016 Error: ENIConfig a names a security group that does not exist",
            "EC-VFY-023 Error: 1 node in a with other security groups than their ENIConfig",
        ],
    ),
    (
        |facts| facts.nodes[0].max_pods = 29,
        &["EC-VFY-024 Error: 1 node in a with max pods 29, but fewer addresses"],
    ),
    (
        |facts| facts.nodes[1].max_pods = 8,
        &["EC-VFY-025 Warning: 1 node in b with max pods 8, fewer than possible"],
    ),
    (
        |facts| facts.nodes[0].instance_type = "z9.huge".into(),
        &["EC-VFY-024 Unknown: how many pods 1 node in a can hold"],
    ),
    (
        |facts| {
            facts.nodes[0].annotations.insert("k8s.amazonaws.com/eniConfig".into(), "b".into());
        },
        &[
            "EC-VFY-014 Error: ENIConfig b gives nodes in a a subnet in b",
            "EC-VFY-021 Error: 1 node in a does not use custom networking, or uses another ENIConfig",
            "EC-VFY-026 Warning: 1 node in a with an overridden ENIConfig label",
        ],
    ),
    (
        |facts| {
            let tagged = [("kubernetes.io/cluster/shop".to_string(), "owned".to_string())];
            for id in ["sg-cluster", "sg-2"] {
                let group = facts.firewall.groups.entry(id.into()).or_default();
                group.tags = tagged.clone().into();
            }
            let both = ["sg-cluster".to_string(), "sg-2".to_string()];
            facts.eniconfigs.items[0].security_groups = both.to_vec();
            facts.nodes[0].interfaces[0].security_groups = both.into();
        },
        &["EC-VFY-027 Warning: 1 node in a with two security groups tagged for the cluster on one interface"],
    ),
];

fn broken(change: fn(&mut Facts)) -> Facts {
    let mut facts = custom();
    change(&mut facts);
    facts
}

#[test]
fn each_change_causes_its_problems_and_no_others() {
    for (at, (change, wanted)) in ENICONFIGS.iter().chain(NODES).enumerate() {
        assert_eq!(problems(&broken(*change)), *wanted, "case {at}");
    }
}

/// The problems of each case, as people and as scripts read them.
#[test]
fn each_problem_has_where_why_and_fix() {
    let reports = ENICONFIGS.iter().chain(NODES).map(|(change, _)| {
        let report = verify(&broken(*change), &Expected::default());
        let bad = |section: &ReportSection| {
            let checks = section.checks.iter().filter(|check| check.severity() != Severity::Passed);
            ReportSection { checks: checks.cloned().collect(), ..section.clone() }
        };
        let sections = report.sections.iter().map(bad).filter(|section| !section.checks.is_empty()).collect();
        Report { sections, ..report }
    });
    let reports: Vec<Report> = reports.filter(|report| !report.sections.is_empty()).collect();
    let text: Vec<String> = reports.iter().map(report_text).collect();
    insta::assert_snapshot!(text.join("\n"));
    let checks: Vec<_> = reports.iter().map(|report| report.checks().collect::<Vec<_>>()).collect();
    insta::assert_json_snapshot!(checks);
}
