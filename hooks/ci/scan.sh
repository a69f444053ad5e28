#!/bin/sh
# Chooses what a CI run has to look at, and checks it: secrets, and where there are any manifests and policies. Used by action.yml and hooks/ci/gitlab.yml, which set:
#   KEYWARD              the program
#   KEYWARD_EVENT        request (a pull or merge request), push, or anything else: the tree
#   KEYWARD_BASE         request: the target's commit. push: the commit before it
#   KEYWARD_HEAD         the last commit
#   KEYWARD_MAIN         the default branch's name, for a push whose base is unknown
#   KEYWARD_CONFIG_FROM  take keyward.toml from this commit (request: the base, so that a change cannot rewrite it for itself)
#   KEYWARD_FAIL_ON, KEYWARD_SARIF, KEYWARD_ARGS   --fail-on, a file for SARIF, more arguments (split at blanks)
# It is never green because it looked at nothing: no new commit → the tree; no such commit, or too few → exit 2.
set -eu

stop() {
    [ -z "${GITHUB_ACTIONS:-}" ] || echo "::error title=keyward::$1"
    echo "keyward: $1" >&2
    exit 2
}

say() { echo "keyward: $1" >&2; }

known() { git cat-file -e "$1^{commit}" 2>/dev/null; }

zeros() { case $1 in '' | *[!0]*) return 1 ;; esac }

# The range's arguments, or the tree when no commit is new: a green run has always looked at something.
range() {
    if [ "$(git rev-list --count "$1..$2")" -eq 0 ]; then
        say "no commit in $1..$2: scanning the tree instead"
        set -- check .
    else
        set -- check --range "$1..$2"
    fi
    run "$@"
}

run() {
    if [ -n "${KEYWARD_CONFIG_FROM:-}" ]; then set -- "$@" --config-from "$KEYWARD_CONFIG_FROM"; fi
    if [ -n "${KEYWARD_FAIL_ON:-}" ]; then set -- "$@" --fail-on "$KEYWARD_FAIL_ON"; fi
    if [ -n "${KEYWARD_SARIF:-}" ]; then set -- "$@" --output "sarif:$KEYWARD_SARIF"; fi
    set -f
    # shellcheck disable=SC2086 # split on purpose
    exec "$KEYWARD" "$@" ${KEYWARD_ARGS:-}
}

deep_enough() {
    # Told apart from "false", because an old git answers with the question.
    case $(git rev-parse --is-shallow-repository) in
    true) stop "this clone is shallow, so commits would be missed: set fetch-depth: 0 (GitHub) or GIT_DEPTH: 0 (GitLab)" ;;
    esac
}

# A push whose base is not known: a new branch, or a force push. What the default branch has not is new.
new_branch() {
    if [ -n "${KEYWARD_MAIN:-}" ] && known "refs/remotes/origin/$KEYWARD_MAIN"; then
        main=$(git rev-parse "refs/remotes/origin/$KEYWARD_MAIN^{commit}")
        # The push of the default branch itself leaves nothing to compare with.
        if [ "$main" != "$(git rev-parse "$KEYWARD_HEAD^{commit}")" ]; then
            say "the commit before this push is not known: scanning what $KEYWARD_MAIN has not"
            range "$main" "$KEYWARD_HEAD"
        fi
    fi
    say "the commit before this push is not known: scanning the history"
    run check --history
}

: "${KEYWARD:?the program to run}"
git rev-parse --git-dir >/dev/null || stop "this is not a repository that git accepts: see its message above"
base=${KEYWARD_BASE:-} head=${KEYWARD_HEAD:-}
case ${KEYWARD_EVENT:-tree} in
request)
    deep_enough
    [ -n "$base" ] && [ -n "$head" ] || stop "this event names no base and head commit"
    known "$base" || stop "the base commit $base is not in this clone: check out with the whole history"
    known "$head" || stop "the head commit $head is not in this clone: check out the request's own commit, with the whole history"
    KEYWARD_CONFIG_FROM=${KEYWARD_CONFIG_FROM:-$base}
    range "$base" "$head"
    ;;
push)
    if [ -z "$head" ] || zeros "$head"; then
        say "a branch was deleted: scanning the tree"
        run check .
    fi
    deep_enough
    known "$head" || stop "the pushed commit $head is not in this clone"
    if [ -n "$base" ] && ! zeros "$base" && known "$base"; then range "$base" "$head"; fi
    new_branch
    ;;
*) run check . ;;
esac
