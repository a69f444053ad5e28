//! Standard input as one blob.

use std::io::Read;

use super::{Limits, SourceError, Visit};
use crate::model::{Blob, BytePath, Fresh, Origin, OriginKind, Survey};

/// Reads `input` to its end, or to one byte past the limit, and shows it as one blob.
pub fn stdin(
    input: &mut dyn Read,
    path: Option<BytePath>,
    limits: Limits<'_>,
    visit: &Visit<'_>,
) -> Result<Survey, SourceError> {
    let mut bytes = Vec::new();
    let most = limits.max_file_size.saturating_add(1);
    input
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|error| SourceError::Io { what: "standard input".into(), error })?;
    if bytes.len() as u64 > limits.max_file_size {
        let what = format!("standard input is longer than {} bytes: raise --max-file-size", limits.max_file_size);
        return Err(SourceError::Nothing(what));
    }
    let origin = Origin { path, ..Origin::new(OriginKind::Stdin) };
    visit(&Blob { origin: &origin, bytes: &bytes, fresh: &Fresh::All, former_path: None, earlier: &[] });
    let mut survey = Survey::default();
    survey.coverage.scanned(bytes.len());
    Ok(survey)
}
