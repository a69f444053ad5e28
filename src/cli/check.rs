//! `keyward check` and `keyward lint`: everything in one pass over the files, or manifests and policies alone.

use clap::Args;

use super::Talk;
use super::args::{FilterArgs, OutputArgs, SourceArgs};
use super::govern::PolicyArgs;
use super::scan::{Job, Looks, finish, perform, places, with_source};
use crate::model::{Clock, Confidence};

/// Secrets, manifests and policies.
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Checks and reports; the exit code. `secrets`: look for secrets too.
pub(crate) fn run(args: &Check, talk: Talk, secrets: bool) -> anyhow::Result<u8> {
    places(&args.output)?;
    let filter = FilterArgs { govern: Some(args.policy.clone()), ..args.filter.clone() };
    with_source(&args.source, &filter, Confidence::Medium, |setup, source, kind| {
        let looks = Looks { secrets, governance: true };
        let job = Job { setup, source, kind, looks, output: &args.output, talk, calm: false, clock: Clock::default() };
        let mut outcome = perform(&job)?;
        if !secrets && setup.judged.as_ref().is_none_or(|judged| judged.policies.is_none()) {
            let asked = "no [policy] in keyward.toml, no --policy: policies were asked only where there is a manifest";
            outcome.notices.push(asked.into());
        }
        finish(&job, &outcome)
    })
}
