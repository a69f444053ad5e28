//! Pack indexes: `.idx` of version 1 and 2, and the multi-pack-index. Ids and offsets, nothing of the packs' content.
//!
//! Formats: git's `gitformat-pack`. Every number is checked against the file before it is used.

use memmap2::Mmap;

/// Bytes of a SHA-1 id.
pub(super) const ID: usize = 20;
/// Bytes of a fanout table: 256 counts of four bytes.
const FANOUT: usize = 256 * 4;
/// `\377tOc`, then version 2.
const MAGIC: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];
/// Set in an offset of 32 bits that stands for a place in the table of long ones.
const LONG: u32 = 1 << 31;

/// A big-endian number of 32 bits.
pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|eight| u64::from_be_bytes(*eight))
}

/// The ids of one pack and where each object begins in it, sorted by id.
pub(super) struct Idx {
    map: Mmap,
    layout: Layout,
    count: usize,
}

enum Layout {
    /// Each id behind its offset.
    One,
    /// Tables: ids at the first place, offsets of 32 bits, offsets of 64 bits.
    Two { ids: usize, short: usize, long: usize },
}

impl Idx {
    /// Reads the header. The error says what is wrong with the file.
    pub(super) fn open(map: Mmap) -> Result<Self, &'static str> {
        let two = map.starts_with(&MAGIC);
        if !two && map.starts_with(&[0xff, b't', b'O', b'c']) {
            return Err("its index is of an unknown version");
        }
        let fanout = if two { MAGIC.len() } else { 0 };
        let mut last = 0;
        for bucket in 0..256 {
            let here = be32(&map, fanout + 4 * bucket).ok_or("its index is cut off")?;
            if here < last {
                return Err("the fanout table of its index is not sorted");
            }
            last = here;
        }
        let count = last as usize;
        let start = fanout + FANOUT;
        let trailer = 2 * ID;
        let (layout, least) = if two {
            let short = start + count * (ID + 4);
            let long = short + count * 4;
            (Layout::Two { ids: start, short, long }, long + trailer)
        } else {
            (Layout::One, start + count * (4 + ID) + trailer)
        };
        if map.len() < least {
            return Err("its index is cut off");
        }
        Ok(Self { map, layout, count })
    }

    /// How many objects it lists.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The id at a place in the order of ids, and where its object begins. None past the last.
    pub(super) fn entry(&self, place: usize) -> Option<([u8; ID], u64)> {
        if place >= self.count {
            return None;
        }
        match self.layout {
            Layout::One => {
                let at = FANOUT + place * (4 + ID);
                let id = self.map.get(at + 4..)?.first_chunk::<ID>()?;
                Some((*id, u64::from(be32(&self.map, at)?)))
            }
            Layout::Two { ids, short, long } => {
                let id = self.map.get(ids + place * ID..)?.first_chunk::<ID>()?;
                let offset = be32(&self.map, short + 4 * place)?;
                let offset = if offset & LONG == 0 {
                    u64::from(offset)
                } else {
                    be64(&self.map, long + 8 * (offset & !LONG) as usize)?
                };
                Some((*id, offset))
            }
        }
    }
}

/// What a multi-pack-index says of one object: its id, the number of its pack, its offset there.
pub(super) type Listed = ([u8; ID], usize, u64);

/// A multi-pack-index: needed where a pack has no index of its own.
pub(super) struct Multi {
    map: Mmap,
    names: Vec<String>,
    ids: usize,
    offsets: usize,
    long: Option<usize>,
    count: usize,
}

impl Multi {
    /// Reads the header and the chunk table.
    pub(super) fn open(map: Mmap) -> Result<Self, &'static str> {
        const CUT: &str = "it is cut off";
        if !map.starts_with(b"MIDX\x01\x01") {
            return Err("it is of an unknown version or object format");
        }
        let chunks = usize::from(*map.get(6).ok_or(CUT)?);
        let packs = be32(&map, 8).ok_or(CUT)? as usize;
        let (mut names, mut fanout, mut ids, mut offsets, mut long) = (None, None, None, None, None);
        for chunk in 0..chunks {
            let at = 12 + 12 * chunk;
            let start = usize::try_from(be64(&map, at + 4).ok_or(CUT)?).map_err(|_| CUT)?;
            let slot = match map.get(at..at + 4).ok_or(CUT)? {
                b"PNAM" => &mut names,
                b"OIDF" => &mut fanout,
                b"OIDL" => &mut ids,
                b"OOFF" => &mut offsets,
                b"LOFF" => &mut long,
                _ => continue,
            };
            *slot = Some(start);
        }
        let count = be32(&map, fanout.ok_or(CUT)?.saturating_add(255 * 4)).ok_or(CUT)? as usize;
        let (ids, offsets) = (ids.ok_or(CUT)?, offsets.ok_or(CUT)?);
        let fits = |start: usize, each: usize| start.saturating_add(count * each) <= map.len();
        if !fits(ids, ID) || !fits(offsets, 8) {
            return Err(CUT);
        }
        let text = map.get(names.ok_or(CUT)?..).ok_or(CUT)?;
        let names: Vec<String> =
            text.split(|b| *b == 0).take(packs).map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        Ok(Self { map, names, ids, offsets, long, count })
    }

    /// The packs' file names, ending in `.idx`, by number.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Every object, sorted by id.
    pub(super) fn objects(&self) -> impl Iterator<Item = Listed> + '_ {
        (0..self.count).filter_map(|place| {
            let id = self.map.get(self.ids + place * ID..)?.first_chunk::<ID>()?;
            let at = self.offsets + 8 * place;
            let (pack, offset) = (be32(&self.map, at)? as usize, be32(&self.map, at + 4)?);
            let offset = match self.long {
                Some(long) if offset & LONG != 0 => be64(&self.map, long + 8 * (offset & !LONG) as usize)?,
                _ => u64::from(offset),
            };
            Some((*id, pack, offset))
        })
    }
}
