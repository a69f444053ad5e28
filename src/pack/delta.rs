//! Deltas: runs copied from a base, and inserted bytes. Applies them and says which runs were copied.

use crate::model::Copied;

/// A number as deltas write sizes: seven bits a byte, lowest first.
fn size(delta: &[u8], at: &mut usize) -> Option<u64> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let byte = *delta.get(*at)?;
        *at += 1;
        if shift > 57 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
}

/// Makes the object: fills `out` and `runs` (by place in the object; neighbours that continue each other are one).
/// The error says what is wrong; every number of the delta is checked before use.
pub fn apply(
    base: &[u8],
    delta: &[u8],
    most: u64,
    out: &mut Vec<u8>,
    runs: &mut Vec<Copied>,
) -> Result<(), &'static str> {
    const CUT: &str = "its delta is cut off";
    out.clear();
    runs.clear();
    let mut at = 0;
    let (from, to) = (size(delta, &mut at).ok_or(CUT)?, size(delta, &mut at).ok_or(CUT)?);
    if from != base.len() as u64 {
        return Err("its delta was made for another base");
    }
    if to > most {
        return Err("its delta makes more than any object may have");
    }
    let total = usize::try_from(to).map_err(|_| CUT)?;
    out.reserve(total);
    while let Some(op) = delta.get(at).copied() {
        at += 1;
        if op & 0x80 == 0 {
            let len = usize::from(op);
            if len == 0 {
                return Err("its delta has an operation that is not defined");
            }
            let inserted = delta.get(at..at + len).ok_or(CUT)?;
            if out.len() + len > total {
                return Err("its delta makes more than it says");
            }
            out.extend_from_slice(inserted);
            at += len;
            continue;
        }
        let mut number = |bits: u8, shift: u8| -> Option<usize> {
            let mut value = 0_usize;
            for place in 0..bits {
                if op >> (place + shift) & 1 == 1 {
                    value |= usize::from(*delta.get(at)?) << (8 * u32::from(place));
                    at += 1;
                }
            }
            Some(value)
        };
        let start = number(4, 0).ok_or(CUT)?;
        let len = match number(3, 4).ok_or(CUT)? {
            0 => 0x1_0000,
            len => len,
        };
        let copied = start.checked_add(len).and_then(|end| base.get(start..end)).ok_or("its delta leaves its base")?;
        if out.len() + len > total {
            return Err("its delta makes more than it says");
        }
        let run = Copied { from: start, to: out.len(), len };
        out.extend_from_slice(copied);
        match runs.last_mut() {
            Some(last) if last.from + last.len == run.from && last.to + last.len == run.to => last.len += len,
            _ => runs.push(run),
        }
    }
    if out.len() == total { Ok(()) } else { Err("its delta makes less than it says") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(base: &[u8], delta: &[u8]) -> Result<(Vec<u8>, Vec<Copied>), &'static str> {
        let (mut out, mut runs) = (Vec::new(), Vec::new());
        apply(base, delta, 1 << 20, &mut out, &mut runs).map(|()| (out, runs))
    }

    #[test]
    fn copies_and_inserts_make_the_object_and_tell_its_runs() {
        // Copy 0..4, insert "XY", copy 4..6, copy 6..8 (one run with the one before).
        let delta = [8, 10, 0x90, 4, 2, b'X', b'Y', 0x91, 4, 2, 0x91, 6, 2];
        let (out, runs) = run(b"abcdefgh", &delta).unwrap();
        assert_eq!(out, b"abcdXYefgh");
        assert_eq!(runs, [Copied { from: 0, to: 0, len: 4 }, Copied { from: 4, to: 6, len: 4 }]);
    }

    #[test]
    fn a_length_of_zero_is_64_kibibytes() {
        let base = vec![7; 0x1_0000];
        let delta = [0x80, 0x80, 0x04, 0x80, 0x80, 0x04, 0x80];
        assert_eq!(run(&base, &delta).unwrap().0.len(), 0x1_0000);
    }

    #[test]
    fn hostile_deltas_end_in_an_error() {
        let wrong: [&[u8]; 9] = [
            &[],
            &[8],
            &[9, 1, 1, b'x'],
            &[8, 1, 0],
            &[8, 1, 5, b'x'],
            &[8, 1, 2, b'x', b'y'],
            &[8, 20, 0x90, 20],
            &[8, 3, 0x90, 2],
            &[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        ];
        for delta in wrong {
            assert!(run(b"abcdefgh", delta).is_err(), "{delta:?}");
        }
        assert!(run(b"abcdefgh", &[8, 4, 0x9f, 0xff, 0xff, 0xff, 0xff, 4]).is_err(), "an offset past the base");
    }
}
