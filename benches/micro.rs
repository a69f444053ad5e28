//! Micro benches: what a scan is made of. `cargo bench`; throughput is in bytes scanned.
#![allow(missing_docs, clippy::unwrap_used)]

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use keyward::detect::{Detector, Guess};
use keyward::model::{Blob, Difference, Fresh, Origin, OriginKind, Secret, Snippet, Span};
use keyward::rule::pack::Pack;
use keyward::rule::pattern::{Seed, expand};

fn main() {
    divan::main();
}

/// About `bytes` of source code without a secret, with the words that anchors live on.
fn code(bytes: usize) -> Vec<u8> {
    let mut seed = Seed::new(1);
    let mut out = Vec::with_capacity(bytes + 200);
    while out.len() < bytes {
        let n = seed.below(1000);
        let line = match seed.below(6) {
            0 => format!("    let token_{n} = tokens.get({n}).map(|token| token.secret());\n"),
            1 => format!("// see https://example.com/docs/{n} for the password rules\n"),
            2 => format!("fn handle_request_{n}(api_key: &str, user: &User) -> Result<(), Error> {{\n"),
            3 => format!("    \"key_{n}\": {{\"type\": \"string\", \"default\": null}},\n"),
            _ => format!("    value += compute(value, {n}) * {n}; // nothing to see\n"),
        };
        out.extend_from_slice(line.as_bytes());
    }
    out
}

fn detector() -> Detector {
    Detector::new(Pack::builtin().unwrap().rules).unwrap()
}

fn scan(detector: &Detector, bytes: &[u8], fresh: &Fresh) -> usize {
    let origin = Origin::new(OriginKind::Stdin);
    let found = detector.scan(&Blob { origin: &origin, bytes, fresh, former_path: None, earlier: &[] });
    found.map_or(0, |found| found.candidates.len())
}

#[divan::bench]
fn read_the_pack() -> usize {
    Pack::builtin().unwrap().rules.len()
}

#[divan::bench]
fn plan_the_detector(bencher: Bencher) {
    bencher.with_inputs(|| Pack::builtin().unwrap().rules).bench_values(|rules| Detector::new(rules).unwrap());
}

#[divan::bench(args = [4 << 10, 64 << 10, 1 << 20])]
fn scan_clean_code(bencher: Bencher, bytes: usize) {
    let (detector, text) = (detector(), code(bytes));
    scan(&detector, &text, &Fresh::All);
    bencher.counter(BytesCount::new(text.len())).bench(|| scan(&detector, black_box(&text), &Fresh::All));
}

#[divan::bench]
fn scan_code_with_a_secret_every_4_kib(bencher: Bencher) {
    let detector = detector();
    let mut seed = Seed::new(2);
    let mut text = Vec::new();
    for _ in 0..64 {
        text.extend_from_slice(&code(4 << 10));
        text.extend_from_slice(b"token = \"");
        text.extend_from_slice(&expand("ghp_[A-Za-z0-9]{36}", &mut seed).unwrap());
        text.extend_from_slice(b"\"\n");
    }
    scan(&detector, &text, &Fresh::All);
    bencher.counter(BytesCount::new(text.len())).bench(|| scan(&detector, black_box(&text), &Fresh::All));
}

#[divan::bench]
fn scan_with_one_fresh_line(bencher: Bencher) {
    let (detector, text) = (detector(), code(64 << 10));
    let fresh = Fresh::Against(vec![Difference { added: vec![Span::new(30_000, 30_060)], removed_at: vec![30_000] }]);
    bencher.counter(BytesCount::new(text.len())).bench(|| scan(&detector, black_box(&text), &fresh));
}

/// Candidates of the generic rule: for each a text, and where its telling word stands. Keys of every length and alphabet,
/// passwords, words, code, templates; in code, configuration, JSON, a URL's query, a shell and calls.
fn guesses() -> Vec<(Vec<u8>, Span)> {
    const VALUES: [&str; 10] = [
        "[a-f0-9]{32}",
        "[A-Za-z0-9]{20}",
        "[A-Za-z0-9+/]{86}==",
        "[A-Za-z0-9_-]{43}",
        "[0-9]{6}",
        "[A-Z][a-z]{5}[0-9]{4}!",
        "winter-is-coming-[0-9]{2}",
        "userSessionManager",
        "com\\.example\\.service\\.Connection",
        "[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
    ];
    const PLACES: [(&str, &str, &str); 6] = [
        ("    private static final String API_", "KEY", " = \"V\";\n"),
        ("database:\n  host: localhost\n  user: admin\n  ", "pass", "word: V\n"),
        ("{\"id\": 7, \"access_", "token", "\": \"V\", \"expires\": 3600}\n"),
        ("https://example.com/callback?state=1&client_", "secret", "=V&x=1\n"),
        ("docker run -e APP_", "SECRET", "=V image\n"),
        ("        client.set", "Pass", "word('V')  # see the wiki\n"),
    ];
    let mut seed = Seed::new(3);
    let before = code(600);
    let mut out = Vec::new();
    for (head, word, tail) in PLACES {
        for value in VALUES {
            let value = expand(value, &mut seed).unwrap();
            let (left, right) = tail.split_once('V').unwrap();
            let start = before.len() + head.len();
            let text = [&before, head.as_bytes(), word.as_bytes(), left.as_bytes(), &value, right.as_bytes()].concat();
            out.push((text, Span::new(start, start + word.len())));
        }
    }
    out
}

/// What stands beside the telling word of each: the grammar alone.
#[divan::bench]
fn read_guesses(bencher: Bencher) {
    let guesses = guesses();
    bencher.counter(ItemsCount::new(guesses.len())).bench(|| {
        let read = |(text, anchor): &(Vec<u8>, Span)| usize::from(Guess::read(black_box(text), *anchor).is_some());
        guesses.iter().map(read).sum::<usize>()
    });
}

/// What the model goes by.
#[divan::bench]
fn facts_of_guesses(bencher: Bencher) {
    let guesses = guesses();
    let read: Vec<_> = guesses.iter().map(|(text, anchor)| Guess::read(text, *anchor).unwrap()).collect();
    bencher.counter(ItemsCount::new(read.len())).bench(|| {
        for guess in &read {
            black_box(black_box(guess).facts());
        }
    });
}

/// What the model makes of it: every tree.
#[divan::bench]
fn score_guesses(bencher: Bencher) {
    let guesses = guesses();
    let facts: Vec<_> = guesses.iter().map(|(text, anchor)| Guess::read(text, *anchor).unwrap().facts()).collect();
    bencher
        .counter(ItemsCount::new(facts.len()))
        .bench(|| facts.iter().map(|facts| i64::from(black_box(facts).score())).sum::<i64>());
}

#[divan::bench]
fn mask_a_line(bencher: Bencher) {
    let line = b"    authenticate(user, \"a-secret-of-some-length\", retries = 3); // and the rest of the line";
    let secret = Secret::new(b"a-secret-of-some-length", 0);
    let span = Span::new(24, 47);
    bencher.bench(|| Snippet::new(black_box(line), span, &[(span, &secret)]).text(false));
}
