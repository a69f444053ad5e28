//! The scripts that git runs: their text, and how one is told from somebody else's. No files here.

use std::path::{Path, PathBuf};

use crate::model::BytePath;

/// The hooks that keyward answers, `pre-push` only on request.
pub(super) const GATES: [&str; 4] = ["pre-commit", "pre-merge-commit", "commit-msg", "pre-push"];
/// The one that is installed on request.
pub(super) const ON_REQUEST: &str = "pre-push";
/// What a hook that was there before is renamed to.
pub(super) const CHAINED: &str = "keyward-chained";
/// What a script of keyward's that somebody changed is renamed to.
pub(super) const EDITED: &str = "keyward-edited";

/// Every hook name that git looks up in `core.hooksPath` (githooks(5), git 2.50), but keyward's own.
/// `fsmonitor-watchman` is not one of them: git finds it through `core.fsmonitor`.
pub(super) const OTHERS: [&str; 23] = [
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "prepare-commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "pre-receive",
    "update",
    "proc-receive",
    "post-receive",
    "post-update",
    "reference-transaction",
    "push-to-checkout",
    "pre-auto-gc",
    "post-rewrite",
    "sendemail-validate",
    "p4-changelist",
    "p4-prepare-changelist",
    "p4-post-changelist",
    "p4-pre-submit",
    "post-index-change",
];

/// Raised when the text changes in a way that a reinstall should bring.
const VERSION: u32 = 1;
const MARK: &str = "# keyward-hook ";
const RECORD: &str = "keyward=";

/// A script of keyward's, recognised by its second line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// Not the version that this keyward writes.
    pub other_version: bool,
    /// In the global directory, running each repository's own hooks.
    pub global: bool,
    /// Changed since it was written.
    pub edited: bool,
    /// The program it calls; none when it only passes on.
    pub binary: Option<PathBuf>,
}

/// The script for a repository's hooks directory.
pub(super) fn local(name: &str, binary: &Path) -> Vec<u8> {
    let body = format!("{}{}", include_str!("../../hooks/find-chained.sh"), gate(name));
    finish(name, false, Some(binary), &body)
}

/// The script for the global directory: keyward's where `binary` is given, and in any case the repository's own.
pub(super) fn global(name: &str, binary: Option<&Path>) -> Vec<u8> {
    let body = match (binary, name) {
        (Some(_), _) => gate(name),
        (None, "push-to-checkout") => include_str!("../../hooks/pass-push-to-checkout.sh").to_owned(),
        (None, _) => include_str!("../../hooks/pass.sh").to_owned(),
    };
    // Where no repository is found, a gate stays shut; a hook that only passes on has nothing to pass on to, and says
    // nothing: `git init` itself runs one before there is a repository.
    let (code, quietly) = if binary.is_some() { ("2", "") } else { ("0", " 2>/dev/null") };
    let find = include_str!("../../hooks/find-own.sh").replace("@NO_REPOSITORY@", code).replace("@QUIETLY@", quietly);
    finish(name, true, binary, &format!("{find}{body}"))
}

fn gate(name: &str) -> String {
    let text = match name {
        ON_REQUEST => include_str!("../../hooks/gate-push.sh"),
        _ => include_str!("../../hooks/gate-record.sh"),
    };
    text.replace("@FIND_KEYWARD@\n", include_str!("../../hooks/find-keyward.sh"))
}

fn finish(name: &str, global: bool, binary: Option<&Path>, body: &str) -> Vec<u8> {
    let skip = match name {
        ON_REQUEST => "git push --no-verify",
        "pre-merge-commit" => "git merge --no-verify",
        _ => "git commit --no-verify",
    };
    let mut rest = Vec::new();
    if let Some(binary) = binary {
        rest.extend_from_slice(RECORD.as_bytes());
        rest.extend(quoted(BytePath::from_os(binary).as_bytes()));
        rest.push(b'\n');
    }
    rest.extend_from_slice(body.replace("@NAME@", name).replace("@SKIP@", skip).as_bytes());
    let kind = if global { "global" } else { "local" };
    let mut script = format!("#!/bin/sh\n{MARK}{VERSION} {name} {kind} {}\n", sum(&rest)).into_bytes();
    script.extend(rest);
    script
}

/// What `script` is when keyward wrote it; `None` for anybody else's.
pub(super) fn recognise(script: &[u8]) -> Option<Written> {
    let mut parts = script.splitn(3, |b| *b == b'\n');
    let (_shebang, mark, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let mut words = mark.strip_prefix(MARK.as_bytes())?.split(|b| *b == b' ').map(<[u8]>::trim_ascii);
    let (version, _name, kind, written_sum) = (words.next()?, words.next()?, words.next()?, words.next()?);
    Some(Written {
        other_version: version != VERSION.to_string().as_bytes(),
        global: kind == b"global",
        edited: written_sum != sum(rest).as_bytes(),
        binary: rest.strip_prefix(RECORD.as_bytes()).and_then(unquoted).map(|path| BytePath::new(path).to_os()),
    })
}

fn sum(rest: &[u8]) -> String {
    blake3::hash(rest).to_hex().chars().take(16).collect()
}

/// A shell word that means exactly these bytes.
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![b'\''];
    for byte in bytes {
        match byte {
            b'\'' => out.extend_from_slice(br"'\''"),
            other => out.push(*other),
        }
    }
    out.push(b'\'');
    out
}

/// The bytes that a word written by [`quoted`] means.
fn unquoted(text: &[u8]) -> Option<Vec<u8>> {
    let mut rest = text.strip_prefix(b"'")?;
    let mut out = Vec::new();
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'\'' => match rest.strip_prefix(br"\''") {
                Some(after) => {
                    out.push(b'\'');
                    rest = after;
                }
                None => return Some(out),
            },
            other => out.push(*other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_recognised_with_the_program_it_records_whatever_its_name() {
        for name in ["/usr/bin/keyward", "/it's/a path/$HOME/`x`/keyward", "/a\nb/keyward"] {
            for gate in GATES {
                let written = recognise(&local(gate, Path::new(name))).unwrap();
                assert_eq!(written.binary.as_deref(), Some(Path::new(name)));
                assert!(!written.edited && !written.global && !written.other_version);
                assert!(recognise(&global(gate, Some(Path::new(name)))).unwrap().global);
            }
        }
        assert_eq!(recognise(&global("post-commit", None)).unwrap().binary, None);
    }

    #[test]
    fn a_changed_script_and_a_foreign_one_are_told_apart() {
        let mut script = local("pre-commit", Path::new("/k"));
        script.extend_from_slice(b"echo mine\n");
        assert!(recognise(&script).unwrap().edited);
        for foreign in ["", "#!/bin/sh\n", "#!/bin/sh\nkeyward hook pre-commit\n", "#!/bin/sh\n# keyward-hook\n\n"] {
            assert_eq!(recognise(foreign.as_bytes()), None, "{foreign:?}");
        }
        let older = String::from_utf8(local("pre-commit", Path::new("/k")))
            .unwrap()
            .replace("keyward-hook 1", "keyward-hook 0");
        let older = recognise(older.as_bytes()).unwrap();
        assert!(older.other_version && !older.edited);
    }

    #[test]
    fn no_placeholder_is_left() {
        for name in GATES {
            for script in [local(name, Path::new("/k")), global(name, Some(Path::new("/k"))), global(name, None)] {
                let text = String::from_utf8(script).unwrap();
                assert!(!text.replace("\"$@\"", "").contains('@'), "{text}");
            }
        }
    }
}
