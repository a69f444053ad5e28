//! What fuzz targets share: texts that rules have something to say about, made at run time, and the detector.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use keyward::detect::{Detector, Simd};
use keyward::model::{Blob, BytePath, Found, Fresh, Origin, OriginKind};
use keyward::rule::pack::{Pack, builtin_examples};
use keyward::rule::pattern::{Seed, expand};
use libfuzzer_sys::arbitrary::{self, Arbitrary};

/// A stretch of text.
#[derive(Arbitrary, Debug)]
pub enum Piece {
    /// As it stands.
    Bytes(Vec<u8>),
    /// What an example of a rule expands to, with a seed.
    Example(u16, u8),
    /// The first bytes of one.
    Torn(u16, u8),
    /// Words of assignments, comments, blocks.
    Word(u8),
    /// As many letters of a run as an encoding has, which is in base 64.
    Encoded(u16, u8),
    /// Lines of no interest.
    Filler(u8),
}

const WORDS: [&str; 24] = [
    "password = ",
    "secret: ",
    "\"api_key\": \"",
    "\"",
    "'",
    "\n",
    "\r\n",
    " keyward:allow",
    "# keyward:allow-start\n",
    "# keyward:allow-end\n",
    "-----BEGIN RSA PRIVATE KEY-----\n",
    "-----END RSA PRIVATE KEY-----\n",
    "\\n",
    "\\u0041",
    "%41",
    "=3D",
    "=\n",
    "&quot;",
    "\" +\n\"",
    "token=",
    "<password>",
    "</password>",
    "\u{feff}",
    "\0",
];

/// The examples of all built-in rules, as patterns.
fn patterns() -> &'static [String] {
    static PATTERNS: OnceLock<Vec<String>> = OnceLock::new();
    PATTERNS.get_or_init(|| {
        let all = builtin_examples().unwrap().into_iter();
        all.flat_map(|(_, examples)| examples.matching.into_iter().chain(examples.clean)).collect()
    })
}

fn example(number: u16, seed: u8) -> Vec<u8> {
    let patterns = patterns();
    let at = usize::from(number) % patterns.len();
    expand(&patterns[at], &mut Seed::new(u64::from(seed))).unwrap()
}

impl Piece {
    /// Adds it to a text.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Piece::Bytes(bytes) => out.extend(bytes),
            Piece::Example(number, seed) => out.extend(example(*number, *seed)),
            Piece::Torn(number, length) => out.extend(example(*number, 0).into_iter().take(usize::from(*length))),
            Piece::Word(number) => out.extend(WORDS[usize::from(*number) % WORDS.len()].bytes()),
            Piece::Encoded(number, width) => {
                let inner = [&b"some text before it\nkey: "[..], &example(*number, 1), b"\nand behind it\n"].concat();
                let width = if *width < 16 { usize::MAX } else { usize::from(*width) };
                for line in base64(&inner).chunks(width) {
                    out.extend(line);
                    out.push(b'\n');
                }
            }
            Piece::Filler(lines) => {
                for n in 0..*lines {
                    out.extend(format!("    line {n} = call({n});\n").bytes());
                }
            }
        }
    }

    /// The text of several.
    pub fn concat(pieces: &[Piece]) -> Vec<u8> {
        let mut out = Vec::new();
        pieces.iter().for_each(|piece| piece.write(&mut out));
        out.truncate(1 << 16);
        out
    }
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for three in bytes.chunks(3) {
        let number = three.iter().fold(0_u32, |n, byte| n << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        out.extend((0..=three.len()).map(|place| LETTERS[(number >> (18 - 6 * place) & 63) as usize]));
        out.extend(std::iter::repeat_n(b'=', 3 - three.len()));
    }
    out
}

/// The built-in rules on each path of the prefilter that this processor has.
pub fn detectors() -> &'static [Detector] {
    static ALL: OnceLock<Vec<Detector>> = OnceLock::new();
    ALL.get_or_init(|| {
        let paths = Simd::ALL.into_iter().filter(|simd| simd.is_here());
        paths.map(|simd| Detector::with_simd(Pack::builtin().unwrap().rules, simd).unwrap()).collect()
    })
}

/// A file in the working tree.
pub fn origin() -> &'static Origin {
    static ORIGIN: OnceLock<Origin> = OnceLock::new();
    ORIGIN.get_or_init(|| Origin::at(OriginKind::Tree, BytePath::new("src/some.py")))
}

/// All of its bytes are new.
pub fn blob(bytes: &[u8]) -> Blob<'_> {
    Blob { origin: origin(), bytes, fresh: &Fresh::All, former_path: None, earlier: &[] }
}

/// All that is told of a blob, as text.
pub fn told(found: Option<Found>) -> String {
    found.map(|found| format!("{:#?}\n{:#?}\n{:#?}", found.candidates, found.marks, found.problems)).unwrap_or_default()
}

/// A directory that is gone with the process; in memory where there is such a place.
pub fn scratch() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        // Fuzzers run for ever in one process: what one leaves behind, the next one of its number takes over.
        let dir = base.join(format!("keyward-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        dir
    })
}
