//! What a micro-app's manifest is: a Backstage `Component` with a block `spec.governance`. The published schema is
//! generated from these types, and manifests are held against that schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// A micro-app's manifest.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    /// Backstage's version of the kind, such as `backstage.io/v1alpha1`.
    #[schemars(regex(pattern = r"^backstage\.io/v1"))]
    pub api_version: String,
    /// Always `Component`.
    pub kind: Component,
    /// What the catalog shows.
    pub metadata: Metadata,
    /// What it is and how it is governed.
    pub spec: Spec,
}

#[derive(Serialize, JsonSchema)]
pub(super) enum Component {
    Component,
}

/// What the catalog shows of it. Backstage's other fields may stand here too.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    /// Unique in the catalog: letters, digits, `-`, `_` and `.`, at most 63.
    #[schemars(regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"))]
    pub name: String,
    /// What it is for.
    #[schemars(length(min = 1))]
    pub description: String,
    /// Tags that bills and searches go by, such as `keyward.dev/business-unit`.
    pub labels: BTreeMap<String, String>,
}

/// What it is and how it is governed. Backstage's other fields may stand here too.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    /// Always `micro-app`.
    pub r#type: MicroApp,
    /// How far it is: Backstage knows `experimental`, `production` and `deprecated`.
    #[schemars(length(min = 1))]
    pub lifecycle: String,
    /// Who answers for it: `group:namespace/name`, `user:name` or a name.
    #[schemars(regex(pattern = r"^([a-z]+:)?([A-Za-z0-9._-]+/)?[A-Za-z0-9._@-]+$"))]
    pub owner: String,
    /// What the gate goes by.
    pub governance: Governance,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum MicroApp {
    MicroApp,
}

/// What the gate goes by.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Governance {
    /// Always `keyward.dev/v1`.
    pub schema_version: SchemaVersion,
    /// Who is asked and told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contacts: Option<Vec<Contact>>,
    /// How sensitive its data is.
    pub data_classification: Classification,
    /// What kinds of sensitive data it touches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_categories: Option<Vec<Category>>,
    /// Laws and standards that hold for it, such as `GDPR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regulations: Option<Vec<String>>,
    /// Where it may run.
    #[schemars(length(min = 1))]
    pub allowed_environments: Vec<Environment>,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// Where it is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Vec<Endpoint>>,
    /// What it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure: Option<Vec<Infrastructure>>,
    /// What it talks to outside; an empty list says nothing.
    pub integrations: Vec<Integration>,
    /// Which secrets it uses, as references; an empty list says none.
    pub secrets: Vec<Secret>,
    /// What it runs as.
    pub identity: Identity,
    /// How it logs.
    pub logging: Logging,
    /// What becomes of its data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decommission: Option<Decommission>,
}

#[derive(Serialize, JsonSchema)]
pub(super) enum SchemaVersion {
    #[serde(rename = "keyward.dev/v1")]
    V1,
}

/// Somebody to ask.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Contact {
    /// How.
    pub r#type: ContactKind,
    /// Where.
    #[schemars(length(min = 1))]
    pub value: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ContactKind {
    Email,
    Chat,
    Phone,
    Url,
}

/// From open to strictly confidential.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Classification {
    Public,
    Internal,
    Confidential,
    Restricted,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Category {
    None,
    Pii,
    Health,
    Financial,
    Payment,
    Credentials,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Environment {
    Sandbox,
    Development,
    Test,
    Staging,
    Production,
}

/// How long it lives.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Lifetime {
    /// What it is meant to be.
    pub tier: Tier,
    /// How long it may live without renewal: `30d`, `12w`, `1y` or an ISO 8601 duration.
    pub ttl: String,
    /// When that began: YYYY-MM-DD.
    pub created_at: String,
    /// When that ends: `createdAt` and `ttl` added.
    pub expires_at: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Tier {
    Prototype,
    Supported,
}

/// Where it is reached.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Endpoint {
    /// What it is called.
    pub name: String,
    /// Its address.
    pub url: String,
    /// By whom.
    pub exposure: Exposure,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Exposure {
    Private,
    Internal,
    Partner,
    Public,
}

/// What it runs on.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Infrastructure {
    /// Such as `k8s-deployment`, `lambda`, `vm`.
    pub r#type: String,
    /// The file or id that describes it.
    pub r#ref: String,
}

/// Something outside that it talks to.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Integration {
    /// What it is called.
    pub name: String,
    /// Its host name.
    #[schemars(regex(pattern = r"^[A-Za-z0-9*][A-Za-z0-9.*-]*$"))]
    pub host: String,
    /// Its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// What is done there.
    pub access: Access,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Access {
    Read,
    Write,
    ReadWrite,
}

/// A secret, as a reference: the value itself stands nowhere.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Secret {
    /// What it is called.
    pub name: String,
    /// Who keeps it.
    pub provider: Provider,
    /// Its path, ARN or address there.
    #[schemars(length(min = 1))]
    pub path: String,
    /// How long one issue of it lives; at most an hour, unless it is dynamic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<String>,
    /// True when every use gets its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic: Option<bool>,
    /// The environment variable that it is read from, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Provider {
    Vault,
    AwsSecretsManager,
    AwsParameterStore,
    GcpSecretManager,
    AzureKeyVault,
    KubernetesSecret,
}

/// What it runs as.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Identity {
    /// What kind of identity.
    pub r#type: IdentityKind,
    /// The identity itself, of this app alone.
    #[schemars(length(min = 1))]
    pub subject: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Who agreed; needed for production.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals: Option<Approvals>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum IdentityKind {
    Oidc,
    ManagedIdentity,
    ServiceAccount,
}

/// Two people who agreed.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Approvals {
    /// The manager.
    pub manager: String,
    /// Somebody from security.
    pub security: String,
}

/// How it logs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Logging {
    /// True for logs that machines read.
    pub structured: bool,
    /// True for traces.
    pub traces: bool,
    /// Where logs go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink: Option<String>,
    /// How long audit logs are kept, such as `2y`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<String>,
}

/// What becomes of its data at the end.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Decommission {
    /// Whether data is kept.
    pub archive: Archive,
    /// How long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Archive {
    Required,
    Optional,
    None,
}
