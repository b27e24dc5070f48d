//! The demo agent. It answers without a model, says that it is a demonstration, and serves a first
//! look and tests.

use super::{AgentError, Ending, Step, Turn, estimate_tokens, tools};
use serde_json::json;
use std::time::Duration;
use tokio::sync::mpsc;

/// The built-in demo agent.
#[derive(Clone, Debug)]
pub(crate) struct Demo {
    word_delay: Duration,
}

const OPENINGS: [&str; 4] = [
    "You asked:",
    "Here is what reached me:",
    "Your message arrived, word by word:",
    "I read this from your popup:",
];

const TIPS: [&str; 6] = [
    "press the hotkey again to hide the popup; the reply continues, and a notification tells you when it is done",
    "open the session browser to read, rename or reset your sessions",
    "the tray icon shows whether the gateway is connected, is working or needs you",
    "connect a real OpenClaw gateway in Settings; this one is the built-in demo",
    "set `CLAWTRAY_MODEL_URL` to an OpenAI-compatible server to get replies from a real model",
    "approvals appear in the popup, with the command and its directory",
];

impl Demo {
    pub(crate) fn new(word_delay: Duration) -> Self {
        Self { word_delay }
    }

    pub(crate) async fn answer(&self, turn: &Turn, out: &mpsc::Sender<Step>) -> Result<Ending, AgentError> {
        let wishes = Wishes::of(&turn.prompt);
        let mut said = String::new();
        if wishes.fail {
            return Err(AgentError {
                message: "The demo agent failed, because you asked for a failure.".into(),
                reason: "demo",
            });
        }
        if wishes.think || turn.thinking.as_deref().is_some_and(|t| t != "off") {
            let thought = "The user wants to see reasoning. I will say what I do, then answer.";
            self.speak(thought, out, Step::Thinking).await;
        }
        if wishes.tool {
            let (name, input) = ("current_time", json!({ "tz": "UTC" }));
            let id = format!("call_{}", uuid::Uuid::new_v4().simple());
            let start = Step::ToolStart {
                id: id.clone(),
                name: name.into(),
                input: input.clone(),
            };
            let _ = out.send(start).await;
            let (output, is_error) = tools::call(name, &input);
            let text = format!("I called the tool `{name}`; it says **{output}**.\n\n");
            let _ = out
                .send(Step::ToolResult {
                    id,
                    name: name.into(),
                    output,
                    is_error,
                })
                .await;
            self.speak(&text, out, Step::Text).await;
            said.push_str(&text);
        }
        let text = wishes.text(turn);
        self.speak(&text, out, Step::Text).await;
        said.push_str(&text);
        let heard: u64 = turn.history.iter().map(|l| estimate_tokens(&l.text)).sum();
        Ok(Ending {
            stop_reason: "stop".into(),
            model: "demo".into(),
            input_tokens: heard + estimate_tokens(&turn.prompt),
            output_tokens: estimate_tokens(&said),
        })
    }

    async fn speak(&self, text: &str, out: &mpsc::Sender<Step>, wrap: fn(String) -> Step) {
        for word in text.split_inclusive([' ', '\n']) {
            if out.send(wrap(word.to_owned())).await.is_err() {
                return;
            }
            if !self.word_delay.is_zero() {
                tokio::time::sleep(self.word_delay).await;
            }
        }
    }
}

/// What the prompt asks to be shown.
#[derive(Debug, Default)]
struct Wishes {
    code: bool,
    list: bool,
    table: bool,
    tool: bool,
    think: bool,
    fail: bool,
    long: bool,
}

impl Wishes {
    fn of(prompt: &str) -> Self {
        let lower = prompt.to_lowercase();
        let has = |words: &[&str]| {
            lower
                .split(|c: char| !c.is_alphanumeric())
                .any(|w| words.contains(&w))
        };
        Self {
            code: has(&["code", "snippet", "script", "rust", "python", "function"]),
            list: has(&["list", "bullets", "steps", "todo"]),
            table: has(&["table"]),
            tool: has(&["tool", "tools", "time", "clock"]),
            think: has(&["think", "thinking", "reason", "reasoning"]),
            fail: lower.contains("please fail"),
            long: has(&["long", "essay", "story"]),
        }
    }

    fn text(&self, turn: &Turn) -> String {
        let prompt = turn.prompt.trim();
        // Varied by the prompt and by how far the conversation is, and the same each time for both.
        let pick = prompt.bytes().fold(turn.history.len(), |n, b| {
            n.wrapping_mul(31).wrapping_add(usize::from(b))
        });
        let choose = |from: &[&'static str], salt: usize| -> &'static str {
            from.get(pick.wrapping_add(salt) % from.len().max(1))
                .copied()
                .unwrap_or_default()
        };
        let quoted: String = prompt.lines().map(|l| format!("> {l}\n")).collect();
        let mut out = format!("{}\n\n{quoted}\n", choose(&OPENINGS, 0));
        if !turn.images.is_empty() {
            out.push_str(&format!("You attached {} image(s). ", turn.images.len()));
        }
        out.push_str("I am the **demo agent** inside Clawtray. No model was asked. ");
        out.push_str(&format!("A tip: {}.\n", choose(&TIPS, 1)));
        if self.code {
            out.push_str(
                "\nA code block, as you wished:\n\n```rust\nfn main() {\n    println!(\"Hello from the tray\");\n}\n```\n",
            );
        }
        if self.list {
            out.push_str("\nA list, as you wished:\n\n");
            for salt in 0..3 {
                out.push_str(&format!("{}. {}\n", salt + 1, choose(&TIPS, salt + 2)));
            }
        }
        if self.table {
            out.push_str("\n| key | what it does |\n|---|---|\n| `Enter` | sends |\n| `Shift+Enter` | breaks the line |\n| `Esc` | hides the popup |\n");
        }
        if self.long {
            for n in 1..=24usize {
                out.push_str(&format!("\nParagraph {n}. Once more: {}.\n", choose(&TIPS, n)));
            }
        }
        if !(self.code || self.list || self.table || self.tool || self.long) {
            out.push_str("\nAsk me for `code`, a `list`, a `table`, a `tool` call or a `long` answer to see how each looks.\n");
        }
        out.truncate(out.trim_end().len());
        out
    }
}
