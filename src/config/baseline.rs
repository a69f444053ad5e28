//! The table `[baseline]`: where the baseline is. The file itself is the triage room's.

use toml::de::DeTable;

use super::reader::Reader;

/// Reads the path: relative to the scanned root, with `/` between components.
pub(super) fn read<'t>(table: &DeTable<'t>, reader: &mut Reader<'t>) -> Option<String> {
    let mut path = None;
    for (key, value) in table.iter() {
        match key.get_ref().as_ref() {
            "path" => {
                let Some(given) = reader.string("path", value) else { continue };
                let slashed = given.name.replace('\\', "/");
                // The file may come from a pull request: it names no file outside the tree it came with.
                let leaves = slashed.starts_with('/')
                    || slashed.split('/').any(|part| part == ".." || part.ends_with(':'))
                    || slashed.contains('\0');
                if leaves {
                    reader.error_at(given.line, "`path` must lie inside the scanned root: relative, without `..`");
                } else {
                    path = Some(slashed);
                }
            }
            _ => reader.unknown("baseline", key),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn the_baseline_stays_inside_the_root() {
        let read = |path: &str| Config::read("k", format!("[baseline]\npath = '{path}'").as_bytes());
        assert_eq!(read(r"ci\accepted.json").unwrap().baseline.as_deref(), Some("ci/accepted.json"));
        for escape in ["/etc/passwd", "../x.json", r"a\..\..\x", "C:/x", r"\\host\share"] {
            assert_eq!(read(escape).unwrap_err()[0].line, 2, "{escape}");
        }
    }
}
