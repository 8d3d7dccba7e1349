//! API keys: who may send, read and administer.
//!
//! Invariant: a key is held as its SHA-256 digest only, compared in constant time, and never
//! logged. Keys are long random strings, so a fast digest suffices and brute force costs the
//! attacker more than us; passwords of people belong to `web.config.file`, not here.

use crate::{clock, limits};
use axum::http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// What a key may do. `Admin` may do everything; the others only what they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Send telemetry.
    Ingest,
    /// Read telemetry, metrics and states.
    Read,
    /// Everything, also what shows or changes the configuration.
    Admin,
}

/// The SHA-256 digest of a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

/// A key as the configuration names it.
#[derive(Debug, Clone)]
pub struct Key {
    /// The name that logs and audits show.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The digest of its secret.
    pub digest: Digest,
}

/// Why a request was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Denied {
    /// No key was sent.
    #[error("no key was sent")]
    Missing,
    /// The key is not known.
    #[error("the key is not known")]
    Unknown,
    /// The key's role does not suffice for this one.
    #[error("the key needs the role {}", .0.name())]
    Role(Role),
}

/// Hears of every login that failed; `app` counts them and writes security events.
pub trait AccessObserver: Send + Sync {
    /// A request was turned away. `key` names the key where it is a known one.
    fn denied(&self, reason: Denied, needed: Role, key: Option<&str>);
}

/// All keys of the configuration.
pub struct Keys {
    keys: Vec<Key>,
    observer: Arc<dyn AccessObserver>,
    logged: LoggedLogins,
}

impl Role {
    /// The name in the configuration and in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    /// The role of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Ingest, Self::Read, Self::Admin].into_iter().find(|role| role.name() == name)
    }

    fn may(self, needed: Self) -> bool {
        self == needed || self == Self::Admin
    }
}

impl Digest {
    /// The digest of a secret as it would be sent.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// The digest that `sha256sum` prints: 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut digest = [0; 32];
        for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
        }
        Some(Self(digest))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl Keys {
    /// Keys of the configuration. None at all means that everything is open, which the
    /// configuration allows on loopback addresses only.
    pub fn new(keys: Vec<Key>, observer: Arc<dyn AccessObserver>) -> Self {
        Self { keys, observer, logged: LoggedLogins::default() }
    }

    /// Whether no key is needed.
    pub fn open(&self) -> bool {
        self.keys.is_empty()
    }

    /// Lets a request through or says why not; works for HTTP headers and gRPC metadata alike.
    /// `Ok(None)` means that everything is open.
    pub fn check(&self, headers: &HeaderMap, needed: Role) -> Result<Option<&Key>, Denied> {
        self.check_secret(secret(headers), needed)
    }

    /// The same for a key that was found elsewhere than in the usual headers.
    pub fn check_secret(
        &self,
        secret: Option<&[u8]>,
        needed: Role,
    ) -> Result<Option<&Key>, Denied> {
        if self.open() {
            return Ok(None);
        }
        let (key, denied) = match secret {
            None => (None, Some(Denied::Missing)),
            Some(secret) => match self.find(secret) {
                None => (None, Some(Denied::Unknown)),
                Some(key) if key.role.may(needed) => (Some(key), None),
                Some(key) => (Some(key), Some(Denied::Role(needed))),
            },
        };
        match denied {
            None => Ok(key),
            Some(denied) => {
                let name = key.map(|key| key.name.as_str());
                self.observer.denied(denied, needed, name);
                if let Some(unlogged) = self.logged.admit(clock::unix_nanos() / 1_000_000_000) {
                    let needed = needed.name();
                    tracing::warn!(target: "security", reason = %denied, needed, key_name = name,
                        unlogged, "A request was turned away.");
                }
                Err(denied)
            }
        }
    }

    /// The key of a secret. All keys are compared, so that time tells neither whether nor where.
    fn find(&self, secret: &[u8]) -> Option<&Key> {
        let digest: [u8; 32] = Sha256::digest(secret).into();
        let mut found = u64::MAX;
        for (index, key) in (0_u64..).zip(&self.keys) {
            let same: Choice = key.digest.0.ct_eq(&digest);
            found.conditional_assign(&index, same);
        }
        self.keys.get(usize::try_from(found).ok()?)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// What was sent as the key: `X-Api-Key`, else a bearer token. An empty one is none.
fn secret(headers: &HeaderMap) -> Option<&[u8]> {
    let own = headers.get("x-api-key").map(|value| value.as_bytes());
    let bearer = || {
        let value = headers.get(header::AUTHORIZATION)?.as_bytes();
        let (scheme, token) = value.split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
    };
    own.or_else(bearer).map(<[u8]>::trim_ascii).filter(|secret| !secret.is_empty())
}

/// Keeps a guessing caller from flooding the log: a few lines each second, and how many of the
/// time before were left out.
#[derive(Default)]
struct LoggedLogins {
    second: AtomicU64,
    within: AtomicU64,
    unlogged: AtomicU64,
}

impl LoggedLogins {
    fn admit(&self, second: u64) -> Option<u64> {
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.within.store(0, Ordering::Relaxed);
        }
        let within = self.within.fetch_add(1, Ordering::Relaxed);
        if within < limits::REFUSED_LOGINS_LOGGED_PER_SECOND {
            Some(self.unlogged.swap(0, Ordering::Relaxed))
        } else {
            self.unlogged.fetch_add(1, Ordering::Relaxed);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Heard(Mutex<Vec<(Denied, Option<String>)>>);

    impl AccessObserver for Heard {
        fn denied(&self, reason: Denied, _: Role, key: Option<&str>) {
            self.0.lock().unwrap().push((reason, key.map(str::to_owned)));
        }
    }

    fn key(name: &str, role: Role) -> Key {
        Key { name: name.to_owned(), role, digest: Digest::of(&format!("{name}-secret")) }
    }

    fn keys(heard: &Arc<Heard>) -> Keys {
        let all = vec![key("i", Role::Ingest), key("r", Role::Read), key("a", Role::Admin)];
        Keys::new(all, heard.clone())
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |&(name, value): &(&'static str, &str)| {
            (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn every_role_does_its_own_and_admin_does_all() {
        let heard = Arc::new(Heard::default());
        let keys = keys(&heard);
        for (name, may) in
            [("i", [true, false, false]), ("r", [false, true, false]), ("a", [true, true, true])]
        {
            let headers = headers(&[("x-api-key", &format!("{name}-secret"))]);
            for (role, may) in [Role::Ingest, Role::Read, Role::Admin].into_iter().zip(may) {
                let expected = if may { Ok(name) } else { Err(Denied::Role(role)) };
                let found = keys.check(&headers, role);
                assert_eq!(found.map(|key| key.unwrap().name.as_str()), expected);
            }
        }
        assert_eq!(heard.0.lock().unwrap().len(), 4);
    }

    #[test]
    fn what_counts_as_a_key() {
        let heard = Arc::new(Heard::default());
        let keys = keys(&heard);
        let check = |pairs: &[(&'static str, &str)]| {
            keys.check(&headers(pairs), Role::Read).map(|key| key.unwrap().name.clone())
        };
        assert_eq!(check(&[("authorization", "Bearer r-secret")]), Ok("r".to_owned()));
        assert_eq!(check(&[("authorization", "bearer  r-secret ")]), Ok("r".to_owned()));
        assert_eq!(check(&[]), Err(Denied::Missing));
        assert_eq!(check(&[("x-api-key", "")]), Err(Denied::Missing));
        assert_eq!(check(&[("authorization", "Basic cjpy")]), Err(Denied::Missing));
        assert_eq!(check(&[("authorization", "Bearer")]), Err(Denied::Missing));
        assert_eq!(check(&[("x-api-key", "r-secre")]), Err(Denied::Unknown));
        assert_eq!(check(&[("x-api-key", &"r".repeat(60_000))]), Err(Denied::Unknown));
        // The digest itself is no key: who reads the configuration cannot log in.
        let digest = "8d96b3ad";
        assert_eq!(check(&[("x-api-key", digest)]), Err(Denied::Unknown));
    }

    #[test]
    fn without_keys_all_is_open() {
        let keys = Keys::new(Vec::new(), Arc::new(Heard::default()));
        assert!(keys.check(&HeaderMap::new(), Role::Admin).unwrap().is_none());
    }

    #[test]
    fn digests_are_what_sha256sum_prints() {
        let abc = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
        assert_eq!(Digest::from_hex(abc), Some(Digest::of("abc")));
        assert_eq!(Digest::from_hex(&abc[1..]), None);
        assert_eq!(Digest::from_hex(&"+1".repeat(32)), None);
        assert_eq!(Digest::from_hex(&"é".repeat(32)), None);
        assert_eq!(format!("{:?}", Digest::of("abc")), "<secret>");
    }

    #[test]
    fn a_flood_of_guesses_is_a_few_lines_a_second() {
        let logged = LoggedLogins::default();
        let lines = (0..1_000).filter(|_| logged.admit(7).is_some()).count() as u64;
        assert_eq!(lines, limits::REFUSED_LOGINS_LOGGED_PER_SECOND);
        assert_eq!(logged.admit(8), Some(1_000 - lines));
    }
}
