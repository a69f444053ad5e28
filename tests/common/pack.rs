//! Archives made at run time: honest ones by well-known crates, and zips written field by field, which may lie.

use std::io::Write;

/// Deflated, without any header.
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// One gzip member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut out = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A tar of regular files; long names as GNU writes them.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = ::tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        out.append_data(&mut header, name, *bytes).unwrap();
    }
    out.into_inner().unwrap()
}

/// One entry of a zip, as it is to be written.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    pub name: Vec<u8>,
    /// As stored.
    pub data: Vec<u8>,
    pub method: u16,
    pub flags: u16,
    /// What the headers say of its size.
    pub size: u32,
    /// Where its local header is said to be, if not where it is. Then none is written.
    pub at: Option<u32>,
}

impl Entry {
    pub fn stored(name: &str, bytes: &[u8]) -> Self {
        Self { name: name.into(), data: bytes.to_vec(), size: bytes.len() as u32, ..Self::default() }
    }

    pub fn deflated(name: &str, bytes: &[u8]) -> Self {
        Self { data: deflate(bytes), method: 8, ..Self::stored(name, bytes) }
    }
}

/// A zip of these entries, in their order.
pub fn zip(entries: &[Entry]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let at = entry.at.unwrap_or(out.len() as u32);
        let fields = |out: &mut Vec<u8>| {
            for field in [entry.flags, entry.method, 0, 0] {
                out.extend(field.to_le_bytes());
            }
            for field in [0, entry.data.len() as u32, entry.size] {
                out.extend(field.to_le_bytes());
            }
            out.extend((entry.name.len() as u16).to_le_bytes());
            out.extend(0_u16.to_le_bytes());
        };
        if entry.at.is_none() {
            out.extend(b"PK\x03\x04\x14\0");
            fields(&mut out);
            out.extend(&entry.name);
            out.extend(&entry.data);
        }
        directory.extend(b"PK\x01\x02\x14\0\x14\0");
        fields(&mut directory);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(&entry.name);
    }
    let (count, start) = ((entries.len() as u16).to_le_bytes(), (out.len() as u32).to_le_bytes());
    let size = (directory.len() as u32).to_le_bytes();
    out.extend(directory);
    out.extend([b"PK\x05\x06\0\0\0\0", count.as_slice(), &count, &size, &start, b"\0\0"].concat());
    out
}

/// A zip of deflated files.
pub fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    zip(&files.iter().map(|(name, bytes)| Entry::deflated(name, bytes)).collect::<Vec<_>>())
}
