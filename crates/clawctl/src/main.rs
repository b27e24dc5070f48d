//! Clawtray for a shell, a status bar or a window manager.

#![forbid(unsafe_code)]

mod cli;
mod commands;
mod exit;
mod follow;
mod interrupt;
mod link;
mod markdown;
mod outbox;
mod shipped;
mod term;

use clap::Parser;
use cli::{Cli, Command};
use exit::{Exit, Outcome};
use std::process::ExitCode;
use term::Term;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut term = Term::new(&cli.global);
    let outcome = run(cli, &mut term);
    let exit = match outcome {
        Ok(()) => Exit::Done,
        Err(failure) => {
            if !failure.message.is_empty() {
                term.complain(&failure.message, failure.next.as_deref());
            }
            failure.exit
        }
    };
    drop(term);
    ExitCode::from(exit as u8)
}

fn run(cli: Cli, term: &mut Term) -> Outcome {
    let global = &cli.global;
    // One thread: there is one connection to drive.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Ask(args) => commands::ask::ask(global, args, term).await,
            Command::Send(args) => commands::ask::send(global, args, term).await,
            Command::Run(args) => commands::ask::run(global, args, term).await,
            Command::Status(args) => commands::status::status(global, &args, term).await,
            Command::Sessions(args) => commands::sessions::sessions(global, args, term).await,
            Command::History(args) => commands::sessions::history(global, args, term).await,
            Command::Search(args) => commands::sessions::search(global, &args, term).await,
            Command::Export(args) => commands::sessions::export(global, &args, term).await,
            Command::Approvals(args) => commands::decide::approvals(global, args, term).await,
            Command::Questions(args) => commands::decide::questions(global, args, term).await,
            Command::Cron(args) => commands::cron::cron(global, args, term).await,
            Command::Usage(args) => commands::gateway_facts::usage(global, &args, term).await,
            Command::Logs(args) => commands::gateway_facts::logs(global, &args, term).await,
            Command::Watch(args) => commands::gateway_facts::watch(global, &args, term).await,
            Command::Call(args) => commands::gateway_facts::call(global, args, term).await,
            Command::Gateway(args) => commands::gateways::gateway(global, args.action, term).await,
            Command::ApiKey(args) => commands::embedded::api_key(args.action, term),
            Command::Serve(args) => commands::embedded::serve(global, &args, term).await,
            Command::Doctor(args) => commands::doctor::doctor(global, &args, term).await,
            Command::Toggle => commands::app::toggle(),
            Command::Open(open) => commands::app::open(global, open.session),
            Command::Dnd(dnd) => commands::app::dnd(dnd.time.as_deref(), term),
            Command::Quit => commands::app::quit(),
            Command::Completions { shell } => shipped::completions(&shell, term),
            Command::Man { dir } => shipped::man(&dir, term),
        }
    });
    // A keychain that does not answer must not hold up the end.
    runtime.shutdown_background();
    outcome
}
