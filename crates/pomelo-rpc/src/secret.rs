//! What the servers of one cluster know and nobody else, and how two of them prove that without saying it. Not here: when
//! ([`crate::Links::with_secret`], `hello`).
//!
//! Each side signs (HMAC-SHA256) both ids, the dialling side's life, and 32 random bytes of each side, which are new for every
//! connection. So a proof that somebody overheard is of no use to him. It says who has opened a link and no more: what goes over
//! the link afterwards is neither signed nor encrypted.

use std::fmt;
use std::sync::Arc;

use pomelo_protocol::ServerId;
use ring::hmac::{self, HMAC_SHA256};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::Hello;

/// Bytes of a random number, and of a proof.
pub(crate) const PROOF_BYTES: usize = 32;

/// Random bytes, or a proof.
pub(crate) type Bytes32 = [u8; PROOF_BYTES];

/// A text that all servers of a cluster share. Never shown.
#[derive(Clone)]
pub struct Secret(Arc<hmac::Key>);

/// What is signed.
pub(crate) struct Exchange<'a> {
    pub(crate) dialling: &'a Hello,
    pub(crate) accepting: &'a ServerId,
    /// The random bytes of the dialling side, and of the other.
    pub(crate) nonces: [Bytes32; 2],
}

/// Whose proof it is: one side's can't be sent back to it as the other's.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Dialling = 1,
    Accepting = 2,
}

impl Secret {
    /// The secret that is this text. Long and random is good: whoever overhears a hello can try short ones at home.
    pub fn new(text: &str) -> Self {
        Self(Arc::new(hmac::Key::new(HMAC_SHA256, text.as_bytes())))
    }

    pub(crate) fn proof(&self, side: Side, exchange: &Exchange<'_>) -> Bytes32 {
        let tag = hmac::sign(&self.0, &exchange.signed(side));
        let mut proof = Bytes32::default();
        proof.copy_from_slice(tag.as_ref());
        proof
    }

    pub(crate) fn proves(&self, side: Side, exchange: &Exchange<'_>, proof: &Bytes32) -> bool {
        hmac::verify(&self.0, &exchange.signed(side), proof).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Exchange<'_> {
    fn signed(&self, side: Side) -> Vec<u8> {
        let mut bytes = b"pomelo-rpc".to_vec();
        bytes.push(side as u8);
        bytes.extend(self.dialling.incarnation.to_be_bytes());
        for id in [&self.dialling.id, self.accepting] {
            bytes.extend((id.as_str().len() as u64).to_be_bytes());
            bytes.extend(id.as_str().as_bytes());
        }
        bytes.extend(self.nonces.as_flattened());
        bytes
    }
}

/// New random bytes; nothing if the system has none.
pub(crate) fn nonce() -> Option<Bytes32> {
    let mut bytes = Bytes32::default();
    SystemRandom::new().fill(&mut bytes).ok().map(|()| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_its_secret_its_side_and_its_connection_only() {
        let id = |id: &str| ServerId::new(id).unwrap();
        let (hello, me) = (Hello { id: id("chat-1"), incarnation: 7 }, id("gate-1"));
        let exchange = Exchange { dialling: &hello, accepting: &me, nonces: [[1; 32], [2; 32]] };
        let secret = Secret::new("one");
        let proof = secret.proof(Side::Dialling, &exchange);
        assert!(secret.proves(Side::Dialling, &exchange, &proof));
        assert!(!secret.proves(Side::Accepting, &exchange, &proof));
        assert!(!Secret::new("two").proves(Side::Dialling, &exchange, &proof));
        let later = Exchange { nonces: [[1; 32], [3; 32]], ..exchange };
        assert!(!secret.proves(Side::Dialling, &later, &proof));
        let other = Hello { id: id("chat-2"), incarnation: 7 };
        let other = Exchange { dialling: &other, accepting: &me, nonces: [[1; 32], [2; 32]] };
        assert!(!secret.proves(Side::Dialling, &other, &proof));
        assert_ne!(nonce(), nonce());
        assert_eq!(format!("{secret:?}"), "(secret)");
    }
}
