//! One entry of a pack: its header, and its bytes inflated to exactly the size that the header says.

use libdeflater::Decompressor;

use super::idx::ID;
use crate::git::ObjectKind;

/// What an entry's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// What follows.
    pub(super) form: Form,
    /// Bytes of it once inflated: the object's, or the delta's.
    pub(super) size: u64,
    /// Where the deflated bytes begin in the pack.
    pub(super) data: usize,
}

/// How an entry stores its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Whole.
    Whole(ObjectKind),
    /// As a delta against the entry that begins at this offset of the same pack.
    Offset(u64),
    /// As a delta against an object by its id.
    Id([u8; ID]),
}

/// Reads the header of the entry at `offset`. `None` where there is none.
pub(super) fn header(pack: &[u8], offset: u64) -> Option<Header> {
    let mut at = usize::try_from(offset).ok()?;
    let mut next = || {
        let byte = *pack.get(at)?;
        at += 1;
        Some(byte)
    };
    let first = next()?;
    let (mut size, mut shift) = (u64::from(first & 0x0f), 4);
    let mut more = first & 0x80 != 0;
    while more {
        let byte = next()?;
        if shift > 57 {
            return None;
        }
        size |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        more = byte & 0x80 != 0;
    }
    let form = match first >> 4 & 7 {
        1 => Form::Whole(ObjectKind::Commit),
        2 => Form::Whole(ObjectKind::Tree),
        3 => Form::Whole(ObjectKind::Blob),
        4 => Form::Whole(ObjectKind::Tag),
        6 => {
            let mut byte = next()?;
            let mut back = u64::from(byte & 0x7f);
            while byte & 0x80 != 0 {
                byte = next()?;
                back = back.checked_add(1)?.checked_mul(128)? | u64::from(byte & 0x7f);
            }
            // A base stands before its delta; at the same place would be a circle.
            Form::Offset(offset.checked_sub(back).filter(|base| *base < offset)?)
        }
        7 => {
            let id = *pack.get(at..)?.first_chunk::<ID>()?;
            at += ID;
            Form::Id(id)
        }
        _ => return None,
    };
    Some(Header { form, size, data: at })
}

/// Inflates into `out`, which becomes exactly `size` bytes. Says what is wrong where that fails; never makes more than
/// `size` bytes, whatever the deflated ones pretend.
pub(super) fn inflate(
    inflater: &mut Decompressor,
    deflated: &[u8],
    size: usize,
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    out.clear();
    out.resize(size, 0);
    match inflater.zlib_decompress(deflated, out) {
        Ok(made) if made == size => Ok(()),
        Ok(_) => Err("it is shorter than its header says"),
        Err(libdeflater::DecompressionError::InsufficientSpace) => Err("it is longer than its header says"),
        Err(libdeflater::DecompressionError::BadData) => Err("its compressed bytes are damaged"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_git_writes_them() {
        let whole = [0xb5, 0x0a, 0x78];
        let read = header(&whole, 0).unwrap();
        assert_eq!(read, Header { form: Form::Whole(ObjectKind::Blob), size: 0x5 | 0x0a << 4, data: 2 });
        // An offset of two bytes counts one more in each but the last (git's gitformat-pack).
        let delta = [&[0u8; 300][..], &[0x63, 0x81, 0x00]].concat();
        assert_eq!(header(&delta, 300).unwrap().form, Form::Offset(300 - 256));
        let by_id = [&[0x71][..], &[9; 20]].concat();
        assert_eq!(header(&by_id, 0).unwrap(), Header { form: Form::Id([9; 20]), size: 1, data: 21 });
    }

    #[test]
    fn headers_that_lead_nowhere_are_none() {
        for bytes in [&[][..], &[0xb5], &[0x05, 0], &[0x50], &[0x60, 0x00], &[0x61, 0x01], &[0x71, 1, 2]] {
            assert_eq!(header(bytes, 0), None, "{bytes:?}");
        }
        assert_eq!(header(&[0xff; 40], 0), None, "a size without an end");
        assert_eq!(header(&[0xb5], u64::MAX), None);
    }
}
