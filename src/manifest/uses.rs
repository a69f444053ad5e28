//! What source code says about hosts it talks to and environment variables it reads, by the forms common languages have
//! for both. Looks at texts one by one; finds no file and follows no value.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use super::deploy::passed;
use crate::model::{BytePath, Span};

/// What one file uses, each with its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Host names, in lower case.
    pub hosts: Vec<(String, Span)>,
    /// Environment variables that are read.
    pub variables: Vec<(String, Span)>,
}

/// So many of each are kept of one file.
const MOST: usize = 200;

/// Languages, by how their files' names end.
const CODE: &[&str] = &[
    "py", "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "vue", "svelte", "go", "rb", "php", "java", "kt",
    "kts", "scala", "groovy", "cs", "fs", "rs", "swift", "sh", "bash", "ps1", "pl", "lua", "ex", "exs", "dart", "gs",
    "r", "jl", "clj",
];

/// True for a file that an app's own code is in: no test, nobody else's.
pub fn is_code(path: &BytePath) -> bool {
    let name = path.file_name().to_ascii_lowercase();
    let ends = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
    let is = name.contains(&b'.') && CODE.iter().any(|known| ends == known.as_bytes());
    let dirs = |part: &[u8]| matches!(part, b"test" | b"tests" | b"__tests__" | b"spec" | b"e2e");
    let in_tests = super::deploy::parent(path.as_bytes()).split(|b| *b == b'/').any(dirs);
    let tests = [&b"_test."[..], b".test.", b".spec.", b"_spec."];
    let is_test = name.starts_with(b"test_") || tests.iter().any(|part| memchr::memmem::find(&name, part).is_some());
    is && !in_tests && !is_test && !passed(path)
}

/// What a file of code uses.
pub fn uses(bytes: &[u8]) -> Uses {
    let mut found = Uses::default();
    let mut start = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        if !is_comment(line) {
            let place = |found: regex::bytes::Match<'_>| Span::new(start + found.start(), start + found.end());
            hosts(line, &mut |host, at| push(&mut found.hosts, host, place(at)));
            variables(line, &mut |name, at| push(&mut found.variables, name, place(at)));
        }
        start += line.len();
    }
    found
}

fn push(to: &mut Vec<(String, Span)>, name: String, span: Span) {
    if to.len() < MOST && !to.iter().any(|(known, _)| *known == name) {
        to.push((name, span));
    }
}

fn is_comment(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    [&b"//"[..], b"#", b"*", b"/*", b"--", b";", b"<!--"].iter().any(|mark| line.starts_with(mark))
}

fn regex(cell: &'static OnceLock<Option<Regex>>, text: &str) -> Option<&'static Regex> {
    // Bytes, as elsewhere: names are ASCII.
    cell.get_or_init(|| RegexBuilder::new(text).unicode(false).build().ok()).as_ref()
}

/// Addresses at the beginning of a text, and texts that are a host's name and nothing else.
fn hosts(line: &[u8], see: &mut dyn FnMut(String, regex::bytes::Match<'_>)) {
    static ADDRESS: OnceLock<Option<Regex>> = OnceLock::new();
    static NAME: OnceLock<Option<Regex>> = OnceLock::new();
    if memchr::memmem::find(line, b"://").is_some()
        && let Some(form) = regex(
            &ADDRESS,
            r#"["'`=]\s*(?:https?|wss?|ftps?|sftp|smtps?|amqps?|mqtts?|rediss?|ldaps?|grpcs?|nats|kafka|mysql|mariadb|postgres(?:ql)?|mongodb(?:\+srv)?)://(?:[^@/\s"'`]*@)?([A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9])(?:[:/?#"'`\s]|$)"#,
        )
    {
        for found in form.captures_iter(line).filter_map(|all| all.get(1)) {
            tell(found, see);
        }
    }
    if line.iter().any(|b| matches!(b, b'"' | b'\'' | b'`'))
        && let Some(form) = regex(
            &NAME,
            r#"["'`]((?:[A-Za-z0-9][A-Za-z0-9-]*\.){2,}(?:com|net|org|io|dev|app|cloud|co|ai|eu|gov|edu))(?::\d{2,5})?["'`]"#,
        )
    {
        for found in form.captures_iter(line).filter_map(|all| all.get(1)) {
            tell(found, see);
        }
    }
}

/// Names that are no host outside: this machine, a network of its own, examples, and names of formats.
fn tell(found: regex::bytes::Match<'_>, see: &mut dyn FnMut(String, regex::bytes::Match<'_>)) {
    let Ok(host) = std::str::from_utf8(found.as_bytes()) else { return };
    let host = host.to_ascii_lowercase();
    let number = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let ends = [".local", ".internal", ".localhost", ".test", ".invalid", ".example", ".svc", ".lan"];
    let formats = [
        "w3.org",
        "json-schema.org",
        "schemastore.org",
        "xmlsoap.org",
        "openxmlformats.org",
        "schema.org",
        "ns.adobe.com",
    ];
    let within = |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    let examples = ["example.com", "example.org", "example.net"];
    let own = !host.contains('.') || number || ends.iter().any(|end| host.ends_with(end));
    if !own && !formats.iter().chain(&examples).any(|domain| within(domain)) {
        see(host, found);
    }
}

fn variables(line: &[u8], see: &mut dyn FnMut(String, regex::bytes::Match<'_>)) {
    static CALL: OnceLock<Option<Regex>> = OnceLock::new();
    static TAKEN: OnceLock<Option<Regex>> = OnceLock::new();
    static NAME: OnceLock<Option<Regex>> = OnceLock::new();
    let env = [&b"env"[..], b"ENV", b"Env"].iter().any(|word| memchr::memmem::find(line, word).is_some());
    if !env {
        return;
    }
    let mut told = |found: regex::bytes::Match<'_>| {
        if let Ok(name) = std::str::from_utf8(found.as_bytes()) {
            see(name.to_owned(), found);
        }
    };
    if let Some(form) = regex(
        &CALL,
        r#"\b(?:getenv|get_env|Getenv|LookupEnv|GetEnvironmentVariable|environ|environ\.get|environment|ENV|ENV\.fetch|_ENV|env|env::var|env::var_os|env\.get|Sys\.getenv)\s*[\[({]\s*["']([A-Za-z_][A-Za-z0-9_]*)["']|(?:process\.env|import\.meta\.env|Bun\.env)\.([A-Za-z_][A-Za-z0-9_]*)|\$\{?env:([A-Za-z_][A-Za-z0-9_]*)|\$ENV\{([A-Za-z_][A-Za-z0-9_]*)\}|process\.env\[["']([A-Za-z_][A-Za-z0-9_]*)["']\]"#,
    ) {
        for all in form.captures_iter(line) {
            if let Some(found) = all.iter().skip(1).flatten().next() {
                told(found);
            }
        }
    }
    // const { A, B: b } = process.env
    if let (Some(form), Some(name)) =
        (regex(&TAKEN, r"\{([^{}]*)\}\s*=\s*process\.env"), regex(&NAME, r"(?:^|,)\s*([A-Za-z_][A-Za-z0-9_]*)"))
    {
        for list in form.captures_iter(line).filter_map(|all| all.get(1)) {
            let whole = list.as_bytes();
            for found in name.captures_iter(whole).filter_map(|all| all.get(1)) {
                if let Ok(text) = std::str::from_utf8(found.as_bytes()) {
                    see(text.to_owned(), list);
                }
            }
        }
    }
}

/// True for a variable whose name says that a secret is in it.
pub fn looks_secret(variable: &str) -> bool {
    let name = variable.to_ascii_uppercase();
    let words = [
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "SECRET",
        "TOKEN",
        "APIKEY",
        "API_KEY",
        "PRIVATE_KEY",
        "ACCESS_KEY",
        "CREDENTIAL",
    ];
    // What says where, how long or whose it is, is none.
    let about = [
        "_FILE",
        "_PATH",
        "_DIR",
        "_URL",
        "_URI",
        "_TTL",
        "_ID",
        "_NAME",
        "_LENGTH",
        "_TIMEOUT",
        "_EXPIRY",
        "_COUNT",
        "_LIMIT",
        "_HEADER",
        "_ENABLED",
        "_ALGORITHM",
    ];
    words.iter().any(|word| name.contains(word)) && !about.iter().any(|end| name.ends_with(end))
}

/// True where `name` stands in the text as a word of its own.
pub fn mentions(bytes: &[u8], name: &str) -> bool {
    let word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    !name.is_empty()
        && memchr::memmem::find_iter(bytes, name.as_bytes()).any(|at| {
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            !word(before) && !word(bytes.get(at + name.len()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: Vec<(String, Span)>) -> Vec<String> {
        of.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn hosts_are_read_from_addresses_and_names_in_code() {
        let of = |text: &str| names(uses(text.as_bytes()).hosts);
        assert_eq!(of("r = post(\"https://API.mailgun.net/v3\", x)\n"), ["api.mailgun.net"]);
        assert_eq!(of("url = f'https://{host}/x' + 'https://u:p@db.acme.co:5432/x'\n"), ["db.acme.co"]);
        assert_eq!(of("s = SMTP('smtp.mailgun.org', 587)\n"), ["smtp.mailgun.org"]);
        assert_eq!(of("# see https://docs.acme.co/x\n// 'https://a.b.co'\nx = 1 // https://c.d.co\n"), [""; 0]);
        let own = "a = 'http://localhost:1' + \"http://10.0.0.1/\" + 'http://db:80' + 'https://x.example.com' + 'http://www.w3.org/2000/svg'\n";
        assert_eq!(of(own), [""; 0]);
        assert_eq!(of("import a.b.c\nlog('my.module')\n"), [""; 0]);
    }

    #[test]
    fn variables_are_read_as_each_language_reads_them() {
        let of = |text: &str| names(uses(text.as_bytes()).variables);
        let text = "a = os.environ[\"A\"]\nb = os.environ.get('B', 1)\nc = os.getenv(\"C\")\nd = process.env.D\n\
                    const { E, F: f } = process.env\ng := os.Getenv(\"G\")\nh = ENV.fetch('H')\ni = env::var(\"I\")\n\
                    j = System.getenv(\"J\")\nk = $env:K\nl = Environment.GetEnvironmentVariable(\"L\")\n\
                    m = process.env['M']\nn = $_ENV['N']\no = import.meta.env.O\np = Deno.env.get(\"P\")\n";
        let all: Vec<String> = ('A'..='P').map(|c| c.to_string()).collect();
        assert_eq!(of(text), all);
        assert_eq!(of("environment = 'x'\nlenv('x')\n# os.getenv('Z')\n"), [""; 0]);
    }

    #[test]
    fn names_tell_secrets_and_words_are_whole() {
        assert!(looks_secret("DB_PASSWORD") && looks_secret("stripe_api_key") && looks_secret("SECRET_KEY"));
        assert!(!looks_secret("TOKEN_URL") && !looks_secret("PORT") && !looks_secret("PASSWORD_FILE"));
        assert!(mentions(b"x: ${DB_PASSWORD}", "DB_PASSWORD") && !mentions(b"MY_DB_PASSWORDS", "DB_PASSWORD"));
        assert!(
            is_code(&BytePath::new("a/b.py"))
                && !is_code(&BytePath::new("tests/b.py"))
                && !is_code(&BytePath::new("py"))
        );
    }
}
