//! A plan as bytes: what `cargo xtask pack` puts beside the rules, and reading it back. Little endian throughout.

use std::borrow::Cow;

use super::plan::{Class, Entry, Literal, Plan, Sets};

impl Plan {
    /// The bytes that [`Plan::read`] reads.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let counts = [self.literals.len(), self.wanted.len(), self.follows.len(), self.entries.len(), self.twos.len()];
        for count in counts.into_iter().chain([self.short.len(), self.buckets.len(), self.texts.len()]) {
            out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        }
        for literal in &self.literals {
            out.extend(literal.text.to_le_bytes());
            out.extend([literal.len, u8::from(literal.fold)]);
            [literal.follow, literal.wanted, literal.rules].iter().for_each(|number| out.extend(number.to_le_bytes()));
        }
        self.wanted.iter().for_each(|rule| out.extend(rule.to_le_bytes()));
        for class in &self.follows {
            class.bytes.iter().for_each(|word| out.extend(word.to_le_bytes()));
            out.push(class.least);
        }
        for entry in &self.entries {
            out.extend(entry.window.to_le_bytes());
            out.extend(entry.literal.to_le_bytes());
            out.push(entry.offset);
        }
        self.twos.iter().for_each(|(pair, literal)| {
            out.extend(pair.to_le_bytes());
            out.extend(literal.to_le_bytes());
        });
        self.short.iter().for_each(|literal| out.extend(literal.to_le_bytes()));
        self.buckets.iter().flatten().for_each(|set| out.extend(set.to_le_bytes()));
        out.extend_from_slice(&self.texts);
        out
    }

    /// None when these are not a plan's bytes.
    pub(super) fn read(bytes: &'static [u8]) -> Option<Self> {
        let mut at = Reader(bytes);
        let mut count = || at.u32().map(|count| count as usize);
        let (literals, wanted, follows, entries) = (count()?, count()?, count()?, count()?);
        let (twos, short, buckets, texts) = (count()?, count()?, count()?, count()?);
        let plan = Self {
            literals: at.list(literals, |at: &mut Reader| {
                let text = at.u32()?;
                let [len, fold] = at.take::<2>()?;
                let (follow, wanted, rules) = (at.u16()?, at.u16()?, at.u16()?);
                Some(Literal { text, len, fold: fold != 0, follow, wanted, rules })
            })?,
            wanted: at.list(wanted, Reader::u16)?,
            follows: at.list(follows, |at: &mut Reader| {
                let bytes = [at.u64()?, at.u64()?, at.u64()?, at.u64()?];
                let [least] = at.take::<1>()?;
                Some(Class { bytes, least })
            })?,
            entries: at.list(entries, |at: &mut Reader| {
                let (window, literal) = (at.u32()?, at.u16()?);
                let [offset] = at.take::<1>()?;
                Some(Entry { hash: super::hash(window), window, literal, offset })
            })?,
            twos: at.list(twos, |at: &mut Reader| Some((at.u16()?, at.u16()?)))?,
            short: at.list(short, Reader::u16)?,
            buckets: at.list::<Sets>(buckets, |at: &mut Reader| Some([at.u64()?, at.u64()?, at.u64()?, at.u64()?]))?,
            texts: Cow::Borrowed(at.0),
        };
        (plan.texts.len() == texts).then_some(plan)
    }
}

/// What is left of the bytes.
struct Reader(&'static [u8]);

impl Reader {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn list<T>(&mut self, count: usize, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        // Every item takes a byte at least: a wrong count cannot ask for much memory.
        let mut list = Vec::with_capacity(count.min(self.0.len()));
        for _ in 0..count {
            list.push(one(self)?);
        }
        Some(list)
    }
}
