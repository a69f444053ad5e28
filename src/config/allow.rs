//! The tables `[[allow]]`: what may pass though a rule sees it. Each entry's conditions must all hold.

use jiff::civil::Date;
use regex::bytes::{Regex, RegexBuilder};
use toml::de::DeTable;

use super::reader::{Reader, Value};
use super::{Named, PathFilter, paths};
use crate::model::{OriginKind, Sighting};

/// One `[[allow]]` entry. All conditions given must hold; within a condition any one item does.
#[derive(Clone, Debug)]
pub struct Allow {
    /// Where its header stands, from 1.
    pub line: usize,
    /// Globs; in a history every path of the secret must match one. None: any path, or no path at all.
    pub paths: Option<PathFilter>,
    /// Regexes on [`Allow::target`].
    pub regexes: Vec<Regex>,
    /// What the regexes look at.
    pub target: RegexTarget,
    /// Words in the secret, in lower case.
    pub stopwords: Vec<String>,
    /// Rule ids.
    pub rules: Vec<Named>,
    /// Why this is allowed.
    pub reason: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The last day on which it applies.
    pub expires: Option<Date>,
}

/// What an entry's regexes look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegexTarget {
    /// The secret alone.
    #[default]
    Secret,
    /// The line the secret starts on, as it is shown, the secret in clear. A tab is four spaces there.
    Line,
}

/// Compiled regexes larger than this many bytes are refused.
const REGEX_SIZE: usize = 256 << 10;

impl Allow {
    /// True when every condition holds for `sighting`.
    pub fn silences(&self, sighting: &Sighting) -> bool {
        let candidate = &sighting.candidate;
        (self.rules.is_empty() || self.rules.iter().any(|rule| rule.name == candidate.rule.id))
            && self.paths.as_ref().is_none_or(|paths| every_path(paths, sighting))
            && (self.stopwords.is_empty() || holds_word(candidate.secret.reveal(), &self.stopwords))
            && (self.regexes.is_empty() || self.any_regex(sighting))
    }

    fn any_regex(&self, sighting: &Sighting) -> bool {
        let candidate = &sighting.candidate;
        match self.target {
            RegexTarget::Secret => self.regexes.iter().any(|regex| regex.is_match(candidate.secret.reveal())),
            RegexTarget::Line => {
                let line = candidate.snippet.text(true);
                self.regexes.iter().any(|regex| regex.is_match(line.as_bytes()))
            }
        }
    }

    /// True when it stopped applying before `today`.
    pub fn expired(&self, today: Date) -> bool {
        self.expires.is_some_and(|last| last < today)
    }

    /// True when `other` allows the same things until the same day. Wording and place do not count.
    pub fn same(&self, other: &Allow) -> bool {
        let globs = |allow: &Allow| allow.paths.as_ref().map(|paths| paths.globs().to_vec());
        let regexes = |allow: &Allow| allow.regexes.iter().map(|regex| regex.as_str().to_owned()).collect::<Vec<_>>();
        let rules = |allow: &Allow| allow.rules.iter().map(|rule| rule.name.clone()).collect::<Vec<_>>();
        globs(self) == globs(other)
            && regexes(self) == regexes(other)
            && (self.regexes.is_empty() || self.target == other.target)
            && self.stopwords == other.stopwords
            && rules(self) == rules(other)
            && self.expires == other.expires
    }
}

/// True when every path at which the secret lies is matched, and there is one.
pub(crate) fn every_path(filter: &PathFilter, sighting: &Sighting) -> bool {
    let own = sighting.origin.path.iter().filter(|_| {
        // In a history the placement has all of them, the reported one included.
        sighting.origin.kind != OriginKind::History || sighting.placement.paths.is_empty()
    });
    let mut paths = own.chain(&sighting.placement.paths).peekable();
    !sighting.placement.elsewhere && paths.peek().is_some() && paths.all(|path| filter.matches(path))
}

fn holds_word(secret: &[u8], words: &[String]) -> bool {
    let lower = secret.to_ascii_lowercase();
    words.iter().any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some())
}

pub(super) fn read<'t>(header: &Value<'t>, table: &DeTable<'t>, reader: &mut Reader<'t>) -> Allow {
    let mut allow = Allow {
        line: reader.line(header.span().start),
        paths: None,
        regexes: Vec::new(),
        target: RegexTarget::Secret,
        stopwords: Vec::new(),
        rules: Vec::new(),
        reason: None,
        owner: None,
        expires: None,
    };
    let mut target = false;
    for (key, value) in table.iter() {
        match key.get_ref().as_ref() {
            "paths" => {
                let globs = reader.strings("paths", value);
                allow.paths = Some(paths::read("paths", &globs, reader));
            }
            "regexes" => {
                let written = reader.strings("regexes", value);
                allow.regexes = written.iter().filter_map(|one| regex(one, reader)).collect();
            }
            "regex_target" => {
                target = true;
                allow.target = regex_target(value, reader).unwrap_or_default();
            }
            "stopwords" => {
                let words = reader.strings("stopwords", value);
                allow.stopwords = words.iter().map(|word| word.name.to_ascii_lowercase()).collect();
            }
            "rules" => allow.rules = reader.strings("rules", value),
            "reason" => allow.reason = reader.string("reason", value).map(|text| text.name),
            "owner" => allow.owner = reader.string("owner", value).map(|text| text.name),
            "expires" => allow.expires = date(value, reader),
            _ => reader.unknown("allow", key),
        }
        // An empty list would otherwise be a condition that nobody meant: "no path" or "any path"?
        if value.get_ref().as_array().is_some_and(|list| list.iter().next().is_none()) {
            reader.error(value.span(), format!("`{}` is an empty list: leave it out", key.get_ref()));
        }
    }
    if !["paths", "regexes", "stopwords", "rules"].iter().any(|condition| table.contains_key(*condition)) {
        let message = "an [[allow]] without `paths`, `regexes`, `stopwords` or `rules` would allow everything";
        reader.error_at(allow.line, message);
    }
    if target && !table.contains_key("regexes") {
        reader.error_at(allow.line, "`regex_target` without `regexes` does nothing");
    }
    allow
}

/// Compiles one regex on bytes; its size is limited, so that a hostile configuration costs little.
fn regex(written: &Named, reader: &mut Reader<'_>) -> Option<Regex> {
    if !reader.one_more_regex(written.line) {
        return None;
    }
    let built = RegexBuilder::new(&written.name)
        .unicode(false)
        .size_limit(REGEX_SIZE)
        .dfa_size_limit(REGEX_SIZE)
        .nest_limit(100)
        .build();
    match built {
        Ok(regex) => Some(regex),
        Err(regex::Error::CompiledTooBig(_)) => {
            reader.error_at(written.line, "this regex is too large when compiled: use smaller repetitions");
            None
        }
        Err(error) => {
            reader.error_at(written.line, format!("invalid regex\n{error}"));
            None
        }
    }
}

fn regex_target(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<RegexTarget> {
    let word = reader.string("regex_target", value)?;
    match word.name.as_str() {
        "secret" => Some(RegexTarget::Secret),
        "line" => Some(RegexTarget::Line),
        other => {
            let other = super::schema::shorten(other);
            reader.error_at(word.line, format!("`regex_target` is \"secret\" or \"line\", not \"{other}\""));
            None
        }
    }
}

/// A date as text or as TOML's own.
fn date(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Date> {
    let text = match value.get_ref().as_datetime() {
        Some(date) => date.to_string(),
        None => reader.string("expires", value)?.name,
    };
    let date = if text.len() == "YYYY-MM-DD".len() { text.parse().ok() } else { None };
    if date.is_none() {
        reader.error(value.span(), "`expires` must be a day that exists, written \"YYYY-MM-DD\"");
    }
    date
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn errors(entry: &str) -> Vec<(usize, String)> {
        let text = format!("[[allow]]\n{entry}");
        let errors = Config::read("k.toml", text.as_bytes()).expect_err(entry);
        errors.into_iter().map(|error| (error.line, error.message)).collect()
    }

    #[test]
    fn an_entry_that_would_allow_everything_is_refused() {
        assert!(errors("reason = 'x'")[0].1.contains("would allow everything"));
        assert!(errors("paths = []")[0].1.contains("empty list"));
        assert!(errors("stopwords = ['']")[0].1.contains("is empty"));
    }

    #[test]
    fn a_wrong_regex_or_glob_is_named_with_its_own_line() {
        let found = errors("regexes = [\n  'fine',\n  '(oops',\n]\npaths = [\n 'ok/',\n 'a['\n]");
        assert_eq!((found[0].0, found[1].0), (4, 8), "{found:?}");
        assert!(found[0].1.contains("invalid regex") && found[0].1.contains('^'), "{found:?}");
        assert!(errors("regexes = ['(?:a{1000}){1000}']")[0].1.contains("too large"));
    }

    #[test]
    fn dates_are_days_that_exist() {
        for good in ["'2030-02-28'", "2030-02-28"] {
            let text = format!("[[allow]]\nrules = ['a']\nexpires = {good}");
            let config = Config::read("k", text.as_bytes()).unwrap();
            assert_eq!(config.allow[0].expires, Some(jiff::civil::date(2030, 2, 28)));
        }
        for wrong in ["'2030-02-30'", "'soon'", "'20300228'", "'2030-2-3'", "2030-02-28T10:00:00", "7"] {
            assert_eq!(errors(&format!("rules = ['a']\nexpires = {wrong}"))[0].0, 3, "{wrong}");
        }
    }

    #[test]
    fn it_applies_on_its_last_day_and_not_after() {
        let config = Config::read("k", b"[[allow]]\nrules = ['a']\nexpires = '2030-02-28'").unwrap();
        let date = jiff::civil::date;
        assert!(!config.allow[0].expired(date(2030, 2, 28)) && config.allow[0].expired(date(2030, 3, 1)));
    }

    #[test]
    fn a_regex_target_must_be_decidable() {
        assert!(errors("regexes = ['a']\nregex_target = 'match'")[0].1.contains("\"secret\" or \"line\""));
        assert!(errors("rules = ['a']\nregex_target = 'line'")[0].1.contains("does nothing"));
    }
}
