//! The proxy that the environment names, for WebSockets and HTTP alike.

use crate::endpoint::Endpoint;
use crate::session::verdict::OpenError;
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Variables of the process.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The proxy on the way to an endpoint: none to this computer, and none for a plain connection, whose token the proxy would
/// see, unless the user allowed insecure connections. `NO_PROXY` is read as curl reads it: names with their subdomains,
/// addresses, networks (`192.168.0.0/16`), `*`.
pub(crate) fn proxy_for(endpoint: &Endpoint, env: impl Fn(&str) -> Option<String>) -> Option<Intercept> {
    if !endpoint.admits_a_proxy() {
        return None;
    }
    let get = |name: &str| {
        env(name)
            .or_else(|| env(&name.to_ascii_lowercase()))
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
            .unwrap_or_default()
    };
    let no_proxy = get("NO_PROXY");
    // `*.corp` is common, and means what `.corp` means.
    let rules = no_proxy.split(',').map(|rule| rule.trim());
    let rules: Vec<&str> = rules
        .map(|rule| {
            rule.strip_prefix('*')
                .filter(|rest| rest.starts_with('.'))
                .unwrap_or(rule)
        })
        .collect();
    let matcher = Matcher::builder()
        .all(get("ALL_PROXY"))
        .http(get("HTTP_PROXY"))
        .https(get("HTTPS_PROXY"))
        .no(rules.join(","))
        .build();
    let scheme = if endpoint.is_tls() { "https" } else { "http" };
    let target: Uri = format!("{scheme}://{}/", authority(endpoint)).parse().ok()?;
    matcher
        .intercept(&target)
        .filter(|proxy| proxy.uri().scheme_str() == Some("http"))
}

fn authority(endpoint: &Endpoint) -> String {
    let host = endpoint.host();
    if host.contains(':') {
        format!("[{host}]:{}", endpoint.port())
    } else {
        format!("{host}:{}", endpoint.port())
    }
}

/// Asks an HTTP proxy for a tunnel (`CONNECT`).
pub(crate) async fn tunnel(proxy: &Intercept, endpoint: &Endpoint) -> Result<TcpStream, OpenError> {
    let failed = |what: &str| OpenError::Unreachable(format!("the proxy {what}"));
    let uri = proxy.uri();
    let host = uri.host().ok_or_else(|| failed("has no address"))?;
    let host = host.trim_matches(['[', ']']);
    let port = uri.port_u16().unwrap_or(80);
    let mut stream = TcpStream::connect((host, port)).await.map_err(|error| {
        OpenError::Unreachable(format!(
            "the proxy {host}:{port} cannot be reached: {}",
            error.kind()
        ))
    })?;
    let _ = stream.set_nodelay(true);
    let request = connect_request(proxy.basic_auth(), endpoint);
    stream
        .write_all(request.as_bytes())
        .await
        .map_err(|_| failed("hung up"))?;
    let mut answer = Vec::with_capacity(256);
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() > 8192 {
            return Err(failed("talks too much"));
        }
        // Byte by byte: what follows the head belongs to the tunnel.
        answer.push(stream.read_u8().await.map_err(|_| failed("hung up"))?);
    }
    let head = String::from_utf8_lossy(&answer);
    match head.split_ascii_whitespace().nth(1) {
        Some("200") => Ok(stream),
        Some("407") => Err(failed("wants a password")),
        Some(status) if status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(failed(&format!("refused with {status}")))
        }
        Some(_) | None => Err(failed("gave no answer")),
    }
}

fn connect_request(auth: Option<&HeaderValue>, endpoint: &Endpoint) -> String {
    let target = authority(endpoint);
    let auth = auth.and_then(|value| value.to_str().ok());
    let auth = auth.map(|value| format!("Proxy-Authorization: {value}\r\n"));
    format!(
        "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{}\r\n",
        auth.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(url: &str, insecure: bool, vars: &[(&str, &str)]) -> Option<Intercept> {
        let endpoint = Endpoint::parse(url, insecure).unwrap();
        let env = |name: &str| {
            vars.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        proxy_for(&endpoint, env)
    }

    fn proxy(url: &str, vars: &[(&str, &str)]) -> Option<String> {
        found(url, false, vars).map(|proxy| proxy.uri().to_string())
    }

    #[test]
    fn proxies_come_from_the_environment() {
        let vars = [
            ("HTTPS_PROXY", "http://p:3128"),
            ("http_proxy", "q:8080"),
            (
                "NO_PROXY",
                "example.org, .corp,*.intra,10.0.0.1,192.168.0.0/16,fd00::/8",
            ),
        ];
        assert_eq!(
            proxy("wss://gw.example.com", &vars).as_deref(),
            Some("http://p:3128/")
        );
        for direct in [
            "wss://127.0.0.1:1",
            "wss://localhost:1",
            "wss://example.org",
            "wss://a.example.org",
            "wss://A.Example.ORG",
            "wss://gw.corp",
            "wss://gw.intra",
            "wss://10.0.0.1",
            "wss://192.168.1.20:18789",
            "wss://[fd00::7]:18789",
            "https://192.168.1.20",
        ] {
            assert_eq!(proxy(direct, &vars), None, "{direct}");
        }
        for over in [
            "wss://notexample.org",
            "wss://10.0.0.2",
            "wss://192.169.0.1",
            "https://192.169.0.1",
        ] {
            assert!(proxy(over, &vars).is_some(), "{over}");
        }
        assert_eq!(
            proxy("wss://x.com", &[("ALL_PROXY", "socks5://s:1")]),
            None,
            "not spoken"
        );
        assert_eq!(proxy("wss://x.com", &[("HTTPS_PROXY", " ")]), None);
        let all = [("ALL_PROXY", "http://p:1"), ("NO_PROXY", "*")];
        assert_eq!(proxy("wss://x.com", &all), None);
    }

    #[test]
    fn a_plain_connection_never_goes_through_a_proxy_by_itself() {
        let vars = [("HTTP_PROXY", "http://p:1"), ("ALL_PROXY", "http://p:1")];
        for plain in [
            "ws://10.99.1.2",
            "http://192.168.1.5",
            "ws://nas",
            "ws://[fd00::1]",
        ] {
            assert!(found(plain, false, &vars).is_none(), "{plain}");
            assert!(found(plain, true, &vars).is_some(), "{plain}: the user said so");
        }
        assert!(found("ws://127.0.0.1", true, &vars).is_none());
    }

    #[test]
    fn a_tunnel_is_asked_for_by_name() {
        let endpoint = Endpoint::parse("wss://gw.example.com", false).unwrap();
        let plain = connect_request(None, &endpoint);
        assert_eq!(
            plain,
            "CONNECT gw.example.com:443 HTTP/1.1\r\nHost: gw.example.com:443\r\n\r\n"
        );
        let proxy = found("wss://x.com", false, &[("HTTPS_PROXY", "http://u:p@p:1")]).unwrap();
        assert_eq!(proxy.uri().to_string(), "http://p:1/");
        let with_password = connect_request(proxy.basic_auth(), &endpoint);
        assert!(with_password.contains("Proxy-Authorization: Basic dTpw\r\n"));
    }
}
