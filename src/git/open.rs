//! Finding and opening a repository, and the errors that every question to git may end in.

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Once;

use git2::{ErrorCode, Repository, RepositoryOpenFlags};

use super::index::IndexFile;
use super::loose::Loose;
use crate::model::ObjectId;

/// Why git could not answer. Every message is one line and says what to do where something can be done.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// No repository here.
    #[error("{0} is not inside a git repository")]
    NotFound(String),
    /// Owned by somebody else.
    #[error("{path} is owned by somebody else; if you trust it, run: git config --global --add safe.directory {path}")]
    Owner {
        /// The repository's directory.
        path: String,
    },
    /// A format libgit2 cannot read.
    #[error("{what} cannot be read yet: {remedy}")]
    Unsupported {
        /// The format.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// A ref or revision that does not exist.
    #[error("unknown revision '{0}'")]
    UnknownRevision(String),
    /// A blob that the object store has not.
    #[error("the content of {0} is missing here; fetch it with: git fetch --refetch --no-filter")]
    Missing(String),
    /// A ref whose commit the object store has not.
    #[error(
        "the commit that {0} names is not in the object store (an alternate that is gone, or damage): look closer \
         with: git fsck"
    )]
    Dangling(String),
    /// History that a shallow clone has cut off.
    #[error("{0}: this clone is shallow and its history is cut off; deepen it with: git fetch --unshallow")]
    Shallow(String),
    /// A range that is none.
    #[error("'{0}' is not a range: write A..B or A...B")]
    NotARange(String),
    /// The index cannot be read.
    #[error("{0}")]
    Index(String),
    /// Anything else, in libgit2's words.
    #[error("git: {0}")]
    Other(String),
}

impl From<git2::Error> for GitError {
    fn from(error: git2::Error) -> Self {
        GitError::Other(error.message().replace('\n', " "))
    }
}

/// An open repository. One per thread: [`Repo::reopen`] gives another.
pub struct Repo {
    pub(super) inner: Repository,
    pub(super) index: OnceCell<IndexFile>,
    pub(super) loose: OnceCell<RefCell<Loose>>,
    from_env: bool,
}

/// Lets libgit2 open partial clones that say so in their format: what they miss we notice ourselves, object by object.
/// And it need not hash every object it reads, which costs more than reading it: git itself does not either, zlib's
/// checksums tell of damage.
#[allow(unsafe_code)]
fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        git2::opts::strict_hash_verification(false);
        // SAFETY: libgit2 keeps the list in a static that `Repository::open*` reads. Every open in this crate comes
        // through here first and waits for this one call, so nothing reads the list while it is written; and it is
        // never written again. A refusal leaves the list as it was: then such clones are refused, as before.
        let _ = unsafe { git2::opts::set_extensions(&["partialclone"]) };
    });
}

impl Repo {
    fn new(inner: Repository, from_env: bool) -> Self {
        Self { inner, index: OnceCell::new(), loose: OnceCell::new(), from_env }
    }

    /// The repository that holds `path`, looked for upwards. `None` when there is none.
    pub fn discover(path: &Path) -> Result<Option<Self>, GitError> {
        prepare();
        let none: [&Path; 0] = [];
        match Repository::open_ext(path, RepositoryOpenFlags::empty(), none) {
            Ok(inner) => Ok(Some(Self::new(inner, false))),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(explain(error, path)),
        }
    }

    /// As git itself would open it from `path`: `GIT_DIR`, `GIT_WORK_TREE`, `GIT_INDEX_FILE`,
    /// `GIT_OBJECT_DIRECTORY` and `GIT_ALTERNATE_OBJECT_DIRECTORIES` are honoured.
    pub fn from_env(path: &Path) -> Result<Self, GitError> {
        prepare();
        let none: [&Path; 0] = [];
        // libgit2 looks at GIT_DIR only when it is given no path at all.
        let opened = match std::env::var_os("GIT_DIR") {
            Some(_) => Repository::open_from_env(),
            None => Repository::open_ext(path, RepositoryOpenFlags::FROM_ENV, none),
        };
        match opened {
            Ok(inner) => Ok(Self::new(inner, true)),
            Err(error) if error.code() == ErrorCode::NotFound => Err(GitError::NotFound(path.display().to_string())),
            Err(error) => Err(explain(error, path)),
        }
    }

    /// A second handle on the same repository, for another thread.
    pub fn reopen(&self) -> Result<Self, GitError> {
        if self.from_env && std::env::var_os("GIT_DIR").is_some() {
            return Self::from_env(self.inner.path());
        }
        // By its own directory, not by looking around: a git directory need not be called `.git`.
        let mut flags = RepositoryOpenFlags::NO_SEARCH;
        flags.set(RepositoryOpenFlags::FROM_ENV, self.from_env);
        let none: [&Path; 0] = [];
        let inner = Repository::open_ext(self.inner.path(), flags, none);
        let inner = inner.map_err(|error| explain(error, self.inner.path()))?;
        Ok(Self::new(inner, self.from_env))
    }

    /// True when it was opened by [`Repo::from_env`].
    pub(super) fn is_from_env(&self) -> bool {
        self.from_env
    }

    /// The working tree's root; none in a bare repository.
    pub fn workdir(&self) -> Option<&Path> {
        self.inner.workdir()
    }

    /// The git directory of this working tree.
    pub fn git_dir(&self) -> &Path {
        self.inner.path()
    }

    /// The git directory shared by all linked working trees.
    pub fn common_dir(&self) -> PathBuf {
        self.inner.commondir().to_path_buf()
    }
}

/// git2's id as the model's.
pub(super) fn object_id(oid: git2::Oid) -> ObjectId {
    ObjectId::from_bytes(oid.as_bytes()).unwrap_or(ObjectId::ZERO)
}

fn explain(error: git2::Error, path: &Path) -> GitError {
    let shown = path.display().to_string();
    let message = error.message().to_owned();
    if error.code() == ErrorCode::Owner {
        // "repository path '/x/y/' is not owned by current user": that is the path git wants to be told.
        let named = message.split('\'').nth(1).map(|path| path.trim_end_matches('/').to_owned());
        return GitError::Owner { path: named.filter(|path| !path.is_empty()).unwrap_or(shown) };
    }
    if message.contains("refstorage") || message.contains("reftable") {
        return GitError::Unsupported {
            what: "the reftable ref format".into(),
            remedy: "convert it with: git refs migrate --ref-format=files (where git refuses: scan a clone made with \
                     git clone --ref-format=files)"
                .into(),
        };
    }
    // git2's `unstable-sha256` reads everything but one thing: libgit2 1.9.7 lists a pack's objects in steps of twenty
    // bytes (`git_pack_foreach_entry`, pack.c), so a history would look at ids that do not exist.
    if message.contains("objectformat") || message.contains("object format") {
        return GitError::Unsupported {
            what: "the SHA-256 object format".into(),
            remedy: "scan an export of it instead: git archive HEAD | tar -x -C DIR && keyward scan DIR".into(),
        };
    }
    GitError::from(error)
}
