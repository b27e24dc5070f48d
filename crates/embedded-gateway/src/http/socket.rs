//! The socket of D3, `/ws?token=`. Without a token in its query, the path speaks the native
//! protocol.

use super::Http;
use super::auth::Caller;
use super::body::query_value;
use super::error::Refused;
use super::sessions::{key_of, may_write};
use super::turn::{Prompt, begin};
use crate::agent::Step;
use crate::keys::Permission;
use crate::runs::Progress;
use crate::server::upgrade::{Socket, upgrade as accept};
use crate::time::now_ms;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

const FRAME_MAX: usize = 1024 * 1024;
const WRITE_LIMIT: Duration = Duration::from_secs(30);
/// Frames that wait for a reader before it is cut off.
const OUTBOX: usize = 512;
/// Prompts of one socket that may be under way at once.
const RUNS_MAX: usize = 16;

/// `GET /ws`.
pub(crate) async fn upgrade(State(http): State<Arc<Http>>, caller: Caller, request: Request) -> Response {
    if query_value(request.uri(), "token").is_none() {
        return match http.native.clone() {
            Some(native) => native(request),
            None => {
                Refused::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", super::NO_NATIVE).into_response()
            }
        };
    }
    let allowed = caller
        .need(Permission::MessagesWrite)
        .and_then(|()| caller.need_default());
    if let Err(refused) = allowed {
        return refused.into_response();
    }
    match accept(request, FRAME_MAX, None) {
        Some((answer, socket)) => {
            tokio::spawn(async move {
                if let Some(socket) = socket.await {
                    serve(http, caller, socket).await;
                }
            });
            answer
        }
        None => Refused::new(
            StatusCode::UPGRADE_REQUIRED,
            "upgrade_required",
            "this path is a WebSocket",
        )
        .into_response(),
    }
}

async fn serve(http: Arc<Http>, caller: Caller, socket: Socket) {
    let (out, mut input) = socket.split();
    let (tx, rx) = mpsc::channel::<Value>(OUTBOX);
    let mut writer = tokio::spawn(write(out, rx));
    let slots = Arc::new(tokio::sync::Semaphore::new(RUNS_MAX));
    let mut leaving = http.leaving.clone();
    loop {
        let message = tokio::select! {
            message = input.next() => message,
            _ = &mut writer => return,
            _ = crate::ws::gone(&mut leaving) => break,
        };
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                continue;
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => break,
        };
        let standing = http.limits.count(&caller, now_ms());
        if standing.exceeded {
            refuse(&tx, "", "too many messages a minute").await;
            continue;
        }
        let frame: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let field = |name: &str| frame.get(name).and_then(Value::as_str);
        let (Some("message"), Some(content)) = (field("type"), field("content").filter(|c| !c.is_empty()))
        else {
            refuse(
                &tx,
                "",
                "a frame looks like {\"type\":\"message\",\"session\":\"main\",\"content\":\"Hello!\"}",
            )
            .await;
            continue;
        };
        let session = field("session").unwrap_or("main").to_owned();
        let Ok(slot) = slots.clone().try_acquire_owned() else {
            refuse(&tx, &session, "too many prompts are under way on this socket").await;
            continue;
        };
        match start(&http, &caller, &session, content).await {
            Ok(steps) => {
                let tx = tx.clone();
                tokio::spawn(async move {
                    relay(&tx, &session, steps).await;
                    drop(slot);
                });
            }
            Err(refused) => refuse(&tx, &session, &refused.message).await,
        }
    }
    drop(tx);
    // What runs still have to say is said, as far as the socket lives.
    let _ = timeout(WRITE_LIMIT, writer).await;
}

async fn start(
    http: &Arc<Http>,
    caller: &Caller,
    session: &str,
    content: &str,
) -> Result<mpsc::Receiver<Progress>, Refused> {
    let key = key_of(http, session)
        .await?
        .ok_or_else(|| Refused::not_found("there is no such session"))?;
    may_write(http, caller, &key)?;
    Ok(begin(http, caller, Prompt::plain(key, content)).await?.steps)
}

async fn refuse(tx: &mpsc::Sender<Value>, session: &str, message: &str) {
    let frame = json!({"type": "error", "session": session, "error": message, "content": "", "done": true});
    let _ = tx.send(frame).await;
}

/// The pieces of a reply; the last frame has `done` and an empty `content`.
async fn relay(tx: &mpsc::Sender<Value>, session: &str, mut steps: mpsc::Receiver<Progress>) {
    while let Some(step) = steps.recv().await {
        let frame = match step {
            Progress::Step(Step::Text(text)) => {
                json!({"type": "message", "session": session, "content": text, "done": false})
            }
            Progress::Done(_) => json!({"type": "message", "session": session, "content": "", "done": true}),
            Progress::Failed(message) => return refuse(tx, session, &message).await,
            Progress::Aborted(_) => {
                return refuse(tx, session, "the run was stopped before it was done").await;
            }
            Progress::Step(Step::Thinking(_) | Step::ToolStart { .. } | Step::ToolResult { .. }) => continue,
        };
        if tx.send_timeout(frame, WRITE_LIMIT).await.is_err() {
            return;
        }
    }
}

async fn write(mut out: SplitSink<Socket, Message>, mut rx: mpsc::Receiver<Value>) {
    while let Some(frame) = rx.recv().await {
        let sent = timeout(WRITE_LIMIT, out.send(Message::Text(frame.to_string().into()))).await;
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
    let _ = timeout(Duration::from_secs(1), out.close()).await;
}
