//! `auth.api_keys`: rows to hashes.

use sha2::{Digest, Sha256};

use super::build::Builder;
use super::secret::Secret;
use super::sections::{ApiKey, Role};
use super::value::quote;
use super::values::Values;
use crate::limits;

pub(super) fn api_keys(builder: &mut Builder, values: &Values) -> Vec<ApiKey> {
    let rows: Vec<Values> = values.get("auth.api_keys");
    let mut keys: Vec<ApiKey> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let path = format!("auth.api_keys[{index}]");
        let name: String = row.get("name");
        let Some(sha256) = hash(builder, row, &path) else { continue };
        if let Some(twin) = keys.iter().find(|key| key.name == name) {
            let what = format!("{} is the name of another key", quote(&twin.name));
            builder.problem(row.origin("name"), format!("{path}.name"), what);
            continue;
        }
        if let Some(twin) = keys.iter().find(|key| key.sha256.expose() == sha256) {
            let what = format!("is the same key as that of {}", quote(&twin.name));
            builder.problem(row.origin("name"), path, what);
            continue;
        }
        let role = match row.get("role") {
            "ingest" => Role::Ingest,
            "read" => Role::Read,
            _ => Role::Admin,
        };
        keys.push(ApiKey { name, role, sha256: Secret::new(sha256) });
    }
    keys
}

fn hash(builder: &mut Builder, row: &Values, path: &str) -> Option<String> {
    let given: Option<String> = row.get("sha256");
    let has_file = row.get::<Option<std::path::PathBuf>>("key_file").is_some();
    if has_file == given.is_some() {
        let what = "needs either \"key_file\" or \"sha256\"".to_owned();
        builder.problem(row.origin("name"), path, what);
        return None;
    }
    if let Some(digits) = given {
        return Some(digits);
    }
    let key = builder.read_file(row, "key_file", path)?;
    if key.len() < limits::API_KEY_MIN_BYTES || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let what = format!(
            "must hold one key of at least {} printable characters",
            limits::API_KEY_MIN_BYTES
        );
        builder.problem(row.origin("key_file"), format!("{path}.key_file"), what);
        return None;
    }
    let digest = Sha256::digest(key.as_bytes());
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}
