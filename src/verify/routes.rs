//! Route tables: pod subnets have a route out of the VPC if their nodes' subnets have one.

use crate::design::EXTERNAL_SNAT;
use crate::fixes;
use crate::issue::{Issue, id};

use super::report::or_ok;
use super::view::View;

pub(super) fn checks(view: &View<'_>) -> Vec<Issue> {
    or_ok(
        without_route_out(view),
        id::VFY_075,
        "pod subnets have a route out of the VPC, like their nodes' subnets",
    )
}

/// A subnet without an association uses the VPC's main route table. With source NAT pods leave through their node's
/// subnet anyway (amazon-vpc-cni-k8s, AWS_VPC_K8S_CNI_EXTERNALSNAT), so this may be intended for a subnet that was
/// created by hand. A subnet that eni-custom created was associated, so the association was removed.
fn without_route_out(view: &View<'_>) -> Vec<Issue> {
    let (facts, vpc) = (view.facts, &view.facts.vpc);
    let by_own_table = facts.cni.is_on(EXTERNAL_SNAT);
    let issues = view.used().filter_map(|(config, nodes)| {
        let subnet = vpc.subnet(&config.subnet)?;
        let node_subnets = nodes.iter().filter_map(|node| node.node.subnet.as_deref());
        let (pods, theirs) = node_subnets.into_iter().find_map(|id| vpc.way_out_lost(&subnet.id, id))?;
        let on_main = vpc.uses_main_table(&subnet.id);
        if !on_main && !by_own_table {
            return None;
        }
        let is_managed = subnet.is_made_for(&facts.cluster.name);
        let what = format!("the pod subnet of {} has no route out of the VPC", subnet.zone);
        let check = match by_own_table || is_managed {
            true => Issue::error(id::VFY_075, what),
            false => Issue::warning(id::VFY_075, what),
        };
        let uses = match on_main {
            true => format!("it uses the VPC's main route table {}", pods.id),
            false => format!("it uses route table {}", pods.id),
        };
        let effect = match by_own_table {
            true => format!("{EXTERNAL_SNAT} is true, so pods use it"),
            false => {
                "pods use their node's subnet, but clients outside the VPC get no answer from them".into()
            }
        };
        let leads = theirs.default_target().unwrap_or("a gateway");
        let fix = match is_managed && on_main {
            true => format!("{} # associates it again", view.command("create-subnets")),
            false => fixes::way_out(facts, subnet, pods, theirs),
        };
        Some(
            check
                .at(format!("{}, {}", subnet.id, pods.id))
                .of(nodes.iter().map(|node| node.node.name.clone()).collect())
                .why(format!("{uses}; the nodes use {}, which routes to {leads}; {effect}", theirs.id))
                .fix(fix),
        )
    });
    issues.collect()
}

#[cfg(test)]
mod tests {
    use crate::issue::id;

    use crate::design::EXTERNAL_SNAT;
    use crate::facts::{Facts, Route, RouteTable};
    use crate::issue::{Issue, Severity};
    use crate::sample::custom;
    use crate::tags::TAG_CLUSTER;
    use crate::verify::{Expected, verify};

    fn table(id: &str, subnets: &[&str], target: Option<&str>) -> RouteTable {
        let route = |target: &str| Route {
            destination: "0.0.0.0/0".parse().unwrap(),
            target: target.into(),
            blackhole: false,
        };
        RouteTable {
            id: id.into(),
            main: id == "rtb-main",
            subnet_ids: subnets.iter().map(ToString::to_string).collect(),
            routes: target.into_iter().map(route).collect(),
        }
    }

    /// The pod subnet of a uses the main table, which has no default route; that of b uses its nodes' table.
    fn found(change: impl FnOnce(&mut Facts)) -> Option<Issue> {
        let mut facts = custom();
        facts.vpc.route_tables = vec![
            table("rtb-main", &[], None),
            table("rtb-nat", &["subnet-a", "subnet-b", "pods-b"], Some("nat-1")),
        ];
        change(&mut facts);
        let report = verify(&facts, &Expected::default());
        report.checks().find(|check| check.id == id::VFY_075 && check.severity() != Severity::Passed).cloned()
    }

    fn managed(facts: &mut Facts) {
        for subnet in &mut facts.vpc.subnets {
            subnet.tags.insert(TAG_CLUSTER.into(), "shop".into());
        }
    }

    #[test]
    fn a_lost_route_table_association_is_an_error_for_managed_subnets_and_a_warning_for_others() {
        insta::assert_json_snapshot!([found(managed), found(|_| {})]);
        let leads = |target: &'static str| {
            found(move |facts| {
                managed(facts);
                facts.vpc.route_tables[0] = table("rtb-main", &[], Some(target));
            })
        };
        assert_eq!(leads("nat-2"), None, "the main table has a route out as well");
        assert!(leads("igw-1").is_some(), "pods get no replies through an internet gateway");
        assert_eq!(
            found(|facts| facts.vpc.route_tables[1].routes.clear()),
            None,
            "the nodes have no route out either"
        );
    }

    #[test]
    fn with_external_snat_any_route_table_without_a_route_out_is_an_error() {
        let snat = |facts: &mut Facts| drop(facts.cni.env.insert(EXTERNAL_SNAT.into(), "true".into()));
        assert_eq!(found(snat).map(|check| check.severity()), Some(Severity::Error));
        let of_its_own = found(|facts| {
            snat(facts);
            facts.vpc.route_tables.push(table("rtb-pods", &["pods-a"], None));
        });
        let fix = of_its_own.map(|check| check.fix);
        let create = "aws ec2 create-route --route-table-id rtb-pods --destination-cidr-block 0.0.0.0/0 --nat-gateway-id nat-1";
        assert_eq!(fix.as_deref(), Some(create));
    }
}
