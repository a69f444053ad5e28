//! git's index, versions 2 to 4, split and sparse: whatever the bytes say, it ends in an error or in entries that are
//! sorted and lead nowhere else. Half of the inputs are whole indexes with some bytes changed.
#![no_main]

use keyward::git::{IndexError, IndexFile};
use keyward_fuzz::scratch;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    own: Index,
    shared: Option<Index>,
}

#[derive(Arbitrary, Debug)]
struct Index {
    /// Bytes as they stand, and nothing else.
    raw: Option<Vec<u8>>,
    version: u8,
    entries: Vec<Listed>,
    extensions: Vec<Extension>,
    /// How many entries it says to have beyond those it has.
    more: u8,
    changes: Vec<(u16, u8)>,
}

#[derive(Arbitrary, Debug)]
struct Listed {
    name: Vec<u8>,
    /// One of few kinds.
    mode: u8,
    flags: u16,
    extended: u16,
    /// Version 4: bytes of the name before that are dropped.
    drop: u8,
}

#[derive(Arbitrary, Debug)]
enum Extension {
    Tree(Vec<u8>),
    /// Ends with two bitmaps, each of so many bits in these words.
    Link {
        deleted: Vec<u64>,
        replaced: Vec<u64>,
        bits: u8,
        tail: Vec<u8>,
    },
    Sparse,
    Other([u8; 4], Vec<u8>),
}

const SHARED: [u8; 20] = [0x5a; 20];

fn ewah(words: &[u64], bits: u8) -> Vec<u8> {
    // One run-length word that says that all others are literal (git's ewah/ewok_rlw.h).
    let words = &words[..words.len().min(8)];
    let literals = (words.len() as u64) << 33;
    let mut out = u32::from(bits).to_be_bytes().to_vec();
    out.extend((words.len() as u32 + 1).to_be_bytes());
    out.extend(literals.to_be_bytes());
    words.iter().for_each(|word| out.extend(word.to_be_bytes()));
    out.extend(0_u32.to_be_bytes());
    out
}

impl Index {
    fn bytes(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let version = 2 + u32::from(self.version % 3);
        let mut out = b"DIRC".to_vec();
        out.extend(version.to_be_bytes());
        out.extend((self.entries.len() as u32 + u32::from(self.more % 2)).to_be_bytes());
        let mut names: Vec<Vec<u8>> = self.entries.iter().map(|entry| entry.name.clone()).collect();
        names.sort();
        for (entry, name) in self.entries.iter().zip(&names) {
            let start = out.len();
            out.extend([0; 24]);
            let modes = [0o100_644_u32, 0o100_755, 0o120_000, 0o160_000, 0o040_000];
            out.extend(modes[usize::from(entry.mode) % modes.len()].to_be_bytes());
            out.extend([0; 12]);
            out.extend([entry.mode; 20]);
            let drop = u16::from(if version == 4 { entry.drop.min(127) } else { 0 });
            let flags = (entry.flags & 0xf000) | (name.len() as u16).min(0xfff);
            let flags = if version == 2 { flags & !0x4000 } else { flags };
            out.extend(flags.to_be_bytes());
            if flags & 0x4000 != 0 {
                out.extend((entry.extended & 0x6000).to_be_bytes());
            }
            if version == 4 {
                out.push(drop as u8);
            }
            out.extend(name);
            out.push(0);
            while version != 4 && (out.len() - start) % 8 != 0 {
                out.push(0);
            }
        }
        for extension in &self.extensions {
            let (name, bytes) = match extension {
                Extension::Tree(bytes) => (*b"TREE", bytes.clone()),
                Extension::Sparse => (*b"sdir", Vec::new()),
                Extension::Other(name, bytes) => (*name, bytes.clone()),
                Extension::Link { deleted, replaced, bits, tail } => {
                    (*b"link", [&SHARED[..], &ewah(deleted, *bits), &ewah(replaced, *bits), tail].concat())
                }
            };
            out.extend(name);
            out.extend((bytes.len() as u32).to_be_bytes());
            out.extend(bytes);
        }
        for (at, byte) in self.changes.iter().take(4) {
            let at = usize::from(*at) % out.len();
            out[at] = *byte;
        }
        // All zeros: git does not check such a trailer (index.skipHash).
        out.extend([0; 20]);
        out
    }
}

fuzz_target!(|input: Input| {
    let path = scratch().join("index");
    let name: String = SHARED.iter().map(|byte| format!("{byte:02x}")).collect();
    let shared = scratch().join(format!("sharedindex.{name}"));
    std::fs::write(&path, input.own.bytes()).unwrap();
    match &input.shared {
        Some(index) => std::fs::write(&shared, index.bytes()).unwrap(),
        None => _ = std::fs::remove_file(&shared),
    }
    match IndexFile::read(&path, scratch()) {
        Err(IndexError::Io { .. }) => assert!(input.shared.is_none(), "both files are there"),
        Err(error) => assert!(!error.to_string().contains('\n')),
        Ok(index) => {
            _ = index.check();
            let mut last: Option<(Vec<u8>, u8)> = None;
            let mut count = 0;
            for entry in index.entries() {
                assert!(!entry.path.is_empty() && !entry.path.starts_with(b"/") && entry.id.len() == 20);
                assert!(entry.path.split(|byte| *byte == b'/').all(|part| part != b".." && part != b"."));
                let this = (entry.path.to_vec(), entry.stage);
                assert!(last.as_ref().is_none_or(|last| *last < this), "{last:?} before {this:?}");
                _ = (entry.kind(), entry.object(), index.find(entry.path), index.sparse_above(entry.path));
                last = Some(this);
                count += 1;
            }
            assert_eq!(count, index.len());
            // The whole cache-tree: whoever descends asks each node once.
            let mut open: Vec<_> = index.root().into_iter().collect();
            while let Some(node) = open.pop() {
                assert!(node.tree().is_none_or(|(_, id)| id.len() == 20));
                open.extend(node.children().into_iter().map(|(_, child)| child));
            }
        }
    }
});
