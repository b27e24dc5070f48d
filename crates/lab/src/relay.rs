//! A relay between a client and a server. It counts connections and can cut them.

use crate::{Context, Result};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Passes TCP connections on to another loopback port, and counts them.
#[derive(Debug)]
pub struct Relay {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    count: AtomicUsize,
    refusing: AtomicBool,
    stopped: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Relay {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start(target_port: u16) -> Result<Self> {
        Self::begin(target_port, None)
    }

    /// Starts one that puts a header line into the first request of each connection, as a proxy does.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start_with_header(target_port: u16, line: &str) -> Result<Self> {
        Self::begin(target_port, Some(format!("{line}\r\n")))
    }

    fn begin(target_port: u16, header: Option<String>) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot open a port for a relay")?;
        let addr = listener.local_addr().context("the relay has no address")?;
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                accepting.count.fetch_add(1, Ordering::SeqCst);
                if accepting.refusing.load(Ordering::SeqCst) {
                    continue;
                }
                // A target that is not there looks to the client like one that hangs up.
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target_port)) {
                    let _ = accepting.join(&client, &server, header.as_deref());
                }
            }
        });
        Ok(Self { addr, shared })
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// Connections that were opened to it, all in all.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.count.load(Ordering::SeqCst)
    }

    /// Cuts every connection; new ones are passed on.
    pub fn cut(&self) {
        for stream in self
            .shared
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
        {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Cuts every connection and hangs up on new ones, or passes them on again.
    pub fn refuse(&self, refuse: bool) {
        self.shared.refusing.store(refuse, Ordering::SeqCst);
        if refuse {
            self.cut();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.cut();
        let _ = TcpStream::connect_timeout(&self.addr, Duration::from_secs(1));
    }
}

impl Shared {
    fn join(&self, client: &TcpStream, server: &TcpStream, header: Option<&str>) -> io::Result<()> {
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        if let Some(header) = header {
            // Behind the request line, a byte at a time: nothing of what follows is taken from the copy below.
            let (mut from, mut to) = (client, server);
            let (mut line, mut byte) = (Vec::new(), [0]);
            while !line.ends_with(b"\r\n") {
                from.read_exact(&mut byte)?;
                line.extend(byte);
            }
            line.extend(header.as_bytes());
            to.write_all(&line)?;
        }
        for (from, to) in [(client, server), (server, client)] {
            let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
            });
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.extend([client.try_clone()?, server.try_clone()?]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    /// Sends one byte through, and says what came back; `None` when the wire is cut.
    fn echo(stream: &mut TcpStream) -> Option<u8> {
        let mut byte = [7];
        stream.write_all(&byte).ok()?;
        stream.read_exact(&mut byte).ok()?;
        Some(byte[0])
    }

    #[test]
    fn passes_on_counts_cuts_and_refuses() {
        let target = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let relay = Relay::start(target.local_addr().unwrap().port()).unwrap();
        thread::spawn(move || {
            for stream in target.incoming().flatten() {
                thread::spawn(move || io::copy(&mut stream.try_clone().unwrap(), &mut &stream));
            }
        });
        let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port())).unwrap();
        let mut first = connect();
        assert_eq!(echo(&mut first), Some(7));
        relay.cut();
        assert_eq!(echo(&mut first), None);
        assert_eq!(echo(&mut connect()), Some(7));
        relay.refuse(true);
        assert_eq!(echo(&mut connect()), None);
        relay.refuse(false);
        assert_eq!(echo(&mut connect()), Some(7));
        assert_eq!(relay.connections(), 4);
    }
}
