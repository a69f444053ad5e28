use jiff::civil::Date;

use super::rules::EXAMPLE as GOOD;
use super::*;
use crate::parse::{Kind, parse, shown};

const TODAY: Date = Date::constant(2026, 2, 3);

fn node(text: &str) -> Node {
    parse(Kind::Yaml, text.as_bytes()).unwrap_or_else(|error| panic!("{}", error.located(text.as_bytes()))).remove(0)
}

fn said(text: &str, limits: &Limits) -> Vec<String> {
    let tell = |fault: Fault| format!("{} {}: {}", fault.rule, shown(&fault.path), fault.message);
    faults(&node(text), limits).into_iter().map(tell).collect()
}

/// What is said of the good manifest after one change, each prefixed with the governance path left out.
fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    let said = said(&GOOD.replace(from, to), &Limits::new(TODAY));
    said.into_iter().map(|line| line.replace("spec.governance", "~")).collect()
}

#[test]
fn the_designs_example_is_clean_and_is_found_by_its_content() {
    assert_eq!(said(GOOD, &Limits::new(TODAY)), Vec::<String>::new());
    assert!(is_manifest(&node(GOOD)) && may_be_manifest(GOOD.as_bytes()));
    assert!(!is_manifest(&node(&GOOD.replace("spec:\n", "other:\n"))));
    assert!(!is_manifest(&node(&GOOD.replace("kind: Component", "kind: MicroApp"))));
    assert_eq!(identity(&node(GOOD)), Some("repo:example/newsletter-mailer"));
}

#[test]
fn what_is_against_the_schema_is_said_with_what_is_allowed_and_what_was_meant() {
    let first = |from: &str, to: &str| changed(from, to).into_iter().next().unwrap_or_default();
    assert_eq!(
        first("dataClassification: confidential", "dataClassification: confidental"),
        "manifest-schema ~.dataClassification: `dataClassification` is \"confidental\": use public, internal, confidential, \
         restricted; did you mean confidential?"
    );
    assert_eq!(
        first("    regulations:", "    regulation:"),
        "manifest-schema ~.regulation: unknown key `regulation`; did you mean `regulations`?"
    );
    assert!(
        first("  owner: group:default/marketing-ops\n", "")
            .starts_with("manifest-schema spec: `spec` has no `owner`: Who answers for it")
    );
    assert_eq!(
        first("port: 443", "port: https"),
        "manifest-schema ~.integrations[0].port: `port` is a text: it must be a number"
    );
    assert_eq!(
        first("[sandbox, staging]", "[]"),
        "manifest-schema ~.allowedEnvironments: `allowedEnvironments` is empty"
    );
    assert!(
        first("[sandbox, staging]", "[sandbox, moon]").contains("use sandbox, development, test, staging, production")
    );
    assert!(first("name: newsletter-mailer", "name: a b").contains("which it cannot be: Unique in the catalog"));
    assert!(first("access: write}", "}").contains("has no `access`"));
    assert!(first("  lifecycle:", "  lifeCycle:").contains("did you mean `lifecycle`?"));
}

#[test]
fn every_lint_rule_finds_what_it_is_for() {
    let one = |from: &str, to: &str| {
        let said = changed(from, to);
        assert_eq!(said.len(), 1, "{said:?}");
        said.into_iter().next().unwrap()
    };
    let life = "lifetime: {tier: prototype, ttl: 30d, createdAt: \"2026-02-01\", expiresAt: \"2026-03-03\"}";
    let lifetime = |tier: &str, ttl: &str, created: &str, expires: &str| {
        format!("lifetime: {{tier: {tier}, ttl: {ttl}, createdAt: \"{created}\", expiresAt: \"{expires}\"}}")
    };
    assert_eq!(
        one("keyward.dev/business-unit", "x"),
        "manifest-labels metadata.labels: the label keyward.dev/business-unit is missing"
    );
    assert_eq!(
        one(life, &lifetime("prototype", "12w", "2026-02-01", "2026-04-26")),
        "manifest-ttl ~.lifetime.ttl: a prototype may live 30 days, not 12w"
    );
    assert_eq!(changed(life, &lifetime("supported", "1y", "2026-02-01", "2027-02-01")), Vec::<String>::new());
    assert!(one(life, &lifetime("prototype", "soon", "2026-02-01", "2026-03-03")).contains("\"soon\" is no duration"));
    assert_eq!(
        one(life, &lifetime("prototype", "30d", "2026-02-01", "2026-04-03")),
        "manifest-lifetime ~.lifetime.expiresAt: createdAt and ttl make 2026-03-03, not 2026-04-03"
    );
    assert_eq!(
        one(life, &lifetime("prototype", "30d", "2026-01-01", "2026-01-31")),
        "manifest-expired ~.lifetime.expiresAt: it expired on 2026-01-31"
    );
    assert_eq!(
        one(life, &lifetime("prototype", "30d", "2026-01-06", "2026-02-05")),
        "manifest-expiring ~.lifetime.expiresAt: it expires on 2026-02-05, in 2 day(s)"
    );
    assert!(one("expiresAt: \"2026-03-03\"", "expiresAt: \"3 March\"").contains("is no date: write YYYY-MM-DD"));
    assert_eq!(
        one("dataClassification: confidential", "dataClassification: internal"),
        "manifest-data-class ~.dataClassification: pii data is classed internal: it needs confidential or restricted"
    );
    assert_eq!(
        one("sink: siem, retention: 2y", "sink: siem, retention: 90d"),
        "manifest-retention ~.logging.retention: audit logs are kept 90d: GDPR asks for 2 years"
    );
    assert!(one("sink: siem, retention: 2y", "sink: siem").starts_with("manifest-retention ~.logging: no `retention`"));
    assert!(one("path: database/creds/nl-ro", "path: hunter two").starts_with("manifest-secret ~.secrets[0].path"));
    let value = changed("path: database/creds/nl-ro", "path: database/creds/nl-ro, value: written");
    assert!(value.iter().any(|said| said.contains("unknown key `value`")), "{value:?}");
    assert_eq!(
        one("ttl: 1h, dynamic: true", "ttl: 8h"),
        "manifest-secret-ttl ~.secrets[0].ttl: the secret db lives 8h: make it dynamic, or 1h at most"
    );
    assert!(one(", ttl: 1h, dynamic: true", "").starts_with("manifest-secret-ttl ~.secrets[0]: "));
    let production = |rest: &str| {
        said(&GOOD.replace("[sandbox, staging]", "[production]").replace("security: bob", rest), &Limits::new(TODAY))
    };
    assert_eq!(production("security: bob"), Vec::<String>::new());
    assert_eq!(
        production("security: Alice"),
        [
            "manifest-approvals spec.governance.identity.approvals: manager and security are both alice: production needs two people"
        ]
    );
    let silent = GOOD.replace("[sandbox, staging]", "[production]").replace("traces: true", "traces: false");
    assert_eq!(
        said(&silent, &Limits::new(TODAY)),
        ["manifest-approvals spec.governance.logging.traces: production needs `traces` to be true"]
    );
    let owners = Limits { owners: Some(vec!["@example/marketing-ops".into()]), ..Limits::new(TODAY) };
    assert_eq!(said(GOOD, &owners), Vec::<String>::new());
    let others = Limits { owners: Some(vec!["@example/sales".into()]), ..Limits::new(TODAY) };
    assert!(said(GOOD, &others)[0].starts_with("manifest-owner spec.owner: "));
}

#[test]
fn every_rule_that_speaks_is_listed() {
    let ids: Vec<&str> = rules().iter().map(|rule| rule.meta.id.as_str()).collect();
    for text in [include_str!("lint.rs"), include_str!("schema.rs"), include_str!("../scan/apps.rs")] {
        for part in text.split("\"manifest-").skip(1) {
            let id = format!("manifest-{}", part.split('"').next().unwrap());
            assert!(ids.contains(&id.as_str()), "{id}");
        }
    }
    assert!(rules().iter().all(|rule| !rule.meta.why.is_empty() && !rule.meta.fix.is_empty()));
}

#[test]
fn every_rule_about_a_manifest_alone_finds_its_bad_example_and_not_its_good_one() {
    let limits = Limits { owners: Some(vec!["@example/marketing-ops".into()]), ..Limits::new(TODAY) };
    for rule in rules().iter().filter(|rule| rule.example.beside.is_empty()) {
        let id = rule.meta.id.as_str();
        let finds = |text: &str| faults(&node(text), &limits).iter().any(|fault| fault.rule == id);
        assert_eq!(said(&rule.example.good_text(), &limits), [""; 0], "{id}");
        assert!(finds(&rule.example.bad_text()), "{id}");
    }
}

#[test]
fn odd_manifests_are_faulted_not_followed() {
    for text in [
        "{}",
        "[]",
        "spec: 3",
        "spec: {governance: [1]}",
        "spec: {governance: {secrets: {a: b}, lifetime: x, identity: [1]}}",
    ] {
        for node in parse(Kind::Yaml, text.as_bytes()).unwrap() {
            faults(&node, &Limits::new(TODAY));
        }
    }
}

#[test]
fn a_manifest_that_is_written_is_clean() {
    let answers = Answers {
        name: "mailer".into(),
        purpose: "Sends: \"mail\" # daily".into(),
        owner: "group:default/ops".into(),
        unit: "marketing".into(),
        class: "internal".into(),
        tier: "prototype".into(),
        ttl: "30d".into(),
        today: TODAY,
    };
    let text = write(&answers).unwrap();
    assert_eq!(said(&text, &Limits::new(TODAY)), Vec::<String>::new(), "{text}");
    assert!(is_manifest(&node(&text)));
    assert_eq!(
        node(&text).get("metadata").unwrap().get("description").unwrap().as_str(),
        Some("Sends: \"mail\" # daily")
    );
    assert_eq!(write(&Answers { ttl: "soon".into(), ..answers }), None);
}

#[test]
fn the_published_schema_is_current() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("manifest.schema.json");
    if std::env::var_os("KEYWARD_UPDATE").is_some() {
        std::fs::write(&path, schema()).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap_or_default(),
        schema(),
        "run: KEYWARD_UPDATE=1 cargo test manifest"
    );
    let validator = jsonschema::validator_for(&schema().parse().unwrap()).unwrap();
    let json = |text: &str| serde_json::Value::from(&node(text));
    assert!(validator.is_valid(&json(GOOD)));
    for (from, to) in
        [("port: 443", "port: https"), ("    regulations:", "    regulation:"), ("kind: Component", "kind: App")]
    {
        assert!(!validator.is_valid(&json(&GOOD.replace(from, to))), "{to}");
    }
}
