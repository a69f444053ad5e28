//! A version made from another by copies and insertions: following what changed tells what a look at the whole tells.
#![no_main]

use keyward::model::Copied;
use keyward_fuzz::{Piece, blob, detectors, told};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    text: Vec<Piece>,
    versions: Vec<Vec<Edit>>,
}

#[derive(Arbitrary, Debug)]
enum Edit {
    Copy {
        from: u16,
        len: u16,
    },
    /// To the end of the base.
    Rest {
        from: u16,
    },
    Insert(Piece),
}

fn make(base: &[u8], edits: &[Edit]) -> (Vec<u8>, Vec<Copied>) {
    let (mut out, mut runs) = (Vec::new(), Vec::<Copied>::new());
    for edit in edits {
        let (from, len) = match edit {
            Edit::Insert(piece) => {
                piece.write(&mut out);
                continue;
            }
            Edit::Copy { from, len } => (usize::from(*from), usize::from(*len)),
            Edit::Rest { from } => (usize::from(*from), usize::MAX),
        };
        let from = from % base.len().max(1);
        let len = len.min(base.len() - from);
        if len == 0 || out.len() + len > 1 << 16 {
            continue;
        }
        let run = Copied { from, to: out.len(), len };
        out.extend(&base[from..from + len]);
        // As deltas have it: neighbours that continue each other are one.
        match runs.last_mut() {
            Some(last) if last.from + last.len == run.from && last.to + last.len == run.to => last.len += len,
            _ => runs.push(run),
        }
    }
    (out, runs)
}

fuzz_target!(|input: Input| {
    let all = detectors();
    let detector = &all[all.len() - 1];
    let mut base = Piece::concat(&input.text);
    let (found, mut evidence) = detector.trace(&blob(&base), None, true);
    assert_eq!(told(found), told(detector.scan(&blob(&base))));
    for edits in input.versions.iter().take(4) {
        let (bytes, runs) = make(&base, edits);
        let (found, next) =
            detector.trace(&blob(&bytes), evidence.as_ref().map(|evidence| (evidence, runs.as_slice())), true);
        assert_eq!(told(found), told(detector.scan(&blob(&bytes))));
        (base, evidence) = (bytes, next);
    }
});
