//! The baseline: findings accepted once, known again by the digest of their secret. Reads and writes bytes, not files.
//!
//! A secret is covered wherever it lies: a moved line, a renamed file, a copied tree change nothing, nor does the rule
//! that sees it. A *different* secret is never covered, be it on the same line. Rule and path stand beside each digest
//! for people; matching ignores them.
//!
//! **What the digests protect**, should the file leak (it is committed, so think of it as public):
//! - a strong secret (a random token) cannot be found from its salted, keyed BLAKE3 digest;
//! - one that can be guessed (a password) is digested with Argon2id at the cost in the header: testing a guess takes
//!   tens of milliseconds, so a list of a thousand common passwords still falls in a minute, a good password does not;
//! - two baselines share no digest, as each has a salt of its own; within one, equal secrets have equal digests.
//!
//! **What they do not protect**: a password on every attacker's list, unless an external key
//! (`KEYWARD_BASELINE_KEY`, random, kept out of the repository) is mixed in; then the file is of no use without the
//! key, and keyward refuses to read it with no key or a wrong one. Rules and paths stand in clear. And the secrets are
//! still in the tree and its history: a baseline accepts them, it does not revoke them.
//!
//! **Merging**: one entry a line, sorted by digest, each line complete; no date, no line number. A blank line ends each
//! of the 256 groups of digests that share their first two digits: git merges lines that are added at different places,
//! and so there are places even in a new baseline. Two branches conflict only when both add an entry between the same
//! two lines; with `.keyward-baseline.json merge=union` in `.gitattributes` not even then. Entries out of order or
//! there twice are read all the same.

use std::collections::{BTreeMap, HashSet};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::digest::{Cost, Digests, SLOW};
use super::fingerprint::hex;
use crate::model::{Candidate, DropStage, Dropped, Finding, Origin, Secret};

/// Where the baseline is when nobody says otherwise: at the root.
pub const DEFAULT_PATH: &str = ".keyward-baseline.json";
/// The environment variable with the external key.
pub const KEY_VARIABLE: &str = "KEYWARD_BASELINE_KEY";
/// The file's version that this keyward reads and writes.
const VERSION: u64 = 1;
/// Larger files are refused.
const LARGEST: usize = 64 << 20;
const ABOUT: &str = "Findings that keyward accepts: digests, no secrets. Changed by `keyward baseline update`.";

/// Accepted findings.
#[derive(Debug)]
pub struct Baseline {
    salt: Vec<u8>,
    cost: Cost,
    keyed: bool,
    digests: Digests,
    entries: BTreeMap<String, Entry>,
}

/// One accepted secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// 32 hexadecimal digits; followed by `-argon2` where the secret could be guessed.
    pub digest: String,
    /// The rule that saw it when it was accepted.
    pub rule: String,
    /// Where it was seen then; in parentheses the kind of origin where there was no path.
    pub path: String,
}

impl Entry {
    /// True when its secret could be guessed.
    pub(super) fn is_slow(&self) -> bool {
        self.digest.ends_with(SLOW)
    }
}

/// Why a baseline cannot be used: one line, with what to do. Whoever shows it names the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaselineError {
    /// Git left its marks in it.
    #[error(
        "line {0}: unresolved merge conflict: keep the entries of both sides and take out git's marks; where the two \
         salts differ, make it anew with `keyward baseline create --force`"
    )]
    Conflict(usize),
    /// It is not what keyward writes.
    #[error("line {line}: {why}: restore the file from git, or make it anew with `keyward baseline create --force`")]
    Corrupt {
        /// From 1.
        line: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// A later keyward wrote it.
    #[error("version {0} is not known to this keyward, which reads version 1: install a newer keyward")]
    Version(u64),
    /// It needs a key.
    #[error("it was made with a key: set KEYWARD_BASELINE_KEY to the one it was made with")]
    KeyMissing,
    /// It needs another key.
    #[error("KEYWARD_BASELINE_KEY is not the key it was made with: set the right one, or make it anew")]
    KeyWrong,
    /// The machine could not do it.
    #[error("{0}: try again on a machine with more to spare")]
    Machine(&'static str),
}

/// What [`Baseline::update`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Entries that were not there.
    pub added: usize,
    /// Entries whose secret is gone.
    pub removed: usize,
    /// Entries whose secret now lies elsewhere.
    pub moved: usize,
}

#[derive(Deserialize)]
struct Version {
    version: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "about")]
    _about: Option<String>,
    #[serde(rename = "version")]
    _version: u64,
    salt: String,
    argon2: Cost,
    key_check: Option<String>,
    /// The last one is null, so that every entry's line ends alike.
    entries: Vec<Option<Entry>>,
}

impl Baseline {
    /// Reads a baseline; `key` is the content of `KEYWARD_BASELINE_KEY`, ignored by baselines made without one.
    ///
    /// # Errors
    /// Anything that would make it cover less, or more, than whoever wrote it meant.
    pub fn read(bytes: &[u8], key: Option<&[u8]>) -> Result<Self, BaselineError> {
        if bytes.len() > LARGEST {
            return Err(BaselineError::Corrupt { line: 1, why: "the file is larger than any baseline" });
        }
        if let Some(line) = conflict(bytes) {
            return Err(BaselineError::Conflict(line));
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(BaselineError::Corrupt { line: 1, why: "the file is empty" });
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        // The parser's own words may quote the file: only its line is told.
        let corrupt = |error: serde_json::Error| BaselineError::Corrupt {
            line: error.line().max(1),
            why: "this is not what keyward writes",
        };
        match serde_json::from_slice::<Version>(bytes).map_err(corrupt)?.version {
            Some(VERSION) => {}
            Some(other) => return Err(BaselineError::Version(other)),
            None => return Err(BaselineError::Corrupt { line: 1, why: "there is no `version`" }),
        }
        let file: File = serde_json::from_slice(bytes).map_err(corrupt)?;
        let line = |of: &str| 1 + bytes.iter().take(find(bytes, of)).filter(|b| **b == b'\n').count();
        let salt = unhex(&file.salt).filter(|salt| (16..=64).contains(&salt.len()));
        let wrong = |of: &str, why| BaselineError::Corrupt { line: line(of), why };
        let salt = salt.ok_or_else(|| wrong("\"salt\"", "the salt is damaged"))?;
        if !file.argon2.sane() {
            return Err(wrong("\"argon2\"", "the cost is not one that keyward writes"));
        }
        let keyed = file.key_check.is_some();
        let key = key.filter(|key| keyed && !key.is_empty());
        if keyed && key.is_none() {
            return Err(BaselineError::KeyMissing);
        }
        let digests = Digests::new(&salt, key, file.argon2).ok_or(NO_MEMORY)?;
        if file.key_check.is_some_and(|check| check != digests.check_value()) {
            return Err(BaselineError::KeyWrong);
        }
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        for entry in file.entries.into_iter().flatten() {
            if !is_digest(&entry.digest) {
                return Err(wrong(&entry.digest, "a digest is damaged"));
            }
            // A merge by union may leave two lines for one secret: the smaller one stays, whichever came first.
            let old = entries.entry(entry.digest.clone()).or_insert_with(|| entry.clone());
            if entry < *old {
                *old = entry;
            }
        }
        Ok(Self { salt, cost: file.argon2, keyed, digests, entries })
    }

    /// A baseline without entries, with a new salt. An empty key is none.
    ///
    /// # Errors
    /// When the machine has no randomness or no memory.
    pub fn empty(key: Option<&[u8]>) -> Result<Self, BaselineError> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|_| BaselineError::Machine("no random numbers"))?;
        let key = key.filter(|key| !key.is_empty());
        let cost = Cost::default();
        let digests = Digests::new(&salt, key, cost).ok_or(NO_MEMORY)?;
        Ok(Self { salt: salt.to_vec(), cost, keyed: key.is_some(), digests, entries: BTreeMap::new() })
    }

    /// A baseline of all that was seen, with a new salt. See [`seen`] for the argument.
    ///
    /// # Errors
    /// When the machine has no randomness or no memory.
    pub fn create(seen: &[(&Origin, &Candidate)], key: Option<&[u8]>) -> Result<Self, BaselineError> {
        let mut baseline = Self::empty(key)?;
        baseline.update(seen, false)?;
        Ok(baseline)
    }

    /// Adds what is new; with `prune` takes out what was not seen (only right after a scan of everything). Entries
    /// that stay keep their line to the letter, unless their path no longer holds the secret.
    ///
    /// # Errors
    /// When the machine has no memory; then nothing has changed.
    pub fn update(&mut self, seen: &[(&Origin, &Candidate)], prune: bool) -> Result<Change, BaselineError> {
        let found = self.digest_all(seen)?;
        let mut change = Change::default();
        if prune {
            let before = self.entries.len();
            self.entries.retain(|digest, _| found.contains_key(digest));
            change.removed = before - self.entries.len();
        }
        for (digest, entries) in found {
            let Some(first) = entries.iter().min() else { continue };
            match self.entries.get_mut(&digest) {
                None => {
                    self.entries.insert(digest, first.clone());
                    change.added += 1;
                }
                // Only a look at everything can tell that a secret has left its path.
                Some(old) if prune && !entries.iter().any(|entry| entry.path == old.path) => {
                    *old = first.clone();
                    change.moved += 1;
                }
                Some(_) => {}
            }
        }
        Ok(change)
    }

    /// What the baseline would say of each secret, by digest.
    fn digest_all(&self, seen: &[(&Origin, &Candidate)]) -> Result<BTreeMap<String, Vec<Entry>>, BaselineError> {
        // What one rule takes for guessable gets a slow digest only, whatever other rules think of it.
        let guessable: HashSet<&Secret> = seen.iter().filter(|(_, c)| c.guessable).map(|(_, c)| &c.secret).collect();
        self.warm(guessable.iter().copied());
        let mut found: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for (origin, candidate) in seen {
            let digest =
                self.digests.of(&candidate.identity(), guessable.contains(&candidate.secret)).ok_or(NO_MEMORY)?;
            let entry = Entry { digest: digest.clone(), rule: candidate.rule.id.clone(), path: place(origin) };
            found.entry(digest).or_default().push(entry);
        }
        Ok(found)
    }

    /// The entry that accepts the candidate's secret. Slow (once for each secret) when it can be guessed and the
    /// baseline holds such entries; when the machine has no memory for that, it is not covered.
    pub fn covering(&self, candidate: &Candidate) -> Option<&Entry> {
        if self.entries.is_empty() {
            return None;
        }
        let fast = self.entries.get(&self.digests.fast(&candidate.identity()));
        if fast.is_some() || !candidate.guessable || !self.has_slow() {
            return fast;
        }
        self.entries.get(&self.digests.slow(&candidate.secret)?)
    }

    /// True when the candidate's secret is accepted.
    pub fn covers(&self, candidate: &Candidate) -> bool {
        self.covering(candidate).is_some()
    }

    /// Makes the slow digests of `secrets` on all threads, so that [`Baseline::covers`] and [`Baseline::update`] find
    /// them made.
    pub(super) fn warm<'s>(&self, secrets: impl Iterator<Item = &'s Secret>) {
        let distinct: HashSet<&Secret> = secrets.collect();
        distinct.into_par_iter().for_each(|secret| {
            self.digests.slow(secret);
        });
    }

    /// True when some entry's secret can be guessed.
    pub(super) fn has_slow(&self) -> bool {
        self.entries.values().any(Entry::is_slow)
    }

    /// The entries, by digest.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.values()
    }

    /// True when a key is needed to read it.
    pub fn needs_key(&self) -> bool {
        self.keyed
    }

    /// The entries that `before` has not: all of them when it has another salt.
    pub fn added_since<'b>(&'b self, before: Option<&'b Baseline>) -> Vec<&'b Entry> {
        let before = before.filter(|before| before.salt == self.salt);
        self.entries().filter(|entry| before.is_none_or(|old| !old.entries.contains_key(&entry.digest))).collect()
    }

    /// The file's bytes: the same for the same entries.
    pub fn to_bytes(&self) -> Vec<u8> {
        let text = |value: &str| serde_json::Value::from(value).to_string();
        let check = if self.keyed { text(&self.digests.check_value()) } else { "null".into() };
        let mut out = format!(
            "{{\n\"about\": {},\n\"version\": {VERSION},\n\"salt\": \"{}\",\n\"argon2\": {{\"memory_kib\": {}, \
             \"passes\": {}}},\n\"key_check\": {check},\n\"entries\": [\n",
            text(ABOUT),
            hex(&self.salt),
            self.cost.memory_kib,
            self.cost.passes,
        );
        let mut entries = self.entries.values().peekable();
        for group in 0..=u8::MAX {
            let group = hex(&[group]);
            while let Some(entry) = entries.next_if(|entry| entry.digest.starts_with(&group)) {
                let (digest, rule, path) = (text(&entry.digest), text(&entry.rule), text(&entry.path));
                out.push_str(&format!("{{\"digest\": {digest}, \"rule\": {rule}, \"path\": {path}}},\n"));
            }
            out.push('\n');
        }
        out.push_str("null\n]\n}\n");
        out.into_bytes()
    }
}

/// What a baseline is made of after a scan: the findings, and what an earlier baseline covered.
pub fn seen<'o>(findings: &'o [Finding], dropped: &'o [Dropped]) -> Vec<(&'o Origin, &'o Candidate)> {
    let covered = dropped.iter().filter(|dropped| dropped.stage == DropStage::Baseline);
    let findings = findings.iter().map(|finding| (&finding.origin, &finding.candidate));
    findings.chain(covered.map(|dropped| (&dropped.origin, &dropped.candidate))).collect()
}

const NO_MEMORY: BaselineError = BaselineError::Machine("not enough memory for Argon2");

fn place(origin: &Origin) -> String {
    origin.path.as_ref().map_or_else(|| format!("({})", origin.kind.name()), ToString::to_string)
}

/// The line of git's conflict mark, if there is one.
fn conflict(bytes: &[u8]) -> Option<usize> {
    let marks: [&[u8]; 4] = [b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||"];
    bytes.split(|b| *b == b'\n').position(|line| marks.iter().any(|mark| line.starts_with(mark))).map(|at| at + 1)
}

fn find(bytes: &[u8], text: &str) -> usize {
    memchr::memmem::find(bytes, text.as_bytes()).unwrap_or(0)
}

fn is_digest(text: &str) -> bool {
    let digits = text.strip_suffix(SLOW).unwrap_or(text);
    digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => {
                let value = char::from(high).to_digit(16)? * 16 + char::from(low).to_digit(16)?;
                u8::try_from(value).ok()
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{candidate, made_up, origin};
    use super::*;

    fn strong(seed: u64) -> Candidate {
        candidate("acme-token", &made_up(seed), false)
    }

    fn made_of(seen: &[(&str, &Candidate)], key: Option<&[u8]>) -> Baseline {
        let origins: Vec<Origin> = seen.iter().map(|(path, _)| origin(path)).collect();
        let seen: Vec<(&Origin, &Candidate)> = origins.iter().zip(seen.iter().map(|(_, c)| *c)).collect();
        Baseline::create(&seen, key).unwrap()
    }

    fn text(baseline: &Baseline) -> String {
        String::from_utf8(baseline.to_bytes()).unwrap()
    }

    #[test]
    fn it_covers_the_secret_under_any_rule_after_a_round_trip_and_no_other() {
        let (one, weak) = (strong(1), candidate("password", "swordfish", true));
        let baseline = made_of(&[("a.env", &one), ("b.yml", &weak)], None);
        let read = Baseline::read(&baseline.to_bytes(), None).unwrap();
        assert_eq!(read.to_bytes(), baseline.to_bytes());
        assert!(read.covers(&one) && read.covers(&weak));
        assert!(read.covers(&Candidate { rule: weak.rule.clone(), ..one.clone() }));
        assert!(!read.covers(&strong(2)) && !read.covers(&candidate("password", "sailfish", true)));
        assert_eq!(read.entries().map(|e| e.path.as_str()).collect::<std::collections::BTreeSet<_>>().len(), 2);
    }

    #[test]
    fn a_guessable_secret_is_never_digested_fast_though_another_rule_thinks_it_strong() {
        let weak = candidate("password", "swordfish", true);
        let same = candidate("url", "swordfish", false);
        let baseline = made_of(&[("a", &weak), ("b", &same)], None);
        assert_eq!(baseline.entries().len(), 1);
        assert!(baseline.entries().all(|entry| entry.digest.ends_with(SLOW)));
        assert!(!text(&baseline).contains(&baseline.digests.fast(&weak.secret)));
    }

    #[test]
    fn two_baselines_share_no_digest() {
        let one = strong(1);
        let digest = |baseline: &Baseline| baseline.entries().next().unwrap().digest.clone();
        assert_ne!(digest(&made_of(&[("a", &one)], None)), digest(&made_of(&[("a", &one)], None)));
    }

    #[test]
    fn an_update_keeps_salt_and_lines_and_prunes_only_when_told() {
        let (one, two, three) = (strong(1), strong(2), strong(3));
        let mut baseline = made_of(&[("a", &one), ("b", &two)], None);
        let before = text(&baseline);
        let (at_a, at_c) = (origin("a"), origin("c"));
        let change = baseline.update(&[(&at_c, &three)], false).unwrap();
        assert_eq!(change, Change { added: 1, ..Change::default() });
        let after = text(&baseline);
        let added: Vec<&str> = after.lines().filter(|line| !before.contains(line)).collect();
        assert_eq!(added.len(), 1, "{after}");
        let change = baseline.update(&[(&at_a, &one), (&at_c, &two)], true).unwrap();
        assert_eq!(change, Change { removed: 1, moved: 1, added: 0 });
        assert!(baseline.covers(&one) && baseline.covers(&two) && !baseline.covers(&three));
        let again = Baseline::read(&baseline.to_bytes(), None).unwrap();
        assert!(again.entries().any(|entry| entry.path == "c"), "the renamed file's line follows");
    }

    #[test]
    fn the_same_findings_in_any_order_give_the_same_bytes_without_date_or_line() {
        let (one, two) = (strong(1), strong(2));
        let mut a = Baseline::empty(None).unwrap();
        let mut b = Baseline::read(&a.to_bytes(), None).unwrap();
        let (x, y) = (origin("x"), origin("y"));
        a.update(&[(&x, &one), (&y, &one), (&x, &two)], true).unwrap();
        b.update(&[(&x, &two), (&y, &one)], false).unwrap();
        b.update(&[(&x, &one), (&x, &two), (&y, &one)], true).unwrap();
        let digests = |baseline: &Baseline| baseline.entries().map(|e| e.digest.clone()).collect::<Vec<_>>();
        assert_eq!(digests(&a), digests(&b));
        let moved = Candidate { span: crate::model::Span::new(900, 940), ..one.clone() };
        let before = a.to_bytes();
        a.update(&[(&x, &moved), (&x, &two)], true).unwrap();
        assert_eq!(a.to_bytes(), before, "a moved line changes nothing");
    }

    #[test]
    fn a_key_is_needed_when_it_was_made_with_one() {
        let one = strong(1);
        let bytes = made_of(&[("a", &one)], Some(b"a long random key")).to_bytes();
        assert_eq!(Baseline::read(&bytes, None).unwrap_err(), BaselineError::KeyMissing);
        assert_eq!(Baseline::read(&bytes, Some(b"")).unwrap_err(), BaselineError::KeyMissing);
        assert_eq!(Baseline::read(&bytes, Some(b"another key")).unwrap_err(), BaselineError::KeyWrong);
        let read = Baseline::read(&bytes, Some(b"a long random key")).unwrap();
        assert!(read.needs_key() && read.covers(&one));
        let plain = made_of(&[("a", &one)], None).to_bytes();
        assert!(Baseline::read(&plain, Some(b"any key")).unwrap().covers(&one), "a key is ignored where none is due");
    }

    #[test]
    fn what_is_damaged_says_so_in_one_line_with_what_to_do() {
        let good = text(&made_of(&[("a", &strong(1)), ("b", &strong(2))], None));
        let error = |text: &str| {
            let error = Baseline::read(text.as_bytes(), None).expect_err(text);
            assert!(!error.to_string().contains('\n'), "{error}");
            error.to_string()
        };
        let marked = good.replacen("{\"digest\"", "<<<<<<< HEAD\n{\"digest\"", 1);
        assert!(error(&marked).contains("merge conflict") && error(&marked).starts_with("line "), "{}", error(&marked));
        assert!(error("").contains("empty"));
        assert!(error(&good.replace("\"version\": 1", "\"version\": 2")).contains("newer keyward"));
        assert!(error("{}").contains("no `version`"));
        assert!(error(&good.replace("null\n]", "]")).contains("keyward baseline create"), "a trailing comma");
        assert!(error(&good.replace("\"salt\": \"", "\"salt\": \"zz")).starts_with("line 4: the salt"));
        assert!(error(&good.replace("19456", "4000000000")).contains("cost"));
        assert!(error(&good.replace("19456", "8")).contains("cost"));
        assert!(error(&good.replacen("{\"digest\": \"", "{\"digest\": \"x", 1)).contains("digest is damaged"));
        assert!(error(&good.replace("\"rule\"", "\"rlue\"")).contains("not what keyward writes"));
        assert!(!error("{\"version\": 1, \"salt\": \"swordfish\"}").contains("swordfish"));
        let cut = good.chars().take(good.len() / 2).collect::<String>();
        assert!(error(&cut).starts_with("line "));
    }

    #[test]
    fn lines_out_of_order_or_there_twice_are_read_all_the_same() {
        let good = text(&made_of(&[("a", &strong(1)), ("b", &strong(2))], None));
        let entries: Vec<&str> = good.lines().filter(|line| line.starts_with("{\"digest")).collect();
        let union = good.replace("null\n]", &format!("{}\n{}\nnull\n]", entries[1], entries[0]));
        assert_eq!(text(&Baseline::read(union.as_bytes(), None).unwrap()), good);
        let elsewhere = |path: &str| union.replacen("\"path\": \"a\"", &format!("\"path\": \"{path}\""), 1);
        assert_eq!(text(&Baseline::read(elsewhere("z").as_bytes(), None).unwrap()), good, "the smaller line stays");
        assert_ne!(text(&Baseline::read(elsewhere("A").as_bytes(), None).unwrap()), good);
    }

    #[test]
    fn entries_that_a_change_adds_are_told_from_those_before() {
        let (one, two) = (strong(1), strong(2));
        let before = made_of(&[("a", &one)], None);
        let mut after = Baseline::read(&before.to_bytes(), None).unwrap();
        let at = origin("b");
        after.update(&[(&at, &two)], false).unwrap();
        assert_eq!(after.added_since(Some(&before)).len(), 1);
        assert_eq!(after.added_since(None).len(), 2);
        assert_eq!(after.added_since(Some(&made_of(&[("a", &one)], None))).len(), 2, "another salt: all are new");
    }
}
