# keyward goes first: the older hook may upload, and nothing leaves before the verdict. Both get git's lines.
@FIND_KEYWARD@
if [ -f "$before" ] && [ -x "$before" ] && [ "$KEYWARD_CHAINED" != "$PWD/$before" ]; then
    lines=$(cat && echo .)
    lines=${lines%.}
    printf %s "$lines" | "$keyward" hook @NAME@ "$@" || exit
    printf %s "$lines" | KEYWARD_CHAINED=$PWD/$before "$before" "$@"
    exit
fi
exec "$keyward" hook @NAME@ "$@"
