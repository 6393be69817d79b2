//! One step of a run, whichever way.

use crate::discover::Section;
use crate::error::Result;
use crate::events::Event;
use crate::exit::Exit;
use crate::session::{CONSISTENCY, Seen, Session, until};
use crate::steps::Rules;

/// One step: its changes, its waits, and a look whether it is really so now. Answers how many changes it made.
///
/// What an earlier step changed has changed what there is to read. Where none did, they may still have waited: before
/// the first change of such a run all is read anew, or a group's size of then, set again, would start a node.
pub async fn carry_out<R: Rules>(session: &mut Session, first: bool, changed: bool) -> Result<usize> {
    let nothing_to_do =
        |session: &Session| R::changes(&session.design, &session.facts, &session.settings).is_empty();
    if changed || !(first || nothing_to_do(session)) {
        session.read(R::READS).await?;
    }
    for note in R::notes(&session.design, &session.facts, &session.settings) {
        session.events.note(note);
    }
    if let Some(left_out) = R::left_out(&session.design, &session.facts, &session.settings) {
        session.events.note(left_out);
    }
    let changes = R::changes(&session.design, &session.facts, &session.settings);
    R::rehearse(session, &changes).await?;
    let made = changes.len();
    for change in changes {
        session.go_on()?;
        session.events.emit(Event::Change { step: R::STEP, change: R::describe(&change) });
        R::apply(session, change).await?;
    }
    // First, because a thing that failed on its way is never going to look as it should.
    R::settle(session).await?;
    if made > 0 {
        converge::<R>(session).await?;
        // And again for what has an id only now.
        R::settle(session).await?;
    }
    Ok(made)
}

/// Reads until nothing of the step is left to change: AWS shows a new thing only after a while, and by its tags
/// later still.
async fn converge<R: Rules>(session: &mut Session) -> Result<()> {
    let (events, interrupt, timeout) =
        (session.events.clone(), session.interrupt.clone(), session.settings.timeout);
    until(&events, &interrupt, timeout, &format!("{} visible", R::STEP.name()), async || {
        session.read(R::READS).await?;
        let left = R::changes(&session.design, &session.facts, &session.settings);
        let left: Vec<String> = left.iter().map(|change| R::describe(change).resource).collect();
        Ok(if left.is_empty() { Seen::Yes(()) } else { Seen::NotYet(left.join(", ")) })
    })
    .await
}

/// Waits for the blocks that are recorded as ours and that EC2 doesn't show. They are written down before they are
/// associated: a run that was cut may have done so just now, and a record that goes too early leaves them for ever.
/// Those that don't show in time were never made, or are gone.
pub async fn blocks_visible(session: &mut Session) -> Result<()> {
    let (events, interrupt) = (session.events.clone(), session.interrupt.clone());
    let seen = until(&events, &interrupt, CONSISTENCY, "recorded CIDR blocks visible", async || {
        let there = &session.facts.vpc.blocks;
        let is_there = |block: &&ipnet::Ipv4Net| there.iter().any(|each| each.cidr == **block);
        let hidden = session.facts.record.blocks.iter().filter(|block| !is_there(block)).count();
        if hidden == 0 {
            return Ok(Seen::Yes(()));
        }
        session.read(&[Section::Vpc]).await?;
        Ok(Seen::NotYet(format!("{hidden} not yet visible")))
    });
    match seen.await {
        Err(error) if error.exit() == Exit::Interrupted || !error.code().is_empty() => Err(error),
        _ => Ok(()),
    }
}
