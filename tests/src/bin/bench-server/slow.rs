//! Readers that never read. The server must cut them off and must not buffer without end.

use crate::servers::Server;
use anyhow::{Context, Result};
use serde_json::json;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

const READERS: usize = 20;
/// What each of them asks for: far more than the system's own buffers take.
const BYTES: usize = 12_000_000;
const PIECES: usize = 12_000;
/// The server gives a reader half a minute; whoever is there after this is not cut off.
const LIMIT: Duration = Duration::from_secs(120);

/// What became of them.
pub(crate) struct Slow {
    pub(crate) readers: usize,
    pub(crate) cut: usize,
    pub(crate) open: usize,
    pub(crate) before_mib: f64,
    pub(crate) peak_mib: f64,
    pub(crate) seconds: f64,
}

impl Slow {
    /// Whether memory grew by less than the replies alone would take, were they kept for the readers.
    pub(crate) fn is_bounded(&self) -> bool {
        self.peak_mib - self.before_mib < (READERS * BYTES) as f64 / 1_048_576.0
    }
}

/// Asks, reads nothing, and waits to be cut off.
pub(crate) async fn readers(server: &Server) -> Result<Slow> {
    server.forget_peak()?;
    let (before_mib, began) = (server.memory_mib()?, Instant::now());
    let address: SocketAddr = server.at.base.trim_start_matches("http://").parse()?;
    let mut sockets = Vec::new();
    for number in 0..READERS {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4_096)?;
        let mut socket = socket.connect(address).await?;
        let prompt = format!("[[bytes:{BYTES}]][[n:{PIECES}]][[d:0]] {number}");
        let body =
            json!({"model": "openclaw", "stream": true, "messages": [{"role": "user", "content": prompt}]});
        let body = body.to_string();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
            server.at.token,
            body.len()
        );
        socket.write_all((head + &body).as_bytes()).await?;
        sockets.push(socket);
    }
    // A socket that was cut off fails when it is written to; nothing is read until then.
    let (mut waiting, mut cut) = (sockets, 0);
    while !waiting.is_empty() && began.elapsed() < LIMIT {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut still = Vec::new();
        for mut socket in waiting {
            match socket.write_all(b"x").await {
                Ok(()) => still.push(socket),
                Err(_) => cut += 1,
            }
        }
        waiting = still;
    }
    let (peak_mib, seconds) = (server.cost()?.peak_mib, began.elapsed().as_secs_f64());
    let mut open = 0;
    for mut socket in waiting {
        // Whoever is left: was the whole reply kept for them?
        let mut rest = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut rest)).await;
        let whole = String::from_utf8_lossy(&rest).contains("[DONE]");
        if whole || read.is_err() {
            open += 1;
        } else {
            cut += 1;
        }
    }
    server.memory_mib().context("the server is gone")?;
    Ok(Slow {
        readers: READERS,
        cut,
        open,
        before_mib,
        peak_mib,
        seconds,
    })
}
