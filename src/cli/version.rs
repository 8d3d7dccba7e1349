//! `pharos version`.

use super::arguments::VersionArguments;
use super::{Failure, output};
use crate::build_info::{REVISION, VERSION};

pub(super) fn run(arguments: &VersionArguments) -> Result<(), Failure> {
    let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    if !arguments.json {
        return output::data(&format!("pharos {VERSION} ({REVISION}, {target})"));
    }
    let version = serde_json::json!({
        "name": "pharos",
        "version": VERSION,
        "revision": REVISION,
        "target": target,
    });
    output::data(&version.to_string())
}
