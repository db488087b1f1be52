//! A hash for ids of entities. The server makes them itself, counting up, so nobody can choose ones that collide; and whoever
//! watches a tower is looked up for each step into or out of it, which the standard hash makes most of the cost of.

use std::hash::{BuildHasher, Hasher};

/// Makes hashes of ids.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct ById;

/// Spreads a number over all bits by one multiplication.
#[derive(Debug, Default)]
pub(crate) struct Spread(u64);

impl BuildHasher for ById {
    type Hasher = Spread;

    fn build_hasher(&self) -> Spread {
        Spread::default()
    }
}

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32((*byte).into());
        }
    }

    fn write_u32(&mut self, id: u32) {
        self.0 = (self.0 ^ u64::from(id)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
