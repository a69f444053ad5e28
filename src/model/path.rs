//! A path as git stores it: bytes, `/` between components, relative to the scanned root. Of what lies in an archive: the
//! archive's path, `!`, and the path in there.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A cheap-to-clone byte path. It may hold any byte but NUL; it is never assumed to be UTF-8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BytePath {
    bytes: Arc<[u8]>,
    /// Bytes of the outermost archive's own path; [`PLAIN`] for what lies in none.
    outer: u32,
}

/// In place of a number of bytes: not in an archive.
const PLAIN: u32 = u32::MAX;
/// Between an archive and what lies in it.
const INTO: u8 = b'!';

impl BytePath {
    /// From raw bytes with `/` separators.
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        Self { bytes: Arc::from(bytes.as_ref()), outer: PLAIN }
    }

    /// The path of what lies at `inner` in the archive at this path: `a.zip!b/c.env`. An inner path that is empty, or
    /// begins with `!`, goes through a stream that names nothing (gzip's and its like): that is called as its archive is,
    /// without the last ending.
    pub fn inside(&self, inner: &BytePath) -> BytePath {
        let mut bytes = self.bytes.to_vec();
        bytes.push(INTO);
        if inner.bytes.first().is_none_or(|first| *first == INTO) {
            bytes.extend_from_slice(stem(self.file_name()));
        }
        bytes.extend_from_slice(&inner.bytes);
        let outer = if self.is_inside() { self.outer } else { u32::try_from(self.bytes.len()).unwrap_or(PLAIN) };
        Self { bytes: Arc::from(bytes), outer }
    }

    /// A path inside an archive, one archive further in: of `b.jar` and `c.env` it is `b.jar!c.env`.
    pub fn join_inside(&self, name: &[u8]) -> BytePath {
        Self::new([&self.bytes, [INTO].as_slice(), name].concat())
    }

    /// The last component of a path inside an archive.
    pub fn own_name(&self) -> &[u8] {
        self.bytes.rsplit(|b| matches!(*b, b'/' | INTO)).next().unwrap_or_default()
    }

    /// True for what lies in an archive.
    pub fn is_inside(&self) -> bool {
        self.outer != PLAIN
    }

    /// The bytes of the path that the disk or git has: of what lies in an archive, the outermost archive's.
    pub fn outer(&self) -> &[u8] {
        self.bytes.get(..self.outer as usize).unwrap_or(&self.bytes)
    }

    /// The same path as if every archive on it were a directory, for matching.
    pub fn unpacked(&self) -> Cow<'_, BytePath> {
        if !self.is_inside() {
            return Cow::Borrowed(self);
        }
        let mut bytes = self.bytes.to_vec();
        let inner = bytes.iter_mut().skip(self.outer as usize);
        inner.filter(|byte| **byte == INTO).for_each(|byte| *byte = b'/');
        Cow::Owned(Self::new(bytes))
    }

    /// The path with its bytes changed: those of the outermost archive, and those of what lies in it.
    pub fn map(&self, change: impl Fn(&[u8]) -> Vec<u8>) -> BytePath {
        let Some((outer, inner)) = self.bytes.split_at_checked(self.outer as usize) else {
            return Self::new(change(&self.bytes));
        };
        let mut bytes = change(outer);
        let outer = u32::try_from(bytes.len()).unwrap_or(PLAIN);
        bytes.extend(change(inner));
        Self { bytes: Arc::from(bytes), outer }
    }

    /// From an operating-system path; on Windows `\` becomes `/`.
    pub fn from_os(path: &Path) -> Self {
        Self::new(Self::os_bytes(path))
    }

    /// The bytes that [`BytePath::from_os`] makes a path of.
    pub fn os_bytes(path: &Path) -> Cow<'_, [u8]> {
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            Cow::Borrowed(path.as_os_str().as_bytes())
        }
        #[cfg(not(unix))]
        {
            Cow::Owned(path.to_string_lossy().replace('\\', "/").into_bytes())
        }
    }

    /// Takes on other bytes in the memory it has. False, and nothing happens, when they are not as many or when that
    /// memory is shared with a clone.
    pub fn overwrite(&mut self, bytes: &[u8]) -> bool {
        match Arc::get_mut(&mut self.bytes) {
            Some(mine) if mine.len() == bytes.len() && self.outer == PLAIN => {
                mine.copy_from_slice(bytes);
                true
            }
            _ => false,
        }
    }

    /// As an operating-system path, byte for byte where the system allows it.
    pub fn to_os(&self) -> std::path::PathBuf {
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            std::path::PathBuf::from(std::ffi::OsStr::from_bytes(&self.bytes))
        }
        #[cfg(not(unix))]
        {
            std::path::PathBuf::from(String::from_utf8_lossy(&self.bytes).into_owned())
        }
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The last component.
    pub fn file_name(&self) -> &[u8] {
        let ends = |b: &u8| *b == b'/' || *b == INTO && self.is_inside();
        self.bytes.rsplit(ends).next().unwrap_or_default()
    }
}

/// A file's name without its last ending; whole where that would leave nothing.
pub fn stem(name: &[u8]) -> &[u8] {
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0);
    dot.and_then(|dot| name.get(..dot)).unwrap_or(name)
}

/// Printable on one line: valid UTF-8 stays, control characters and stray bytes become `\xNN`.
impl fmt::Display for BytePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                if c.is_control() {
                    let mut buf = [0; 4];
                    for b in c.encode_utf8(&mut buf).bytes() {
                        write!(f, "\\x{b:02x}")?;
                    }
                } else {
                    write!(f, "{c}")?;
                }
            }
            for b in chunk.invalid() {
                write!(f, "\\x{b:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for BytePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_an_archive_has_its_path_behind_the_archives() {
        let zip = BytePath::new("lib/a!b.zip");
        let inner = zip.inside(&BytePath::new("c.jar!d/e.env"));
        assert_eq!(inner.to_string(), "lib/a!b.zip!c.jar!d/e.env");
        assert_eq!((inner.outer(), inner.file_name()), (&b"lib/a!b.zip"[..], &b"e.env"[..]));
        assert_eq!(inner.unpacked().to_string(), "lib/a!b.zip/c.jar/d/e.env");
        assert!(inner.is_inside() && !zip.is_inside());
        assert_eq!((zip.outer(), zip.file_name()), (zip.as_bytes(), &b"a!b.zip"[..]));
        assert_eq!(zip.inside(&BytePath::new("x")).file_name(), b"x");
        let masked = inner.map(|part| part.to_ascii_uppercase());
        assert_eq!((masked.outer(), masked.as_bytes()), (&b"LIB/A!B.ZIP"[..], &b"LIB/A!B.ZIP!C.JAR!D/E.ENV"[..]));
        assert_eq!(zip.map(|part| part.to_vec()), zip);
    }

    #[test]
    fn a_stream_that_names_nothing_is_called_as_its_archive_is() {
        let of = |path: &str, inner: &str| BytePath::new(path).inside(&BytePath::new(inner)).to_string();
        assert_eq!(of("a/app.env.gz", ""), "a/app.env.gz!app.env");
        assert_eq!(of("all.zip.xz", "!b.env"), "all.zip.xz!all.zip!b.env");
        assert_eq!(of("a/.gz", ""), "a/.gz!.gz");
        assert_eq!(of("plain", ""), "plain!plain");
    }

    #[test]
    fn a_path_is_overwritten_only_where_nobody_else_sees_it() {
        let mut path = BytePath::new("src/a.rs");
        let held = path.clone();
        assert!(!path.overwrite(b"src/b.rs"), "shared");
        assert_eq!(held, BytePath::new("src/a.rs"));
        drop(held);
        assert!(!path.overwrite(b"src/longer.rs"), "of another length");
        assert!(path.overwrite(b"src/b.rs"));
        assert_eq!(path, BytePath::new("src/b.rs"));
    }
}
