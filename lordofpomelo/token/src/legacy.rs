//! The form of the original's tokens: `uid|milliseconds`, AES-256-CBC with PKCS#7 padding, lower-case hexadecimal. Key and
//! initialisation vector come from the secret as OpenSSL's `EVP_BytesToKey` makes them: MD5, one round, no salt.

use std::fmt;

use aes::Aes256;
use cbc::{
    Decryptor, Encryptor,
    cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _, block_padding::Pkcs7},
};
use md5::{Digest as _, Md5};

use crate::Claim;

/// Who can make tokens.
#[derive(Clone)]
pub(crate) struct Key {
    key: [u8; 32],
    iv: [u8; 16],
}

/// Prints nothing of the secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    pub(crate) fn new(secret: &str) -> Self {
        let mut digests = [[0; 16]; 3];
        let mut before: &[u8] = &[];
        for digest in &mut digests {
            *digest = Md5::new().chain_update(before).chain_update(secret).finalize().into();
            before = digest;
        }
        let [high, low, iv] = digests;
        let mut key = [0; 32];
        key[..16].copy_from_slice(&high);
        key[16..].copy_from_slice(&low);
        Self { key, iv }
    }

    pub(crate) fn seal(&self, Claim { uid, issued_ms }: Claim) -> String {
        let sealed = Encryptor::<Aes256>::new(&self.key.into(), &self.iv.into())
            .encrypt_padded_vec::<Pkcs7>(format!("{uid}|{issued_ms}").as_bytes());
        hex(&sealed)
    }

    pub(crate) fn open(&self, token: &str) -> Option<Claim> {
        let opened = Decryptor::<Aes256>::new(&self.key.into(), &self.iv.into())
            .decrypt_padded_vec::<Pkcs7>(&bytes(token)?)
            .ok()?;
        let text = String::from_utf8(opened).ok()?;
        let (uid, issued_ms) = text.split_once('|')?;
        Some(Claim { uid: uid.parse().ok()?, issued_ms: issued_ms.parse().ok()? })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || !hex.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SAMPLE_SECRET;

    #[test]
    fn tokens_are_the_originals() {
        let key = Key::new(SAMPLE_SECRET);
        assert_eq!(hex(&key.key), "152deb5cae269464dd59eb816c08586612c908b87e93af7e646f07fc5b42e993");
        assert_eq!(hex(&key.iv), "5e4fb3fe26efc15e0871207e38537d37");
        for (uid, issued_ms, token) in [
            (1, 1_400_000_000_000, "dbf97793d37e424d88c1852dbf8e3d39"),
            (42, 1_700_000_000_000, "ed7625321f1f4e5871d2eb24140a0a4bb0cb05d106e774099a9b1127853e7a9c"),
        ] {
            let claim = Claim { uid, issued_ms };
            assert_eq!(key.seal(claim), token);
            assert_eq!(key.open(token), Some(claim));
        }
    }

    #[test]
    fn three_parts_or_a_user_that_is_no_number_are_no_token() {
        let key = Key::new("secret");
        let sealed = |text: &str| {
            hex(&Encryptor::<Aes256>::new(&key.key.into(), &key.iv.into())
                .encrypt_padded_vec::<Pkcs7>(text.as_bytes()))
        };
        assert_eq!(key.open(&sealed("1|2")), Some(Claim { uid: 1, issued_ms: 2 }));
        for text in ["1|2|3", "1", "", "|", "ann|2", "-1|2", "1|"] {
            assert_eq!(key.open(&sealed(text)), None, "{text:?}");
        }
    }
}
