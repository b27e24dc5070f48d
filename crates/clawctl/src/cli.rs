//! The command tree. `build.rs` includes this file for completions and manual pages, so it uses
//! only clap.

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

/// The names of `--dialect`.
const DIALECTS: [&str; 8] = [
    "auto",
    "native",
    "sessions",
    "sessions-list",
    "gateway",
    "chat-v1",
    "messages-v1",
    "openai",
];

/// What the help says after the commands.
pub(crate) const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  something on this computer failed (a file, the keychain)
  2  wrong usage
  3  not connected: no gateway is set up, it does not answer, or the app is not running
  4  refused: wrong token, pairing missing, or the gateway said no
  5  the run failed, was stopped, or took too long
  130  interrupted with Ctrl+C (the run was stopped)

Environment:
  OPENCLAW_GATEWAY_URL    the gateway, in place of the configured one
  OPENCLAW_GATEWAY_TOKEN  its token (or OPENCLAW_AUTH_TOKEN)
  CLAWTRAY_CONFIG_DIR     where settings and gateways are kept
  CLAWTRAY_DATA_DIR       where transcripts and the outbox are kept
  NO_COLOR                no colours";

/// Your OpenClaw gateway from a shell, a status bar or a window manager.
#[derive(Debug, Parser)]
#[command(name = "clawctl", version, after_help = AFTER_HELP, max_term_width = 100)]
#[command(
    arg_required_else_help = true,
    infer_subcommands = false,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// Use this gateway (name or id) instead of the active one
    #[arg(long, short = 'g', global = true, value_name = "NAME")]
    pub gateway: Option<String>,
    /// Connect directly even when the app is running
    #[arg(long, global = true)]
    pub direct: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = When::Auto, value_name = "WHEN")]
    pub color: When,
    /// No progress on standard error
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// A command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask the agent; the reply goes to standard output as it comes
    Ask(Ask),
    /// Send a message to a session and print the reply
    Send(Send),
    /// Run a one-off task in a session of its own and print the reply
    Run(Run),
    /// The gateway's state in one line
    Status(Status),
    /// Sessions, most recent first
    Sessions(Sessions),
    /// Messages of a session
    History(History),
    /// Search in all transcripts
    Search(Search),
    /// Write a session as Markdown or JSON
    Export(Export),
    /// Approvals that wait, and deciding them
    #[command(args_conflicts_with_subcommands = true)]
    Approvals(Approvals),
    /// Questions of agents that wait, and answering them
    #[command(args_conflicts_with_subcommands = true)]
    Questions(Questions),
    /// Scheduled jobs
    #[command(args_conflicts_with_subcommands = true)]
    Cron(Cron),
    /// Tokens and cost
    Usage(Usage),
    /// The gateway's log
    Logs(Logs),
    /// Everything that happens, as JSON lines
    Watch(Watch),
    /// Call any method of the gateway
    Call(Call),
    /// The gateways this computer knows
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Gateway(Gateway),
    /// API keys of the built-in gateway
    #[command(name = "api-key", subcommand_required = true, arg_required_else_help = true)]
    ApiKey(ApiKey),
    /// Run the built-in gateway without a desktop
    Serve(Serve),
    /// Show or hide the popup of the running app
    Toggle,
    /// Open the popup of the running app, on a session if one is named
    Open(Open),
    /// Do not disturb: no notifications from the running app
    Dnd(Dnd),
    /// Quit the running app
    Quit,
    /// Check everything the companion needs; one line and one next step each
    Doctor(Doctor),
    /// Print the completion script for a shell
    Completions {
        /// The shell
        #[arg(value_parser = PossibleValuesParser::new(["bash", "elvish", "fish", "powershell", "zsh"]))]
        shell: String,
    },
    /// Write the man pages into a folder
    Man {
        /// The folder; it is made if it is not there
        #[arg(value_hint = ValueHint::DirPath)]
        dir: PathBuf,
    },
}

/// How to print a run.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RunOutput {
    /// Print one JSON object when the run is done
    #[arg(long, conflicts_with = "jsonl")]
    pub json: bool,
    /// Print every step of the run as a JSON line
    #[arg(long)]
    pub jsonl: bool,
    /// Do not wait for the reply
    #[arg(long)]
    pub no_wait: bool,
    /// Give up after this many seconds and stop the run
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub timeout: Option<u32>,
}

/// `ask`
#[derive(Args, Clone, Debug)]
pub(crate) struct Ask {
    /// The prompt; `-` or nothing reads standard input
    pub text: Vec<String>,
    /// The session: a key, or a short name such as `main`
    #[arg(long, short, value_name = "KEY")]
    pub session: Option<String>,
    /// The agent
    #[arg(long, short, value_name = "ID")]
    pub agent: Option<String>,
    /// Begin a new session
    #[arg(long, short, conflicts_with = "session")]
    pub new: bool,
    /// Attach a file; may be given more than once
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub attach: Vec<PathBuf>,
    /// The thinking level for this turn
    #[arg(long, value_name = "LEVEL")]
    pub thinking: Option<String>,
    #[command(flatten)]
    pub output: RunOutput,
}

/// `send`
#[derive(Args, Clone, Debug)]
pub(crate) struct Send {
    /// The message; `-` reads standard input
    #[arg(required = true)]
    pub text: Vec<String>,
    /// The session; it is made on first use
    #[arg(long, short, value_name = "KEY", default_value = "main")]
    pub session: String,
    #[command(flatten)]
    pub output: RunOutput,
}

/// `run`
#[derive(Args, Clone, Debug)]
pub(crate) struct Run {
    /// The task; `-` reads standard input
    #[arg(required = true)]
    pub text: Vec<String>,
    /// The agent
    #[arg(long, short, value_name = "ID")]
    pub agent: Option<String>,
    #[command(flatten)]
    pub output: RunOutput,
}

/// `status`
#[derive(Args, Clone, Debug)]
pub(crate) struct Status {
    /// Print JSON
    #[arg(long, conflicts_with = "waybar")]
    pub json: bool,
    /// Print a line for a waybar custom module
    #[arg(long)]
    pub waybar: bool,
    /// Go on: one line whenever something changes
    #[arg(long, short)]
    pub watch: bool,
}

/// `sessions`
#[derive(Args, Clone, Debug)]
pub(crate) struct Sessions {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// At most this many
    #[arg(long, short = 'n', default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Only those of this agent
    #[arg(long, short, value_name = "ID")]
    pub agent: Option<String>,
    /// Only those whose title or key has this text
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Archived ones
    #[arg(long)]
    pub archived: bool,
}

/// `history`
#[derive(Args, Clone, Debug)]
pub(crate) struct History {
    /// The session: a key, or a short name such as `main`
    pub key: String,
    /// At most this many messages, the newest ones
    #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Tool calls and their output too
    #[arg(long)]
    pub tools: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `search`
#[derive(Args, Clone, Debug)]
pub(crate) struct Search {
    /// What to look for
    #[arg(required = true)]
    pub words: Vec<String>,
    /// At most this many hits
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub limit: u32,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `export`
#[derive(Args, Clone, Debug)]
pub(crate) struct Export {
    /// The session: a key, or a short name such as `main`
    pub key: String,
    /// The format
    #[arg(long, short, value_enum, default_value_t = Format::Markdown)]
    pub format: Format,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

/// A format of `export`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Markdown
    Markdown,
    /// JSON
    Json,
}

/// `approvals`
#[derive(Args, Clone, Debug)]
pub(crate) struct Approvals {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(subcommand)]
    pub action: Option<ApprovalsAction>,
}

/// What to do with approvals.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ApprovalsAction {
    /// Those that wait
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Allow, this once or from now on
    Approve {
        /// The approval: its id, or the beginning of it
        id: String,
        /// From now on, where the approval offers it
        #[arg(long)]
        always: bool,
    },
    /// Deny
    Deny {
        /// The approval: its id, or the beginning of it
        id: String,
    },
}

/// `questions`
#[derive(Args, Clone, Debug)]
pub(crate) struct Questions {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(subcommand)]
    pub action: Option<QuestionsAction>,
}

/// What to do with questions.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum QuestionsAction {
    /// Those that wait
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Answer: one answer for each question in order; `NAME=ANSWER` names the question
    Answer {
        /// The question: its id, or the beginning of it
        id: String,
        /// The answers
        #[arg(required = true)]
        answers: Vec<String>,
    },
    /// Decline to answer
    Skip {
        /// The question: its id, or the beginning of it
        id: String,
    },
}

/// `cron`
#[derive(Args, Clone, Debug)]
pub(crate) struct Cron {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(subcommand)]
    pub action: Option<CronAction>,
}

/// What to do with scheduled jobs.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum CronAction {
    /// The jobs
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add a job
    Add {
        /// Its name
        #[arg(long)]
        name: String,
        /// When: five fields, for example `0 8 * * *`
        #[arg(long, value_name = "EXPR")]
        cron: String,
        /// What the agent is told
        #[arg(long, value_name = "TEXT")]
        message: String,
        /// The time zone, for example `Europe/Prague`
        #[arg(long, value_name = "ZONE")]
        tz: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a job now
    Run {
        /// The job's id
        id: String,
    },
    /// Remove a job
    Remove {
        /// The job's id
        id: String,
    },
}

/// `usage`
#[derive(Args, Clone, Debug)]
pub(crate) struct Usage {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Days to show
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=365))]
    pub days: u32,
}

/// `logs`
#[derive(Args, Clone, Debug)]
pub(crate) struct Logs {
    /// Go on as lines are written
    #[arg(long, short)]
    pub follow: bool,
    /// The last lines to begin with
    #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub lines: u32,
    /// Print the lines as the gateway keeps them
    #[arg(long)]
    pub json: bool,
}

/// `watch`
#[derive(Args, Clone, Debug)]
pub(crate) struct Watch {
    /// Only events of this session
    #[arg(long, short, value_name = "KEY")]
    pub session: Option<String>,
    /// Only events of this type (`run`, `message`, `sessionChanged`, `approvalRequested`, …); may be given more than once
    #[arg(long = "type", short = 't', value_name = "TYPE")]
    pub types: Vec<String>,
    /// End after this many events
    #[arg(long, short = 'n', value_name = "COUNT")]
    pub limit: Option<u64>,
}

/// `call`
#[derive(Args, Clone, Debug)]
pub(crate) struct Call {
    /// The method, for example `sessions.list`
    pub method: String,
    /// Its parameters as JSON; `-` reads standard input
    pub params: Option<String>,
    /// On one line
    #[arg(long, short)]
    pub compact: bool,
}

/// `gateway`
#[derive(Args, Clone, Debug)]
pub(crate) struct Gateway {
    #[command(subcommand)]
    pub action: GatewayAction,
}

/// What to do with gateways.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum GatewayAction {
    /// Add a gateway; its token is read from standard input or asked for, and kept in the keychain
    Add {
        /// Where it is, for example `ws://127.0.0.1:18789`
        #[arg(value_hint = ValueHint::Url)]
        url: String,
        /// A name for it; the host's when absent
        #[arg(long)]
        name: Option<String>,
        /// It needs no token
        #[arg(long)]
        no_token: bool,
        /// Store it without trying to connect
        #[arg(long)]
        no_test: bool,
        /// What is spoken there; auto asks an `http` address for everything that is known
        #[arg(long, value_name = "NAME", default_value = "auto", value_parser = DIALECTS)]
        dialect: String,
    },
    /// The gateways
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a gateway the active one
    Use {
        /// Its name or id
        name: String,
    },
    /// Forget a gateway and its secrets
    Remove {
        /// Its name or id
        name: String,
    },
    /// Let the app receive the webhooks of a gateway of the dialect messages-v1, on this computer alone
    Webhook {
        /// Its name or id
        name: String,
        /// The port on 127.0.0.1
        #[arg(long, default_value_t = 18792)]
        port: u16,
        /// No more
        #[arg(long)]
        off: bool,
    },
    /// Connect to a gateway and say how it went
    Test {
        /// Its name or id, or an address; the active one when absent
        name: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask a gateway to pair with this device, and wait until its owner approves
    Pair {
        /// Its name or id; the active one when absent
        name: Option<String>,
        /// Give up after this many seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 300)]
        timeout: u32,
    },
}

/// `api-key`
#[derive(Args, Clone, Debug)]
pub(crate) struct ApiKey {
    #[command(subcommand)]
    pub action: ApiKeyAction,
}

/// What to do with API keys.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ApiKeyAction {
    /// Make a key; it is shown once
    Create {
        /// What it is for
        #[arg(long)]
        label: String,
        /// The workspaces it may use
        #[arg(long, value_delimiter = ',', value_name = "A,B")]
        workspaces: Vec<String>,
        /// What it may do, for example `messages:write,messages:read`; everything when absent
        #[arg(long, value_delimiter = ',', value_name = "A,B")]
        permissions: Vec<String>,
        /// Requests in a minute
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
        rate_limit: Option<u32>,
        /// Tokens in a day, in and out; any number when absent
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
        tokens_per_day: Option<u64>,
        /// When it ends: after a time such as `30d` or `12h`, or at the start of a day such as `2027-01-31`
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// The keys, without their secrets
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Replace a key with a new one that may do the same
    Rotate {
        /// The key, its id or its label
        key: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End a key
    Revoke {
        /// The key, its id or its label
        key: String,
    },
}

/// `serve`
#[derive(Args, Clone, Debug)]
pub(crate) struct Serve {
    /// Answer from the real gateway that is set up, instead of the built-in agent
    #[arg(long)]
    pub bridge: bool,
    /// Read address, port, token, keys, limits, CORS and webhooks from a file: `openclaw.json`, `.json5` or `.yml`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// The port; a free one when absent or 0
    #[arg(long)]
    pub port: Option<u16>,
    /// The address to listen on; 127.0.0.1 when absent
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Option<std::net::IpAddr>,
}

/// `open`
#[derive(Args, Clone, Debug)]
pub(crate) struct Open {
    /// The session: a key, or a short name such as `main`
    pub session: Option<String>,
}

/// `dnd`
#[derive(Args, Clone, Debug)]
pub(crate) struct Dnd {
    /// For how long: `30m`, `2h`, or `off`; an hour when absent
    pub time: Option<String>,
}

/// `doctor`
#[derive(Args, Clone, Debug)]
pub(crate) struct Doctor {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
