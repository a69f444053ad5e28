//! keyward keeps keys where they belong. This page is the map: a line per room, no logic.
//!
//! One line runs through the house, and [`scan`] is the file to open first:
//! source → checks → place → triage → [`model::Outcome`] → report.

pub mod cache;
pub mod cli;
pub mod config;
pub mod detect;
pub mod git;
pub mod hooks;
pub mod manifest;
pub mod model;
pub mod pack;
pub mod parse;
pub mod place;
pub mod policy;
pub mod report;
pub mod rule;
pub mod scan;
pub mod source;
pub mod triage;
pub mod unpack;
