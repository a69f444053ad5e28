//! Compressed streams: what comes out is one file, or a tar's files. Of a damaged one, what comes out before the damage.

use std::io::{self, Read};

use memchr::memmem;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{At, DEFLATE, Format, Walk, tar};
use crate::model::SkipReason;

/// Memory that a decoder may take for its window, where the archive asks for it.
const WINDOW: u64 = 128 << 20;

/// Shows what a stream holds.
pub(super) fn walk(walk: &mut Walk<'_>, at: At<'_>, format: Format, bytes: &[u8]) {
    if walk.room(at).is_err() {
        return;
    }
    let mut buffer = walk.buffer();
    if format == Format::Gzip && whole_gzip(walk, bytes, &mut buffer) {
        walk.spend(buffer.len());
        if tar::begins(&buffer) {
            tar::walk(walk, at, &mut buffer.as_slice(), None);
        } else {
            show(walk, at, &buffer);
        }
    } else if let Some(mut reader) = decoder(format, bytes) {
        slowly(walk, at, &mut *reader, &mut buffer);
    }
    walk.give_back(buffer);
}

/// A gzip file of one member in one go, if its end tells the truth about its size.
fn whole_gzip(walk: &mut Walk<'_>, bytes: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(size) = bytes.last_chunk::<4>().map(|size| u64::from(u32::from_le_bytes(*size))) else { return false };
    let likely = size <= walk.most() && size <= DEFLATE.saturating_mul(bytes.len() as u64);
    // What looks like the beginning of another member may be one, and this way would not tell.
    if !likely || memmem::find(bytes.get(3..).unwrap_or_default(), &[0x1f, 0x8b, 8]).is_some() {
        return false;
    }
    inflate_all(walk, size, out, |inflate, out| inflate.gzip_decompress(bytes, out))
}

/// Into exactly `size` bytes, or not at all.
pub(super) fn inflate_all(
    walk: &mut Walk<'_>,
    size: u64,
    out: &mut Vec<u8>,
    work: impl FnOnce(&mut libdeflater::Decompressor, &mut [u8]) -> Result<usize, libdeflater::DecompressionError>,
) -> bool {
    out.resize(usize::try_from(size).unwrap_or_default(), 0);
    let done = work(walk.scratch.inflate.get_or_insert_with(libdeflater::Decompressor::new), out);
    let whole = done.is_ok_and(|done| done as u64 == size);
    if !whole {
        out.clear();
    }
    whole
}

/// Byte by byte as they come out, until something is wrong.
fn slowly(walk: &mut Walk<'_>, at: At<'_>, reader: &mut dyn Read, buffer: &mut Vec<u8>) {
    let first = fill(reader, buffer, tar::BLOCK as u64);
    if first == End::More && tar::begins(buffer) {
        let first = std::mem::take(buffer);
        tar::walk(walk, at, &mut first.as_slice().chain(reader), None);
        *buffer = first;
        return;
    }
    let path = at.stream();
    if walk.begin(at, &path) != Ok(true) {
        return;
    }
    let rest = walk.most().saturating_add(1).saturating_sub(buffer.len() as u64);
    let end = if first == End::More { fill(reader, buffer, rest) } else { first };
    take(walk, at, &path, buffer, end);
}

/// Shows a file as far as it could be read, and says what was wrong with the rest.
pub(super) fn take(walk: &mut Walk<'_>, at: At<'_>, path: &crate::model::BytePath, bytes: &[u8], end: End) {
    walk.spend(bytes.len());
    match end {
        End::More => {
            let (why, size) = (walk.too_large(), bytes.len() as u64);
            walk.skip(Some(path.clone()), why, size);
        }
        End::Whole => walk.show(at, path, bytes),
        End::Broken => {
            walk.show(at, path, bytes);
            walk.skip(at.path.cloned(), SkipReason::Damaged, 0);
        }
    }
}

fn show(walk: &mut Walk<'_>, at: At<'_>, bytes: &[u8]) {
    let path = at.stream();
    if walk.begin(at, &path) == Ok(true) {
        walk.show(at, &path, bytes);
    }
}

/// How reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// There is no more.
    Whole,
    /// There may be more than was asked for.
    More,
    /// The rest cannot be read.
    Broken,
}

/// Appends at most `most` bytes; with exactly so many there may be more. Ask for one more than there should be to tell.
pub(super) fn fill(reader: &mut dyn Read, out: &mut Vec<u8>, most: u64) -> End {
    let before = out.len();
    match reader.take(most).read_to_end(out) {
        Err(_) => End::Broken,
        Ok(read) if (read as u64) < most => End::Whole,
        Ok(_) if out.len() == before => End::Whole,
        Ok(_) => End::More,
    }
}

/// A decoder of the format over compressed bytes, from its first to its last stream, member or frame.
pub(super) fn decoder<'b>(format: Format, bytes: &'b [u8]) -> Option<Box<dyn Read + 'b>> {
    Some(match format {
        Format::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
        Format::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(bytes)),
        Format::Xz => {
            let window = u32::try_from(WINDOW >> 10).unwrap_or(u32::MAX);
            Box::new(Sips(lzma_rust2::XzReader::new_mem_limit(bytes, true, window)))
        }
        Format::Zstd => Box::new(Frames { rest: bytes, decoder: FrameDecoder::new(), state: State::Between }),
        Format::Zip | Format::Tar => return None,
    })
}

/// Reads a little at a time: what a decoder has put out before it fails would else be lost with the read that fails.
struct Sips<R>(R);

impl<R: Read> Read for Sips<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let sip = buf.len().min(1024);
        self.0.read(buf.get_mut(..sip).unwrap_or_default())
    }
}

/// Zstandard frames one behind the other; what may be skipped is.
struct Frames<'b> {
    rest: &'b [u8],
    decoder: FrameDecoder,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Within,
    /// Nothing but what the decoder still holds back.
    Broken,
}

/// A last block without bytes, and room for a checksum: makes the decoder hand out what it holds back for later blocks.
const LAST: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

impl Frames<'_> {
    /// Decodes until there is something to hand out, or nothing more in this frame.
    fn go_on(&mut self) {
        while self.state == State::Within && self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            if self.decoder.decode_blocks(&mut self.rest, BlockDecodingStrategy::UptoBlocks(1)).is_err() {
                self.state = State::Broken;
                let _ = self.decoder.decode_blocks(LAST.as_slice(), BlockDecodingStrategy::UptoBlocks(1));
            }
        }
    }
}

impl Read for Frames<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            self.go_on();
            let read = if self.state == State::Between { 0 } else { self.decoder.read(buf)? };
            if read > 0 || buf.is_empty() {
                return Ok(read);
            }
            if self.state == State::Broken {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.state = State::Between;
            if self.rest.is_empty() {
                return Ok(0);
            }
            match self.decoder.init(&mut self.rest) {
                Ok(()) => self.state = State::Within,
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = usize::try_from(length).unwrap_or(usize::MAX);
                    self.rest = self.rest.get(length..).unwrap_or_default();
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}
