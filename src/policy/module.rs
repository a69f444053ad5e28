//! One policy file, made safe to evaluate: its version of Rego found out, import aliases written out in full, its
//! annotations read.

use regorus::unstable::{Expr, Module, Parser};

use super::{PolicyError, walk};
use crate::parse::{Kind, Node, parse};

/// Brackets may nest so deep; the engine's parser follows them by recursion.
const DEEPEST: usize = 100;
/// Larger files are refused.
const LARGEST: usize = 1 << 20;

/// A policy file as it is given.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// What errors call it.
    pub name: String,
    /// Its bytes.
    pub text: Vec<u8>,
    /// True for Rego 1.0 in which nothing need be rewritten: it is read once, not twice. Tests hold it for our own.
    pub plain: bool,
}

impl PolicyFile {
    /// A file of which nothing is known.
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), text: text.into(), plain: false }
    }
}

/// A policy file as the engine gets it.
pub(super) struct Prepared {
    pub(super) name: String,
    /// The text, as many lines as the file has.
    pub(super) text: String,
    /// Written before Rego 1.0.
    pub(super) v0: bool,
    /// Annotations, each with the line after it.
    pub(super) notes: Vec<(u32, Node)>,
}

/// Reads a file as Rego 1.0, or else as what came before it.
pub(super) fn prepare(file: &PolicyFile) -> Result<Prepared, PolicyError> {
    let fail = |line, message: String| Err(PolicyError { file: file.name.clone(), line, message });
    if file.text.len() > LARGEST {
        return fail(1, format!("larger than {} MiB: no policy is", LARGEST >> 20));
    }
    let Ok(text) = std::str::from_utf8(&file.text) else { return fail(1, "not UTF-8 text".into()) };
    if let Some(line) = deep(text) {
        return fail(line, format!("nested deeper than {DEEPEST} levels"));
    }
    if file.plain {
        return Ok(Prepared { name: file.name.clone(), notes: notes(&file.name, text)?, text: text.into(), v0: false });
    }
    // Rego before 1.0 takes a file of 1.0 with nothing but a warning, and means something else by it: so 1.0 goes first.
    let mut failed = None;
    for v0 in [false, true] {
        match rewritten(&file.name, text, v0) {
            Ok(text) => return Ok(Prepared { name: file.name.clone(), notes: notes(&file.name, &text)?, text, v0 }),
            Err(error) => {
                // The error that counts is that of the version the file seems to be written in.
                let newer = text.contains("import rego.v1") || text.contains(" if {") || text.contains(" contains ");
                if failed.is_none() || !newer {
                    failed = Some(error);
                }
            }
        }
    }
    Err(failed.unwrap_or(PolicyError { file: file.name.clone(), line: 1, message: "no policy".into() }))
}

/// Where brackets nest too deep. Those in strings count as well: nobody nests there either.
fn deep(text: &str) -> Option<usize> {
    let (mut depth, mut line) = (0_usize, 1);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'\n' => line += 1,
            _ => {}
        }
        if depth > DEEPEST {
            return Some(line);
        }
    }
    None
}

/// Parses, and writes each import's alias out in full: the engine resolves aliases lazily and so answers some queries
/// with nothing, where the full reference answers right.
fn rewritten(name: &str, text: &str, v0: bool) -> Result<String, PolicyError> {
    let wrong = |error: anyhow::Error| PolicyError::of_engine(name, &error);
    let source = regorus::unstable::Source::from_contents(name.to_owned(), text.to_owned()).map_err(wrong)?;
    let mut parser = Parser::new(&source).map_err(wrong)?;
    if !v0 {
        parser.enable_rego_v1().map_err(wrong)?;
    }
    let module = parser.parse().map_err(wrong)?;
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    let place = |span: &regorus::unstable::Span| (span.start as usize, span.end as usize);
    for import in &module.imports {
        let path = walk::constant(&import.refr);
        let root = path.first().map(String::as_str).unwrap_or_default();
        if !matches!(root, "data" | "input") || path.len() < 2 {
            continue;
        }
        let alias = match &import.r#as {
            Some(alias) => alias.text().to_owned(),
            None => path.last().cloned().unwrap_or_default(),
        };
        let line = import.span.line as usize;
        if let Some(at) = bound(&module, &alias) {
            let message = format!("`{alias}` is imported on line {line} and given a value of its own here: rename one");
            return Err(PolicyError { file: name.to_owned(), line: at, message });
        }
        let full = walk::span(&import.refr).text().to_owned();
        let (start, _) = place(&import.span);
        let end = import.r#as.as_ref().map_or(place(walk::span(&import.refr)).1, |alias| place(alias).1);
        edits.push((start, end, String::new()));
        for_each_variable(&module, &mut |span| {
            if span.text() == alias {
                let (start, end) = place(span);
                edits.push((start, end, full.clone()));
            }
        });
    }
    edits.sort();
    edits.dedup();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (start, end, new) in edits {
        out.push_str(text.get(at..start).unwrap_or_default());
        out.push_str(&new);
        at = end.max(at);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Ok(out)
}

/// Every variable, the roots of called functions' names included.
fn for_each_variable<'m>(module: &'m Module, see: &mut dyn FnMut(&'m regorus::unstable::Span)) {
    let mut visit = |expr: &'m Expr| {
        let mut name = match expr {
            Expr::Call { fcn, .. } => Some(&**fcn),
            _ => None,
        };
        while let Some(part) = name {
            name = match part {
                Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => Some(refr),
                Expr::Var { span, .. } => {
                    see(span);
                    None
                }
                _ => None,
            };
        }
        if let Expr::Var { span, .. } = expr {
            see(span);
        }
    };
    for rule in &module.policy {
        walk::rule(rule, &mut visit);
    }
}

/// The line on which a name is declared or assigned, as an argument, by `some`, `every` or `:=`.
fn bound(module: &Module, name: &str) -> Option<usize> {
    use regorus::unstable::{AssignOp, Literal, Query, Rule, RuleHead};
    fn in_query(query: &Query, name: &str) -> Option<usize> {
        query.stmts.iter().find_map(|statement| match &statement.literal {
            Literal::SomeVars { vars, .. } => vars.iter().find(|v| v.text() == name).map(|v| v.line as usize),
            Literal::SomeIn { key, value, .. } => {
                key.iter().map(|key| &**key).chain([&**value]).find_map(|expr| is(expr, name))
            }
            Literal::Every { key, value, query, .. } => {
                let own = key.iter().chain([value]).find(|v| v.text() == name).map(|v| v.line as usize);
                own.or_else(|| in_query(query, name))
            }
            Literal::Expr { expr, .. } => match &**expr {
                Expr::AssignExpr { op: AssignOp::ColEq, lhs, .. } => is(lhs, name),
                _ => None,
            },
            Literal::NotExpr { .. } => None,
        })
    }
    fn is(expr: &Expr, name: &str) -> Option<usize> {
        let mut found = None;
        walk::expression(expr, &mut |expr| {
            if let Expr::Var { span, .. } = expr
                && span.text() == name
            {
                found = Some(span.line as usize);
            }
        });
        found
    }
    module.policy.iter().find_map(|rule| {
        let named = matches!(walk::rule_name(rule), Expr::Var { span, .. } if span.text() == name);
        let own = named.then(|| walk::span(walk::rule_name(rule)).line as usize);
        let Rule::Spec { head, bodies, .. } = &**rule else { return own };
        let argument = match head {
            RuleHead::Func { args, .. } => args.iter().find_map(|arg| is(arg, name)),
            _ => None,
        };
        let mut inner = None;
        walk::rule(rule, &mut |expr| {
            if let Some(query) = walk::own_query(expr) {
                inner = inner.or_else(|| in_query(query, name));
            }
        });
        own.or(argument).or(inner).or_else(|| bodies.iter().find_map(|body| in_query(&body.query, name)))
    })
}

/// `# METADATA` blocks: YAML in comments, before what they describe.
fn notes(name: &str, text: &str) -> Result<Vec<(u32, Node)>, PolicyError> {
    let mut out = Vec::new();
    let mut lines = (1_u32..).zip(text.lines()).peekable();
    while let Some((first, line)) = lines.next() {
        if line.trim() != "# METADATA" {
            continue;
        }
        let mut yaml = String::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| line.trim_start().starts_with('#')) {
            let line = line.trim_start().strip_prefix('#').unwrap_or_default();
            yaml.push_str(line.strip_prefix(' ').unwrap_or(line));
            yaml.push('\n');
        }
        let wrong = |message| PolicyError { file: name.to_owned(), line: first as usize, message };
        let mut documents = parse(Kind::Yaml, yaml.as_bytes())
            .map_err(|error| wrong(format!("the annotation is no YAML: {}", error.located(yaml.as_bytes()))))?;
        let Some(note) = documents.pop().filter(|_| documents.is_empty()) else {
            return Err(wrong("the annotation is empty, or more than one document".to_owned()));
        };
        while lines.next_if(|(_, line)| line.trim().is_empty()).is_some() {}
        let next = lines.peek().map_or(u32::MAX, |(line, _)| *line);
        out.push((next, note));
    }
    Ok(out)
}
