//! How often somebody may try: so many times at once, and then one after the other, for each address. Decides only; the clock and
//! the addresses come in.

use std::{collections::HashMap, net::IpAddr, time::Duration};

/// Addresses that are remembered. While so many have tried within a minute, all others share what one has.
pub const ADDRESSES_MAX: usize = 65_536;

/// Who counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    /// A household has many addresses of version 6; this is the network of one.
    Network([u8; 8]),
    Address(IpAddr),
    /// Everybody for whom there is no place.
    Others,
}

/// The tries of all addresses.
#[derive(Debug)]
pub(crate) struct Tries {
    /// How long it takes until one more try is allowed; zero: no limit.
    each: Duration,
    /// How far ahead somebody may be: what may be tried at once.
    ahead: Duration,
    /// When each will have all its tries again. Who has them is forgotten.
    full_at: HashMap<Who, Duration>,
    swept_at: Duration,
}

impl Tries {
    /// So many in a minute, all of which may come at once; 0 is no limit.
    pub(crate) fn per_minute(tries: u32) -> Self {
        let minute = Duration::from_secs(60);
        let each = minute.checked_div(tries).unwrap_or_default();
        Self { each, ahead: minute, full_at: HashMap::new(), swept_at: Duration::ZERO }
    }

    /// Notes a try, unless it is one too many: then says how long to wait for the next. `now` is the time since any beginning.
    pub(crate) fn take(&mut self, address: IpAddr, now: Duration) -> Result<(), Duration> {
        if self.each.is_zero() {
            return Ok(());
        }
        let who = self.place_of(address, now);
        let full_at = self.full_at.entry(who).or_default();
        let next = (*full_at).max(now) + self.each;
        if let Some(wait) = next.checked_sub(now + self.ahead)
            && !wait.is_zero()
        {
            return Err(wait);
        }
        *full_at = next;
        Ok(())
    }

    fn place_of(&mut self, address: IpAddr, now: Duration) -> Who {
        let who = match address.to_canonical() {
            IpAddr::V6(six) => {
                let [a, b, c, d, e, f, g, h, ..] = six.octets();
                Who::Network([a, b, c, d, e, f, g, h])
            }
            four => Who::Address(four),
        };
        if self.full_at.len() >= ADDRESSES_MAX && !self.full_at.contains_key(&who) {
            // Looking through all of them is not for every newcomer.
            if now >= self.swept_at + Duration::from_secs(1) {
                self.swept_at = now;
                self.full_at.retain(|_, full_at| *full_at > now);
            }
            if self.full_at.len() >= ADDRESSES_MAX {
                return Who::Others;
            }
        }
        who
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    /// The clock of a server that runs for a day.
    const NOW: Duration = Duration::from_secs(86_400);

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(n))
    }

    #[test]
    fn so_many_come_at_once_and_then_one_after_the_other() {
        let mut tries = Tries::per_minute(6);
        for _ in 0..6 {
            assert_eq!(tries.take(address(1), NOW), Ok(()));
        }
        assert_eq!(tries.take(address(1), NOW), Err(10 * SECOND));
        assert_eq!(tries.take(address(1), NOW + 4 * SECOND), Err(6 * SECOND));
        assert_eq!(tries.take(address(1), NOW + 10 * SECOND), Ok(()));
        assert_eq!(tries.take(address(1), NOW + 10 * SECOND), Err(10 * SECOND));
        assert_eq!(tries.take(address(2), NOW), Ok(()), "another address has its own");
        for _ in 0..6 {
            assert_eq!(tries.take(address(1), 2 * NOW), Ok(()), "all are back later, and no more than that");
        }
        assert!(tries.take(address(1), 2 * NOW).is_err());
    }

    #[test]
    fn no_limit_is_no_limit() {
        let mut tries = Tries::per_minute(0);
        for _ in 0..1_000 {
            assert_eq!(tries.take(address(1), NOW), Ok(()));
        }
        assert!(tries.full_at.is_empty());
    }

    #[test]
    fn a_household_is_one_and_an_address_in_two_forms_too() {
        let mut tries = Tries::per_minute(1);
        let six = |host: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 7, 0, 0, 0, host));
        assert_eq!(tries.take(six(1), NOW), Ok(()));
        assert!(tries.take(six(2), NOW).is_err());
        let four = Ipv4Addr::new(192, 0, 2, 1);
        assert_eq!(tries.take(IpAddr::V4(four), NOW), Ok(()));
        assert!(tries.take(IpAddr::V6(four.to_ipv6_mapped()), NOW).is_err());
    }

    #[test]
    fn when_the_table_is_full_newcomers_share_one_place_until_others_are_forgotten() {
        let mut tries = Tries::per_minute(2);
        for n in 0..ADDRESSES_MAX as u32 {
            assert_eq!(tries.take(address(n), NOW), Ok(()));
        }
        let newcomer = |n: u32| address(ADDRESSES_MAX as u32 + n);
        assert_eq!(tries.take(newcomer(1), NOW), Ok(()));
        assert_eq!(tries.take(newcomer(2), NOW), Ok(()));
        assert!(tries.take(newcomer(3), NOW).is_err());
        assert!(tries.full_at.len() <= ADDRESSES_MAX + 1);
        assert_eq!(tries.take(address(5), NOW), Ok(()), "who is known keeps its own");
        // Everybody has all tries again.
        assert_eq!(tries.take(newcomer(3), NOW + 120 * SECOND), Ok(()));
        assert_eq!(tries.full_at.len(), 1);
    }
}
