//! Opens a transport: TCP, with a proxy if the environment names one, and TLS; or the user's `ssh`.

use crate::endpoint::Endpoint;
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
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Url;

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
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) pin: Option<String>,
    pub(crate) proxy_from_env: bool,
}

#[async_trait]
impl Dialer for Network {
    async fn dial(&self, endpoint: &Endpoint) -> Result<Box<dyn Transport>, OpenError> {
        if let Some(tunnel) = endpoint.tunnel() {
            return Ok(Box::new(crate::tunnel::start(tunnel, endpoint.port())?));
        }
        let proxy = if self.proxy_from_env {
            proxy_for(endpoint, |name| std::env::var(name).ok())
        } else {
            None
        };
        let stream = match proxy {
            Some(proxy) => through_proxy(&proxy, endpoint).await?,
            None => tcp(endpoint.host(), endpoint.port()).await?,
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

async fn tcp(host: &str, port: u16) -> Result<TcpStream, OpenError> {
    let stream = TcpStream::connect((host, port)).await.map_err(|error| {
        OpenError::Unreachable(format!("{host}:{port} cannot be reached: {}", error.kind()))
    })?;
    // Prompts are small and should leave at once.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// The proxy that the environment names for an endpoint. Loopback is never reached through one.
fn proxy_for(endpoint: &Endpoint, env: impl Fn(&str) -> Option<String>) -> Option<Url> {
    if endpoint.is_loopback() {
        return None;
    }
    let get = |name: &str| {
        env(name)
            .or_else(|| env(&name.to_ascii_lowercase()))
            .filter(|value| !value.trim().is_empty())
    };
    if get("NO_PROXY").is_some_and(|list| bypasses(&list, endpoint.host())) {
        return None;
    }
    let value = get(if endpoint.is_tls() {
        "HTTPS_PROXY"
    } else {
        "HTTP_PROXY"
    })
    .or_else(|| get("ALL_PROXY"))?;
    let value = if value.contains("://") {
        value
    } else {
        format!("http://{value}")
    };
    Url::parse(&value).ok().filter(|url| url.scheme() == "http")
}

fn bypasses(list: &str, host: &str) -> bool {
    list.split(',')
        .map(str::trim)
        .filter(|rule| !rule.is_empty())
        .any(|rule| {
            let rule = rule
                .trim_start_matches("*.")
                .trim_start_matches('.')
                .to_ascii_lowercase();
            rule == "*" || host == rule || host.strip_suffix(&rule).is_some_and(|head| head.ends_with('.'))
        })
}

/// Asks an HTTP proxy for a tunnel (`CONNECT`).
async fn through_proxy(proxy: &Url, endpoint: &Endpoint) -> Result<TcpStream, OpenError> {
    let failed = |what: &str| OpenError::Unreachable(format!("the proxy {what}"));
    let host = proxy.host_str().ok_or_else(|| failed("has no address"))?;
    let mut stream = tcp(
        host.trim_matches(['[', ']']),
        proxy.port_or_known_default().unwrap_or(8080),
    )
    .await?;
    stream
        .write_all(connect_request(proxy, endpoint).as_bytes())
        .await
        .map_err(|_| failed("closed the connection"))?;
    let mut answer = Vec::with_capacity(256);
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() > 8192 {
            return Err(failed("sent an answer that is too long"));
        }
        // Byte by byte: what follows the head belongs to the tunnel.
        answer.push(
            stream
                .read_u8()
                .await
                .map_err(|_| failed("closed the connection"))?,
        );
    }
    let head = String::from_utf8_lossy(&answer);
    match head.split_ascii_whitespace().nth(1) {
        Some("200") => Ok(stream),
        Some("407") => Err(failed("asks for a password")),
        Some(status) => Err(failed(&format!("refused the connection (HTTP {status})"))),
        None => Err(failed("sent no valid answer")),
    }
}

fn connect_request(proxy: &Url, endpoint: &Endpoint) -> String {
    use base64::Engine as _;
    let host = if endpoint.host().contains(':') {
        format!("[{}]", endpoint.host())
    } else {
        endpoint.host().to_owned()
    };
    let target = format!("{host}:{}", endpoint.port());
    let auth = match (proxy.username(), proxy.password()) {
        ("", None) => String::new(),
        (user, password) => {
            let pair = format!("{user}:{}", password.unwrap_or_default());
            format!(
                "Proxy-Authorization: Basic {}\r\n",
                base64::engine::general_purpose::STANDARD.encode(pair)
            )
        }
    };
    format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{auth}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str, vars: &[(&str, &str)]) -> Option<String> {
        let endpoint = Endpoint::parse(url, true).unwrap();
        let env = |name: &str| {
            vars.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        proxy_for(&endpoint, env).map(|url| url.to_string())
    }

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

    #[test]
    fn proxies_come_from_the_environment() {
        let vars = [
            ("HTTPS_PROXY", "http://p:3128"),
            ("http_proxy", "q:8080"),
            ("NO_PROXY", "example.org, .corp,10.0.0.1"),
        ];
        assert_eq!(
            proxy("wss://gw.example.com", &vars).as_deref(),
            Some("http://p:3128/")
        );
        assert_eq!(proxy("ws://10.0.0.2", &vars).as_deref(), Some("http://q:8080/"));
        for direct in [
            "ws://127.0.0.1:1",
            "ws://localhost:1",
            "wss://example.org",
            "wss://a.example.org",
            "wss://gw.corp",
            "ws://10.0.0.1",
        ] {
            assert_eq!(proxy(direct, &vars), None, "{direct}");
        }
        assert!(proxy("wss://notexample.org", &vars).is_some());
        assert_eq!(
            proxy("wss://x.com", &[("ALL_PROXY", "socks5://s:1")]),
            None,
            "not spoken"
        );
        assert_eq!(proxy("wss://x.com", &[("HTTPS_PROXY", " ")]), None);
    }

    #[test]
    fn a_tunnel_is_asked_for_by_name() {
        let endpoint = Endpoint::parse("wss://gw.example.com", false).unwrap();
        let plain = connect_request(&Url::parse("http://p:1").unwrap(), &endpoint);
        assert_eq!(
            plain,
            "CONNECT gw.example.com:443 HTTP/1.1\r\nHost: gw.example.com:443\r\n\r\n"
        );
        let with_password = connect_request(&Url::parse("http://u:p@p:1").unwrap(), &endpoint);
        assert!(with_password.contains("Proxy-Authorization: Basic dTpw\r\n"));
    }
}
