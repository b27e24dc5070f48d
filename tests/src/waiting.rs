//! Waits for an event, with a time limit.

use anyhow::{Result, anyhow};
use std::future::Future;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

/// Long enough for anything that does not depend on a model, on a machine that is busy with something else.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Where the stand-ins live: they have to answer while a test waits for a window, whatever runtime the test has.
///
/// # Errors
/// The system gives out no threads.
pub fn stage_hands() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let start = || {
        Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("stage-hands")
            .enable_all()
            .build()
    };
    RUNTIME
        .get_or_init(start)
        .as_ref()
        .map_err(|error| anyhow!("no runtime for the stand-ins: {error}"))
}

/// Waits until the watched value has what `find` looks for.
///
/// # Errors
/// It did not come within [`PATIENCE`]; `describe` says what was there instead.
pub async fn watched<T, R>(
    what: &str,
    values: &watch::Sender<T>,
    mut find: impl FnMut(&T) -> Option<R>,
    describe: impl FnOnce(&T) -> String,
) -> Result<R> {
    let mut receiver = values.subscribe();
    let mut found = None;
    let wait = receiver.wait_for(|value| {
        found = find(value);
        found.is_some()
    });
    let in_time = tokio::time::timeout(PATIENCE, wait).await.is_ok();
    match found {
        Some(found) if in_time => Ok(found),
        Some(_) | None => Err(anyhow!(
            "{what}: not within {PATIENCE:?}; instead: {}",
            describe(&values.borrow())
        )),
    }
}

/// Asks again and again, for state that announces itself nowhere.
///
/// # Errors
/// It did not come within [`PATIENCE`], or asking failed; the last answer is in the message.
pub async fn asked<R, F: Future<Output = Result<Asked<R>>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> Result<R> {
    let end = Instant::now() + PATIENCE;
    loop {
        match ask().await? {
            Asked::There(found) => return Ok(found),
            Asked::NotYet(instead) if Instant::now() >= end => {
                return Err(anyhow!("{what}: not within {PATIENCE:?}; instead: {instead}"));
            }
            Asked::NotYet(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// One answer to a question that is asked until it is answered.
#[derive(Debug)]
pub enum Asked<R> {
    /// This is it.
    There(R),
    /// Not yet; what was seen instead.
    NotYet(String),
}
