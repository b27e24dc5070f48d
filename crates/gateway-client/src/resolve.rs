//! Names to addresses, and only to those that an endpoint may be reached at.
//!
//! A plain connection shows the token to whoever is on the way. That a name looks private (`nas`, `nas.local`) says nothing
//! about where it leads: a search domain or a spoofed answer may lead it out. So the addresses decide, before a byte is
//! sent.

use crate::endpoint::Endpoint;
use futures_util::future::BoxFuture;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Looks a name up: a host's name or address, and a port.
pub(crate) type Lookup =
    Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// The system's own resolver.
pub(crate) fn system() -> Lookup {
    Arc::new(|host, port| {
        Box::pin(async move { Ok(tokio::net::lookup_host((host.as_str(), port)).await?.collect()) })
    })
}

/// The name of a plain endpoint leads to an address where others could listen. Carried as the cause of an [`io::Error`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicAddress {
    host: String,
    at: IpAddr,
}

impl PublicAddress {
    pub(crate) fn new(endpoint: &Endpoint, at: IpAddr) -> Self {
        Self {
            host: endpoint.host().to_owned(),
            at,
        }
    }
}

impl fmt::Display for PublicAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, at } = self;
        write!(
            f,
            "{host} leads to the public address {at}; only wss:// keeps the token secret on the way there"
        )
    }
}

impl std::error::Error for PublicAddress {}

/// The addresses of a host, without those that the endpoint may not be reached at.
pub(crate) async fn addresses(
    lookup: &Lookup,
    endpoint: &Endpoint,
    host: &str,
    port: u16,
) -> io::Result<Vec<SocketAddr>> {
    let all = lookup(host.to_owned(), port).await?;
    let (near, far): (Vec<_>, Vec<_>) = all.into_iter().partition(|at| endpoint.admits(at.ip()));
    match far.first() {
        Some(first) if near.is_empty() => Err(io::Error::other(PublicAddress::new(endpoint, first.ip()))),
        _ => Ok(near),
    }
}

/// The same for HTTP.
pub(crate) struct HttpResolver {
    pub(crate) lookup: Lookup,
    pub(crate) endpoint: Endpoint,
}

impl reqwest::dns::Resolve for HttpResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let (lookup, endpoint) = (Arc::clone(&self.lookup), self.endpoint.clone());
        Box::pin(async move {
            // The port is the caller's to fill in.
            let found = addresses(&lookup, &endpoint, name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

#[cfg(test)]
pub(crate) mod stand_in {
    use super::*;

    /// A resolver that knows these addresses for every name.
    pub(crate) fn knows(addresses: &[&str]) -> Lookup {
        let addresses: Vec<IpAddr> = addresses.iter().map(|at| at.parse().unwrap()).collect();
        Arc::new(move |_, port| {
            let found = addresses.iter().map(|at| SocketAddr::new(*at, port)).collect();
            Box::pin(async move { Ok(found) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn found(url: &str, insecure: bool, known: &[&str]) -> Result<usize, String> {
        let endpoint = Endpoint::parse(url, insecure).unwrap();
        let found = addresses(&stand_in::knows(known), &endpoint, endpoint.host(), 1).await;
        found.map(|found| found.len()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_plain_name_is_reached_at_private_addresses_alone() {
        let public = "203.0.113.7";
        for name in [
            "ws://nas",
            "ws://nas.local",
            "http://gw.internal",
            "ws://box.ts.net",
        ] {
            let told = found(name, false, &[public]).await.unwrap_err();
            assert!(told.contains("public address 203.0.113.7"), "{told}");
            assert_eq!(found(name, false, &["192.168.1.5"]).await, Ok(1), "{name}");
            assert_eq!(
                found(name, false, &[public, "fd00::1", "10.0.0.1"]).await,
                Ok(2),
                "{name}"
            );
            assert_eq!(found(name, true, &[public]).await, Ok(1), "the user said so");
        }
        // The name of this computer leads to this computer.
        assert!(found("ws://localhost", false, &["192.168.1.5"]).await.is_err());
        assert_eq!(
            found("ws://gw.localhost", false, &["127.0.0.1", "::1"]).await,
            Ok(2)
        );
        assert_eq!(
            found("wss://nas", false, &[public]).await,
            Ok(1),
            "TLS says who is there"
        );
    }
}
