//! Tests of what a value says, and of places in decoded texts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::detect::Detector;
use crate::model::{Blob, Fresh, Origin, OriginKind};
use crate::rule::pack::Pack;

#[test]
fn a_value_that_is_encoded_as_a_whole_is_what_it_says() {
    let said = |text: &str| value(text.as_bytes()).map(|(said, how)| (String::from_utf8(said).unwrap(), how));
    let base64 = |text: &str| said(&STANDARD.encode(text));
    assert_eq!(base64("correct-horse"), Some(("correct-horse".into(), Coding::Base64)));
    assert_eq!(base64("with a line's end\n"), Some(("with a line's end".into(), Coding::Base64)));
    assert_eq!(said("636f72726563742d686f7273652d31"), Some(("correct-horse-1".into(), Coding::Hex)));
    assert_eq!(base64("a\u{1}b\u{2}c\u{3}"), None, "no text");
    for plain in ["password", "changeme", "hunter2hunter2", "deadbeef", "0123456789abcdef", "Tr0ub4dor&3", "ab==", ""] {
        assert_eq!(said(plain), None, "{plain}");
    }
}

#[test]
fn a_place_in_a_decoded_text_is_found_again_in_the_encoded_one() {
    let said = "a = 1\nsome more text, so that it is long enough\nz = 2\n";
    let encoded = STANDARD.encode(said);
    let text = format!("name: {encoded} # and more\n");
    let detector = Detector::new(Pack::builtin().unwrap().rules).unwrap();
    let origin = Origin::new(OriginKind::Stdin);
    let blob = Blob { origin: &origin, bytes: text.as_bytes(), fresh: &Fresh::All, former_path: None, earlier: &[] };
    let mut runs = Vec::new();
    carrier::ahead(text.as_bytes(), 6, &mut runs);
    let mut bytes = Vec::new();
    let digits = carrier::read(text.as_bytes(), &runs, carrier::open(text.as_bytes(), 6).unwrap().base, &mut bytes);
    let mut decoded = Vec::new();
    let part = view(text.as_bytes(), digits.span, &bytes, &mut decoded);
    assert_eq!(decoded, format!("name: {said} # and more\n").as_bytes());
    let seens = Pass::new(&detector, &blob, &decoded).finish();
    let length = digits.span.len();
    let map = Map::Digits(digits, None);
    let carried =
        Carried { text: decoded, part, length, core: (0, length), from: 0, map, how: vec![Coding::Base64], seens };
    let outer = |start: usize, end: usize| carried.outer(6, Span::new(start, end));
    assert_eq!(outer(0, 4), Span::new(0, 6 + 1), "a place before it reaches to its first digit");
    assert_eq!(outer(6, 9), Span::new(6, 10));
    assert_eq!(outer(part.start, part.end), Span::new(6, 6 + length));
    assert_eq!(outer(part.end - 1, part.end + 3), Span::new(6 + (part.len() - 1) * 8 / 6, 6 + length + 3));
}
