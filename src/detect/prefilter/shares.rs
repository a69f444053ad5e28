//! How often bytes follow each other in ordinary text. Plain arithmetic, so that a plan is the same on every machine.

use super::plan::{FOLDED, Sets};

/// How often one folded byte follows another in source code and prose: `-8 log2` of the pair's share of all pairs, a byte
/// for each pair of 64 x 64 folded bytes. `cargo xtask pairs DIR…` counts it.
static PAIRS: &[u8] = include_bytes!("../../../rules/pairs.bin");

/// The commonest four folded bytes in a row, sorted: their number (six bits each, the first byte lowest) in the upper 24
/// bits and their cost as in [`PAIRS`] in the lower 8. Words repeat themselves far more than a chain of pairs tells.
/// `cargo xtask pairs DIR…` counts them, too.
static QUADS: &[u8] = include_bytes!("../../../rules/quads.bin");

/// `2^(-n/8)` for n from 0 to 7: the standard library's own powers may differ in the last bit between machines.
const EIGHTHS: [f64; 8] = [
    1.0,
    0.917_004_043_204_671_2,
    0.840_896_415_253_714_5,
    0.771_105_412_703_970_4,
    0.707_106_781_186_547_5,
    0.648_419_777_325_504_8,
    0.594_603_557_501_360_5,
    0.545_253_866_332_628_8,
];

/// Shares of folded bytes and pairs of them.
pub(super) struct Shares {
    alone: [f64; FOLDED],
    /// Of a byte after another.
    after: Vec<f64>,
    /// Four in a row, as in [`QUADS`], and their share.
    quads: Vec<(u32, f64)>,
    /// What is not among them is rarer than this.
    rarest: f64,
}

impl Shares {
    pub(super) fn new() -> Self {
        let mut steps = Vec::with_capacity(256);
        let mut whole = 1.0;
        for _ in 0..32 {
            steps.extend(EIGHTHS.map(|eighth| whole * eighth));
            whole /= 2.0;
        }
        let mut after: Vec<f64> = PAIRS.iter().filter_map(|cost| steps.get(usize::from(*cost)).copied()).collect();
        let mut alone = [0.0; FOLDED];
        for (share, row) in alone.iter_mut().zip(after.chunks_mut(FOLDED)) {
            *share = row.iter().sum();
            row.iter_mut().for_each(|pair| *pair /= *share);
        }
        let (quads, _) = QUADS.as_chunks::<4>();
        let share = |cost: u32| steps.get(cost as usize & 0xff).copied().unwrap_or_default();
        let quads = quads.iter().map(|quad| u32::from_le_bytes(*quad)).map(|quad| (quad >> 8, share(quad)));
        let quads: Vec<(u32, f64)> = quads.collect();
        let rarest = quads.iter().map(|(_, share)| *share).fold(1.0, f64::min);
        Self { alone, after, quads, rarest }
    }

    /// The share of places at which the window is seen: as counted where it is common, else as a chain of pairs says.
    pub(super) fn of(&self, window: &Sets) -> f64 {
        if window.iter().all(|set| set.is_power_of_two()) {
            let number = window.iter().rev().fold(0, |number, set| number << 6 | set.trailing_zeros());
            let known = self.quads.binary_search_by_key(&number, |(quad, _)| *quad).ok();
            let counted = known.and_then(|index| self.quads.get(index)).map(|(_, share)| *share);
            return counted.unwrap_or_else(|| self.chain(window).min(self.rarest));
        }
        let within = |quad: u32| window.iter().zip([0, 6, 12, 18]).all(|(set, by)| set >> (quad >> by & 63) & 1 == 1);
        let counted: f64 = self.quads.iter().filter(|(quad, _)| within(*quad)).map(|(_, share)| share).sum();
        self.chain(window).max(counted)
    }

    /// By a chain of pairs.
    fn chain(&self, window: &Sets) -> f64 {
        let mut before: Option<[f64; FOLDED]> = None;
        for set in window {
            let mut here = [0.0; FOLDED];
            for byte in members(*set) {
                let share = match &before {
                    None => self.alone.get(byte).copied().unwrap_or_default(),
                    Some(before) => before
                        .iter()
                        .enumerate()
                        .filter(|(_, share)| **share > 0.0)
                        .map(|(last, share)| share * self.after.get(last * FOLDED + byte).copied().unwrap_or_default())
                        .sum(),
                };
                if let Some(slot) = here.get_mut(byte) {
                    *slot = share;
                }
            }
            before = Some(here);
        }
        before.unwrap_or([0.0; FOLDED]).iter().sum()
    }

    /// The same as if bytes knew nothing of each other; for comparing many.
    pub(super) fn roughly(&self, window: &Sets) -> f64 {
        let share = |set: &u64| members(*set).filter_map(|byte| self.alone.get(byte)).sum::<f64>();
        window.iter().map(share).product()
    }
}

/// The numbers of the bits that are set.
pub(super) fn members(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let byte = set.trailing_zeros() as usize;
        set &= set.checked_sub(1)?;
        Some(byte)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_rare_windows_have_small_ones() {
        let shares = Shares::new();
        assert!((shares.alone.iter().sum::<f64>() - 1.0).abs() < 0.02);
        assert!((shares.of(&[u64::MAX; 4]) - 1.0).abs() < 0.02);
        let window = |text: &[u8; 4]| text.map(|byte| 1_u64 << super::super::plan::folded(byte));
        assert!(shares.of(&window(b"zqxj")) < shares.of(&window(b"the ")) / 1000.0);
        assert!(shares.roughly(&window(b"zqxj")) < shares.roughly(&window(b"the ")) / 1000.0);
    }
}
