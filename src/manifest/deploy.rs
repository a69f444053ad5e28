//! What a file deploys, told by its name and, where many files share the name, by what it says. Knows no platform beyond
//! how its files look.

use memchr::memmem::find;

use crate::model::{BytePath, Span};
use crate::parse::{Kind, Node, parse};

/// A file that deploys something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployable {
    /// What it is, as people say it: "a Dockerfile".
    pub what: &'static str,
    /// The place that says so.
    pub span: Span,
}

/// Files that deploy by their name alone.
const NAMES: &[(&str, &str)] = &[
    ("procfile", "a Procfile"),
    ("fly.toml", "a Fly.io app"),
    ("render.yaml", "a Render blueprint"),
    ("vercel.json", "a Vercel project"),
    ("netlify.toml", "a Netlify site"),
    ("wrangler.toml", "a Cloudflare worker"),
    ("wrangler.json", "a Cloudflare worker"),
    ("wrangler.jsonc", "a Cloudflare worker"),
    ("firebase.json", "a Firebase project"),
    ("railway.json", "a Railway service"),
    ("railway.toml", "a Railway service"),
    ("apprunner.yaml", "an App Runner service"),
    ("chart.yaml", "a Helm chart"),
    ("serverless.yml", "a serverless service"),
    ("serverless.yaml", "a serverless service"),
    ("serverless.json", "a serverless service"),
    ("serverless.toml", "a serverless service"),
    ("serverless.ts", "a serverless service"),
    ("serverless.js", "a serverless service"),
];

/// Kinds of Kubernetes objects that run something.
const WORKLOADS: &[&str] =
    &["Pod", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicaSet", "ReplicationController"];

/// Directories whose files are somebody else's, stand there to be read only, or run for developers and tests.
const PASSED: &[&str] = &[
    "node_modules",
    "vendor",
    "third_party",
    "testdata",
    "fixtures",
    "__fixtures__",
    "test",
    "tests",
    "e2e",
    ".devcontainer",
    ".github",
    ".circleci",
];

/// Directories that hold how the app above them is deployed.
pub const PARTS: &[&str] = &[
    "deploy",
    "deployment",
    "deployments",
    "k8s",
    "kubernetes",
    "kube",
    "manifests",
    "helm",
    "chart",
    "charts",
    "templates",
    "kustomize",
    "base",
    "overlays",
    "docker",
    "infra",
    "infrastructure",
    "ops",
    "config",
    ".backstage",
    ".github",
    ".docker",
    ".devcontainer",
];

/// What a file deploys; none for any other.
pub fn deployable(path: &BytePath, bytes: &[u8]) -> Option<Deployable> {
    let name = lower_name(path)?;
    if passed(path) {
        return None;
    }
    let first = Span::new(0, bytes.iter().position(|b| *b == b'\n').unwrap_or(bytes.len()));
    let by_name = |what| Some(Deployable { what, span: first });
    if let Some((_, what)) = NAMES.iter().find(|(known, _)| *known == name) {
        return by_name(what);
    }
    let kind = Kind::of(path)?;
    match kind {
        Kind::Dockerfile => by_name("a Dockerfile"),
        Kind::Hcl if name.ends_with(".nomad") || name.ends_with(".nomad.hcl") => by_name("a Nomad job"),
        Kind::Yaml if is_compose(&name) => by_name("a Compose file"),
        Kind::Yaml | Kind::Json => by_content(&name, kind, bytes, first),
        _ => None,
    }
}

/// True when a file of this format may deploy something: by its name, and by words it holds; nothing is parsed.
pub fn may_deploy(path: &BytePath, kind: Option<Kind>, bytes: &[u8]) -> bool {
    let name = path.file_name();
    if NAMES.iter().any(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes())) {
        return !passed(path);
    }
    match kind {
        Some(Kind::Dockerfile | Kind::Hcl) => !passed(path),
        Some(kind @ (Kind::Yaml | Kind::Json)) => {
            let name = lower_name(path).unwrap_or_default();
            !passed(path) && (kind == Kind::Yaml && is_compose(&name) || speaks(&name, bytes))
        }
        _ => false,
    }
}

/// False when no file of this name deploys anything, whatever it says.
pub fn may_deploy_by_name(path: &BytePath) -> bool {
    let by_kind = || matches!(Kind::of(path), Some(Kind::Yaml | Kind::Json | Kind::Dockerfile | Kind::Hcl));
    let named = || NAMES.iter().any(|(known, _)| path.file_name().eq_ignore_ascii_case(known.as_bytes()));
    !passed(path) && (by_kind() || named())
}

/// The directory of the app that a file belongs to: its own, without what only says how the app is deployed. Empty for
/// the root.
pub fn app_dir(path: &BytePath) -> &[u8] {
    let mut dir = parent(path.as_bytes());
    loop {
        let name = dir.rsplit(|b| *b == b'/').next().unwrap_or_default();
        let part = PARTS.iter().any(|part| name.eq_ignore_ascii_case(part.as_bytes()));
        // An overlay is called after an environment.
        let above = parent(dir).rsplit(|b| *b == b'/').next().unwrap_or_default();
        if dir.is_empty() || !(part || above.eq_ignore_ascii_case(b"overlays")) {
            return dir;
        }
        dir = parent(dir);
    }
}

/// What stands before the last slash.
pub(super) fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|b| *b == b'/').and_then(|at| path.get(..at)).unwrap_or_default()
}

fn lower_name(path: &BytePath) -> Option<String> {
    String::from_utf8(path.file_name().to_ascii_lowercase()).ok()
}

pub(super) fn passed(path: &BytePath) -> bool {
    let mut parts = parent(path.as_bytes()).split(|b| *b == b'/');
    parts.any(|part| PASSED.iter().any(|known| part == known.as_bytes()))
}

fn is_compose(name: &str) -> bool {
    let stem = name.strip_prefix("docker-").unwrap_or(name);
    stem.starts_with("compose.") && (stem.ends_with(".yml") || stem.ends_with(".yaml"))
}

/// Words without which a file of this name deploys nothing.
fn speaks(name: &str, bytes: &[u8]) -> bool {
    let has = |text: &str| find(bytes, text.as_bytes()).is_some();
    match name {
        "package.json" => has("\"start\""),
        "app.yaml" | "app.yml" if has("runtime:") => true,
        "host.json" if has("extensionBundle") || has("functionTimeout") => true,
        _ => {
            let workload = || WORKLOADS.iter().any(|kind| has(kind)) || has("serving.knative");
            has("AWS::Serverless") || has("apiVersion") && has("kind") && has("spec") && workload()
        }
    }
}

/// Names that say nothing, and texts that do.
fn by_content(name: &str, kind: Kind, bytes: &[u8], first: Span) -> Option<Deployable> {
    let at = |what, span| Some(Deployable { what, span });
    if !speaks(name, bytes) {
        return None;
    }
    match name {
        "package.json" => {
            let documents = parse(kind, bytes).ok()?;
            let (key, value) = documents.first()?.get("scripts")?.entry("start")?;
            at("a package.json with a start script", key.span.hull(&value.span))
        }
        "app.yaml" | "app.yml" if find(bytes, b"runtime:").is_some() => at("an App Engine app", first),
        "host.json" => at("an Azure Functions app", first),
        _ if find(bytes, b"AWS::Serverless").is_some() => at("a serverless application (SAM)", first),
        _ => parse(kind, bytes).ok()?.iter().find_map(workload),
    }
}

fn workload(document: &Node) -> Option<Deployable> {
    let version = document.get("apiVersion")?.as_str()?;
    let (key, kind) = document.entry("kind")?;
    let name = kind.as_str()?;
    let plain = WORKLOADS.contains(&name) && ["v1", "apps/", "batch/"].iter().any(|group| version.starts_with(group));
    let knative = name == "Service" && version.starts_with("serving.knative.dev");
    if name == "List" {
        return document.get("items")?.items().iter().find_map(workload);
    }
    document.get("spec")?;
    (plain || knative).then(|| Deployable { what: "a Kubernetes workload", span: key.span.hull(&kind.span) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(path: &str, text: &str) -> Option<&'static str> {
        let path = BytePath::new(path);
        let found = deployable(&path, text.as_bytes()).map(|found| found.what);
        assert!(found.is_none() || may_deploy(&path, Kind::of(&path), text.as_bytes()) && may_deploy_by_name(&path));
        found
    }

    #[test]
    fn what_deploys_is_told_by_name_and_content() {
        assert_eq!(what("a/Dockerfile", "FROM x\n"), Some("a Dockerfile"));
        assert_eq!(what("docker-compose.prod.yml", "services: {}\n"), Some("a Compose file"));
        assert_eq!(what("Procfile", "web: x\n"), Some("a Procfile"));
        assert_eq!(
            what("package.json", "{\"scripts\": {\"start\": \"node .\"}}"),
            Some("a package.json with a start script")
        );
        assert_eq!(what("package.json", "{\"scripts\": {\"test\": \"x\"}, \"keywords\": [\"start\"]}"), None);
        let pod = "apiVersion: v1\nkind: Pod\nspec: {containers: []}\n";
        assert_eq!(what("k8s/x.yaml", &format!("a: 1\n---\n{pod}")), Some("a Kubernetes workload"));
        assert_eq!(what("k8s/x.yaml", "apiVersion: v1\nkind: Service\nspec: {type: Pod}\n"), None);
        assert_eq!(what("x.yaml", "kind: Deployment\n"), None);
        assert_eq!(what("app.yaml", "runtime: python312\n"), Some("an App Engine app"));
        assert_eq!(
            what("template.yaml", "Transform: AWS::Serverless-2016-10-31\n"),
            Some("a serverless application (SAM)")
        );
        assert_eq!(what("node_modules/a/Dockerfile", "FROM x\n"), None);
        assert_eq!(what(".devcontainer/Dockerfile", "FROM x\n"), None);
        assert_eq!(what("src/main.rs", "fn main() {}\n"), None);
    }

    #[test]
    fn a_deployment_belongs_to_the_app_above_it() {
        let dir = |path: &str| String::from_utf8(app_dir(&BytePath::new(path)).to_vec()).unwrap();
        assert_eq!(dir("Dockerfile"), "");
        assert_eq!(dir("k8s/overlays/prod/deploy.yaml"), "");
        assert_eq!(dir("services/a/k8s/base/deploy.yaml"), "services/a");
        assert_eq!(dir("services/a/Dockerfile"), "services/a");
    }
}
