//! What is wrong with policies before they are evaluated. The engine loads undefined functions, unsafe variables,
//! recursion and conflicting rules, and some of them answer with nothing: here each is an error with its line.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use regorus::unstable::{AssignOp, BUILTINS, Expr, Literal, Module, Query, Rule, RuleHead, Span};

use super::{PolicyError, builtins, walk};

/// Rules of all files by full path.
#[derive(Default)]
struct Table {
    /// What each rule is, with one place.
    rules: BTreeMap<String, (Shape, String, u32)>,
    /// Names of the rules of each package.
    packages: HashMap<String, HashSet<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Value,
    Set,
    Object,
    Function(usize),
}

impl Shape {
    fn words(self) -> String {
        match self {
            Shape::Value => "a single value".into(),
            Shape::Set => "a set".into(),
            Shape::Object => "an object".into(),
            Shape::Function(n) => format!("a function of {n} argument(s)"),
        }
    }
}

/// Everything wrong with the modules, by file and line. `proved`: files whose patterns need not be compiled to be looked at.
pub(super) fn modules(modules: &[(String, &Module)], proved: &HashSet<&str>) -> Vec<PolicyError> {
    let mut errors = Vec::new();
    let table = table(modules, &mut errors);
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, module) in modules {
        let package = package(module);
        for rule in &module.policy {
            let mut check = Check {
                file,
                package: &package,
                table: &table,
                errors: &mut errors,
                uses: BTreeSet::new(),
                proved: proved.contains(file.as_str()),
            };
            check.rule(rule);
            let used = std::mem::take(&mut check.uses);
            uses.entry(path(&package, rule)).or_default().extend(used);
        }
    }
    recursion(&table, &uses, &mut errors);
    errors.sort_by(|a, b| (&a.file, a.line, &a.message).cmp(&(&b.file, b.line, &b.message)));
    errors.dedup();
    errors
}

/// `data.a.b` of `package a.b`.
pub(super) fn package(module: &Module) -> String {
    let parts = walk::constant(&module.package.refr);
    format!("data.{}", parts.join("."))
}

/// The full path of what a rule defines, up to the first part that is computed.
pub(super) fn path(package: &str, rule: &Rule) -> String {
    format!("{package}.{}", walk::constant(walk::rule_name(rule)).join("."))
}

fn table(modules: &[(String, &Module)], errors: &mut Vec<PolicyError>) -> Table {
    let mut table = Table::default();
    for (file, module) in modules {
        let package = package(module);
        for rule in &module.policy {
            let names = walk::constant(walk::rule_name(rule));
            let Some(first) = names.first() else { continue };
            table.packages.entry(package.clone()).or_default().insert(first.clone());
            let line = walk::span(walk::rule_name(rule)).line;
            let Some(shape) = shape(rule) else { continue };
            let path = path(&package, rule);
            match table.rules.get(&path) {
                Some((other, there, at)) if *other != shape => {
                    let message = format!(
                        "`{}` is {} here and {} at {there}:{at}",
                        names.join("."),
                        shape.words(),
                        other.words()
                    );
                    errors.push(PolicyError { file: file.clone(), line: line as usize, message });
                }
                Some(_) => {}
                None => {
                    table.rules.insert(path, (shape, file.clone(), line));
                }
            }
        }
    }
    table
}

fn shape(rule: &Rule) -> Option<Shape> {
    let computed =
        matches!(walk::rule_name(rule), Expr::RefBrack { index, .. } if !matches!(&**index, Expr::String { .. }));
    match rule {
        Rule::Default { .. } => None,
        Rule::Spec { head, .. } => Some(match head {
            RuleHead::Set { .. } => Shape::Set,
            RuleHead::Func { args, .. } => Shape::Function(args.len()),
            RuleHead::Compr { .. } if computed => Shape::Object,
            RuleHead::Compr { .. } => Shape::Value,
        }),
    }
}

fn recursion(table: &Table, uses: &BTreeMap<String, BTreeSet<String>>, errors: &mut Vec<PolicyError>) {
    // Depth-first with colours; iterative, as chains may be long.
    let mut done: HashSet<&str> = HashSet::new();
    for start in uses.keys() {
        let mut open: Vec<(&str, Vec<&str>)> = Vec::new();
        let mut on_path: HashSet<&str> = HashSet::new();
        let next = |of: &str| -> Vec<&str> { uses.get(of).into_iter().flatten().map(String::as_str).collect() };
        if done.contains(start.as_str()) {
            continue;
        }
        open.push((start, next(start)));
        on_path.insert(start);
        while let Some((here, rest)) = open.last_mut() {
            let here: &str = here;
            match rest.pop() {
                Some(used) if on_path.contains(used) => {
                    if let Some((_, file, line)) = table.rules.get(used) {
                        let message = format!("`{}` depends on itself, through `{}`", short(used), short(here));
                        errors.push(PolicyError { file: file.clone(), line: *line as usize, message });
                    }
                    done.insert(here);
                }
                Some(used) if done.contains(used) || !uses.contains_key(used) => {}
                Some(used) => {
                    on_path.insert(used);
                    open.push((used, next(used)));
                }
                None => {
                    done.insert(here);
                    on_path.remove(here);
                    open.pop();
                }
            }
        }
    }
}

fn short(path: &str) -> &str {
    path.strip_prefix("data.").unwrap_or(path)
}

struct Check<'a> {
    file: &'a str,
    package: &'a str,
    table: &'a Table,
    errors: &'a mut Vec<PolicyError>,
    /// Rules that the rule under check refers to.
    uses: BTreeSet<String>,
    /// True for a file whose patterns tests have compiled.
    proved: bool,
}

type Names = HashSet<String>;

impl Check<'_> {
    fn error(&mut self, span: &Span, message: String) {
        self.errors.push(PolicyError { file: self.file.to_owned(), line: span.line as usize, message });
    }

    fn rule(&mut self, rule: &Rule) {
        match rule {
            Rule::Default { value, args, .. } => {
                let mut bound = Names::new();
                args.iter().for_each(|arg| pattern(arg, &mut bound));
                self.uses(value, &bound);
            }
            Rule::Spec { head, bodies, .. } => {
                let mut given = Names::new();
                if let RuleHead::Func { args, .. } = head {
                    args.iter().for_each(|arg| pattern(arg, &mut given));
                }
                let (key, value) = match head {
                    RuleHead::Set { key, .. } => (key.as_deref(), None),
                    RuleHead::Compr { assign, .. } | RuleHead::Func { assign, .. } => {
                        (None, assign.as_ref().map(|assign| &*assign.value))
                    }
                };
                let indices = indices(walk::rule_name(rule));
                if bodies.is_empty() {
                    let mut bound = given.clone();
                    key.into_iter().chain(value).for_each(|expr| self.binds(expr, &mut bound));
                    key.into_iter()
                        .chain(value)
                        .chain(indices.iter().copied())
                        .for_each(|expr| self.uses(expr, &bound));
                }
                for body in bodies {
                    let mut bound = given.clone();
                    self.query_binds(&body.query, &mut bound);
                    let own = body.assign.as_ref().map(|assign| &*assign.value);
                    let head: Vec<&Expr> = match own {
                        Some(own) => vec![own],
                        None => key.into_iter().chain(value).chain(indices.iter().copied()).collect(),
                    };
                    head.iter().for_each(|expr| self.binds(expr, &mut bound));
                    self.query_uses(&body.query, &bound);
                    head.iter().for_each(|expr| self.uses(expr, &bound));
                }
            }
        }
    }

    /// What a query gives values to, in any order: the engine reorders.
    fn query_binds(&self, query: &Query, bound: &mut Names) {
        for statement in &query.stmts {
            match &statement.literal {
                Literal::SomeIn { key, value, collection, .. } => {
                    key.iter().chain([value]).for_each(|expr| pattern(expr, bound));
                    self.binds(collection, bound);
                }
                Literal::Expr { expr, .. } => self.binds(expr, bound),
                Literal::Every { domain, .. } => self.binds(domain, bound),
                Literal::SomeVars { .. } | Literal::NotExpr { .. } => {}
            }
        }
    }

    fn binds(&self, expr: &Expr, bound: &mut Names) {
        match expr {
            Expr::AssignExpr { op, lhs, rhs, .. } => {
                pattern(lhs, bound);
                if matches!(op, AssignOp::Eq) {
                    pattern(rhs, bound);
                }
            }
            Expr::RefBrack { index, .. } => pattern(index, bound),
            Expr::Call { fcn, params, .. } => {
                // An argument more than the function takes is what it gives back.
                let arity = self.arity(&walk::constant(fcn).join("."));
                if let (Some(arity), Some(last)) = (arity, params.last())
                    && params.len() == arity + 1
                {
                    pattern(last, bound);
                }
            }
            _ => {}
        }
        walk::children(expr).into_iter().for_each(|child| self.binds(child, bound));
    }

    /// A pattern that is no regex: the engine would take it for one that matches nothing.
    fn pattern_of(&mut self, name: &str, params: &[regorus::unstable::Ref<Expr>]) {
        let at = match name {
            _ if self.proved => return,
            "regex.match" | "re_match" | "regex.split" | "regex.find_n" | "regex.find_all_string_submatch_n" => 0,
            "regex.replace" => 1,
            _ => return,
        };
        let Some(Expr::String { span, value, .. } | Expr::RawString { span, value, .. }) = params.get(at).map(|p| &**p)
        else {
            return;
        };
        let Ok(text) = value.as_string() else { return };
        if let Err(error) = regex::Regex::new(text) {
            let why = error.to_string();
            let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            self.error(span, format!("the pattern is no regex: {last}"));
        }
    }

    fn arity(&self, name: &str) -> Option<usize> {
        if let Some(n) = builtins::arity(name) {
            return Some(n);
        }
        let full = if name.starts_with("data.") { name.to_owned() } else { format!("{}.{name}", self.package) };
        match self.table.rules.get(&full)? {
            (Shape::Function(n), ..) => Some(*n),
            _ => None,
        }
    }

    fn query_uses(&mut self, query: &Query, bound: &Names) {
        for statement in &query.stmts {
            walk::parts(&statement.literal).into_iter().for_each(|expr| self.uses(expr, bound));
            if let Literal::Every { key, value, query, .. } = &statement.literal {
                let mut inner = bound.clone();
                inner.extend(key.iter().chain([value]).map(|span| span.text().to_owned()));
                self.query_binds(query, &mut inner);
                self.query_uses(query, &inner);
            }
            for modifier in &statement.with_mods {
                self.uses(&modifier.r#as, bound);
            }
        }
    }

    fn uses(&mut self, expr: &Expr, bound: &Names) {
        match expr {
            Expr::Var { span, .. } => self.variable(span, bound),
            Expr::Call { span, fcn, params, .. } => {
                self.call(span, fcn);
                self.pattern_of(&walk::constant(fcn).join("."), params);
            }
            Expr::RefDot { .. } | Expr::RefBrack { .. } => self.reference(expr),
            _ => {}
        }
        let scope = walk::own_query(expr).map(|query| {
            let mut inner = bound.clone();
            self.query_binds(query, &mut inner);
            // What the comprehension's own term looks up is bound there too.
            walk::children(expr).into_iter().for_each(|child| self.binds(child, &mut inner));
            self.query_uses(query, &inner);
            inner
        });
        let bound = scope.as_ref().unwrap_or(bound);
        walk::children(expr).into_iter().for_each(|child| self.uses(child, bound));
    }

    fn variable(&mut self, span: &Span, bound: &Names) {
        let name = span.text();
        if name == "_" || name == "input" || name == "data" || bound.contains(name) {
            return;
        }
        if self.table.packages.get(self.package).is_some_and(|names| names.contains(name)) {
            self.uses.insert(format!("{}.{name}", self.package));
            return;
        }
        self.error(span, format!("nothing gives `{name}` a value (unsafe variable)"));
    }

    fn reference(&mut self, expr: &Expr) {
        let parts = walk::constant(expr);
        if parts.first().is_some_and(|root| root == "data") {
            let longest = (2..=parts.len()).rev().find_map(|n| {
                let path = parts.get(..n)?.join(".");
                self.table.rules.contains_key(&path).then_some(path)
            });
            self.uses.extend(longest);
        }
    }

    fn call(&mut self, span: &Span, function: &Expr) {
        let name = walk::constant(function).join(".");
        let between = span.text().get(walk::span(function).text().len()..).unwrap_or_default();
        if between.split('(').next().is_some_and(|gap| gap.contains('\n')) {
            let message = format!("`{name}` and the `(` on the next line read as a call: put an operator between");
            self.error(span, message);
            return;
        }
        if let Some(why) = builtins::refused(&name) {
            self.error(span, format!("`{name}` is not available: {why}"));
        } else if name != "print" && self.arity(&name).is_none() {
            let known = BUILTINS.keys().map(|name| &**name).chain(builtins::names());
            let near = known.map(|known| (strsim::damerau_levenshtein(known, &name), known)).min();
            let hint = near.filter(|(far, _)| *far <= 2).map(|(_, known)| format!("; did you mean `{known}`?"));
            self.error(span, format!("there is no function `{name}`{}", hint.unwrap_or_default()));
        } else {
            let full = if name.starts_with("data.") { name } else { format!("{}.{name}", self.package) };
            if self.table.rules.contains_key(&full) {
                self.uses.insert(full);
            }
        }
    }
}

/// The computed parts of a rule's name.
fn indices(mut name: &Expr) -> Vec<&Expr> {
    let mut out = Vec::new();
    loop {
        match name {
            Expr::RefBrack { refr, index, .. } => {
                out.push(&**index);
                name = refr;
            }
            Expr::RefDot { refr, .. } => name = refr,
            _ => return out,
        }
    }
}

/// Variables that a pattern gives values to.
fn pattern(expr: &Expr, bound: &mut Names) {
    match expr {
        Expr::Var { span, .. } => {
            bound.insert(span.text().to_owned());
        }
        Expr::Array { items, .. } => items.iter().for_each(|item| pattern(item, bound)),
        Expr::Object { fields, .. } => fields.iter().for_each(|(_, _, value)| pattern(value, bound)),
        _ => {}
    }
}
