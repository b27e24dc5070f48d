//! Who may hold a connection while there are more callers than places.
//!
//! Whoever has shown a token keeps its place. All others are strangers: they have a share of the places, and the
//! addresses of one network a part of that share. On top of either, the oldest stranger gives way to the newest caller,
//! so that idle strangers never keep the owner out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::net::TcpStream;

/// One in so many places is for strangers.
const STRANGERS_SHARE: usize = 2;
/// One in so many of the strangers' places is for one network. Loopback, where all programs share one, has no such limit.
const NETWORK_SHARE: usize = 4;

/// The places.
#[derive(Debug)]
pub(crate) struct Door {
    places: usize,
    guests: Mutex<Guests>,
}

#[derive(Debug, Default)]
struct Guests {
    next: u64,
    /// By age: a larger number came later.
    strangers: BTreeMap<u64, Stranger>,
    known: BTreeSet<u64>,
}

#[derive(Debug)]
struct Stranger {
    network: IpAddr,
    stream: Weak<TcpStream>,
}

/// A place that is taken, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    door: Arc<Door>,
    id: u64,
}

/// The one who sits there, as the handlers see them.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) addr: SocketAddr,
    seat: Option<(Weak<Door>, u64)>,
}

impl Door {
    pub(crate) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            places,
            guests: Mutex::default(),
        })
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a caller in; `None` when every place is held by somebody with a token.
    pub(crate) fn enter(self: &Arc<Self>, stream: &Arc<TcpStream>, ip: IpAddr) -> Option<Place> {
        let (strangers_max, network) = ((self.places / STRANGERS_SHARE).max(1), network_of(ip));
        let network_max = (strangers_max / NETWORK_SHARE).max(1);
        let mut guests = self.guests();
        if !ip.to_canonical().is_loopback() && guests.count(network) >= network_max {
            guests.evict(Some(network));
        }
        if guests.strangers.len() >= strangers_max || guests.len() >= self.places {
            guests.evict(None);
        }
        if guests.len() >= self.places {
            return None;
        }
        let id = guests.next;
        guests.next += 1;
        let stream = Arc::downgrade(stream);
        guests.strangers.insert(id, Stranger { network, stream });
        Some(Place {
            door: self.clone(),
            id,
        })
    }
}

impl Guests {
    fn len(&self) -> usize {
        self.strangers.len() + self.known.len()
    }

    fn count(&self, network: IpAddr) -> usize {
        self.strangers.values().filter(|s| s.network == network).count()
    }

    /// Ends the connection of the oldest stranger: of this network, or of the one with the most strangers.
    fn evict(&mut self, network: Option<IpAddr>) {
        let network = network.or_else(|| {
            let mut counts: HashMap<IpAddr, usize> = HashMap::new();
            for stranger in self.strangers.values() {
                *counts.entry(stranger.network).or_default() += 1;
            }
            counts
                .into_iter()
                .max_by_key(|(_, count)| *count)
                .map(|(network, _)| network)
        });
        let oldest = self
            .strangers
            .iter()
            .find(|(_, s)| Some(s.network) == network)
            .map(|(id, _)| *id);
        let evicted = oldest.and_then(|id| self.strangers.remove(&id));
        if let Some(stream) = evicted.and_then(|s| s.stream.upgrade()) {
            // Whoever reads from it sees its end.
            let _ = socket2::SockRef::from(&*stream).shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Place {
    pub(crate) fn visitor(&self, addr: SocketAddr) -> Visitor {
        Visitor {
            addr,
            seat: Some((Arc::downgrade(&self.door), self.id)),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut guests = self.door.guests();
        guests.strangers.remove(&self.id);
        guests.known.remove(&self.id);
    }
}

impl Visitor {
    /// Has shown a token that holds: keeps its place from now on.
    pub(crate) fn keep_place(&self) {
        let Some((door, id)) = &self.seat else { return };
        if let Some(door) = door.upgrade() {
            let mut guests = door.guests();
            if guests.strangers.remove(id).is_some() {
                guests.known.insert(*id);
            }
        }
    }

    /// Somebody at this address without a connection.
    #[cfg(test)]
    pub(crate) fn at(addr: SocketAddr) -> Self {
        Self { addr, seat: None }
    }
}

/// What counts as one network: an address of IPv4, 64 bits of IPv6, which is what a single computer gets.
pub(crate) fn network_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) if !ip.is_loopback() => {
            Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into()
        }
        other @ (IpAddr::V4(_) | IpAddr::V6(_)) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    struct Street {
        listener: TcpListener,
        door: Arc<Door>,
    }

    struct Guest {
        theirs: TcpStream,
        place: Option<Place>,
        /// Held for as long as they are there.
        _ours: Arc<TcpStream>,
    }

    impl Guest {
        /// Whether the connection was ended by us.
        async fn is_out(&mut self) -> bool {
            let mut byte = [0; 1];
            let read =
                tokio::time::timeout(std::time::Duration::from_millis(50), self.theirs.read(&mut byte));
            matches!(read.await, Ok(Ok(0) | Err(_)))
        }

        fn shows_token(&self) {
            let place = self.place.as_ref().expect("in");
            place
                .visitor("192.0.2.1:1".parse().expect("address"))
                .keep_place();
        }
    }

    impl Street {
        async fn new(places: usize) -> Self {
            Self {
                listener: TcpListener::bind("127.0.0.1:0").await.expect("bind"),
                door: Door::new(places),
            }
        }

        async fn comes(&self, from: &str) -> Guest {
            let addr = self.listener.local_addr().expect("address");
            let theirs = TcpStream::connect(addr).await.expect("connect");
            let (stream, _) = self.listener.accept().await.expect("accept");
            let stream = Arc::new(stream);
            let place = self.door.enter(&stream, from.parse().expect("ip"));
            Guest {
                theirs,
                place,
                _ours: stream,
            }
        }
    }

    #[tokio::test]
    async fn one_network_of_strangers_displaces_itself_only() {
        // 16 places, 8 for strangers, 2 for strangers of one network.
        let street = Street::new(16).await;
        let mut other = street.comes("192.0.2.7").await;
        let mut flood = Vec::new();
        for n in 0..5 {
            // Addresses of one IPv6 network are one.
            flood.push(street.comes(&format!("2001:db8::{n}")).await);
        }
        let mut out = Vec::new();
        for guest in &mut flood {
            out.push(guest.is_out().await);
        }
        assert_eq!(out, [true, true, true, false, false]);
        assert!(!other.is_out().await);
        assert!(!street.comes("2001:db8:0:1::1").await.is_out().await);
    }

    #[tokio::test]
    async fn the_oldest_stranger_gives_way_and_who_showed_a_token_stays() {
        let street = Street::new(4).await;
        let mut owner = street.comes("127.0.0.1").await;
        owner.shows_token();
        let mut strangers = Vec::new();
        for _ in 0..4 {
            strangers.push(street.comes("127.0.0.1").await);
        }
        let mut out = Vec::new();
        for stranger in &mut strangers {
            out.push(stranger.is_out().await);
        }
        assert_eq!(
            out,
            [true, true, false, false],
            "two of four places are for strangers"
        );
        assert!(!owner.is_out().await);
        let (second, third) = (street.comes("127.0.0.1").await, street.comes("127.0.0.1").await);
        second.shows_token();
        third.shows_token();
        let fourth = street.comes("127.0.0.1").await;
        fourth.shows_token();
        assert!(
            street.comes("127.0.0.1").await.place.is_none(),
            "all are held by tokens"
        );
        drop(fourth);
        assert!(street.comes("127.0.0.1").await.place.is_some());
    }

    #[tokio::test]
    async fn strangers_of_the_largest_network_give_way_first() {
        let street = Street::new(32).await;
        let mut quiet = street.comes("192.0.2.7").await;
        let mut flood = Vec::new();
        for n in 0..20 {
            flood.push(street.comes(&format!("198.51.100.{}", n % 5)).await);
        }
        assert!(!quiet.is_out().await, "the oldest, but of a quiet network");
        assert!(flood[0].is_out().await);
    }
}
