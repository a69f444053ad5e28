//! A history's sweep over packs, their indexes and the multi-pack-index. Whole ones show every object that can be made
//! exactly once, with the bytes that a plain reader makes of them; changed ones end in problems, never in a panic.
#![no_main]

use std::collections::{BTreeMap, HashSet};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use keyward::config::PathFilter;
use keyward::git::Repo;
use keyward::model::{Blob, Clock, Copied, ObjectId};
use keyward::source::{HistoryOptions, Limits, Witness, history};
use keyward_fuzz::scratch;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    entries: Vec<Entry>,
    /// Entries from here on lie in a second pack.
    second: u8,
    /// A multi-pack-index in place of the packs' own.
    multi: bool,
    version_one: bool,
    /// Which file, where, and what.
    changes: Vec<(u8, u16, u8)>,
    cut: Option<(u8, u16)>,
}

#[derive(Arbitrary, Debug)]
enum Entry {
    Blob(Vec<u8>),
    Tree(Vec<(u8, u8, bool)>),
    Commit {
        tree: u8,
        parent: u8,
        bytes: Vec<u8>,
    },
    Tag {
        of: u8,
        bytes: Vec<u8>,
    },
    /// A delta against an entry that begins before it in the same pack.
    Offset {
        back: u8,
        edits: Vec<Edit>,
    },
    /// A delta against an entry anywhere.
    Id {
        of: u8,
        edits: Vec<Edit>,
    },
    /// Whatever the bytes say.
    Odd {
        kind: u8,
        delta: Vec<u8>,
    },
}

#[derive(Arbitrary, Debug)]
enum Edit {
    Copy { from: u8, len: u8 },
    Insert(Vec<u8>),
}

const MOST: usize = 40;

fn id(entry: usize) -> [u8; 20] {
    // Not in the order of the entries.
    let mut id = [(entry as u8).wrapping_mul(101); 20];
    id[19] = entry as u8;
    id
}

fn hex(entry: usize) -> String {
    id(entry).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What it is to be made from, and a kind where it stands by itself.
fn base(entries: &[Entry], at: usize, first: usize) -> Option<usize> {
    match &entries[at] {
        Entry::Offset { back, .. } => at.checked_sub(1 + usize::from(*back % 8)).filter(|base| *base >= first),
        Entry::Id { of, .. } => Some(usize::from(*of) % entries.len()),
        _ => None,
    }
}

/// The bytes of each entry as a plain reader makes them; none where that cannot be done.
struct Made {
    kind: u8,
    bytes: Vec<u8>,
}

fn whole(entries: &[Entry], at: usize) -> Option<Made> {
    let count = entries.len();
    let (kind, bytes) = match &entries[at] {
        Entry::Blob(bytes) => (3, bytes.clone()),
        Entry::Tree(items) => {
            let mut out = Vec::new();
            for (name, of, tree) in items.iter().take(8) {
                let mode = if *tree { "40000" } else { "100644" };
                out.extend(format!("{mode} f{name}\0").bytes());
                out.extend(id(usize::from(*of) % count));
            }
            (2, out)
        }
        Entry::Commit { tree, parent, bytes } => {
            let (tree, parent) = (usize::from(*tree) % count, usize::from(*parent) % count);
            let head = format!("tree {}\nparent {}\ncommitter a <b> 1 +0000\n\n", hex(tree), hex(parent));
            (1, [head.as_bytes(), bytes].concat())
        }
        Entry::Tag { of, bytes } => {
            let head = format!("object {}\ntype commit\ntag t\n\n", hex(usize::from(*of) % count));
            (4, [head.as_bytes(), bytes].concat())
        }
        _ => return None,
    };
    Some(Made { kind, bytes })
}

fn make(entries: &[Entry], second: usize) -> Vec<Option<Made>> {
    let mut made: Vec<Option<Made>> = (0..entries.len()).map(|at| whole(entries, at)).collect();
    // Each round makes those whose bases are made.
    for _ in 0..entries.len() {
        for at in 0..entries.len() {
            let (Entry::Offset { edits, .. } | Entry::Id { edits, .. }) = &entries[at] else { continue };
            let first = if at < second { 0 } else { second };
            let Some(from) = base(entries, at, first).and_then(|base| made[base].as_ref()) else { continue };
            if made[at].is_none() {
                let (_, bytes) = delta(edits, &from.bytes);
                made[at] = Some(Made { kind: from.kind, bytes });
            }
        }
    }
    made
}

fn size(mut value: usize, out: &mut Vec<u8>) {
    while value > 127 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The delta, and what it makes.
fn delta(edits: &[Edit], base: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut ops, mut made) = (Vec::new(), Vec::new());
    for edit in edits.iter().take(16) {
        match edit {
            Edit::Insert(bytes) => {
                let bytes = &bytes[..bytes.len().min(127)];
                if !bytes.is_empty() {
                    ops.push(bytes.len() as u8);
                    ops.extend(bytes);
                    made.extend(bytes);
                }
            }
            Edit::Copy { from, len } => {
                let from = usize::from(*from).min(base.len());
                let len = usize::from(*len).min(base.len() - from);
                if len > 0 {
                    ops.extend([0x91, from as u8, len as u8]);
                    made.extend(&base[from..from + len]);
                }
            }
        }
    }
    let mut out = Vec::new();
    size(base.len(), &mut out);
    size(made.len(), &mut out);
    out.extend(ops);
    (out, made)
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = ZlibEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Entries `first..` of a pack, and where each begins.
fn pack(entries: &[Entry], made: &[Option<Made>], first: usize, end: usize) -> (Vec<u8>, Vec<usize>) {
    let mut out = [&b"PACK\0\0\0\x02"[..], &((end - first) as u32).to_be_bytes()].concat();
    let mut starts: Vec<usize> = Vec::new();
    for at in first..end {
        let start = out.len();
        starts.push(start);
        let from = base(entries, at, first);
        let bytes = || from.and_then(|from| made[from].as_ref()).map_or(&[][..], |made| &made.bytes);
        let (kind, between, content) = match &entries[at] {
            Entry::Offset { edits, .. } => {
                // No base: an offset that leads before the pack.
                let mut back = from.map_or(start + 9, |from| start - starts[from - first]);
                let mut digits = vec![back as u8 & 127];
                while back > 127 {
                    back = (back >> 7) - 1;
                    digits.push(back as u8 & 127 | 128);
                }
                digits.reverse();
                (6, digits, delta(edits, bytes()).0)
            }
            Entry::Id { edits, .. } => (7, from.map_or(vec![9; 20], |from| id(from).to_vec()), delta(edits, bytes()).0),
            Entry::Odd { kind, delta } => (kind % 8, vec![*kind; 20], delta.clone()),
            _ => made[at]
                .as_ref()
                .map_or((3, Vec::new(), Vec::new()), |made| (made.kind, Vec::new(), made.bytes.clone())),
        };
        let low = content.len() & 15;
        let more = content.len() >> 4;
        out.push(kind << 4 | low as u8 | if more > 0 { 128 } else { 0 });
        if more > 0 {
            size(more, &mut out);
        }
        out.extend(between);
        out.extend(deflate(&content));
    }
    out.extend([0; 20]);
    (out, starts)
}

fn fanout(ids: &[[u8; 20]]) -> Vec<u8> {
    let upto = |high: usize| ids.iter().filter(|id| usize::from(id[0]) <= high).count() as u32;
    (0..256).flat_map(|high| upto(high).to_be_bytes()).collect()
}

fn idx(starts: &[usize], first: usize, version_one: bool) -> Vec<u8> {
    let mut listed: Vec<([u8; 20], u32)> =
        starts.iter().zip(first..).map(|(start, at)| (id(at), *start as u32)).collect();
    listed.sort_unstable();
    let ids: Vec<[u8; 20]> = listed.iter().map(|(id, _)| *id).collect();
    let mut out = Vec::new();
    if version_one {
        out.extend(fanout(&ids));
        listed.iter().for_each(|(id, start)| out.extend([&start.to_be_bytes()[..], id].concat()));
    } else {
        out.extend(b"\xfftOc\0\0\0\x02");
        out.extend(fanout(&ids));
        ids.iter().for_each(|id| out.extend(id));
        out.extend(vec![0; 4 * ids.len()]);
        listed.iter().for_each(|(_, start)| out.extend(start.to_be_bytes()));
    }
    out.extend([0; 40]);
    out
}

/// gitformat-pack(5): the names of the packs, then fanout, ids, and for each its pack and offset.
fn multi(packs: &[(&str, Vec<usize>, usize)]) -> Vec<u8> {
    let mut listed: Vec<([u8; 20], u32, u32)> = Vec::new();
    for (number, (_, starts, first)) in packs.iter().enumerate() {
        listed.extend(starts.iter().zip(*first..).map(|(start, at)| (id(at), number as u32, *start as u32)));
    }
    listed.sort_unstable();
    let ids: Vec<[u8; 20]> = listed.iter().map(|(id, ..)| *id).collect();
    let mut names: Vec<u8> = packs.iter().flat_map(|(name, ..)| format!("{name}.idx\0").into_bytes()).collect();
    names.resize(names.len().next_multiple_of(4), 0);
    let places =
        listed.iter().flat_map(|(_, pack, start)| [pack.to_be_bytes(), start.to_be_bytes()].concat()).collect();
    let chunks = [(b"PNAM", names), (b"OIDF", fanout(&ids)), (b"OIDL", ids.concat()), (b"OOFF", places)];
    let mut out = [&b"MIDX\x01\x01"[..], &[chunks.len() as u8, 0], &(packs.len() as u32).to_be_bytes()].concat();
    let mut at = 12 + 12 * (chunks.len() + 1);
    for (name, bytes) in &chunks {
        out.extend(*name);
        out.extend((at as u64).to_be_bytes());
        at += bytes.len();
    }
    out.extend([0; 4]);
    out.extend((at as u64).to_be_bytes());
    chunks.iter().for_each(|(_, bytes)| out.extend(bytes));
    out.extend([0; 20]);
    out
}

/// An empty repository, whose one ref names the first entry.
fn home() -> &'static Path {
    static MADE: OnceLock<()> = OnceLock::new();
    let git = scratch();
    MADE.get_or_init(|| {
        for dir in ["objects/pack", "objects/info", "refs/heads", "refs/tags"] {
            std::fs::create_dir_all(git.join(dir)).unwrap();
        }
        std::fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        std::fs::write(git.join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n").unwrap();
        std::fs::write(git.join("refs/heads/main"), hex(0) + "\n").unwrap();
    });
    git
}

/// Keeps what is shown, and holds copied runs against what they were copied from.
#[derive(Default)]
struct Eye(Mutex<BTreeMap<ObjectId, Vec<u8>>>);

impl Witness for Eye {
    type Evidence = Vec<u8>;

    fn show(&self, blob: &Blob<'_>, base: Option<(&Vec<u8>, &[Copied])>, _: bool) -> Option<Vec<u8>> {
        if let Some((base, runs)) = base {
            for run in runs {
                assert_eq!(base[run.from..run.from + run.len], blob.bytes[run.to..run.to + run.len]);
            }
        }
        let id = blob.origin.object.or(blob.origin.commit).expect("an object of a history has an id");
        assert!(self.0.lock().unwrap().insert(id, blob.bytes.to_vec()).is_none(), "{id} is shown once");
        Some(blob.bytes.to_vec())
    }

    fn told(&self) -> HashSet<ObjectId> {
        self.0.lock().unwrap().keys().copied().collect()
    }
}

fn sweep(all_objects: bool) -> Option<BTreeMap<ObjectId, Vec<u8>>> {
    let repo = Repo::discover(home()).ok().flatten()?;
    let options = HistoryOptions { all_objects, allow_shallow: true, allow_missing: true, no_cache: false };
    let exclude = PathFilter::default();
    let limits = Limits { max_file_size: 1 << 20, exclude: &exclude, clock: Clock::default() };
    let eye = Eye::default();
    _ = history(&repo, options, limits, &eye, None);
    Some(eye.0.into_inner().unwrap())
}

/// A new file in place of the old one: nothing that is mapped changes.
fn write(name: &str, bytes: &[u8]) {
    let path = home().join("objects/pack").join(name);
    _ = std::fs::remove_file(&path);
    std::fs::write(path, bytes).unwrap();
}

fuzz_target!(|input: Input| {
    let mut entries = input.entries;
    entries.truncate(MOST);
    if entries.is_empty() {
        return;
    }
    let second = usize::from(input.second) % (entries.len() + 1);
    let made = make(&entries, second);
    let (one, starts_one) = pack(&entries, &made, 0, second);
    let (two, starts_two) = pack(&entries, &made, second, entries.len());
    let mut files = vec![("pack-a.pack", one), ("pack-b.pack", two)];
    if input.multi {
        let packs = [("pack-a", starts_one, 0), ("pack-b", starts_two, second)];
        files.push(("multi-pack-index", multi(&packs)));
    } else {
        files.push(("pack-a.idx", idx(&starts_one, 0, input.version_one)));
        files.push(("pack-b.idx", idx(&starts_two, second, false)));
    }
    let mut changed = false;
    for (file, at, byte) in input.changes.iter().take(4) {
        let count = files.len();
        let bytes = &mut files[usize::from(*file) % count].1;
        let at = usize::from(*at) % bytes.len();
        changed |= bytes[at] != *byte;
        bytes[at] = *byte;
    }
    if let Some((file, at)) = input.cut {
        let count = files.len();
        let bytes = &mut files[usize::from(file) % count].1;
        bytes.truncate(usize::from(at) % bytes.len());
        changed = true;
    }
    for name in ["pack-a.pack", "pack-b.pack", "pack-a.idx", "pack-b.idx", "multi-pack-index"] {
        match files.iter().find(|(file, _)| *file == name) {
            Some((_, bytes)) => write(name, bytes),
            None => _ = std::fs::remove_file(home().join("objects/pack").join(name)),
        }
    }
    let Some(shown) = sweep(true) else { return };
    sweep(false);
    if changed || entries.iter().any(|entry| matches!(entry, Entry::Odd { .. })) {
        return;
    }
    for (at, made) in made.iter().enumerate() {
        let seen = shown.get(&ObjectId::from_bytes(&id(at)).unwrap());
        match made {
            Some(made) if made.kind == 3 => assert_eq!(seen, Some(&made.bytes), "entry {at}"),
            None => assert_eq!(seen, None, "entry {at}"),
            Some(_) => {}
        }
    }
});
