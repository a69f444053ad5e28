//! A delta against a base: what comes out is bounded, is what a reader written from git's description makes of it, and
//! the runs told are really copied.
#![no_main]

use keyward::pack::fuzzing::apply;
use libfuzzer_sys::fuzz_target;

const MOST: u64 = 1 << 16;

/// gitformat-pack(5), one byte at a time.
fn plain(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = delta.iter().copied();
    let mut size = || {
        let (mut value, mut shift) = (0_u128, 0);
        loop {
            let byte = bytes.next()?;
            value |= u128::from(byte & 127) << shift;
            shift += 7;
            if byte < 128 || shift > 70 {
                return (byte < 128).then_some(value);
            }
        }
    };
    let (from, to) = (size()?, size()?);
    if from != base.len() as u128 || to > u128::from(MOST) {
        return None;
    }
    let mut out = Vec::new();
    while let Some(op) = bytes.next() {
        if op == 0 {
            return None;
        }
        if op < 128 {
            for _ in 0..op {
                out.push(bytes.next()?);
            }
        } else {
            let mut parts = [0_u8; 7];
            for (bit, part) in parts.iter_mut().enumerate() {
                if op >> bit & 1 == 1 {
                    *part = bytes.next()?;
                }
            }
            let [a, b, c, d, e, f, g] = parts;
            let start = u32::from_le_bytes([a, b, c, d]) as usize;
            let len = u32::from_le_bytes([e, f, g, 0]) as usize;
            let len = if len == 0 { 0x1_0000 } else { len };
            out.extend(base.get(start..start.checked_add(len)?)?);
        }
        if out.len() as u128 > to {
            return None;
        }
    }
    (out.len() as u128 == to).then_some(out)
}

fuzz_target!(|input: (Vec<u8>, Vec<u8>, bool)| {
    let (base, mut delta, sized) = input;
    if sized && base.len() < 128 && !delta.is_empty() {
        // Most deltas are for their base: spares the fuzzer the guess.
        delta[0] = base.len() as u8;
    }
    let (mut out, mut runs) = (vec![1, 2, 3], Vec::new());
    let done = apply(&base, &delta, MOST, &mut out, &mut runs);
    assert_eq!(done.is_ok().then_some(&out), plain(&base, &delta).as_ref(), "{done:?}");
    if done.is_ok() {
        for run in &runs {
            assert!(run.len > 0);
            assert_eq!(base[run.from..run.from + run.len], out[run.to..run.to + run.len]);
        }
        for two in runs.windows(2) {
            assert!(two[0].to + two[0].len <= two[1].to);
        }
    }
});
