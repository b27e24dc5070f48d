//! Opens a transport: TCP, with a proxy if the environment names one, and TLS; or the user's `ssh`.

use crate::config::ClientConfig;
use crate::endpoint::Endpoint;
use crate::proxy;
use crate::resolve::{self, Lookup, PublicAddress};
use crate::session::verdict::OpenError;
use crate::tls::{Offered, client_config};
use async_trait::async_trait;
use rustls::pki_types::ServerName;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
#[cfg(target_os = "linux")]
use tokio::io::Interest;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Anything that a WebSocket can run over.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Passes over some of what comes next, up to `most` bytes, and says over how many: none at the end.
    ///
    /// # Errors
    /// When the transport fails.
    fn poll_discard(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        let mut bytes = [0; 8 * 1024];
        let most = most.min(bytes.len());
        let mut room = ReadBuf::new(bytes.get_mut(..most).unwrap_or_default());
        ready!(Pin::new(self).poll_read(cx, &mut room))?;
        Poll::Ready(Ok(room.filled().len()))
    }
}

impl Transport for DuplexStream {}
impl Transport for TlsStream<TcpStream> {}

impl Transport for TcpStream {
    /// Inside the kernel: nothing is copied.
    #[cfg(target_os = "linux")]
    fn poll_discard(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        use rustix::net::RecvFlags;
        // Its length counts and its bytes do not: with this flag TCP puts nothing into it (`tcp(7)`).
        static NOWHERE: Mutex<[u8; 1 << 20]> = Mutex::new([0; 1 << 20]);
        loop {
            ready!(self.poll_read_ready(cx))?;
            let discarded = self.try_io(Interest::READABLE, || {
                let mut nowhere = NOWHERE.lock().unwrap_or_else(PoisonError::into_inner);
                let most = most.min(nowhere.len());
                let room = nowhere.get_mut(..most).unwrap_or_default();
                let (_, discarded) = rustix::net::recv(&*self, room, RecvFlags::TRUNC | RecvFlags::DONTWAIT)?;
                Ok(discarded)
            });
            match discarded {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                discarded => return Poll::Ready(discarded),
            }
        }
    }
}

/// Opens transports. Tests open in-memory ones.
#[async_trait]
pub trait Dialer: Send + Sync + 'static {
    /// A transport to a gateway.
    async fn dial(&self, endpoint: &Endpoint) -> Result<Box<dyn Transport>, OpenError>;
}

/// The network.
pub(crate) struct Network {
    pin: Option<String>,
    proxy_from_env: bool,
    lookup: Lookup,
}

impl Network {
    pub(crate) fn new(config: &ClientConfig) -> Self {
        Self {
            pin: config.pinned_certificate_sha256.clone(),
            proxy_from_env: config.proxy_from_env,
            lookup: resolve::system(),
        }
    }
}

#[async_trait]
impl Dialer for Network {
    async fn dial(&self, endpoint: &Endpoint) -> Result<Box<dyn Transport>, OpenError> {
        if let Some(tunnel) = endpoint.tunnel() {
            return Ok(Box::new(crate::tunnel::start(tunnel, endpoint.port())?));
        }
        let proxy = self
            .proxy_from_env
            .then(|| proxy::proxy_for(endpoint, proxy::variable))
            .flatten();
        let stream = match proxy {
            Some(proxy) => proxy::tunnel(&proxy, endpoint).await?,
            None => self.tcp(endpoint).await?,
        };
        if endpoint.is_tls() {
            return self.tls(stream, endpoint).await;
        }
        Ok(Box::new(stream))
    }
}

impl Network {
    async fn tls(&self, stream: TcpStream, endpoint: &Endpoint) -> Result<Box<dyn Transport>, OpenError> {
        let unreachable = |what: String| OpenError::Unreachable(what);
        let offered = Offered::default();
        let config = client_config(self.pin.as_deref(), offered.clone())
            .map_err(|error| unreachable(format!("TLS is not available: {error}")))?;
        let name = ServerName::try_from(endpoint.host().to_owned())
            .map_err(|_| unreachable("the host's name is not valid for TLS".to_owned()))?;
        match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(self.tls_error(&error, offered.take())),
        }
    }

    fn tls_error(&self, error: &std::io::Error, fingerprint: Option<String>) -> OpenError {
        let tls = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls {
            Some(rustls::Error::InvalidCertificate(reason)) => {
                let message = if self.pin.is_some() {
                    "the gateway's certificate is not the trusted one".to_owned()
                } else {
                    format!("the gateway's certificate is not trusted ({reason})")
                };
                OpenError::Certificate { message, fingerprint }
            }
            _ => OpenError::Unreachable(format!("TLS failed: {error}")),
        }
    }
}

impl Network {
    /// Connects to an address that the endpoint may be reached at, before a byte is sent.
    async fn tcp(&self, endpoint: &Endpoint) -> Result<TcpStream, OpenError> {
        let (host, port) = (endpoint.host(), endpoint.port());
        let unreachable = |error: io::Error| match insecure(&error) {
            Some(public) => OpenError::Insecure(public.to_string()),
            None => OpenError::Unreachable(format!("{host}:{port} cannot be reached: {}", error.kind())),
        };
        let found = resolve::addresses(&self.lookup, endpoint, host, port)
            .await
            .map_err(unreachable)?;
        let stream = TcpStream::connect(found.as_slice()).await.map_err(unreachable)?;
        let peer = stream.peer_addr().map_err(unreachable)?.ip();
        if !endpoint.admits(peer) {
            return Err(OpenError::Insecure(
                PublicAddress::new(endpoint, peer).to_string(),
            ));
        }
        // Prompts are small and should leave at once.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

fn insecure(error: &io::Error) -> Option<&PublicAddress> {
    error.get_ref()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// Passes over so many bytes, as often as it takes.
    async fn discard(stream: &mut impl Transport, mut left: usize) {
        while left > 0 {
            let over = std::future::poll_fn(|cx| stream.poll_discard(cx, left))
                .await
                .unwrap();
            assert!((1..=left).contains(&over), "{over} of {left}");
            left -= over;
        }
    }

    #[tokio::test]
    async fn what_is_passed_over_is_exactly_what_was_said() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (near, far) = tokio::join!(
            TcpStream::connect(listener.local_addr().unwrap()),
            listener.accept()
        );
        let (mut near, (mut far, _)) = (near.unwrap(), far.unwrap());
        let (mut here, mut there) = tokio::io::duplex(5_000);
        let sent: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 253) as u8).collect();
        let writing = async {
            far.write_all(&sent).await.unwrap();
            drop(far);
            there.write_all(&sent).await.unwrap();
            drop(there);
        };
        let reading = async {
            let mut first = [0; 100];
            near.read_exact(&mut first).await.unwrap();
            discard(&mut near, 2_500_000).await;
            let mut rest = Vec::new();
            near.read_to_end(&mut rest).await.unwrap();
            assert!(rest == sent[2_500_100..], "over TCP");
            let after = std::future::poll_fn(|cx| near.poll_discard(cx, 10)).await;
            assert_eq!(after.unwrap(), 0, "at the end");
            discard(&mut here, 2_999_990).await;
            rest.clear();
            here.read_to_end(&mut rest).await.unwrap();
            assert!(rest == sent[2_999_990..], "in memory");
        };
        tokio::join!(writing, reading);
    }

    #[tokio::test]
    async fn a_name_that_leads_out_is_refused_before_a_byte_is_sent() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let network = |known: &[&str]| Network {
            pin: None,
            proxy_from_env: false,
            lookup: resolve::stand_in::knows(known),
        };
        let nas = Endpoint::parse(&format!("ws://nas:{port}"), false).unwrap();
        let Err(OpenError::Insecure(message)) = network(&["203.0.113.7"]).dial(&nas).await.map(|_| ()) else {
            panic!("a public address was taken")
        };
        assert!(
            message.starts_with("nas leads to the public address 203.0.113.7"),
            "{message}"
        );
        assert!(
            network(&["203.0.113.7", "127.0.0.1"]).dial(&nas).await.is_ok(),
            "by its private address"
        );
    }
}
