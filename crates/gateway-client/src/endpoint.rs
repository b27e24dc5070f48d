//! A gateway's address, and whether a plain connection to it is acceptable.

use crate::PauseReason;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// Where a gateway listens when nothing else was said (`gateway.port` of its configuration).
const GATEWAY_PORT: u16 = 18_789;

/// A gateway's address, taken apart and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    host: String,
    port: u16,
    tls: bool,
    loopback: bool,
    reach: Reach,
    tunnel: Option<Tunnel>,
}

/// Which addresses a connection may be made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// TLS shows who is there, or the user allowed anything.
    Anywhere,
    /// Plain: where nobody listens on the way.
    Private,
    /// Plain, and the name of this computer.
    Loopback,
}

/// The way to a computer with `ssh`; the gateway is reached from there, on its loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

impl Tunnel {
    /// The user there, where it is not the one of the settings of `ssh`.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// A host's name or address, or a name from the settings of `ssh`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port of the SSH server, where it is not the one of the settings of `ssh`.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The command that signs in there by hand, where `ssh` may ask.
    #[must_use]
    pub fn command(&self) -> String {
        let port = self.port.map(|port| format!("-p {port} ")).unwrap_or_default();
        let user = self
            .user
            .as_ref()
            .map(|user| format!("{user}@"))
            .unwrap_or_default();
        format!("ssh {port}{user}{}", self.host)
    }

    /// Whether `ssh` and a shell take a name for a name and nothing else.
    fn is_plain(name: &str) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':');
        name.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_' || first == ':')
            && name.chars().all(plain)
    }
}

impl Endpoint {
    /// Takes an address apart. `http` and `https` are read as `ws` and `wss`; a query is dropped, since the gateway
    /// ignores credentials there and URLs end up in logs. `ssh://user@host:22/18789` is a gateway on the loopback of
    /// another computer, there on the port that stands last (18789 when none does).
    ///
    /// # Errors
    /// [`PauseReason::Refused`] when it is no such address, [`PauseReason::InsecureTransport`] when it is plain and
    /// leads to a public host, unless `allow_insecure`.
    pub fn parse(address: &str, allow_insecure: bool) -> Result<Self, PauseReason> {
        let refused = |message: &str| PauseReason::Refused {
            code: "INVALID_URL".into(),
            message: message.into(),
        };
        let address = address.trim();
        let with_scheme = if address.contains("://") {
            address.to_owned()
        } else {
            format!("ws://{address}")
        };
        let mut url = Url::parse(&with_scheme).map_err(|_| refused("the gateway's address is not valid"))?;
        let tls = match url.scheme() {
            "ws" | "http" => false,
            "wss" | "https" => true,
            "ssh" => {
                return Self::behind_ssh(&url)
                    .ok_or_else(|| refused("an SSH address has the form ssh://user@host"));
            }
            _ => {
                return Err(refused(
                    "the gateway's address must begin with ws, wss, http, https or ssh",
                ));
            }
        };
        // The scheme of a special URL may be changed to another special one.
        let _ = url.set_scheme(if tls { "wss" } else { "ws" });
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        let port = url
            .port_or_known_default()
            .ok_or_else(|| refused("the gateway's address has no port"))?;
        let (host, loopback, private) = match url.host() {
            Some(Host::Ipv4(ip)) => (ip.to_string(), ip.is_loopback(), is_private(IpAddr::V4(ip))),
            Some(Host::Ipv6(ip)) => (ip.to_string(), ip.is_loopback(), is_private(IpAddr::V6(ip))),
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.').to_ascii_lowercase();
                let loopback = name == "localhost" || name.ends_with(".localhost");
                let private = name.ends_with(".ts.net")
                    || name.ends_with(".local")
                    || name.ends_with(".internal")
                    || !name.contains('.');
                (name, loopback, private)
            }
            None => return Err(refused("the gateway's address has no host")),
        };
        if !tls && !loopback && !private && !allow_insecure {
            return Err(PauseReason::InsecureTransport {
                message: format!(
                    "{host} is a public address; use wss:// to keep the token secret on the way"
                ),
                fingerprint: None,
            });
        }
        let reach = match (tls || allow_insecure, loopback) {
            (true, _) => Reach::Anywhere,
            (false, true) => Reach::Loopback,
            (false, false) => Reach::Private,
        };
        Ok(Self {
            url,
            host,
            port,
            tls,
            loopback,
            reach,
            tunnel: None,
        })
    }

    fn behind_ssh(address: &Url) -> Option<Self> {
        let host = address.host_str()?.trim_matches(['[', ']']).to_owned();
        let user = Some(address.username()).filter(|user| !user.is_empty());
        if !Tunnel::is_plain(&host) || user.is_some_and(|user| !Tunnel::is_plain(user)) {
            return None;
        }
        let port = match address.path().trim_matches('/') {
            "" => GATEWAY_PORT,
            port => port.parse().ok().filter(|port| *port != 0)?,
        };
        Some(Self {
            url: Url::parse(&format!("ws://127.0.0.1:{port}")).ok()?,
            host: Ipv4Addr::LOCALHOST.to_string(),
            port,
            tls: false,
            loopback: true,
            reach: Reach::Loopback,
            tunnel: Some(Tunnel {
                user: user.map(str::to_owned),
                host,
                port: address.port(),
            }),
        })
    }

    /// The address, without credentials and query.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The host's name or address, IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `wss`.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// The way to the computer that the rest is said of, when it is another one.
    #[must_use]
    pub fn tunnel(&self) -> Option<&Tunnel> {
        self.tunnel.as_ref()
    }

    /// Whether a connection to this address may carry the token. A name that looks private may lead anywhere.
    pub(crate) fn admits(&self, ip: IpAddr) -> bool {
        match self.reach {
            Reach::Anywhere => true,
            Reach::Private => is_private(ip),
            Reach::Loopback => ip.to_canonical().is_loopback(),
        }
    }

    /// Whether a proxy may be in between. It sees what is sent plain.
    pub(crate) fn admits_a_proxy(&self) -> bool {
        !self.loopback && self.reach == Reach::Anywhere
    }

    /// On this computer, or on the one at the end of the tunnel.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

/// Loopback, private, link-local or tailnet.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let tailnet = u32::from(ip) & 0xffc0_0000 == u32::from(Ipv4Addr::new(100, 64, 0, 0));
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || tailnet
        }
        IpAddr::V6(ip) => {
            let mapped: Option<Ipv4Addr> = Ipv6Addr::to_ipv4_mapped(&ip);
            ip.is_loopback()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
                || mapped.is_some_and(|ip| is_private(IpAddr::V4(ip)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_connections_go_only_where_nobody_listens() {
        for (address, allowed) in [
            ("ws://127.0.0.1:18789", true),
            ("ws://localhost:18789", true),
            ("localhost:18789", true),
            ("ws://[::1]:18789", true),
            ("ws://10.1.2.3", true),
            ("ws://192.168.1.5:1", true),
            ("ws://172.16.0.1", true),
            ("ws://172.32.0.1", false),
            ("ws://100.64.0.1", true),
            ("ws://100.127.255.254", true),
            ("ws://100.128.0.1", false),
            ("ws://box.tail1234.ts.net", true),
            ("ws://box.ts.net.example.com", false),
            ("ws://nas.local", true),
            ("ws://nas", true),
            ("ws://[fd00::1]", true),
            ("ws://[::ffff:192.168.1.1]", true),
            ("ws://[2001:db8::1]", false),
            ("ws://203.0.113.7", false),
            ("http://example.com", false),
            ("wss://example.com", true),
            ("https://example.com", true),
        ] {
            let result = Endpoint::parse(address, false);
            match (allowed, &result) {
                (true, Ok(_)) | (false, Err(PauseReason::InsecureTransport { .. })) => {}
                _ => panic!("{address}: {result:?}"),
            }
            assert!(Endpoint::parse(address, true).is_ok(), "{address}");
        }
    }

    #[test]
    fn credentials_in_an_address_are_dropped() {
        let endpoint =
            Endpoint::parse("https://user:pass@gw.example.com/base/?token=canary#x", false).unwrap();
        assert_eq!(endpoint.url().as_str(), "wss://gw.example.com/base/");
        assert_eq!(
            (endpoint.host(), endpoint.port(), endpoint.is_tls()),
            ("gw.example.com", 443, true)
        );
        assert!(!endpoint.is_loopback());
    }

    #[test]
    fn an_address_over_ssh_names_the_way_and_the_port_there() {
        let endpoint = Endpoint::parse("ssh://pi@Home_server:2222/18790?token=canary", false).unwrap();
        assert_eq!(endpoint.url().as_str(), "ws://127.0.0.1:18790/");
        assert!(endpoint.is_loopback() && !endpoint.is_tls());
        let tunnel = endpoint.tunnel().unwrap();
        assert_eq!((tunnel.user(), tunnel.port()), (Some("pi"), Some(2222)));
        assert_eq!(tunnel.command(), "ssh -p 2222 pi@Home_server");
        let short = Endpoint::parse("ssh://home", false).unwrap();
        assert_eq!(
            (short.port(), short.tunnel().unwrap().command()),
            (18789, "ssh home".to_owned())
        );
        assert_eq!(Endpoint::parse("ws://home", false).unwrap().tunnel(), None);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for address in [
            "",
            "ftp://x",
            "ws://",
            "unix:///x",
            "ssh://",
            "ssh://-oProxyCommand=x",
            "ssh://-l@home",
            "ssh://home/x",
            "ssh://home/0",
            "ssh://a%20b@home",
            "ssh://$(x)@home",
        ] {
            let Err(PauseReason::Refused { code, .. }) = Endpoint::parse(address, false) else {
                panic!("{address} was taken")
            };
            assert_eq!(code, "INVALID_URL");
        }
    }
}
