//! Step 1: a secondary CIDR block for pods on the VPC.

use ipnet::Ipv4Net;

use crate::discover::Section;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::facts::{BlockState, Facts};
use crate::scene::Scene;
use crate::session::{CONSISTENCY, Seen, Session, until};
use crate::step::{Change, Sign, Step};

use super::Rules;

pub(crate) struct AssociateCidr;

/// A block that the VPC does not have yet.
#[derive(Debug, Clone)]
pub(crate) struct Associate {
    vpc: String,
    block: Ipv4Net,
}

impl Rules for AssociateCidr {
    type Change = Associate;
    const STEP: Step = Step::AssociateCidr;
    const READS: &'static [Section] = &[Section::Vpc];

    fn changes(scene: &Scene<'_>) -> Vec<Associate> {
        let Scene { design, facts, .. } = *scene;
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
        // The call takes no client token. After a lost reply, or a call of an earlier run, EC2 reports a conflict with
        // this same block; and DescribeVpcs may show the block only later.
        let there = until(
            &session.events,
            &session.interrupt,
            CONSISTENCY,
            "the CIDR block to become visible",
            async || {
                let blocks = ec2.vpc(&change.vpc).await?.blocks;
                Ok(match blocks.iter().any(|block| block.cidr == change.block) {
                    true => Seen::Yes(()),
                    false => Seen::NotYet(error.to_string()),
                })
            },
        );
        there
            .await
            .map_err(|given_up| if given_up.exit() == Exit::Interrupted { given_up } else { error.clone() })
    }

    async fn settle(session: &mut Session) -> Result<()> {
        for block in &session.design.blocks {
            let vpc = &session.facts.vpc.id;
            session
                .until(&format!("CIDR block {block} to be associated"), async || {
                    let there =
                        session.clients.aws.ec2.vpc(vpc).await?.blocks.into_iter().find(|b| b.cidr == *block);
                    match there.as_ref().map(|block| &block.state) {
                        Some(BlockState::Associated) => Ok(Seen::Yes(())),
                        Some(state @ (BlockState::Failing | BlockState::Failed)) => {
                            Err(Error::failed(format!("CIDR block {block} could not be associated"))
                                .at(vpc)
                                .because(format!("its state is '{state}'")))
                        }
                        state => {
                            Ok(Seen::NotYet(state.map_or("not visible yet", BlockState::name).to_string()))
                        }
                    }
                })
                .await?;
        }
        Ok(())
    }
}

/// Disassociates the blocks that the record lists, if no subnet uses them.
pub(crate) struct UndoAssociateCidr;

/// An association that eni-custom made.
#[derive(Debug, Clone)]
pub(crate) struct Disassociate {
    association: String,
    block: Ipv4Net,
}

/// Subnets inside a block.
fn inside(facts: &Facts, block: Ipv4Net) -> Vec<&str> {
    let inside = facts.vpc.subnets.iter().filter(|subnet| block.contains(&subnet.cidr));
    inside.map(|subnet| subnet.id.as_str()).collect()
}

/// Blocks that eni-custom associated and that still exist.
fn ours(facts: &Facts) -> impl Iterator<Item = &crate::facts::CidrBlock> {
    // An association can't be tagged, so the record, written before the association, is the only proof of who made it.
    let record = &facts.record.blocks;
    facts.vpc.blocks.iter().filter(|there| record.contains(&there.cidr) && there.cidr != facts.vpc.primary)
}

impl Rules for UndoAssociateCidr {
    type Change = Disassociate;
    const STEP: Step = Step::AssociateCidr;
    const READS: &'static [Section] = &[Section::Vpc];

    fn changes(scene: &Scene<'_>) -> Vec<Disassociate> {
        let facts = scene.facts;
        let stays = |block: &Ipv4Net| {
            // Subnets that this run deletes do not block it; the notes name the others.
            let left = inside(facts, *block);
            let deleted = super::create_subnets::deleted_subnets(scene);
            left.iter().any(|id| !deleted.iter().any(|subnet| subnet == id))
        };
        let blocks =
            ours(facts).filter(|there| there.state != BlockState::Disassociating && !stays(&there.cidr));
        blocks
            .map(|there| Disassociate { association: there.association_id.clone(), block: there.cidr })
            .collect()
    }

    fn describe(change: &Disassociate) -> Change {
        Change::new(Sign::Remove, format!("CIDR block association {}", change.block))
            .to("association", &change.association)
    }

    fn notes(scene: &Scene<'_>) -> Vec<String> {
        let facts = scene.facts;
        let deleted = super::create_subnets::deleted_subnets(scene);
        let kept = ours(facts).filter_map(|there| {
            let left = inside(facts, there.cidr);
            let others: Vec<&str> =
                left.into_iter().filter(|id| !deleted.iter().any(|subnet| subnet == id)).collect();
            (!others.is_empty()).then(|| format!("{} is kept: it contains {}", there.cidr, others.join(", ")))
        });
        kept.collect()
    }

    async fn apply(session: &mut Session, change: Disassociate) -> Result<()> {
        session.clients.aws.ec2.disassociate_cidr(&change.association).await
    }

    async fn settle(session: &mut Session) -> Result<()> {
        let vpc = &session.facts.vpc.id;
        session
            .until("CIDR blocks to be disassociated", async || {
                let blocks = session.clients.aws.ec2.vpc(vpc).await?.blocks;
                let going: Vec<String> = blocks
                    .iter()
                    .filter(|block| block.state == BlockState::Disassociating)
                    .map(|block| block.cidr.to_string())
                    .collect();
                Ok(if going.is_empty() { Seen::Yes(()) } else { Seen::NotYet(going.join(", ")) })
            })
            .await
    }
}
