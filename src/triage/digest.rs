//! Digests of secrets for the baseline: fast and keyed for strong secrets, slow for those that can be guessed.

use std::collections::HashMap;
use std::sync::Mutex;

use argon2::{Algorithm, Argon2, Params, Version};

use super::fingerprint::hex;
use crate::model::Secret;

/// What Argon2id costs, as recorded in the baseline's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for Cost {
    /// OWASP's password storage cheat sheet (2024): Argon2id with 19 MiB and two passes; 20 to 50 ms here.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

impl Cost {
    /// A baseline is read from the scanned tree: it may neither weaken its digests nor make a scan take for ever.
    pub(super) fn sane(self) -> bool {
        (8 * 1024..=32 * 1024).contains(&self.memory_kib) && (1..=4).contains(&self.passes)
    }
}

/// What marks a slow digest.
pub(super) const SLOW: &str = "-argon2";
/// Bytes of a digest.
const WIDTH: usize = 16;

/// Makes digests under one salt and key.
pub(super) struct Digests {
    /// Salt and external key in one.
    key: [u8; 32],
    salt: Vec<u8>,
    cost: Cost,
    /// Slow digests by fast ones; None where the machine could not make one. Holds no secret.
    memo: Mutex<HashMap<[u8; WIDTH], Option<[u8; WIDTH]>>>,
}

impl Digests {
    /// None when an external key is given and the machine cannot stretch it (no memory).
    pub(super) fn new(salt: &[u8], external: Option<&[u8]>, cost: Cost) -> Option<Self> {
        let mut material = salt.to_vec();
        if let Some(external) = external {
            // Stretched, because the header's check value would otherwise let a weak key be guessed fast.
            let mut stretched = [0; 32];
            stretch(external, salt, cost, &mut stretched)?;
            material.extend_from_slice(&stretched);
        }
        let key = blake3::derive_key("keyward 2026 baseline v1", &material);
        Some(Self { key, salt: salt.to_vec(), cost, memo: Mutex::default() })
    }

    /// Proves in the header that the key is the right one.
    pub(super) fn check_value(&self) -> String {
        let check = blake3::derive_key("keyward 2026 baseline key check v1", &self.key);
        hex(check.get(..8).unwrap_or_default())
    }

    /// The digest of a strong secret.
    pub(super) fn fast(&self, secret: &Secret) -> String {
        hex(&self.quick(secret))
    }

    /// The digest of a secret that can be guessed; None when the machine has no memory for it.
    pub(super) fn slow(&self, secret: &Secret) -> Option<String> {
        let quick = self.quick(secret);
        let known = self.memo.lock().ok().and_then(|memo| memo.get(&quick).copied());
        let digest = known.unwrap_or_else(|| {
            let mut out = [0; WIDTH];
            let made = stretch(&quick, &self.salt, self.cost, &mut out).map(|()| out);
            if let Ok(mut memo) = self.memo.lock() {
                memo.insert(quick, made);
            }
            made
        });
        digest.map(|bytes| hex(&bytes) + SLOW)
    }

    /// One or the other.
    pub(super) fn of(&self, secret: &Secret, guessable: bool) -> Option<String> {
        if guessable { self.slow(secret) } else { Some(self.fast(secret)) }
    }

    fn quick(&self, secret: &Secret) -> [u8; WIDTH] {
        let mut out = [0; WIDTH];
        for (to, from) in out.iter_mut().zip(blake3::keyed_hash(&self.key, secret.reveal()).as_bytes()) {
            *to = *from;
        }
        out
    }
}

/// Shows neither key nor digests.
impl std::fmt::Debug for Digests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Digests").field("cost", &self.cost).finish_non_exhaustive()
    }
}

fn stretch(input: &[u8], salt: &[u8], cost: Cost, out: &mut [u8]) -> Option<()> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(out.len())).ok()?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(input, salt, out).ok()
}
