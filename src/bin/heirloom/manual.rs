//! `heirloom man` and `heirloom completions`: generated from what the command line takes.

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Arguments;
use crate::outcome::{Code, Failed};
use crate::show::write;

/// Prints the manual page of a command, or of the whole.
pub(crate) fn man(command: Option<&str>) -> Result<(), Failed> {
    let mut whole = Arguments::command();
    whole.build();
    let page = match command {
        Some(name) => whole
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| Failed::new(Code::Other, format!("there is no command `{name}`")))?,
        None => whole,
    };
    let mut text = Vec::new();
    Man::new(page).manual("heirloom").render(&mut text)?;
    write(&text)?;
    Ok(())
}

/// Prints the completions of a shell.
pub(crate) fn completions(shell: Shell) -> Result<(), Failed> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "heirloom", &mut text);
    write(&text)?;
    Ok(())
}
