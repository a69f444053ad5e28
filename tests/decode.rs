//! Secrets that are written down encoded: found, told at the encoded text, masked like any other, and never told twice.

use std::process::Output;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keyward::detect::Detector;
use keyward::model::{Blob, Fresh, Origin, OriginKind, Span};
use keyward::rule::pack::Pack;
use keyward::rule::pattern::Seed;
use libdeflater::{CompressionLvl, Compressor};
use serde_json::{Value, json};

use crate::common::repo::Repo;
use crate::common::{github_token, json as report, keyward, made_up, text};

fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut engine = Compressor::new(CompressionLvl::default());
    let mut out = vec![0; engine.gzip_compress_bound(bytes.as_ref().len())];
    let length = engine.gzip_compress(bytes.as_ref(), &mut out).unwrap();
    out.truncate(length);
    out
}

fn zlib(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut engine = Compressor::new(CompressionLvl::default());
    let mut out = vec![0; engine.zlib_compress_bound(bytes.as_ref().len())];
    let length = engine.zlib_compress(bytes.as_ref(), &mut out).unwrap();
    out.truncate(length);
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn lines(text: &str, width: usize, joint: &str) -> String {
    let lines: Vec<&str> = text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join(joint)
}

fn scan(file: &str, args: &[&str]) -> Output {
    scan_named("a.txt", file, args)
}

fn scan_named(name: &str, file: &str, args: &[&str]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(name), file).unwrap();
    // With a key of one's own a fingerprint stands for the secret alone, whatever rules make of it.
    let key = made_up("[a-z]{40}", 70);
    let mut command = keyward();
    command.env("KEYWARD_FINGERPRINT_KEY", key).arg("scan").args(args);
    command.current_dir(dir.path()).output().unwrap()
}

fn found(file: &str) -> Vec<Value> {
    report(&scan(file, &["-f", "json"]))["findings"].as_array().unwrap().clone()
}

/// A file that says a token in some encoding: what was written, how that is called, the lines it is told at.
struct Case {
    file: String,
    encoded: String,
    how: Value,
    line: u64,
}

fn cases(token: &str) -> Vec<Case> {
    let said =
        format!("# the settings of some service, as text\nuser = me\nplace = {token}\nand = more, of whatever else\n");
    let case = |before: &str, encoded: String, how: &[&str], line: u64| Case {
        file: format!("first: line\n{before}{encoded}\nlast: line\n"),
        encoded,
        how: json!(how),
        line,
    };
    let each = |say: &dyn Fn(u32) -> String| said.chars().map(|c| say(u32::from(c))).collect::<String>();
    let wrapped = lines(&STANDARD.encode(&said), 64, "\n    ");
    vec![
        case("blob: ", STANDARD.encode(&said), &["base64"], 2),
        case("blob: \"", URL_SAFE_NO_PAD.encode(&said) + "\"", &["base64"], 2),
        case("url: data:text/plain;base64,", STANDARD.encode(&said), &["base64"], 2),
        case("blob: |\n    ", wrapped, &["base64"], 4),
        case("body:\r\n", lines(&STANDARD.encode(&said), 76, "\r\n"), &["base64"], 4),
        case("x = [\"", lines(&STANDARD.encode(&said), 64, "\\n\",\n  \"") + "\"]", &["base64"], 3),
        case("blob = '", hex(said.as_bytes()) + "'", &["hex"], 2),
        case("powershell -EncodedCommand ", STANDARD.encode(utf16(&said)), &["base64", "utf-16"], 2),
        case("release: ", STANDARD.encode(gzip(&said)), &["base64", "gzip"], 2),
        case("release: ", STANDARD.encode(STANDARD.encode(gzip(&said))), &["base64", "base64", "gzip"], 2),
        case("state: ", STANDARD.encode(zlib(&said)), &["base64", "zlib"], 2),
        case("twice: ", STANDARD.encode(STANDARD.encode(&said)), &["base64", "base64"], 2),
        case("href: ", each(&|c| format!("%{c:02X}")), &["percent"], 2),
        case("x = '", each(&|c| format!("\\x{c:02x}")) + "'", &["escapes"], 2),
        case("x = '", each(&|c| format!("\\u{c:04x}")) + "'", &["escapes"], 2),
        case("<b>", each(&|c| format!("&#{c};")) + "</b>", &["entities"], 2),
        case("mixed: ", STANDARD.encode(format!("inner: {}\n", hex(said.as_bytes()))), &["base64", "hex"], 2),
    ]
}

#[test]
fn a_token_is_found_in_every_encoding_at_the_encoded_text() {
    let token = github_token(71);
    for case in cases(&token) {
        let found = found(&case.file);
        let (how, file) = (&case.how, &case.file);
        assert_eq!(found.len(), 1, "{how}: {found:#?}\n{file}");
        let finding = &found[0];
        assert_eq!((&finding["rule"], &finding["decoded"]), (&json!("github-pat"), how), "{file}");
        assert_eq!(finding["confidence"], "certain", "{how}");
        assert_eq!(finding["start_line"], case.line, "{how}: {file}");
        let at = |name: &str| finding[name].as_u64().unwrap() as usize;
        let (start, end) = (at("start_byte"), at("end_byte"));
        let carrier = case.file.find(&case.encoded).unwrap();
        assert!(start >= carrier && end <= carrier + case.encoded.len(), "{how}: {start}..{end}");
        let line = case.file[..start].matches('\n').count() as u64 + 1;
        assert_eq!(line, case.line, "{how}");
        let column = start - case.file[..start].rfind('\n').unwrap();
        assert_eq!(at("start_column"), column, "{how}");
        // Of linear encodings only what says the token.
        if how.as_array().unwrap().len() == 1 {
            assert!(end - start <= token.len() * 6 + 20, "{how}: {start}..{end}");
        }
    }
}

#[test]
fn neither_the_secret_nor_its_encoded_form_is_shown() {
    let token = github_token(72);
    for case in cases(&token) {
        for format in ["human", "json", "jsonl", "sarif"] {
            // Once more where no rule sees it whole.
            let file = format!("{}# {}\n", case.file, case.encoded.replace(['\n', '\r'], ""));
            let out = text(&scan(&file, &["-f", format, "--explain", "-v"]));
            assert!(!out.contains(&token[8..]), "{format} {}", case.how);
            let finding = &found(&file)[0];
            let at = |name: &str| finding[name].as_u64().unwrap() as usize;
            let encoded = &file[at("start_byte")..at("end_byte")];
            let piece = encoded.lines().next().unwrap().trim();
            let piece = &piece[piece.len() / 2..];
            assert!(piece.len() < 8 || !out.contains(piece), "{format} {}: {out}", case.how);
        }
    }
    let case = &cases(&token)[8];
    let out = text(&scan(&case.file, &[]));
    assert!(out.contains("= decoded: base64 > gzip"), "{out}");
    let out = text(&scan(&case.file, &["-f", "sarif"]));
    assert!(out.contains("Decoded: base64 > gzip."), "{out}");
    assert!(text(&scan(&case.file, &["--show-secrets"])).contains(case.encoded.get(..20).unwrap()));
}

#[test]
fn it_is_the_same_secret_in_the_clear_and_encoded() {
    let token = github_token(73);
    let clear = found(&format!("place: {token}\n"));
    assert!(clear[0]["fingerprint"].as_str().unwrap().starts_with("s1:"));
    for case in cases(&token) {
        assert_eq!(found(&case.file)[0]["fingerprint"], clear[0]["fingerprint"], "{}", case.how);
    }
    let repo = Repo::new();
    repo.write("clear.txt", format!("token: {token}\n"));
    assert_eq!(repo.keyward(&["baseline", "create"]).status.code(), Some(0));
    for (number, case) in cases(&token).iter().enumerate() {
        repo.write(&format!("encoded{number}.txt"), &case.file);
    }
    let out = repo.keyward(&["scan"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    repo.write("other.txt", &cases(&github_token(74))[0].file);
    assert_eq!(repo.keyward(&["scan"]).status.code(), Some(1));
}

#[test]
fn a_comment_on_the_encoded_line_silences_it_and_one_inside_does_not() {
    let token = github_token(75);
    let said = format!("token = {token} # keyward:allow\n");
    let blob = STANDARD.encode(said);
    assert_eq!(scan(&format!("blob: {blob}\n"), &[]).status.code(), Some(1));
    assert_eq!(scan(&format!("blob: {blob} # keyward:allow github-pat -- made up\n"), &[]).status.code(), Some(0));
    assert_eq!(scan(&format!("# keyward:allow\nblob: {blob}\n"), &[]).status.code(), Some(0));
}

#[test]
fn only_what_the_change_touches_is_fresh() {
    let repo = Repo::new();
    let filler: String = (0..40).map(|n| format!("line {n} of the settings of some service\n")).collect();
    let said = |token: &str| format!("{filler}token = {token}\n{filler}");
    let blob = |token: &str| lines(&STANDARD.encode(said(token)), 76, "\n") + "\n";
    repo.write("a.txt", format!("x\n{}", blob(&github_token(76)))).commit("known");
    repo.write("a.txt", format!("x\ny\n{}", blob(&github_token(76))));
    repo.git(&["add", "-A"]);
    let out = repo.keyward(&["scan", "--staged"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    repo.write("a.txt", format!("x\n{}", blob(&github_token(77))));
    repo.git(&["add", "-A"]);
    let out = repo.keyward(&["scan", "--staged"]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    repo.commit("new");
    let out = repo.keyward(&["scan", "--range", "HEAD~..HEAD", "-f", "json"]);
    assert_eq!(report(&out)["findings"].as_array().unwrap().len(), 1, "{}", text(&out));
    let out = repo.keyward(&["scan", "--history", "-f", "json"]);
    let findings = report(&out)["findings"].clone();
    assert_eq!(findings.as_array().unwrap().len(), 2, "{}", text(&out));
    // Once more, from the cache.
    let again = repo.keyward(&["scan", "--history", "-f", "json"]);
    assert_eq!(report(&again)["findings"], findings);
    assert_eq!(findings[0]["decoded"], json!(["base64"]));
}

#[test]
fn a_value_under_a_telling_name_is_judged_by_what_it_says() {
    let secret = |values: &[(&str, &str)]| {
        let data: String = values.iter().map(|(name, said)| format!("  {name}: {}\n", STANDARD.encode(said))).collect();
        found(&format!("apiVersion: v1\ndata:\n{data}kind: Config\n"))
    };
    let strong = made_up("[A-Za-z0-9]{9}-[A-Za-z0-9]{9}[!$%]", 78);
    let seen = secret(&[("user", "admin"), ("password", &strong), ("path", "/etc/some/where")]);
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert_eq!(seen[0]["rule"], "generic-assignment");
    assert_eq!((&seen[0]["decoded"], &seen[0]["start_line"]), (&json!(["base64"]), &json!(4)));
    // The digits look random; what they say does not.
    for weak in ["password", "changeme", "${DB_PASSWORD}", "/etc/db/password.txt", "the password of the database"] {
        let seen = secret(&[("password", weak)]);
        assert!(seen.is_empty(), "{weak}: {seen:#?}");
    }
    // A provider's secret is known by its name, too, and a key's two halves by each other.
    let (id, key) = (made_up("AKIA[A-Z2-7]{16}", 79), made_up("[A-Za-z0-9/+]{40}", 80));
    let seen = secret(&[("aws_access_key_id", &id), ("aws_secret_access_key", &key)]);
    let rules: Vec<&str> = seen.iter().filter_map(|finding| finding["rule"].as_str()).collect();
    assert!(rules.contains(&"aws-secret-access-key"), "{rules:?}");
    assert!(!rules.contains(&"generic-assignment"), "{rules:?}");
}

#[test]
fn a_user_and_a_password_in_base64_are_judged_by_the_password() {
    let strong = made_up("[A-Za-z0-9]{9}-[A-Za-z0-9]{9}[!$%]", 81);
    let pair = |password: &str| STANDARD.encode(format!("svc-deploy:{password}"));
    for name in ["credential", "REGISTRY_AUTH", "basic_auth_credentials"] {
        let seen = found(&format!("{name}={}\n", pair(&strong)));
        assert_eq!(seen.len(), 1, "{name}: {seen:#?}");
        assert_eq!((&seen[0]["rule"], &seen[0]["decoded"]), (&json!("generic-assignment"), &json!(["base64"])));
        assert!(found(&format!("{name}={}\n", pair("password"))).is_empty(), "{name}");
    }
}

#[test]
fn a_single_escape_that_gives_a_value_is_read() {
    let password = made_up("[A-Za-z0-9]{10}[A-Za-z][0-9]", 82);
    for (how, sign, at) in
        [("percent", "%3D", "%40"), ("escapes", "\\u003d", "\\u0040"), ("entities", "&#61;", "&#64;")]
    {
        let file = format!("GET /login?next=password{sign}{password}{at}x7 HTTP/1.1\n");
        let seen = found(&file);
        assert_eq!(seen.len(), 1, "{how}: {seen:#?}");
        assert_eq!(seen[0]["decoded"], json!([how]));
        let column = |key: &str| seen[0][key].as_u64().unwrap() as usize - 1;
        let (start, end) = (column("start_column"), column("end_column"));
        assert_eq!(&file[start..end], format!("{password}{at}x7"), "{how}");
        for weak in ["changeme", "%24PASSWORD", "string"] {
            assert!(found(&format!("password{sign}{weak}\n")).is_empty(), "{how} {weak}");
        }
    }
}

#[test]
fn literals_that_are_put_together_are_one_masked_secret() {
    let (first, second) = (made_up("[A-Za-z0-9]{18}[0-9][a-z]", 83), made_up("[A-Za-z0-9]{18}[0-9][a-z]", 84));
    let file = format!("const apiKey = \"{first}\" +\n    \"{second}\";\n");
    let seen = found(&file);
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert_eq!((&seen[0]["start_line"], &seen[0]["end_line"]), (&json!(1), &json!(2)));
    let whole = found(&format!("const apiKey = \"{first}{second}\";\n"));
    assert_eq!(seen[0]["fingerprint"], whole[0]["fingerprint"], "the same secret");
    for format in ["human", "json", "jsonl", "sarif"] {
        let said = text(&scan(&file, &["--format", format]));
        assert!(!said.contains(&first[4..]) && !said.contains(&second[..12]), "{format}");
    }
}

#[test]
fn a_message_in_quoted_printable_is_read_over_its_lines() {
    let token = github_token(90);
    let (first, second) = token.split_at(20);
    let password = made_up("[A-Za-z0-9]{10}[!$%][A-Za-z0-9]{6}", 91);
    let head = "MIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n";
    let body = format!("The new token, which nobody else may see, is at the end of this line {first}=\r\n{second}\r\n");
    let seen = found(&format!("{head}{body}db_password=3D\"{password}\"\r\n"));
    assert_eq!(seen.len(), 2, "{seen:#?}");
    for (finding, rule, line) in [(&seen[0], "github-pat", 4), (&seen[1], "generic-assignment", 6)] {
        assert_eq!((&finding["rule"], &finding["start_line"]), (&json!(rule), &json!(line)));
        assert_eq!(finding["decoded"], json!(["quoted-printable"]));
    }
    assert_eq!(seen[0]["end_line"], 5);
}

#[test]
fn escapes_between_a_name_and_its_value_are_read() {
    let password = made_up("[A-Za-z0-9]{10}[!$][A-Za-z0-9]{6}", 92);
    for (how, open, colon, comma) in [
        ("percent", "%22", "%3A", "%2C"),
        ("escapes", "\\u0022", "\\u003a", "\\u002c"),
        ("entities", "&quot;", "&#58;", "&#44;"),
    ] {
        let pair = |name: &str, value: &str| format!("{open}{name}{open}{colon}{open}{value}{open}{comma}");
        let file = format!("x = [{}{}{}]\n", pair("user", "me"), pair("db_password", &password), pair("a", "b"));
        let seen = found(&file);
        assert_eq!(seen.len(), 1, "{how}: {seen:#?}");
        assert_eq!((&seen[0]["rule"], &seen[0]["decoded"]), (&json!("generic-assignment"), &json!([how])));
        assert_eq!(seen[0]["start_byte"], json!(file.find(&password).unwrap()));
    }
}

#[test]
fn a_web_token_is_told_once() {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let secret = made_up("[A-Za-z0-9]{24}", 81);
    let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"sub":"12","iss":"https://acme.dev","secret":"{secret}"}}"#));
    let token = format!("{header}.{claims}.{}", made_up("[A-Za-z0-9_-]{43}", 82));
    let seen = found(&format!("jwt = \"{token}\"\n"));
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert_eq!(seen[0]["decoded"], json!([]));
    // What it carries of somebody else's is another secret.
    let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"sub":"12","upstream":"{}"}}"#, github_token(83)));
    let seen = found(&format!("jwt = \"{header}.{claims}.{}\"\n", made_up("[A-Za-z0-9_-]{43}", 84)));
    assert_eq!(seen.len(), 2, "{seen:#?}");
}

#[test]
fn a_notebook_s_cells_are_read() {
    let token = github_token(85);
    let password = made_up("[A-Za-z0-9]{10}[!$%][A-Za-z0-9]{6}", 86);
    let key: Vec<String> = (0..6).map(|n| made_up("[A-Za-z0-9/+]{64}", n)).collect();
    let source = [
        "import os\n".to_owned(),
        format!("client.login(token=\"{token}\")\n"),
        format!("db_password = \"{password}\"\n"),
        "key = '''-----BEGIN RSA PRIVATE KEY-----\n".to_owned(),
        key.join("\n") + "\n",
        "-----END RSA PRIVATE KEY-----\n".to_owned(),
    ];
    let output =
        [format!("{{'data': '{}'}}\n", STANDARD.encode(format!("export GH={} # as printed\n", github_token(87))))];
    let notebook = json!({ "cells": [
        { "cell_type": "code", "source": source, "outputs": [{ "output_type": "stream", "text": output }] },
    ], "nbformat": 4 });
    let file = serde_json::to_string_pretty(&notebook).unwrap();
    let out = scan_named("a.ipynb", &file, &["-f", "json", "--confidence", "low"]);
    let seen: Vec<(String, u64)> = report(&out)["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["rule"].as_str().unwrap().to_owned(), finding["start_line"].as_u64().unwrap()))
        .collect();
    let line = |part: &str| file[..file.find(part).unwrap()].matches('\n').count() as u64 + 1;
    let has = |rule: &str, line: u64| assert!(seen.contains(&(rule.to_owned(), line)), "{rule} {line}: {seen:?}");
    has("github-pat", line(&token));
    has("generic-assignment", line(&password));
    has("private-key", line("-----BEGIN"));
    has("github-pat", line("{'data'"));
}

#[test]
fn hostile_texts_cost_a_bounded_amount_of_work_and_are_told() {
    let began = Instant::now();
    let bomb = STANDARD.encode(gzip(vec![b'a'; 200 << 20]));
    let out = scan(&format!("blob: {bomb}\n"), &["-f", "json"]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
    assert!(text(&out).contains("not all of it was decoded"), "{}", text(&out));
    // Deeper than anybody goes.
    let deep = (0..5).fold(format!("token = {} and more\n", github_token(88)), |said, _| STANDARD.encode(said));
    let out = scan(&format!("blob: {deep}\n"), &["-f", "json"]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
    // One level less is seen.
    let less = (0..3).fold(format!("token = {} and more\n", github_token(88)), |said, _| STANDARD.encode(said));
    assert_eq!(found(&format!("blob: {less}\n")).len(), 1);
    // Lines that all seem to begin something and say nothing.
    let line = STANDARD.encode("abc\u{1}\u{2}\u{3}".repeat(8));
    let many = format!("{line}\n").repeat(100_000);
    assert_eq!(scan(&many, &[]).status.code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn random_bytes_never_panic_and_cost_no_more_than_their_size_allows() {
    let detector = Detector::new(Pack::builtin().unwrap().rules).unwrap();
    let mut seed = Seed::new(89);
    let pieces = [
        "eyJ",
        "H4sIAAAA",
        "=",
        "\\n",
        "\"",
        "\n",
        "\r\n    ",
        "\" +\n\"",
        "%41",
        "\\u0041",
        "&#65;",
        "//",
        "-----BEGIN ",
        "password: ",
        "kind: Secret\ndata:\n  ",
        "6162636465",
        "\u{fffd}",
    ];
    for round in 0..400 {
        let mut bytes: Vec<u8> = Vec::new();
        while bytes.len() < 4000 {
            match seed.below(5) {
                0 => bytes.extend(pieces[seed.below(pieces.len() as u64) as usize].bytes()),
                1 => bytes.extend((0..seed.below(60)).map(|_| seed.below(256) as u8)),
                2 => bytes.extend(STANDARD.encode(&bytes[bytes.len() / 2..]).bytes().take(900)),
                3 => bytes.extend(hex(&bytes[bytes.len() - bytes.len().min(80)..]).bytes()),
                _ => bytes.extend(made_up("[A-Za-z0-9+/]{4,90}", seed.below(u64::MAX)).bytes()),
            }
        }
        let origin = Origin::new(OriginKind::Stdin);
        let blob = Blob { origin: &origin, bytes: &bytes, fresh: &Fresh::All, former_path: None, earlier: &[] };
        let before = {
            detector.count_work();
            detector.work().bytes
        };
        let found = detector.scan(&blob);
        let spent = detector.work().bytes - before;
        assert!(spent < 12 * bytes.len() as u64 + (2 << 20), "round {round}: {spent} for {}", bytes.len());
        for candidate in found.iter().flat_map(|found| &found.candidates) {
            let all = Span::new(0, bytes.len());
            assert!(all.contains(&candidate.span) && !candidate.span.is_empty(), "round {round}: {:?}", candidate.span);
            assert!(candidate.evidence().all(|part| all.contains(&part)), "round {round}");
        }
    }
}
