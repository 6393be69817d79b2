//! Step 1: a secondary CIDR block for pods on the VPC.

use ipnet::Ipv4Net;

use crate::design::Design;
use crate::discover::Section;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::facts::Facts;
use crate::session::{CONSISTENCY, Seen, Session, until};
use crate::settings::Settings;
use crate::step::{Change, Sign, Step};

use super::Rules;

pub struct AssociateCidr;

/// A block that the VPC lacks.
#[derive(Debug, Clone)]
pub struct Associate {
    vpc: String,
    block: Ipv4Net,
}

impl Rules for AssociateCidr {
    type Change = Associate;
    const STEP: Step = Step::AssociateCidr;
    const READS: &'static [Section] = &[Section::Vpc];

    fn changes(design: &Design, facts: &Facts, _: &Settings) -> Vec<Associate> {
        let has = |block: &Ipv4Net| facts.vpc.blocks.iter().any(|there| there.cidr == *block);
        let missing = design.blocks.iter().filter(|block| !has(block));
        missing.map(|block| Associate { vpc: facts.vpc.id.clone(), block: *block }).collect()
    }

    fn describe(change: &Associate) -> Change {
        Change::new(Sign::Create, format!("CIDR block association {}", change.block)).to("vpc", &change.vpc)
    }

    async fn apply(session: &mut Session, change: Associate) -> Result<()> {
        session
            .remember(|record| {
                record.blocks.insert(change.block);
            })
            .await?;
        let ec2 = &session.clients.aws.ec2;
        let Err(error) = ec2.associate_cidr(&change.vpc, change.block).await else { return Ok(()) };
        if error.code().is_empty() {
            return Err(error);
        }
        // The call takes no client token: a reply that was lost, or an earlier run's call, shows as a conflict with
        // the very block; and DescribeVpcs may show the block only after a while.
        let there =
            until(&session.events, &session.interrupt, CONSISTENCY, "the block visible", async || {
                let blocks = ec2.vpc(&change.vpc).await?.blocks;
                Ok(match blocks.iter().any(|block| block.cidr == change.block) {
                    true => Seen::Yes(()),
                    false => Seen::NotYet(error.to_string()),
                })
            });
        there
            .await
            .map_err(|given_up| if given_up.exit() == Exit::Interrupted { given_up } else { error.clone() })
    }

    async fn settle(session: &mut Session) -> Result<()> {
        for block in &session.design.blocks {
            let vpc = &session.facts.vpc.id;
            session
                .until(&format!("CIDR block {block} associated"), async || {
                    let there =
                        session.clients.aws.ec2.vpc(vpc).await?.blocks.into_iter().find(|b| b.cidr == *block);
                    match there.as_ref().map(|block| block.state.as_str()) {
                        Some("associated") => Ok(Seen::Yes(())),
                        Some(state @ ("failing" | "failed")) => {
                            Err(Error::failed(format!("CIDR block {block} could not be associated"))
                                .at(vpc)
                                .because(format!("its state is '{state}'")))
                        }
                        state => Ok(Seen::NotYet(state.unwrap_or("not yet visible").to_string())),
                    }
                })
                .await?;
        }
        Ok(())
    }
}

/// Takes the blocks from the VPC that the record says are ours, once no subnet stands in them.
pub struct Back;

/// An association of ours.
#[derive(Debug, Clone)]
pub struct Disassociate {
    association: String,
    block: Ipv4Net,
}

/// Subnets that hold a block.
fn inside(facts: &Facts, block: Ipv4Net) -> Vec<&str> {
    let inside = facts.vpc.subnets.iter().filter(|subnet| block.contains(&subnet.cidr));
    inside.map(|subnet| subnet.id.as_str()).collect()
}

/// Blocks of ours that are there still.
fn ours(facts: &Facts) -> impl Iterator<Item = &crate::facts::CidrBlock> {
    // An association takes no tag, so only what was written down before it was made proves whose it is.
    let record = &facts.record.blocks;
    facts.vpc.blocks.iter().filter(|there| record.contains(&there.cidr) && there.cidr != facts.vpc.primary)
}

impl Rules for Back {
    type Change = Disassociate;
    const STEP: Step = Step::AssociateCidr;
    const READS: &'static [Section] = &[Section::Vpc];

    fn changes(_: &Design, facts: &Facts, settings: &Settings) -> Vec<Disassociate> {
        let stays = |block: &Ipv4Net| {
            // Subnets that this run takes away are no obstacle; others are told in the notes.
            let left = inside(facts, *block);
            let going = super::create_subnets::going(facts, settings);
            left.iter().any(|id| !going.iter().any(|subnet| subnet == id))
        };
        let blocks = ours(facts).filter(|there| there.state != "disassociating" && !stays(&there.cidr));
        blocks
            .map(|there| Disassociate { association: there.association_id.clone(), block: there.cidr })
            .collect()
    }

    fn describe(change: &Disassociate) -> Change {
        Change::new(Sign::Remove, format!("CIDR block association {}", change.block))
            .to("association", &change.association)
    }

    fn notes(_: &Design, facts: &Facts, settings: &Settings) -> Vec<String> {
        let going = super::create_subnets::going(facts, settings);
        let kept = ours(facts).filter_map(|there| {
            let left = inside(facts, there.cidr);
            let others: Vec<&str> =
                left.into_iter().filter(|id| !going.iter().any(|subnet| subnet == id)).collect();
            (!others.is_empty()).then(|| format!("{} stays: it holds {}", there.cidr, others.join(", ")))
        });
        kept.collect()
    }

    async fn apply(session: &mut Session, change: Disassociate) -> Result<()> {
        session.clients.aws.ec2.disassociate_cidr(&change.association).await
    }

    async fn settle(session: &mut Session) -> Result<()> {
        let vpc = &session.facts.vpc.id;
        session
            .until("CIDR blocks disassociated", async || {
                let blocks = session.clients.aws.ec2.vpc(vpc).await?.blocks;
                let going: Vec<String> = blocks
                    .iter()
                    .filter(|block| block.state == "disassociating")
                    .map(|block| block.cidr.to_string())
                    .collect();
                Ok(if going.is_empty() { Seen::Yes(()) } else { Seen::NotYet(going.join(", ")) })
            })
            .await
    }
}
