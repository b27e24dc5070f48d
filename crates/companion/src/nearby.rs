//! Finds gateways that announce themselves on the local network.
//!
//! The gateway's `bonjour` plugin announces `_openclaw-gw._tcp` by multicast DNS
//! (`docs/gateway/bonjour.md` of the package). Nobody signs an announcement. So it is only shown,
//! and nothing is sent there before the user accepts it.

use mdns_sd::{ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

const SERVICE: &str = "_openclaw-gw._tcp.local.";
/// The longest name that is shown.
const NAME_CHARS: usize = 60;

/// A gateway that announced itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearby {
    /// What it calls itself.
    pub name: String,
    /// Where it is: from its SRV and address records, never from its texts.
    pub url: String,
}

/// Listens for so long; what has answered by then. Nothing where multicast is not to be had.
pub async fn listen(limit: Duration) -> Vec<Nearby> {
    match ServiceDaemon::new() {
        Ok(daemon) => browse(&daemon, limit).await,
        Err(error) => {
            tracing::debug!(%error, "no multicast DNS");
            Vec::new()
        }
    }
}

async fn browse(daemon: &ServiceDaemon, limit: Duration) -> Vec<Nearby> {
    let mut heard = BTreeMap::new();
    if let Ok(events) = daemon.browse(SERVICE) {
        let end = tokio::time::Instant::now() + limit;
        while let Ok(Ok(event)) = tokio::time::timeout_at(end, events.recv_async()).await {
            if let ServiceEvent::ServiceResolved(service) = event
                && let Some(nearby) = read(&service)
            {
                heard.insert(service.get_fullname().to_owned(), nearby);
            }
        }
    }
    if let Err(error) = daemon.shutdown() {
        tracing::debug!(%error, "multicast DNS goes on");
    }
    heard.into_values().collect()
}

fn read(service: &ResolvedService) -> Option<Nearby> {
    let addresses: Vec<IpAddr> = service.get_addresses().iter().map(ScopedIp::to_ip_addr).collect();
    let address = best(&addresses)?;
    let tls = service.get_property_val_str("gatewayTls") == Some("1");
    let instance = service.get_fullname().strip_suffix(SERVICE).unwrap_or_default();
    let name = service
        .get_property_val_str("displayName")
        .filter(|name| !name.trim().is_empty())
        .unwrap_or(instance.trim_end_matches('.'));
    Some(Nearby {
        name: crate::text::one_line(name, NAME_CHARS),
        url: url(tls, address, service.get_port()),
    })
}

/// An address that can be written into a URL: IPv4 first, and none that needs an interface beside it.
fn best(addresses: &[IpAddr]) -> Option<IpAddr> {
    let usable = |address: &&IpAddr| match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(six) => !six.is_unicast_link_local(),
    };
    addresses
        .iter()
        .filter(usable)
        .min_by_key(|address| (address.is_ipv6(), **address))
        .copied()
}

fn url(tls: bool, address: IpAddr, port: u16) -> String {
    let scheme = if tls { "wss" } else { "ws" };
    match address {
        IpAddr::V4(four) => format!("{scheme}://{four}:{port}"),
        IpAddr::V6(six) => format!("{scheme}://[{six}]:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mdns_sd::{IfKind, ServiceInfo};

    #[test]
    fn an_address_is_one_that_a_url_can_hold() {
        let parse =
            |texts: &[&str]| -> Vec<IpAddr> { texts.iter().map(|text| text.parse().unwrap()).collect() };
        for (there, taken) in [
            (&["fe80::1", "192.168.1.9", "10.0.0.1"][..], Some("10.0.0.1")),
            (&["fe80::1", "2001:db8::7"], Some("2001:db8::7")),
            (&["fe80::1"], None),
            (&[], None),
        ] {
            assert_eq!(best(&parse(there)).map(|a| a.to_string()).as_deref(), taken);
        }
        assert_eq!(url(true, "10.0.0.1".parse().unwrap(), 1), "wss://10.0.0.1:1");
        assert_eq!(
            url(false, "2001:db8::7".parse().unwrap(), 2),
            "ws://[2001:db8::7]:2"
        );
    }

    /// Over the real protocol on this machine's loopback, on a port that nobody else uses.
    #[tokio::test]
    async fn what_is_announced_is_heard_with_its_name_and_where_it_is() {
        const PORT: u16 = 53_530;
        let daemon = || {
            let daemon = ServiceDaemon::new_with_port(PORT).unwrap();
            daemon.enable_interface(IfKind::LoopbackV4).unwrap();
            daemon
        };
        let announcing = daemon();
        let announce = |instance: &str, port: u16, texts: &[(&str, &str)]| {
            let info = ServiceInfo::new(SERVICE, instance, "lab.local.", "127.0.0.1", port, texts).unwrap();
            announcing.register(info).unwrap();
        };
        announce(
            "one",
            18_789,
            &[
                ("role", "gateway"),
                ("displayName", "Living\nroom"),
                ("lanHost", "evil.example"),
            ],
        );
        announce("two", 443, &[("gatewayTls", "1")]);
        let mut heard = browse(&daemon(), Duration::from_secs(6)).await;
        heard.sort_by(|a, b| a.url.cmp(&b.url));
        let _ = announcing.shutdown();
        let expected = [
            ("Living room", "ws://127.0.0.1:18789"),
            ("two", "wss://127.0.0.1:443"),
        ];
        let heard: Vec<_> = heard.iter().map(|n| (n.name.as_str(), n.url.as_str())).collect();
        assert_eq!(heard, expected);
    }
}
