//! A range of network addresses as people write it: `10.0.0.0/8`, `2001:db8::/32`, or one address.
//!
//! For lists of who is not let in. Looking an address up in many ranges is the business of who has them.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The addresses that have their first bits in common.
///
/// ```
/// use pomelo_cluster::cidr::Cidr;
///
/// let net: Cidr = "10.0.0.0/8".parse().unwrap();
/// assert!(net.contains("10.1.2.3".parse().unwrap()) && !net.contains("11.0.0.1".parse().unwrap()));
/// assert_eq!("10.0.0.7".parse::<Cidr>().unwrap().to_string(), "10.0.0.7");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    addr: IpAddr,
    prefix: u8,
}

/// Text that is no such range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// Neither an address nor a range.
    #[error("expected an address like \"10.0.0.7\" or a range like \"10.0.0.0/8\" or \"2001:db8::/32\"")]
    Malformed,
    /// More bits than the address has.
    #[error("/{prefix} is more than the {max} bits of such an address")]
    Prefix {
        /// What was asked for.
        prefix: u8,
        /// How many there are.
        max: u8,
    },
    /// An address within the range in place of its first.
    #[error("the range begins with {first}: write {first}/{prefix}")]
    NotFirst {
        /// The first address.
        first: IpAddr,
        /// How many bits are in common.
        prefix: u8,
    },
}

impl Cidr {
    /// Whether the address is one of these. An IPv4 address in IPv6's clothes is the same one.
    pub fn contains(&self, addr: IpAddr) -> bool {
        let (bits, prefix) = self.bits();
        masked(as_bits(addr), prefix) == bits
    }

    /// The first address as IPv6 has it (IPv4 as `::ffff:a.b.c.d`), and how many of its 128 bits count.
    pub fn bits(&self) -> (u128, u8) {
        let prefix = if self.addr.is_ipv4() { self.prefix + 96 } else { self.prefix };
        (as_bits(self.addr), prefix)
    }
}

/// An address as IPv6 has it.
pub fn as_bits(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped().to_bits(),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

/// The first `prefix` of 128 bits, the others zero.
pub fn masked(bits: u128, prefix: u8) -> u128 {
    bits & u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0)
}

impl From<IpAddr> for Cidr {
    fn from(addr: IpAddr) -> Self {
        let addr = addr.to_canonical();
        Self { addr, prefix: if addr.is_ipv4() { 32 } else { 128 } }
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let Some((addr, prefix)) = text.split_once('/') else {
            return text.parse::<IpAddr>().map(Self::from).map_err(|_| CidrError::Malformed);
        };
        let addr: IpAddr = addr.parse().map_err(|_| CidrError::Malformed)?;
        let prefix: u8 = prefix.parse().map_err(|_| CidrError::Malformed)?;
        let max = if addr.is_ipv4() { 32 } else { 128 };
        if prefix > max {
            return Err(CidrError::Prefix { prefix, max });
        }
        let net = Self { addr, prefix };
        let (bits, all) = net.bits();
        let first = Ipv6Addr::from_bits(masked(bits, all));
        if masked(bits, all) != bits {
            let first = if addr.is_ipv4() { IpAddr::V6(first).to_canonical() } else { first.into() };
            return Err(CidrError::NotFirst { first, prefix });
        }
        Ok(net)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.addr, self.prefix) {
            (IpAddr::V4(addr), 32) => addr.fmt(f),
            (IpAddr::V6(addr), 128) => addr.fmt(f),
            (addr, prefix) => write!(f, "{addr}/{prefix}"),
        }
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(|error| de::Error::custom(format!("{text:?}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(net: &str, addr: &str) -> bool {
        net.parse::<Cidr>().unwrap().contains(addr.parse().unwrap())
    }

    #[test]
    fn a_range_has_the_addresses_that_begin_as_it_does() {
        assert!(within("10.0.0.0/8", "10.255.0.1") && !within("10.0.0.0/8", "11.0.0.0"));
        assert!(within("0.0.0.0/0", "8.8.8.8") && !within("0.0.0.0/0", "2001:db8::1"));
        assert!(within("::/0", "2001:db8::1") && within("2001:db8::/33", "2001:db8:7fff::1"));
        assert!(!within("2001:db8::/33", "2001:db8:8000::1"));
        assert!(within("10.0.0.7", "::ffff:10.0.0.7") && !within("10.0.0.7", "10.0.0.8"));
        assert!(within("::1", "::1"));
    }

    #[test]
    fn what_is_no_range_is_refused_in_words() {
        let refused = |text: &str| text.parse::<Cidr>().unwrap_err().to_string();
        assert_eq!(refused("10.0.0.1/8"), "the range begins with 10.0.0.0: write 10.0.0.0/8");
        assert_eq!(refused("10.0.0.0/33"), "/33 is more than the 32 bits of such an address");
        for text in ["", "ten", "10.0.0/8", "10.0.0.0/", "10.0.0.0/x", "::/-1", "10.0.0.0/8/8"] {
            assert!(refused(text).starts_with("expected an address like"), "{text}");
        }
    }

    #[test]
    fn it_is_written_as_it_was_read() {
        for text in ["10.0.0.0/8", "10.0.0.7", "::1", "2001:db8::/32"] {
            assert_eq!(text.parse::<Cidr>().unwrap().to_string(), text);
            let json = serde_json::to_string(&text.parse::<Cidr>().unwrap()).unwrap();
            assert_eq!(serde_json::from_str::<Cidr>(&json).unwrap().to_string(), text);
        }
    }
}
