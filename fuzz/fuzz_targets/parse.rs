//! Every format that manifests, policies and checks read: an error at a place of the text, or values whose places lie
//! within it; then what is asked of them.
#![no_main]

use std::sync::Once;

use jiff::civil::Date;
use keyward::manifest::{self, Limits};
use keyward::model::{Span, is_guarded};
use keyward::parse::{Kind, Node, Value, embedded, parse};
use libfuzzer_sys::fuzz_target;

const DAY: Date = Date::constant(2026, 1, 1);

fn within(node: &Node, most: usize) {
    let lies = |span: &Span| assert!(span.start <= span.end && span.end <= most, "{span:?} of {most}");
    lies(&node.span);
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| within(item, most)),
        Value::Map(entries) => entries.iter().for_each(|(key, value)| {
            lies(&key.span);
            within(value, most);
        }),
        _ => {}
    }
}

/// What a parser of others panics on is an error of that file, not the end: `keyward::model::guard` sees to it.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let ends = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !is_guarded() {
                ends(info);
            }
        }));
    });
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    quiet();
    let kind = Kind::ALL[usize::from(*first) % Kind::ALL.len()];
    match parse(kind, bytes) {
        Err(error) => assert!(!error.located(bytes).is_empty()),
        Ok(documents) => {
            for document in documents.iter().chain(&embedded(kind, bytes, &documents)) {
                within(document, bytes.len());
                if manifest::is_manifest(document) {
                    _ = manifest::faults(document, &Limits::new(DAY));
                }
                _ = manifest::identity(document);
                _ = manifest::declared(document);
            }
        }
    }
});
