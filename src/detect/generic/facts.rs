//! What the model goes by: small numbers about a value, its name, and how the one is given to the other. None of them
//! knows the path; those that do are filled in by [`Facts::at`], when it is known.

use std::sync::Arc;

use super::looks;
use super::name::has_folded;
use super::syntax::{GAP, How, Quote, Reading};
use super::tally::{Class, Tally};
use crate::detect::placeholder;
use crate::detect::search::{Case, Search};
use crate::model::{BytePath, Span};

macro_rules! facts {
    ($($fact:ident $name:literal,)*) => {
        /// What is known of a candidate; its number is the column that the model was trained on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub(super) enum Fact { $($fact,)* }

        /// What explanations call each fact.
        pub(super) const NAMES: &[&str] = &[$($name,)*];
    };
}

facts! {
    Length "the value's length",
    Lower "its share of small letters",
    Upper "its share of capitals",
    Digits "its share of digits",
    Symbols "its share of signs",
    Classes "how many classes of characters it has",
    Entropy "its entropy",
    Evenness "how evenly its characters are spread",
    PairCost "how unlike words its letters follow each other",
    Known "its share of dictionary words",
    LongestWord "the longest dictionary word in it",
    LetterRuns "how many words it seems to have",
    StandIns "its share of words that stand for a secret",
    Dull "its share of repeats and sequences",
    Changes "how often the class of character changes",
    Blanks "how many blanks it has",
    Dots "how many dots it has",
    Dashes "how many dashes it has",
    Lines "how many underscores it has",
    Slashes "how many slashes it has",
    Padding "its base64 padding",
    Hex "whether it is hexadecimal",
    HexLength "whether its length is a hash's",
    Base64 "whether it is base64",
    Uuid "whether it is a UUID",
    Hash "whether it is a password's hash",
    Mail "whether it is a mail address",
    Numeric "whether it is a number",
    Capital "whether it begins with a capital",
    Camel "how many humps it has",
    Loud "whether it is a constant's name",
    Brackets "how many brackets it has",
    Template "how many signs of templates it has",
    NonAscii "whether it holds other than ASCII",
    TailDigits "how many digits it ends with",
    HeadLetters "how many letters it begins with",
    SameAsName "whether it repeats its name",
    IsName "whether it looks like a name in code",
    Punctuation "how many exclamation marks and the like it has",
    NameLength "the name's length",
    NameBefore "what stands in the name before the telling word",
    NameAfter "what stands in the name after the telling word",
    NameCase "how the name is written",
    NameDots "how many dots the name has",
    NamePass "a name with `pass`",
    NamePwd "a name with `pwd`",
    NameSecret "a name with `secret`",
    NameToken "a name with `token`",
    NameKey "a name with `key`",
    NameAuth "a name with `auth`",
    NameCred "a name with `cred`",
    NameSalt "a name with `salt`",
    NameApi "a name with `api`",
    NameAccess "a name with `access`",
    NamePrivate "a name with `priv`",
    NameUser "a name with `user`",
    NameId "a name with `id`",
    NameTest "a name with `test`",
    NameDb "a name with `db` or `sql`",
    NameClient "a name with `client`",
    NameCrypt "a name with `crypt`, `aes`, `hmac` or `sign`",
    NameHash "a name with `hash`, `digest` or `sum`",
    NamePlural "a name with an `s` at its end",
    NameRoot "a name with `root` or `admin`",
    NameStore "a name with `store`",
    NameConfirm "a name with `confirm`, `new`, `old` or `current`",
    NameWrong "a name with `invalid`, `wrong`, `bad` or `fake`",
    NameMode "a name with `mode`, `method`, `enable`, `use` or `is`",
    NameReset "a name with `reset`, `forgot` or `change`",
    NamePrefix "a name with `prefix`, `hint`, `text` or `ref`",
    NameAlone "a name that is the telling word alone",
    HowGiven "how the value is given",
    HowArgument "an argument of a call",
    HowCompared "a comparison",
    HowBlank "a blank between name and value",
    Quoted "the value's quotes",
    Keyed "whether the name is quoted",
    Wrapped "whether a call stands around the value",
    Tight "whether blanks surround the operator",
    BeforeName "what stands before the name",
    AfterValue "what follows the value",
    Semicolon "whether the line ends in a semicolon",
    LineLength "the line's length",
    Indent "the line's indent",
    Comment "whether the line is a comment",
    Declares "whether the line declares something",
    Asserts "whether the line checks or expects",
    Shell "whether the line is a command",
    ListItem "whether the line is a list's item",
    UserNear "a user's name nearby",
    HostNear "a host nearby",
    Path "whether the path is known",
    Code "a file of code",
    Config "a file of configuration",
    Data "a file of data",
    Script "a shell script",
    Text "a text for people",
    Tests "a path of tests",
    Examples "a path of examples or documentation",
    Vendored "a path of others' code",
}

/// How many there are.
pub(super) const COUNT: usize = NAMES.len();
/// How many do not depend on the path.
pub(super) const PATHLESS: usize = Fact::Path as usize;

/// One number for each [`Fact`], and what the model does not see: why a value that looks real is made up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::detect) struct Facts(pub(super) [u8; COUNT], Option<Doubt>);

/// Why a value that looks real is made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::detect) enum Doubt {
    /// Its name is given values of one form only, and this is none.
    Form = 1,
    /// It holds a long sequence, as nothing drawn by chance does.
    Sequence,
    /// It is made of words, and its name is that of a key or a token, which nobody chooses.
    Words,
    /// It is a word without quotes where code has a variable. Only in a file of code that speaks against it.
    Variable,
}

impl Doubt {
    fn of(byte: Option<&u8>) -> Option<Self> {
        [Self::Form, Self::Sequence, Self::Words, Self::Variable]
            .into_iter()
            .find(|doubt| Some(&(*doubt as u8)) == byte)
    }
}

/// What a path tells: once for all candidates of a blob.
pub(in crate::detect) struct PathFacts(Facts);

impl PathFacts {
    pub(in crate::detect) fn of(path: Option<&BytePath>) -> Self {
        let mut facts = Facts([0; COUNT], None);
        if let Some(path) = path {
            facts.path(&path.unpacked().as_bytes().to_ascii_lowercase());
        }
        Self(facts)
    }
}

/// Bytes of a value that are looked at one by one.
const SEEN: usize = 128;
/// How far back a line's beginning, and who else is named, are looked for.
const LINE: usize = 200;
const NEAR: usize = 120;

/// Words of a name; each with the bit of its fact, counted from [`Fact::NamePass`].
static NAME_WORDS: Search<5> = Search::new(
    [
        (b"access", flag(Fact::NameAccess)),
        (b"admin", flag(Fact::NameRoot)),
        (b"aes", flag(Fact::NameCrypt)),
        (b"allow", flag(Fact::NameMode)),
        (b"api", flag(Fact::NameApi)),
        (b"auth", flag(Fact::NameAuth)),
        (b"bad", flag(Fact::NameWrong)),
        (b"change", flag(Fact::NameReset)),
        (b"client", flag(Fact::NameClient)),
        (b"confirm", flag(Fact::NameConfirm)),
        (b"cred", flag(Fact::NameCred)),
        (b"crypt", flag(Fact::NameCrypt)),
        (b"current", flag(Fact::NameConfirm)),
        (b"database", flag(Fact::NameDb)),
        (b"db", flag(Fact::NameDb)),
        (b"demo", flag(Fact::NameTest)),
        (b"digest", flag(Fact::NameHash)),
        (b"enable", flag(Fact::NameMode)),
        (b"example", flag(Fact::NameTest)),
        (b"fake", flag(Fact::NameWrong)),
        (b"forgot", flag(Fact::NameReset)),
        (b"hash", flag(Fact::NameHash)),
        (b"hint", flag(Fact::NamePrefix)),
        (b"hmac", flag(Fact::NameCrypt)),
        (b"id", flag(Fact::NameId)),
        (b"invalid", flag(Fact::NameWrong)),
        (b"is", flag(Fact::NameMode)),
        (b"key", flag(Fact::NameKey)),
        (b"login", flag(Fact::NameUser)),
        (b"method", flag(Fact::NameMode)),
        (b"mode", flag(Fact::NameMode)),
        (b"mongo", flag(Fact::NameDb)),
        (b"new", flag(Fact::NameConfirm)),
        (b"nonce", flag(Fact::NameSalt)),
        (b"old", flag(Fact::NameConfirm)),
        (b"pass", flag(Fact::NamePass)),
        (b"postgres", flag(Fact::NameDb)),
        (b"prefix", flag(Fact::NamePrefix)),
        (b"priv", flag(Fact::NamePrivate)),
        (b"psw", flag(Fact::NamePwd)),
        (b"pswd", flag(Fact::NamePwd)),
        (b"pwd", flag(Fact::NamePwd)),
        (b"redis", flag(Fact::NameDb)),
        (b"ref", flag(Fact::NamePrefix)),
        (b"require", flag(Fact::NameMode)),
        (b"reset", flag(Fact::NameReset)),
        (b"root", flag(Fact::NameRoot)),
        (b"salt", flag(Fact::NameSalt)),
        (b"sample", flag(Fact::NameTest)),
        (b"secret", flag(Fact::NameSecret)),
        (b"sign", flag(Fact::NameCrypt)),
        (b"sql", flag(Fact::NameDb)),
        (b"store", flag(Fact::NameStore)),
        (b"sum", flag(Fact::NameHash)),
        (b"test", flag(Fact::NameTest)),
        (b"text", flag(Fact::NamePrefix)),
        (b"token", flag(Fact::NameToken)),
        (b"use", flag(Fact::NameMode)),
        (b"user", flag(Fact::NameUser)),
        (b"wrong", flag(Fact::NameWrong)),
    ],
    Case::Any,
);
const FIRST_FLAG: usize = Fact::NamePass as usize;

const fn flag(fact: Fact) -> u32 {
    1 << (fact as usize - FIRST_FLAG)
}

const DECLARES: u32 = 1;
const ASSERTS: u32 = 2;
const SHELL: u32 = 4;
/// Words of the line before the name.
static LINE_WORDS: Search<2> = Search::new(
    [
        (b" --", SHELL),
        (b" -e ", SHELL),
        (b"$ ", SHELL),
        (b"ENV ", SHELL),
        (b"Equal", ASSERTS),
        (b"String ", DECLARES),
        (b"const", DECLARES),
        (b"curl", SHELL),
        (b"def ", DECLARES),
        (b"docker", SHELL),
        (b"export ", SHELL),
        (b"final", DECLARES),
        (b"let ", DECLARES),
        (b"mysql", SHELL),
        (b"private", DECLARES),
        (b"public", DECLARES),
        (b"should", ASSERTS),
        (b"ssert", ASSERTS),
        (b"static", DECLARES),
        (b"var ", DECLARES),
        (b"verify", ASSERTS),
        (b"when(", ASSERTS),
        (b"xpect", ASSERTS),
    ],
    Case::Exact,
);

const USER: u32 = 1;
const HOST: u32 = 2;
/// Words that say who or what else is named nearby.
static NEAR_WORDS: Search<1> = Search::new(
    [
        (b"://", HOST),
        (b"admin", USER),
        (b"database", HOST),
        (b"host", HOST),
        (b"login", USER),
        (b"mail", USER),
        (b"port", HOST),
        (b"server", HOST),
        (b"uid", USER),
        (b"user", USER),
    ],
    Case::Any,
);

impl Facts {
    /// Everything but the path.
    pub(super) fn of(text: &[u8], reading: &Reading, anchor: Span) -> Self {
        let mut facts = Self([0; COUNT], None);
        facts.value(reading.value.of(text), reading.quote);
        facts.name(reading.name.of(text), reading, anchor);
        facts.same(reading.name.of(text), reading.value.of(text), anchor.of(text));
        facts.syntax(text, reading);
        facts
    }

    /// From what [`Facts::pathless`] gave.
    pub(in crate::detect) fn from_pathless(features: &[u8]) -> Self {
        let mut facts = Self([0; COUNT], Doubt::of(features.get(PATHLESS)));
        facts.0.iter_mut().zip(features).take(PATHLESS).for_each(|(slot, value)| *slot = *value);
        facts
    }

    /// All but what the path tells: what a candidate carries until its path is known.
    pub(in crate::detect) fn pathless(&self) -> Arc<[u8]> {
        let doubt = self.1.map_or(0, |doubt| doubt as u8);
        self.0.iter().take(PATHLESS).copied().chain([doubt]).collect()
    }

    /// Why it is made up, if it is.
    pub(super) fn doubt(&self) -> Option<Doubt> {
        self.1
    }

    /// With a doubt that the model knows nothing of.
    pub(in crate::detect) fn set_doubt(&mut self, doubt: Option<Doubt>) {
        self.1 = doubt;
    }

    /// With what the path tells.
    pub(super) fn at(&self, path: Option<&BytePath>) -> Self {
        let mut facts = self.clone();
        facts.set_path(&PathFacts::of(path));
        facts
    }

    /// With what a path tells.
    pub(in crate::detect) fn set_path(&mut self, path: &PathFacts) {
        self.0.iter_mut().zip(path.0.0).skip(PATHLESS).for_each(|(slot, value)| *slot = value);
    }

    /// True when the name tells of a key or a token, and of nothing that people choose.
    pub(super) fn names_what_is_drawn(&self) -> bool {
        let has = |fact: Fact| self.0.get(fact as usize).is_some_and(|value| *value > 0);
        let chosen = [Fact::NamePass, Fact::NamePwd, Fact::NameSecret, Fact::NameCred, Fact::NameAuth];
        (has(Fact::NameKey) || has(Fact::NameToken)) && !chosen.into_iter().any(has)
    }

    /// True in a line of code, whose words without quotes are names; not in a comment, which may quote anything.
    pub(super) fn may_name_variables(&self) -> bool {
        let has = |fact: Fact| self.0.get(fact as usize).is_some_and(|value| *value > 0);
        has(Fact::Code) && !has(Fact::Comment)
    }

    /// True when nothing stands around the value.
    pub(in crate::detect) fn is_bare(&self) -> bool {
        self.0.get(Fact::Quoted as usize) == Some(&0)
    }

    /// True when the name tells of a salt or a nonce, and of nothing that is secret.
    pub(super) fn names_a_salt(&self) -> bool {
        let has = |fact: Fact| self.0.get(fact as usize).is_some_and(|value| *value > 0);
        let secret = [Fact::NamePass, Fact::NamePwd, Fact::NameSecret, Fact::NameToken, Fact::NameKey, Fact::NameCred];
        has(Fact::NameSalt) && !secret.into_iter().any(has)
    }

    fn set(&mut self, fact: Fact, value: usize) {
        if let Some(slot) = self.0.get_mut(fact as usize) {
            *slot = u8::try_from(value).unwrap_or(u8::MAX);
        }
    }

    fn value(&mut self, value: &[u8], quote: Quote) {
        self.set(Fact::Length, value.len());
        self.set(Fact::Padding, value.iter().rev().take_while(|b| **b == b'=').count());
        let hash = [16, 24, 32, 40, 48, 56, 64, 96, 128].contains(&value.len());
        let quads = value.len().is_multiple_of(4);
        // What is longer goes on as it began.
        let value = value.get(..value.len().min(SEEN)).unwrap_or_default();
        let tally = Tally::of(value);
        let many = |class: Class| tally.of_class(class);
        let all = |class: Class| usize::from(many(class) == value.len());
        let share = |part: usize| part * 100 / value.len().max(1);
        let (lower, upper, digits) = (many(Class::Lower), many(Class::Upper), many(Class::Digit));
        let symbols = value.len() - lower - upper - digits;
        self.set(Fact::Lower, share(lower));
        self.set(Fact::Upper, share(upper));
        self.set(Fact::Digits, share(digits));
        self.set(Fact::Symbols, share(symbols));
        self.set(Fact::Classes, [lower, upper, digits, symbols].into_iter().filter(|n| *n > 0).count());
        let entropy = looks::entropy(value);
        self.set(Fact::Entropy, entropy / 6);
        let most = looks::entropy_of_even(value.len());
        self.set(Fact::Evenness, (entropy * 100).checked_div(most).unwrap_or_default());
        let spelling = looks::spelling(value);
        self.set(Fact::PairCost, spelling.cost);
        self.set(Fact::Known, (spelling.known * 100).checked_div(spelling.letters).unwrap_or_default());
        self.set(Fact::LongestWord, spelling.longest);
        self.set(Fact::LetterRuns, spelling.runs);
        self.set(Fact::Dull, share(looks::dull(value)));
        let (mut changes, mut humps) = (0, 0);
        let mut before = class(value.first());
        for byte in value.iter().skip(1) {
            let here = class(Some(byte));
            changes += usize::from(before != here);
            humps += usize::from((before, here) == (SMALL, CAPITAL));
            before = here;
        }
        self.set(Fact::Changes, share(changes));
        self.set(Fact::Camel, humps);
        self.set(Fact::Blanks, many(Class::Blank));
        self.set(Fact::Dots, many(Class::Dot));
        self.set(Fact::Dashes, many(Class::Dash));
        self.set(Fact::Lines, many(Class::Line));
        self.set(Fact::Slashes, many(Class::Slash));
        self.set(Fact::Brackets, many(Class::Bracket));
        self.set(Fact::Template, many(Class::Template));
        self.set(Fact::Punctuation, many(Class::Punctuation));
        self.set(Fact::NonAscii, usize::from(many(Class::Ascii) < value.len()));
        self.set(Fact::Hex, all(Class::Hex));
        self.set(Fact::HexLength, all(Class::Hex) & usize::from(hash));
        self.set(Fact::Base64, all(Class::Base64) + usize::from(quads));
        self.set(Fact::Uuid, usize::from(is_uuid(value)));
        self.set(Fact::Hash, usize::from(is_hash(value)));
        self.set(Fact::Mail, usize::from(is_mail(value)));
        self.set(Fact::Numeric, all(Class::Number));
        self.set(Fact::Capital, usize::from(value.first().is_some_and(u8::is_ascii_uppercase)));
        let loud = lower == 0 && upper > 0 && upper + digits + many(Class::Line) == value.len();
        self.set(Fact::Loud, usize::from(loud));
        self.set(Fact::TailDigits, value.iter().rev().take_while(|b| b.is_ascii_digit()).count());
        self.set(Fact::HeadLetters, value.iter().take_while(|b| b.is_ascii_alphabetic()).count());
        let starts = value.first().is_some_and(|b| b.is_ascii_alphabetic() || b"_$:".contains(b));
        self.set(Fact::IsName, usize::from(starts) & all(Class::Name));
        self.set(Fact::StandIns, share(placeholder::covered(value)));
        self.set(
            Fact::Quoted,
            match quote {
                Quote::Bare => 0,
                Quote::Plain(b'"') => 1,
                Quote::Plain(b'\'') => 2,
                Quote::Plain(_) => 3,
                Quote::Escaped(_) => 4,
                Quote::List => 5,
            },
        );
    }

    fn name(&mut self, name: &[u8], reading: &Reading, anchor: Span) {
        let held = NAME_WORDS.held(name);
        for bit in 0..=Fact::NamePrefix as usize - FIRST_FLAG {
            if let Some(slot) = self.0.get_mut(FIRST_FLAG + bit) {
                *slot = u8::from(held >> bit & 1 == 1);
            }
        }
        self.set(Fact::NamePlural, usize::from(matches!(name.last(), Some(b's' | b'S'))));
        self.set(Fact::NameAlone, usize::from(name.len() <= anchor.len() + 3));
        self.set(Fact::NameLength, name.len());
        self.set(Fact::NameBefore, anchor.start.saturating_sub(reading.name.start));
        self.set(Fact::NameAfter, reading.name.end.saturating_sub(anchor.end));
        self.set(Fact::NameDots, name.iter().filter(|b| **b == b'.').count());
        let has = |class: fn(&u8) -> bool| name.iter().any(class);
        let case = match (has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase)) {
            (true, false) => 0,
            (false, _) => 1,
            (true, true) if name.first().is_some_and(u8::is_ascii_uppercase) => 2,
            (true, true) => 3,
        };
        self.set(
            Fact::NameCase,
            case * 3 + if name.contains(&b'_') { 1 } else { 2 * usize::from(name.contains(&b'-')) },
        );
    }

    fn same(&mut self, name: &[u8], value: &[u8], anchor: &[u8]) {
        let holds = value.len() >= 4 && has_folded(name, value);
        self.set(Fact::SameAsName, 2 * usize::from(holds) + usize::from(has_folded(value, anchor)));
    }

    fn syntax(&mut self, text: &[u8], reading: &Reading) {
        let Reading { name, value, how, .. } = *reading;
        self.set(Fact::HowGiven, how as usize);
        self.set(Fact::HowArgument, usize::from(matches!(how, How::Argument | How::Login | How::Setter)));
        self.set(Fact::HowCompared, usize::from(how == How::Compare));
        self.set(Fact::HowBlank, usize::from(how == How::Blank));
        self.set(Fact::Keyed, usize::from(reading.keyed));
        self.set(Fact::Wrapped, usize::from(reading.wrapped));
        let between = text.get(name.end..value.start).unwrap_or_default();
        let blanks = between.iter().filter(|b| b.is_ascii_whitespace()).count();
        self.set(Fact::Tight, blanks.min(4));
        let back = text.get(name.start.saturating_sub(LINE)..name.start).unwrap_or_default();
        let start = back.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let line = back.get(start..).unwrap_or_default();
        let tail = text.get(value.end..text.len().min(value.end + LINE)).unwrap_or_default();
        let end = tail.iter().position(|b| *b == b'\n').unwrap_or(tail.len());
        let rest = tail.get(..end).unwrap_or_default();
        self.set(Fact::BeforeName, around(line.last()));
        let closing = usize::from(reading.quote != Quote::Bare && !matches!(reading.quote, Quote::List));
        self.set(
            Fact::AfterValue,
            around(
                rest.get(closing + usize::from(matches!(reading.quote, Quote::Escaped(_)))..).and_then(<[u8]>::first),
            ),
        );
        self.set(Fact::Semicolon, usize::from(rest.trim_ascii_end().ends_with(b";")));
        self.set(Fact::LineLength, line.len() + (value.end - name.start) + rest.len());
        self.set(Fact::Indent, line.iter().take_while(|b| b.is_ascii_whitespace()).count());
        let line = line.trim_ascii_start();
        let begins = |list: &[&[u8]]| list.iter().any(|word| line.starts_with(word));
        self.set(Fact::Comment, usize::from(begins(&[b"//", b"#", b"*", b"/*", b"--", b";", b"<!--"])));
        self.set(Fact::ListItem, usize::from(begins(&[b"- ", b"* ", b"+ "])));
        let held = LINE_WORDS.held(line);
        self.set(Fact::Declares, usize::from(held & DECLARES != 0));
        self.set(Fact::Asserts, usize::from(held & ASSERTS != 0));
        self.set(Fact::Shell, usize::from(held & SHELL != 0));
        let near = text.get(name.start.saturating_sub(NEAR)..name.start).unwrap_or_default();
        let after = text.get(value.end..text.len().min(value.end + GAP)).unwrap_or_default();
        let held = NEAR_WORDS.held(near) | NEAR_WORDS.held(after);
        self.set(Fact::UserNear, usize::from(held & USER != 0));
        self.set(Fact::HostNear, usize::from(held & HOST != 0));
    }

    fn path(&mut self, path: &[u8]) {
        let file = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
        let ends = |list: &[&[u8]]| list.iter().any(|end| file.ends_with(end));
        self.set(Fact::Path, 1);
        let config: [&[u8]; 14] = [
            b".yml",
            b".yaml",
            b".toml",
            b".ini",
            b".cfg",
            b".conf",
            b".config",
            b".cnf",
            b".properties",
            b".env",
            b"rc",
            b".tfvars",
            b".tf",
            b".rsp",
        ];
        let code: [&[u8]; 28] = [
            b".rs", b".go", b".py", b".js", b".ts", b".jsx", b".tsx", b".mjs", b".java", b".kt", b".scala", b".rb",
            b".cs", b".c", b".h", b".cc", b".cpp", b".hpp", b".php", b".hs", b".swift", b".m", b".ex", b".groovy",
            b".gradle", b".dart", b".pl", b".lua",
        ];
        let text: [&[u8]; 8] = [b".md", b".rst", b".txt", b".html", b".adoc", b".asciidoc", b".tex", b".ipynb"];
        let data: [&[u8]; 6] = [b".json", b".xml", b".csv", b".sql", b".snap", b".plist"];
        let script: [&[u8]; 6] = [b".sh", b".bash", b".zsh", b".fish", b".ps1", b".bat"];
        self.set(Fact::Config, usize::from(ends(&config) || file.starts_with(b".env")));
        self.set(Fact::Code, usize::from(ends(&code)));
        self.set(Fact::Text, usize::from(ends(&text)));
        self.set(Fact::Data, usize::from(ends(&data)));
        self.set(Fact::Script, usize::from(ends(&script) || file.starts_with(b"dockerfile")));
        let words = |list: &[&[u8]]| path.split(|b| !b.is_ascii_alphabetic()).any(|word| list.contains(&word));
        self.set(
            Fact::Tests,
            usize::from(words(&[
                b"test",
                b"tests",
                b"testing",
                b"testdata",
                b"spec",
                b"specs",
                b"mock",
                b"fixture",
                b"fixtures",
            ])),
        );
        self.set(
            Fact::Examples,
            usize::from(words(&[b"example", b"examples", b"sample", b"samples", b"docs", b"doc", b"demo", b"readme"])),
        );
        self.set(Fact::Vendored, usize::from(words(&[b"vendor", b"node_modules", b"third"])));
    }
}

/// What a neighbouring byte is; nothing for the line's border.
fn around(byte: Option<&u8>) -> usize {
    match byte {
        None | Some(b'\n' | b'\r') => 0,
        Some(b' ' | b'\t') => 1,
        Some(b',') => 2,
        Some(b';') => 3,
        Some(b')') => 4,
        Some(b'}' | b']') => 5,
        Some(b'"' | b'\'' | b'`') => 6,
        Some(b'.') => 7,
        Some(b'(' | b'[' | b'{') => 8,
        Some(b'+' | b'&' | b'?') => 9,
        Some(b'<' | b'>') => 10,
        Some(b'\\') => 11,
        Some(_) => 12,
    }
}

const SMALL: u8 = 1;
const CAPITAL: u8 = 2;

fn class(byte: Option<&u8>) -> u8 {
    match byte {
        Some(b'a'..=b'z') => SMALL,
        Some(b'A'..=b'Z') => CAPITAL,
        Some(b'0'..=b'9') => 3,
        _ => 4,
    }
}

pub(super) fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

pub(super) fn is_hash(value: &[u8]) -> bool {
    const HASHES: [&[u8]; 16] = [
        b"$2a$",
        b"$2b$",
        b"$2x$",
        b"$2y$",
        b"$argon2",
        b"$1$",
        b"$5$",
        b"$6$",
        b"$y$",
        b"$apr1$",
        b"$scrypt$",
        b"$pbkdf2",
        b"pbkdf2_",
        b"pbkdf2:",
        b"scrypt:",
        b"{SSHA",
    ];
    HASHES.into_iter().any(|start| value.starts_with(start))
}

pub(super) fn is_mail(value: &[u8]) -> bool {
    let mut halves = value.split(|b| *b == b'@');
    let (Some(user), Some(host), None) = (halves.next(), halves.next(), halves.next()) else { return false };
    let plain = |part: &[u8]| part.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+'));
    plain(user)
        && plain(host)
        && memchr::memchr(b'.', host).is_some()
        && host.last().is_some_and(u8::is_ascii_alphabetic)
}
