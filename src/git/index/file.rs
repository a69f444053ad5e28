//! One index file: its header, its entries and where its extensions lie. What the entries of a split index mean is
//! not known here.

use std::cmp::Ordering;
use std::ops::Range;

use super::map::Bytes;
use super::{Entry, Fault, ID};

const HEADER: usize = 12;
/// Of an entry: stat data up to the id.
const STAT: usize = 40;
/// Within it.
const MODE: usize = 24;
const FLAGS: usize = STAT + ID;
const NAME: usize = FLAGS + 2;
/// The least that an entry takes, in version 4.
const LEAST: usize = NAME + 2;

/// The high bits of an entry's flags; the low twelve are the name's length, or all set where it is longer.
const ASSUME_VALID: u16 = 1 << 15;
const EXTENDED: u16 = 1 << 14;
const LENGTH: u16 = 0xfff;
/// The extended flags.
const SKIP_WORKTREE: u16 = 1 << 14;
const INTENT_TO_ADD: u16 = 1 << 13;

const DIRECTORY: u32 = 0o040_000;

/// Version 4 stores of a name what differs from the one before. So many bytes of names may come of one byte of the
/// file: more than real trees have, and what a hostile file may make us allocate.
const MOST_INFLATED: usize = 16;

/// Where one entry lies. The two highest bits of `len` say which of two files `name` and `at` are offsets into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    at: u32,
    name: u32,
    len: u32,
}

const NAME_SHARED: u32 = 1 << 31;
const DATA_SHARED: u32 = 1 << 30;

impl Row {
    /// The same entry, seen from a file that shares this one's.
    pub(super) fn shared(self) -> Self {
        Self { len: self.len | NAME_SHARED | DATA_SHARED, ..self }
    }

    /// The data of `self` under the name of `other`.
    pub(super) fn named(self, other: Row) -> Self {
        let len = (self.len & DATA_SHARED) | (other.len & !DATA_SHARED);
        Self { at: self.at, name: other.name, len }
    }

    pub(super) fn has_name(self) -> bool {
        self.length() > 0
    }

    pub(super) fn name_is_shared(self) -> bool {
        self.len & NAME_SHARED != 0
    }

    pub(super) fn data_is_shared(self) -> bool {
        self.len & DATA_SHARED != 0
    }

    fn length(self) -> usize {
        (self.len & !(NAME_SHARED | DATA_SHARED)) as usize
    }
}

/// One file, taken apart.
#[derive(Debug, Default)]
pub(super) struct File {
    bytes: Bytes,
    /// Version 4: all names. Otherwise they are in `bytes`.
    names: Option<Vec<u8>>,
    rows: Vec<Row>,
    cache_tree: Range<usize>,
    link: Option<Range<usize>>,
    unmerged: bool,
    has_sparse: bool,
    says_sparse: bool,
}

impl Default for Bytes {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl File {
    /// Takes a file apart; no bytes at all are an index without entries.
    pub(super) fn parse(bytes: Bytes) -> Result<Self, Fault> {
        let mut file = Self { bytes: bytes.clone(), ..Self::default() };
        if bytes.is_empty() {
            return Ok(file);
        }
        let content = bytes.len().checked_sub(ID).filter(|end| *end >= HEADER);
        let content = content.and_then(|end| bytes.get(..end)).ok_or(Fault::Damaged("it is too short"))?;
        if content.get(..4) != Some(b"DIRC") {
            return Err(Fault::Damaged("it does not begin as an index does"));
        }
        let version = number(content, 4).unwrap_or(0);
        if !(2..=4).contains(&version) {
            let what = format!("an index of version {version}");
            return Err(Fault::Unsupported(what, "write it anew with: git update-index --index-version 4"));
        }
        let count = number(content, 8).unwrap_or(0) as usize;
        let end = file.read_entries(content, version == 4, count)?;
        file.read_extensions(content, end)?;
        if file.has_sparse && !file.says_sparse {
            return Err(Fault::Damaged("a directory is an entry, though the index is not sparse"));
        }
        Ok(file)
    }

    /// Fills `rows`; where they end.
    fn read_entries(&mut self, content: &[u8], compressed: bool, count: usize) -> Result<usize, Fault> {
        if count > content.len() / LEAST {
            return Err(Fault::Damaged("it is too short for its entries"));
        }
        self.rows.reserve_exact(count);
        let mut names = compressed.then(Vec::new);
        let mut at = HEADER;
        for _ in 0..count {
            let (row, next) = match &mut names {
                Some(names) => read_compressed(content, at, self.rows.last(), names)?,
                None => read_plain(content, at)?,
            };
            let flags = short(content, at + FLAGS).unwrap_or(0);
            self.unmerged |= stage(flags) > 0;
            let mode = number(content, at + MODE).unwrap_or(0);
            self.has_sparse |= mode & 0o170_000 == DIRECTORY;
            if !matches!(mode & 0o170_000, DIRECTORY | 0o100_000 | 0o120_000 | 0o160_000) {
                return Err(Fault::Damaged("an entry is neither a file nor a link nor a submodule"));
            }
            self.rows.push(row);
            at = next;
        }
        self.names = names;
        Ok(at)
    }

    /// Notes where the extensions lie that decide what the entries mean. The others describe the working tree
    /// (`FSMN`, `UNTR`), the past (`REUC`) or how to read faster (`EOIE`, `IEOT`).
    fn read_extensions(&mut self, content: &[u8], mut at: usize) -> Result<(), Fault> {
        const CUT: Fault = Fault::Damaged("an extension is cut off");
        while at < content.len() {
            let name = content.get(at..at + 4).ok_or(CUT)?;
            let size = number(content, at + 4).ok_or(CUT)? as usize;
            let data = at + 8..at + 8 + size;
            if data.end > content.len() {
                return Err(CUT);
            }
            at = data.end;
            match name {
                b"TREE" => self.cache_tree = data,
                b"link" if self.link.is_some() => return Err(Fault::Damaged("it shares two indexes")),
                b"link" => self.link = Some(data),
                b"sdir" => self.says_sparse = true,
                [b'A'..=b'Z', ..] => {}
                _ => {
                    let what = format!("an index with the required extension '{}'", name.escape_ascii());
                    return Err(Fault::Unsupported(what, "use a keyward that knows it"));
                }
            }
        }
        Ok(())
    }

    /// The rows of an index that shares nothing: they leave this file, and are in order.
    pub(super) fn take_rows(&mut self) -> Result<Vec<Row>, Fault> {
        let rows = std::mem::take(&mut self.rows);
        let mut before = (&[][..], 0);
        for row in &rows {
            let this = (self.name(row), self.stage(row));
            check(before, this, self.is_sparse(row))?;
            before = this;
        }
        Ok(rows)
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub(super) fn cache_tree(&self) -> &[u8] {
        self.bytes.get(self.cache_tree.clone()).unwrap_or_default()
    }

    pub(super) fn link(&self) -> Option<&[u8]> {
        self.bytes.get(self.link.clone()?)
    }

    /// True when some entry is unmerged.
    pub(super) fn has_unmerged(&self) -> bool {
        self.unmerged
    }

    pub(super) fn name(&self, row: &Row) -> &[u8] {
        let names = self.names.as_deref().unwrap_or(&self.bytes);
        let from = row.name as usize;
        names.get(from..from + row.length()).unwrap_or_default()
    }

    pub(super) fn id(&self, row: &Row) -> &[u8] {
        let from = row.at as usize + STAT;
        self.bytes.get(from..from + ID).unwrap_or_default()
    }

    pub(super) fn stage(&self, row: &Row) -> u8 {
        stage(short(&self.bytes, row.at as usize + FLAGS).unwrap_or(0))
    }

    pub(super) fn is_sparse(&self, row: &Row) -> bool {
        self.mode(row) & 0o170_000 == DIRECTORY
    }

    fn mode(&self, row: &Row) -> u32 {
        number(&self.bytes, row.at as usize + MODE).unwrap_or(0)
    }

    /// The entry, under whatever name.
    pub(super) fn entry<'f>(&'f self, row: &Row, path: &'f [u8]) -> Entry<'f> {
        let at = row.at as usize + FLAGS;
        let flags = short(&self.bytes, at).unwrap_or(0);
        let more = if flags & EXTENDED == 0 { 0 } else { short(&self.bytes, at + 2).unwrap_or(0) };
        Entry {
            path,
            id: self.id(row),
            mode: self.mode(row),
            stage: stage(flags),
            intent_to_add: more & INTENT_TO_ADD != 0,
            skip_worktree: more & SKIP_WORKTREE != 0,
            assume_valid: flags & ASSUME_VALID != 0,
        }
    }
}

fn stage(flags: u16) -> u8 {
    (flags >> 12 & 3) as u8
}

pub(super) fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map(u32::from_be_bytes)
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map(u16::from_be_bytes)
}

const CUT: Fault = Fault::Damaged("an entry is cut off");

/// Where the entry's flags say its name lies, and how long it is (`None`: at least so long as the field can say).
fn name_of(content: &[u8], at: usize) -> Result<(usize, Option<usize>), Fault> {
    let flags = short(content, at + FLAGS).ok_or(CUT)?;
    let mut name = at + NAME;
    if flags & EXTENDED != 0 {
        let more = short(content, name).ok_or(CUT)?;
        if more & !(SKIP_WORKTREE | INTENT_TO_ADD) != 0 {
            let what = format!("an index entry with the flags {more:#06x}");
            return Err(Fault::Unsupported(what, "use a keyward that knows them"));
        }
        name += 2;
    }
    Ok((name, (flags & LENGTH != LENGTH).then_some(usize::from(flags & LENGTH))))
}

/// Versions 2 and 3: the whole name, then one to eight NULs up to a multiple of eight.
fn read_plain(content: &[u8], at: usize) -> Result<(Row, usize), Fault> {
    let (name, length) = name_of(content, at)?;
    let rest = content.get(name..).ok_or(CUT)?;
    let nul = match length {
        Some(length) => {
            let told = rest.get(..=length).ok_or(CUT)?;
            memchr::memchr(0, told).filter(|nul| *nul == length)
        }
        None => memchr::memchr(0, rest).filter(|nul| *nul >= usize::from(LENGTH)),
    };
    let length = nul.ok_or(Fault::Damaged("a name is not as long as it says"))?;
    let next = at + ((name - at + length + 8) & !7);
    if next > content.len() {
        return Err(CUT);
    }
    Ok((row(at, name, length)?, next))
}

/// Version 4: how many bytes of the name before to drop, then what comes instead, then one NUL.
fn read_compressed(
    content: &[u8],
    at: usize,
    before: Option<&Row>,
    names: &mut Vec<u8>,
) -> Result<(Row, usize), Fault> {
    const WRONG: Fault = Fault::Damaged("a name is not as long as it says");
    let (start, told) = name_of(content, at)?;
    let (drop, start) = varint(content, start).ok_or(CUT)?;
    let (from, length) = before.map_or((0, 0), |row| (row.name as usize, row.length()));
    // git takes whatever the first entry drops for nothing.
    let kept = if before.is_some() { length.checked_sub(drop).ok_or(WRONG)? } else { 0 };
    let rest = content.get(start..).ok_or(CUT)?;
    let suffix = memchr::memchr(0, rest).and_then(|nul| rest.get(..nul)).ok_or(CUT)?;
    let length = kept + suffix.len();
    if told.map_or(length < usize::from(LENGTH), |told| told != length) {
        return Err(WRONG);
    }
    let name = names.len();
    if name + length > content.len().saturating_mul(MOST_INFLATED) {
        let what = "an index of version 4 with names this long".to_owned();
        return Err(Fault::Unsupported(what, "write it anew with: git update-index --index-version 2"));
    }
    names.extend_from_within(from..from + kept);
    names.extend_from_slice(suffix);
    Ok((row(at, name, length)?, start + suffix.len() + 1))
}

fn row(at: usize, name: usize, length: usize) -> Result<Row, Fault> {
    let small = |value: usize| u32::try_from(value).map_err(|_| Fault::Damaged("its names are too long"));
    let len = small(length)?;
    if len >= DATA_SHARED {
        return Err(Fault::Damaged("its names are too long"));
    }
    Ok(Row { at: small(at)?, name: small(name)?, len })
}

/// git's offset encoding (gitformat-pack(5)): seven bits a byte, each continuation adding one. The value and where
/// it ends.
fn varint(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut byte = *bytes.get(at)?;
    let mut value = usize::from(byte & 127);
    while byte & 128 != 0 {
        at += 1;
        byte = *bytes.get(at)?;
        value = value.checked_add(1)?.checked_mul(128)?.checked_add(usize::from(byte & 127))?;
    }
    Some((value, at + 1))
}

/// Holds an entry against the one before it: paths rise, stages of one path rise, and no path leads elsewhere.
pub(super) fn check(before: (&[u8], u8), this: (&[u8], u8), sparse: bool) -> Result<(), Fault> {
    const ORDER: Fault = Fault::Damaged("its entries are out of order");
    let (old, new) = (before.0, this.0);
    let same = common(old, new);
    match (old.get(same), new.get(same)) {
        (None, None) if old.is_empty() => {}
        (None, None) if before.1 == 0 || before.1 >= this.1 => return Err(ORDER),
        (None, _) => {}
        (Some(_), None) => return Err(ORDER),
        (Some(a), Some(b)) if a.cmp(b) != Ordering::Less => return Err(ORDER),
        (Some(_), Some(_)) => {}
    }
    // The components that the path shares with the one before were looked at then.
    let shared = new.get(..same).and_then(|shared| memchr::memrchr(b'/', shared)).map_or(0, |slash| slash + 1);
    let mut rest = new.get(shared..).unwrap_or_default();
    if sparse {
        rest = rest.strip_suffix(b"/").ok_or(Fault::Damaged("a directory's entry does not end in a slash"))?;
    }
    let bad = |part: &[u8]| matches!(part, b"" | b"." | b"..");
    let one = !rest.is_empty() && rest.first() != Some(&b'.') && memchr::memchr(b'/', rest).is_none();
    if !one && rest.split(|byte| *byte == b'/').any(bad) {
        return Err(Fault::Damaged("it holds a path that git itself refuses"));
    }
    Ok(())
}

/// How many bytes two names begin with in common.
fn common(one: &[u8], two: &[u8]) -> usize {
    let mut same = 0;
    for (a, b) in one.as_chunks::<8>().0.iter().zip(two.as_chunks::<8>().0) {
        let differ = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differ != 0 {
            return same + differ.trailing_zeros() as usize / 8;
        }
        same += 8;
    }
    let rest = one.get(same..).unwrap_or_default().iter().zip(two.get(same..).unwrap_or_default());
    same + rest.take_while(|(a, b)| a == b).count()
}
