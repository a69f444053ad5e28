//! Tests of: hooks. git itself runs them; where the real `keyward hook` is not the point, a stub stands in that
//! writes down how it was called and says no when its file `verdict` says so.

mod ci;
mod doctor;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use keyward::hooks::{self, Action, Diagnosis, HookError, Report, Surroundings};

use crate::common::repo::{Repo, frozen};

/// A repository and a stub keyward outside it.
struct Scene {
    repo: Repo,
    aside: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let scene = Self { repo: Repo::new(), aside: tempfile::tempdir().unwrap() };
        scene.stub("keyward");
        scene.repo.write("a.txt", "a\n").commit("first");
        scene
    }

    /// A stub keyward. A staged line with "glpat-" is a finding, as is a file `verdict` with an exit code beside it.
    fn stub(&self, name: &str) -> PathBuf {
        let path = self.aside.path().join(name);
        let text = format!(
            "#!/bin/sh\naside='{}'\n\
             if [ \"$1\" = --version ]; then echo 'keyward 9.9.9'; exit 0; fi\n\
             echo \"$@\" >> \"$aside/calls\"\n\
             if [ \"$2\" = pre-push ]; then cat >> \"$aside/stdin\"; fi\n\
             if [ -f \"$aside/verdict\" ]; then exit \"$(cat \"$aside/verdict\")\"; fi\n\
             if [ \"$2\" = pre-commit ] && git diff --cached --no-ext-diff | grep -q glpat-; then exit 1; fi\n\
             exit 0\n",
            self.aside.path().display()
        );
        script(&path, &text);
        path
    }

    fn binary(&self) -> PathBuf {
        self.aside.path().join("keyward")
    }

    fn says(&self, code: &str) {
        std::fs::write(self.aside.path().join("verdict"), code).unwrap();
    }

    /// What the stub was called with since last asked.
    fn calls(&self) -> Vec<String> {
        let path = self.aside.path().join("calls");
        let calls = std::fs::read_to_string(&path).unwrap_or_default().lines().map(str::to_owned).collect();
        drop(std::fs::remove_file(path));
        calls
    }

    fn here(&self) -> Surroundings {
        self.at(self.repo.path())
    }

    fn at(&self, dir: &Path) -> Surroundings {
        Surroundings::at(dir)
            .with_var("GIT_CONFIG_NOSYSTEM", "1")
            .with_var("GIT_CONFIG_GLOBAL", self.aside.path().join("gitconfig"))
            .with_var("HOME", self.aside.path())
            .with_var("XDG_CONFIG_HOME", self.aside.path().join("xdg"))
    }

    fn install(&self) -> Report {
        hooks::install(&self.here(), &self.binary(), false).unwrap()
    }

    fn hook(&self, name: &str) -> PathBuf {
        self.repo.join(".git/hooks").join(name)
    }

    /// git, seeing this scene's global configuration.
    fn git(&self, dir: &Path, args: &[&str]) -> Output {
        frozen(Command::new("git"), 1_700_001_000)
            .env("GIT_CONFIG_GLOBAL", self.aside.path().join("gitconfig"))
            .current_dir(dir)
            .args(args)
            .output()
            .unwrap()
    }

    fn commit(&self, text: &str) -> bool {
        self.repo.write("a.txt", text);
        loop {
            let done = self.git(self.repo.path(), &["commit", "-qam", "next"]);
            // A script just written may still be open in a child that another test is starting: it cannot be run yet.
            if done.status.success() || !String::from_utf8_lossy(&done.stderr).contains("Text file busy") {
                return done.status.success();
            }
        }
    }

    fn doctor(&self) -> Diagnosis {
        hooks::doctor(&self.here().with_var("PATH", self.path_without_keyward()), &self.binary()).unwrap()
    }

    fn path_without_keyward(&self) -> String {
        let path = std::env::var("PATH").unwrap();
        let without: Vec<&str> = path.split(':').filter(|dir| !Path::new(dir).join("keyward").exists()).collect();
        without.join(":")
    }
}

fn script(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    mode(path, 0o755);
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn mode_of(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn action(report: &Report, name: &str) -> Action {
    report.steps.iter().find(|step| step.name == name).unwrap().action
}

/// Every path below `dir` with its kind, mode and bytes, to see that nothing changed.
fn snapshot(dir: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let mut all: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let meta = std::fs::symlink_metadata(&path).unwrap();
            let bytes = match meta.is_symlink() {
                true => std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                false if meta.is_file() => std::fs::read(&path).unwrap(),
                false => Vec::new(),
            };
            (path, meta.permissions().mode(), bytes)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn a_commit_runs_keyward_and_its_verdict_decides() {
    let scene = Scene::new();
    let report = scene.install();
    assert_eq!(report.steps.len(), 3);
    assert!(scene.commit("b\n"));
    assert_eq!(scene.calls(), ["hook pre-commit", "hook commit-msg .git/COMMIT_EDITMSG"]);
    scene.says("1");
    assert!(!scene.commit("c\n"));
    assert_eq!(scene.calls(), ["hook pre-commit"]);
}

#[test]
fn a_merge_without_conflicts_is_scanned() {
    let scene = Scene::new();
    scene.repo.git(&["checkout", "-qb", "side"]);
    scene.repo.write("side.txt", "s\n").commit("side");
    scene.repo.git(&["checkout", "-q", "main"]);
    scene.repo.write("main.txt", "m\n").commit("main");
    scene.install();
    scene.says("1");
    assert!(!scene.git(scene.repo.path(), &["merge", "-q", "--no-edit", "side"]).status.success());
    assert_eq!(scene.calls(), ["hook pre-merge-commit"]);
}

#[test]
fn installing_twice_is_installing_once() {
    let scene = Scene::new();
    scene.install();
    let before = snapshot(&scene.repo.join(".git/hooks"));
    let again = scene.install();
    assert!(again.steps.iter().all(|step| step.action == Action::Unchanged), "{again:?}");
    assert_eq!(snapshot(&scene.repo.join(".git/hooks")), before);
}

#[test]
fn an_existing_hook_runs_first_because_it_may_restage() {
    let scene = Scene::new();
    // A formatter that stages what the user had not: the stub must see it.
    script(&scene.hook("pre-commit"), "#!/bin/sh\necho 'x = glpat-' > late.txt && git add late.txt\n");
    assert_eq!(action(&scene.install(), "pre-commit"), Action::Chained);
    assert!(!scene.commit("b\n"));
    assert_eq!(scene.calls(), ["hook pre-commit"]);
}

#[test]
fn an_existing_hook_that_says_no_is_heard_and_gets_its_arguments() {
    let scene = Scene::new();
    script(&scene.hook("commit-msg"), "#!/bin/sh\necho \"$1\" > seen\nexit 3\n");
    scene.install();
    assert!(!scene.commit("b\n"));
    assert_eq!(scene.calls(), ["hook pre-commit"]);
    assert_eq!(std::fs::read_to_string(scene.repo.join("seen")).unwrap(), ".git/COMMIT_EDITMSG\n");
    let code = Command::new(scene.hook("commit-msg")).arg("x").current_dir(scene.repo.path()).status().unwrap();
    assert_eq!(code.code(), Some(3));
}

#[test]
fn uninstall_restores_the_old_hooks_byte_for_byte() {
    let scene = Scene::new();
    std::fs::write(scene.hook("pre-commit"), b"#!/bin/sh\n# \xff\x00 odd bytes\nexit 0\n").unwrap();
    mode(&scene.hook("pre-commit"), 0o710);
    script(&scene.repo.join("tool.sh"), "#!/bin/sh\nexit 0\n");
    symlink("../../tool.sh", scene.hook("commit-msg")).unwrap();
    symlink("nowhere", scene.hook("pre-push")).unwrap();
    let before = snapshot(&scene.repo.join(".git/hooks"));
    let report = hooks::install(&scene.here(), &scene.binary(), true).unwrap();
    assert_eq!(action(&report, "pre-push"), Action::Chained);
    assert_eq!(mode_of(&scene.hook("pre-commit.keyward-chained")), 0o710);
    assert_eq!(std::fs::read_to_string(scene.repo.join("tool.sh")).unwrap(), "#!/bin/sh\nexit 0\n");
    let report = hooks::uninstall(&scene.here()).unwrap();
    assert_eq!(action(&report, "pre-commit"), Action::Restored);
    assert_eq!(action(&report, "pre-merge-commit"), Action::Removed);
    assert_eq!(snapshot(&scene.repo.join(".git/hooks")), before);
    assert!(hooks::uninstall(&scene.here()).unwrap().steps.is_empty());
}

#[test]
fn both_pre_push_hooks_get_gits_lines_and_keyward_goes_first() {
    let scene = Scene::new();
    let remote = scene.aside.path().join("remote.git");
    scene.repo.git(&["init", "-q", "--bare", remote.to_str().unwrap()]);
    let seen = scene.aside.path().join("seen");
    script(&scene.hook("pre-push"), &format!("#!/bin/sh\necho \"$@\" > '{0}'; cat >> '{0}'\n", seen.display()));
    hooks::install(&scene.here(), &scene.binary(), true).unwrap();
    let push = || scene.git(scene.repo.path(), &["push", "-q", remote.to_str().unwrap(), "main"]).status.success();
    scene.says("1");
    assert!(!push());
    assert!(!seen.exists(), "the old hook ran before the verdict");
    drop(std::fs::remove_file(scene.aside.path().join("stdin")));
    scene.says("0");
    assert!(push());
    let stdin = std::fs::read_to_string(scene.aside.path().join("stdin")).unwrap();
    assert!(stdin.starts_with("refs/heads/main ") && stdin.ends_with('\n'), "{stdin}");
    let url = remote.display();
    assert_eq!(std::fs::read_to_string(&seen).unwrap(), format!("{url} {url}\n{stdin}"));
    assert_eq!(scene.calls().last().unwrap(), &format!("hook pre-push {url} {url}"));
}

#[test]
fn a_missing_binary_is_looked_for_on_path_and_else_refuses_with_2_naming_it() {
    let scene = Scene::new();
    hooks::install(&scene.here(), &scene.aside.path().join("it's gone/keyward"), false).unwrap();
    let run = |path: String| {
        let mut command = Command::new(scene.hook("pre-commit"));
        command.current_dir(scene.repo.path()).env("PATH", path).output().unwrap()
    };
    let out = run(scene.path_without_keyward());
    assert_eq!(out.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(stderr.contains("it's gone/keyward"), "{stderr}");
    assert!(stderr.contains("git commit --no-verify") && stderr.contains("keyward hooks install"), "{stderr}");
    let out = run(format!("{}:{}", scene.aside.path().display(), scene.path_without_keyward()));
    assert_eq!(out.status.code(), Some(0));
    assert_eq!(scene.calls(), ["hook pre-commit"]);
}

#[test]
fn an_older_script_is_brought_up_to_date_and_a_hand_changed_one_is_kept() {
    let scene = Scene::new();
    scene.install();
    assert_eq!(
        action(&hooks::install(&scene.here(), &scene.stub("keyward2"), false).unwrap(), "pre-commit"),
        Action::Updated
    );
    assert!(!scene.hook("pre-commit.keyward-chained").exists());
    let changed = std::fs::read_to_string(scene.hook("pre-commit")).unwrap() + "# mine\n";
    script(&scene.hook("pre-commit"), &changed);
    scene.install();
    assert_eq!(std::fs::read_to_string(scene.hook("pre-commit.keyward-edited")).unwrap(), changed);
    assert!(!scene.hook("pre-commit.keyward-chained").exists());
}

#[test]
fn core_hooks_path_is_honoured_relative_to_the_root_and_with_a_tilde() {
    let scene = Scene::new();
    scene.repo.git(&["config", "core.hooksPath", "my hooks"]);
    std::fs::create_dir(scene.repo.join("sub")).unwrap();
    hooks::install(&scene.at(&scene.repo.join("sub")), &scene.binary(), false).unwrap();
    assert!(scene.repo.join("my hooks/pre-commit").exists());
    assert!(scene.commit("b\n"));
    assert_eq!(scene.calls().len(), 2);
    hooks::uninstall(&scene.here()).unwrap();
    assert!(!scene.repo.join("my hooks/pre-commit").exists());
    scene.repo.git(&["config", "core.hooksPath", "~/hooks"]);
    scene.install();
    assert!(scene.aside.path().join("hooks/pre-commit").exists());
}

#[test]
fn a_linked_worktree_and_a_submodule_are_covered() {
    let scene = Scene::new();
    let linked = scene.aside.path().join("linked");
    scene.repo.git(&["worktree", "add", "-q", "-b", "other", linked.to_str().unwrap()]);
    hooks::install(&scene.at(&linked), &scene.binary(), false).unwrap();
    assert!(scene.hook("pre-commit").exists());
    scene.says("1");
    std::fs::write(linked.join("a.txt"), "changed\n").unwrap();
    assert!(!scene.git(&linked, &["commit", "-qam", "x"]).status.success());
    assert_eq!(scene.calls(), ["hook pre-commit"]);

    let source = Repo::new();
    source.write("s.txt", "s\n").commit("s");
    scene.repo.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "add",
        "-q",
        source.path().to_str().unwrap(),
        "sub",
    ]);
    hooks::install(&scene.at(&scene.repo.join("sub")), &scene.binary(), false).unwrap();
    assert!(scene.repo.join(".git/modules/sub/hooks/pre-commit").exists());
    scene.repo.write("sub/s.txt", "changed\n");
    assert!(!scene.git(&scene.repo.join("sub"), &["commit", "-qam", "x"]).status.success());
    assert_eq!(scene.calls(), ["hook pre-commit"]);
}

#[test]
fn what_cannot_be_installed_leaves_everything_as_it_was() {
    let scene = Scene::new();
    script(&scene.hook("pre-commit"), "#!/bin/sh\nexit 0\n");
    // The last hook to be written cannot be: the first two must be undone.
    std::fs::create_dir(scene.hook("commit-msg")).unwrap();
    let before = snapshot(&scene.repo.join(".git/hooks"));
    let error = hooks::install(&scene.here(), &scene.binary(), false).unwrap_err();
    assert!(error.to_string().contains("commit-msg is not a file"), "{error}");
    assert_eq!(snapshot(&scene.repo.join(".git/hooks")), before);
    std::fs::remove_dir(scene.hook("commit-msg")).unwrap();
    // Here the refusal comes after pre-commit was chained.
    script(&scene.hook("commit-msg"), "#!/bin/sh\nexit 0\n");
    script(&scene.hook("commit-msg.keyward-chained"), "#!/bin/sh\nexit 1\n");
    let before = snapshot(&scene.repo.join(".git/hooks"));
    let error = hooks::install(&scene.here(), &scene.binary(), false).unwrap_err();
    assert!(error.to_string().contains("move one of them away"), "{error}");
    assert_eq!(snapshot(&scene.repo.join(".git/hooks")), before);
}

#[test]
fn a_read_only_or_switched_off_hooks_directory_is_a_one_line_error() {
    let scene = Scene::new();
    let hooks_dir = scene.repo.join(".git/hooks");
    let before = snapshot(&hooks_dir);
    mode(&hooks_dir, 0o555);
    // root writes everywhere: then only the second half can be seen.
    if std::fs::write(hooks_dir.join("probe"), "").is_err() {
        let error = hooks::install(&scene.here(), &scene.binary(), false).unwrap_err();
        assert!(matches!(error, HookError::Io { .. }), "{error}");
        assert!(!error.to_string().contains('\n'));
    } else {
        std::fs::remove_file(hooks_dir.join("probe")).unwrap();
    }
    mode(&hooks_dir, 0o755);
    assert_eq!(snapshot(&hooks_dir), before);
    for path in ["/dev/null", "/proc/none/hooks"] {
        scene.repo.git(&["config", "core.hooksPath", path]);
        let error = hooks::install(&scene.here(), &scene.binary(), false).unwrap_err().to_string();
        assert!(error.contains(path.trim_end_matches("/hooks")) && !error.contains('\n'), "{error}");
        assert!(!scene.doctor().scanned());
    }
}

#[test]
fn global_hooks_cover_every_repository_and_still_run_its_own() {
    let scene = Scene::new();
    for own in ["pre-commit", "post-commit", "prepare-commit-msg", "commit-msg", "post-checkout"] {
        script(&scene.hook(own), &format!("#!/bin/sh\necho {own} \"$@\" >> own\n"));
    }
    hooks::install_global(&scene.here(), &scene.binary(), false).unwrap();
    hooks::install_global(&scene.here(), &scene.binary(), false).unwrap();
    assert!(scene.commit("b\n"));
    assert_eq!(scene.calls(), ["hook pre-commit", "hook commit-msg .git/COMMIT_EDITMSG"]);
    let own = std::fs::read_to_string(scene.repo.join("own")).unwrap();
    let expected =
        "pre-commit\nprepare-commit-msg .git/COMMIT_EDITMSG message\ncommit-msg .git/COMMIT_EDITMSG\npost-commit\n";
    assert_eq!(own, expected);
    // In a linked worktree the hooks are those of the common directory.
    let linked = scene.aside.path().join("linked");
    assert!(scene.git(scene.repo.path(), &["worktree", "add", "-q", linked.to_str().unwrap()]).status.success());
    assert!(std::fs::read_to_string(linked.join("own")).unwrap().starts_with("post-checkout "));
    // `git init` runs hooks before there is a repository.
    let made = scene.git(scene.aside.path(), &["init", "-b", "main", "fresh"]);
    assert!(made.status.success() && made.stderr.is_empty(), "{}", String::from_utf8_lossy(&made.stderr));
    // A hook of the repository's own that says no is heard.
    script(&scene.hook("pre-commit"), "#!/bin/sh\nexit 1\n");
    assert!(!scene.commit("c\n"));
    let diagnosis = scene.doctor();
    assert!(diagnosis.scanned(), "{diagnosis:#?}");
    // A local installation has nothing to add, but pre-push.
    assert!(scene.install().steps.is_empty());
    let report = hooks::install(&scene.here(), &scene.binary(), true).unwrap();
    assert_eq!(report.steps.len(), 1);
    assert!(scene.hook("pre-push").exists());

    hooks::uninstall_global(&scene.here()).unwrap();
    assert!(!scene.aside.path().join("xdg/keyward/hooks").exists());
    assert_eq!(scene.git(scene.repo.path(), &["config", "core.hooksPath"]).status.code(), Some(1));
}

#[test]
fn global_hooks_do_not_change_what_a_push_to_a_checkout_does() {
    let scene = Scene::new();
    hooks::install_global(&scene.here(), &scene.binary(), false).unwrap();
    let deployed = scene.aside.path().join("deployed");
    let path = deployed.to_str().unwrap();
    assert!(scene.git(scene.repo.path(), &["clone", "-q", scene.repo.path().to_str().unwrap(), path]).status.success());
    scene.git(&deployed, &["config", "receive.denyCurrentBranch", "updateInstead"]);
    assert!(scene.commit("new\n"));
    let push = || scene.git(scene.repo.path(), &["push", "-q", path, "main"]);
    let out = push();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(std::fs::read_to_string(deployed.join("a.txt")).unwrap(), "new\n");
    std::fs::write(deployed.join("a.txt"), "local work\n").unwrap();
    assert!(scene.commit("newer\n"));
    assert!(!push().status.success());
    assert_eq!(std::fs::read_to_string(deployed.join("a.txt")).unwrap(), "local work\n");
}

#[test]
fn a_global_hooks_path_of_somebody_else_is_not_taken_over() {
    let scene = Scene::new();
    scene.git(scene.repo.path(), &["config", "--global", "core.hooksPath", "/somewhere/else"]);
    let error = hooks::install_global(&scene.here(), &scene.binary(), false).unwrap_err().to_string();
    assert!(error.contains("/somewhere/else") && error.contains("--unset"), "{error}");
    assert!(!scene.aside.path().join("xdg/keyward").exists());
    hooks::uninstall_global(&scene.here()).unwrap();
    assert!(scene.git(scene.repo.path(), &["config", "core.hooksPath"]).status.success());
}

#[test]
fn a_hook_manager_that_calls_back_does_not_run_for_ever() {
    let scene = Scene::new();
    // What `pre-commit install` leaves after keyward was installed over it: tool → legacy (keyward) → chained tool.
    let tool = "#!/bin/sh\necho x >> .git/rounds\n[ $(wc -l < .git/rounds) -lt 20 ] || exit 1\n\
                exec \"$(cd \"$(dirname \"$0\")\" && pwd)\"/pre-commit.legacy \"$@\"\n";
    script(&scene.hook("pre-commit"), tool);
    scene.install();
    std::fs::rename(scene.hook("pre-commit"), scene.hook("pre-commit.legacy")).unwrap();
    script(&scene.hook("pre-commit"), tool);
    assert!(scene.commit("b\n"));
    assert!(scene.calls().iter().any(|call| call == "hook pre-commit"));
}
