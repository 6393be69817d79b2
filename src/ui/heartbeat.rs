//! A line every ten seconds while nothing else is printed, so that a CI service or a person does not take a long wait for
//! a hang. Pure: whoever prints gives the time.

use std::time::Duration;

use crate::events::Event;
use crate::text::spent;

/// Time between two lines.
pub(super) const EVERY: Duration = Duration::from_secs(10);

/// What a run is doing, and when the last line was printed. All times count from the same moment.
pub(super) struct Heartbeat {
    every: Duration,
    last: Duration,
    /// What the run waits for.
    wait: Option<Doing>,
    /// What the run is doing otherwise: a step, or reading the cluster. `None` while a person may be asked.
    base: Option<Doing>,
    /// Whether there is a base outside of steps: a person may be asked there.
    asks: bool,
}

struct Doing {
    /// It follows "waiting for".
    what: String,
    detail: String,
    since: Duration,
}

impl Heartbeat {
    /// `asks`: a person may be asked before the first step.
    pub(super) fn new(every: Duration, asks: bool) -> Self {
        let mut new = Heartbeat { every, last: Duration::ZERO, wait: None, base: None, asks };
        new.base = new.reading(Duration::ZERO);
        new
    }

    fn reading(&self, now: Duration) -> Option<Doing> {
        let what = "the cluster to be read".into();
        (!self.asks).then(|| Doing { what, detail: String::new(), since: now })
    }

    /// Remembers what the run is doing.
    pub(super) fn note(&mut self, event: &Event, now: Duration) {
        self.wait = None;
        match event {
            Event::Waiting { what, detail, seconds, .. } => {
                let since = now.saturating_sub(Duration::from_secs(*seconds));
                self.wait = Some(Doing { what: what.clone(), detail: detail.clone(), since });
            }
            Event::StepStarted { step, .. } => {
                self.base = Some(Doing { what: step.name().to_string(), detail: String::new(), since: now });
            }
            Event::StepDone { .. } => self.base = self.reading(now),
            _ => {}
        }
    }

    /// A line was printed.
    pub(super) fn printed(&mut self, now: Duration) {
        self.last = now;
    }

    /// The line to print now; `None` if it is not time yet, or if there is nothing to say.
    pub(super) fn due(&mut self, now: Duration) -> Option<String> {
        if now < self.last + self.every {
            return None;
        }
        let Doing { what, detail, since } = self.wait.as_ref().or(self.base.as_ref())?;
        let detail = if detail.is_empty() { String::new() } else { format!("{detail}, ") };
        let line =
            format!("    waiting for {what} … {detail}{}", spent(now.saturating_sub(*since).as_secs()));
        self.last = now;
        Some(line)
    }

    /// The time until a line may be due.
    pub(super) fn pause(&self, now: Duration) -> Duration {
        // With nothing to say there is nothing to be late with.
        let due = (self.last + self.every).saturating_sub(now);
        if due.is_zero() { self.every } else { due }
    }
}

#[cfg(test)]
mod tests {
    use crate::calls::Count;
    use crate::step::Step;

    use super::*;

    const START: Duration = Duration::ZERO;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn waiting(seconds: u64) -> Event {
        Event::Waiting {
            what: "nodes to be drained".into(),
            detail: format!("{seconds} of 9"),
            seconds,
            part: None,
            drain: None,
        }
    }

    fn started() -> Event {
        Event::StepStarted { step: Step::DrainNodes, number: 9, of: 9, undo: false }
    }

    /// The lines until a time, as the thread prints them, with what happens on the way.
    fn lines(
        beat: &mut Heartbeat,
        until: Duration,
        happens: impl Fn(Duration) -> Option<Event>,
    ) -> Vec<(u64, String)> {
        let tick = Duration::from_millis(500);
        let (mut now, mut printed, mut wake) = (START, Vec::new(), START + beat.pause(START));
        while now <= until {
            if let Some(event) = happens(now) {
                beat.note(&event, now);
            }
            if now >= wake {
                printed.extend(beat.due(now).map(|line| (now.as_secs(), line.trim().to_string())));
                wake = now + beat.pause(now);
            }
            now += tick;
        }
        printed
    }

    #[test]
    fn a_wait_without_any_event_has_a_line_every_ten_seconds() {
        let mut beat = Heartbeat::new(EVERY, false);
        let printed = lines(&mut beat, at(35), |_| None);
        let reading = |seconds: u64| (seconds, format!("waiting for the cluster to be read … {seconds} s"));
        assert_eq!(printed, [reading(10), reading(20), reading(30)]);
    }

    #[test]
    fn a_drain_of_an_hour_has_a_line_every_ten_seconds_and_no_more() {
        let mut beat = Heartbeat::new(EVERY, false);
        // The drain reports every half second.
        let printed = lines(&mut beat, at(3600), |now| Some(waiting(now.as_secs())));
        let times: Vec<u64> = printed.iter().map(|(seconds, _)| *seconds).collect();
        assert_eq!(times, (1..=360).map(|n| n * 10).collect::<Vec<u64>>());
        assert_eq!(printed[19].1, "waiting for nodes to be drained … 200 of 9, 3 min 20 s");
        assert_eq!(printed[359].1, "waiting for nodes to be drained … 3600 of 9, 1 h 0 min");
    }

    #[test]
    fn an_event_every_few_seconds_does_not_delay_the_line() {
        let mut beat = Heartbeat::new(EVERY, false);
        // As `until` does in a long wait.
        let printed =
            lines(&mut beat, at(62), |now| (now.as_millis() % 4500 == 0).then(|| waiting(now.as_secs())));
        let times: Vec<u64> = printed.iter().map(|(seconds, _)| *seconds).collect();
        assert_eq!(times, [10, 20, 30, 40, 50, 60]);
    }

    #[test]
    fn another_line_restarts_the_ten_seconds() {
        let mut beat = Heartbeat::new(EVERY, false);
        beat.note(&started(), at(7));
        beat.printed(at(7));
        assert_eq!((beat.due(at(16)), beat.pause(at(16))), (None, at(1)));
        assert_eq!(beat.due(at(17)).unwrap().trim(), "waiting for drain-nodes … 10 s");
        // A wait that is over is no longer named.
        beat.note(&waiting(3), at(20));
        beat.note(&Event::Note { text: "done".into() }, at(21));
        assert_eq!(beat.due(at(27)).unwrap().trim(), "waiting for drain-nodes … 20 s");
    }

    #[test]
    fn nothing_is_printed_while_a_person_may_be_asked() {
        let mut beat = Heartbeat::new(EVERY, true);
        assert_eq!(beat.due(at(60)), None);
        assert_eq!(beat.pause(at(60)), EVERY);
        beat.note(&started(), at(61));
        assert!(beat.due(at(71)).is_some());
        let done =
            Event::StepDone { step: Step::DrainNodes, changes: 0, seconds: 1.0, calls: Count::default() };
        beat.note(&done, at(72));
        assert_eq!(beat.due(at(90)), None);
    }
}
