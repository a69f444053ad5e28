//! The lint's rules: what is told about each, and its examples.

use std::sync::{Arc, OnceLock};

use crate::model::{RuleMeta, Severity};

/// A rule about manifests.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What is told about it.
    pub meta: Arc<RuleMeta>,
    /// True when it only tells.
    pub advisory: bool,
}

/// id, name, severity, advisory, why, fix.
type Row = (&'static str, &'static str, Severity, bool, &'static str, &'static str);

const ROWS: &[Row] = &[
    (
        "manifest-schema",
        "Manifest against its schema",
        Severity::High,
        false,
        "A manifest that machines cannot read governs nothing.",
        "Correct the place; `# yaml-language-server: $schema=./manifest.schema.json` lets an editor help.",
    ),
    (
        "manifest-labels",
        "Mandatory labels",
        Severity::Medium,
        false,
        "What carries no business unit is billed to nobody and asked about by nobody.",
        "Add the label under `metadata.labels`.",
    ),
    (
        "manifest-ttl",
        "Time to live",
        Severity::High,
        false,
        "An app without an end outlives its owner.",
        "Write a `ttl` such as 30d within the tier's limit, or move the app to the tier `supported`.",
    ),
    (
        "manifest-expired",
        "Expired",
        Severity::High,
        false,
        "The app's time is over: nobody has said since that it is still needed.",
        "Renew it: set `createdAt` to today and `expiresAt` to match; or take the app down.",
    ),
    (
        "manifest-expiring",
        "Expiring soon",
        Severity::Low,
        true,
        "Past its end the app is quarantined.",
        "Renew it, or plan its end.",
    ),
    (
        "manifest-lifetime",
        "Lifetime adds up",
        Severity::Medium,
        false,
        "Two dates that say different things let everybody believe what they like.",
        "Set `expiresAt` to `createdAt` and `ttl` added.",
    ),
    (
        "manifest-owner",
        "Owner can be found",
        Severity::Medium,
        false,
        "An owner whom nobody can find answers for nothing.",
        "Name an owner of CODEOWNERS, or of `owners` in [manifest] of keyward.toml.",
    ),
    (
        "manifest-data-class",
        "Data class fits the data",
        Severity::High,
        false,
        "Data that is classed too low is kept and shown too openly.",
        "Class personal, health, financial and payment data confidential or restricted.",
    ),
    (
        "manifest-retention",
        "Audit logs kept long enough",
        Severity::Medium,
        false,
        "Regulated data asks for audit logs of at least two years.",
        "Set `logging.retention` to 2y or more.",
    ),
    (
        "manifest-secret",
        "Secrets are references",
        Severity::Critical,
        false,
        "A secret's value in a manifest is there for everybody who reads it.",
        "Put the value into a secret store, name its path here, and revoke what stood here.",
    ),
    (
        "manifest-secret-ttl",
        "Secrets live an hour",
        Severity::Medium,
        false,
        "A credential that lives long is stolen for long.",
        "Make it dynamic, or set its `ttl` to 1h or less.",
    ),
    (
        "manifest-approvals",
        "Production is approved",
        Severity::High,
        false,
        "Production needs two people who agreed, and logs that tell what happened.",
        "Name a manager and somebody else from security in `identity.approvals`; set structured logs and traces to true.",
    ),
    (
        "manifest-identity",
        "An identity of its own",
        Severity::High,
        false,
        "Two apps with one identity have each other's rights, and nobody can tell who did what.",
        "Give each app an identity of its own.",
    ),
];

/// All of them, by id.
pub fn rules() -> &'static [Rule] {
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    RULES.get_or_init(|| {
        let rule = |(id, name, severity, advisory, why, fix): &Row| Rule {
            meta: Arc::new(RuleMeta {
                id: (*id).into(),
                name: (*name).into(),
                provider: String::new(),
                severity: *severity,
                why: (*why).into(),
                fix: (*fix).into(),
                link: String::new(),
                generic: false,
            }),
            advisory: *advisory,
        };
        ROWS.iter().map(rule).collect()
    })
}
