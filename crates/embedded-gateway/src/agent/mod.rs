//! The agent behind the gateway: the built-in demo, or a model server that speaks the OpenAI
//! protocol.

pub(crate) mod demo;
pub(crate) mod openai;
pub(crate) mod tools;

use serde_json::Value;
use std::fmt;
use std::time::Duration;
use tokio::sync::mpsc;

/// Which agent answers.
#[derive(Clone, Debug)]
pub enum AgentBackend {
    /// Answers of our own that need no model: they show what Clawtray can do.
    Demo {
        /// Time between two words.
        word_delay: Duration,
    },
    /// A model server that speaks the OpenAI protocol, for instance a local Ollama.
    OpenAi(ModelServer),
}

impl Default for AgentBackend {
    fn default() -> Self {
        Self::Demo {
            word_delay: Duration::from_millis(25),
        }
    }
}

/// A model server that speaks the OpenAI protocol.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelServer {
    /// The base address, with or without `/v1`.
    pub url: String,
    /// The model's name; the server's first model when absent.
    pub model: Option<String>,
    /// The key, where the server wants one.
    pub key: Option<String>,
}

impl fmt::Debug for ModelServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelServer")
            .field("model", &self.model)
            .field("key", &self.key.is_some())
            .finish()
    }
}

impl AgentBackend {
    /// What `CLAWTRAY_MODEL_URL`, `CLAWTRAY_MODEL_NAME` and `CLAWTRAY_MODEL_KEY` name; the demo without the first.
    /// `lookup` is `|name| std::env::var(name).ok()` in a program.
    #[must_use]
    pub fn from_env(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let read = |name: &str| {
            lookup(name)
                .map(|v| v.trim().to_owned())
                .filter(|v| !v.is_empty())
        };
        match read("CLAWTRAY_MODEL_URL") {
            Some(url) => Self::OpenAi(ModelServer {
                url,
                model: read("CLAWTRAY_MODEL_NAME"),
                key: read("CLAWTRAY_MODEL_KEY"),
            }),
            None => Self::default(),
        }
    }
}

/// One line of a conversation, as the agent sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Line {
    /// `system`, `user`, `assistant`.
    pub(crate) role: String,
    pub(crate) text: String,
    /// `data:` URLs.
    pub(crate) images: Vec<String>,
}

/// What an agent is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Turn {
    pub(crate) session: String,
    /// What was said before, oldest first.
    pub(crate) history: Vec<Line>,
    pub(crate) prompt: String,
    /// Images that go with the prompt, as `data:` URLs.
    pub(crate) images: Vec<String>,
    pub(crate) model: Option<String>,
    pub(crate) thinking: Option<String>,
    /// The most tokens that the answer may have.
    pub(crate) max_tokens: Option<u32>,
}

/// What an agent does on the way to its answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Text(String),
    Thinking(String),
    ToolStart {
        id: String,
        name: String,
        input: Value,
    },
    ToolResult {
        id: String,
        name: String,
        output: String,
        is_error: bool,
    },
}

/// How an answer ended well.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ending {
    pub(crate) stop_reason: String,
    pub(crate) model: String,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
}

/// Why an answer failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct AgentError {
    pub(crate) message: String,
    /// A word for the class of failure, as in `errorDetail.failoverReason`.
    pub(crate) reason: &'static str,
}

/// The agent, ready to answer.
#[derive(Clone, Debug)]
pub(crate) enum Agent {
    Demo(demo::Demo),
    OpenAi(openai::OpenAi),
    /// Panics when it is asked.
    #[cfg(test)]
    Broken,
}

impl Agent {
    pub(crate) fn new(backend: AgentBackend) -> Result<Self, String> {
        Ok(match backend {
            AgentBackend::Demo { word_delay } => Self::Demo(demo::Demo::new(word_delay)),
            AgentBackend::OpenAi(server) => Self::OpenAi(openai::OpenAi::new(server)?),
        })
    }

    pub(crate) fn provider(&self) -> &'static str {
        match self {
            Self::Demo(_) => "clawtray",
            Self::OpenAi(_) => "openai",
            #[cfg(test)]
            Self::Broken => "broken",
        }
    }

    pub(crate) fn model(&self) -> String {
        match self {
            Self::Demo(_) => "demo".into(),
            Self::OpenAi(agent) => agent.model_name(),
            #[cfg(test)]
            Self::Broken => "broken".into(),
        }
    }

    /// Answers; steps go to `out` as they come. Dropping the future stops the agent.
    pub(crate) async fn answer(&self, turn: &Turn, out: &mpsc::Sender<Step>) -> Result<Ending, AgentError> {
        match self {
            Self::Demo(agent) => agent.answer(turn, out).await,
            Self::OpenAi(agent) => agent.answer(turn, out).await,
            #[cfg(test)]
            Self::Broken => panic!("an agent with a fault"),
        }
    }
}

/// The most tokens that one figure of a model server or a gateway counts for: sums of such figures do not overflow.
const TOKENS_MAX: u64 = u32::MAX as u64;

/// A count of tokens that somebody else names.
pub(crate) fn foreign_tokens(value: Option<&Value>) -> u64 {
    value.and_then(Value::as_u64).unwrap_or(0).min(TOKENS_MAX)
}

/// Tokens of a text by the usual rule of thumb, where no model counted them.
pub(crate) fn estimate_tokens(text: &str) -> u64 {
    (text.chars().count() as u64).div_ceil(4)
}
