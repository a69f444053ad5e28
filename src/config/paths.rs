//! Globs on paths.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::model::BytePath;

/// A set of globs, matched against paths relative to the scanned root. A glob without `/` matches in any directory;
/// one that ends in `/` or names a directory matches all below it.
#[derive(Clone, Debug, Default)]
pub struct PathFilter {
    globs: Vec<String>,
    set: GlobSet,
}

impl PathFilter {
    /// From globs as the user wrote them.
    pub fn new(globs: &[String]) -> Result<Self, globset::Error> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            let bare = glob.trim_start_matches('/').trim_end_matches('/');
            let rooted = if bare.contains('/') { bare.to_owned() } else { format!("**/{bare}") };
            for form in [rooted.clone(), format!("{rooted}/**")] {
                set.add(GlobBuilder::new(&form).literal_separator(true).build()?);
            }
        }
        Ok(Self { globs: globs.to_vec(), set: set.build()? })
    }

    /// True when `path` is matched.
    pub fn matches(&self, path: &BytePath) -> bool {
        !self.globs.is_empty() && self.set.is_match(path.to_os())
    }

    /// True when there is no glob.
    pub fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }
}
