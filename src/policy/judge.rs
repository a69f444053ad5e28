//! Asks policies about one document. Every rule is queried by its own full path: the engine answers a query for a whole
//! package with less than there is.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value as Rego};

use super::convert::{self, field, path, text};
use super::meta::Query;
use crate::model::guard;
use crate::parse::{Node, Step};

/// What a rule's results mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// `deny`: refused.
    Deny,
    /// `violation`: refused.
    Violation,
    /// `warn`: told.
    Warn,
}

impl Verdict {
    /// The word that rules of this kind are called by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Violation => "violation",
            Self::Warn => "warn",
        }
    }

    /// By conftest's naming: the word alone, or followed by `_` and more.
    pub(super) fn of_rule(name: &str) -> Option<Self> {
        let (word, rest) = name.split_once('_').unwrap_or((name, "x"));
        let known = match word {
            "deny" => Self::Deny,
            "violation" => Self::Violation,
            "warn" => Self::Warn,
            _ => return None,
        };
        (!rest.is_empty()).then_some(known)
    }
}

/// One result of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// What the rule says, on one line.
    pub message: String,
    /// The place in the input that it names, if any.
    pub path: Option<Vec<Step>>,
}

/// An engine of one's own.
pub struct Judge {
    pristine: Arc<Engine>,
    engine: Engine,
    /// What was heard last, for an engine that takes another's place.
    input: Rego,
    /// What all rules of a package say of it, by package; nothing where they could not be asked at once.
    bundles: HashMap<String, Option<Rego>>,
    /// True while rules are asked one by one: about what was left out, where only one is of interest.
    alone: bool,
}

/// The rule of a package that holds all others that can refuse: the built-in files get one when they are read.
pub(super) const BUNDLE: &str = "keyward_bundle";

/// Work units between looks at the clock.
const UNITS: u32 = 64;

/// Messages longer than this are cut.
const LONGEST: usize = 1000;
/// A rule that says more about one document is cut off: nobody reads on.
const MOST: usize = 1000;

pub(super) fn timer(limit: Duration) -> ExecutionTimerConfig {
    ExecutionTimerConfig { limit, check_interval: NonZeroU32::new(UNITS).unwrap_or(NonZeroU32::MIN) }
}

impl Judge {
    pub(super) fn new(pristine: &Arc<Engine>) -> Self {
        Self {
            pristine: Arc::clone(pristine),
            engine: (**pristine).clone(),
            input: Rego::Undefined,
            bundles: HashMap::new(),
            alone: false,
        }
    }

    /// Sets the document that is asked about.
    pub fn hear(&mut self, input: &Node) {
        self.alone = false;
        self.set(convert::to_rego(input, None));
    }

    pub(super) fn hear_without(&mut self, input: &Node, without: &Node) {
        self.alone = true;
        self.set(convert::to_rego(input, Some(without)));
    }

    fn set(&mut self, input: Rego) {
        self.bundles.clear();
        self.input = input.clone();
        self.engine.set_input(input);
    }

    /// What a rule says about the document heard last, exceptions left out; sorted.
    ///
    /// # Errors
    /// A sentence: it did not finish in time, it contradicts itself, the engine gave up.
    pub fn ask(&mut self, query: &Query) -> Result<Vec<Denial>, String> {
        let value = match self.of_bundle(query) {
            Some(value) => value,
            None => self.value(&query.path())?,
        };
        let results = results(&value)?;
        if results.is_empty() || self.excepted(query)? {
            return Ok(Vec::new());
        }
        let mut denials = results.iter().map(denial).collect::<Result<Vec<_>, _>>()?;
        denials.sort_by(|a, b| a.message.cmp(&b.message));
        denials.dedup();
        denials.truncate(MOST);
        Ok(denials)
    }

    /// What the rule says, where its whole package could be asked at once. What fails then is asked alone, so that the
    /// others are heard.
    fn of_bundle(&mut self, query: &Query) -> Option<Rego> {
        if !query.bundled || self.alone {
            return None;
        }
        if !self.bundles.contains_key(&query.package) {
            let all = self.value(&format!("data.{}.{BUNDLE}", query.package)).ok();
            self.bundles.insert(query.package.clone(), all);
        }
        field(self.bundles.get(&query.package)?.as_ref()?, &query.rule).cloned()
    }

    /// `exception[_][_] == "name"`, as conftest asks.
    fn excepted(&mut self, query: &Query) -> Result<bool, String> {
        let known = self.rule_exists(&query.exception());
        if !known {
            return Ok(false);
        }
        let names = |value: &Rego| match value {
            Rego::Set(items) => items.iter().cloned().collect::<Vec<_>>(),
            Rego::Array(items) => items.to_vec(),
            _ => Vec::new(),
        };
        let value = self.value(&query.exception())?;
        Ok(names(&value).iter().flat_map(names).any(|name| text(&name) == query.suffix()))
    }

    fn rule_exists(&mut self, path: &str) -> bool {
        self.engine.get_modules().iter().any(|module| {
            let package = super::check::package(module);
            module.policy.iter().any(|rule| super::check::path(&package, rule) == path)
        })
    }

    /// The value of a rule; an engine that panicked is replaced.
    pub(super) fn value(&mut self, path: &str) -> Result<Rego, String> {
        let asked = guard(|| self.engine.eval_rule(path.to_owned()));
        let value = match asked {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(said(&error)),
            None => {
                self.engine = (*self.pristine).clone();
                self.engine.set_input(self.input.clone());
                Err("the policy engine gave up on it".to_owned())
            }
        };
        // What `print` said is nobody's here, and would else pile up.
        let _ = self.engine.take_prints();
        value
    }

    /// What `print` said while a rule was evaluated, and the rule's value, for `policy eval --trace`.
    ///
    /// # Errors
    /// As [`Judge::ask`].
    pub fn trace(&mut self, query: &Query) -> Result<(Vec<String>, String), String> {
        let asked = guard(|| self.engine.eval_rule(query.path()));
        let prints = self.engine.take_prints().unwrap_or_default();
        match asked {
            Some(Ok(value)) => Ok((prints, text(&value))),
            Some(Err(error)) => Err(said(&error)),
            None => Err("the policy engine gave up on it".to_owned()),
        }
    }

    /// Runs a `test_` rule: whether it is true.
    ///
    /// # Errors
    /// As [`Judge::ask`].
    pub fn test(&mut self, path: &str) -> Result<bool, String> {
        Ok(self.value(path)? == Rego::from(true))
    }

    /// Remembers which lines are evaluated from now on.
    pub fn cover(&mut self) {
        self.engine.set_enable_coverage(true);
    }

    /// Lines evaluated and lines that could have been, by policy file.
    pub fn covered(&self) -> Vec<(String, usize, usize)> {
        let report = self.engine.get_coverage_report().unwrap_or_default();
        let counts = |file: regorus::coverage::File| {
            (file.path, file.covered.len(), file.covered.len() + file.not_covered.len())
        };
        report.files.into_iter().map(counts).collect()
    }
}

/// The engine's last line, with the line of the policy it shows.
fn said(error: &anyhow::Error) -> String {
    let text = error.to_string();
    if text.contains("time limit") {
        return "it was stopped: it did not finish within the time limit (`[policy] timeout`)".to_owned();
    }
    let one = super::PolicyError::of_engine("", error);
    match text.lines().find_map(|line| line.trim().strip_prefix("--> ")) {
        Some(place) => format!("{place}: {}", one.message),
        None => one.message,
    }
}

/// The results of a rule: of a set or list its items, of a single value the value itself where it refuses.
fn results(value: &Rego) -> Result<Vec<Rego>, String> {
    match value {
        Rego::Undefined | Rego::Bool(false) | Rego::Null => Ok(Vec::new()),
        Rego::Set(items) => Ok(items.iter().cloned().collect()),
        Rego::Array(items) => Ok(items.to_vec()),
        Rego::Bool(true) => Ok(vec![Rego::from("refused")]),
        Rego::String(_) => Ok(vec![value.clone()]),
        Rego::Object(_) if field(value, "msg").is_some() => Ok(vec![value.clone()]),
        Rego::Object(fields) if fields.is_empty() => Ok(Vec::new()),
        Rego::Object(_) | Rego::Number(_) => {
            Err("its value is neither a set of messages, nor a message, nor true or false".to_owned())
        }
    }
}

fn denial(result: &Rego) -> Result<Denial, String> {
    let message = match result {
        Rego::Object(_) => field(result, "msg").filter(|msg| matches!(msg, Rego::String(_))),
        Rego::String(_) => Some(result),
        _ => None,
    };
    let message = message.ok_or("a result is neither a text nor an object with a text `msg`")?;
    let inner = ["details", "metadata"].iter().filter_map(|name| field(result, name));
    let named = std::iter::once(result)
        .chain(inner)
        .flat_map(|object| ["path", "field", "pointer"].iter().filter_map(|name| field(object, name)))
        .find_map(path);
    let message: String = text(message).split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(Denial { message: message.chars().take(LONGEST).collect(), path: named })
}
