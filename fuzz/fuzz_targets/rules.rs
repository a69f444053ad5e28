//! Rules as somebody writes them (TOML), and the compiled pack's bytes. What loads can be scanned with, and what the
//! pack's reader takes it writes again.
#![no_main]

use keyward::detect::Detector;
use keyward::rule::pack::Pack;
use keyward::rule::pattern::{Seed, expand};
use keyward::rule::written::{check_set, read_file};
use keyward_fuzz::blob;
use libfuzzer_sys::fuzz_target;

fn compiled(bytes: &[u8]) {
    // SAFETY: the pack borrows from `bytes`, and is gone at the end of this function; nothing else keeps a part of it.
    let longer: &'static [u8] = unsafe { std::slice::from_raw_parts(bytes.as_ptr(), bytes.len()) };
    if let Ok(pack) = Pack::decode(longer) {
        for rule in &pack.rules {
            _ = rule.id();
            _ = rule.meta.check();
            _ = rule.expression();
        }
        _ = pack.encode(b"");
    }
}

fuzz_target!(|bytes: &[u8]| {
    compiled(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match read_file("some.toml", text) {
        Err(errors) => assert!(!errors.is_empty() && errors.iter().all(|error| error.line >= 1)),
        Ok(proved) => {
            let rules: Vec<_> = proved.iter().map(|(rule, _)| rule.clone()).collect();
            if check_set(rules.iter()).is_err() {
                return;
            }
            let Ok(detector) = Detector::new(rules) else { return };
            for pattern in proved.iter().flat_map(|(_, examples)| examples.matching.iter().chain(&examples.clean)) {
                let example = expand(pattern, &mut Seed::new(1)).expect("it was expanded when it was read");
                detector.scan(&blob(&example));
            }
        }
    }
});
