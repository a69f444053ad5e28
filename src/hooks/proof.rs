//! The proof that a hook works: a scratch repository, a made-up token staged in it, and the hook run on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::state::Ready;
use super::surroundings::Surroundings;

/// What is put to the proof.
pub(super) enum Subject<'a> {
    /// A script of keyward's. It is copied away from what may be chained to it, which must not run here.
    Script(&'a [u8]),
    /// `keyward hook pre-commit`, as other hook managers call it.
    Program(&'a Path),
}

/// Runs the subject on a clean index and on one with a made-up token. The error is what went wrong, in one line.
pub(super) fn scratch(here: &Surroundings, subject: &Subject<'_>) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("no scratch repository: {error}");
    let scratch = tempfile::Builder::new().prefix("keyward-doctor-").tempdir().map_err(fail)?;
    let (work, scripts) = (scratch.path().join("work"), scratch.path().join("scripts"));
    fs::create_dir(&work).and_then(|()| fs::create_dir(&scripts)).map_err(fail)?;
    let script = scripts.join("pre-commit");
    if let Subject::Script(text) = subject {
        let ready = Ready::write(&scripts, text).map_err(|error| error.to_string())?;
        ready.persist(&script).map_err(fail)?;
    }
    let git = |args: &[&str]| {
        let output = isolated(here, "git".as_ref(), &work).args(args).output().map_err(fail)?;
        if output.status.success() { Ok(()) } else { Err(format!("no scratch repository: {}", complaint(&output))) }
    };
    let run = |mut command: Command| command.env("GIT_INDEX_FILE", ".git/index").output();
    let hook = || {
        let output = match subject {
            Subject::Program(program) => {
                let mut command = isolated(here, program, &work);
                command.args(["hook", "pre-commit"]);
                run(command)
            }
            // A temporary directory from which nothing may be run says nothing about the hook.
            Subject::Script(_) => run(isolated(here, &script, &work)).or_else(|error| {
                let mut command = isolated(here, "sh".as_ref(), &work);
                command.arg(&script);
                if error.kind() == std::io::ErrorKind::PermissionDenied { run(command) } else { Err(error) }
            }),
        };
        output.map_err(|error| format!("it does not run: {error}"))
    };
    git(&["init", "-q", "--template="])?;
    fs::write(work.join("clean.txt"), "nothing to see here\n").map_err(fail)?;
    git(&["add", "clean.txt"])?;
    let output = hook()?;
    if output.status.code() != Some(0) {
        return Err(format!("it refuses a clean commit ({}): {}", ending(&output), complaint(&output)));
    }
    fs::write(work.join("leak.txt"), made_up_tokens().map_err(fail)?).map_err(fail)?;
    git(&["add", "leak.txt"])?;
    let output = hook()?;
    match output.status.code() {
        Some(1) => Ok(()),
        Some(0) => Err("it lets a made-up token pass".to_owned()),
        _ => Err(format!("it ends with {} on a made-up token: {}", ending(&output), complaint(&output))),
    }
}

/// Runs the program on the repository's own index, as a commit would. The error is its complaint.
pub(super) fn in_place(here: &Surroundings, program: &Path, root: &Path) -> Result<(), String> {
    let output =
        here.command(program, root).args(["hook", "pre-commit"]).output().map_err(|error| error.to_string())?;
    match output.status.code() {
        Some(0 | 1) => Ok(()),
        _ => Err(complaint(&output)),
    }
}

/// The version that the program says it is; `None` when it is not keyward or does not run.
pub(super) fn version(here: &Surroundings, program: &Path) -> Option<String> {
    let output = here.command(program, here.cwd()).arg("--version").stderr(Stdio::null()).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = said.lines().next()?.strip_prefix("keyward ")?.trim().to_owned();
    output.status.success().then(|| version.chars().filter(|c| !c.is_control()).take(40).collect())
}

/// A command that knows nothing of the repository the user stands in, nor of the user's git configuration.
fn isolated(here: &Surroundings, program: &Path, dir: &Path) -> Command {
    let mut command = here.command(program, dir);
    for name in here.names() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command
}

fn ending(output: &Output) -> String {
    output.status.code().map_or_else(|| "a signal".to_owned(), |code| format!("exit {code}"))
}

/// The first line of stderr, fit to print.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// Two tokens that no provider ever gave out, made anew each time: a GitLab one, and a GitHub one whose last six
/// characters are the CRC-32 of the thirty before them in base 62, as GitHub makes them
/// (<https://github.blog/engineering/behind-githubs-new-authentication-token-formats/>).
fn made_up_tokens() -> std::io::Result<String> {
    let (gitlab, github) = (random(20)?, random(30)?);
    let mut sum = crc32fast::hash(github.as_bytes());
    let mut check = ['0'; 6];
    for digit in check.iter_mut().rev() {
        *digit = base62(sum % 62);
        sum /= 62;
    }
    let check: String = check.iter().collect();
    Ok(format!("a = \"glpat-{gitlab}\"\nb = \"ghp_{github}{check}\"\n"))
}

fn random(length: usize) -> std::io::Result<String> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(bytes.into_iter().map(|byte| base62(u32::from(byte) % 62)).collect())
}

fn base62(digit: u32) -> char {
    let digits = ('0'..='9').chain('A'..='Z').chain('a'..='z');
    usize::try_from(digit).ok().and_then(|at| digits.into_iter().nth(at)).unwrap_or('0')
}

/// Where the programs are that `written` may call, best first.
pub(super) fn programs(here: &Surroundings, recorded: Option<&Path>) -> Vec<PathBuf> {
    recorded.map(Path::to_path_buf).into_iter().chain(here.on_path("keyward")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_made_up_tokens_are_new_each_time_and_hold_their_checksum() {
        let (one, other) = (made_up_tokens().unwrap(), made_up_tokens().unwrap());
        assert_ne!(one, other);
        let token = one.split("ghp_").nth(1).unwrap().trim_end_matches("\"\n");
        let (body, check) = token.split_at(30);
        let value = check.chars().fold(0_u64, |sum, c| {
            sum * 62 + (0..62_u64).find(|digit| base62(u32::try_from(*digit).unwrap()) == c).unwrap()
        });
        assert_eq!(value, u64::from(crc32fast::hash(body.as_bytes())));
    }
}
