//! A path as git stores it: bytes, `/` between components, relative to the scanned root.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A cheap-to-clone byte path. It may hold any byte but NUL; it is never assumed to be UTF-8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BytePath(Arc<[u8]>);

impl BytePath {
    /// From raw bytes with `/` separators.
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        Self(Arc::from(bytes.as_ref()))
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
        match Arc::get_mut(&mut self.0) {
            Some(mine) if mine.len() == bytes.len() => {
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
            std::path::PathBuf::from(std::ffi::OsStr::from_bytes(&self.0))
        }
        #[cfg(not(unix))]
        {
            std::path::PathBuf::from(String::from_utf8_lossy(&self.0).into_owned())
        }
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The last component.
    pub fn file_name(&self) -> &[u8] {
        self.0.rsplit(|b| *b == b'/').next().unwrap_or_default()
    }
}

/// Printable on one line: valid UTF-8 stays, control characters and stray bytes become `\xNN`.
impl fmt::Display for BytePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
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
