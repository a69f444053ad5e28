//! Parse, run, exit.

use std::process::ExitCode;

/// musl's own takes one lock for all threads, which then wait for each other.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    keyward::cli::main()
}
