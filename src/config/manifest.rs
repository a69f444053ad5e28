//! The table `[manifest]`: what micro-app manifests are held against, beyond their schema.

use toml::de::DeTable;

use super::reader::Reader;
use super::{PathFilter, paths};

/// The table `[manifest]`. None: as the built-in limits have it.
#[derive(Clone, Debug, Default)]
pub struct ManifestOptions {
    /// Files that are manifests whatever they say.
    pub paths: PathFilter,
    /// Whether what deploys something must have a manifest; none: where there is a manifest or a `[policy]`.
    pub required: Option<bool>,
    /// Labels that must be there.
    pub labels: Option<Vec<String>>,
    /// Owners that can be found, beside those of CODEOWNERS.
    pub owners: Vec<String>,
    /// The longest life of a prototype, such as `30d`.
    pub prototype_ttl: Option<String>,
    /// The longest life of a supported app.
    pub supported_ttl: Option<String>,
    /// So many days before its end an app is told about.
    pub expiring_days: Option<u64>,
}

pub(super) fn read<'t>(table: &DeTable<'t>, reader: &mut Reader<'t>) -> ManifestOptions {
    let mut manifest = ManifestOptions::default();
    let names = |found: Vec<super::Named>| found.into_iter().map(|named| named.name).collect();
    for (key, value) in table.iter() {
        match key.get_ref().as_ref() {
            "paths" => {
                let globs = reader.strings("paths", value);
                manifest.paths = paths::read("paths", &globs, reader);
            }
            "required" => manifest.required = reader.boolean("required", value),
            "labels" => manifest.labels = Some(names(reader.strings("labels", value))),
            "owners" => manifest.owners = names(reader.strings("owners", value)),
            "prototype_ttl" => manifest.prototype_ttl = reader.string("prototype_ttl", value).map(|named| named.name),
            "supported_ttl" => manifest.supported_ttl = reader.string("supported_ttl", value).map(|named| named.name),
            "expiring_days" => manifest.expiring_days = reader.integer("expiring_days", value),
            _ => reader.unknown("manifest", key),
        }
    }
    manifest
}
