//! The completions and manual pages that the build wrote.

use crate::exit::{Failure, Outcome};
use crate::term::Term;
use std::path::Path;

const MAN_PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/man_pages.rs"));

/// Prints the completion script of a shell.
pub(crate) fn completions(shell: &str, term: &mut Term) -> Outcome {
    let script = match shell {
        "bash" => include_str!(concat!(env!("OUT_DIR"), "/completion.bash")),
        "elvish" => include_str!(concat!(env!("OUT_DIR"), "/completion.elvish")),
        "fish" => include_str!(concat!(env!("OUT_DIR"), "/completion.fish")),
        "powershell" => include_str!(concat!(env!("OUT_DIR"), "/completion.powershell")),
        "zsh" => include_str!(concat!(env!("OUT_DIR"), "/completion.zsh")),
        _ => return Err(Failure::usage(format!("no completions for the shell {shell}"))),
    };
    term.foreign(script)
}

/// Writes the man pages into a folder.
pub(crate) fn man(dir: &Path, term: &mut Term) -> Outcome {
    let failed = |error: std::io::Error| Failure::local(format!("{}: {error}", dir.display()));
    std::fs::create_dir_all(dir).map_err(failed)?;
    for (name, page) in MAN_PAGES {
        std::fs::write(dir.join(name), page).map_err(failed)?;
    }
    term.line(&format!("{} pages in {}", MAN_PAGES.len(), dir.display()))
}
