//! Step 2: a subnet for pods in each zone, on the route table of the zone's private node subnet.

use ipnet::Ipv4Net;

use crate::design::undo::our_subnets;
use crate::design::{Design, PodSubnet, RouteChoice, ZoneDesign};
use crate::discover::Section;
use crate::error::{Error, Result};
use crate::facts::{Facts, InterfaceStatus, Occupant, SubnetState};
use crate::scene::Scene;
use crate::session::{Seen, Session};
use crate::step::{Change, Sign, Step};

use super::Rules;

pub(crate) struct CreateSubnets;

#[derive(Debug, Clone)]
pub(crate) enum SubnetChange {
    Create {
        vpc: String,
        zone: String,
        zone_id: String,
        cidr: Ipv4Net,
        tags: Vec<(String, String)>,
        table: String,
    },
    /// A run was interrupted between the two calls.
    Route { subnet: String, zone: String, table: String },
}

impl Rules for CreateSubnets {
    type Change = SubnetChange;
    const STEP: Step = Step::CreateSubnets;
    const READS: &'static [Section] = &[Section::Vpc];

    fn changes(scene: &Scene<'_>) -> Vec<SubnetChange> {
        let Scene { design, facts, .. } = *scene;
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
            .until("pod subnets to be available", async || {
                let subnets = session.clients.aws.ec2.subnets(vpc).await?;
                let pending = wanted
                    .iter()
                    .filter(|id| !subnets.iter().any(|s| s.id == **id && s.state == SubnetState::Available));
                match pending.count() {
                    0 => Ok(Seen::Yes(())),
                    pending => Ok(Seen::NotYet(format!("{pending} of {} pending", wanted.len()))),
                }
            })
            .await
    }
}

fn change(design: &Design, facts: &Facts, zone: &ZoneDesign) -> Option<SubnetChange> {
    // Without a route table the checks refuse the run, so this value is never used.
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
        // A route table that somebody associated later is kept.
        PodSubnet::There { id, ours: true }
            if !facts.vpc.route_tables.iter().any(|table| table.subnet_ids.contains(id)) =>
        {
            Some(SubnetChange::Route { subnet: id.clone(), zone: zone.zone.clone(), table })
        }
        _ => None,
    }
}

/// Tags of a zone's new subnet. The Name tag is for people. It is left out if a Karpenter subnet selector would match it
/// and start nodes in the subnet.
pub(crate) fn tags(design: &Design, facts: &Facts, zone: &ZoneDesign) -> Vec<(String, String)> {
    let mut tags = design.zone_tags(zone);
    let named = ("Name".to_string(), format!("{}-pods-{}", design.cluster, zone.zone));
    let all = tags.iter().cloned().chain([named.clone()]).collect();
    let is_selected = facts.karpenter.as_ref().is_some_and(|found| !found.classes_in(None, &all).is_empty());
    if !is_selected {
        tags.push(named);
    }
    tags
}

/// CreateSubnet takes no client token; the CIDR block identifies the subnet. A conflict means that an earlier call, or one
/// whose reply was lost, created it, or that somebody else did.
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
        .until(&format!("subnet {cidr} to become visible"), async || {
            let subnets = ec2.subnets(vpc).await?;
            // The tags become visible later than the subnet.
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
    Err(Error::failed(format!("{cidr} is used by a subnet that eni-custom did not create"))
        .at(&there.id)
        .fix(format!("to use it: --subnet {}={}", there.zone, there.id)))
}

async fn route(session: &Session, subnet: &str, table: &str) -> Result<()> {
    let ec2 = &session.clients.aws.ec2;
    session
        .once_visible(&format!("subnet {subnet} to become visible"), async || {
            ec2.associate_route_table(table, subnet).await
        })
        .await
}

/// Deletes the subnets with eni-custom's tag, and with them their route table associations.
pub(crate) struct UndoCreateSubnets;

#[derive(Debug, Clone)]
pub(crate) struct Delete {
    subnet: String,
    zone: String,
    cidr: Ipv4Net,
}

/// Subnets that this run deletes: with `--keep-nodes` only those without a network interface.
pub(crate) fn deleted_subnets(scene: &Scene<'_>) -> Vec<String> {
    let Some(undo) = scene.undo().filter(|undo| undo.covers(Step::CreateSubnets)) else {
        return Vec::new();
    };
    let facts = scene.facts;
    let is_used = |id: &str| facts.occupants().iter().any(|interface| interface.subnet == id);
    our_subnets(facts)
        .filter(|subnet| !undo.keeps_nodes() || !is_used(&subnet.id))
        .map(|s| s.id.clone())
        .collect()
}

impl Rules for UndoCreateSubnets {
    type Change = Delete;
    const STEP: Step = Step::CreateSubnets;
    const READS: &'static [Section] = &[Section::Vpc];

    fn changes(scene: &Scene<'_>) -> Vec<Delete> {
        let facts = scene.facts;
        let deleted = deleted_subnets(scene);
        let subnets = facts.vpc.subnets.iter().filter(|subnet| deleted.contains(&subnet.id));
        let mut changes: Vec<Delete> = subnets
            .map(|subnet| Delete { subnet: subnet.id.clone(), zone: subnet.zone.clone(), cidr: subnet.cidr })
            .collect();
        // EC2 lists subnets in no fixed order.
        changes.sort_by(|one, other| (&one.zone, one.cidr).cmp(&(&other.zone, other.cidr)));
        changes
    }

    fn describe(change: &Delete) -> Change {
        Change::new(Sign::Remove, format!("subnet for pods in {}", change.zone))
            .to("subnet", &change.subnet)
            .to("cidr", change.cidr.to_string())
    }

    fn notes(scene: &Scene<'_>) -> Vec<String> {
        let facts = scene.facts;
        let deleted = deleted_subnets(scene);
        let kept = our_subnets(facts).filter(|subnet| !deleted.contains(&subnet.id));
        kept.map(|subnet| format!("{} is kept: nodes that are kept use it", subnet.id)).collect()
    }

    /// A subnet that contains resources of others can't be deleted: the run stops here.
    async fn rehearse(session: &Session, changes: &[Delete]) -> Result<()> {
        let ids: Vec<String> = changes.iter().map(|change| change.subnet.clone()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let others: Vec<String> = sweep(session, &ids).await?.iter().map(Occupant::summary).collect();
        if others.is_empty() {
            return Ok(());
        }
        Err(Error::failed(
            "the pod subnets contain resources that eni-custom did not create, so the subnets are kept",
        )
        .at(ids.join(", "))
        .because(others.join("\n         "))
        .fix("move or delete these resources, then run the same command again"))
    }

    async fn apply(session: &mut Session, change: Delete) -> Result<()> {
        session.clients.aws.ec2.delete_subnet(&change.subnet).await
    }
}

/// Deletes the network interfaces that the CNI left in the pod subnets when instances were terminated, and returns all
/// others. An interface that is still being detached disappears a moment later, so it is waited for.
pub(crate) async fn sweep(session: &Session, subnets: &[String]) -> Result<Vec<Occupant>> {
    let ec2 = &session.clients.aws.ec2;
    session
        .until("network interfaces of terminated nodes to be deleted", async || {
            let there = ec2.occupants(subnets).await?;
            let (passing, staying): (Vec<_>, Vec<_>) = there
                .into_iter()
                .partition(|each| each.is_for_pods() && each.status != InterfaceStatus::InUse);
            for leaked in passing.iter().filter(|each| each.is_leaked()) {
                session.stop_if_interrupted()?;
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
