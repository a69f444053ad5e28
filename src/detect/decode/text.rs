//! What decoded bytes are: text, text in UTF-16, a compressed stream, or nothing to look into. Looks at the first
//! bytes; judges no content.

use libdeflater::{DecompressionError, Decompressor};

/// What bytes begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// ASCII or UTF-8.
    Text,
    /// Latin text in UTF-16, as PowerShell encodes commands.
    Utf16 {
        /// The higher byte first.
        big: bool,
    },
    /// RFC 1952.
    Gzip,
    /// RFC 1950.
    Zlib,
}

/// What some bytes begin with; none when that is nothing to look into. Fewer bytes may be taken for more.
pub(super) fn sort_of(bytes: &[u8]) -> Option<Sort> {
    if is_text(bytes) {
        return Some(Sort::Text);
    }
    match bytes {
        // The method is deflate in both, the window the usual one.
        [0x1f, 0x8b, 0x08, ..] => return Some(Sort::Gzip),
        [0x78, 0x01 | 0x9c | 0xda, ..] => return Some(Sort::Zlib),
        _ => {}
    }
    let bare = bytes.strip_prefix(&[0xff, 0xfe]).or_else(|| bytes.strip_prefix(&[0xfe, 0xff])).unwrap_or(bytes);
    let pairs = |big: bool| {
        bare.chunks_exact(2).all(|pair| match *pair {
            [high, low] if big => high == 0 && is_plain(low),
            [low, high] => high == 0 && is_plain(low),
            _ => false,
        })
    };
    [false, true].into_iter().find(|big| bare.len() >= 2 && pairs(*big)).map(|big| Sort::Utf16 { big })
}

#[inline]
pub(super) fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}

/// True when all bytes are text; a character that is cut off at the end is no fault.
fn is_text(bytes: &[u8]) -> bool {
    if bytes.iter().all(|byte| is_plain(*byte)) {
        return true;
    }
    let valid = match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => {
            bytes.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok())
        }
        Err(_) => None,
    };
    valid.is_some_and(|text| text.bytes().all(|byte| byte >= 0x80 || is_plain(byte)))
}

/// True when nearly all bytes are text: what began as text may go on as something else.
pub(super) fn is_mostly_text(bytes: &[u8]) -> bool {
    let odd = bytes.iter().filter(|byte| !is_plain(**byte) && **byte < 0x80).count();
    // Of bytes at random half are below 128 and a seventh are odd ones among them.
    odd * 16 <= bytes.len()
}

/// Why a stream gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It would give more than there is room for.
    TooLong,
    /// It is damaged, or was none.
    Damaged,
}

/// Inflates a stream into `out`, which is cleared before. Never takes more than `most` bytes.
pub(super) fn inflate(bytes: &[u8], zlib: bool, most: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut engine = Decompressor::new();
    // A gzip stream says how long it is, but need not say the truth.
    let said = bytes.last_chunk::<4>().filter(|_| !zlib).map_or(0, |last| u32::from_le_bytes(*last) as usize);
    // Deflate makes at most 1032 bytes of one.
    let usual = bytes.len().saturating_mul(4);
    let mut room = if said > 0 { said } else { usual }.min(bytes.len().saturating_mul(1032)).clamp(1, most.max(1));
    loop {
        out.clear();
        out.resize(room, 0);
        let told = if zlib { engine.zlib_decompress(bytes, out) } else { engine.gzip_decompress(bytes, out) };
        match told {
            Ok(length) => {
                out.truncate(length);
                return Ok(());
            }
            Err(DecompressionError::InsufficientSpace) if room >= most => return Err(Fault::TooLong),
            Err(DecompressionError::InsufficientSpace) => room = room.saturating_mul(4).min(most),
            Err(DecompressionError::BadData) => return Err(Fault::Damaged),
        }
    }
}

#[cfg(test)]
mod tests {
    use libdeflater::{CompressionLvl, Compressor};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut engine = Compressor::new(CompressionLvl::best());
        let mut out = vec![0; engine.gzip_compress_bound(bytes.len())];
        let length = engine.gzip_compress(bytes, &mut out).unwrap();
        out.truncate(length);
        out
    }

    #[test]
    fn text_is_told_from_what_is_none() {
        assert_eq!(sort_of(b"user: somebody\n"), Some(Sort::Text));
        assert_eq!(sort_of("schl\u{fc}ssel: \u{20ac}".as_bytes()), Some(Sort::Text));
        assert_eq!(sort_of(&"\u{20ac}\u{20ac}".as_bytes()[..5]), Some(Sort::Text), "cut off inside a character");
        assert_eq!(sort_of(b"a\0b\0c\0d\0"), Some(Sort::Utf16 { big: false }));
        assert_eq!(sort_of(b"\xfe\xff\0a\0b"), Some(Sort::Utf16 { big: true }));
        assert_eq!(sort_of(&gzip(b"text")), Some(Sort::Gzip));
        assert_eq!(sort_of(&[0x30, 0x82, 4, 1, 2, 1, 0]), None);
        assert_eq!(sort_of(b"\x89PNG\r\n\x1a\n"), None);
    }

    #[test]
    fn a_stream_gives_no_more_than_there_is_room_for() {
        let mut out = Vec::new();
        let bomb = gzip(&vec![b'a'; 10 << 20]);
        assert_eq!(inflate(&bomb, false, 1 << 20, &mut out), Err(Fault::TooLong));
        assert!(out.capacity() <= 2 << 20, "{}", out.capacity());
        assert_eq!(inflate(&bomb, false, 10 << 20, &mut out), Ok(()));
        assert_eq!(out.len(), 10 << 20);
        let mut liar = gzip(&b"the truth".repeat(1000));
        let length = liar.len();
        liar[length - 4..].copy_from_slice(&[0xff; 4]);
        assert_eq!(inflate(&liar, false, 1 << 20, &mut out), Err(Fault::Damaged));
        assert_eq!(inflate(&bomb[..bomb.len() / 2], false, 20 << 20, &mut out), Err(Fault::Damaged));
    }
}
