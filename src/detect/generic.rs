//! The assignment grammar: a telling name, an operator, a value. Guesses; a value's looks decide how sure it is.

mod syntax;

use syntax::{Bare, Cursor, name_around, operator, quoted, unquoted};

use super::entropy::shannon;
use crate::model::{BytePath, Confidence, Span};

/// A value given to a telling name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Assigned {
    /// Name to value.
    pub(super) whole: Span,
    /// The value.
    pub(super) value: Span,
    /// True when it had no quotes, which only some kinds of file allow.
    pub(super) bare: bool,
    /// How much its looks are worth.
    pub(super) confidence: Confidence,
    /// Why no more than that.
    pub(super) note: Option<&'static str>,
}

/// Files in which values need no quotes.
pub(super) const BARE: [&str; 20] = [
    "**/*.yml",
    "**/*.yaml",
    "**/*.properties",
    "**/*.env",
    "**/.env",
    "**/.env.*",
    "**/*.ini",
    "**/*.cfg",
    "**/*.conf",
    "**/*.config",
    "**/*.cnf",
    "**/*.toml",
    "**/*.xml",
    "**/*.sh",
    "**/*.bash",
    "**/Dockerfile*",
    "**/credentials",
    "**/.*rc",
    "**/*.netrc",
    "**/*.tfvars",
];

/// Shorter values are not worth a finding.
const SHORTEST: usize = 6;

/// Reads the assignment whose name holds the anchor at `anchor`.
pub(super) fn read(text: &[u8], anchor: Span, path: Option<&BytePath>) -> Option<Assigned> {
    let name = name_around(text, anchor)?;
    let mut at = Cursor { text, at: name.end };
    let (quote, bare) = operator(&mut at, name, anchor)?;
    let value = match quote {
        Some(quote) => quoted(text, at.at, quote)?,
        None => unquoted(text, at.at, bare)?,
    };
    let bytes = value.of(text);
    if is_no_value(bytes, quote.is_none()) {
        return None;
    }
    let (confidence, note) = worth(name.of(text), bytes, path)?;
    // A URL's query needs no quotes in any kind of file.
    let bare = quote.is_none() && bare != Bare::Query;
    Some(Assigned { whole: Span::new(name.start, value.end), value, bare, confidence, note })
}

/// Code, paths, prose, references: what is no literal secret, quoted or not.
fn is_no_value(value: &[u8], bare: bool) -> bool {
    let has = |part: &[u8]| memchr::memmem::find(value, part).is_some();
    let starts = |list: &[&[u8]]| list.iter().any(|start| value.starts_with(start));
    let ends = |list: &[&[u8]]| list.iter().any(|end| value.ends_with(end));
    value.len() < SHORTEST
        || value.iter().any(|b| b.is_ascii_whitespace() || b.is_ascii_control())
        || has(b"://")
        || has(b"](")
        || has(b"process.env")
        || has(b"environ")
        || has(b"getenv")
        || has(b"ENV[")
        || starts(&[
            b"/",
            b"./",
            b"../",
            b"~/",
            b"C:\\",
            b"sha256-",
            b"sha384-",
            b"sha512-",
            b"sha1-",
            b"ENC[",
            b"{cipher}",
        ])
        || starts(&[b"!", b"&", b"*", b"data:", b"arn:", b"urn:", b"ref:", b"vault:", b"secret:", b"#", b"--"])
        || ends(&[
            b".pem", b".key", b".crt", b".json", b".yml", b".yaml", b".txt", b".js", b".ts", b".py", b".go", b".html",
        ])
        || (has(b"(") && has(b")"))
        || (bare && value.iter().any(|b| matches!(b, b'(' | b'[' | b'{' | b'<' | b'|' | b'=')) && !ends(&[b"="]))
        || is_reference(value, bare)
        || is_mail(value)
}

/// `config.db.password`, `self.token`, `Foo::BAR`, `some-words-only`: names, not values.
fn is_reference(value: &[u8], bare: bool) -> bool {
    let digits = value.iter().any(u8::is_ascii_digit);
    let name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'-' | b'/' | b'$' | b'?');
    // An index into a list of them: `Streams[-1].Name`.
    let index =
        memchr::memchr2(b'[', b']', value).is_some() && value.iter().filter(|b| b.is_ascii_digit()).count() <= 2;
    if index && value.iter().all(|b| name(b) || matches!(b, b'[' | b']')) {
        return true;
    }
    if !value.iter().all(name) {
        return false;
    }
    if !digits {
        return true;
    }
    // What a minifier makes of names: `PhoneAuthProvider$1`.
    let numbered = value.iter().rposition(|b| *b == b'$').and_then(|at| value.split_at_checked(at));
    if let Some((word, number)) = numbered
        && !word.iter().any(u8::is_ascii_digit)
        && number.iter().skip(1).all(u8::is_ascii_digit)
    {
        return true;
    }
    // Unquoted code such as `conn2.password`: several short words joined by dots.
    let dotted = value.split(|b| *b == b'.').count();
    bare && dotted > 1
        && value.split(|b| *b == b'.').all(|part| part.first().is_some_and(u8::is_ascii_alphabetic))
        && shannon(value) < 3.8
}

fn is_mail(value: &[u8]) -> bool {
    let mut halves = value.split(|b| *b == b'@');
    let (Some(user), Some(host), None) = (halves.next(), halves.next(), halves.next()) else { return false };
    let plain = |part: &[u8]| part.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+'));
    plain(user)
        && plain(host)
        && memchr::memchr(b'.', host).is_some()
        && host.last().is_some_and(u8::is_ascii_alphabetic)
}

/// How sure the value's looks make it; `None` when they say no.
fn worth(name: &[u8], value: &[u8], path: Option<&BytePath>) -> Option<(Confidence, Option<&'static str>)> {
    let any = |class: fn(&u8) -> bool| usize::from(value.iter().any(class));
    let (lower, upper, digit) = (any(u8::is_ascii_lowercase), any(u8::is_ascii_uppercase), any(u8::is_ascii_digit));
    let symbol = any(u8::is_ascii_punctuation);
    let classes = lower + upper + digit + symbol;
    let entropy = shannon(value);
    if classes < 2 || entropy < 2.2 {
        return None;
    }
    if is_uuid(value) {
        return Some((Confidence::Low, Some("the value is a UUID, which is rarely secret")));
    }
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
    if HASHES.into_iter().any(|start| value.starts_with(start)) {
        return Some((Confidence::Low, Some("the value is a password's hash")));
    }
    let name = name.to_ascii_lowercase();
    let password = [&b"pass"[..], b"pwd"].iter().any(|word| memchr::memmem::find(&name, word).is_some());
    let hex = value.iter().all(u8::is_ascii_hexdigit);
    let convincing = if hex {
        value.len() >= 32 && entropy >= 3.0
    } else if password {
        value.len() >= 8 && (classes >= 3 && digit == 1 || value.len() >= 16 && entropy >= 3.5)
    } else {
        value.len() >= 16 && entropy >= 3.5 && digit == 1 && classes >= 2 && !is_spelled(value)
    };
    if !convincing {
        return Some((Confidence::Low, Some("the value does not look random")));
    }
    if path.is_some_and(is_for_tests) {
        return Some((Confidence::Low, Some("the file's path says that it is a test or an example")));
    }
    Some((Confidence::Medium, None))
}

/// Words joined by hyphens, dots or the like, with a number behind one here and there: `my-service-v2-prod`.
fn is_spelled(value: &[u8]) -> bool {
    let joint = |b: &u8| matches!(b, b'-' | b'_' | b'.' | b'/' | b':' | b'#' | b'@');
    let wordy = |part: &[u8]| {
        let letters = part.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let (word, number) = part.split_at_checked(letters).unwrap_or_default();
        let one_case = |rest: &[u8]| rest.iter().all(u8::is_ascii_lowercase) || rest.iter().all(u8::is_ascii_uppercase);
        letters <= 14
            && number.len() <= 4
            && number.iter().all(u8::is_ascii_digit)
            && (one_case(word) || one_case(word.get(1..).unwrap_or_default()))
    };
    value.iter().any(joint) && value.split(joint).all(wordy)
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn is_for_tests(path: &BytePath) -> bool {
    let lower = path.as_bytes().to_ascii_lowercase();
    lower.split(|b| !b.is_ascii_alphabetic()).any(|word| {
        let words: [&[u8]; 11] = [
            b"test",
            b"tests",
            b"testing",
            b"testdata",
            b"spec",
            b"specs",
            b"example",
            b"examples",
            b"fixture",
            b"fixtures",
            b"mock",
        ];
        words.contains(&word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::pattern::{Seed, expand};

    fn value_in(form: &str, anchor: &str) -> Option<(String, Confidence, bool)> {
        let text = expand(form, &mut Seed::named(form)).unwrap();
        let at = memchr::memmem::find(&text.to_ascii_lowercase(), anchor.as_bytes()).unwrap();
        let found = read(&text, Span::new(at, at + anchor.len()), None)?;
        Some((String::from_utf8(found.value.of(&text).to_vec()).unwrap(), found.confidence, found.bare))
    }

    #[test]
    fn values_are_found_in_the_forms_of_many_languages() {
        for form in [
            r#"password = "VALUE""#,
            r#"'password': 'VALUE'"#,
            r#"password := `VALUE`"#,
            r#"password=> "VALUE""#,
            r#"\\"password\\": \\"VALUE\\""#,
            r#"db\.password\('x'\)? = 'VALUE'"#,
            r#"let password: &str = "VALUE";"#,
            r#"<password>VALUE</password>"#,
            r#"variable "db_password" \{\n  type = string\n  default = "VALUE"\n\}"#,
            r#"\{"name": "DB_PASSWORD", "value": "VALUE"\}"#,
            r#"process\.env\.DB_PASSWORD \|\| 'VALUE'"#,
            r#"env\['password'\] \?\? "VALUE""#,
            r#"source\.setPassword\("VALUE"\)"#,
            r#"builder\.password\("VALUE"\)"#,
            r#"--password "VALUE" --all"#,
            r#"<add key="password" value="VALUE" />"#,
            r#"DB_PASSWORD=VALUE"#,
            r#"password: str = r"VALUE""#,
            r#"password: VALUE # why"#,
            r#"config\["password"\] = "VALUE""#,
            r#"\("password", "VALUE"\)"#,
        ] {
            let form = form.replace("VALUE", "Qz7[a-z]{6}[0-9][A-Z][a-z]{8}");
            let form = form.replace(r"\('x'\)?", "");
            let (value, confidence, _) = value_in(&form, "password").unwrap_or_else(|| panic!("{form}"));
            assert!(value.starts_with("Qz7") && value.len() == 19, "{form}");
            assert_eq!(confidence, Confidence::Medium, "{form}");
        }
    }

    #[test]
    fn what_is_no_value_is_no_candidate() {
        for (form, anchor) in [
            ("password = getPassword\\(\\)", "password"),
            ("password = os\\.environ\\['X1'\\]", "password"),
            ("password: \"the password of user 7\"", "password"),
            ("password_file = \"/run/secret1\"", "password"),
            ("token_url = \"host1/[a-z]{20}\"", "token"),
            ("tokenizer = \"[a-z0-9]{20}\"", "token"),
            ("secret = config\\.secret", "secret"),
            ("compass = \"[a-z0-9]{20}\"", "pass"),
            ("password = \"/etc/passwd1\"", "password"),
            ("password: string", "password"),
            ("password = \"abc1", "password"),
            ("public_token = \"[a-z0-9]{30}\"", "token"),
            ("password", "password"),
            ("The password: you1 must know it", "password"),
            ("password = \"me1@example\\.org\"", "password"),
            ("f\\('this is my passphrase', '[a-z]{4}_[a-z]{3}_[a-z]{9}_1'\\)", "passphrase"),
            ("\"recaptchaToken\",\"[A-Z][a-z]{6}[A-Z][a-z]{8}\\$1\"", "token"),
            ("\"output_token\": \"[A-Z][a-z]{9}\\[-1\\]\\.[A-Z][a-z]{8}\"", "token"),
            ("if password\\(\"[a-zA-Z0-9]{16}\"\\)", "password"),
            ("password \\|\\| fallback7Of\\(x\\)", "password"),
            ("hmac\\('', 'test_secret'\\) => '[a-f0-9]{64}'", "secret"),
            ("the password [a-z0-9]{16} is here", "password"),
        ] {
            assert_eq!(value_in(form, anchor), None, "{form}");
        }
    }

    #[test]
    fn weak_looks_and_test_paths_are_worth_little() {
        assert_eq!(value_in("password = \"hunter2\"", "password").map(|found| found.1), Some(Confidence::Low));
        let text = expand("token = \"[a-z0-9]{32}\"", &mut Seed::new(1)).unwrap();
        let at = |path: &str| read(&text, Span::new(0, 5), Some(&BytePath::new(path))).unwrap().confidence;
        assert_eq!((at("src/tests/a.py"), at("src/latest/a.py")), (Confidence::Low, Confidence::Medium));
    }
}
