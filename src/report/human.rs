//! For people: each finding at its line with what to do about it, then what else there is to know, and one summary
//! line. Every text from outside goes through `text::line`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::scrub::Scrub;
use super::{View, location, text};
use crate::model::{BytePath, Candidate, Dropped, Enforcement, Finding, Origin, OriginKind, Severity};

/// Prose and code are never squeezed below this.
const NARROWEST: usize = 80;
/// Where the terminal's width is not known.
const USUAL: usize = 100;
/// Other paths of a finding named without `verbose`.
const PATHS: usize = 5;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();

/// Writes the page.
pub fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let room = view.width.unwrap_or(USUAL).max(NARROWEST);
    Page { view, scrub: Scrub::new(view), room, out }.all()
}

struct Page<'a, 'o> {
    view: &'a View<'a>,
    scrub: Scrub,
    room: usize,
    out: &'o mut dyn Write,
}

impl Page<'_, '_> {
    fn all(&mut self) -> io::Result<()> {
        let outcome = self.view.outcome;
        let mut advised = BTreeSet::new();
        for finding in &outcome.findings {
            let first = advised.insert(finding.candidate.rule.id.as_str());
            self.finding(finding, first || self.view.verbose)?;
            writeln!(self.out)?;
        }
        self.next_steps()?;
        if self.view.explain {
            self.dropped()?;
        }
        let mut said = false;
        let messages = self.view.messages;
        for notice in outcome.notices.iter().filter(|_| messages) {
            let notice = self.prose(notice);
            self.flowed(&self.paint(CYAN, "note"), "note", &notice)?;
            said = true;
        }
        for problem in outcome.problems.iter().filter(|_| messages) {
            let problem = self.prose(&problem.to_string());
            self.flowed(&self.paint(RED, "error"), "error", &problem)?;
            said = true;
        }
        if self.view.verbose {
            for (name, bytes) in &outcome.coverage.too_large {
                let line = format!("{} ({})", self.prose(name), text::bytes(*bytes));
                self.flowed(&self.paint(YELLOW, "too large, not scanned"), "too large, not scanned", &line)?;
                said = true;
            }
            for (name, why) in &outcome.coverage.unopened {
                let line = format!("{} ({})", self.prose(name), why.name());
                self.flowed(&self.paint(YELLOW, "not looked into"), "not looked into", &line)?;
                said = true;
            }
        }
        if said {
            writeln!(self.out)?;
        }
        let summary = self.summary();
        writeln!(self.out, "{summary}")
    }

    fn finding(&mut self, finding: &Finding, advise: bool) -> io::Result<()> {
        let candidate = &finding.candidate;
        let rule = &candidate.rule;
        let severity = self.paint(severity_style(rule.severity), rule.severity.name());
        let at = self.paint(BOLD, &self.place(&finding.origin, candidate));
        let name = self.paint(BOLD, &text::line(&rule.name));
        match &candidate.claim {
            None => {
                let confidence = candidate.confidence;
                writeln!(self.out, "{at}: {severity}: {name} [{}], confidence {confidence}", text::line(&rule.id))?;
            }
            Some(claim) => {
                let said = self.paint(BOLD, &text::line(&self.prose(&claim.message)));
                let level =
                    if claim.enforcement == Enforcement::Soft { "".into() } else { format!(", {}", claim.enforcement) };
                writeln!(self.out, "{at}: {severity}: {said} [{}]{level}", text::line(&rule.id))?;
            }
        }
        let gutter = candidate.start.line.to_string().len().max(2);
        self.code(candidate, gutter)?;
        for (label, words) in self.facts(finding, advise) {
            self.fact(gutter, label, &words)?;
        }
        Ok(())
    }

    /// The line, the secret masked, and marks under it.
    fn code(&mut self, candidate: &Candidate, gutter: usize) -> io::Result<()> {
        let mut cells: Vec<(char, bool)> = Vec::new();
        for piece in candidate.snippet.shown(self.view.reveal) {
            let shown = self.scrub.prose(&piece.text);
            cells.extend(text::line(&shown).chars().map(|c| (c, piece.focus)));
        }
        let cells = crop(cells, self.room.saturating_sub(gutter + 4));
        let bar = self.paint(DIM, "|");
        let number = self.paint(DIM, &format!("{:>gutter$}", candidate.start.line));
        let line: String = cells.iter().map(|(c, _)| *c).collect();
        writeln!(self.out, "{number} {bar} {}", line.trim_end())?;
        let marks: String =
            cells.iter().flat_map(|(c, focus)| [if *focus { '^' } else { ' ' }].repeat(text::columns(*c))).collect();
        if marks.contains('^') {
            let lead: String = marks.chars().take_while(|c| *c == ' ').collect();
            let marks = self.paint(severity_style(candidate.rule.severity), marks.trim());
            writeln!(self.out, "{:gutter$} {bar} {lead}{marks}", "")?;
        }
        Ok(())
    }

    /// What stands under the line: (label, words).
    fn facts(&self, finding: &Finding, advise: bool) -> Vec<(&'static str, String)> {
        let candidate = &finding.candidate;
        let rule = &candidate.rule;
        let mut facts = Vec::new();
        if let Some(claim) = &candidate.claim {
            facts.push(("rule", rule.name.clone()));
            facts.push(("at", self.prose(&claim.at)));
        }
        if candidate.end.line > candidate.start.line && !candidate.claim.as_ref().is_some_and(|claim| claim.approximate)
        {
            facts.push(("lines", format!("{} to {}", candidate.start.line, candidate.end.line)));
        }
        if advise {
            facts.push(("why", rule.why.clone()));
            facts.push(("fix", rule.fix.clone()));
            facts.push(("link", rule.link.clone()));
        } else {
            let known = candidate.claim.is_none() || !rule.fix.is_empty();
            facts.push(("fix", if known { format!("as for the first {} above", rule.id) } else { String::new() }));
        }
        facts.push(("decoded", text::decoded(&candidate.decoded)));
        facts.extend(candidate.notes.iter().map(|note| ("note", self.prose(&note.0))));
        for part in &candidate.related {
            facts.push(("with", format!("{} on line {}", part.rule.name, part.start.line)));
        }
        let placement = &finding.placement;
        if let Some(commit) = &placement.introduced {
            let date = text::date(commit).unwrap_or_else(|| "an unknown date".to_owned());
            facts.push(("commit", format!("{} by {}, {date}", commit.id.short(), self.prose(&commit.author))));
        } else if let Some(commit) = finding.origin.commit.filter(|_| finding.origin.path.is_some()) {
            facts.push(("commit", commit.short()));
        }
        if placement.unreachable {
            facts.push(("commit", "no ref reaches it, but the object is still there".to_owned()));
        }
        facts.extend(self.elsewhere(finding));
        if self.view.verbose && !finding.fingerprint.is_empty() {
            facts.push(("fingerprint", finding.fingerprint.clone()));
        }
        facts.retain(|(_, words)| !words.trim().is_empty());
        facts
    }

    fn elsewhere(&self, finding: &Finding) -> Option<(&'static str, String)> {
        let placement = &finding.placement;
        let paths: Vec<&BytePath> =
            placement.paths.iter().filter(|path| Some(*path) != finding.origin.path.as_ref()).collect();
        let named = if self.view.verbose { paths.len() } else { PATHS };
        let mut words: Vec<String> =
            paths.iter().take(named).map(|path| text::line(&self.scrub.path(path).to_string())).collect();
        if paths.len() > named {
            words.push(format!("{} more", text::count((paths.len() - named) as u64, "path")));
        }
        let mut words = words.join(", ");
        if placement.occurrences.len() > 1 {
            let gap = if words.is_empty() { "" } else { "; " };
            words.push_str(&format!("{gap}{} in all", text::count(placement.occurrences.len() as u64, "place")));
        }
        (!words.is_empty()).then_some(("also", words))
    }

    /// `  = label: words`, wrapped under the words.
    fn fact(&mut self, gutter: usize, label: &str, words: &str) -> io::Result<()> {
        let indent = gutter + 1 + "= ".len() + label.len() + ": ".len();
        let lead = format!("{:gutter$} {} {}: ", "", self.paint(DIM, "="), self.paint(DIM, label));
        self.hanging(&lead, indent, words)
    }

    /// `label: words`, wrapped under the words' beginning.
    fn flowed(&mut self, painted: &str, label: &str, words: &str) -> io::Result<()> {
        self.hanging(&format!("{painted}: "), label.len() + 2, words)
    }

    fn hanging(&mut self, lead: &str, indent: usize, words: &str) -> io::Result<()> {
        let lines = text::wrap(&text::line(words), self.room.saturating_sub(indent));
        for (n, line) in lines.iter().enumerate() {
            if n == 0 {
                writeln!(self.out, "{lead}{line}")?;
            } else {
                writeln!(self.out, "{:indent$}{line}", "")?;
            }
        }
        Ok(())
    }

    /// What somebody who was just stopped can do.
    fn next_steps(&mut self) -> io::Result<()> {
        let findings = &self.view.outcome.findings;
        if findings.is_empty() {
            return Ok(());
        }
        let secrets: Vec<&Finding> = findings.iter().filter(|f| f.candidate.claim.is_none()).collect();
        let has = |test: &dyn Fn(&Origin) -> bool| secrets.iter().any(|f| test(&f.origin));
        let mut steps: Vec<String> = Vec::new();
        if secrets.is_empty() {
            steps.extend(self.claim_steps());
            return self.steps(steps);
        }
        if has(&|origin| origin.kind == OriginKind::Staged) {
            let name = self.unstage_argument();
            steps.push(
                "Take the value out of the file and `git add` it again: the index is what was scanned.".to_owned(),
            );
            steps.push(format!("Or leave the file out of this commit: `git reset -- {name}` (your changes stay)."));
        }
        if has(&is_draft) {
            steps.push("Take the value out of the commit message and commit again.".to_owned());
        }
        let stored = [OriginKind::Range, OriginKind::History, OriginKind::TagMessage];
        if has(&|origin| stored.contains(&origin.kind) || origin.commit.is_some()) {
            steps.push(
                "It is in a commit already: revoke it first. A later commit that removes it does not take it back."
                    .to_owned(),
            );
        }
        let rules: BTreeSet<&str> = secrets.iter().map(|f| f.candidate.rule.id.as_str()).collect();
        let rule = match rules.first() {
            Some(only) if rules.len() == 1 => text::line(only),
            _ => "rule-id".to_owned(),
        };
        steps.push(format!("No secret? Say so on its line, in a comment: `keyward:allow {rule} -- reason`."));
        if secrets.len() < findings.len() {
            steps.extend(self.claim_steps());
        }
        steps.extend(self.accept());
        self.steps(steps)
    }

    /// What somebody can do whom a policy stopped.
    fn claim_steps(&self) -> Option<String> {
        let mut claims = self.view.outcome.findings.iter().filter(|f| f.candidate.claim.is_some());
        let soft = claims.find(|f| f.candidate.enforcement() == Enforcement::Soft)?;
        let rule = text::line(&soft.candidate.rule.id);
        Some(format!("Meant to be so? Say why on its line, in a comment: `keyward:allow {rule} -- reason`."))
    }

    fn steps(&mut self, steps: Vec<String>) -> io::Result<()> {
        if steps.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "{}", self.paint(BOLD, "What now:"))?;
        for step in steps {
            self.hanging("  - ", 4, &step)?;
        }
        writeln!(self.out)
    }

    /// How to record what is known: with the source that saw it, as a scan of the tree need not see it again. A message
    /// that is still being written is in no source.
    fn accept(&self) -> Option<String> {
        let origins = || self.view.outcome.findings.iter().map(|f| &f.origin).filter(|o| !is_draft(o));
        let has = |kinds: &[OriginKind]| origins().any(|origin| kinds.contains(&origin.kind));
        origins().next()?;
        let source = if has(&[OriginKind::History, OriginKind::TagMessage]) {
            " --history"
        } else if has(&[OriginKind::Range, OriginKind::CommitMessage]) {
            " --range A..B"
        } else {
            ""
        };
        let staged = if has(&[OriginKind::Staged]) { ", once it is staged" } else { "" };
        Some(format!(
            "Known and accepted? `keyward baseline create{source}`, or `update` where there is one, keeps it \
             quiet{staged}."
        ))
    }

    /// The only staged path with findings, where a shell takes it as it stands; else a stand-in.
    fn unstage_argument(&self) -> String {
        let staged = self.view.outcome.findings.iter().filter(|f| f.origin.kind == OriginKind::Staged);
        let paths: BTreeSet<BytePath> =
            staged.filter_map(|f| Some(BytePath::new(f.origin.path.as_ref()?.outer()))).collect();
        let plain =
            |path: &&BytePath| path.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"/._-+@".contains(b));
        match paths.first().filter(plain) {
            Some(path) if paths.len() == 1 => self.scrub.path(path).to_string(),
            _ => "FILE".to_owned(),
        }
    }

    fn dropped(&mut self) -> io::Result<()> {
        let outcome = self.view.outcome;
        if outcome.dropped.is_empty() {
            writeln!(self.out, "Nothing was dropped.\n")?;
            return Ok(());
        }
        let heading = format!("Dropped ({}):", text::count(outcome.dropped.len() as u64, "candidate"));
        writeln!(self.out, "{}", self.paint(BOLD, &heading))?;
        for dropped in &outcome.dropped {
            let Dropped { origin, candidate, stage, why } = dropped;
            let at = self.place(origin, candidate);
            let why = text::line(&self.prose(why));
            writeln!(self.out, "  {at}: {}: {stage}: {why}", text::line(&candidate.rule.id))?;
        }
        writeln!(self.out)
    }

    fn summary(&self) -> String {
        let outcome = self.view.outcome;
        let source = text::line(self.view.source);
        let scanned = self.scanned();
        if outcome.findings.is_empty() {
            let but = match outcome.problems.len() as u64 {
                0 => String::new(),
                n => format!(", but the scan is incomplete ({})", text::count(n, "error")),
            };
            let style = if but.is_empty() { GREEN } else { RED };
            return format!(
                "{} in {source}{but}; {scanned}",
                self.paint(
                    style,
                    if self.view.checks { "keyward: nothing found" } else { "keyward: no secrets found" }
                )
            );
        }
        let mut by_severity: BTreeMap<Severity, u64> = BTreeMap::new();
        for finding in &outcome.findings {
            *by_severity.entry(finding.candidate.rule.severity).or_default() += 1;
        }
        let counts: Vec<String> = by_severity.iter().rev().map(|(level, n)| format!("{n} {level}")).collect();
        let total = format!("keyward: {}", text::count(outcome.findings.len() as u64, "finding"));
        let worst = by_severity.keys().next_back().map_or(BOLD, |level| severity_style(*level));
        let mut line = format!("{} ({}) in {source}", self.paint(worst, &total), counts.join(", "));
        if let Some(least) = outcome.fail_on {
            let below: u64 = by_severity.range(..least).map(|(_, n)| n).sum();
            if below > 0 {
                line.push_str(&format!(", {below} below {least} and let through"));
            }
        }
        let advisory = outcome.findings.iter().filter(|f| f.candidate.enforcement() == Enforcement::Advisory).count();
        if advisory > 0 {
            line.push_str(&format!(", {advisory} advisory"));
        }
        if !outcome.problems.is_empty() {
            line.push_str(&format!(", {}", text::count(outcome.problems.len() as u64, "error")));
        }
        format!("{line}; {scanned}")
    }

    /// "scanned 3 files, 1 message (4.0 KiB) in 2 ms, skipped 1 too-large".
    fn scanned(&self) -> String {
        let coverage = &self.view.outcome.coverage;
        let mut what = Vec::new();
        if coverage.commits > 0 {
            what.push(text::count(coverage.commits, "commit"));
        }
        let noun = if coverage.commits > 0 { "blob" } else { "file" };
        what.push(text::count(coverage.blobs.saturating_sub(coverage.messages), noun));
        if coverage.messages > 0 {
            what.push(text::count(coverage.messages, "message"));
        }
        if coverage.archives > 0 {
            let files = text::count(coverage.archived, "file");
            what.push(format!("{files} in {}", text::count(coverage.archives, "archive")));
        }
        let size = text::bytes(coverage.bytes + coverage.archived_bytes);
        let mut line = format!("scanned {} ({size}) in {}", what.join(", "), text::elapsed(self.view.outcome.elapsed));
        let skipped: Vec<String> =
            coverage.skipped.iter().filter(|(_, n)| **n > 0).map(|(why, n)| format!("{n} {}", why.name())).collect();
        if !skipped.is_empty() {
            line.push_str(&format!(", skipped {}", skipped.join(", ")));
        }
        line
    }

    fn place(&self, origin: &Origin, candidate: &Candidate) -> String {
        let name = text::line(&location::screen(&self.scrub.origin(origin)));
        format!("{name}:{}:{}", candidate.start.line, candidate.start.column)
    }

    fn prose(&self, words: &str) -> String {
        self.scrub.prose(words)
    }

    fn paint(&self, style: Style, words: &str) -> String {
        if self.view.color { format!("{style}{words}{style:#}") } else { words.to_owned() }
    }
}

/// A commit message before its commit.
fn is_draft(origin: &Origin) -> bool {
    origin.kind == OriginKind::CommitMessage && origin.commit.is_none()
}

fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Critical | Severity::High => RED,
        Severity::Medium => YELLOW,
        Severity::Low => CYAN,
    }
}

/// Cuts a long line around its marked part.
fn crop(mut cells: Vec<(char, bool)>, room: usize) -> Vec<(char, bool)> {
    const GAP: &str = "...";
    if cells.iter().map(|(c, _)| text::columns(*c)).sum::<usize>() <= room {
        return cells;
    }
    let focus = cells.iter().position(|(_, focus)| *focus).unwrap_or(0);
    let start = focus.saturating_sub(room / 3);
    let mut kept: Vec<(char, bool)> = Vec::new();
    if start > 0 {
        kept.extend(GAP.chars().map(|c| (c, false)));
    }
    let mut used = kept.len() + GAP.len();
    let mut rest = cells.drain(start..).peekable();
    while let Some(cell) = rest.next_if(|(c, _)| used + text::columns(*c) <= room) {
        used += text::columns(cell.0);
        kept.push(cell);
    }
    if rest.peek().is_some() {
        kept.extend(GAP.chars().map(|c| (c, false)));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_around_its_marks() {
        let line = |before: usize, after: usize| -> Vec<(char, bool)> {
            let mut cells = vec![('a', false); before];
            cells.extend([('X', true); 5]);
            cells.extend(vec![('b', false); after]);
            cells
        };
        let text = |cells: &[(char, bool)]| cells.iter().map(|(c, _)| *c).collect::<String>();
        assert_eq!(text(&crop(line(3, 3), 20)), "aaaXXXXXbbb");
        assert_eq!(text(&crop(line(50, 50), 20)), "...aaaaaaXXXXXbbb...");
        assert_eq!(text(&crop(line(0, 50), 20)), "XXXXXbbbbbbbbbbbb...");
        assert!(crop(line(1000, 1000), 20).iter().any(|(_, focus)| *focus));
    }
}
