//! Any text through the detector: encodings, carriers of encoded text, every rule's regex, the grammar. What is told is
//! the same on every path of the prefilter, lies within the text, and of a change is part of what is told of the whole.
#![no_main]

use keyward::detect::Detector;
use keyward::model::{Blob, Candidate, Difference, Fresh, Span};
use keyward_fuzz::{Piece, blob, detectors, origin, told};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    text: Vec<Piece>,
    utf16: bool,
    /// Which part of the text is new.
    from: u16,
    length: u16,
}

fn candidates(detector: &Detector, bytes: &[u8], fresh: &Fresh) -> Vec<Candidate> {
    let found = detector.scan(&Blob { origin: origin(), bytes, fresh, former_path: None, earlier: &[] });
    found.map_or_else(Vec::new, |found| found.candidates)
}

fuzz_target!(|input: Input| {
    let mut bytes = Piece::concat(&input.text);
    if input.utf16 {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        bytes = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    }
    let all = detectors();
    let first = told(all[0].scan(&blob(&bytes)));
    for detector in &all[1..] {
        assert_eq!(told(detector.scan(&blob(&bytes))), first);
    }
    let detector = &all[all.len() - 1];
    let whole = candidates(detector, &bytes, &Fresh::All);
    for candidate in &whole {
        for span in candidate.evidence().chain([candidate.span]) {
            assert!(span.start <= span.end && span.end <= bytes.len(), "{span:?} of {}", bytes.len());
        }
        assert!(candidate.start.line >= 1 && candidate.start <= candidate.end);
    }
    let from = usize::from(input.from).min(bytes.len());
    let to = (from + usize::from(input.length)).min(bytes.len());
    if from < to {
        let added = Difference { added: vec![Span::new(from, to)], removed_at: Vec::new() };
        for part in candidates(detector, &bytes, &Fresh::Against(vec![added])) {
            assert!(whole.iter().any(|one| one.span == part.span && one.rule.id == part.rule.id), "{part:?}");
        }
    }
    // What is about to be printed goes the same way.
    if let Ok(text) = std::str::from_utf8(&bytes) {
        detector.secrets_in(text);
    }
});
