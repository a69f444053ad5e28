//! Zip: the directory is read by `rawzip`, entry by entry, without keeping it.

use rawzip::{CompressionMethod, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive};

use super::stream::{End, decoder, fill, inflate_all, take};
use super::{At, DEFLATE, Format, Go, Walk};
use crate::model::{BytePath, SkipReason, Span};

/// Bytes of the record at a directory's end, without a comment.
const END: usize = 22;

/// True when the bytes end as a zip without a comment does: then what stands before it may be anything.
#[inline]
pub(super) fn ends(bytes: &[u8]) -> bool {
    let start = bytes.len().checked_sub(END);
    start.and_then(|start| bytes.get(start..start + 4)).is_some_and(|mark| mark == b"PK\x05\x06")
}

/// Shows all files.
pub(super) fn walk(walk: &mut Walk<'_>, at: At<'_>, bytes: &[u8], held: &mut Vec<Span>) {
    let Ok(archive) = ZipArchive::from_slice(bytes) else {
        walk.skip(at.path.cloned(), SkipReason::Damaged, 0);
        return;
    };
    let mut entries = archive.entries();
    let mut buffer = walk.buffer();
    loop {
        match entries.next_entry() {
            Ok(None) => break,
            Ok(Some(entry)) => {
                if self::entry(walk, at, &archive, &entry, &mut buffer, held) == Go::Stop {
                    break;
                }
            }
            Err(_) => {
                walk.skip(at.path.cloned(), SkipReason::Damaged, 0);
                break;
            }
        }
    }
    walk.give_back(buffer);
}

fn entry(
    walk: &mut Walk<'_>,
    at: At<'_>,
    archive: &ZipSliceArchive<&[u8]>,
    entry: &ZipFileHeaderRecord<'_>,
    buffer: &mut Vec<u8>,
    held: &mut Vec<Span>,
) -> Go {
    let nothing = entry.compressed_size_hint() == 0 && entry.uncompressed_size_hint() == 0;
    let path = at.entry(entry.file_path().as_bytes());
    let wanted = match walk.begin(at, &path) {
        Ok(wanted) => wanted,
        Err(go) => return go,
    };
    if nothing || entry.is_dir() {
        return Go::On;
    }
    let Ok(found) = archive.get_entry(entry.wayfinder()) else {
        walk.skip(Some(path), SkipReason::Damaged, 0);
        return Go::On;
    };
    let stored = entry.compression_method() == CompressionMethod::STORE && !entry.flags().is_encrypted();
    if stored && found.data().len() as u64 <= walk.limits.file {
        let (start, end) = found.compressed_data_range();
        if let (Ok(start), Ok(end)) = (usize::try_from(start), usize::try_from(end)) {
            held.push(Span::new(start, end));
        }
    }
    if !wanted {
        return Go::On;
    }
    if entry.flags().is_encrypted() {
        walk.skip(Some(path), SkipReason::Encrypted, 0);
        return Go::On;
    }
    file(walk, at, &path, entry.compression_method(), found.data(), entry.uncompressed_size_hint(), buffer);
    Go::On
}

/// Shows one file, whatever its headers say of its size.
fn file(
    walk: &mut Walk<'_>,
    at: At<'_>,
    path: &BytePath,
    method: CompressionMethod,
    data: &[u8],
    declared: u64,
    buffer: &mut Vec<u8>,
) {
    let most = walk.most();
    buffer.clear();
    match method {
        CompressionMethod::STORE if data.len() as u64 <= most => take(walk, at, path, data, End::Whole),
        CompressionMethod::STORE => walk.skip(Some(path.clone()), walk.too_large(), data.len() as u64),
        CompressionMethod::DEFLATE => {
            let likely = declared <= most && declared <= DEFLATE.saturating_mul(data.len() as u64);
            if likely && inflate_all(walk, declared, buffer, |inflate, out| inflate.deflate_decompress(data, out)) {
                return take(walk, at, path, buffer, End::Whole);
            }
            if declared > most && declared <= DEFLATE.saturating_mul(data.len() as u64) {
                return walk.skip(Some(path.clone()), walk.too_large(), declared);
            }
            let end = fill(&mut flate2::bufread::DeflateDecoder::new(data), buffer, most.saturating_add(1));
            take(walk, at, path, buffer, end);
        }
        CompressionMethod::BZIP2 => stream(walk, at, path, Format::Bzip2, data, buffer),
        CompressionMethod::XZ => stream(walk, at, path, Format::Xz, data, buffer),
        CompressionMethod::ZSTD => stream(walk, at, path, Format::Zstd, data, buffer),
        _ => walk.skip(Some(path.clone()), SkipReason::UnknownMethod, 0),
    }
}

fn stream(walk: &mut Walk<'_>, at: At<'_>, path: &BytePath, format: Format, data: &[u8], buffer: &mut Vec<u8>) {
    let Some(mut reader) = decoder(format, data) else { return };
    let end = fill(&mut *reader, buffer, walk.most().saturating_add(1));
    take(walk, at, path, buffer, end);
}
