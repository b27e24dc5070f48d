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
  OPENCLAW_GATEWAY_URL    the address of the gateway, instead of the configured one
  OPENCLAW_GATEWAY_TOKEN  its token (or OPENCLAW_AUTH_TOKEN)
  CLAWTRAY_CONFIG_DIR     the folder of settings and gateways
  CLAWTRAY_DATA_DIR       the folder of transcripts and the outbox
  NO_COLOR                print no colours";

/// Use your OpenClaw gateway from a shell, a status bar or a window manager.
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
    /// Connect to the gateway directly, even when the app is running
    #[arg(long, global = true)]
    pub direct: bool,
    /// Connect directly, and ask the gateway for full control (`operator.admin`): all approvals, questions, jobs
    #[arg(long, global = true)]
    pub full_control: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = When::Auto, value_name = "WHEN")]
    pub color: When,
    /// Print no progress on standard error
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
    /// Ask the agent and print the reply as it arrives
    Ask(Ask),
    /// Send a message to a session and print the reply
    Send(Send),
    /// Run a task in a new session and print the reply
    Run(Run),
    /// Show the gateway's state in one line
    Status(Status),
    /// List sessions, the most recent first
    Sessions(Sessions),
    /// Show the messages of a session
    History(History),
    /// Search all transcripts
    Search(Search),
    /// Export a session as Markdown or JSON
    Export(Export),
    /// List and decide waiting approvals
    #[command(args_conflicts_with_subcommands = true)]
    Approvals(Approvals),
    /// List and answer waiting questions
    #[command(args_conflicts_with_subcommands = true)]
    Questions(Questions),
    /// List and change scheduled jobs
    #[command(args_conflicts_with_subcommands = true)]
    Cron(Cron),
    /// Show tokens and cost
    Usage(Usage),
    /// Show the gateway's log
    Logs(Logs),
    /// Print every event as a JSON line
    Watch(Watch),
    /// Call any method of the gateway
    Call(Call),
    /// Manage the gateways of this computer
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Gateway(Gateway),
    /// Manage the API keys of the built-in gateway
    #[command(name = "api-key", subcommand_required = true, arg_required_else_help = true)]
    ApiKey(ApiKey),
    /// Run the built-in gateway without a desktop
    Serve(Serve),
    /// Show or hide the popup of the running app
    Toggle,
    /// Open the popup of the running app, optionally with a session
    Open(Open),
    /// Turn off notifications of the running app for a while
    Dnd(Dnd),
    /// Quit the running app
    Quit,
    /// Check everything that Clawtray needs and print the next steps
    Doctor(Doctor),
    /// Print the completion script for a shell
    Completions {
        /// The shell
        #[arg(value_parser = PossibleValuesParser::new(["bash", "elvish", "fish", "powershell", "zsh"]))]
        shell: String,
    },
    /// Write the man pages into a folder
    Man {
        /// The folder; clawctl creates it if it is missing
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
    /// Stop the run after this many seconds
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
    /// Start a new session
    #[arg(long, short, conflicts_with = "session")]
    pub new: bool,
    /// Attach a file; you can repeat this option
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
    /// The session; the first message creates it
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
    /// Keep running and print a line after every change
    #[arg(long, short)]
    pub watch: bool,
}

/// `sessions`
#[derive(Args, Clone, Debug)]
pub(crate) struct Sessions {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Show at most this many sessions
    #[arg(long, short = 'n', default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Show only sessions of this agent
    #[arg(long, short, value_name = "ID")]
    pub agent: Option<String>,
    /// Show only sessions with this text in the title or key
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Show archived sessions
    #[arg(long)]
    pub archived: bool,
}

/// `history`
#[derive(Args, Clone, Debug)]
pub(crate) struct History {
    /// The session: a key, or a short name such as `main`
    pub key: String,
    /// Show at most this many messages, the newest ones
    #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Show tool calls and their output too
    #[arg(long)]
    pub tools: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `search`
#[derive(Args, Clone, Debug)]
pub(crate) struct Search {
    /// The words to search for
    #[arg(required = true)]
    pub words: Vec<String>,
    /// Show at most this many results
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
    /// List waiting approvals
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Approve once, or from now on
    Approve {
        /// The id of the approval, or the beginning of the id
        id: String,
        /// Approve from now on, if the approval offers this
        #[arg(long)]
        always: bool,
    },
    /// Deny an approval
    Deny {
        /// The id of the approval, or the beginning of the id
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
    /// List waiting questions
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Answer a question: one answer for each part in order, or `NAME=ANSWER` for a named part
    Answer {
        /// The id of the question, or the beginning of the id
        id: String,
        /// The answers
        #[arg(required = true)]
        answers: Vec<String>,
    },
    /// Skip a question
    Skip {
        /// The id of the question, or the beginning of the id
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
    /// List the jobs
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add a job
    Add {
        /// The name of the job
        #[arg(long)]
        name: String,
        /// When to run: five cron fields, for example `0 8 * * *`
        #[arg(long, value_name = "EXPR")]
        cron: String,
        /// The message to the agent
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
    /// Show this many days
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=365))]
    pub days: u32,
}

/// `logs`
#[derive(Args, Clone, Debug)]
pub(crate) struct Logs {
    /// Keep running and print new lines
    #[arg(long, short)]
    pub follow: bool,
    /// Start with this many of the last lines
    #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub lines: u32,
    /// Print the lines as the gateway stores them
    #[arg(long)]
    pub json: bool,
}

/// `watch`
#[derive(Args, Clone, Debug)]
pub(crate) struct Watch {
    /// Print only events of this session
    #[arg(long, short, value_name = "KEY")]
    pub session: Option<String>,
    /// Print only events of this type (`run`, `message`, `sessionChanged`, `approvalRequested`, …); you can repeat this option
    #[arg(long = "type", short = 't', value_name = "TYPE")]
    pub types: Vec<String>,
    /// Stop after this many events
    #[arg(long, short = 'n', value_name = "COUNT")]
    pub limit: Option<u64>,
}

/// `call`
#[derive(Args, Clone, Debug)]
pub(crate) struct Call {
    /// The method, for example `sessions.list`
    pub method: String,
    /// The parameters as JSON; `-` reads standard input
    pub params: Option<String>,
    /// Print the answer on one line
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
    /// Add a gateway; clawctl reads the token from standard input or a prompt and stores it in the keychain
    Add {
        /// The address, for example `ws://127.0.0.1:18789`
        #[arg(value_hint = ValueHint::Url)]
        url: String,
        /// The name; by default the name of the host
        #[arg(long)]
        name: Option<String>,
        /// The gateway needs no token
        #[arg(long)]
        no_token: bool,
        /// Store the gateway without a connection test
        #[arg(long)]
        no_test: bool,
        /// The protocol; `auto` detects it
        #[arg(long, value_name = "NAME", default_value = "auto", value_parser = DIALECTS)]
        dialect: String,
    },
    /// List the gateways
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a gateway the active one
    Use {
        /// The name or id of the gateway
        name: String,
    },
    /// Remove a gateway and its secrets
    Remove {
        /// The name or id of the gateway
        name: String,
    },
    /// Receive webhooks of a gateway with the protocol messages-v1 on this computer
    Webhook {
        /// The name or id of the gateway
        name: String,
        /// The port on 127.0.0.1
        #[arg(long, default_value_t = 18792)]
        port: u16,
        /// Stop receiving webhooks
        #[arg(long)]
        off: bool,
    },
    /// Test the connection to a gateway
    Test {
        /// The name, id or address of the gateway; by default the active gateway
        name: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Request pairing with a gateway and wait for the approval
    Pair {
        /// The name or id of the gateway; by default the active gateway
        name: Option<String>,
        /// Stop waiting after this many seconds
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
    /// Create a key and show it once
    Create {
        /// The purpose of the key
        #[arg(long)]
        label: String,
        /// The workspaces that the key may use
        #[arg(long, value_delimiter = ',', value_name = "A,B")]
        workspaces: Vec<String>,
        /// The permissions, for example `messages:write,messages:read`; by default all
        #[arg(long, value_delimiter = ',', value_name = "A,B")]
        permissions: Vec<String>,
        /// The limit of requests per minute
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
        rate_limit: Option<u32>,
        /// The limit of tokens per day, in and out; by default none
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
        tokens_per_day: Option<u64>,
        /// When the key expires: after a time such as `30d` or `12h`, or at the start of a day such as `2027-01-31`
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the keys without their secrets
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Replace a key with a new key that has the same permissions
    Rotate {
        /// The key's id or label, as `clawctl api-key list` shows them; never the key itself
        #[arg(value_name = "ID")]
        key: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key
    Revoke {
        /// The key's id or label, as `clawctl api-key list` shows them; never the key itself
        #[arg(value_name = "ID")]
        key: String,
    },
}

/// `serve`
#[derive(Args, Clone, Debug)]
pub(crate) struct Serve {
    /// Use the active gateway instead of the built-in agent
    #[arg(long)]
    pub bridge: bool,
    /// Read address, port, token, keys, limits, CORS and webhooks from a file: `openclaw.json`, `.json5` or `.yml`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// The port; by default, or with 0, a free port
    #[arg(long)]
    pub port: Option<u16>,
    /// The address to listen on; by default 127.0.0.1
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
    /// For how long: `30m`, `2h` or `off`; by default one hour
    pub time: Option<String>,
}

/// `doctor`
#[derive(Args, Clone, Debug)]
pub(crate) struct Doctor {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
