//! Policy as code: Rego over parsed values, through the `regorus` engine behind a layer that never fails silent. What
//! the engine would answer with nothing is an error here. Judges values; finds, reads and reports no file.

mod builtins;
mod check;
mod convert;
mod judge;
mod locate;
mod meta;
mod module;
mod pack;
#[cfg(test)]
mod tests;
mod together;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use regorus::Engine;

pub use judge::{Denial, Judge, Verdict};
pub use locate::Place;
pub use meta::{Input, Query};
pub use module::PolicyFile;
pub use pack::{builtin, builtin_ids, prove};
pub use together::{may_be_together, together};

use crate::config::RuleChoice;
use crate::model::{RuleMeta, guard};
use crate::parse::{Kind, Node};

/// What is wrong with a policy, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct PolicyError {
    /// The policy file.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What is wrong, in one line.
    pub message: String,
}

impl PolicyError {
    /// The engine shows a place over several lines; the last one says what is wrong.
    fn of_engine(file: &str, error: &anyhow::Error) -> Self {
        let text = error.to_string();
        let place = text.lines().find_map(|line| line.trim().strip_prefix("--> "));
        let mut parts = place.unwrap_or_default().rsplit(':');
        let line = parts.nth(1).and_then(|line| line.parse().ok()).unwrap_or(1);
        let said = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
        let message = said.strip_prefix("error: ").unwrap_or(said);
        Self { file: file.to_owned(), line, message: message.chars().take(300).collect() }
    }
}

/// How policies are read and asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only rules of these packages, written `a.b`, are asked; none: of all.
    pub namespaces: Vec<String>,
    /// The longest that one rule may take for one document.
    pub limit: Duration,
    /// What `time.now_ns` gives.
    pub today: Date,
}

/// Policies, checked and ready to be asked.
pub struct Policies {
    engine: Arc<Engine>,
    queries: Vec<Query>,
    tests: Vec<String>,
}

/// Longer lines are refused by default at 1,024 columns; generated policies have longer ones.
const LONGEST_LINE: u32 = 64 << 10;

impl Policies {
    /// Reads policies and the documents they find under `data`.
    ///
    /// # Errors
    /// Everything that is wrong with them, by file and line.
    pub fn load(files: &[PolicyFile], data: &[(String, Node)], options: &Options) -> Result<Self, Vec<PolicyError>> {
        let mut errors = Vec::new();
        let mut engine = Engine::new();
        let machine = |error: &anyhow::Error| vec![PolicyError::of_engine("policy", error)];
        builtins::register(&mut engine, options.today).map_err(|error| machine(&error))?;
        engine.set_strict_builtin_errors(false);
        engine.set_gather_prints(true);
        let mut length = regorus::PolicyLengthConfig::default();
        length.max_col = LONGEST_LINE.try_into().unwrap_or(length.max_col);
        engine.set_policy_length_config(length);
        let mut notes = BTreeMap::new();
        let mut names = Vec::new();
        for file in files {
            match guard(|| module::prepare(file)) {
                Some(Ok(prepared)) => {
                    engine.set_rego_v0(prepared.v0);
                    match engine.add_policy(prepared.name.clone(), prepared.text) {
                        Ok(_) => names.push(prepared.name.clone()),
                        Err(error) => errors.push(PolicyError::of_engine(&file.name, &error)),
                    }
                    notes.insert(prepared.name, prepared.notes);
                }
                Some(Err(error)) => errors.push(error),
                None => errors.push(PolicyError {
                    file: file.name.clone(),
                    line: 1,
                    message: "the policy parser gave up on this file".into(),
                }),
            }
        }
        for (name, node) in data {
            let added = match &node.value {
                crate::parse::Value::Map(_) => engine.add_data(convert::to_rego(node, None)),
                _ => Err(anyhow::anyhow!("data is {}, not a map", node.kind())),
            };
            added.err().into_iter().for_each(|error| errors.push(PolicyError::of_engine(name, &error)));
        }
        let modules = engine.get_modules().clone();
        let modules: Vec<_> = names.into_iter().zip(modules.iter().map(|module| &**module)).collect();
        let proved = files.iter().filter(|file| file.plain).map(|file| file.name.as_str()).collect();
        errors.extend(check::modules(&modules, &proved));
        if !errors.is_empty() {
            return Err(errors);
        }
        let (mut queries, tests) = meta::queries(&modules, &notes, &options.namespaces)?;
        let plain = |query: &Query| files.iter().any(|file| file.plain && file.name == query.file);
        queries.iter_mut().for_each(|query| query.bundled = plain(query));
        engine.set_execution_timer_config(judge::timer(options.limit));
        // Compiled once, before it is copied for each thread; an error here would else be one of every document.
        guard(|| engine.eval_query("1 == 1".into(), false))
            .unwrap_or_else(|| Err(anyhow::anyhow!("the engine gave up on these policies")))
            .map_err(|error| machine(&error))?;
        Ok(Self { engine: Arc::new(engine), queries, tests })
    }

    /// The built-in rules alone, as the configuration has them.
    ///
    /// # Errors
    /// As [`Policies::load`]; tests hold that there are none.
    pub fn built_in(choice: &RuleChoice, limit: Duration, today: Date) -> Result<Self, Vec<PolicyError>> {
        let mut policies = Self::load(&builtin(), &[], &Options { namespaces: Vec::new(), limit, today })?;
        policies.choose(choice);
        Ok(policies)
    }

    /// True for files that built-in rules may speak of; tests hold it against the rules.
    pub fn built_in_looks_at(kind: Kind) -> bool {
        matches!(kind, Kind::Yaml | Kind::Json | Kind::Hcl | Kind::Dockerfile)
    }

    /// Leaves out disabled rules and gives others the severity that the configuration has for them.
    pub fn choose(&mut self, choice: &RuleChoice) {
        self.queries.retain(|query| !choice.disable.iter().any(|id| id.name == query.meta.id));
        for (id, severity) in &choice.severity {
            for query in self.queries.iter_mut().filter(|query| query.meta.id == id.name) {
                query.meta = Arc::new(RuleMeta { severity: *severity, ..(*query.meta).clone() });
            }
        }
    }

    /// The rules that can refuse a document, by package and name.
    pub fn queries(&self) -> &[Query] {
        &self.queries
    }

    /// The full names of the `test_` rules.
    pub fn tests(&self) -> &[String] {
        &self.tests
    }

    /// Somebody to ask; one for each thread.
    pub fn judge(&self) -> Judge {
        Judge::new(&self.engine)
    }
}

impl std::fmt::Debug for Policies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policies").field("queries", &self.queries.len()).finish_non_exhaustive()
    }
}
