//! The form of our tokens: `BODY.SIGNATURE`, both URL-safe base64 without padding; the body is `uid.milliseconds.nonce` in decimal
//! and hexadecimal digits, the signature is HMAC-SHA-256 over the text of the body. The nonce tells two tokens of one millisecond
//! apart, nobody gains anything by guessing it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::hmac;

use crate::Claim;

/// Who can make tokens.
#[derive(Debug, Clone)]
pub(crate) struct Key(hmac::Key);

impl Key {
    pub(crate) fn new(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }

    pub(crate) fn seal(&self, Claim { uid, issued_ms }: Claim) -> String {
        let body = BASE64.encode(format!("{uid}.{issued_ms}.{:016x}", fastrand::u64(..)));
        let signature = hmac::sign(&self.0, body.as_bytes());
        format!("{body}.{}", BASE64.encode(signature))
    }

    /// Nothing in the body is looked at before the signature is known to be good.
    pub(crate) fn open(&self, token: &str) -> Option<Claim> {
        let (body, signature) = token.split_once('.')?;
        let signature = BASE64.decode(signature).ok()?;
        hmac::verify(&self.0, body.as_bytes(), &signature).ok()?;
        let body = String::from_utf8(BASE64.decode(body).ok()?).ok()?;
        let mut parts = body.split('.');
        Some(Claim { uid: parts.next()?.parse().ok()?, issued_ms: parts.next()?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIM: Claim = Claim { uid: 42, issued_ms: 1_700_000_000_000 };

    #[test]
    fn a_token_can_stand_in_an_address_and_no_two_are_alike() {
        let key = Key::new("secret");
        let token = key.seal(CLAIM);
        assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)), "{token}");
        assert!(token.len() < 128, "{token}");
        assert_ne!(token, key.seal(CLAIM));
    }

    #[test]
    fn changing_any_character_or_the_length_breaks_it() {
        let key = Key::new("secret");
        let token = key.seal(CLAIM);
        for at in 0..token.len() {
            for other in ['A', 'Z', '0', '_', '.', '='] {
                let mut changed: Vec<char> = token.chars().collect();
                if changed[at] == other {
                    continue;
                }
                changed[at] = other;
                assert_eq!(key.open(&changed.iter().collect::<String>()), None, "character {at}");
            }
            assert_eq!(key.open(&token[..at]), None, "the first {at} characters");
        }
        assert_eq!(key.open(&format!("{token}A")), None);
    }

    #[test]
    fn the_signature_is_the_one_everybody_else_computes() {
        // RFC 4231, test case 2: HMAC-SHA-256 with the key "Jefe".
        let signature = hmac::sign(&Key::new("Jefe").0, b"what do ya want for nothing?");
        assert_eq!(BASE64.encode(signature), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM");
    }
}
