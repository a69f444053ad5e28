//! Tar: headers are read by the `tar` crate, the walk from one to the next is bounded here. Links and devices have no
//! bytes; of a sparse file those that are stored are shown.

use std::io::Read;

use ::tar::{EntryType, GnuExtSparseHeader, Header, PaxExtensions};

use super::stream::{End, fill};
use super::{At, Go, LONGEST_NAME, Walk};
use crate::model::{BytePath, SkipReason, Span};

/// Bytes of a block.
pub(super) const BLOCK: usize = 512;
/// Of a longer list of attributes only so many bytes are read.
const LONGEST_PAX: u64 = 64 << 10;

/// True when the bytes begin with a tar header: with its mark, or in the old form with a checksum that holds.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let Some(block) = bytes.first_chunk::<BLOCK>() else { return false };
    // A name ends or is filled up with NULs, and the checksum is written in octal digits.
    let octal = |byte: &u8| matches!(byte, b'0'..=b'7' | b' ' | 0);
    let named = |block: &[u8]| matches!(block.first(), Some(1..)) && matches!(block.get(99), Some(0));
    let marked = || block.get(257..262).is_some_and(|mark| mark == b"ustar");
    let summed = || block.get(148..156).is_some_and(|sum| sum.iter().all(octal));
    (named(block) || marked()) && summed() && is_sound(block)
}

/// True when the checksum holds.
fn is_sound(block: &[u8; BLOCK]) -> bool {
    let field = 148..156;
    let bytes = block.iter().enumerate().map(|(at, byte)| if field.contains(&at) { b' ' } else { *byte });
    let (mut sum, mut signed) = (0_u32, 0_i64);
    for byte in bytes {
        sum += u32::from(byte);
        // Some old programs added them up as signed numbers.
        signed += i64::from(byte.cast_signed());
    }
    let written = Header::from_byte_slice(block).cksum();
    written.is_ok_and(|written| written == sum || i64::from(written) == signed)
}

/// What extension entries say of the next one.
#[derive(Default)]
struct Told {
    name: Option<Vec<u8>>,
    size: Option<u64>,
}

/// Shows all files. `held` gets the files' places where the reader reads the archive's own bytes.
pub(super) fn walk(walk: &mut Walk<'_>, at: At<'_>, reader: &mut dyn Read, held: Option<&mut Vec<Span>>) {
    let mut buffer = walk.buffer();
    let tape = Tape { walk, at, reader, position: 0, broken: false, told: Told::default(), held };
    tape.run(&mut buffer);
    walk.give_back(buffer);
}

struct Tape<'t, 'w> {
    walk: &'t mut Walk<'w>,
    at: At<'t>,
    reader: &'t mut dyn Read,
    /// Bytes read so far.
    position: u64,
    /// True once the reader has said that it cannot go on.
    broken: bool,
    told: Told,
    held: Option<&'t mut Vec<Span>>,
}

impl Tape<'_, '_> {
    fn run(mut self, buffer: &mut Vec<u8>) {
        // Behind the end there may be padding, or another tape: what is none is no damage.
        let mut ended = false;
        loop {
            buffer.clear();
            let whole = self.read(buffer, BLOCK as u64).is_ok();
            let Some(block) = buffer.first_chunk::<BLOCK>().copied().filter(|_| whole) else {
                // Some programs write no end.
                if self.broken || !ended && (!buffer.is_empty() || self.walk.left == 0) {
                    self.cut();
                }
                return;
            };
            if block.iter().all(|byte| *byte == 0) {
                ended = true;
            } else if !is_sound(&block) {
                if !ended {
                    self.cut();
                }
                return;
            } else {
                ended = false;
                if self.entry(&block, buffer) == Go::Stop {
                    return;
                }
            }
        }
    }

    /// Reads at most so many bytes and counts them. Stops where they cannot be read.
    fn read(&mut self, out: &mut Vec<u8>, most: u64) -> Result<(), Go> {
        let before = out.len();
        let end = fill(self.reader, out, most.min(self.walk.left));
        let read = out.len() - before;
        self.walk.spend(read);
        self.position += read as u64;
        self.broken |= end == End::Broken;
        if end == End::Broken || (read as u64) < most { Err(Go::Stop) } else { Ok(()) }
    }

    /// The archive ends too early, or is no archive from here on; or enough has come out.
    fn cut(&mut self) {
        let why = if self.walk.left == 0 { SkipReason::OverLimit } else { SkipReason::Damaged };
        self.walk.skip(self.at.path.cloned(), why, 0);
    }

    fn entry(&mut self, block: &[u8; BLOCK], buffer: &mut Vec<u8>) -> Go {
        let header = Header::from_byte_slice(block);
        let Ok(size) = header.entry_size() else {
            self.cut();
            return Go::Stop;
        };
        let kind = header.entry_type();
        let extension = kind.is_gnu_longname() || kind.is_pax_local_extensions();
        if extension || kind.is_gnu_longlink() || kind.is_pax_global_extensions() {
            return self.extension(kind, size, buffer);
        }
        let Told { name, size: told } = std::mem::take(&mut self.told);
        let size = told.unwrap_or(size);
        if kind.is_gnu_sparse() && header.as_gnu().is_some_and(|gnu| gnu.is_extended()) && self.sparse(buffer).is_err()
        {
            self.cut();
            return Go::Stop;
        }
        let path = self.at.entry(&name.unwrap_or_else(|| header.path_bytes().into_owned()));
        let bare = kind.is_dir() || kind.is_symlink() || kind.is_hard_link() || kind.is_fifo();
        if bare || kind.is_character_special() || kind.is_block_special() || size == 0 {
            return self.pass(size, buffer);
        }
        match self.walk.begin(self.at, &path) {
            Err(go) => go,
            Ok(wanted) => self.file(&path, size, wanted, buffer),
        }
    }

    /// What is told of the next entry.
    fn extension(&mut self, kind: EntryType, size: u64, buffer: &mut Vec<u8>) -> Go {
        let most = size.min(if kind.is_pax_local_extensions() { LONGEST_PAX } else { LONGEST_NAME as u64 });
        buffer.clear();
        if self.read(buffer, most).is_err() {
            self.cut();
            return Go::Stop;
        }
        if kind.is_gnu_longname() {
            let name = buffer.split(|byte| *byte == 0).next().unwrap_or_default();
            self.told.name = Some(name.to_vec());
        } else if kind.is_pax_local_extensions() {
            for extension in PaxExtensions::new(buffer).flatten() {
                match extension.key_bytes() {
                    b"path" | b"GNU.sparse.name" => self.told.name = Some(extension.value_bytes().to_vec()),
                    b"size" => self.told.size = extension.value().ok().and_then(|size| size.parse().ok()),
                    _ => {}
                }
            }
        }
        self.pass_rest(size, most, buffer)
    }

    /// Further blocks of a sparse file's map.
    fn sparse(&mut self, buffer: &mut Vec<u8>) -> Result<(), Go> {
        let mut more = GnuExtSparseHeader::new();
        loop {
            buffer.clear();
            self.read(buffer, BLOCK as u64)?;
            more.as_mut_bytes().copy_from_slice(buffer.first_chunk::<BLOCK>().ok_or(Go::Stop)?);
            if !more.is_extended() {
                return Ok(());
            }
        }
    }

    fn file(&mut self, path: &BytePath, size: u64, wanted: bool, buffer: &mut Vec<u8>) -> Go {
        let at = self.position;
        let large = size > self.walk.limits.file;
        if large {
            self.walk.skip(Some(path.clone()), SkipReason::TooLarge, size);
        }
        if wanted && !large {
            buffer.clear();
            let read = self.read(buffer, size);
            self.walk.show(self.at, path, buffer);
            if read.is_err() {
                self.cut();
                return Go::Stop;
            }
        }
        if !large
            && let (Some(held), Ok(start), Ok(size)) = (&mut self.held, usize::try_from(at), usize::try_from(size))
        {
            held.push(Span::new(start, start.saturating_add(size)));
        }
        self.pass_rest(size, self.position - at, buffer)
    }

    /// Goes on to the next header.
    fn pass(&mut self, size: u64, buffer: &mut Vec<u8>) -> Go {
        self.pass_rest(size, 0, buffer)
    }

    /// The same where some bytes of the entry are read already.
    fn pass_rest(&mut self, size: u64, read: u64, buffer: &mut Vec<u8>) -> Go {
        let Some(whole) = size.checked_next_multiple_of(BLOCK as u64) else {
            self.cut();
            return Go::Stop;
        };
        let mut rest = whole.saturating_sub(read);
        while rest > 0 {
            buffer.clear();
            let some = rest.min(64 << 10);
            if self.read(buffer, some).is_err() {
                // A last file without its padding has lost nothing.
                if rest >= BLOCK as u64 || whole == size {
                    self.cut();
                }
                return Go::Stop;
            }
            rest -= some;
        }
        Go::On
    }
}
