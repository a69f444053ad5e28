//! Installs, chains, removes and examines git hooks.
