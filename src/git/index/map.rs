//! An index's bytes, mapped where they are many, and their checksum.

use std::fs::File as OsFile;
use std::io::{ErrorKind, Read as _};
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use sha1::{Digest, Sha1};

use super::file::File;
use super::{ID, IndexError};
use crate::model::BytePath;

/// Smaller files are read: that is as fast.
const MAPPED: u64 = 1 << 20;
/// The checksum of fewer bytes costs less than a thread.
const SUMMED_HERE: usize = 256 << 10;
/// Offsets are kept in four bytes.
const MOST: u64 = u32::MAX as u64;

/// The bytes of a file, cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Bytes(Arc<Held>);

#[derive(Debug)]
enum Held {
    Read(Vec<u8>),
    #[cfg(unix)]
    Mapped(memmap2::Mmap),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &*self.0 {
            Held::Read(bytes) => bytes,
            #[cfg(unix)]
            Held::Mapped(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Held::Read(bytes)))
    }
}

/// The file's bytes; `None` when it is not there.
pub(super) fn read(path: &Path) -> Result<Option<Bytes>, IndexError> {
    let failed = |error| IndexError::Io { path: BytePath::from_os(path).to_string(), error };
    let mut file = match OsFile::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(failed(std::io::Error::other("not a file")));
    }
    if meta.len() > MOST {
        return Err(IndexError::Unsupported {
            what: "an index of more than four gigabytes".into(),
            remedy: "make it smaller with: git update-index --index-version 4",
        });
    }
    #[cfg(unix)]
    if meta.len() >= MAPPED {
        return Ok(Some(Bytes(Arc::new(Held::Mapped(map(&file).map_err(failed)?)))));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
    file.by_ref().take(MOST).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes.into()))
}

#[cfg(unix)]
#[allow(unsafe_code)]
fn map(file: &OsFile) -> std::io::Result<memmap2::Mmap> {
    // SAFETY: the mapping is private and read-only, and is only ever seen as bytes, of which nothing is assumed: every
    // offset in them is checked where it is used. git replaces its index by renaming a new file over it, never by
    // writing into it, and maps it as we do. Somebody who did write into it could make two reads of a byte differ,
    // which at worst is a wrong answer that the checksum tells; somebody who cut it short would have the process
    // killed by a signal: no hook passes by that.
    unsafe { memmap2::MmapOptions::new().populate().map(file) }
}

/// Whether files end in the right checksum; worked out on threads of their own where it takes long.
#[derive(Debug, Default)]
pub(super) struct Sum {
    wrong: bool,
    running: Mutex<Vec<JoinHandle<bool>>>,
    known: OnceLock<bool>,
}

impl Sum {
    pub(super) fn add(&mut self, file: &File) {
        let bytes = file.bytes().clone();
        if bytes.len() > SUMMED_HERE {
            let started = std::thread::Builder::new().spawn({
                let bytes = bytes.clone();
                move || is_right(&bytes)
            });
            if let Ok(thread) = started {
                self.running.get_mut().unwrap_or_else(PoisonError::into_inner).push(thread);
                return;
            }
        }
        self.wrong |= !is_right(&bytes);
    }

    /// Waits for all of them.
    pub(super) fn is_right(&self) -> bool {
        *self.known.get_or_init(|| {
            let running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
            // All are waited for, whatever the first one says; a thread that panicked has shown nothing to be right.
            running.into_iter().fold(!self.wrong, |right, thread| thread.join().unwrap_or(false) && right)
        })
    }
}

/// An index without entries has no bytes here; `index.skipHash` writes zeros.
fn is_right(bytes: &[u8]) -> bool {
    let Some((content, sum)) = bytes.split_last_chunk::<ID>() else { return bytes.is_empty() };
    *sum == [0; ID] || Sha1::digest(content).as_slice() == sum
}
