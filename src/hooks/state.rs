//! What stands where a hook would be, and changes to it that can be undone.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::script::{self, Written};
use super::{HookError, shown};

/// More than any hook that a program wrote; of a larger one only the beginning is read.
const READ: u64 = 64 * 1024;

/// What is at a hook's path.
#[derive(Clone, Debug)]
pub(super) enum State {
    Absent,
    /// keyward wrote it.
    Ours {
        written: Written,
        text: Vec<u8>,
    },
    /// Somebody else's: a file, or a link to one. The text is what running it would run.
    Foreign {
        text: Vec<u8>,
    },
}

/// Looks at `path`. A directory or a device there is an error.
pub(super) fn look(path: &Path) -> Result<State, HookError> {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(State::Absent),
        Err(error) => return Err(HookError::io("look at", path, error)),
    };
    if meta.is_symlink() {
        let target_is_file = fs::metadata(path).is_ok_and(|meta| meta.is_file());
        let text = if target_is_file { read(path).unwrap_or_default() } else { Vec::new() };
        return Ok(State::Foreign { text });
    }
    if !meta.is_file() {
        return Err(HookError::InTheWay(format!("{} is not a file: move it away", shown(path))));
    }
    let text = read(path).map_err(|error| HookError::io("read", path, error))?;
    Ok(match script::recognise(&text) {
        Some(written) => State::Ours { written, text },
        None => State::Foreign { text },
    })
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    fs::File::open(path)?.take(READ).read_to_end(&mut text)?;
    Ok(text)
}

/// True for something there, a dangling link included.
pub(super) fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// True for a file that the system would run.
pub(super) fn is_executable_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && executable(&meta))
}

#[cfg(unix)]
fn executable(meta: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    meta.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn executable(_meta: &fs::Metadata) -> bool {
    true
}

/// `path` with one more extension: `pre-commit` → `pre-commit.keyward-chained`.
pub(super) fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

/// A script that is written in full next to its place, and not yet in it.
pub(super) struct Ready {
    file: tempfile::NamedTempFile,
}

impl Ready {
    /// Writes `text` into `directory`, executable.
    pub fn write(directory: &Path, text: &[u8]) -> Result<Self, HookError> {
        let fail = |error| HookError::io("write into", directory, error);
        let mut file = tempfile::Builder::new().prefix(".keyward-").tempfile_in(directory).map_err(fail)?;
        file.write_all(text).map_err(fail)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.as_file().set_permissions(fs::Permissions::from_mode(0o755)).map_err(fail)?;
        }
        Ok(Self { file })
    }

    /// Moves it to `path` at once, over whatever is there.
    pub fn persist(self, path: &Path) -> std::io::Result<()> {
        self.file.persist(path).map(drop).map_err(|error| error.error)
    }
}

/// Changes made so far, undone when dropped before [`Changes::keep`].
#[derive(Default)]
pub(super) struct Changes {
    made: Vec<Change>,
}

enum Change {
    Directory(PathBuf),
    Renamed { from: PathBuf, to: PathBuf },
    Placed { path: PathBuf, before: Option<Vec<u8>> },
}

impl Changes {
    /// Makes `directory` and what lies above it.
    pub fn directory(&mut self, directory: &Path) -> Result<(), HookError> {
        let missing: Vec<&Path> = directory.ancestors().take_while(|dir| !exists(dir)).collect();
        // Before they are made, so that a half-made chain is undone as well.
        self.made.extend(missing.into_iter().rev().map(|dir| Change::Directory(dir.to_path_buf())));
        fs::create_dir_all(directory).map_err(|error| HookError::io("make the directory", directory, error))?;
        Ok(())
    }

    /// Moves `from` to `to`, where nothing may be.
    pub fn rename(&mut self, from: &Path, to: &Path) -> Result<(), HookError> {
        if exists(to) {
            return Err(HookError::InTheWay(format!("{} is in the way: move it away", shown(to))));
        }
        fs::rename(from, to).map_err(|error| HookError::io("rename", from, error))?;
        self.made.push(Change::Renamed { from: from.to_path_buf(), to: to.to_path_buf() });
        Ok(())
    }

    /// Puts a script in its place at once, over keyward's own older one (`before`) or over nothing.
    pub fn place(&mut self, ready: Ready, path: &Path, before: Option<Vec<u8>>) -> Result<(), HookError> {
        ready.persist(path).map_err(|error| HookError::io("write", path, error))?;
        self.made.push(Change::Placed { path: path.to_path_buf(), before });
        Ok(())
    }

    /// Everything went well.
    pub fn keep(mut self) {
        self.made.clear();
    }
}

impl Drop for Changes {
    /// Best effort: what cannot be undone now could hardly be reported better than by the error under way.
    fn drop(&mut self) {
        for change in self.made.drain(..).rev() {
            match change {
                Change::Directory(path) => drop(fs::remove_dir(path)),
                Change::Renamed { from, to } => drop(fs::rename(to, from)),
                Change::Placed { path, before: None } => drop(fs::remove_file(path)),
                Change::Placed { path, before: Some(text) } => {
                    let ready = path.parent().and_then(|dir| Ready::write(dir, &text).ok());
                    if let Some(ready) = ready {
                        drop(ready.persist(&path));
                    }
                }
            }
        }
    }
}
