//! Dockerfiles in the shape that conftest gives them: a list of commands `{Cmd, SubCmd, JSON, Flags, Value, Stage}`.
//! Reads syntax only (directives, continued lines, comments, flags, here-documents); it does not know what is valid.

use super::{Key, Node, Number, ParseError, Value};
use crate::model::Span;

/// A line with its continuations joined.
struct Instruction {
    /// Keyword and arguments, without the line ends that were escaped.
    text: String,
    span: Span,
}

const KEYWORDS: &[&str] = &[
    "add",
    "arg",
    "cmd",
    "copy",
    "entrypoint",
    "env",
    "expose",
    "from",
    "healthcheck",
    "label",
    "maintainer",
    "onbuild",
    "run",
    "shell",
    "stopsignal",
    "user",
    "volume",
    "workdir",
];

pub(super) fn read(text: &str) -> Result<Node, ParseError> {
    let mut commands = Vec::new();
    let mut stage: Option<i64> = None;
    for Instruction { text, span } in instructions(text) {
        let (word, rest) = split_word(&text);
        let name = word.to_ascii_lowercase();
        if !KEYWORDS.contains(&name.as_str()) {
            let shown: String = word.chars().take(30).collect();
            return Err(ParseError::new(span.start, format!("{shown:?} is no Dockerfile instruction")));
        }
        if name == "from" {
            stage = Some(stage.map_or(0, |stage| stage + 1));
        }
        let (sub, name_of_value, rest) = match name.as_str() {
            "onbuild" => {
                let (word, rest) = split_word(rest);
                (word.to_ascii_lowercase(), word.to_ascii_lowercase(), rest)
            }
            _ => (String::new(), name.clone(), rest),
        };
        let (flags, rest) = flags(rest);
        let (value, json) = arguments(&name_of_value, rest);
        let texts = |texts: Vec<String>| Value::List(texts.into_iter().map(|text| Node::string(text, span)).collect());
        let entry = |name: &str, value: Value| (Key { name: name.to_owned(), span }, Node::new(value, span));
        let entries = vec![
            entry("Cmd", Value::String(name)),
            entry("SubCmd", Value::String(sub)),
            entry("JSON", Value::Bool(json)),
            entry("Flags", texts(flags)),
            entry("Value", texts(value)),
            entry("Stage", Value::Number(Number::Int(stage.unwrap_or(0)))),
        ];
        commands.push(Node::new(Value::Map(entries), span));
    }
    if commands.is_empty() {
        return Err(ParseError::new(0, "no instruction in it".to_owned()));
    }
    Ok(Node::new(Value::List(commands), Span::new(0, text.len())))
}

/// The escape character, if a directive on the first lines changes it.
fn escape(text: &str) -> char {
    for line in text.lines() {
        let Some((name, value)) = line.trim_start().strip_prefix('#').and_then(|line| line.split_once('=')) else {
            break;
        };
        if name.trim().eq_ignore_ascii_case("escape") {
            return if value.trim() == "`" { '`' } else { '\\' };
        }
    }
    '\\'
}

fn instructions(text: &str) -> Vec<Instruction> {
    let escape = escape(text);
    let mut out: Vec<Instruction> = Vec::new();
    let mut open: Option<Instruction> = None;
    let mut documents: Vec<(String, bool)> = Vec::new();
    let mut at = 0;
    for raw in text.split_inclusive('\n') {
        let (start, line) = (at, raw.trim_end_matches(['\n', '\r']));
        at += raw.len();
        let end = start + line.trim_end().len();
        if let (Some((word, tabs)), Some(last)) = (documents.first(), out.last_mut()) {
            let shown = if *tabs { line.trim_start_matches('\t') } else { line };
            let ends = shown == word;
            last.text.push('\n');
            last.text.push_str(line);
            last.span = Span::new(last.span.start, end.max(last.span.end));
            if ends {
                documents.remove(0);
            }
            continue;
        }
        let body = line.trim();
        // Comments and empty lines neither end nor join a continued instruction.
        if body.starts_with('#') || body.is_empty() {
            continue;
        }
        let first = start + (line.len() - line.trim_start().len());
        let (part, more) = match body.strip_suffix(escape) {
            Some(part) => (part, true),
            None => (body, false),
        };
        let mut here = open.take().unwrap_or(Instruction { text: String::new(), span: Span::new(first, end) });
        here.text.push_str(if here.text.is_empty() {
            part
        } else {
            line.trim_end().strip_suffix(escape).unwrap_or(line)
        });
        here.span = Span::new(here.span.start, end);
        if more {
            open = Some(here);
        } else {
            documents = here_documents(&here.text);
            out.push(here);
        }
    }
    out.extend(open);
    out
}

/// `<<EOF`, `<<-"EOF"`: the words that end here-documents, and whether tabs before them are cut.
fn here_documents(text: &str) -> Vec<(String, bool)> {
    let word = split_word(text).0;
    if !["run", "copy", "add"].iter().any(|known| word.eq_ignore_ascii_case(known)) {
        return Vec::new();
    }
    let mut out = Vec::new();
    let mut parts = text.split("<<");
    let mut before = parts.next().unwrap_or_default();
    for part in parts {
        let opens = before.is_empty()
            || before.ends_with(char::is_whitespace)
            || before.ends_with(|c: char| c.is_ascii_digit());
        before = part;
        let (tabs, part) = part.strip_prefix('-').map_or((false, part), |part| (true, part));
        let part = part.trim_start_matches(['"', '\'']);
        let name: String = part.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.')).collect();
        if opens && name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            out.push((name, tabs));
        }
    }
    out
}

fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (word, rest.trim_start())
}

fn flags(mut rest: &str) -> (Vec<String>, &str) {
    let mut flags = Vec::new();
    while rest.starts_with("--") {
        let (word, after) = split_word(rest);
        if word == "--" {
            return (flags, after);
        }
        flags.push(word.to_owned());
        rest = after;
    }
    (flags, rest)
}

/// What the builder's own parser makes of an instruction's arguments, and whether they are written as JSON.
fn arguments(name: &str, rest: &str) -> (Vec<String>, bool) {
    let rest = rest.trim();
    if matches!(name, "add" | "copy" | "cmd" | "entrypoint" | "run" | "shell" | "volume")
        && rest.starts_with('[')
        && let Ok(words) = serde_json::from_str::<Vec<String>>(rest)
    {
        return (words, true);
    }
    if rest.is_empty() {
        return (Vec::new(), false);
    }
    match name {
        "env" | "label" => (pairs(rest), false),
        "add" | "copy" | "from" | "expose" | "volume" | "arg" | "onbuild" => {
            let first = rest.lines().next().unwrap_or_default();
            (words(first), false)
        }
        "healthcheck" => {
            let (word, command) = split_word(rest);
            let mut out = vec![word.to_ascii_uppercase()];
            if !command.is_empty() {
                out.extend(arguments("cmd", command).0);
            }
            (out, false)
        }
        _ => (vec![rest.to_owned()], false),
    }
}

/// Words, quotes kept, blanks in quotes and behind a backslash part of a word.
fn words(text: &str) -> Vec<String> {
    let (mut out, mut word, mut quote, mut escaped) = (Vec::new(), String::new(), None, false);
    for c in text.chars() {
        if c.is_whitespace() && quote.is_none() && !escaped {
            if !word.is_empty() {
                out.push(std::mem::take(&mut word));
            }
            continue;
        }
        match (c, quote) {
            ('"' | '\'', None) if !escaped => quote = Some(c),
            (_, Some(open)) if open == c && !escaped => quote = None,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        word.push(c);
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

/// `A=b C=d` or the old `A b`: name, value and separator of each.
fn pairs(rest: &str) -> Vec<String> {
    let words = words(rest);
    if words.first().is_some_and(|word| !word.contains('=')) {
        let (name, value) = split_word(rest);
        return vec![name.to_owned(), value.to_owned(), String::new()];
    }
    words
        .iter()
        .flat_map(|word| {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            [name.to_owned(), value.to_owned(), "=".to_owned()]
        })
        .collect()
}
