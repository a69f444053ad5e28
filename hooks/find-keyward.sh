if [ ! -f "$keyward" ] || [ ! -x "$keyward" ]; then
    recorded=$keyward
    keyward=$(command -v keyward) || {
        echo "keyward: no program at $recorded, nor on PATH: the @NAME@ hook scanned nothing, so it says no." >&2
        echo "keyward: install keyward and run 'keyward hooks install' again, or skip once: @SKIP@" >&2
        exit 2
    }
fi
