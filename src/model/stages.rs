//! Where a scan's time goes: named stages, told by whoever works them. Measures only when asked to.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What was measured, in the order in which the stages were first named.
#[derive(Debug)]
pub struct Stages {
    began: Instant,
    known: Mutex<Vec<Stage>>,
}

/// One stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// What people call it.
    pub name: &'static str,
    /// Time spent in it; summed over the threads that worked at it.
    pub spent: Duration,
    /// True when several threads may have worked at it at once, so that `spent` may exceed the time that passed.
    pub shared: bool,
}

impl Default for Stages {
    fn default() -> Self {
        Self { began: Instant::now(), known: Mutex::default() }
    }
}

impl Stages {
    /// The handle that rooms measure with.
    pub fn clock(&self) -> Clock<'_> {
        Clock(Some(self))
    }

    /// Everything told so far.
    pub fn known(&self) -> Vec<Stage> {
        self.lock().clone()
    }

    /// Time since measuring began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Stage>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, name: &'static str, spent: Duration, shared: bool) {
        let mut known = self.lock();
        match known.iter_mut().find(|stage| stage.name == name) {
            Some(stage) => {
                stage.spent += spent;
                stage.shared |= shared;
            }
            None => known.push(Stage { name, spent, shared }),
        }
    }
}

/// Tells [`Stages`] what was measured; the default is off and costs nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock<'a>(Option<&'a Stages>);

impl Clock<'_> {
    /// True when anybody wants to know.
    pub fn is_on(self) -> bool {
        self.0.is_some()
    }

    /// Does `work`, which is a stage that no other thread works at.
    pub fn stage<T>(self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let mut laps = self.laps();
        let done = work();
        self.passed(name, laps.lap());
        done
    }

    /// Adds what one thread measured while no other worked at the stage.
    pub fn passed(self, name: &'static str, spent: Duration) {
        if let Some(stages) = self.0 {
            stages.add(name, spent, false);
        }
    }

    /// Adds what one or several threads measured themselves. Call it once a thread, not once a blob: it takes a lock.
    pub fn add(self, name: &'static str, spent: Duration) {
        if let Some(stages) = self.0 {
            stages.add(name, spent, true);
        }
    }

    /// A stopwatch for one thread.
    pub fn laps(self) -> Laps {
        Laps { last: self.0.map(|_| Instant::now()) }
    }
}

/// One thread's stopwatch: every moment belongs to exactly one lap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Laps {
    last: Option<Instant>,
}

impl Laps {
    /// Time since the last lap, or since the stopwatch was made; zero when nobody measures.
    pub fn lap(&mut self) -> Duration {
        match &mut self.last {
            Some(last) => {
                let now = Instant::now();
                now.saturating_duration_since(std::mem::replace(last, now))
            }
            None => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_keep_their_order_and_add_up() {
        let stages = Stages::default();
        let clock = stages.clock();
        assert_eq!(clock.stage("place", || 7), 7);
        clock.add("walk", Duration::from_millis(2));
        clock.add("read", Duration::from_millis(3));
        clock.add("walk", Duration::from_millis(40));
        let known = stages.known();
        assert_eq!(
            known.iter().map(|stage| (stage.name, stage.shared)).collect::<Vec<_>>(),
            [("place", false), ("walk", true), ("read", true)]
        );
        assert_eq!(known[1].spent, Duration::from_millis(42));
    }

    #[test]
    fn a_clock_that_is_off_measures_nothing() {
        let clock = Clock::default();
        clock.add("walk", Duration::from_secs(1));
        assert_eq!(clock.stage("place", || 7), 7);
        let mut laps = clock.laps();
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!((clock.is_on(), laps.lap()), (false, Duration::ZERO));
    }

    #[test]
    fn laps_leave_no_gap() {
        let stages = Stages::default();
        let mut laps = stages.clock().laps();
        std::thread::sleep(Duration::from_millis(2));
        let spent = laps.lap() + laps.lap();
        assert!(spent >= Duration::from_millis(2) && spent <= stages.elapsed());
    }
}
