//! SARIF 2.1.0 as GitHub code scanning takes it: its limits and needs are in the field notes and in
//! <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>.
//! No time stamps, no e-mail addresses, no secret that the view does not reveal.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use serde_json::{Value, json};
use serde_sarif::sarif::{
    ArtifactContent, ArtifactLocation, Invocation, Location, LogicalLocation, Message, MultiformatMessageString,
    Notification, PhysicalLocation, PropertyBag, Region, ReportingConfiguration, ReportingDescriptor, Result,
    ResultLevel, Run, RunAutomationDetails, Sarif, Suppression, Tool, ToolComponent,
};

use super::scrub::Scrub;
use super::{View, location, text};
use crate::model::{
    BytePath, Candidate, DropStage, Dropped, Enforcement, Finding, Origin, Placement, Position, RuleMeta, Severity,
};

/// Code scanning refuses a run with more results.
const MAX_RESULTS: usize = 25_000;
/// Code scanning keeps this many locations of a result.
const MAX_RELATED: usize = 100;
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Writes the log, indented.
pub fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &log(view, MAX_RESULTS))?;
    out.write_all(b"\n")
}

/// What becomes a result.
struct Item<'a> {
    origin: &'a Origin,
    candidate: &'a Candidate,
    placement: Option<&'a Placement>,
    fingerprint: Option<&'a str>,
    dropped: Option<&'a Dropped>,
}

impl<'a> Item<'a> {
    fn found(finding: &'a Finding) -> Self {
        Self {
            origin: &finding.origin,
            candidate: &finding.candidate,
            placement: Some(&finding.placement),
            fingerprint: Some(&finding.fingerprint),
            dropped: None,
        }
    }

    fn silenced(dropped: &'a Dropped) -> Self {
        Self {
            origin: &dropped.origin,
            candidate: &dropped.candidate,
            placement: None,
            fingerprint: None,
            dropped: Some(dropped),
        }
    }
}

fn log(view: &View<'_>, limit: usize) -> Sarif {
    let outcome = view.outcome;
    let scrub = Scrub::new(view);
    let mut items: Vec<Item<'_>> = outcome.findings.iter().map(Item::found).collect();
    if view.suppressed {
        let silenced = |d: &&Dropped| !matches!(d.stage, DropStage::Detect | DropStage::Threshold);
        items.extend(outcome.dropped.iter().filter(silenced).map(Item::silenced));
    }
    let cut = items.len().saturating_sub(limit);
    let items = worst(items, limit);
    let rules: BTreeMap<&str, &Candidate> =
        items.iter().map(|item| (item.candidate.rule.id.as_str(), item.candidate)).collect();
    let index: HashMap<&str, i64> = rules.keys().copied().zip(0..).collect();
    let mut lines = LineHashes::default();
    let results = items.iter().map(|item| result(view, &scrub, item, &index, &mut lines)).collect::<Vec<_>>();
    let mut run = Run::builder()
        .tool(tool(view, rules.into_values()))
        .results(results)
        .invocations(vec![invocation(view, &scrub, cut)])
        .column_kind(json!("utf16CodeUnits"))
        .build();
    if !view.reveal {
        run.redaction_tokens = Some(vec!["********".to_owned()]);
    }
    // Code scanning takes what stands before the last slash as the category, and the rest as the run.
    run.automation_details = view
        .category
        .map(|category| RunAutomationDetails::builder().id(format!("{}/", category.trim_end_matches('/'))).build());
    Sarif::builder().schema(SCHEMA).version(json!("2.1.0")).runs(vec![run]).build()
}

/// At most `limit` items, the worst, in the order they came; what is suppressed goes first.
fn worst(items: Vec<Item<'_>>, limit: usize) -> Vec<Item<'_>> {
    if items.len() <= limit {
        return items;
    }
    let rank = |item: &Item<'_>| (item.dropped.is_none(), item.candidate.rule.severity, item.candidate.confidence);
    let mut ranked: Vec<(usize, Item<'_>)> = items.into_iter().enumerate().collect();
    ranked.sort_by(|(i, a), (j, b)| rank(b).cmp(&rank(a)).then(i.cmp(j)));
    ranked.truncate(limit);
    ranked.sort_by_key(|(i, _)| *i);
    ranked.into_iter().map(|(_, item)| item).collect()
}

fn tool<'a>(view: &View<'_>, rules: impl Iterator<Item = &'a Candidate>) -> Tool {
    let mut driver = ToolComponent::builder()
        .name("keyward")
        .version(view.version)
        .semantic_version(view.version)
        .rules(rules.map(|seen| descriptor(view, seen)).collect::<Vec<_>>())
        .build();
    if !view.pack_hash.is_empty() {
        driver.properties = Some(bag([("rulesHash", json!(view.pack_hash))]));
    }
    Tool::builder().driver(driver).build()
}

fn descriptor(view: &View<'_>, seen: &Candidate) -> ReportingDescriptor {
    let rule: &RuleMeta = &seen.rule;
    let secret = seen.claim.is_none();
    let (why, fix) = if secret {
        let why = format!("A {} gives access to whoever reads it.", rule.name);
        (sentence(&rule.why, &why), sentence(&rule.fix, "Revoke it, and keep its successor out of the repository."))
    } else {
        let fix = "Change the file as the message says, or override the rule with a reason.";
        (sentence(&rule.why, "A policy of this repository forbids it."), sentence(&rule.fix, fix))
    };
    let mut markdown = format!("**Why it matters.** {why}\n\n**What to do.** {fix}\n");
    let mut plain = format!("Why it matters: {why}\nWhat to do: {fix}\n");
    let link = self::link(&rule.link);
    if let Some(link) = link {
        let page = if secret { "The provider's page" } else { "More about it" };
        markdown.push_str(&format!("\n[{page}](<{link}>)\n"));
        plain.push_str(&format!("{page}: {link}\n"));
    }
    // helpUri must be absolute (SARIF 3.49.12, SARIF1005), so the page is linked only where it is known where pages lie.
    let page = (view.page)(&rule.id);
    let full = view.docs_url.zip(page.as_ref()).map(|(base, page)| format!("{}/{page}", base.trim_end_matches('/')));
    let full = full.filter(|full| self::link(full).is_some());
    match (&full, &page) {
        (Some(full), _) => {
            markdown.push_str(&format!("\n[The rule's page](<{full}>)\n"));
            plain.push_str(&format!("The rule's page: {full}\n"));
        }
        (None, Some(page)) => {
            markdown.push_str(&format!("\nThe rule's page, in keyward's repository: `{page}`\n"));
            plain.push_str(&format!("The rule's page, in keyward's repository: {page}\n"));
        }
        (None, None) => {}
    }
    let plain_text = |text: String| MultiformatMessageString::builder().text(text).build();
    let mut properties = bag([
        ("precision", json!(if rule.generic { "medium" } else { "high" })),
        ("security-severity", json!(security_severity(rule.severity))),
        ("problem.severity", json!(problem_severity(rule.severity))),
    ]);
    let kind: &[&str] = if secret { &["security", "secret", "external/cwe/cwe-798"] } else { &["security", "policy"] };
    let mut tags: Vec<String> = kind.iter().map(|tag| (*tag).to_owned()).collect();
    let provider = slug(&rule.provider);
    if !provider.is_empty() {
        tags.push(format!("provider/{provider}"));
    }
    properties.tags = Some(tags);
    if let Some(page) = page {
        properties.additional_properties.insert("docs".to_owned(), json!(page));
    }
    let mut descriptor = ReportingDescriptor::builder()
        .id(&rule.id)
        .name(pascal(&rule.id))
        .short_description(plain_text(sentence(&rule.name, &rule.id)))
        .full_description(plain_text(format!("{} {why}", sentence(&rule.name, &rule.id))))
        .help(MultiformatMessageString::builder().text(plain).markdown(markdown).build())
        .default_configuration(ReportingConfiguration::builder().level(json!(level_name(rule.severity))).build())
        .properties(properties)
        .build();
    descriptor.help_uri = full.or_else(|| link.map(str::to_owned));
    descriptor
}

fn result(
    view: &View<'_>,
    scrub: &Scrub,
    item: &Item<'_>,
    index: &HashMap<&str, i64>,
    lines: &mut LineHashes,
) -> Result {
    let rule = &item.candidate.rule;
    let origin = scrub.origin(item.origin);
    let uri = location::uri(&origin);
    let mut fingerprints =
        BTreeMap::from([("primaryLocationLineHash".to_owned(), lines.next(&uri, &rule.id, item.candidate))]);
    if let Some(fingerprint) = item.fingerprint.filter(|f| !f.is_empty()) {
        let name = if item.candidate.claim.is_some() { "keywardClaim/v1" } else { "keywardSecret/v1" };
        fingerprints.insert(name.to_owned(), fingerprint.to_owned());
    }
    let mut result = Result::builder()
        .rule_id(&rule.id)
        .level(level_of(item.candidate))
        .message(message(view, scrub, item))
        .locations(vec![place(view, scrub, &origin, &uri, item.candidate)])
        .partial_fingerprints(fingerprints)
        .properties(properties(scrub, item))
        .build();
    result.rule_index = index.get(rule.id.as_str()).copied();
    let related: Vec<Location> = (1..)
        .zip(item.candidate.related.iter().take(MAX_RELATED))
        .map(|(id, part)| {
            let top = Position { line: 1, column: 1, column_utf16: 1 };
            let (start, end) = if origin.inner.is_some() { (top, top) } else { (part.start, part.end) };
            let physical = physical(&uri, region(start, end));
            let text = format!("{} found beside it.", part.rule.name);
            Location::builder().id(id).physical_location(physical).message(plain(&text)).build()
        })
        .collect();
    result.related_locations = (!related.is_empty()).then_some(related);
    result.suppressions = item.dropped.map(|dropped| vec![suppression(scrub, dropped)]);
    result
}

fn message(view: &View<'_>, scrub: &Scrub, item: &Item<'_>) -> Message {
    let candidate = item.candidate;
    if let Some(claim) = &candidate.claim {
        let parts = [scrub.prose(&claim.message), candidate.rule.why.clone(), candidate.rule.fix.clone()];
        let said: Vec<String> = parts.iter().map(|part| sentence(part, "")).filter(|part| !part.is_empty()).collect();
        return plain(&said.join(" "));
    }
    let secret = if view.reveal {
        text::line(&BytePath::new(candidate.secret.reveal()).to_string())
    } else {
        candidate.secret.masked()
    };
    let mut words = format!("{} ({secret}).", candidate.rule.name);
    if !candidate.decoded.is_empty() {
        words.push_str(&format!(" Decoded: {}.", text::decoded(&candidate.decoded)));
    }
    for more in [&candidate.rule.why, &candidate.rule.fix] {
        let more = sentence(more, "");
        if !more.is_empty() {
            words.push(' ');
            words.push_str(&more);
        }
    }
    if item.origin.inner.is_some() {
        // The region cannot say where: a line of the archive's own bytes would be a line of something else.
        let place = location::screen(&scrub.origin(item.origin));
        words.push_str(&format!(" It lies at {place}, line {}.", candidate.start.line));
    }
    if let Some(commit) = item.placement.and_then(|placement| placement.introduced.as_ref()) {
        words.push_str(&format!(" Introduced by commit {}.", commit.id.short()));
    }
    plain(&words)
}

/// `](` would make an embedded link (SARIF 3.11.6), with a target that does not exist.
fn plain(words: &str) -> Message {
    Message::builder().text(text::line(words).replace("](", "] (")).build()
}

fn place(view: &View<'_>, scrub: &Scrub, origin: &Origin, uri: &str, candidate: &Candidate) -> Location {
    if origin.inner.is_some() {
        let top = Position { line: 1, column: 1, column_utf16: 1 };
        let mut place = Location::builder().physical_location(physical(uri, region(top, top))).build();
        place.logical_locations = logical(origin);
        return place;
    }
    let mut physical = physical(uri, region(candidate.start, candidate.end));
    let snippet = ArtifactContent::builder().text(scrub.snippet(&candidate.snippet, view.reveal)).build();
    let line = i64::from(candidate.start.line.max(1));
    // The whole line, masked. The region's own text would be the secret.
    physical.context_region = (candidate.start.line == candidate.end.line)
        .then(|| Region::builder().start_line(line).end_line(line).snippet(snippet).build());
    let mut place = Location::builder().physical_location(physical).build();
    place.logical_locations = logical(origin);
    place
}

fn logical(origin: &Origin) -> Option<Vec<LogicalLocation>> {
    let (name, kind) = location::logical(origin)?;
    Some(vec![LogicalLocation::builder().fully_qualified_name(text::line(&name)).kind(kind).build()])
}

fn physical(uri: &str, region: Region) -> PhysicalLocation {
    PhysicalLocation::builder().artifact_location(ArtifactLocation::builder().uri(uri).build()).region(region).build()
}

/// All four fields, from 1, never empty.
fn region(start: Position, end: Position) -> Region {
    let first = (start.line.max(1), start.column_utf16.max(1));
    let last = (end.line.max(1), end.column_utf16.max(1)).max((first.0, first.1.saturating_add(1)));
    Region::builder()
        .start_line(i64::from(first.0))
        .start_column(i64::from(first.1))
        .end_line(i64::from(last.0))
        .end_column(i64::from(last.1))
        .build()
}

fn properties(scrub: &Scrub, item: &Item<'_>) -> PropertyBag {
    let mut all = vec![
        ("confidence", json!(item.candidate.confidence.name())),
        ("severity", json!(item.candidate.rule.severity.name())),
        ("origin", json!(item.origin.kind.name())),
    ];
    if let Some(claim) = &item.candidate.claim {
        all.push(("enforcement", json!(claim.enforcement.name())));
        if !claim.at.is_empty() {
            all.push(("at", json!(scrub.prose(&claim.at))));
        }
        if claim.approximate {
            all.push(("approximate", json!(true)));
        }
    }
    if let Some(inner) = &item.origin.inner {
        all.push(("inner", json!(location::encode(scrub.path(inner).as_bytes()))));
        all.push(("innerLine", json!(item.candidate.start.line)));
    }
    let introduced = item.placement.and_then(|placement| placement.introduced.as_ref());
    if let Some(commit) = introduced.map(|commit| commit.id).or(item.origin.commit) {
        all.push(("commit", json!(commit.to_string())));
    }
    if let Some(date) = introduced.and_then(text::date) {
        all.push(("date", json!(date)));
    }
    if let Some(object) = item.origin.object {
        all.push(("object", json!(object.to_string())));
    }
    if !item.candidate.decoded.is_empty() {
        all.push(("decoded", json!(text::decoded(&item.candidate.decoded))));
    }
    if !item.candidate.notes.is_empty() {
        let notes = item.candidate.notes.iter().map(|note| scrub.prose(&note.0));
        all.push(("notes", notes.collect::<Value>()));
    }
    if let Some(placement) = item.placement {
        if !placement.paths.is_empty() {
            let paths = placement.paths.iter().map(|path| location::encode(scrub.path(path).as_bytes()));
            all.push(("paths", paths.collect::<Value>()));
        }
        if placement.unreachable {
            all.push(("unreachable", json!(true)));
        }
    }
    bag(all)
}

fn suppression(scrub: &Scrub, dropped: &Dropped) -> Suppression {
    let kind = if dropped.stage == DropStage::Inline { "inSource" } else { "external" };
    Suppression::builder().kind(json!(kind)).justification(scrub.prose(&dropped.why)).build()
}

fn invocation(view: &View<'_>, scrub: &Scrub, cut: usize) -> Invocation {
    let note = |level: &str, words: &str| {
        Notification::builder().level(json!(level)).message(plain(&sentence(&scrub.prose(words), "."))).build()
    };
    let mut notes: Vec<Notification> =
        view.outcome.problems.iter().map(|problem| note("error", &problem.to_string())).collect();
    if cut > 0 {
        let words = format!(
            "{} left out: code scanning takes {MAX_RESULTS} a run, and the worst are kept; the JSON report has all.",
            text::count(cut as u64, "result")
        );
        notes.push(note("warning", &words));
    }
    notes.extend(view.outcome.notices.iter().map(|notice| note("note", notice)));
    let mut invocation = Invocation::builder().execution_successful(view.outcome.problems.is_empty()).build();
    invocation.tool_execution_notifications = (!notes.is_empty()).then_some(notes);
    invocation
}

/// Numbers equal lines of one file, so that each result keeps a hash of its own when others move. Made from the
/// masked line: a hash of the secret would let anybody test guesses against it.
#[derive(Default)]
struct LineHashes {
    seen: HashMap<(String, String, String), u32>,
}

impl LineHashes {
    fn next(&mut self, uri: &str, rule: &str, candidate: &Candidate) -> String {
        let line = candidate.snippet.text(false);
        let hash: String = blake3::hash(line.trim().as_bytes()).to_hex().chars().take(16).collect();
        let nth = self.seen.entry((uri.to_owned(), rule.to_owned(), hash.clone())).or_default();
        *nth += 1;
        format!("{hash}:{nth}")
    }
}

fn bag<'a>(pairs: impl IntoIterator<Item = (&'a str, Value)>) -> PropertyBag {
    let additional: BTreeMap<String, Value> = pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    PropertyBag::builder().additional_properties(additional).build()
}

/// The badge on GitHub: above 9 critical, from 7 high, from 4 medium.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.5",
    }
}

fn level(severity: Severity) -> ResultLevel {
    match severity {
        Severity::Critical | Severity::High => ResultLevel::Error,
        Severity::Medium => ResultLevel::Warning,
        Severity::Low => ResultLevel::Note,
    }
}

/// What only advises is a note, however severe.
fn level_of(candidate: &Candidate) -> ResultLevel {
    if candidate.enforcement() == Enforcement::Advisory { ResultLevel::Note } else { level(candidate.rule.severity) }
}

fn level_name(severity: Severity) -> &'static str {
    match level(severity) {
        ResultLevel::Error => "error",
        ResultLevel::Warning => "warning",
        _ => "note",
    }
}

/// The words GitHub knows for queries; there is no "note" among them.
fn problem_severity(severity: Severity) -> &'static str {
    match level(severity) {
        ResultLevel::Error => "error",
        ResultLevel::Warning => "warning",
        _ => "recommendation",
    }
}

/// One line that ends as a sentence, or `otherwise` where there is none.
fn sentence(words: &str, otherwise: &str) -> String {
    let words = text::line(words.trim());
    let words = if words.is_empty() { otherwise.to_owned() } else { words };
    if words.is_empty() || words.ends_with(['.', '!', '?']) { words } else { words + "." }
}

/// A link that is one: what a user's rule says may be anything.
fn link(link: &str) -> Option<&str> {
    let rest = link.strip_prefix("https://").or_else(|| link.strip_prefix("http://"))?;
    let plain = rest.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&b));
    (plain && !rest.is_empty()).then_some(link)
}

/// `GithubPat` from `github-pat`: SARIF viewers expect a rule's name in this form.
fn pascal(id: &str) -> String {
    id.split(|c: char| !c.is_ascii_alphanumeric())
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
        })
        .collect()
}

/// Letters, digits and single hyphens.
fn slug(words: &str) -> String {
    let parts: Vec<String> = words
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Confidence, OriginKind, Outcome, Secret, Snippet, Span};

    fn finding(n: u8, severity: Severity) -> Finding {
        let rule = RuleMeta {
            id: format!("rule-{n}"),
            name: "Key".into(),
            provider: String::new(),
            severity,
            why: String::new(),
            fix: String::new(),
            link: "javascript:alert(1)".into(),
            generic: false,
        };
        let (place, secret) = (Position { line: 1, column: 1, column_utf16: 1 }, Secret::new(b"placeholder", 0));
        let candidate = Candidate {
            whole: Span::new(0, 11),
            rule: Arc::new(rule),
            snippet: Snippet::new(b"placeholder", Span::new(0, 11), &[(Span::new(0, 11), &secret)]),
            secret,
            decoded: Vec::new(),
            encoded: None,
            claim: None,
            span: Span::new(0, 11),
            start: place,
            end: place,
            confidence: Confidence::High,
            notes: crate::model::Notes::default(),
            related: Vec::new(),
            guessable: false,
            dropped: None,
            paths: Vec::new(),
            features: Arc::default(),
        };
        let origin = Origin::at(OriginKind::Tree, BytePath::new([n]));
        Finding { origin, candidate, placement: Placement::default(), fingerprint: String::new() }
    }

    #[test]
    fn past_the_limit_the_worst_are_kept_in_order_and_it_is_said() {
        use Severity::{Critical, High, Low};
        let findings = [(b'a', Low), (b'b', High), (b'c', Low), (b'd', Critical), (b'e', High)];
        let outcome =
            Outcome { findings: findings.map(|(n, severity)| finding(n, severity)).to_vec(), ..Outcome::default() };
        let log = serde_json::to_value(log(&View::new(&outcome), 2)).unwrap();
        let run = &log["runs"][0];
        let kept: Vec<&str> =
            run["results"].as_array().unwrap().iter().map(|result| result["ruleId"].as_str().unwrap()).collect();
        assert_eq!(kept, ["rule-98", "rule-100"]);
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 2, "no rule without a result");
        let said = &run["invocations"][0]["toolExecutionNotifications"][0];
        assert!(said["message"]["text"].as_str().unwrap().starts_with("3 results left out"), "{said}");
        assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    }

    #[test]
    fn a_rule_that_says_little_still_has_help_and_a_region_is_never_empty() {
        let outcome = Outcome { findings: vec![finding(b'a', Severity::Low)], ..Outcome::default() };
        let log = serde_json::to_value(log(&View::new(&outcome), 9)).unwrap();
        let rule = &log["runs"][0]["tool"]["driver"]["rules"][0];
        assert!(rule["help"]["text"].as_str().unwrap().contains("Revoke it"), "{rule}");
        assert!(rule.get("helpUri").is_none() && !rule.to_string().contains("javascript"), "{rule}");
        let region = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"];
        assert_eq!(*region, json!({ "startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2 }));
    }
}
