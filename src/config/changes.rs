//! What one configuration lets pass that another did not: a change that excuses itself is told about.

use super::{ARCHIVE_DEPTH, ARCHIVE_SIZE, Config, Named};
use crate::model::{Confidence, Severity};

/// One thing that a newer configuration lets pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loosened {
    /// Where it stands in the newer configuration; 0 where it was taken out.
    pub line: usize,
    /// What it is, as an object: "an allowlist entry", "`exclude = vendor/`".
    pub what: String,
}

impl Config {
    /// What `self` lets pass that `before` did not.
    pub fn loosened_since(&self, before: &Config) -> Vec<Loosened> {
        let mut found = Vec::new();
        let mut say = |line: usize, what: String| found.push(Loosened { line, what });
        for entry in self.allow.iter().filter(|entry| !before.allow.iter().any(|old| old.same(entry))) {
            say(entry.line, "an allowlist entry".into());
        }
        for glob in added(&self.exclude_globs, &before.exclude_globs) {
            say(glob.line, format!("the excluded path '{}'", super::schema::shorten(&glob.name)));
        }
        for id in added(&self.choice.disable, &before.choice.disable) {
            say(id.line, format!("the disabled rule '{}'", super::schema::shorten(&id.name)));
        }
        for (id, severity) in &self.choice.severity {
            let old = before.choice.severity.iter().find(|(old, _)| old.name == id.name).map(|(_, severity)| *severity);
            if old != Some(*severity) {
                say(id.line, format!("the severity {severity} for rule '{}'", super::schema::shorten(&id.name)));
            }
        }
        let (new, old) = (&self.scan, &before.scan);
        if new.confidence.unwrap_or(Confidence::Medium) > old.confidence.unwrap_or(Confidence::Medium) {
            say(0, "a higher `confidence`".into());
        }
        if new.fail_on.unwrap_or(Severity::Low) > old.fail_on.unwrap_or(Severity::Low) {
            say(0, "a higher `fail_on`".into());
        }
        if let Some(size) = new.max_file_size.filter(|size| *size < old.max_file_size.unwrap_or(u64::MAX)) {
            say(0, format!("a `max_file_size` of {size} bytes"));
        }
        if new.archives == Some(false) && old.archives != Some(false) {
            say(0, "archives that stay closed".into());
        }
        if new.archive_depth.unwrap_or(ARCHIVE_DEPTH) < old.archive_depth.unwrap_or(ARCHIVE_DEPTH) {
            say(0, "a smaller `archive_depth`".into());
        }
        if new.archive_size.unwrap_or(ARCHIVE_SIZE) < old.archive_size.unwrap_or(ARCHIVE_SIZE) {
            say(0, "a smaller `archive_size`".into());
        }
        for entry in self.enforce.iter().filter(|new| !before.enforce.iter().any(|old| same_enforce(new, old))) {
            say(0, format!("rules that are {} at some paths", entry.level));
        }
        if before.policy.is_some() && format!("{:?}", self.policy) != format!("{:?}", before.policy) {
            say(0, "another [policy], or none".into());
        }
        if before.manifest.is_some() && format!("{:?}", self.manifest) != format!("{:?}", before.manifest) {
            say(0, "another [manifest], or none".into());
        }
        if self.baseline != before.baseline {
            say(0, "another baseline file".into());
        }
        for (rule, _) in before.rules.iter().filter(|(old, _)| !self.rules.iter().any(|(new, _)| new == old)) {
            say(0, format!("another rule '{}', or none", rule.id()));
        }
        found
    }
}

fn same_enforce(one: &super::Enforce, other: &super::Enforce) -> bool {
    format!("{one:?}") == format!("{other:?}")
}

fn added<'c>(new: &'c [Named], old: &'c [Named]) -> impl Iterator<Item = &'c Named> {
    new.iter().filter(|item| !old.iter().any(|other| other.name == item.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loosened(new: &str, old: &str) -> Vec<String> {
        let read = |text: &str| Config::read("k", text.as_bytes()).unwrap();
        read(new).loosened_since(&read(old)).into_iter().map(|one| format!("{}: {}", one.line, one.what)).collect()
    }

    #[test]
    fn whatever_lets_more_pass_is_told() {
        let base = "[[allow]]\npaths = ['a']\n";
        assert_eq!(loosened(&format!("\n\n{base}"), base), [""; 0], "moved is not new");
        assert_eq!(loosened(&format!("{base}reason = 'because'"), base), [""; 0], "nor is wording");
        assert_eq!(loosened(&format!("{base}[[allow]]\nrules = ['x']"), base), ["3: an allowlist entry"]);
        assert_eq!(loosened("[[allow]]\npaths = ['a', 'b']", base), ["1: an allowlist entry"]);
        assert_eq!(loosened("[scan]\nexclude = ['x']", ""), ["2: the excluded path 'x'"]);
        assert_eq!(loosened("[rules]\ndisable = ['x']", ""), ["2: the disabled rule 'x'"]);
        assert_eq!(loosened("[rules.severity]\nx = 'low'", ""), ["2: the severity low for rule 'x'"]);
        assert_eq!(loosened("[scan]\nconfidence = 'high'\nfail_on = 'high'", "").len(), 2);
        assert_eq!(loosened("[scan]\nmax_file_size = 10", ""), ["0: a `max_file_size` of 10 bytes"]);
        assert_eq!(loosened("[baseline]\npath = 'x'", ""), ["0: another baseline file"]);
        assert_eq!(loosened("", "[scan]\nexclude = ['x']\nconfidence = 'high'\nmax_file_size = 10"), [""; 0]);
    }
}
