//! The command line: one file per subcommand, its arguments and its wiring.

use std::process::ExitCode;

/// Parses the arguments, runs, and says how it ended.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
