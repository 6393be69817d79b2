//! How long a drain that is under way still takes. Pure.

use std::time::Duration;

/// Without a pod that leaves for this long, and for twice the usual time between two pods, there is no estimate.
const QUIET: Duration = Duration::from_secs(60);

/// What is known of a drain under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The forecast for all of its pods.
    pub predicted: Duration,
    pub elapsed: Duration,
    /// Since the last pod has left.
    pub quiet: Duration,
    pub moved: usize,
    pub pods: usize,
}

impl Pace {
    /// The longer of what the forecast says and what the pods have taken so far. `None` if neither says anything: the
    /// drain takes longer than predicted and nothing moves.
    pub(crate) fn left(&self) -> Option<Duration> {
        let left = u32::try_from(self.pods.saturating_sub(self.moved)).ok()?;
        let pods = u32::try_from(self.pods).ok().filter(|pods| *pods > 0)?;
        let by_forecast = self.predicted.saturating_mul(left) / pods;
        let Some(moved) = u32::try_from(self.moved).ok().filter(|moved| *moved > 0) else {
            return (self.elapsed < self.predicted).then(|| by_forecast.saturating_sub(self.elapsed));
        };
        let each = (self.elapsed.saturating_sub(self.quiet)) / moved;
        if self.quiet > QUIET.max(each * 2) {
            return None;
        }
        Some(by_forecast.max(each * left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(predicted: u64, elapsed: u64, quiet: u64, moved: usize, pods: usize) -> Option<u64> {
        let seconds = Duration::from_secs;
        let pace = Pace {
            predicted: seconds(predicted),
            elapsed: seconds(elapsed),
            quiet: seconds(quiet),
            moved,
            pods,
        };
        pace.left().map(|left| left.as_secs())
    }

    #[test]
    fn the_forecast_counts_until_the_pods_show_that_they_are_slower() {
        assert_eq!(left(120, 0, 0, 0, 12), Some(120));
        assert_eq!(left(120, 30, 30, 0, 12), Some(90));
        assert_eq!(left(120, 30, 0, 6, 12), Some(60), "faster than predicted, but no promise");
        assert_eq!(left(120, 200, 0, 5, 12), Some(280), "40 s a pod");
        assert_eq!(left(120, 200, 0, 12, 12), Some(0));
    }

    #[test]
    fn there_is_no_estimate_while_nothing_moves() {
        assert_eq!(left(120, 130, 130, 0, 12), None);
        assert_eq!(left(120, 200, 100, 5, 12), None);
        assert_eq!(left(600, 700, 150, 5, 12), Some(770), "pods that take two minutes each are not stuck");
        assert_eq!(left(0, 0, 0, 0, 0), None);
    }
}
