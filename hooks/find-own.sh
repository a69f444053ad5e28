# A global core.hooksPath hides the hooks of the repository itself: they are run from here.
if [ -z "$GIT_DIR$GIT_COMMON_DIR" ] && [ -d .git ]; then
    before=.git
else
    before=$(git rev-parse --git-common-dir@QUIETLY@) || exit @NO_REPOSITORY@
fi
before=$before/hooks/@NAME@
