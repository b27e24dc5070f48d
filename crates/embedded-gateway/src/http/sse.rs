//! Turns the steps of a run into server-sent events.

use crate::runs::Progress;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::mpsc;

/// A comment goes out after this long without an event, so that proxies keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Turns steps into `data:` lines of one dialect.
pub(crate) trait Dialect: Send + 'static {
    /// What goes out before the first step.
    fn opening(&mut self) -> Vec<String>;
    /// What goes out for a step. After a step that ends the run the stream closes.
    fn step(&mut self, step: Progress) -> Vec<String>;
    /// What goes out when the stream breaks off: the reader was too slow, or the gateway stops.
    fn broken(&mut self) -> Vec<String>;
}

struct State<D> {
    dialect: D,
    steps: mpsc::Receiver<Progress>,
    ready: VecDeque<String>,
    over: bool,
}

/// The response that streams a run.
pub(crate) fn respond<D: Dialect>(mut dialect: D, steps: mpsc::Receiver<Progress>) -> Response {
    let ready = dialect.opening().into();
    let state = State {
        dialect,
        steps,
        ready,
        over: false,
    };
    let body = stream::unfold(state, |mut state| async move {
        let chunk = next(&mut state).await?;
        Some((Ok::<_, Infallible>(chunk), state))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

async fn next<D: Dialect>(state: &mut State<D>) -> Option<Bytes> {
    loop {
        if !state.ready.is_empty() {
            let mut out = String::new();
            for data in state.ready.drain(..) {
                out.push_str("data: ");
                out.push_str(&data);
                out.push_str("\n\n");
            }
            return Some(out.into());
        }
        if state.over {
            return None;
        }
        match tokio::time::timeout(KEEP_ALIVE, state.steps.recv()).await {
            Err(_) => return Some(Bytes::from_static(b": keep-alive\n\n")),
            Ok(Some(step)) => {
                state.over = matches!(
                    step,
                    Progress::Done(_) | Progress::Failed(_) | Progress::Aborted(_)
                );
                state.ready.extend(state.dialect.step(step));
            }
            Ok(None) => {
                state.over = true;
                state.ready.extend(state.dialect.broken());
            }
        }
    }
}
