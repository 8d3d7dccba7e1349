//! The bans of `deny.toml` against `Cargo.lock`, so that they hold also without cargo-deny.

/// A banned crate: all of its versions, or those below or equal to one.
#[derive(Debug, PartialEq)]
struct Ban {
    name: String,
    relation: String,
    version: Vec<u64>,
}

/// Locked crates that are banned.
pub(crate) fn check(deny: &str, lock: &str) -> Vec<String> {
    let bans = bans(deny);
    let mut found = Vec::new();
    for (line, name, version) in locked(lock) {
        let numbers = numbers(&version);
        let banned = bans.iter().any(|ban| {
            ban.name == name
                && match ban.relation.as_str() {
                    "<" => numbers < ban.version,
                    "=" => numbers == ban.version,
                    _ => true,
                }
        });
        if banned {
            found.push(format!("Cargo.lock:{line}: ban: {name} {version} is denied by deny.toml"));
        }
    }
    found
}

fn bans(deny: &str) -> Vec<Ban> {
    let specs = deny.lines().filter_map(|line| line.trim().strip_prefix("{ crate = \""));
    let specs = specs.filter_map(|rest| rest.split('"').next());
    specs
        .map(|spec| {
            let (name, version) = spec.split_once('@').unwrap_or((spec, ""));
            let digits = version.find(|c: char| c.is_ascii_digit()).unwrap_or(version.len());
            let (relation, version) = version.split_at(digits);
            Ban { name: name.into(), relation: relation.into(), version: numbers(version) }
        })
        .collect()
}

fn locked(lock: &str) -> Vec<(usize, String, String)> {
    let value = |line: &str, key: &str| {
        Some(line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')?.to_owned())
    };
    let lines: Vec<&str> = lock.lines().collect();
    let pairs = (1..).zip(lines.windows(2));
    pairs
        .filter_map(|(line, pair)| {
            Some((line, value(pair[0], "name")?, value(pair[1], "version")?))
        })
        .collect()
}

fn numbers(version: &str) -> Vec<u64> {
    let plain = version.split(['+', '-']).next().unwrap_or_default();
    plain.split('.').filter_map(|part| part.parse().ok()).collect()
}

#[test]
fn a_banned_crate_is_found() {
    let deny = "deny = [\n  { crate = \"paste\", reason = \"x\" },\n  { crate = \"h2@<0.4.16\" },\n\
                { crate = \"rand@=0.10.0\" },\n]";
    let lock = "[[package]]\nname = \"h2\"\nversion = \"0.4.9\"\n[[package]]\nname = \"h2\"\n\
                version = \"0.4.16\"\n[[package]]\nname = \"paste\"\nversion = \"1.0.0\"\n\
                [[package]]\nname = \"rand\"\nversion = \"0.10.1\"\n";
    let found = check(deny, lock);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("Cargo.lock:2:") && found[1].contains("paste 1.0.0"));
}
