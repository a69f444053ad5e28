//! The whole built-in pack over 1,000 Kubernetes files, as a user runs it, beside a plain parse of the same files.
//! `cargo bench --bench policy`; must: under 1 s of wall time on two cores.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::panic)]

use std::process::Command;
use std::time::{Duration, Instant};

use keyward::parse::{Kind, parse};
use keyward::rule::pattern::Seed;
use rayon::prelude::*;

const FILES: usize = 1_000;
const RUNS: usize = 9;

/// A Deployment of two containers and its Service; every fourth has something that the pack refuses.
fn file(n: usize, seed: &mut Seed) -> String {
    let privileged = if n.is_multiple_of(4) { "\n            privileged: true" } else { "" };
    let container = |name: &str, port: usize| {
        format!(
            "        - name: {name}\n          image: registry.example.com/team/{name}:1.{n}\n          ports:\n            - containerPort: {port}\n          \
             env:\n            - name: LOG_LEVEL\n              value: info\n            - name: DB_PASSWORD\n              valueFrom:\n                secretKeyRef: {{name: db-{n}, key: password}}\n          \
             resources:\n            requests: {{cpu: 100m, memory: 64Mi}}\n            limits: {{memory: 128Mi}}\n          securityContext:\n            allowPrivilegeEscalation: false\n            \
             runAsNonRoot: true\n            capabilities: {{drop: [ALL]}}{privileged}\n          readinessProbe:\n            httpGet: {{path: /ready, port: {port}}}\n"
        )
    };
    let port = 8000 + seed.below(1000) as usize;
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{n}\n  namespace: team-{}\n  labels:\n    app: app-{n}\n    tier: backend\nspec:\n  replicas: 3\n  \
         selector:\n    matchLabels:\n      app: app-{n}\n  template:\n    metadata:\n      labels:\n        app: app-{n}\n        tier: backend\n    spec:\n      \
         automountServiceAccountToken: false\n      securityContext:\n        seccompProfile: {{type: RuntimeDefault}}\n      containers:\n{}{}      volumes:\n        - name: tmp\n          emptyDir: {{}}\n\
         ---\napiVersion: v1\nkind: Service\nmetadata:\n  name: app-{n}\n  namespace: team-{}\nspec:\n  selector:\n    app: app-{n}\n  ports:\n    - port: 80\n      targetPort: {port}\n",
        n % 20,
        container("web", port),
        container("sidecar", port + 1),
        n % 20,
    )
}

fn median(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    let ms = |time: &Duration| time.as_secs_f64() * 1e3;
    (times.get(times.len() / 2).map_or(0.0, ms), times.first().map_or(0.0, ms))
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let mut seed = Seed::new(5);
    let texts: Vec<String> = (0..FILES).map(|n| file(n, &mut seed)).collect();
    for (n, text) in texts.iter().enumerate() {
        let below = dir.path().join(format!("team-{}", n % 20));
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(below.join(format!("app-{n}.yaml")), text).unwrap();
    }
    let bytes: usize = texts.iter().map(String::len).sum();
    println!("{FILES} files, {bytes} bytes, {} threads, {RUNS} runs each\n", rayon::current_num_threads());
    println!("| what | wall ms, median | lowest |\n|---|---|---|");
    let parsed = || texts.par_iter().map(|text| parse(Kind::Yaml, text.as_bytes()).unwrap().len()).sum::<usize>();
    assert_eq!(parsed(), 2 * FILES);
    let plain: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let began = Instant::now();
            std::hint::black_box(parsed());
            began.elapsed()
        })
        .collect();
    let (parse_ms, least) = median(plain);
    println!("| parse alone, in one process | {parse_ms:.1} | {least:.1} |");
    let run = |args: &[&str]| {
        let began = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
        // With it the policy engine collects a stack for each of its errors, nearly all of which nobody sees.
        command.env_remove("RUST_BACKTRACE").args(args).arg(dir.path());
        let out = command.output().unwrap();
        (began.elapsed(), out)
    };
    let mut checked = 0.0;
    for (what, args) in [
        ("keyward scan: secrets alone", &["scan", "-f", "jsonl"][..]),
        ("keyward lint --builtin: the whole pack", &["lint", "--builtin", "-f", "jsonl"]),
        ("keyward check --builtin: secrets and the pack", &["check", "--builtin", "-f", "jsonl"]),
    ] {
        let (_, out) = run(args);
        let found = out.stdout.iter().filter(|b| **b == b'\n').count();
        assert_eq!(found > FILES / 4, args.contains(&"--builtin"), "{}", String::from_utf8_lossy(&out.stderr));
        let (ms, least) = median((0..RUNS).map(|_| run(args).0).collect());
        println!("| {what} ({found} lines) | {ms:.1} | {least:.1} |");
        checked = ms;
    }
    println!("\ncheck takes {:.1} times as long as the parse; must: under 1,000 ms on two cores", checked / parse_ms);
}
