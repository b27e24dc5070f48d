//! Devices that wait for approval, and device tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use subtle::ConstantTimeEq;

use crate::server::door::network_of;
use crate::store::devices::DeviceRecord;

/// A device that asked to be paired.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PairingRequest {
    pub(crate) request_id: String,
    pub(crate) device: DeviceRecord,
    pub(crate) reason: &'static str,
    pub(crate) ts: i64,
}

/// The requests that wait; they do not survive a restart.
#[derive(Debug, Default)]
pub(crate) struct Pairings {
    waiting: Mutex<Vec<PairingRequest>>,
    failures: Failures,
}

/// Requests kept at most; older ones are dropped first.
const WAITING_MAX: usize = 64;

impl Pairings {
    /// Files a request; the same device gets the same id again.
    pub(crate) fn file(&self, device: DeviceRecord, reason: &'static str, ts: i64) -> PairingRequest {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = waiting.iter_mut().find(|r| r.device.id == device.id) {
            found.device = device;
            found.reason = reason;
            return found.clone();
        }
        let request = PairingRequest {
            request_id: uuid::Uuid::new_v4().to_string(),
            device,
            reason,
            ts,
        };
        if waiting.len() >= WAITING_MAX {
            waiting.remove(0);
        }
        waiting.push(request.clone());
        request
    }

    pub(crate) fn list(&self) -> Vec<PairingRequest> {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn take(&self, request_id: &str) -> Option<PairingRequest> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let at = waiting.iter().position(|r| r.request_id == request_id)?;
        Some(waiting.remove(at))
    }
}

/// The device token of a device: derived from the gateway's token, so that nothing secret lies on disk, and a new
/// gateway token makes every device token worthless.
pub(crate) fn device_token(gateway_token: &str, device: &DeviceRecord) -> Option<String> {
    let key = Sha256::digest(format!("clawtray-device-token\n{gateway_token}"));
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{}\n{}\noperator", device.id, device.generation).as_bytes());
    Some(URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// Compares in a time that depends on neither content nor length.
pub(crate) fn same_secret(a: &str, b: &str) -> bool {
    Sha256::digest(a.as_bytes())
        .ct_eq(&Sha256::digest(b.as_bytes()))
        .into()
}

/// Failed attempts from one address before it is locked out.
const FAILURES_MAX: u32 = 10;
const LOCKOUT: std::time::Duration = std::time::Duration::from_secs(300);
/// Addresses remembered at most.
const ADDRESSES_MAX: usize = 4_096;

/// Failed attempts by address. Loopback is exempt, as it is on the gateway.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    by_ip: Mutex<HashMap<IpAddr, (u32, Instant)>>,
}

impl Pairings {
    /// How long an address is still locked out.
    pub(crate) fn locked(&self, ip: IpAddr) -> Option<std::time::Duration> {
        let map = self.failures.by_ip.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, last) = map.get(&network_of(ip))?;
        (*count >= FAILURES_MAX)
            .then(|| LOCKOUT.saturating_sub(last.elapsed()))
            .filter(|d| !d.is_zero())
    }

    pub(crate) fn count_failure(&self, ip: IpAddr) {
        if ip.to_canonical().is_loopback() {
            return;
        }
        let mut map = self.failures.by_ip.lock().unwrap_or_else(PoisonError::into_inner);
        map.retain(|_, (_, last)| last.elapsed() < LOCKOUT);
        let network = network_of(ip);
        if map.len() < ADDRESSES_MAX || map.contains_key(&network) {
            let entry = map.entry(network).or_insert((0, Instant::now()));
            *entry = (entry.0 + 1, Instant::now());
        }
    }
}
