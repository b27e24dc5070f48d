//! The socket of dialect D3, `/ws?token=`. Each prompt gets its own socket, so every frame on it
//! belongs to that prompt.

use super::d3;
use super::read;
use super::run::Reply;
use super::spec::{Piece, Place};
use crate::dial::{Dialer as _, Network, Transport};
use crate::driver::MAX_INCOMING;
use crate::endpoint::Endpoint;
use crate::{CallError, Prompt, SendAck};
use clawtray_gateway_protocol::Role;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Time for the socket to open.
const OPEN_LIMIT: Duration = Duration::from_secs(15);
/// The write-up names no last frame: after this much silence the transcript is asked whether the reply is whole.
const SILENCE: Duration = Duration::from_secs(3);
/// Silence after which text counts as the whole reply, whatever the transcript says.
const LONG_SILENCE: Duration = Duration::from_secs(60);

type Socket = WebSocketStream<Box<dyn Transport>>;

/// What became of a prompt.
pub(crate) enum Sent {
    Ack(SendAck),
    /// The gateway has no such socket; nothing was sent.
    NoSocket(Box<Reply>),
}

/// Sends a prompt and follows its reply.
pub(crate) async fn send(
    place: &Place,
    prompt: &Prompt,
    mut reply: Reply,
    limit: Duration,
) -> Result<Sent, CallError> {
    let until = Instant::now() + limit;
    let mut socket = match timeout(OPEN_LIMIT, open(&reply)).await {
        Ok(Ok(Some(socket))) => socket,
        Ok(Ok(None)) => return Ok(Sent::NoSocket(Box::new(reply))),
        Ok(Err(error)) => return Err(error),
        Err(_) => return Err(CallError::Disconnected { written: false }),
    };
    let name = place.name().to_owned();
    let frame = json!({"type": "message", "session": name, "content": prompt.text});
    let lost = CallError::Disconnected { written: true };
    socket
        .send(Message::text(frame.to_string()))
        .await
        .map_err(|_| lost.clone())?;
    // The first frame says that the gateway took it.
    let first = match timeout_at(until, next(&mut socket, &name)).await {
        Ok(Some(pieces)) => pieces,
        Ok(None) => return Err(lost),
        Err(_) => return Err(CallError::Timeout(limit)),
    };
    let ack = reply.ack("started", None);
    let mut closed = reply.inner().closed.subscribe();
    let place = place.clone();
    tokio::spawn(async move {
        let following = follow(&mut socket, &name, &place, &mut reply, first, until);
        let ended = tokio::select! {
            ended = following => ended,
            _ = closed.wait_for(|closed| *closed) => return,
        };
        if let Err(sentence) = ended {
            reply.fail(sentence.to_owned());
        }
        let _ = timeout(Duration::from_secs(1), socket.close(None)).await;
    });
    Ok(Sent::Ack(ack))
}

/// Opens the socket; none where the gateway has none.
async fn open(reply: &Reply) -> Result<Option<Socket>, CallError> {
    let inner = reply.inner();
    let unsent = CallError::Disconnected { written: false };
    let endpoint =
        Endpoint::parse(&inner.config.url, inner.config.allow_insecure).map_err(|_| unsent.clone())?;
    let mut url = endpoint.url().clone();
    url.set_path(&format!("{}/ws", url.path().trim_end_matches('/')));
    if let Some(token) = inner.wire.token() {
        // The one place where a token goes into an address: this dialect knows no other. It is never logged.
        url.query_pairs_mut().append_pair("token", token.expose());
    }
    let network = Network::new(&inner.config);
    let transport = network.dial(&endpoint).await.map_err(|_| {
        inner.worry.notify_one();
        unsent.clone()
    })?;
    let request = url.as_str().into_client_request().map_err(|_| unsent.clone())?;
    let limits = WebSocketConfig::default()
        .max_frame_size(Some(MAX_INCOMING))
        .max_message_size(Some(MAX_INCOMING));
    match client_async_with_config(request, transport, Some(limits)).await {
        Ok((socket, _)) => Ok(Some(socket)),
        Err(WsError::Http(response)) if matches!(response.status().as_u16(), 401 | 429 | 503) => {
            // The whole reply over HTTP says the same, with its headers.
            Ok(None)
        }
        Err(WsError::Http(_) | WsError::Protocol(_)) => Ok(None),
        Err(_) => Err(unsent),
    }
}

/// The pieces of the next frame of a session; nothing when the socket is closed.
async fn next(socket: &mut Socket, session: &str) -> Option<Vec<Piece>> {
    loop {
        match socket.next().await? {
            Ok(Message::Text(text)) => {
                let Ok(frame) = serde_json::from_str::<Value>(&text) else {
                    return Some(vec![Piece::Text(text.to_string())]);
                };
                let other = read::text(&frame, &["session"]).is_some_and(|of| of != session);
                if !other {
                    return Some((d3::SPEC.piece)(&frame));
                }
            }
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
        }
    }
}

async fn follow(
    socket: &mut Socket,
    session: &str,
    place: &Place,
    reply: &mut Reply,
    first: Vec<Piece>,
    until: Instant,
) -> Result<(), &'static str> {
    let mut pieces = first;
    let mut heard = Instant::now();
    loop {
        for piece in pieces {
            if reply.piece(piece) {
                return Ok(());
            }
        }
        pieces = loop {
            if Instant::now() >= until {
                return Err("The reply took too long.");
            }
            match timeout_at(until.min(Instant::now() + SILENCE), next(socket, session)).await {
                Ok(Some(pieces)) => {
                    heard = Instant::now();
                    break pieces;
                }
                Ok(None) if is_whole(place, reply).await => {
                    reply.end(None);
                    return Ok(());
                }
                Ok(None) => return Err("The connection was lost before the reply was complete."),
                Err(_) if reply.text.is_empty() => {}
                Err(_) => {
                    if heard.elapsed() >= LONG_SILENCE || is_whole(place, reply).await {
                        reply.end(None);
                        return Ok(());
                    }
                }
            }
        };
    }
}

/// Whether the transcript ends with what came.
async fn is_whole(place: &Place, reply: &Reply) -> bool {
    if reply.text.trim().is_empty() {
        return false;
    }
    let Ok((messages, _)) = reply.inner().messages(place, 1, 0).await else {
        return false;
    };
    messages
        .last()
        .is_some_and(|last| last.role == Role::Assistant && last.text().trim() == reply.text.trim())
}
