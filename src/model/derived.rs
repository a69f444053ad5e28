//! How one version of a blob was made from another.

/// A run of bytes that an object took over from its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Where it lies in the base.
    pub from: usize,
    /// Where it lies in the object.
    pub to: usize,
    /// Its bytes, at least one.
    pub len: usize,
}
