//! Who may connect: how many, how many from one address, how fast, and from where not.
//!
//! Without I/O and without a clock: addresses and the time in, a [`Place`] or a [`Refusal`] out. A customer of IPv6 has a
//! whole network, so its first 64 bits count as one address.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use pomelo_cluster::cidr::{Cidr, as_bits, masked};
use tokio::time::Instant;

use super::hybrid::Hybrid;
use crate::lock;

/// Addresses and ranges that may be blocked; others are let in, and that is said in the log.
const BLOCKED_MAX: usize = 4_096;

/// Addresses of which is known when they last connected. If more come within a second, those are let in as fast as they
/// like: what is left is the limit for all.
const ADDRESSES_MAX: usize = 65_536;

/// How long an address has to be quiet to be forgotten.
const WINDOW: Duration = Duration::from_secs(1);

/// The places for connections of one connector.
pub(super) struct Admission {
    connections_max: usize,
    per_address_max: Option<u32>,
    per_second_max: Option<u32>,
    state: Mutex<State>,
    blocked: RwLock<Blocked>,
}

#[derive(Default)]
struct State {
    connections: usize,
    /// Empty without limits for single addresses.
    addresses: HashMap<Source, Seen>,
    /// When those were last looked through that can be forgotten.
    swept: Option<Instant>,
}

/// An address that counts as one: that of IPv4, or the network of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Source(u128);

/// What is known of one.
struct Seen {
    connections: u32,
    /// How many more may come now, in thousandths.
    credit: u64,
    at: Instant,
}

/// Ranges by how many bits they have in common.
#[derive(Default)]
struct Blocked {
    nets: BTreeMap<u8, HashSet<u128>>,
    count: usize,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It is on the list.
    #[error("address is blocked")]
    Blocked,
    /// All places are taken.
    #[error("connector is full, it takes {max}")]
    Full {
        /// How many there are.
        max: usize,
    },
    /// Its address has as many as it may have.
    #[error("{max} connections are there from this address, as many as allowed")]
    AddressFull {
        /// How many it may have.
        max: u32,
    },
    /// Its address has had too many new ones.
    #[error("more than {max} new connections a second from this address")]
    TooFast {
        /// How many it may have.
        max: u32,
    },
}

/// A place among the connections, given back when it is dropped.
pub(super) struct Place {
    admission: Arc<Admission>,
    /// Whose it is. A proxy's own connection is nobody's.
    source: Option<Source>,
}

impl Admission {
    pub(super) fn new(hybrid: &Hybrid) -> Arc<Self> {
        let admission = Self {
            connections_max: hybrid.max_connections,
            per_address_max: hybrid.max_connections_per_address,
            per_second_max: hybrid.new_connections_per_second,
            state: Mutex::default(),
            blocked: RwLock::default(),
        };
        admission.block(hybrid.blacklist.iter().copied());
        Arc::new(admission)
    }

    /// Lets nobody in from there from now on.
    pub(super) fn block(&self, nets: impl IntoIterator<Item = Cidr>) {
        let mut blocked = self.blocked.write().unwrap_or_else(PoisonError::into_inner);
        for net in nets {
            if !blocked.insert(net) {
                return tracing::warn!(%net, max = BLOCKED_MAX, "too many addresses are blocked, this one is not");
            }
        }
    }

    /// Somebody has connected from there.
    pub(super) fn admit(self: &Arc<Self>, addr: IpAddr, now: Instant) -> Result<Place, Refusal> {
        let mut place = self.admit_proxy()?;
        place.comes_from(addr, now)?;
        Ok(place)
    }

    /// A proxy has connected, and will say for whom.
    pub(super) fn admit_proxy(self: &Arc<Self>) -> Result<Place, Refusal> {
        let mut state = lock(&self.state);
        if state.connections >= self.connections_max {
            return Err(Refusal::Full { max: self.connections_max });
        }
        state.connections += 1;
        Ok(Place { admission: Arc::clone(self), source: None })
    }

    fn admit_source(&self, state: &mut State, source: Source, now: Instant) -> Result<(), Refusal> {
        let full = self.per_second_max.map_or(0, |max| u64::from(max) * 1000);
        if state.addresses.len() >= ADDRESSES_MAX && !state.addresses.contains_key(&source) {
            state.sweep(now);
        }
        let strangers = state.addresses.len() >= ADDRESSES_MAX;
        let seen = match state.addresses.get_mut(&source) {
            Some(seen) => seen,
            // Only with more connections than there are rows: the limit for all holds.
            None if strangers => return Ok(()),
            None => state.addresses.entry(source).or_insert(Seen { connections: 0, credit: full, at: now }),
        };
        if let Some(max) = self.per_address_max.filter(|max| seen.connections >= *max) {
            return Err(Refusal::AddressFull { max });
        }
        if let Some(max) = self.per_second_max {
            let passed =
                u64::try_from(now.saturating_duration_since(seen.at).as_micros()).unwrap_or(u64::MAX);
            let earned = passed.saturating_mul(u64::from(max)) / 1000;
            // What is earned is less than a thousandth when it comes very fast: then time goes on until it is one.
            if earned > 0 {
                seen.credit = seen.credit.saturating_add(earned).min(full);
                seen.at = now;
            }
            seen.credit = seen.credit.checked_sub(1000).ok_or(Refusal::TooFast { max })?;
        } else {
            seen.at = now;
        }
        seen.connections += 1;
        Ok(())
    }
}

impl Place {
    /// It is known who has connected.
    pub(super) fn comes_from(&mut self, addr: IpAddr, now: Instant) -> Result<(), Refusal> {
        let admission = &self.admission;
        if admission.blocked.read().unwrap_or_else(PoisonError::into_inner).contains(addr) {
            return Err(Refusal::Blocked);
        }
        if admission.per_address_max.is_some() || admission.per_second_max.is_some() {
            let source = Source::of(addr);
            admission.admit_source(&mut lock(&admission.state), source, now)?;
            self.source = Some(source);
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = lock(&self.admission.state);
        state.connections -= 1;
        let Some(source) = self.source else { return };
        if let Some(seen) = state.addresses.get_mut(&source) {
            seen.connections = seen.connections.saturating_sub(1);
            // Without a limit of speed nothing has to be remembered of who is gone.
            if seen.connections == 0 && self.admission.per_second_max.is_none() {
                state.addresses.remove(&source);
            }
        }
    }
}

impl State {
    /// Forgets who has no connection and was quiet; at most once in a window, since it looks at all.
    fn sweep(&mut self, now: Instant) {
        let quiet = |at: Instant| now.saturating_duration_since(at) >= WINDOW;
        if self.swept.is_none_or(quiet) {
            self.swept = Some(now);
            self.addresses.retain(|_, seen| seen.connections > 0 || !quiet(seen.at));
            if self.addresses.len() >= ADDRESSES_MAX {
                tracing::warn!(max = ADDRESSES_MAX, "too many addresses to count each, new ones are not");
            }
        }
    }
}

impl Source {
    fn of(addr: IpAddr) -> Self {
        match addr.to_canonical() {
            addr @ IpAddr::V4(_) => Self(as_bits(addr)),
            addr @ IpAddr::V6(_) => Self(masked(as_bits(addr), 64)),
        }
    }
}

impl Blocked {
    /// False if there is no room for it.
    fn insert(&mut self, net: Cidr) -> bool {
        let (bits, prefix) = net.bits();
        if self.nets.get(&prefix).is_some_and(|nets| nets.contains(&bits)) {
            return true;
        }
        if self.count == BLOCKED_MAX {
            return false;
        }
        self.count += 1;
        self.nets.entry(prefix).or_default().insert(bits)
    }

    fn contains(&self, addr: IpAddr) -> bool {
        let bits = as_bits(addr);
        self.nets.iter().any(|(prefix, nets)| nets.contains(&masked(bits, *prefix)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(hybrid: Hybrid) -> (Arc<Admission>, Instant) {
        (Admission::new(&hybrid), Instant::now())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_limited_for_all_and_for_each_address_and_come_back() {
        let (admission, now) = admission(Hybrid::new().max_connections(3).max_connections_per_address(2));
        let admit = |addr: &str| admission.admit(ip(addr), now);
        let first = [admit("10.0.0.1").unwrap(), admit("::ffff:10.0.0.1").unwrap()];
        assert_eq!(admit("10.0.0.1").err(), Some(Refusal::AddressFull { max: 2 }));
        let other = admit("10.0.0.2").unwrap();
        assert_eq!(admit("10.0.0.3").err(), Some(Refusal::Full { max: 3 }));
        drop(first);
        let again = [admit("10.0.0.1").unwrap(), admit("10.0.0.1").unwrap()];
        drop((again, other));
        assert_eq!(lock(&admission.state).addresses.len(), 0, "nothing is remembered of who is gone");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let (admission, now) = admission(Hybrid::new().max_connections_per_address(1));
        let _first = admission.admit(ip("2001:db8::1"), now).unwrap();
        assert!(admission.admit(ip("2001:db8::ffff:0:0:2"), now).is_err());
        assert!(admission.admit(ip("2001:db8:0:1::1"), now).is_ok());
    }

    #[test]
    fn an_address_may_connect_so_often_in_a_second_and_earns_more_with_time() {
        let (admission, start) = admission(Hybrid::new().new_connections_per_second(10));
        let admitted = |at: Duration, tries: usize| {
            (0..tries).filter(|_| admission.admit(ip("10.0.0.1"), start + at).is_ok()).count()
        };
        assert_eq!(admitted(Duration::ZERO, 50), 10);
        assert_eq!(admitted(Duration::from_millis(100), 50), 1);
        // However short the steps are, time passes.
        let slowly: usize = (1..=10_000)
            .map(|n| admitted(Duration::from_millis(100) + n * Duration::from_micros(50), 1))
            .sum();
        assert_eq!(slowly, 5);
        assert_eq!(admitted(Duration::from_secs(60), 50), 10);
        assert!(admission.admit(ip("10.0.0.2"), start).is_ok(), "others are not concerned");
    }

    #[test]
    fn addresses_are_forgotten_before_there_are_too_many() {
        let (admission, start) =
            admission(Hybrid::new().max_connections(usize::MAX).new_connections_per_second(1));
        for n in 0..ADDRESSES_MAX as u32 + 10 {
            assert!(admission.admit(IpAddr::V4(n.into()), start).is_ok());
        }
        assert_eq!(lock(&admission.state).addresses.len(), ADDRESSES_MAX);
        assert!(admission.admit(ip("200.0.0.1"), start + WINDOW).is_ok());
        assert_eq!(lock(&admission.state).addresses.len(), 1);
    }

    #[test]
    fn blocked_ranges_are_not_let_in() {
        let (admission, now) = admission(Hybrid::new().blacklist(["10.0.0.0/8", "2001:db8::/32"]));
        admission.block(["192.168.0.7".parse::<Cidr>().unwrap()]);
        for (addr, blocked) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("11.1.2.3", false),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
            ("192.168.0.7", true),
            ("192.168.0.8", false),
        ] {
            assert_eq!(admission.admit(ip(addr), now).err(), blocked.then_some(Refusal::Blocked), "{addr}");
        }
        let many = (0..BLOCKED_MAX as u32 + 5).map(|n| Cidr::from(IpAddr::V4(n.into())));
        admission.block(many);
        assert_eq!(admission.blocked.read().unwrap().count, BLOCKED_MAX);
    }
}
