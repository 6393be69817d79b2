//! Step 1: a secondary CIDR block for pods on the VPC.

use ipnet::Ipv4Net;

use crate::design::Design;
use crate::discover::Section;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::facts::Facts;
use crate::settings::Settings;
use crate::walk::{CONSISTENCY, Seen, Walk, until};

use super::{Change, Rules, Sign, Step};

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

    async fn apply(walk: &mut Walk, change: Associate) -> Result<()> {
        let ec2 = &walk.clients.aws.ec2;
        let Err(error) = ec2.associate_cidr(&change.vpc, change.block).await else { return Ok(()) };
        if error.code().is_empty() {
            return Err(error);
        }
        // The call takes no client token: a reply that was lost, or an earlier run's call, shows as a conflict with
        // the very block; and DescribeVpcs may show the block only after a while.
        let there = until(&walk.events, &walk.interrupt, CONSISTENCY, "the block visible", async || {
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

    async fn settle(walk: &mut Walk) -> Result<()> {
        for block in &walk.design.blocks {
            let vpc = &walk.facts.vpc.id;
            walk.until(&format!("CIDR block {block} associated"), async || {
                let there =
                    walk.clients.aws.ec2.vpc(vpc).await?.blocks.into_iter().find(|b| b.cidr == *block);
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
