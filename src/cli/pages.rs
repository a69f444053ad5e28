//! Where the page of a built-in rule lies in keyward's own repository: `cargo xtask pack` writes the pages.

use crate::{manifest, policy};

/// Families of secret rules, each in brackets before its rules' ids, a line each.
const FAMILIES: &str = include_str!("../../rules/pages.txt");

/// The page of a rule; none for rules that are not built in.
pub(crate) fn page(id: &str) -> Option<String> {
    if manifest::rules().iter().any(|rule| rule.meta.id == id) {
        return Some(format!("docs/rules/manifest/{id}.md"));
    }
    if policy::builtin_ids().contains(&id) {
        return Some(format!("docs/rules/policy/{id}.md"));
    }
    let mut families = FAMILIES.split('[').filter_map(|part| part.split_once("]\n"));
    let family = families.find_map(|(family, ids)| ids.lines().any(|known| known == id).then_some(family))?;
    Some(format!("docs/rules/secrets/{family}.md#{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::pack::Pack;

    #[test]
    fn every_built_in_rule_has_a_page_that_is_there() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let pack = Pack::builtin().unwrap();
        let secrets = pack.rules.iter().filter(|rule| !rule.part).map(|rule| rule.id().to_owned());
        let others = policy::builtin_ids().iter().map(|id| (*id).to_owned());
        let manifests = manifest::rules().iter().map(|rule| rule.meta.id.clone());
        for id in secrets.chain(others).chain(manifests) {
            let page = page(&id).unwrap_or_else(|| panic!("{id} has no page: run cargo xtask pack"));
            let (file, anchor) = page.split_once('#').unwrap_or((&page, ""));
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(anchor.is_empty() || text.contains(&format!("\n## {anchor}\n")), "{page}");
        }
        assert_eq!(page("no-such-rule"), None);
    }
}
