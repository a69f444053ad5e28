//! Documentation pages made from the rules: one a policy or manifest rule, one a family of secrets; and the table by
//! which reports find a secret's page.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use keyward::manifest;
use keyward::policy::{self, Options, Policies, Query};
use keyward::rule::written::Proved;

/// Where the pages lie.
const DIR: &str = "docs/rules";
/// Each family, and its ids, a line each.
const TABLE: &str = "rules/pages.txt";
const NOTE: &str = "<!-- written by `cargo xtask pack` from the rule itself -->\n";

/// Every page by its path, from the rules of each file of `rules/secrets`.
pub fn pages(families: &[(String, Vec<Proved>)]) -> Result<BTreeMap<String, String>> {
    let mut pages = BTreeMap::new();
    let mut index = format!(
        "{NOTE}# Rules\n\nEvery built-in rule: what it finds, why that matters, what to do. SARIF reports link here.\n"
    );
    let day = "2026-02-03".parse().context("a day")?;
    let options = Options { namespaces: Vec::new(), limit: std::time::Duration::from_secs(30), today: day };
    let policies = Policies::load(&policy::builtin(), &[], &options).map_err(|errors| {
        anyhow::anyhow!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })?;
    index.push_str("\n## Policies\n\n| rule | severity | |\n|---|---|---|\n");
    let mut queries: Vec<&Query> = policies.queries().iter().collect();
    queries.sort_by(|a, b| a.meta.id.cmp(&b.meta.id));
    for query in queries {
        let id = &query.meta.id;
        index.push_str(&row(&format!("policy/{id}.md"), id, query.meta.severity.name(), &query.meta.name));
        pages.insert(format!("{DIR}/policy/{id}.md"), policy_page(query)?);
    }
    index.push_str("\n## Manifests\n\n| rule | severity | |\n|---|---|---|\n");
    for rule in manifest::rules() {
        let id = &rule.meta.id;
        index.push_str(&row(&format!("manifest/{id}.md"), id, rule.meta.severity.name(), &rule.meta.name));
        pages.insert(format!("{DIR}/manifest/{id}.md"), manifest_page(rule));
    }
    index.push_str("\n## Secrets\n\n| family | rules |\n|---|---|\n");
    let mut table = String::new();
    for (family, rules) in families {
        let shown = rules.iter().filter(|(rule, _)| !rule.part).collect::<Vec<_>>();
        index.push_str(&format!("| [{family}](secrets/{family}.md) | {} |\n", shown.len()));
        let ids: Vec<&str> = shown.iter().map(|(rule, _)| rule.id()).collect();
        table.push_str(&format!("[{family}]\n{}\n", ids.join("\n")));
        pages.insert(format!("{DIR}/secrets/{family}.md"), family_page(family, &shown));
    }
    pages.insert(format!("{DIR}/README.md"), index);
    pages.insert(TABLE.to_owned(), table);
    Ok(pages)
}

/// Writes the pages and takes out what no rule has any more; or says what is not current.
pub fn write(root: &Path, pages: &BTreeMap<String, String>, check: bool) -> Result<()> {
    let mut stale = Vec::new();
    for dir in ["policy", "manifest", "secrets"] {
        let dir = format!("{DIR}/{dir}");
        let Ok(entries) = std::fs::read_dir(root.join(&dir)) else { continue };
        for entry in entries {
            let name = format!("{dir}/{}", entry?.file_name().to_string_lossy());
            if !pages.contains_key(&name) {
                stale.push(name);
            }
        }
    }
    for (name, text) in pages {
        let path = root.join(name);
        if std::fs::read_to_string(&path).unwrap_or_default() == *text {
            continue;
        }
        if check {
            bail!("{name} is not current: run `cargo xtask pack`");
        }
        std::fs::create_dir_all(path.parent().context("a directory")?)?;
        std::fs::write(&path, text).with_context(|| name.clone())?;
    }
    for name in stale {
        if check {
            bail!("{name} is of no rule: run `cargo xtask pack`");
        }
        std::fs::remove_file(root.join(name))?;
    }
    Ok(())
}

fn row(link: &str, id: &str, severity: &str, name: &str) -> String {
    format!("| [{id}]({link}) | {severity} | {name} |\n")
}

fn policy_page(query: &Query) -> Result<String> {
    let meta = &query.meta;
    let (bad, good) = query.examples.as_ref().with_context(|| format!("{} has no examples", meta.id))?;
    let binding = if query.verdict.name() == "warn" { "advisory" } else { "soft-mandatory" };
    let kind = query.kinds.first().map(String::as_str).unwrap_or_default();
    let language = match kind {
        "hcl2" => "hcl",
        "together" | "" => "yaml",
        other => other,
    };
    let heard = match kind {
        "together" => "all Kubernetes objects of the source together".to_owned(),
        _ => query.kinds.join(", ").replace("embedded", "policies inside other files"),
    };
    let mut page = format!(
        "{NOTE}# {}\n\n`{}`: {}, {binding}\n\n{}\n\n**What to do.** {}\n\nIt looks at: {heard}. It stands in `rules/policy/{}`.\n",
        meta.name,
        meta.id,
        meta.severity,
        meta.why,
        meta.fix,
        query.file.trim_start_matches("built-in "),
    );
    page.push_str(&format!("\nFound:\n\n{}\nNot found:\n\n{}", block(language, bad), block(language, good)));
    page.push_str(&link(&meta.link));
    page.push_str("\n[All rules](../README.md), [policies](../../policy.md)\n");
    Ok(page)
}

fn manifest_page(rule: &manifest::Rule) -> String {
    let meta = &rule.meta;
    let binding = if rule.advisory { "advisory" } else { "soft-mandatory" };
    let mut page = format!(
        "{NOTE}# {}\n\n`{}`: {}, {binding}\n\n{}\n\n**What to do.** {}\n",
        meta.name, meta.id, meta.severity, meta.why, meta.fix
    );
    let example = &rule.example;
    let given = example.base.iter().map(|(from, to)| format!("`{to}` for `{from}`")).collect::<Vec<_>>();
    let given = if given.is_empty() { String::new() } else { format!(", with {}", given.join(", ")) };
    page.push_str(&format!("\nIn [the example](../../../rules/manifest/example.yaml.txt){given}, this is found:\n\n"));
    page.push_str(&block("yaml", example.bad));
    page.push_str(&format!("\nand this is not:\n\n{}", block("yaml", example.good)));
    for (path, text) in example.beside {
        page.push_str(&format!("\nwhere `{path}` stands beside it:\n\n{}", block("", text)));
    }
    page.push_str("\n[All rules](../README.md), [manifests](../../manifest.md)\n");
    page
}

fn family_page(family: &str, rules: &[&Proved]) -> String {
    let mut page = format!("{NOTE}# {family}\n\nFrom `rules/secrets/{family}.toml`. [All rules](../README.md)\n");
    for (rule, _) in rules {
        let meta = &rule.meta;
        let sure = if rule.checksum.is_some() { ", with a checksum that is verified offline" } else { "" };
        page.push_str(&format!(
            "\n## {}\n\nSeverity {}, confidence {}{sure}.\n\n**{}.** {} **What to do.** {}\n",
            rule.id(),
            meta.severity,
            rule.confidence,
            meta.name,
            meta.why,
            meta.fix,
        ));
        page.push_str(&link(&meta.link));
    }
    page
}

fn link(link: &str) -> String {
    if link.is_empty() { String::new() } else { format!("\n<{link}>\n") }
}

fn block(language: &str, text: &str) -> String {
    format!("```{language}\n{}\n```\n", text.trim_end())
}
