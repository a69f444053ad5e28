//! What lies in archives and compressed streams, one file at a time, in memory kept from file to file. Nothing is ever
//! written anywhere, and no name in an archive is ever used for anything but to be shown and matched.
//!
//! A container is known by its content, never by its name. However it was made, the work is bounded: by depth, by the
//! number of entries, by the size of one file, and by all bytes that come out of one outermost archive, which may not be
//! out of all proportion to what went in.

mod stream;
mod tar;
mod zip;

use std::cell::Cell;

use crate::model::{BytePath, Contents, SkipReason, Span};

/// What kind of container some bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Also jar, whl, apk, docx, xlsx and their like; behind a program or a script too.
    Zip,
    /// POSIX, GNU and old ones.
    Tar,
    /// One or several members.
    Gzip,
    /// One or several streams.
    Xz,
    /// One or several frames.
    Zstd,
    /// One or several streams.
    Bzip2,
}

impl Format {
    /// By the first bytes; a zip also by its last. None for anything else.
    #[inline]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let known = match bytes {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0 => Some(Self::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => Some(Self::Bzip2),
            _ => None,
        };
        known.or_else(|| (zip::ends(bytes)).then_some(Self::Zip)).or_else(|| tar::begins(bytes).then_some(Self::Tar))
    }
}

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Archives within archives, the outermost counted; at least 1. A compressed tar is one.
    pub depth: usize,
    /// Files larger than this many bytes are passed over.
    pub file: u64,
    /// Bytes that may come out of one outermost archive.
    pub total: u64,
}

/// Entries of one outermost archive, all levels together, that are looked at.
const MOST_ENTRIES: u32 = 200_000;
/// So many bytes may come out for each that went in,
const RATIO: u64 = 200;
/// beside this many: a small archive of a large log is no bomb.
const FREE: u64 = 32 << 20;
/// Deflate makes no more of a byte.
const DEFLATE: u64 = 1032;
/// Longer names are cut.
const LONGEST_NAME: usize = 2048;
/// Memory that is kept from archive to archive.
const KEPT: usize = 4 << 20;

/// Who looks at what comes out.
pub trait Inside {
    /// False to pass over the file at this path inside.
    fn wants(&mut self, path: &BytePath) -> bool;

    /// Shows a file. The bytes are valid only during the call.
    fn show(&mut self, path: &BytePath, bytes: &[u8]);

    /// After all in an archive was shown: which of its bytes, as they stand, were files of their own or are excluded. The
    /// archive is the one at this path inside; none is the outermost.
    fn close(&mut self, archive: Option<&BytePath>, held: &[Span]);
}

thread_local! {
    static SCRATCH: Cell<Scratch> = Cell::default();
}

/// Memory that is used again.
#[derive(Default)]
struct Scratch {
    buffers: Vec<Vec<u8>>,
    inflate: Option<libdeflater::Decompressor>,
}

/// Shows everything in a container, depth first, each archive before what lies in it.
pub fn open(format: Format, bytes: &[u8], limits: Limits, inside: &mut dyn Inside) -> Contents {
    let fair = FREE.saturating_add(RATIO.saturating_mul(bytes.len() as u64));
    let mut walk = Walk {
        limits,
        left: limits.total.min(fair),
        entries: MOST_ENTRIES,
        inside,
        contents: Contents::default(),
        scratch: SCRATCH.take(),
    };
    walk.container(format, bytes, None, 1);
    let Walk { contents, mut scratch, .. } = walk;
    scratch.buffers.iter_mut().for_each(|buffer| buffer.clear());
    scratch.buffers.retain(|buffer| buffer.capacity() <= KEPT);
    SCRATCH.set(scratch);
    contents
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Go {
    On,
    Stop,
}

/// One walk through one outermost archive.
struct Walk<'w> {
    limits: Limits,
    /// Bytes that may still come out.
    left: u64,
    /// Entries that may still be looked at.
    entries: u32,
    inside: &'w mut dyn Inside,
    contents: Contents,
    scratch: Scratch,
}

/// The archive that is walked through.
#[derive(Clone, Copy)]
struct At<'a> {
    /// Its path inside; none is the outermost.
    path: Option<&'a BytePath>,
    /// From 1.
    level: usize,
}

impl At<'_> {
    /// The path of an entry, fit to be shown: no NUL, not endless, and never taken for a stream's.
    fn entry(&self, name: &[u8]) -> BytePath {
        let name: Vec<u8> = name.iter().copied().filter(|byte| *byte != 0).take(LONGEST_NAME).collect();
        let plain = !matches!(name.first(), None | Some(b'!'));
        let name = if plain { name } else { [b"./", name.as_slice()].concat() };
        self.path.map_or_else(|| BytePath::new(&name), |path| path.join_inside(&name))
    }

    /// The path of what a stream holds, which has no name of its own.
    fn stream(&self) -> BytePath {
        self.path.map_or_else(|| BytePath::new(b""), |path| path.join_inside(crate::model::stem(path.own_name())))
    }
}

impl Walk<'_> {
    fn container(&mut self, format: Format, bytes: &[u8], path: Option<&BytePath>, level: usize) {
        self.contents.archives += 1;
        let at = At { path, level };
        let mut held = Vec::new();
        match format {
            Format::Zip => zip::walk(self, at, bytes, &mut held),
            Format::Tar => tar::walk(self, at, &mut &*bytes, Some(&mut held)),
            Format::Gzip | Format::Xz | Format::Zstd | Format::Bzip2 => stream::walk(self, at, format, bytes),
        }
        self.inside.close(path, &held);
    }

    /// Before an entry is read: false where it is passed over. Stops where there were too many.
    fn begin(&mut self, at: At<'_>, path: &BytePath) -> Result<bool, Go> {
        self.room(at)?;
        let Some(left) = self.entries.checked_sub(1) else {
            self.skip(at.path.cloned(), SkipReason::OverLimit, 0);
            return Err(Go::Stop);
        };
        self.entries = left;
        let wanted = self.inside.wants(path);
        if !wanted {
            self.skip(Some(path.clone()), SkipReason::Excluded, 0);
        }
        Ok(wanted)
    }

    /// Stops, and says so, where too much has come out.
    fn room(&mut self, at: At<'_>) -> Result<(), Go> {
        if self.left > 0 {
            return Ok(());
        }
        // Said once for each archive that it cuts short.
        self.skip(at.path.cloned(), SkipReason::OverLimit, 0);
        Err(Go::Stop)
    }

    /// Shows a file's bytes, and what lies in them.
    fn show(&mut self, at: At<'_>, path: &BytePath, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.contents.files += 1;
        self.contents.bytes += bytes.len() as u64;
        self.inside.show(path, bytes);
        let Some(format) = Format::of(bytes) else { return };
        if at.level < self.limits.depth {
            self.container(format, bytes, Some(path), at.level + 1);
        } else {
            self.skip(Some(path.clone()), SkipReason::TooDeep, 0);
        }
    }

    /// Bytes that the next file may have.
    fn most(&self) -> u64 {
        self.limits.file.min(self.left)
    }

    /// Why a file of more than [`Walk::most`] bytes is passed over.
    fn too_large(&self) -> SkipReason {
        if self.left < self.limits.file { SkipReason::OverLimit } else { SkipReason::TooLarge }
    }

    fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes as u64);
    }

    fn skip(&mut self, path: Option<BytePath>, reason: SkipReason, bytes: u64) {
        self.contents.skip(path, reason, bytes);
    }

    fn buffer(&mut self) -> Vec<u8> {
        let mut buffer = self.scratch.buffers.pop().unwrap_or_default();
        buffer.clear();
        buffer
    }

    fn give_back(&mut self, buffer: Vec<u8>) {
        self.scratch.buffers.push(buffer);
    }
}
