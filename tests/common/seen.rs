//! What a source showed, kept for looking at.

use std::sync::Mutex;

use keyward::model::{Blob, Fresh, Origin, Span};

/// One blob that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub path: Option<String>,
    pub origin: Origin,
    pub bytes: Vec<u8>,
    pub fresh: Fresh,
    pub former: Option<String>,
}

impl Seen {
    /// The parts of the text that are fresh against every parent, as lines.
    pub fn fresh_lines(&self) -> Vec<String> {
        let mut at = 0;
        let lines = self.bytes.split_inclusive(|b| *b == b'\n').map(|line| {
            at += line.len();
            (Span::new(at - line.len(), at), String::from_utf8_lossy(line).trim_end().to_owned())
        });
        lines.filter(|(span, _)| self.fresh.touches([*span])).map(|(_, line)| line).collect()
    }
}

/// Runs a source and keeps what it shows, sorted.
pub fn collect<R>(source: impl FnOnce(&(dyn Fn(&Blob<'_>) + Sync)) -> R) -> (R, Vec<Seen>) {
    let seen = Mutex::new(Vec::new());
    let result = source(&|blob: &Blob<'_>| {
        seen.lock().unwrap().push(Seen {
            path: blob.origin.path.as_ref().map(ToString::to_string),
            origin: blob.origin.clone(),
            bytes: blob.bytes.to_vec(),
            fresh: blob.fresh.clone(),
            former: blob.former_path.map(ToString::to_string),
        });
    });
    let mut seen = seen.into_inner().unwrap();
    seen.sort_by(|a, b| a.origin.cmp(&b.origin));
    (result, seen)
}
