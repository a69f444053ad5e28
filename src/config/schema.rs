//! Every key of `keyward.toml`, once: for the documentation, and for saying what was meant by a misspelt one.

/// One key of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The table it stands in: `scan`, `rules`, `rule`, `allow`, `policy`, `manifest`, `enforce` or `baseline`.
    pub table: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it means, in one sentence.
    pub meaning: &'static str,
}

const fn key(table: &'static str, name: &'static str, meaning: &'static str) -> Key {
    Key { table, name, meaning }
}

/// Every key, in the order in which people want to read about them.
pub const KEYS: &[Key] = &[
    key("scan", "exclude", "Globs on paths that are not read at all."),
    key("scan", "max_file_size", "Larger files are passed over and counted: bytes, or a text such as \"10M\"."),
    key("scan", "archives", "False to leave archives and compressed files closed; they are opened when not given."),
    key("scan", "archive_depth", "Archives within archives, from 1 to 8; 3 when not given."),
    key(
        "scan",
        "archive_size",
        "How much may come out of one archive: bytes, or a text such as \"2G\"; 1G when not given.",
    ),
    key("scan", "threads", "How many threads to scan with, from 1 to 1024; one for each core when not given."),
    key("scan", "confidence", "Findings less sure than this are dropped: low, medium or high."),
    key("scan", "fail_on", "Findings less severe than this are reported but do not fail the scan."),
    key("rules", "disable", "Ids of rules that report nothing."),
    key("rules", "severity", "Severities by rule id, in place of the rules' own."),
    key("rule", "id", "Stable id: lower-case letters, digits and hyphens."),
    key("rule", "name", "What the secret is called."),
    key("rule", "provider", "Who issues it."),
    key("rule", "severity", "low, medium, high or critical."),
    key("rule", "confidence", "low, medium or high."),
    key("rule", "why", "What somebody can do with it."),
    key("rule", "fix", "What to do now."),
    key("rule", "link", "The provider's page on revoking or rotating."),
    key("rule", "generic", "True when the rule guesses; it gives way to specific ones."),
    key("rule", "regex", "A whole regex with a capture named `secret`."),
    key("rule", "token", "The secret's own form; bytes that would continue it may not stand around it."),
    key("rule", "assigned", "The form of a value given to a name that holds one of the anchors."),
    key("rule", "keyed", "The form of a key's value: the key is named after a provider, or right behind its name."),
    key("rule", "grammar", "The name of a grammar in code: `assignment`."),
    key("rule", "anchors", "Literals one of which is in every match."),
    key("rule", "ignore_case", "Compare letters without case."),
    key("rule", "lookback", "How many bytes before an anchor a match may start."),
    key("rule", "entropy", "Least Shannon entropy of the secret in bits a byte."),
    key("rule", "checksum", "How to verify it offline."),
    key("rule", "paths", "Globs: the rule looks only at files that one of them matches."),
    key("rule", "claims", "Names that are given nothing but this: a guess at another value under one is low."),
    key(
        "rule",
        "requires",
        "Other rules that must match nearby, or that are shown with it where they do (optional = true).",
    ),
    key("rule", "part", "True when it is only a part of other rules."),
    key("rule", "examples", "Patterns that must and must not be found."),
    key("allow", "paths", "Globs on paths."),
    key("allow", "regexes", "Regexes on the secret, or on its line."),
    key("allow", "regex_target", "What `regexes` look at: \"secret\" (as when not given) or \"line\"."),
    key("allow", "stopwords", "Words in the secret, compared without case."),
    key("allow", "rules", "Rule ids."),
    key("allow", "reason", "Why this is allowed."),
    key("allow", "owner", "Who answers for it."),
    key("allow", "expires", "The last day on which it applies: \"YYYY-MM-DD\"."),
    key("policy", "paths", "Files and directories with Rego policies, relative to the root."),
    key("policy", "data", "Files and directories with documents that policies find under `data`."),
    key("policy", "namespaces", "Packages that are asked; every one when not given."),
    key("policy", "builtin", "False to leave out the built-in policies."),
    key("policy", "timeout", "Seconds that one rule may take for one document; 5 when not given."),
    key("policy", "exclude", "Globs on paths that policies and manifest checks pass over."),
    key("policy", "combine", "True to judge all files of a run as one input."),
    key(
        "manifest",
        "paths",
        "Globs on files that are manifests whatever they say, beside those found by their content.",
    ),
    key(
        "manifest",
        "required",
        "Whether what deploys something must have a manifest; when not given, where there is a manifest or a [policy].",
    ),
    key("manifest", "labels", "Labels that every manifest must have."),
    key("manifest", "owners", "Owners that can be found, beside those of CODEOWNERS."),
    key("manifest", "prototype_ttl", "The longest life of a prototype; 30d when not given."),
    key("manifest", "supported_ttl", "The longest life of a supported app; 365d when not given."),
    key("manifest", "expiring_days", "So many days before its end an app is told about; 7 when not given."),
    key("enforce", "rules", "Ids of policy and manifest rules; every one when not given."),
    key("enforce", "paths", "Globs on paths; every path when not given."),
    key("enforce", "level", "advisory, soft-mandatory or hard-mandatory."),
    key("baseline", "path", "The baseline file, relative to the scanned root."),
];

/// The tables and how each is written.
const TABLES: &[(&str, &str)] = &[
    ("scan", "[scan]"),
    ("rules", "[rules]"),
    ("rule", "[[rule]]"),
    ("allow", "[[allow]]"),
    ("policy", "[policy]"),
    ("manifest", "[manifest]"),
    ("enforce", "[[enforce]]"),
    ("baseline", "[baseline]"),
];

fn header(table: &str) -> &'static str {
    TABLES.iter().find(|(name, _)| *name == table).map_or("", |(_, header)| header)
}

/// What to say of a key that `table` (empty for the file itself) does not have.
pub(super) fn unknown(table: &str, name: &str) -> String {
    let shown = shorten(name);
    let mine: Vec<&str> = match table {
        "" => TABLES.iter().map(|(name, _)| *name).collect(),
        _ => KEYS.iter().filter(|key| key.table == table).map(|key| key.name).collect(),
    };
    let place = if table.is_empty() { "table or key".to_owned() } else { format!("key in {}", header(table)) };
    if let Some(meant) = closest(name, mine.iter().copied()) {
        let meant = if table.is_empty() { header(meant) } else { meant };
        return format!("unknown {place}: `{shown}`; did you mean `{meant}`?");
    }
    if let Some(other) = KEYS.iter().find(|key| key.name == name && key.table != table) {
        return format!("unknown {place}: `{shown}`; it belongs in {}", header(other.table));
    }
    if let Some(meant) = KEYS.iter().find(|key| closest(name, [key.name]).is_some()) {
        return format!("unknown {place}: `{shown}`; did you mean `{}` in {}?", meant.name, header(meant.table));
    }
    format!("unknown {place}: `{shown}`; there is {}", mine.join(", "))
}

/// The word most like `name`, if any is like it at all.
pub(super) fn closest<'w>(name: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    if name.len() > 100 {
        return None;
    }
    let lower = name.to_lowercase().replace('-', "_");
    words
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&lower, &word.replace('-', "_")), word))
        .filter(|(distance, word)| *distance <= 1 + word.len() / 5 && *distance < word.len())
        .min()
        .map(|(_, word)| word)
}

/// A name from the file, fit for one line of a message.
pub(super) fn shorten(name: &str) -> String {
    let mut short: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    if name.chars().count() > 60 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_gets_the_nearest_one_of_its_own_table_first() {
        assert!(unknown("allow", "path").contains("did you mean `paths`?"), "{}", unknown("allow", "path"));
        assert!(unknown("scan", "max-file-size").contains("did you mean `max_file_size`?"));
        assert!(unknown("scan", "stopwords").contains("it belongs in [[allow]]"));
        assert!(unknown("", "exclude").contains("it belongs in [scan]"));
        assert!(unknown("", "excludes").contains("did you mean `exclude` in [scan]?"));
        assert!(unknown("", "alow").contains("did you mean `[[allow]]`?"));
        assert!(unknown("baseline", "zzzzzzzz").contains("there is path"));
    }

    #[test]
    fn a_hostile_key_stays_on_one_short_line() {
        let said = unknown("scan", &"\n\u{1b}[31m".repeat(10_000));
        assert!(said.len() < 400 && !said.contains(['\n', '\u{1b}']), "{said}");
    }
}
