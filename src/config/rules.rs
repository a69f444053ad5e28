//! The tables `[rules]` (which of the rules, and how severe) and `[[rule]]` (rules of one's own, always additional).

use std::collections::HashSet;

use regex_syntax::hir::{Hir, HirKind};
use serde::Deserialize;
use toml::de::{DeTable, ValueDeserializer};

use super::reader::{MOST_ERRORS, Reader, Value};
use super::schema::{KEYS, closest, shorten};
use super::{Config, ConfigError, Named};
use crate::model::Severity;
use crate::rule::written::{Proved, Written, check};
use crate::rule::{Kind, Rule};

/// The table `[rules]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleChoice {
    /// Rules that report nothing.
    pub disable: Vec<Named>,
    /// Severities in place of the rules' own.
    pub severity: Vec<(Named, Severity)>,
}

/// Compiled rules larger than this many bytes are refused.
const REGEX_SIZE: usize = 1 << 20;
/// An example that could expand to more bytes than this is refused.
const EXAMPLE_SIZE: u64 = 64 << 10;
/// How far an unbounded repetition is spun out; at least what `rule::pattern` does.
const SPIN: u64 = 16;

pub(super) fn read_choice<'t>(table: &DeTable<'t>, reader: &mut Reader<'t>) -> RuleChoice {
    let mut choice = RuleChoice::default();
    for (key, value) in table.iter() {
        match key.get_ref().as_ref() {
            "disable" => choice.disable = reader.strings("disable", value),
            "severity" => {
                let Some(levels) = reader.table("rules.severity", value) else { continue };
                for (id, level) in levels.iter() {
                    let line = reader.line(id.span().start);
                    if let Some(severity) = reader.level(&shorten(id.get_ref()), level) {
                        choice.severity.push((Named { name: id.get_ref().to_string(), line }, severity));
                    }
                }
            }
            _ => reader.unknown("rules", key),
        }
    }
    choice
}

/// Reads one `[[rule]]`. What is wrong goes to the reader, with the rule's id and line.
pub(super) fn read_rule<'t>(header: &Value<'t>, table: &DeTable<'t>, reader: &mut Reader<'t>) -> Option<Proved> {
    let id = table.get("id").and_then(|id| id.get_ref().as_str()).unwrap_or("?");
    let id = shorten(id);
    let mut known = true;
    for (key, _) in table.iter() {
        if !KEYS.iter().any(|k| k.table == "rule" && k.name == key.get_ref().as_ref()) {
            reader.unknown("rule", key);
            known = false;
        }
    }
    if !known || !reader.one_more_regex(reader.line(header.span().start)) {
        return None;
    }
    let written = match Written::deserialize(ValueDeserializer::from(header.clone())) {
        Ok(written) => written,
        Err(error) => {
            let at = error.span().unwrap_or(header.span());
            reader.error(at, format!("rule '{id}': {}", error.message()));
            return None;
        }
    };
    let examples = written.examples.iter().flat_map(|e| e.matching.iter().chain(&e.clean));
    if examples.into_iter().any(|pattern| too_long(pattern)) {
        reader.error(header.span(), format!("rule '{id}': an example expands to more than {EXAMPLE_SIZE} bytes"));
        return None;
    }
    let regex_at = [&written.regex, &written.token, &written.assigned, &written.keyed]
        .into_iter()
        .flatten()
        .next()
        .map(|r| r.span());
    match check(written, reader.file(), reader.text()) {
        Ok((rule, examples)) => match compile(&rule) {
            Ok(()) => Some((rule, examples)),
            Err(message) => {
                reader.error(regex_at.unwrap_or(header.span()), format!("rule '{id}': {message}"));
                None
            }
        },
        Err(error) => {
            reader.error_at(error.line, format!("rule '{id}': {}", error.message));
            None
        }
    }
}

/// A user's regex is compiled once when it is read, so that what is wrong with it is said with its line.
fn compile(rule: &Rule) -> Result<(), String> {
    if rule.kind == Kind::Assignment {
        return Ok(());
    }
    let built = regex::bytes::RegexBuilder::new(&rule.expression())
        .unicode(false)
        .size_limit(REGEX_SIZE)
        .nest_limit(100)
        .build();
    match built {
        Ok(_) => Ok(()),
        Err(regex::Error::CompiledTooBig(_)) => Err("the regex is too large when compiled".into()),
        Err(error) => Err(format!("invalid regex\n{error}")),
    }
}

/// True when spinning out `pattern` could take more bytes, or steps, than an example needs.
fn too_long(pattern: &str) -> bool {
    fn cost(hir: &Hir) -> u64 {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => 1,
            HirKind::Literal(literal) => literal.0.len() as u64,
            HirKind::Repetition(r) => {
                let times = r.max.map_or(u64::from(r.min) + SPIN, u64::from).max(u64::from(r.min));
                times.saturating_mul(cost(&r.sub)).saturating_add(1)
            }
            HirKind::Capture(capture) => cost(&capture.sub),
            HirKind::Concat(parts) => parts.iter().map(cost).fold(0, u64::saturating_add),
            HirKind::Alternation(parts) => parts.iter().map(cost).max().unwrap_or(0),
        }
    }
    // A pattern that does not parse is reported by the rule's own check.
    let parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern);
    parser.is_ok_and(|hir| cost(&hir) > EXAMPLE_SIZE)
}

impl Config {
    /// Checks every rule id that the configuration names against `known` ids and its own rules'.
    ///
    /// # Errors
    /// One for each id that no rule has, with its line and the id that was probably meant.
    pub fn check_rule_ids(&self, known: &[&str]) -> Result<(), Vec<ConfigError>> {
        let own = self.rules.iter().map(|(rule, _)| rule.id());
        let ids: HashSet<&str> = known.iter().copied().chain(own).collect();
        let disabled = self.choice.disable.iter().map(|id| ("disable", id));
        let severity = self.choice.severity.iter().map(|(id, _)| ("rules.severity", id));
        let allowed = self.allow.iter().flat_map(|allow| allow.rules.iter().map(|id| ("allow.rules", id)));
        let errors: Vec<ConfigError> = disabled
            .chain(severity)
            .chain(allowed)
            .filter(|(_, id)| !ids.contains(id.name.as_str()))
            .take(MOST_ERRORS)
            .map(|(key, id)| {
                let mut message = format!("`{key}` names '{}', which no rule has", shorten(&id.name));
                let mut words: Vec<&str> = ids.iter().copied().collect();
                words.sort_unstable();
                if let Some(meant) = closest(&id.name, words) {
                    message.push_str(&format!("; did you mean '{meant}'?"));
                }
                self.error(id.line, message)
            })
            .collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// The rules to scan with: `built_in` ones less the disabled, the user's own, severities overridden; by id.
    ///
    /// A disabled rule that another one requires stays as a part, which reports nothing alone. A user's rule takes
    /// the place of a built-in one of the same id only when that one is disabled.
    ///
    /// # Errors
    /// Ids that no rule has, a user's rule with the id of an enabled built-in one, a part that is not there.
    pub fn apply(&self, built_in: Vec<Rule>) -> Result<Vec<Rule>, Vec<ConfigError>> {
        self.apply_beside(built_in, &Vec::new)
    }

    /// The same where rules of other checks may be named as well; `others` gives their ids, and is asked only if need be.
    ///
    /// # Errors
    /// As [`Config::apply`].
    pub fn apply_beside(
        &self,
        built_in: Vec<Rule>,
        others: &dyn Fn() -> Vec<&'static str>,
    ) -> Result<Vec<Rule>, Vec<ConfigError>> {
        let choice = self.choice.disable.is_empty() && self.choice.severity.is_empty();
        if choice && self.rules.is_empty() && self.allow.iter().all(|allow| allow.rules.is_empty()) {
            // Nearly all configurations, and the start of every hook.
            return Ok(built_in);
        }
        let known: HashSet<String> = built_in.iter().map(|rule| rule.id().to_owned()).collect();
        let ids: Vec<&str> = known.iter().map(String::as_str).chain(others()).collect();
        // Where there are policies, ids may be theirs: whoever loads them checks again.
        let policies = self.policy.is_some();
        let mut errors = self.check_rule_ids(&ids).err().filter(|_| !policies).unwrap_or_default();
        let disabled: HashSet<&str> = self.choice.disable.iter().map(|id| id.name.as_str()).collect();
        for ((rule, _), line) in self.rules.iter().zip(&self.rule_lines) {
            let id = rule.id();
            if known.contains(id) && !disabled.contains(id) {
                let message = format!("rule '{id}' is built in: take another id, or put it in `[rules] disable` too");
                errors.push(self.error(*line, message));
            }
        }
        let own: HashSet<&str> = self.rules.iter().map(|(rule, _)| rule.id()).collect();
        // Disabling means the built-in rule where there is one of that id.
        let users = self.rules.iter().map(|(rule, _)| rule.clone());
        let (mut rules, mut off): (Vec<Rule>, Vec<Rule>) =
            built_in.into_iter().partition(|rule| !disabled.contains(rule.id()));
        off.retain(|rule| !own.contains(rule.id()));
        for rule in users {
            let silent = disabled.contains(rule.id()) && !known.contains(rule.id());
            if silent { off.push(rule) } else { rules.push(rule) }
        }
        keep_parts(&mut rules, off);
        let there: HashSet<&str> = rules.iter().map(Rule::id).collect();
        for ((rule, _), line) in self.rules.iter().zip(&self.rule_lines) {
            if let Some(part) = rule.requires.iter().find(|part| !there.contains(part.rule.as_str())) {
                let part = shorten(&part.rule);
                errors.push(self.error(*line, format!("rule '{}' requires '{part}', which no rule has", rule.id())));
            }
        }
        if !errors.is_empty() {
            errors.sort_by_key(|error| error.line);
            return Err(errors);
        }
        for (id, severity) in &self.choice.severity {
            if let Some(rule) = rules.iter_mut().find(|rule| rule.id() == id.name) {
                rule.meta = rule.meta.with_severity(*severity);
            }
        }
        rules.sort_by(|a, b| a.id().cmp(b.id()));
        Ok(rules)
    }

    fn error(&self, line: usize, message: String) -> ConfigError {
        ConfigError { file: self.file.clone(), line, message }
    }
}

/// Moves what the remaining rules require back from the disabled ones, as parts.
fn keep_parts(rules: &mut Vec<Rule>, mut off: Vec<Rule>) {
    loop {
        let needed: HashSet<&str> = rules.iter().flat_map(|r| r.requires.iter().map(|p| p.rule.as_str())).collect();
        let (back, still): (Vec<Rule>, Vec<Rule>) = off.into_iter().partition(|rule| needed.contains(rule.id()));
        if back.is_empty() {
            return;
        }
        rules.extend(back.into_iter().map(|rule| Rule { part: true, ..rule }));
        off = still;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule_text(id: &str) -> String {
        format!(
            "[[rule]]\nid = '{id}'\nname = 'Acme token'\nseverity = 'high'\nconfidence = 'high'\nwhy = 'It opens.'\n\
             fix = 'Revoke it.'\ntoken = 'acme_[a-z0-9]{{20}}'\nanchors = ['acme_']\n\
             examples.match = ['acme_[a-z0-9]{{20}}']\nexamples.no_match = ['acme_[a-z]{{4}}']\n"
        )
    }

    fn config(text: &str) -> Config {
        Config::read("keyward.toml", text.as_bytes()).unwrap()
    }

    fn errors(text: &str) -> Vec<ConfigError> {
        Config::read("keyward.toml", text.as_bytes()).unwrap_err()
    }

    fn built_in(ids: &[&str]) -> Vec<Rule> {
        ids.iter().map(|id| config(&rule_text(id)).rules.pop().unwrap().0).collect()
    }

    fn ids(rules: &[Rule]) -> Vec<&str> {
        rules.iter().map(Rule::id).collect()
    }

    #[test]
    fn user_rules_are_added_and_allowlists_drop_none() {
        let rules = config(&rule_text("acme-own")).apply(built_in(&["aa", "zz"])).unwrap();
        assert_eq!(ids(&rules), ["aa", "acme-own", "zz"]);
        let rules = config("[[allow]]\npaths = ['x']").apply(built_in(&["aa", "zz"])).unwrap();
        assert_eq!(ids(&rules), ["aa", "zz"]);
    }

    #[test]
    fn a_disabled_rule_is_gone_unless_another_needs_it_as_a_part() {
        let mut all = built_in(&["aa", "bb", "cc"]);
        all[0].requires = vec![crate::rule::Requires { rule: "bb".into(), within_lines: 2, optional: false }];
        let rules = config("[rules]\ndisable = ['bb', 'cc']").apply(all).unwrap();
        assert_eq!(ids(&rules), ["aa", "bb"]);
        assert!(rules[1].part && !rules[0].part);
    }

    #[test]
    fn severities_are_overridden_by_id() {
        let rules = config("[rules.severity]\naa = 'low'").apply(built_in(&["aa", "bb"])).unwrap();
        assert_eq!((rules[0].meta.severity, rules[1].meta.severity), (Severity::Low, Severity::High));
    }

    #[test]
    fn a_rule_of_the_same_id_replaces_a_built_in_one_only_when_that_is_disabled() {
        let error = config(&rule_text("aa")).apply(built_in(&["aa"])).unwrap_err().remove(0);
        assert!(error.line == 1 && error.message.contains("is built in"), "{error}");
        let text = format!("[rules]\ndisable = ['aa']\n{}", rule_text("aa").replace("Acme", "Mine"));
        let rules = config(&text).apply(built_in(&["aa"])).unwrap();
        assert_eq!((rules.len(), rules[0].meta.name.as_str()), (1, "Mine token"));
        let mut all = built_in(&["aa", "bb"]);
        all[1].requires = vec![crate::rule::Requires { rule: "aa".into(), within_lines: 2, optional: false }];
        let rules = config(&text).apply(all).unwrap();
        assert_eq!((ids(&rules), rules[0].part), (vec!["aa", "bb"], false), "another's part is the user's now");
    }

    #[test]
    fn ids_that_no_rule_has_are_errors_with_a_suggestion() {
        let text = "[rules]\ndisable = ['githb-token']\n[rules.severity]\nnope = 'low'\n[[allow]]\nrules = ['zz']";
        let found = config(text).check_rule_ids(&["github-token"]).unwrap_err();
        assert_eq!(found.iter().map(|e| e.line).collect::<Vec<_>>(), [2, 4, 6]);
        assert!(found[0].message.ends_with("did you mean 'github-token'?"), "{}", found[0]);
        assert!(config("[[allow]]\nrules = ['aa']").check_rule_ids(&["aa"]).is_ok());
    }

    #[test]
    fn a_wrong_regex_names_rule_line_and_caret() {
        let found = errors(&rule_text("acme-own").replace("token = 'acme_[a-z0-9]", "token = 'acme_(a-z0-9]"));
        assert_eq!(found[0].line, 8);
        assert!(found[0].message.contains("rule 'acme-own'") && found[0].message.contains('^'), "{}", found[0]);
    }

    #[test]
    fn mistakes_in_a_rule_name_it_and_its_line() {
        let missing = errors(&format!("\n\n{}", rule_text("acme-own").replace("why = 'It opens.'\n", "")));
        assert!(missing[0].line == 3 && missing[0].message.contains("`why`"), "{}", missing[0]);
        let misspelt = errors(&rule_text("acme-own").replace("severity", "severty"));
        assert!(misspelt[0].line == 4 && misspelt[0].message.contains("did you mean `severity`?"), "{}", misspelt[0]);
        let level = errors(&rule_text("acme-own").replace("confidence = 'high'", "confidence = 'sure'"));
        assert!(level[0].line == 5 && level[0].message.contains("rule 'acme-own'"), "{}", level[0]);
        let part = rule_text("acme-own") + "requires = [{ rule = 'gone', within_lines = 3 }]\n";
        assert!(config(&part).apply(vec![]).unwrap_err()[0].message.contains("requires 'gone'"));
        assert!(errors(&(rule_text("a") + &rule_text("a")))[0].message.contains("twice"));
    }

    #[test]
    fn hostile_repetitions_are_refused_before_they_are_expanded() {
        let text = rule_text("a").replace("'acme_[a-z]{4}'", "'((a{1000}){1000}){1000}'");
        assert!(errors(&text)[0].message.contains("expands to more"), "{:?}", errors(&text));
        let text = rule_text("a").replace("'acme_[a-z]{4}'", "'((((a*)*)*)*)*'");
        assert!(errors(&text)[0].message.contains("expands to more"));
        let text = rule_text("a").replace("token = 'acme_[a-z0-9]{20}'", "token = 'acme_((a{1000}){1000}){9}'");
        assert!(errors(&text)[0].message.contains("too large"), "{:?}", errors(&text));
    }

    #[test]
    fn the_schema_knows_every_key_a_rule_is_read_with() {
        let text = "id = 'a'\nzzz = 1";
        let error = toml::from_str::<Written>(text).unwrap_err();
        let mut fields: Vec<&str> = error.message().split('`').skip(3).step_by(2).collect();
        let mut keys: Vec<&str> = KEYS.iter().filter(|key| key.table == "rule").map(|key| key.name).collect();
        fields.sort_unstable();
        keys.sort_unstable();
        assert_eq!(keys, fields, "{}", error.message());
    }
}
