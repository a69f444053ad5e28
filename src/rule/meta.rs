//! What a rule says about itself, left unread in the pack until somebody asks: most scans show a few rules, or none.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize, Serializer};

use crate::model::{RuleMeta, Severity};

/// A [`RuleMeta`] that is read when first looked at.
#[derive(Clone, Debug)]
pub struct Meta {
    known_id: Cow<'static, str>,
    /// The rest as the pack holds it; empty when it was never stored.
    stored: &'static [u8],
    read: OnceLock<Arc<RuleMeta>>,
}

/// As stored: the id, which everybody asks for, and the postcard form of all of it.
#[derive(Serialize, Deserialize)]
struct Stored<'a>(#[serde(borrow)] &'a str, #[serde(borrow)] &'a [u8]);

impl Meta {
    /// The rule's id.
    pub fn id(&self) -> &str {
        &self.known_id
    }

    /// The same with another severity.
    pub fn with_severity(&self, severity: Severity) -> Self {
        Self::from(RuleMeta { severity, ..(***self).clone() })
    }

    /// What the pack says.
    ///
    /// # Errors
    /// When it cannot be read: the build is broken. Then the rule is known by its id alone.
    pub fn check(&self) -> Result<(), postcard::Error> {
        if self.read.get().is_some() { Ok(()) } else { self.decode().map(|_| ()) }
    }

    fn decode(&self) -> Result<RuleMeta, postcard::Error> {
        postcard::from_bytes(self.stored)
    }
}

impl Deref for Meta {
    type Target = Arc<RuleMeta>;

    fn deref(&self) -> &Arc<RuleMeta> {
        self.read.get_or_init(|| {
            let bare = || RuleMeta {
                id: self.known_id.clone().into_owned(),
                name: self.known_id.clone().into_owned(),
                provider: String::new(),
                severity: Severity::High,
                why: String::new(),
                fix: String::new(),
                link: String::new(),
                generic: false,
            };
            Arc::new(self.decode().unwrap_or_else(|_| bare()))
        })
    }
}

impl From<RuleMeta> for Meta {
    fn from(meta: RuleMeta) -> Self {
        Self { known_id: meta.id.clone().into(), stored: &[], read: OnceLock::from(Arc::new(meta)) }
    }
}

impl PartialEq for Meta {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Serialize for Meta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all = postcard::to_allocvec(&***self).map_err(serde::ser::Error::custom)?;
        Stored(self.id(), &all).serialize(serializer)
    }
}

impl<'de: 'static> Deserialize<'de> for Meta {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Stored(id, stored) = Stored::<'static>::deserialize(deserializer)?;
        Ok(Self { known_id: id.into(), stored, read: OnceLock::new() })
    }
}
