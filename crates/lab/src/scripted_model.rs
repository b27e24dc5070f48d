//! A scripted model: directives in the prompt control its answers.
//!
//! It is an OpenAI-compatible chat-completions server on loopback. It reads the directives in the
//! last message of the user. If a kind appears twice, the last one counts.
//!
//! | directive | what the model does |
//! |---|---|
//! | `[[say:TEXT]]` | answers with exactly TEXT |
//! | `[[text:NAME]]` | answers with the text that [`ScriptedModel::teach`] gave this name |
//! | `[[md]]` | answers with [`MARKDOWN`] |
//! | `[[bytes:60000]]` | answers with so many bytes |
//! | `[[n:40]]` | splits the answer into so many chunks (default 12) |
//! | `[[d:50]]` | waits so many milliseconds before each chunk (default 5) |
//! | `[[think]]` | reasons first |
//! | `[[tool:exec {"command":"echo x"}]]` | calls a tool (or several in order), then answers |
//! | `[[hold:NAME]]` | stops halfway until [`ScriptedModel::release`] is called with NAME |
//! | `[[err:500]]` | fails with this HTTP status |
//! | `[[hang]]` | never answers |
//! | `[[cut]]` | drops the connection halfway |
//!
//! Three facts about the gateway matter here:
//!
//! - It retries 429, 500 and cut streams eight or nine times with a back-off. 400 fails at once.
//! - After a 401 it does not use the provider's key for about a minute. Use the second provider for
//!   that.
//! - It appends its own message after the user's. This server skips it.

mod directives;
mod request;
mod stream;
#[cfg(test)]
mod tests;

pub use directives::MARKDOWN;
pub use stream::Ending;

use crate::{Context, Result};
use directives::Directives;
use request::{Prompt, Request};
use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use stream::Answer;

/// A running scripted model. Dropping it closes every connection.
#[derive(Debug)]
pub struct ScriptedModel {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

/// A chat completion that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRequest {
    /// The path it came to; tells the providers apart.
    pub path: String,
    /// The model asked for.
    pub model: String,
    /// The last message of the user, as the gateway passed it on.
    pub user_text: String,
    /// All messages of the request.
    pub message_count: usize,
    /// The tools offered.
    pub tools: Vec<String>,
    /// How it ended; `None` while it goes on.
    pub ending: Option<Ending>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    stopped: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    seen: Vec<SeenRequest>,
    released: HashSet<String>,
    taught: HashMap<String, String>,
}

impl ScriptedModel {
    /// Starts one on a free loopback port.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .context("cannot open a port for the scripted model")?;
        let addr = listener
            .local_addr()
            .context("the scripted model has no address")?;
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.stopped() {
                    return;
                }
                let serving = Arc::clone(&accepting);
                // A broken connection is the peer's doing and ends with its thread.
                thread::spawn(move || serve(stream, &serving));
            }
        });
        Ok(Self { addr, shared })
    }

    /// What an OpenAI-compatible client takes as its base URL.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// All requests so far, oldest first.
    #[must_use]
    pub fn seen(&self) -> Vec<SeenRequest> {
        self.shared.lock().seen.clone()
    }

    /// Lets every answer go on that is or will be held under `name`.
    pub fn release(&self, name: &str) {
        self.shared.lock().released.insert(name.to_owned());
        self.shared.changed.notify_all();
    }

    /// Gives a text a name, for answers that a prompt cannot hold.
    pub fn teach(&self, name: &str, text: &str) {
        self.shared.lock().taught.insert(name.to_owned(), text.to_owned());
    }

    /// Waits until a request matches, at most `limit`. Looks at those already seen too, and again whenever one ends.
    #[must_use]
    pub fn wait_for(&self, limit: Duration, matches: impl Fn(&SeenRequest) -> bool) -> Option<SeenRequest> {
        let end = Instant::now() + limit;
        let mut state = self.shared.lock();
        loop {
            if let Some(found) = state.seen.iter().find(|seen| matches(seen)) {
                return Some(found.clone());
            }
            let left = end.checked_duration_since(Instant::now())?;
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.shared.changed.notify_all();
        // Wakes `accept`, which then sees the flag.
        let _ = TcpStream::connect_timeout(&self.addr, Duration::from_secs(1));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn note(&self, path: &str, prompt: &Prompt) -> usize {
        let mut state = self.lock();
        state.seen.push(SeenRequest {
            path: path.to_owned(),
            model: prompt.model.clone(),
            user_text: prompt.user_text.clone(),
            message_count: prompt.message_count,
            tools: prompt.tools.clone(),
            ending: None,
        });
        self.changed.notify_all();
        state.seen.len() - 1
    }

    fn note_ending(&self, index: usize, ending: Ending) {
        if let Some(seen) = self.lock().seen.get_mut(index) {
            seen.ending = Some(ending);
        }
        self.changed.notify_all();
    }

    /// Waits until `name` is released; `false` when the peer or the server went first.
    fn wait_for_release(&self, name: &str, peer: &TcpStream) -> bool {
        let mut state = self.lock();
        while !state.released.contains(name) {
            if self.stopped() || stream::is_gone(peer) {
                return false;
            }
            let wait = self.changed.wait_timeout(state, Duration::from_millis(50));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

fn serve(stream: TcpStream, shared: &Shared) {
    // A chunk goes out when it is due, not with the next one.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let Some(request) = Request::read(&stream) else {
        return;
    };
    let (method, path) = (request.method.as_str(), request.path.as_str());
    if method == "GET" && path.ends_with("/models") {
        let model = serde_json::json!({ "id": "scripted", "object": "model", "owned_by": "lab" });
        stream::plain(
            &stream,
            200,
            &serde_json::json!({ "object": "list", "data": [model] }),
        );
        return;
    }
    if method != "POST" || !path.ends_with("/chat/completions") {
        stream::plain(
            &stream,
            404,
            &serde_json::json!({ "error": { "message": "no such route" } }),
        );
        return;
    }
    let Some(prompt) = Prompt::parse(&request.body) else {
        stream::plain(
            &stream,
            400,
            &serde_json::json!({ "error": { "message": "not a chat completion" } }),
        );
        return;
    };
    let index = shared.note(path, &prompt);
    let mut directives = Directives::parse(&prompt.user_text);
    if let Some(name) = &directives.taught {
        directives.reply = shared.lock().taught.get(name).cloned().unwrap_or_default();
    }
    let ending = Answer {
        number: index + 1,
        prompt: &prompt,
        directives: &directives,
        stream: &stream,
        shared,
    }
    .give();
    shared.note_ending(index, ending);
}
