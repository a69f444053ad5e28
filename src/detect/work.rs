//! What a detector has done: counts that are the same on every run, for guards and `rules profile`. Kept only by a
//! detector that was asked to; judges nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What was done for all rules together, summed over all threads. Each number follows from the texts and the rules alone,
/// but for `places` and `windows`, which also depend on the path that the prefilter takes on this processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Texts looked at; a blob of UTF-16 is two.
    pub texts: u64,
    /// Bytes that went through the prefilter.
    pub bytes: u64,
    /// Places that the prefilter's first sieve could not refuse.
    pub places: u64,
    /// Those of them where the text's hash is that of a watched window: there anchors were compared.
    pub windows: u64,
    /// Anchors seen, once for each rule that has them.
    pub hits: u64,
    /// Hits that the rule's gates let through.
    pub passed: u64,
    /// Runs of regexes.
    pub regexes: u64,
    /// Matches.
    pub seen: u64,
}

/// What was done for one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleWork {
    /// Anchors of it seen.
    pub hits: u64,
    /// Hits that its gates let through.
    pub passed: u64,
    /// Runs of its regex.
    pub regexes: u64,
    /// Matches.
    pub seen: u64,
    /// Time from hit to match or refusal, on all threads.
    pub time: Duration,
}

/// Where the counts are summed.
pub(super) struct Ledger {
    total: [AtomicU64; 8],
    rules: Vec<[AtomicU64; 5]>,
}

fn add(slot: &AtomicU64, number: u64) {
    slot.fetch_add(number, Ordering::Relaxed);
}

impl Ledger {
    pub(super) fn new(rules: usize) -> Self {
        Self { total: Default::default(), rules: (0..rules).map(|_| Default::default()).collect() }
    }

    /// Adds what one text took.
    pub(super) fn add(&self, work: &Work) {
        let Work { texts, bytes, places, windows, hits, passed, regexes, seen } = *work;
        let numbers = [texts, bytes, places, windows, hits, passed, regexes, seen];
        self.total.iter().zip(numbers).for_each(|(slot, number)| add(slot, number));
    }

    /// Adds what one hit of a rule took: the difference of two counts of the text, and the time since `began`.
    pub(super) fn add_hit(&self, rule: usize, before: &Work, after: &Work, began: Instant) {
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let numbers =
            [1, after.passed - before.passed, after.regexes - before.regexes, after.seen - before.seen, nanos];
        let slots = self.rules.get(rule).into_iter().flatten();
        slots.zip(numbers).for_each(|(slot, number)| add(slot, number));
    }

    pub(super) fn total(&self) -> Work {
        let [texts, bytes, places, windows, hits, passed, regexes, seen] =
            self.total.each_ref().map(|slot| slot.load(Ordering::Relaxed));
        Work { texts, bytes, places, windows, hits, passed, regexes, seen }
    }

    /// By the rules' order.
    pub(super) fn rules(&self) -> Vec<RuleWork> {
        let read = |slots: &[AtomicU64; 5]| {
            let [hits, passed, regexes, seen, nanos] = slots.each_ref().map(|slot| slot.load(Ordering::Relaxed));
            RuleWork { hits, passed, regexes, seen, time: Duration::from_nanos(nanos) }
        };
        self.rules.iter().map(read).collect()
    }
}
