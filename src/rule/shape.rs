//! The regexes that the forms `assigned` and `keyed` stand for: a name, how it is given a value, the value. Matches nothing.

use super::Anchor;

/// What a name's end says by itself: after it a mere blank gives the value (`ENV ACME_TOKEN …`, `--acme-key …`).
const TELLING: &str = "key|token|secret|password";
/// What follows a provider's name in the name of a key: `ACME_API_KEY`, `acmeAccessToken`. A `acme_sha1` is none.
const PART: &str = "api|key|token|login|secret|pass|pwd|auth|cred|access|licen[cs]e|private|bearer|signature";
/// The name of a key that does not name its provider.
const OWN: &str = "(?:[\\w.\\-]{0,24}[_.\\-]|api|access|auth|secret|private|client|license|licence|service|subscription|bearer|x)?\
    (?:key|token|secret|password|passwd|authorization|credentials?|apikey|auth)";
/// What closes a name: quotes (escaped too), brackets, tags.
const CLOSE: &str = r#"(?:\\{0,2}["'`\])>*]){0,4}[ \t]{0,16}"#;
/// What gives a name its value; the type that Go and TypeScript write before it, too.
const GIVES: &str = r#"(?:=>|[:?.+|]{0,3}={1,2}|\|\||\?\?|[:,(]|>\s{0,40}|[ \t]value[ \t]?=|,?\s{1,80}["']?[vV]alue["']?[ \t]?:|(?::[ \t]{0,4})?(?:[sS]tring|&?str|text)[ \t]{0,4}=)"#;
/// What opens a value.
const OPEN: &str = r#"[ \t]{0,16}(?:[bBrRuU@]?\\{0,2}["'`(\[]){0,3}"#;

/// Alternatives of the anchors' texts.
fn names<'a>(anchors: impl Iterator<Item = &'a Anchor>) -> String {
    anchors.map(|anchor| regex_syntax::escape(&anchor.text)).collect::<Vec<_>>().join("|")
}

/// The form `assigned`: any name that goes on from an anchor.
pub(super) fn assigned(anchors: &[Anchor], value: &str) -> String {
    let telling = TELLING.split('|');
    let ends = |anchor: &&Anchor| telling.clone().any(|end| anchor.text.to_ascii_lowercase().ends_with(end));
    let whole = names(anchors.iter().filter(ends));
    let whole = if whole.is_empty() { whole } else { format!("|(?i:{whole})[ \\t]{{1,4}}") };
    let names = names(anchors.iter());
    format!(
        "(?:(?i:{names})(?:[\\w.\\-]{{0,40}}{CLOSE}{GIVES}|[\\w.\\-]{{0,40}}?(?i:{TELLING})[ \\t]{{1,4}}){whole})\
         {OPEN}(?P<secret>{value})"
    )
}

/// The form `keyed`: a name that is the provider's, alone or with a telling part; or a telling name close behind it, in
/// the same line or one of the next two.
pub(super) fn keyed(anchors: &[Anchor], value: &str) -> String {
    let names = names(anchors.iter());
    let part = format!("[\\w.\\-]{{0,24}}?(?i:{PART})[\\w.\\-]{{0,16}}");
    let near = "(?:[^\\n]{0,80}?\\n){0,2}?[^\\n]{0,80}?[^A-Za-z\\n]";
    let scheme = "(?:(?i:bearer|token|basic|apikey|key)[ \\t]{1,2})?";
    format!(
        "(?i:{names})(?:(?:{part})?(?:{CLOSE}{GIVES})|[\\w.\\-]{{0,24}}?(?i:{TELLING})[ \\t]{{1,4}}|\
         {near}(?i:{OWN})[\\w\\-]{{0,8}}{CLOSE}{GIVES}){OPEN}{scheme}(?P<secret>{value})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchors(texts: &[&str]) -> Vec<Anchor> {
        texts.iter().map(|text| Anchor { text: (*text).to_owned().into(), ignore_case: true, then: None }).collect()
    }

    fn value_of<'a>(regex: &str, text: &'a str) -> Option<&'a str> {
        let regex = regex::RegexBuilder::new(&format!("{regex}(?:[^A-Za-z0-9]|$)")).build().unwrap();
        Some(regex.captures(text)?.name("secret")?.as_str())
    }

    #[test]
    fn every_way_of_giving_a_value_is_read() {
        let own = [
            "ACME_TOKEN=1a2b",
            "acmeToken := \"1a2b\"",
            "acme_token ?= 1a2b",
            "$acmeToken .= '1a2b'",
            "ACME_TOKEN ::= \"1a2b\"",
            "ACME_TOKEN :::= \"1a2b\"",
            "var acmeToken string = \"1a2b\"",
            "const acmeToken: string = '1a2b'",
            "<acmeToken>\n    1a2b\n</acmeToken>",
            "\\\"acme_token\\\": \\\"1a2b\\\"",
            "setAcmeKey(\"1a2b\")",
            "{\"name\": \"ACME_TOKEN\", \"value\": \"1a2b\"}",
            "ENV ACME_KEY 1a2b",
            "acme_key = b'1a2b'",
            "System.setProperty(\"ACME_TOKEN\", \"1a2b\")",
        ];
        for text in own {
            assert_eq!(value_of(&assigned(&anchors(&["acme"]), "[a-f0-9]{4}"), text), Some("1a2b"), "{text}");
            assert_eq!(value_of(&keyed(&anchors(&["acme"]), "[a-f0-9]{4}"), text), Some("1a2b"), "{text}");
        }
    }

    #[test]
    fn a_key_is_near_its_provider_and_says_that_it_is_one() {
        let keyed = keyed(&anchors(&["acme"]), "[a-f0-9]{4}");
        for text in [
            "acme = 1a2b",
            "Acme(api_key=\"1a2b\")",
            "get(\"https://acme.com/v1\", headers={\"Authorization\": \"Token 1a2b\"})",
            "https://api.acme.com/v1?key=1a2b",
            "acme:\n  url: https://x.com\n  api_key: 1a2b\n",
            "--acme-key 1a2b",
            "// Acme\nconst apiKey = \"1a2b\";",
        ] {
            assert_eq!(value_of(&keyed, text), Some("1a2b"), "{text}");
        }
        for text in
            ["acme_sha1 = 1a2b", "acme_commit: 1a2b", "acme 1a2b", "acme monkey=1a2b", "acme\n\n\n\napi_key: 1a2b"]
        {
            assert_eq!(value_of(&keyed, text), None, "{text}");
        }
    }
}
