//! The Ed25519 identity of this device.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clawtray_gateway_protocol::DeviceId;
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};
use std::fmt;

/// A device as the gateway knows it: an Ed25519 key. Keep its secret in the keychain and use it for good; a new one has
/// to be paired anew.
#[derive(Clone)]
pub struct DeviceIdentity {
    key: SigningKey,
    id: DeviceId,
}

impl DeviceIdentity {
    /// A new identity from the system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        Self::from_secret_bytes(&rand::random())
    }

    /// The identity with this secret.
    #[must_use]
    pub fn from_secret_bytes(secret: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(secret);
        let digest = Sha256::digest(key.verifying_key().as_bytes());
        Self {
            key,
            id: DeviceId(hex(&digest)),
        }
    }

    /// The secret, to be stored.
    #[must_use]
    pub fn to_secret_bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// The lowercase hex SHA-256 of the raw public key.
    #[must_use]
    pub fn id(&self) -> &DeviceId {
        &self.id
    }

    /// The raw public key, base64url without padding.
    #[must_use]
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.verifying_key().as_bytes())
    }

    /// The signature over a text, base64url without padding.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.key.sign(text.as_bytes()).to_bytes())
    }
}

impl fmt::Debug for DeviceIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceIdentity")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Lowercase hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_the_hash_of_the_public_key() {
        // RFC 8032, test 1.
        let secret: [u8; 32] = [
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
            0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
        ];
        let identity = DeviceIdentity::from_secret_bytes(&secret);
        assert_eq!(
            identity.public_key(),
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        );
        assert_eq!(
            identity.id().as_str(),
            "21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9"
        );
        assert_eq!(
            identity.sign(""),
            "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc-bRr0lv18FlbviRlUUFDjnoQCw"
        );
    }

    #[test]
    fn the_secret_comes_back_and_is_not_printed() {
        let identity = DeviceIdentity::generate();
        let again = DeviceIdentity::from_secret_bytes(&identity.to_secret_bytes());
        assert_eq!(identity.id(), again.id());
        assert_ne!(DeviceIdentity::generate().id(), identity.id());
        assert!(!format!("{identity:?}").contains(&hex(&identity.to_secret_bytes())));
    }
}
