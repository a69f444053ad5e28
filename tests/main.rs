//! One test binary: link once, share one vocabulary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::string_slice, clippy::print_stdout, clippy::print_stderr)]

mod apps;
mod architecture;
mod archive;
mod baseline;
mod cache;
mod cli;
mod common;
mod decode;
mod delta;
mod detect;
mod gate;
mod gate_fresh;
mod history;
mod hooks;
mod index;
mod properties;
mod range;
mod report;
mod rules;
mod speed;
mod staged;
mod tree;
mod triage;

mod check;
mod manifest;
mod policy;
