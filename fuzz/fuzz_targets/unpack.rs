//! Archives and compressed streams, honest and damaged: no more comes out than the limits allow, and the held parts lie
//! within the archive.
#![no_main]

use keyward::model::{BytePath, Span};
use keyward::unpack::{Format, Inside, Limits, open};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { depth: 3, file: 1 << 16, total: 1 << 20 };

struct Eye {
    outermost: usize,
    files: u64,
    bytes: u64,
}

impl Inside for Eye {
    fn wants(&mut self, path: &BytePath) -> bool {
        !path.as_bytes().ends_with(b".no")
    }

    fn show(&mut self, path: &BytePath, bytes: &[u8]) {
        assert!(!path.as_bytes().contains(&0));
        assert!(!bytes.is_empty() && bytes.len() as u64 <= LIMITS.file);
        self.files += 1;
        self.bytes += bytes.len() as u64;
    }

    fn close(&mut self, archive: Option<&BytePath>, held: &[Span]) {
        for span in held {
            let most = if archive.is_none() { self.outermost } else { usize::MAX };
            assert!(span.start <= span.end && span.end <= most, "{span:?} of {most}");
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some(format) = Format::of(bytes) else { return };
    let mut eye = Eye { outermost: bytes.len(), files: 0, bytes: 0 };
    let contents = open(format, bytes, LIMITS, &mut eye);
    assert_eq!((contents.files, contents.bytes), (eye.files, eye.bytes));
    assert!(contents.bytes <= LIMITS.total + LIMITS.file, "{} bytes", contents.bytes);
    assert!(contents.archives >= 1);
});
