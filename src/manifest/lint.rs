//! What the schema cannot say of a manifest. Each check speaks only where what it looks at is there and readable.

use jiff::civil::Date;

use super::schema::date;
use super::{Duration, Fault};
use crate::parse::{Node, Step, Value};

/// What the lint goes by; the defaults are the founding text's.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The day that decides what has expired.
    pub today: Date,
    /// Labels that must be there.
    pub labels: Vec<String>,
    /// The longest life of a prototype.
    pub prototype: Duration,
    /// The longest life of a supported app.
    pub supported: Duration,
    /// So many days before its end an app is told about.
    pub expiring_days: i64,
    /// Who can be found; none: nobody asks.
    pub owners: Option<Vec<String>>,
}

impl Limits {
    /// The founding text's limits: 30 days for prototypes, 365 for supported apps.
    pub fn new(today: Date) -> Self {
        let days = |n: &str| Duration::read(n).unwrap_or_default();
        Self {
            today,
            labels: vec!["keyward.dev/business-unit".into()],
            prototype: days("30d"),
            supported: days("365d"),
            expiring_days: 7,
            owners: None,
        }
    }
}

/// The least time that audit logs about regulated data are kept.
const RETENTION: i64 = 2 * 365 * 86_400;
/// The longest that a secret lives which is not dynamic.
const SECRET: i64 = 3600;

pub(super) fn faults(node: &Node, limits: &Limits) -> Vec<Fault> {
    let mut lint = Lint { node, limits, faults: Vec::new() };
    lint.labels();
    lint.owner();
    lint.lifetime();
    lint.data();
    lint.secrets();
    lint.production();
    lint.faults
}

struct Lint<'a> {
    node: &'a Node,
    limits: &'a Limits,
    faults: Vec<Fault>,
}

const GOVERNANCE: [&str; 2] = ["spec", "governance"];

impl<'a> Lint<'a> {
    fn get(&self, path: &[&str]) -> Option<&'a Node> {
        path.iter().try_fold(self.node, |node, name| node.get(name))
    }

    fn governance(&self, path: &[&str]) -> Option<&'a Node> {
        self.get(&[&GOVERNANCE[..], path].concat())
    }

    fn text(&self, path: &[&str]) -> Option<&'a str> {
        self.governance(path)?.as_str()
    }

    fn words(&self, path: &[&str]) -> Vec<&'a str> {
        self.governance(path).map(|list| list.items().iter().filter_map(Node::as_str).collect()).unwrap_or_default()
    }

    fn fault(&mut self, rule: &'static str, path: &[&str], message: impl Into<String>) {
        let path: Vec<Step> = path.iter().map(|name| Step::Key((*name).into())).collect();
        self.faults.push(Fault::new(rule, &path, message.into()));
    }

    fn governed(&mut self, rule: &'static str, path: &[&str], message: impl Into<String>) {
        self.fault(rule, &[&GOVERNANCE[..], path].concat(), message);
    }

    fn labels(&mut self) {
        let Some(labels) = self.get(&["metadata", "labels"]) else { return };
        let missing: Vec<&String> = self
            .limits
            .labels
            .iter()
            .filter(|name| {
                labels.get(name).is_none_or(|value| value.as_str().is_none_or(|text| text.trim().is_empty()))
            })
            .collect();
        for name in missing {
            self.fault("manifest-labels", &["metadata", "labels"], format!("the label {name} is missing"));
        }
    }

    fn owner(&mut self) {
        let (Some(known), Some(owner)) = (&self.limits.owners, self.get(&["spec", "owner"]).and_then(Node::as_str))
        else {
            return;
        };
        let short = |name: &str| {
            let name = name.rsplit([':', '/']).next().unwrap_or(name);
            name.trim_start_matches('@').to_lowercase()
        };
        if !known.iter().any(|one| short(one) == short(owner)) {
            let message = format!("the owner {owner} is in neither CODEOWNERS nor the configured owners");
            self.fault("manifest-owner", &["spec", "owner"], message);
        }
    }

    fn lifetime(&mut self) {
        let (tier, ttl) = (self.text(&["lifetime", "tier"]), self.text(&["lifetime", "ttl"]));
        let length = ttl.map(Duration::read);
        let most = match tier {
            Some("prototype") => Some(self.limits.prototype),
            Some("supported") => Some(self.limits.supported),
            _ => None,
        };
        match (length, most) {
            (Some(None), _) => {
                let message = format!("{:?} is no duration: write 30d, 12w, 1y or P30D", ttl.unwrap_or_default());
                self.governed("manifest-ttl", &["lifetime", "ttl"], message);
            }
            (Some(Some(length)), Some(most)) if length.seconds() > most.seconds() => {
                let message = format!(
                    "a {} may live {} days, not {}",
                    tier.unwrap_or_default(),
                    most.seconds() / 86_400,
                    ttl.unwrap_or_default()
                );
                self.governed("manifest-ttl", &["lifetime", "ttl"], message);
            }
            _ => {}
        }
        let mut dates = [None, None];
        for (name, slot) in ["createdAt", "expiresAt"].into_iter().zip(&mut dates) {
            match date(self.governance(&["lifetime", name])) {
                Some(Ok(found)) => *slot = Some(found),
                Some(Err(why)) => self.governed("manifest-lifetime", &["lifetime", name], why),
                None => {}
            }
        }
        let [created, expires] = dates;
        if let (Some(created), Some(Some(length)), Some(expires)) = (created, length, expires)
            && let Some(end) = length.after(created)
            && end != expires
        {
            let message = format!("createdAt and ttl make {end}, not {expires}");
            self.governed("manifest-lifetime", &["lifetime", "expiresAt"], message);
        }
        if let Some(expires) = expires {
            let left = i64::from(self.limits.today.until(expires).map(|span| span.get_days()).unwrap_or_default());
            if expires < self.limits.today {
                self.governed("manifest-expired", &["lifetime", "expiresAt"], format!("it expired on {expires}"));
            } else if left <= self.limits.expiring_days {
                let message = format!("it expires on {expires}, in {left} day(s)");
                self.governed("manifest-expiring", &["lifetime", "expiresAt"], message);
            }
        }
    }

    fn data(&mut self) {
        let class = self.text(&["dataClassification"]);
        let sensitive: Vec<&str> = self.words(&["dataCategories"]).into_iter().filter(|word| *word != "none").collect();
        let regulations = self.words(&["regulations"]);
        if let (Some(class @ ("public" | "internal")), Some(first)) = (class, sensitive.first()) {
            let message = format!("{first} data is classed {class}: it needs confidential or restricted");
            self.governed("manifest-data-class", &["dataClassification"], message);
        }
        if sensitive.is_empty() && regulations.is_empty() {
            return;
        }
        let why = regulations.first().or(sensitive.first()).copied().unwrap_or_default();
        match self.text(&["logging", "retention"]).map(|text| (text, Duration::read(text))) {
            Some((_, Some(kept))) if kept.seconds() >= RETENTION => {}
            Some((text, Some(_))) => {
                let message = format!("audit logs are kept {text}: {why} asks for 2 years");
                self.governed("manifest-retention", &["logging", "retention"], message);
            }
            Some((text, None)) => {
                let message = format!("{text:?} is no duration: write 2y or P2Y");
                self.governed("manifest-retention", &["logging", "retention"], message);
            }
            None if self.governance(&["logging"]).is_some() => {
                let message = format!("no `retention`: {why} asks for audit logs of 2 years");
                self.governed("manifest-retention", &["logging"], message);
            }
            None => {}
        }
    }

    fn secrets(&mut self) {
        let Some(secrets) = self.governance(&["secrets"]) else { return };
        for (index, secret) in secrets.items().iter().enumerate() {
            let at = |name: &str| {
                let base = GOVERNANCE.iter().map(|name| Step::Key((*name).into()));
                base.chain([Step::Key("secrets".into()), Step::Index(index), Step::Key(name.into())])
                    .collect::<Vec<_>>()
            };
            let name = secret.get("name").and_then(Node::as_str).unwrap_or("?");
            for (key, value) in secret.entries() {
                if matches!(key.name.as_str(), "value" | "password" | "token" | "secret" | "key")
                    && value.value != Value::Null
                {
                    let message = format!("the secret {name} has its value here: name where it is kept instead");
                    self.faults.push(Fault::new("manifest-secret", &at(&key.name), message));
                }
            }
            if let (Some(provider), Some(path)) = (text(secret, "provider"), text(secret, "path"))
                && let Some(form) = reference(provider, path)
            {
                let message = format!("the path of the secret {name} is no reference of {provider}: {form}");
                self.faults.push(Fault::new("manifest-secret", &at("path"), message));
            }
            let dynamic = secret.get("dynamic").and_then(Node::as_bool) == Some(true);
            match (text(secret, "ttl"), text(secret, "ttl").and_then(Duration::read)) {
                (Some(written), None) => {
                    let message = format!("{written:?} is no duration: write 1h or PT1H");
                    self.faults.push(Fault::new("manifest-secret-ttl", &at("ttl"), message));
                }
                (Some(written), Some(length)) if !dynamic && length.seconds() > SECRET => {
                    let message = format!("the secret {name} lives {written}: make it dynamic, or 1h at most");
                    self.faults.push(Fault::new("manifest-secret-ttl", &at("ttl"), message));
                }
                (None, _) if !dynamic => {
                    let mut path = at("name");
                    path.pop();
                    let message = format!("the secret {name} is neither dynamic nor has it a `ttl` of 1h at most");
                    self.faults.push(Fault::new("manifest-secret-ttl", &path, message));
                }
                _ => {}
            }
        }
    }

    fn production(&mut self) {
        if !self.words(&["allowedEnvironments"]).contains(&"production") {
            return;
        }
        let person = |lint: &Self, role: &str| {
            let name = lint.text(&["identity", "approvals", role]).unwrap_or_default().trim().to_lowercase();
            (!name.is_empty()).then_some(name)
        };
        match (person(self, "manager"), person(self, "security")) {
            (Some(one), Some(other)) if one == other => {
                let message = format!("manager and security are both {one}: production needs two people");
                self.governed("manifest-approvals", &["identity", "approvals"], message);
            }
            (Some(_), Some(_)) => {}
            _ => self.governed(
                "manifest-approvals",
                &["identity"],
                "production needs `approvals` by manager and security",
            ),
        }
        for name in ["structured", "traces"] {
            if self.governance(&["logging", name]).and_then(Node::as_bool) == Some(false) {
                let message = format!("production needs `{name}` to be true");
                self.governed("manifest-approvals", &["logging", name], message);
            }
        }
    }
}

fn text<'n>(node: &'n Node, name: &str) -> Option<&'n str> {
    node.get(name)?.as_str()
}

/// How a provider's references look, where this is none.
fn reference(provider: &str, path: &str) -> Option<&'static str> {
    let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-:@{}*".contains(&b));
    let (fits, form) = match provider {
        "vault" => (plain && path.contains('/'), "write mount/path, such as database/creds/app"),
        "aws-secrets-manager" => {
            (path.starts_with("arn:aws") && path.contains(":secretsmanager:"), "write arn:aws:secretsmanager:…")
        }
        "aws-parameter-store" => (
            path.starts_with('/') || path.starts_with("arn:aws") && path.contains(":ssm:"),
            "write /path/name or arn:aws:ssm:…",
        ),
        "gcp-secret-manager" => {
            (path.starts_with("projects/") && path.contains("/secrets/"), "write projects/ID/secrets/NAME")
        }
        "azure-key-vault" => (
            path.starts_with("https://") && path.contains(".vault."),
            "write https://NAME.vault.azure.net/secrets/NAME",
        ),
        "kubernetes-secret" => (plain && path.contains('/'), "write secret-name/key"),
        _ => (true, ""),
    };
    (!fits).then_some(form)
}
