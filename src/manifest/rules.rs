//! The lint's rules: what is told about each, and its examples, which tests run.

use std::sync::{Arc, OnceLock};

use crate::model::{RuleMeta, Severity};

/// A rule about manifests.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What is told about it.
    pub meta: Arc<RuleMeta>,
    /// True when it only tells.
    pub advisory: bool,
    /// What it finds, and what it does not.
    pub example: Example,
}

/// A manifest that is clean, and one change to it that is not.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// What is changed in [`EXAMPLE`] first: (text, text in its place).
    pub base: &'static [(&'static str, &'static str)],
    /// Files beside the manifest: (path, text).
    pub beside: &'static [(&'static str, &'static str)],
    /// A part of the manifest that the rule passes over.
    pub good: &'static str,
    /// What it finds in that part's place.
    pub bad: &'static str,
}

impl Example {
    /// The clean manifest.
    pub fn good_text(&self) -> String {
        self.base.iter().fold(EXAMPLE.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    /// The one that is not.
    pub fn bad_text(&self) -> String {
        self.good_text().replace(self.good, self.bad)
    }
}

/// A manifest that keeps to every rule, on 3 February 2026.
pub const EXAMPLE: &str = include_str!("../../rules/manifest/example.yaml.txt");

/// As much of another app as says what it runs as.
const OTHER: &str = "apiVersion: backstage.io/v1alpha1\nkind: Component\nspec:\n  type: micro-app\n  governance:\n    identity: {subject: \"repo:example/other\"}\n";

struct Row {
    id: &'static str,
    name: &'static str,
    severity: Severity,
    advisory: bool,
    why: &'static str,
    fix: &'static str,
    example: Example,
}

const ROWS: &[Row] = &[
    Row {
        id: "manifest-schema",
        name: "Manifest against its schema",
        severity: Severity::High,
        advisory: false,
        why: "A manifest that machines cannot read governs nothing.",
        fix: "Correct the place; `# yaml-language-server: $schema=./manifest.schema.json` lets an editor help.",
        example: Example {
            base: &[],
            beside: &[],
            good: "dataClassification: confidential",
            bad: "dataClassification: confidental",
        },
    },
    Row {
        id: "manifest-labels",
        name: "Mandatory labels",
        severity: Severity::Medium,
        advisory: false,
        why: "What carries no business unit is billed to nobody and asked about by nobody.",
        fix: "Add the label under `metadata.labels`.",
        example: Example {
            base: &[],
            beside: &[],
            good: "keyward.dev/business-unit: marketing",
            bad: "team: marketing",
        },
    },
    Row {
        id: "manifest-ttl",
        name: "Time to live",
        severity: Severity::High,
        advisory: false,
        why: "An app without an end outlives its owner.",
        fix: "Write a `ttl` such as 30d within the tier's limit, or move the app to the tier `supported`.",
        example: Example { base: &[], beside: &[], good: "ttl: 30d, createdAt", bad: "ttl: 12w, createdAt" },
    },
    Row {
        id: "manifest-expired",
        name: "Expired",
        severity: Severity::High,
        advisory: false,
        why: "The app's time is over: nobody has said since that it is still needed.",
        fix: "Renew it: set `createdAt` to today and `expiresAt` to match; or take the app down.",
        example: Example {
            base: &[],
            beside: &[],
            good: "createdAt: \"2026-02-01\", expiresAt: \"2026-03-03\"",
            bad: "createdAt: \"2026-01-01\", expiresAt: \"2026-01-31\"",
        },
    },
    Row {
        id: "manifest-expiring",
        name: "Expiring soon",
        severity: Severity::Low,
        advisory: true,
        why: "Past its end the app is quarantined.",
        fix: "Renew it, or plan its end.",
        example: Example {
            base: &[],
            beside: &[],
            good: "createdAt: \"2026-02-01\", expiresAt: \"2026-03-03\"",
            bad: "createdAt: \"2026-01-06\", expiresAt: \"2026-02-05\"",
        },
    },
    Row {
        id: "manifest-lifetime",
        name: "Lifetime adds up",
        severity: Severity::Medium,
        advisory: false,
        why: "Two dates that say different things let everybody believe what they like.",
        fix: "Set `expiresAt` to `createdAt` and `ttl` added.",
        example: Example {
            base: &[],
            beside: &[],
            good: "expiresAt: \"2026-03-03\"",
            bad: "expiresAt: \"2026-04-03\"",
        },
    },
    Row {
        id: "manifest-owner",
        name: "Owner can be found",
        severity: Severity::Medium,
        advisory: false,
        why: "An owner whom nobody can find answers for nothing.",
        fix: "Name an owner of CODEOWNERS, or of `owners` in [manifest] of keyward.toml.",
        example: Example {
            base: &[],
            beside: &[],
            good: "owner: group:default/marketing-ops",
            bad: "owner: group:default/nobody",
        },
    },
    Row {
        id: "manifest-data-class",
        name: "Data class fits the data",
        severity: Severity::High,
        advisory: false,
        why: "Data that is classed too low is kept and shown too openly.",
        fix: "Class personal, health, financial and payment data confidential or restricted.",
        example: Example {
            base: &[],
            beside: &[],
            good: "dataClassification: confidential",
            bad: "dataClassification: internal",
        },
    },
    Row {
        id: "manifest-retention",
        name: "Audit logs kept long enough",
        severity: Severity::Medium,
        advisory: false,
        why: "Regulated data asks for audit logs of at least two years.",
        fix: "Set `logging.retention` to 2y or more.",
        example: Example {
            base: &[],
            beside: &[],
            good: "sink: siem, retention: 2y",
            bad: "sink: siem, retention: 90d",
        },
    },
    Row {
        id: "manifest-secret",
        name: "Secrets are references",
        severity: Severity::Critical,
        advisory: false,
        why: "A secret's value in a manifest is there for everybody who reads it.",
        fix: "Put the value into a secret store, name its path here, and revoke what stood here.",
        example: Example {
            base: &[],
            beside: &[],
            good: "path: database/creds/nl-ro",
            bad: "path: the password itself",
        },
    },
    Row {
        id: "manifest-secret-ttl",
        name: "Secrets live an hour",
        severity: Severity::Medium,
        advisory: false,
        why: "A credential that lives long is stolen for long.",
        fix: "Make it dynamic, or set its `ttl` to 1h or less.",
        example: Example { base: &[], beside: &[], good: "ttl: 1h, dynamic: true", bad: "ttl: 8h" },
    },
    Row {
        id: "manifest-approvals",
        name: "Production is approved",
        severity: Severity::High,
        advisory: false,
        why: "Production needs two people who agreed, and logs that tell what happened.",
        fix: "Name a manager and somebody else from security in `identity.approvals`; set structured logs and traces to true.",
        example: Example {
            base: &[("[sandbox, staging]", "[production]")],
            beside: &[],
            good: "security: bob",
            bad: "security: alice",
        },
    },
    Row {
        id: "manifest-identity",
        name: "An identity of its own",
        severity: Severity::High,
        advisory: false,
        why: "Two apps with one identity have each other's rights, and nobody can tell who did what.",
        fix: "Give each app an identity of its own.",
        example: Example {
            base: &[],
            beside: &[("other/catalog-info.yaml", OTHER)],
            good: "repo:example/newsletter-mailer",
            bad: "repo:example/other",
        },
    },
    Row {
        id: "manifest-missing",
        name: "Deployable without a manifest",
        severity: Severity::Medium,
        advisory: false,
        why: "What nobody registered has no owner, no end and no limits: nobody can govern what nobody knows of.",
        fix: "Write a manifest beside it (`keyward manifest init`), name its file in some manifest's `infrastructure`, or leave the path out with `exclude` in [policy].",
        example: Example {
            base: &[],
            beside: &[("Dockerfile", "FROM alpine:3.20\n")],
            good: "kind: Component",
            bad: "kind: Other",
        },
    },
    Row {
        id: "manifest-integrations",
        name: "Undeclared integrations",
        severity: Severity::Low,
        advisory: true,
        why: "A host that the code talks to and the manifest does not name was reviewed by nobody.",
        fix: "Add it to `integrations` with its access, or take the call out.",
        example: Example {
            base: &[],
            beside: &[("mail.py", "requests.post(\"https://api.mailgun.net/v3/messages\")\n")],
            good: "host: api.mailgun.net",
            bad: "host: hooks.acme.dev",
        },
    },
    Row {
        id: "manifest-secret-undeclared",
        name: "Undeclared secrets",
        severity: Severity::Low,
        advisory: true,
        why: "A variable that looks like a secret and is declared nowhere is handed over by nobody knows whom.",
        fix: "Add the secret to `secrets`, with the variable as its `env`, or read something else.",
        example: Example {
            base: &[("ttl: 1h, dynamic: true", "ttl: 1h, dynamic: true, env: DB_PASSWORD")],
            beside: &[("db.py", "connect(os.environ[\"DB_PASSWORD\"])\n")],
            good: "env: DB_PASSWORD",
            bad: "env: MAIL_USER",
        },
    },
    Row {
        id: "manifest-secret-unused",
        name: "Secrets that nothing reads",
        severity: Severity::Low,
        advisory: true,
        why: "A right to a secret that nobody uses is a right that only a thief will use.",
        fix: "Take the secret out of `secrets`, or correct its `env`.",
        example: Example {
            base: &[("ttl: 1h, dynamic: true", "ttl: 1h, dynamic: true, env: DB_PASSWORD")],
            beside: &[("db.py", "connect(os.environ[\"DB_PASSWORD\"])\n")],
            good: "env: DB_PASSWORD",
            bad: "env: DB_PASSPHRASE",
        },
    },
];

/// All of them, by id.
pub fn rules() -> &'static [Rule] {
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    RULES.get_or_init(|| {
        let rule = |row: &Row| Rule {
            meta: Arc::new(RuleMeta {
                id: row.id.into(),
                name: row.name.into(),
                provider: String::new(),
                severity: row.severity,
                why: row.why.into(),
                fix: row.fix.into(),
                link: String::new(),
                generic: false,
            }),
            advisory: row.advisory,
            example: row.example,
        };
        ROWS.iter().map(rule).collect()
    })
}
