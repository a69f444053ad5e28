//! Where in a document a result belongs, without asking the policy's author.

use super::judge::{Denial, Judge};
use super::meta::Query;
use crate::model::Span;
use crate::parse::{Node, Step, Value};

/// Evaluations spent on one result.
const MOST: usize = 200;

/// A place in a document, and how it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its bytes.
    pub span: Span,
    /// Its path from the document's root; empty where nothing is known.
    pub path: Vec<Step>,
    /// False when it is only the document's beginning.
    pub exact: bool,
}

impl Judge {
    /// The place of a result about `input`: the one it names, else the list item without which the rule would not say
    /// it (the deepest that is the only such one), else the document's beginning. The judge must hear the document again.
    pub fn locate(&mut self, query: &Query, input: &Node, denial: &Denial) -> Place {
        if let Some(path) = &denial.path
            && input.at(path.get(..1).unwrap_or_default()).is_some()
        {
            let known = (1..=path.len()).rev().find(|n| input.at(path.get(..*n).unwrap_or_default()).is_some());
            let path = path.get(..known.unwrap_or(0)).unwrap_or_default();
            return Place { span: input.place(path), path: path.to_vec(), exact: true };
        }
        let mut left = MOST;
        let mut best: Vec<Step> = Vec::new();
        let mut here = input;
        while let Some(deeper) = self.only_item(query, input, here, denial, &mut left) {
            best.extend(deeper);
            match input.at(&best) {
                Some(item) => here = item,
                None => break,
            }
        }
        let exact = !best.is_empty();
        let span = if exact { input.place(&best) } else { Span::new(input.span.start, input.span.start) };
        Place { span, path: best, exact }
    }

    /// The path from `here` to the one item of its outermost lists without which the result is gone.
    fn only_item(
        &mut self,
        query: &Query,
        input: &Node,
        here: &Node,
        denial: &Denial,
        left: &mut usize,
    ) -> Option<Vec<Step>> {
        let mut items = Vec::new();
        outermost(here, &mut Vec::new(), &mut items);
        if items.len() > *left {
            return None;
        }
        *left -= items.len();
        let mut found = None;
        for (path, item) in items {
            self.hear_without(input, item);
            // A rule that fails without the item says nothing about it.
            let still = self.ask(query).ok()?.iter().any(|other| other.message == denial.message);
            if !still && found.replace(path).is_some() {
                return None;
            }
        }
        found
    }
}

/// The items of all lists that lie in no other list, with their paths, in the file's order.
fn outermost<'n>(node: &'n Node, path: &mut Vec<Step>, out: &mut Vec<(Vec<Step>, &'n Node)>) {
    match &node.value {
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                out.push((path.iter().cloned().chain([Step::Index(index)]).collect(), item));
            }
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                path.push(Step::Key(key.name.clone()));
                outermost(value, path, out);
                path.pop();
            }
        }
        _ => {}
    }
}
