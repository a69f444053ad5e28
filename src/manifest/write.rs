//! Writes a new manifest that keeps to the schema and the lint.

use super::Duration;
use jiff::civil::Date;

/// What a manifest is written from.
#[derive(Clone, Debug)]
pub struct Answers {
    /// The app's name.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// Who answers for it.
    pub owner: String,
    /// The business unit.
    pub unit: String,
    /// `public`, `internal`, `confidential` or `restricted`.
    pub class: String,
    /// `prototype` or `supported`.
    pub tier: String,
    /// Such as `30d`.
    pub ttl: String,
    /// The day it begins.
    pub today: Date,
}

/// The manifest's text; none when the time to live is no duration.
pub fn write(answers: &Answers) -> Option<String> {
    let expires = Duration::read(&answers.ttl)?.after(answers.today)?;
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let lifecycle = if answers.tier == "supported" { "production" } else { "experimental" };
    Some(format!(
        "# yaml-language-server: $schema=./manifest.schema.json
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: {name}
  description: {purpose}
  labels:
    keyward.dev/business-unit: {unit}
spec:
  type: micro-app
  lifecycle: {lifecycle}
  owner: {owner}
  governance:
    schemaVersion: keyward.dev/v1
    dataClassification: {class}
    allowedEnvironments: [sandbox]
    lifetime: {{tier: {tier}, ttl: {ttl}, createdAt: \"{created}\", expiresAt: \"{expires}\"}}
    integrations: []   # - {{name: mail, host: api.example.com, port: 443, access: write}}
    secrets: []        # - {{name: db, provider: vault, path: database/creds/app, dynamic: true}}
    identity:
      type: service-account
      subject: {subject}
      scopes: []
    logging: {{structured: true, traces: true, retention: 2y}}
",
        name = quoted(&answers.name),
        purpose = quoted(&answers.purpose),
        unit = quoted(&answers.unit),
        owner = quoted(&answers.owner),
        class = answers.class,
        tier = answers.tier,
        ttl = answers.ttl,
        created = answers.today,
        subject = quoted(&answers.name),
    ))
}
