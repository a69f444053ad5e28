//! `keyward completions` and `keyward man`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, console};

/// Prints a completion script.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell to complete for
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints a manual page.
#[derive(Debug, Args)]
pub struct Man {
    /// The command to print the page of [default: keyward itself]
    command: Vec<String>,
}

/// To standard output, to be sourced or saved.
pub fn completions(args: &Completions) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "keyward", &mut script);
    console::print(|out| out.write_all(&script))?;
    Ok(0)
}

/// To standard output, in roff: `keyward man | man -l -`.
pub fn man(args: &Man) -> anyhow::Result<u8> {
    let mut command = Cli::command();
    command.build();
    let mut name = "keyward".to_owned();
    for word in &args.command {
        command = command
            .find_subcommand(word)
            .cloned()
            .ok_or_else(|| anyhow::anyhow!("there is no command '{word}': see keyward --help"))?;
        name = format!("{name}-{word}");
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.display_name(name.clone()).name(name)).render(&mut page)?;
    console::print(|out| out.write_all(&page))?;
    Ok(0)
}
