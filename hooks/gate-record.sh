# The older hook goes first: it may restage or rewrite, and the gate must see what git will record.
if [ -f "$before" ] && [ -x "$before" ] && [ "$KEYWARD_CHAINED" != "$PWD/$before" ]; then
    KEYWARD_CHAINED=$PWD/$before "$before" "$@" || exit
fi
@FIND_KEYWARD@
exec "$keyward" hook @NAME@ "$@"
