//! Who may know whom. The table is the house's; see README, "The house".

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Room → rooms it may use. `cli` may use everything and is used by `main` alone.
const TABLE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("rule", &["model"]),
    ("git", &["model"]),
    ("report", &["model"]),
    ("parse", &["model"]),
    ("manifest", &["model", "config", "rule", "parse"]),
    ("policy", &["model", "config", "rule", "parse"]),
    ("config", &["model", "rule"]),
    ("pack", &["model", "git"]),
    ("cache", &["model", "pack"]),
    ("source", &["model", "config", "git", "pack"]),
    ("detect", &["model", "rule"]),
    ("unpack", &["model"]),
    ("place", &["model", "git", "pack"]),
    ("triage", &["model", "config"]),
    (
        "scan",
        &[
            "model", "config", "rule", "git", "pack", "cache", "source", "detect", "unpack", "parse", "manifest",
            "policy", "place", "triage",
        ],
    ),
    ("hooks", &["git", "model"]),
];

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// The rooms that a file names as `crate::ROOM`, in `use` lines (braces included) and in paths.
fn named_rooms(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or("").to_owned(),
            None => rest.to_owned(),
        };
        let one = !rest.starts_with('{');
        for name in names.split(',').take(if one { 1 } else { usize::MAX }) {
            let word: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !word.is_empty() {
                rooms.insert(word);
            }
        }
    }
    rooms
}

fn room_of(path: &Path, src: &Path) -> String {
    let first = path.strip_prefix(src).unwrap().components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

#[test]
fn every_room_uses_only_the_rooms_the_table_lets_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let table: BTreeMap<_, _> = TABLE.iter().copied().collect();
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for file in files {
        let room = room_of(&file, &src);
        if ["lib", "main", "cli"].contains(&room.as_str()) {
            continue;
        }
        let Some(allowed) = table.get(room.as_str()) else {
            wrong.push(format!("{}: room '{room}' is not in the table", file.display()));
            continue;
        };
        let text = std::fs::read_to_string(&file).unwrap();
        for used in named_rooms(&text) {
            if used != room && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{}: {room} may not use {used}", file.display()));
            }
        }
        seen.insert(room);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let missing: Vec<_> = table.keys().filter(|room| !seen.contains(**room)).collect();
    assert!(missing.is_empty(), "rooms of the table without a file: {missing:?}");
}

#[test]
fn only_the_git_room_names_git2() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    for file in files.iter().filter(|file| room_of(file, &src) != "git") {
        let text = std::fs::read_to_string(file).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        assert!(!code.clone().any(|line| line.contains("git2::")), "{} names git2", file.display());
    }
}

#[test]
fn the_reader_of_use_lines_sees_every_form() {
    let text = "use crate::model::{A, B};\nuse crate::{git, source::x};\nlet a = crate::scan::run(); // crate::cli\n";
    let rooms: Vec<_> = named_rooms(text).into_iter().collect();
    assert_eq!(rooms, ["git", "model", "scan", "source"]);
}
