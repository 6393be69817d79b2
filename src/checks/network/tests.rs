use super::check;
use super::zones::zone_kind;
use crate::checks::reported;
use crate::facts::{Facts, Route, RouteTable};
use crate::issue::id;
use crate::sample::{custom, facts};

fn ids(facts: &Facts, arguments: &[&str], wanted: &str) -> Vec<String> {
    reported(check, facts, arguments).into_iter().filter(|line| line.starts_with(wanted)).collect()
}

/// Nodes in the secondary block.
fn in_secondary() -> Facts {
    let mut facts = facts();
    for (subnet, cidr) in facts.vpc.subnets.iter_mut().zip(["100.64.0.0/24", "100.64.1.0/24"]) {
        subnet.cidr = cidr.parse().unwrap();
    }
    facts
}

#[test]
fn pods_need_another_block_than_their_nodes() {
    let facts = in_secondary();
    let settings = crate::sample::settings(&[]);
    let design = crate::design::design(&settings, &facts);
    assert_eq!(design.blocks, ["100.65.0.0/16".parse().unwrap()]);
    assert_eq!(ids(&facts, &[], "EC-NET-013"), [""; 0]);
    let asked = crate::checks::found(check, &facts, &["--cidr", "100.64.0.0/16"]);
    let block = asked.iter().find(|finding| finding.id == id::NET_013).unwrap();
    assert_eq!(block.what, "100.64.0.0/16 holds the nodes' subnets");
    assert_eq!(block.fix, "--cidr 100.65.0.0/16");
    // One that an ENIConfig names already is taken as it is.
    let mut there = custom();
    for subnet in there.vpc.subnets.iter_mut().filter(|subnet| subnet.id == "subnet-a") {
        subnet.cidr = "100.64.200.0/24".parse().unwrap();
    }
    assert_eq!(
        ids(&there, &[], "EC-NET-013"),
        ["EC-NET-013 Warning: 100.64.0.0/16 holds the nodes' subnets"]
    );
    let mut facts = facts;
    let like = facts.vpc.subnets[0].clone();
    let own = crate::facts::Subnet { id: "subnet-p".into(), cidr: "100.64.9.0/24".parse().unwrap(), ..like };
    facts.vpc.subnets.push(own);
    let found = crate::checks::found(check, &facts, &["--subnet", "a=subnet-p"]);
    let given = found.iter().find(|finding| finding.id == id::NET_007).unwrap();
    assert!(given.fix.ends_with("omit --subnet and set --cidr 100.65.0.0/16"), "{}", given.fix);
}

#[test]
fn nodes_outside_of_availability_zones_are_reported() {
    let kind = |zone| zone_kind(zone, "us-west-2");
    assert_eq!(kind("us-west-2a"), None);
    assert_eq!(kind("us-west-2-lax-1a"), Some("Local Zone"));
    assert_eq!(kind("us-west-2-wl1-las-wlz-1"), Some("Wavelength Zone"));
    let mut facts = facts();
    facts.vpc.subnets[0].outpost = Some("arn:aws:outposts:r:1:outpost/op-1".into());
    for subnet in facts.vpc.subnets.iter_mut().skip(1) {
        subnet.zone = "r-lax-1a".into();
    }
    assert_eq!(
        ids(&facts, &[], "EC-NET-014"),
        [
            "EC-NET-014 Error: nodes of a are on an Outpost",
            "EC-NET-014 Warning: nodes of r-lax-1a are in a Local Zone"
        ]
    );
}

#[test]
fn untagged_subnets_are_reported_if_the_load_balancer_controller_runs() {
    let mut facts = facts();
    assert_eq!(ids(&facts, &[], "EC-NET-015"), [""; 0]);
    facts.integrations.load_balancers = true;
    let found = crate::checks::found(check, &facts, &[]);
    let note = found.iter().find(|finding| finding.id == id::NET_015).unwrap();
    let fix = "aws ec2 create-tags --tags Key=kubernetes.io/role/internal-elb,Value=1 --resources subnet-a subnet-b";
    assert_eq!(note.fix, fix);
    facts.vpc.subnets[0].tags.insert("kubernetes.io/role/internal-elb".into(), "1".into());
    assert_eq!(ids(&facts, &[], "EC-NET-015"), [""; 0]);
}

#[test]
fn a_given_subnet_on_a_main_table_without_a_route_out_is_reported_with_its_nodes_table() {
    let mut facts = custom();
    let table = |id: &str, main, subnets: &[&str], routes| RouteTable {
        id: id.into(),
        main,
        subnet_ids: subnets.iter().map(ToString::to_string).collect(),
        routes,
    };
    let out = Route { destination: "0.0.0.0/0".parse().unwrap(), target: "nat-1".into(), blackhole: false };
    facts.vpc.route_tables = vec![
        table("rtb-main", true, &[], vec![]),
        table("rtb-nat", false, &["subnet-a", "subnet-b", "pods-b"], vec![out.clone()]),
    ];
    let found = crate::checks::found(check, &facts, &[]);
    let issues: Vec<_> = found.iter().filter(|finding| finding.id == id::NET_016).collect();
    assert_eq!(issues.len(), 1, "{issues:?}");
    assert_eq!(issues[0].fix, "aws ec2 associate-route-table --route-table-id rtb-nat --subnet-id pods-a");
    assert_eq!(ids(&facts, &["--external-snat"], "EC-NET-016"), [""; 0], "another issue is an error then");
    facts.vpc.route_tables[0].routes.push(out);
    assert_eq!(ids(&facts, &[], "EC-NET-016"), [""; 0]);
}
