//! Reports on disk: the old file stays until the new one is whole. A temporary file beside it, flushed and renamed;
//! a list of unfinished ones, so that Ctrl-C leaves nothing half-written behind.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Writes a report.
pub type Fill<'a> = &'a dyn Fn(&mut dyn Write) -> io::Result<()>;

static UNFINISHED: Unfinished = Unfinished(Mutex::new(BTreeSet::new()));

/// Writes `path` by way of a temporary file in the same directory. On any error the old file stays and nothing
/// partial is left. Symbolic links are followed; pipes, devices and `/dev/stdout` are written directly. A new file gets
/// the permissions that any new file gets, a replaced one keeps its own. Errors name the path.
pub fn to_file(path: &Path, fill: Fill<'_>) -> io::Result<()> {
    UNFINISHED.write(path, fill).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot write {}: {error}", super::text::line(&path.to_string_lossy())))
    })
}

/// Removes every unfinished file. For a Ctrl-C handler that ends the process: a report under way fails afterwards.
pub fn abandon_all() {
    UNFINISHED.abandon();
}

/// Temporary files that are being written.
struct Unfinished(Mutex<BTreeSet<PathBuf>>);

impl Unfinished {
    fn write(&self, path: &Path, fill: Fill<'_>) -> io::Result<()> {
        match stream(path)? {
            Some(mut out) => {
                fill(&mut out)?;
                out.flush()
            }
            None => self.replace(path, fill),
        }
    }

    fn replace(&self, path: &Path, fill: Fill<'_>) -> io::Result<()> {
        let target = resolve(path);
        let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = {
            let mut list = self.list();
            let file = temporary(directory)?;
            list.insert(file.path().to_path_buf());
            file
        };
        let name = file.path().to_path_buf();
        let result = fill_and_rename(file, &target, fill, self);
        self.list().remove(&name);
        result
    }

    fn abandon(&self) {
        for path in std::mem::take(&mut *self.list()) {
            // Nothing can be done about a file that does not go.
            let _ = fs::remove_file(path);
        }
    }

    fn list(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// On an early return the temporary file removes itself.
fn fill_and_rename(
    mut file: tempfile::NamedTempFile,
    target: &Path,
    fill: Fill<'_>,
    list: &Unfinished,
) -> io::Result<()> {
    if let Ok(old) = fs::metadata(target) {
        file.as_file().set_permissions(old.permissions())?;
    }
    let mut out = BufWriter::new(&mut file);
    fill(&mut out)?;
    out.flush()?;
    drop(out);
    // A network disk may only now say that it is full.
    file.as_file().sync_all()?;
    // Held over the rename, so that Ctrl-C sees the file either unfinished or in place.
    let _list = list.list();
    file.persist(target).map(drop).map_err(|error| error.error)
}

/// What is no regular file is written as it comes.
fn stream(path: &Path) -> io::Result<Option<Box<dyn Write>>> {
    // Opened anew, a redirected stdout would start over at offset 0, and renaming would detach it.
    match path.to_str() {
        Some("/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => return Ok(Some(Box::new(io::stdout()))),
        Some("/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2") => return Ok(Some(Box::new(io::stderr()))),
        _ => {}
    }
    let descriptor = path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd");
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory")),
        Ok(meta) if meta.is_file() && !descriptor => Ok(None),
        Ok(_) => {
            let file = OpenOptions::new().append(true).open(path)?;
            Ok(Some(Box::new(BufWriter::new(file))))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A link stays a link: what it points at is replaced, or made when it is not there yet.
fn resolve(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| match fs::read_link(path) {
        Ok(to) => path.parent().unwrap_or(Path::new("")).join(to),
        Err(_) => path.to_path_buf(),
    })
}

/// A temporary file that others may read as far as the umask lets them: `tempfile` alone makes private ones.
fn temporary(directory: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".keyward-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> (tempfile::TempDir, Unfinished) {
        (tempfile::tempdir().unwrap(), Unfinished(Mutex::new(BTreeSet::new())))
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_report_replaces_the_old_one_only_when_whole() {
        let (dir, list) = fresh();
        let path = dir.path().join("report.json");
        list.write(&path, &|out| out.write_all(b"first")).unwrap();
        let error = list.write(&path, &|out| {
            out.write_all(&[b'x'; 100_000])?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(names(dir.path()), ["report.json"]);
        assert!(list.list().is_empty());
        list.write(&path, &|out| out.write_all(b"second")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
    }

    #[test]
    fn an_abandoned_report_leaves_the_old_file_and_nothing_else() {
        let (dir, list) = fresh();
        let path = dir.path().join("report.json");
        fs::write(&path, "old").unwrap();
        let result = list.write(&path, &|out| {
            out.write_all(b"half")?;
            assert_eq!(names(dir.path()).len(), 2, "the temporary file lies beside");
            list.abandon();
            Ok(())
        });
        assert!(result.is_err(), "it must not look finished");
        assert_eq!(names(dir.path()), ["report.json"]);
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn errors_name_the_path_and_directories_are_refused() {
        let (dir, _) = fresh();
        let missing = dir.path().join("no/such/report.json");
        let error = to_file(&missing, &|_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("no/such/report.json"), "{error}");
        assert_eq!(to_file(dir.path(), &|_| Ok(())).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links_and_permissions_are_those_of_any_file() {
        use std::os::unix::fs::PermissionsExt;
        let (dir, list) = fresh();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (plain, target, link) = (dir.path().join("plain"), dir.path().join("target"), dir.path().join("link"));
        fs::write(&plain, "").unwrap();
        std::os::unix::fs::symlink("target", &link).unwrap();
        list.write(&link, &|out| out.write_all(b"a")).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"a", "made through the dangling link");
        assert_eq!(mode(&target), mode(&plain), "the umask decides");
        fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
        list.write(&link, &|out| out.write_all(b"b")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            (fs::read(&target).unwrap(), mode(&target)),
            (b"b".to_vec(), 0o640),
            "a replaced file keeps its own"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn devices_and_pipes_are_written_directly_and_a_full_disk_is_an_error() {
        let (dir, list) = fresh();
        let full = list.write(Path::new("/dev/full"), &|out| out.write_all(&[b'x'; 10]));
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::StorageFull);
        list.write(Path::new("/dev/null"), &|out| out.write_all(b"gone")).unwrap();
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || fs::read(pipe).unwrap())
        };
        list.write(&pipe, &|out| out.write_all(b"through")).unwrap();
        assert_eq!(reader.join().unwrap(), b"through");
        assert_eq!(names(dir.path()), ["pipe"]);
    }
}
