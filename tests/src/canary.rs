//! A web server that records its visitors. Addresses that must never be fetched lead here.

use crate::waiting::stage_hands;
use anyhow::Result;
use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::Html;
use axum::routing::get;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

/// The only page it has; being asked for it is not noted.
const PAGE: &str = "/page";

/// A listener on loopback.
#[derive(Debug)]
pub struct Canary {
    addr: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Canary {
    /// Starts one on a free port. It listens until the program ends.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start() -> Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let seen = Arc::new(Mutex::default());
        let noted = Arc::clone(&seen);
        let note = move |uri: Uri| {
            let noted: Arc<Mutex<Vec<String>>> = Arc::clone(&noted);
            async move {
                noted
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(uri.to_string());
                StatusCode::NOT_FOUND
            }
        };
        let routes = Router::new()
            .route(PAGE, get(|| async { Html("<!doctype html><title>page</title>") }))
            .fallback(note);
        stage_hands()?.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            axum::serve(listener, routes).await
        });
        Ok(Self { addr, seen })
    }

    /// Host and port.
    #[must_use]
    pub fn host(&self) -> String {
        self.addr.to_string()
    }

    /// The address of its page.
    #[must_use]
    pub fn page(&self) -> String {
        format!("http://{}{PAGE}", self.addr)
    }

    /// What was asked for so far, without the page.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
