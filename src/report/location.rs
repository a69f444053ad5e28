//! What a place is called: on screen, and as a relative URI.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::model::{BytePath, Origin, OriginKind};

/// Unreserved characters of RFC 3986 and the separator stay; a colon is encoded, so that no path reads as a scheme.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Percent-encodes a path's bytes, whatever they are.
pub fn encode(path: &[u8]) -> String {
    percent_encode(path, KEPT).to_string()
}

/// The file part of a place on screen. Not escaped yet.
pub fn screen(origin: &Origin) -> String {
    let commit = origin.commit.map(|id| id.short());
    match (origin.kind, &origin.path) {
        (OriginKind::CommitMessage, _) => match commit {
            Some(id) => format!("message of commit {id}"),
            None => "commit message".to_owned(),
        },
        (OriginKind::TagMessage, _) => match origin.object {
            Some(id) => format!("text of tag {}", id.short()),
            None => "tag text".to_owned(),
        },
        (_, Some(path)) => path.to_string(),
        (kind, None) => {
            let name = match (kind, origin.object) {
                (OriginKind::Stdin, _) => "stdin".to_owned(),
                (_, Some(id)) => format!("object {}", id.short()),
                _ => "unnamed input".to_owned(),
            };
            origin.inner.as_ref().map_or(name.clone(), |inner| BytePath::new(&name).inside(inner).to_string())
        }
    }
}

/// A relative URI: no scheme, no leading slash, no `.` component; of what lies in an archive the archive's. Messages and nameless objects get names that no
/// checked-out file is likely to have, since code scanning insists on an artifact.
pub fn uri(origin: &Origin) -> String {
    let commit = origin.commit.map(|id| format!("/{id}")).unwrap_or_default();
    let object = origin.object.map(|id| format!("/{id}")).unwrap_or_default();
    match (origin.kind, &origin.path) {
        (OriginKind::CommitMessage, _) => format!("COMMIT_MSG{commit}"),
        (OriginKind::TagMessage, _) => format!("TAG_MSG{object}"),
        (_, Some(path)) => path_uri(path.outer()),
        (OriginKind::Stdin, None) => "stdin".to_owned(),
        (_, None) => format!("OBJECT{object}"),
    }
}

fn path_uri(path: &[u8]) -> String {
    let parts: Vec<String> =
        path.split(|b| *b == b'/').filter(|part| !part.is_empty() && *part != b".").map(encode).collect();
    if parts.is_empty() { "unnamed".to_owned() } else { parts.join("/") }
}

/// What a logical location says where no file is behind the URI: (name, kind).
pub fn logical(origin: &Origin) -> Option<(String, &'static str)> {
    match (origin.kind, &origin.path) {
        (OriginKind::CommitMessage, _) => Some((screen(origin), "commit-message")),
        (OriginKind::TagMessage, _) => Some((screen(origin), "tag-message")),
        _ if origin.inner.is_some() => Some((screen(origin), "archive-entry")),
        (_, None) => Some((screen(origin), "object")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_relative_and_encoded() {
        let uri = |path: &[u8]| uri(&Origin::at(OriginKind::Tree, BytePath::new(path)));
        assert_eq!(uri(b"a b/\xff\xc3\xa4%.txt"), "a%20b/%FF%C3%A4%25.txt");
        assert_eq!(uri(b"/./etc//x"), "etc/x");
        assert_eq!(uri(b"c:/x?#"), "c%3A/x%3F%23");
        assert_eq!(uri(b"./"), "unnamed");
    }

    #[test]
    fn what_lies_in_an_archive_is_at_the_archives_uri() {
        let inner = BytePath::new("b.env");
        let named = Origin::at(OriginKind::Tree, BytePath::new("a.zip")).inside(&inner);
        assert_eq!((uri(&named).as_str(), screen(&named).as_str()), ("a.zip", "a.zip!b.env"));
        let unnamed = Origin::new(OriginKind::Stdin).inside(&inner);
        assert_eq!((uri(&unnamed).as_str(), screen(&unnamed).as_str()), ("stdin", "stdin!b.env"));
        assert_eq!(logical(&unnamed), Some(("stdin!b.env".to_owned(), "archive-entry")));
    }
}
