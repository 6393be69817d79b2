//! Carries out or undoes one step.

use std::cell::Cell;

use futures::stream::{self, StreamExt};

use crate::discover::Section;
use crate::error::Result;
use crate::events::Event;
use crate::exit::Exit;
use crate::session::{AT_ONCE, CONSISTENCY, Seen, Session, until};
use crate::steps::Rules;

/// Makes a step's changes, waits for them, and checks the result. Returns the number of changes.
///
/// Facts are read again if an earlier step made changes. Earlier steps may also have waited without changes: then they are
/// read again before the first change, or an outdated group size would be set and start a node.
pub(super) async fn carry_out<R: Rules>(session: &mut Session, first: bool, changed: bool) -> Result<usize> {
    let nothing_to_do = |session: &Session| R::changes(&session.scene()).is_empty();
    if changed || !(first || nothing_to_do(session)) {
        session.read(R::READS).await?;
    }
    for note in R::notes(&session.scene()) {
        session.events.note(note);
    }
    if let Some(left_out) = R::left_out(&session.scene()) {
        session.events.note(left_out);
    }
    let changes = R::changes(&session.scene());
    R::rehearse(session, &changes).await?;
    let made = changes.len();
    let mut changes = changes.iter().peekable();
    while let Some(change) = changes.next() {
        announce::<R>(session, change)?;
        R::apply(session, change.clone()).await?;
        let can_be_beside = |change: &R::Change| R::beside(session, change).is_some();
        if can_be_beside(change) {
            let next: Vec<&R::Change> =
                std::iter::from_fn(|| changes.next_if(|next| can_be_beside(next))).collect();
            side_by_side::<R>(session, next).await?;
        }
    }
    // Wait first: a resource that failed would never reach its designed state.
    R::settle(session).await?;
    if made > 0 {
        converge::<R>(session).await?;
        // Wait again for resources whose ids are known only now.
        R::settle(session).await?;
    }
    Ok(made)
}

fn announce<R: Rules>(session: &Session, change: &R::Change) -> Result<()> {
    session.stop_if_interrupted()?;
    session.events.emit(Event::Change { step: R::STEP, change: R::describe(change) });
    Ok(())
}

/// Makes changes at the same time. After an error no further one is started; those in progress are completed.
async fn side_by_side<R: Rules>(session: &Session, changes: Vec<&R::Change>) -> Result<()> {
    let failed = Cell::new(false);
    let make = async |change| {
        let Some(made) = R::beside(session, change).filter(|_| !failed.get()) else { return Ok(()) };
        let result = match announce::<R>(session, change) {
            Ok(()) => made.await,
            Err(error) => Err(error),
        };
        failed.set(failed.get() || result.is_err());
        result
    };
    let results: Vec<Result<()>> = stream::iter(changes).map(make).buffered(AT_ONCE).collect().await;
    results.into_iter().collect()
}

/// Reads until the step has no changes left: AWS shows a new resource with a delay, and its tags even later.
async fn converge<R: Rules>(session: &mut Session) -> Result<()> {
    let (events, interrupt, timeout) =
        (session.events.clone(), session.interrupt.clone(), session.settings.run.timeout);
    until(
        &events,
        &interrupt,
        timeout,
        &format!("the changes of {} to become visible", R::STEP.name()),
        async || {
            session.read(R::READS).await?;
            let left = R::changes(&session.scene());
            let left: Vec<String> = left.iter().map(|change| R::describe(change).resource).collect();
            Ok(if left.is_empty() { Seen::Yes(()) } else { Seen::NotYet(left.join(", ")) })
        },
    )
    .await
}

/// Waits for recorded CIDR blocks that EC2 does not show yet. A block is recorded before it is associated, so an
/// interrupted run may have associated it just now; if the record were deleted too early, the block would stay forever.
/// A block that does not appear in time was never associated, or is gone.
pub(super) async fn blocks_visible(session: &mut Session) -> Result<()> {
    let (events, interrupt) = (session.events.clone(), session.interrupt.clone());
    let seen =
        until(&events, &interrupt, CONSISTENCY, "recorded CIDR blocks to become visible", async || {
            let there = &session.facts.vpc.blocks;
            let is_there = |block: &&ipnet::Ipv4Net| there.iter().any(|each| each.cidr == **block);
            let hidden = session.facts.record.blocks.iter().filter(|block| !is_there(block)).count();
            if hidden == 0 {
                return Ok(Seen::Yes(()));
            }
            session.read(&[Section::Vpc]).await?;
            Ok(Seen::NotYet(format!("{hidden} not visible yet")))
        });
    match seen.await {
        Err(error) if error.exit() == Exit::Interrupted || !error.code().is_empty() => Err(error),
        _ => Ok(()),
    }
}
