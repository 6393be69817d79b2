//! Step 2: a subnet for pods in each zone, on the route table of the zone's private node subnet.

use ipnet::Ipv4Net;

use crate::design::undo::our_subnets;
use crate::design::{Design, PodSubnet, RouteChoice, ZoneDesign};
use crate::discover::Section;
use crate::error::{Error, Result};
use crate::facts::{Facts, Occupant};
use crate::session::{Seen, Session};
use crate::settings::Settings;
use crate::step::{Change, Sign, Step};

use super::Rules;

pub struct CreateSubnets;

#[derive(Debug, Clone)]
pub enum SubnetChange {
    Create {
        vpc: String,
        zone: String,
        zone_id: String,
        cidr: Ipv4Net,
        tags: Vec<(String, String)>,
        table: String,
    },
    /// A run was cut between the two calls.
    Route { subnet: String, zone: String, table: String },
}

impl Rules for CreateSubnets {
    type Change = SubnetChange;
    const STEP: Step = Step::CreateSubnets;
    const READS: &'static [Section] = &[Section::Vpc];

    fn changes(design: &Design, facts: &Facts, _: &Settings) -> Vec<SubnetChange> {
        design.zones.iter().filter_map(|zone| change(design, facts, zone)).collect()
    }

    fn describe(change: &SubnetChange) -> Change {
        match change {
            SubnetChange::Create { zone, zone_id, cidr, table, .. } => {
                Change::new(Sign::Create, format!("subnet for pods in {zone}"))
                    .to("cidr", cidr.to_string())
                    .to("zone id", zone_id)
                    .to("route table", table)
                    .later("subnet id")
            }
            SubnetChange::Route { subnet, zone, table } => {
                Change::new(Sign::Create, format!("route table association in {zone}"))
                    .to("subnet", subnet)
                    .to("route table", table)
            }
        }
    }

    async fn apply(session: &mut Session, change: SubnetChange) -> Result<()> {
        match change {
            SubnetChange::Create { vpc, zone_id, cidr, tags, table, .. } => {
                let subnet = create(session, &vpc, &zone_id, cidr, &tags).await?;
                route(session, &subnet, &table).await
            }
            SubnetChange::Route { subnet, table, .. } => route(session, &subnet, &table).await,
        }
    }

    async fn settle(session: &mut Session) -> Result<()> {
        let vpc = &session.facts.vpc.id;
        let wanted: Vec<&str> = session.design.zones.iter().filter_map(|zone| zone.pod_subnet.id()).collect();
        session
            .until("pod subnets available", async || {
                let subnets = session.clients.aws.ec2.subnets(vpc).await?;
                let pending = wanted
                    .iter()
                    .filter(|id| !subnets.iter().any(|s| s.id == **id && s.state == "available"));
                match pending.count() {
                    0 => Ok(Seen::Yes(())),
                    pending => Ok(Seen::NotYet(format!("{pending} of {} pending", wanted.len()))),
                }
            })
            .await
    }
}

fn change(design: &Design, facts: &Facts, zone: &ZoneDesign) -> Option<SubnetChange> {
    // No table is a finding of the checks; what is shown here is never reached.
    let table = match &zone.route_table {
        RouteChoice::Table(id) => id.clone(),
        RouteChoice::None(_) => String::new(),
    };
    match &zone.pod_subnet {
        PodSubnet::New { cidr } => {
            let tags = tags(design, facts, zone);
            Some(SubnetChange::Create {
                vpc: facts.vpc.id.clone(),
                zone: zone.zone.clone(),
                zone_id: zone.zone_id.clone(),
                cidr: *cidr,
                tags,
                table,
            })
        }
        // A table that somebody chose for it since is theirs to choose.
        PodSubnet::There { id, ours: true }
            if !facts.vpc.route_tables.iter().any(|table| table.subnet_ids.contains(id)) =>
        {
            Some(SubnetChange::Route { subnet: id.clone(), zone: zone.zone.clone(), table })
        }
        _ => None,
    }
}

/// Tags of a zone's new subnet. Its name is for people: where a subnet selector of Karpenter's would match it, nodes
/// would be started there, and it stays without.
pub fn tags(design: &Design, facts: &Facts, zone: &ZoneDesign) -> Vec<(String, String)> {
    let mut tags = design.zone_tags(zone);
    let named = ("Name".to_string(), format!("{}-pods-{}", design.cluster, zone.zone));
    let all = tags.iter().cloned().chain([named.clone()]).collect();
    let is_selected =
        facts.neighbours.karpenter.as_ref().is_some_and(|found| !found.classes_in(None, &all).is_empty());
    if !is_selected {
        tags.push(named);
    }
    tags
}

/// CreateSubnet takes no client token; its CIDR block is what makes it the same subnet. A conflict therefore means
/// that an earlier call, or one whose reply was lost, made it, or that it is somebody else's.
async fn create(
    session: &Session,
    vpc: &str,
    zone_id: &str,
    cidr: Ipv4Net,
    tags: &[(String, String)],
) -> Result<String> {
    let ec2 = &session.clients.aws.ec2;
    let conflict = match ec2.create_subnet(vpc, zone_id, cidr, tags).await {
        Ok(id) => return Ok(id),
        Err(error) if error.code() == "InvalidSubnet.Conflict" => error,
        Err(error) => return Err(error),
    };
    let there = session
        .until(&format!("subnet {cidr} visible"), async || {
            let subnets = ec2.subnets(vpc).await?;
            // Its tags become visible later than the subnet itself.
            match subnets.into_iter().find(|subnet| subnet.cidr == cidr && subnet.zone_id == zone_id) {
                Some(subnet) if !subnet.tags.is_empty() => Ok(Seen::Yes(subnet)),
                _ => Ok(Seen::NotYet(conflict.to_string())),
            }
        })
        .await?;
    let ours = tags.iter().all(|(key, value)| there.tags.get(key) == Some(value));
    if ours {
        return Ok(there.id);
    }
    Err(Error::failed(format!("{cidr} is taken by a subnet that is not ours"))
        .at(&there.id)
        .fix(format!("to use it: --subnet {}={}", there.zone, there.id)))
}

async fn route(session: &Session, subnet: &str, table: &str) -> Result<()> {
    let ec2 = &session.clients.aws.ec2;
    session
        .once_visible(&format!("subnet {subnet} visible"), async || {
            ec2.associate_route_table(table, subnet).await
        })
        .await
}

/// Deletes the subnets that our tag proves ours, with their route table associations.
pub struct Back;

#[derive(Debug, Clone)]
pub struct Delete {
    subnet: String,
    zone: String,
    cidr: Ipv4Net,
}

/// Subnets that this run deletes: with `--keep-nodes` those alone in which nothing stands.
pub fn going(facts: &Facts, settings: &Settings) -> Vec<String> {
    let Some(undo) = settings.undo.filter(|undo| undo.takes_back(Step::CreateSubnets)) else {
        return Vec::new();
    };
    let is_used = |id: &str| facts.occupants.iter().any(|interface| interface.subnet == id);
    our_subnets(facts)
        .filter(|subnet| !undo.keep_nodes || !is_used(&subnet.id))
        .map(|s| s.id.clone())
        .collect()
}

impl Rules for Back {
    type Change = Delete;
    const STEP: Step = Step::CreateSubnets;
    const READS: &'static [Section] = &[Section::Vpc];

    fn changes(_: &Design, facts: &Facts, settings: &Settings) -> Vec<Delete> {
        let going = going(facts, settings);
        let subnets = facts.vpc.subnets.iter().filter(|subnet| going.contains(&subnet.id));
        let mut changes: Vec<Delete> = subnets
            .map(|subnet| Delete { subnet: subnet.id.clone(), zone: subnet.zone.clone(), cidr: subnet.cidr })
            .collect();
        // EC2 lists subnets in an order of its own.
        changes.sort_by(|one, other| (&one.zone, one.cidr).cmp(&(&other.zone, other.cidr)));
        changes
    }

    fn describe(change: &Delete) -> Change {
        Change::new(Sign::Remove, format!("subnet for pods in {}", change.zone))
            .to("subnet", &change.subnet)
            .to("cidr", change.cidr.to_string())
    }

    fn notes(_: &Design, facts: &Facts, settings: &Settings) -> Vec<String> {
        let going = going(facts, settings);
        let kept = our_subnets(facts).filter(|subnet| !going.contains(&subnet.id));
        kept.map(|subnet| format!("{} stays: the nodes that are kept use it", subnet.id)).collect()
    }

    /// What stands in a subnet and is not ours holds it, and stays: the run ends here, cleanly.
    async fn rehearse(session: &Session, changes: &[Delete]) -> Result<()> {
        let ids: Vec<String> = changes.iter().map(|change| change.subnet.clone()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let in_the_way: Vec<String> = sweep(session, &ids).await?.iter().map(Occupant::told).collect();
        if in_the_way.is_empty() {
            return Ok(());
        }
        Err(Error::failed(
            "the pod subnets hold what this program did not make; they stay, and all else is taken back",
        )
        .at(ids.join(", "))
        .because(in_the_way.join("\n         "))
        .fix("move or delete these, then run the same command again"))
    }

    async fn apply(session: &mut Session, change: Delete) -> Result<()> {
        session.clients.aws.ec2.delete_subnet(&change.subnet).await
    }
}

/// Deletes the interfaces that the CNI left in our subnets when their instances ended; answers what else stands there.
/// An interface that is still being detached goes a moment later.
pub async fn sweep(session: &Session, subnets: &[String]) -> Result<Vec<Occupant>> {
    let ec2 = &session.clients.aws.ec2;
    session
        .until("interfaces of ended nodes gone", async || {
            let there = ec2.occupants(subnets).await?;
            let (passing, staying): (Vec<_>, Vec<_>) =
                there.into_iter().partition(|each| each.is_for_pods() && each.status != "in-use");
            for leaked in passing.iter().filter(|each| each.is_leaked()) {
                session.go_on()?;
                ec2.delete_interface(&leaked.id).await?;
            }
            Ok(if passing.is_empty() {
                Seen::Yes(staying)
            } else {
                Seen::NotYet(format!("{} left", passing.len()))
            })
        })
        .await
}
