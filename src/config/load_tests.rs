//! The layers together, on fixtures: one bad file per mistake, the expected message beside it.

use super::*;
use crate::config::Role;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/config");

fn flags(arguments: &[&str]) -> Flags {
    use clap::{Args, FromArgMatches};
    let command = Flags::augment_args(clap::Command::new("pharos"));
    let matches = command.try_get_matches_from([&["pharos"], arguments].concat()).unwrap();
    Flags::from_arg_matches(&matches).unwrap()
}

fn file(path: &Path) -> Flags {
    Flags { file: Some(path.to_path_buf()), ..Flags::default() }
}

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let files = std::fs::read_dir(format!("{FIXTURES}/{folder}")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yml"));
    files.sort();
    assert!(files.len() > 1, "{folder} has fixtures");
    files
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn every_bad_file_gets_its_message() {
    for path in fixtures("bad") {
        let error = load(&file(&path), &[])
            .map(|loaded| loaded.effective)
            .expect_err(&format!("{} is bad", path.display()));
        let message = error.to_string().replace(&format!("{FIXTURES}/bad/"), "") + "\n";
        let expected = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&expected, &message).unwrap();
        }
        let expected = std::fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(message, expected, "{}", path.display());
        assert!(!message.contains("hunter2"), "{} shows a secret", path.display());
    }
}

#[test]
fn every_good_file_is_taken_and_its_effective_form_says_the_same() {
    for path in fixtures("good") {
        let loaded = load(&file(&path), &[]).unwrap_or_else(|error| panic!("{error}"));
        assert!(!loaded.effective.contains("hunter2"), "{}", loaded.effective);
        let again = path.with_extension("again.tmp");
        let digests = (0..).map(|number| format!("sha256: {number:0>60}beef\n"));
        let mut pieces = loaded.effective.split("sha256: <secret>\n");
        let first = pieces.next().unwrap().to_owned();
        let text = pieces.zip(digests).fold(first, |text, (piece, digest)| text + &digest + piece);
        std::fs::write(&again, text).unwrap();
        let reread = load(&file(&again), &[]);
        std::fs::remove_file(&again).unwrap();
        let reread = reread.unwrap_or_else(|error| panic!("{error}\n{}", loaded.effective));
        let plain = |text: &str| {
            let lines = text.lines().map(|line| line.split(" # ").next().unwrap().trim_end());
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(plain(&reread.effective), plain(&loaded.effective));
    }
}

#[test]
fn the_configurations_that_are_shipped_are_right() {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/pharos/pharos.yml"));
    load(&file(&path), &[]).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn defaults_are_what_the_design_says() {
    let config = load(&Flags::default(), &[]).unwrap().config;
    assert_eq!(config.web.listen_address.to_string(), "127.0.0.1:9464");
    assert_eq!(config.otlp.grpc_listen_address.to_string(), "127.0.0.1:4317");
    assert_eq!(config.otlp.http_listen_address.to_string(), "127.0.0.1:4318");
    assert_eq!(config.storage.path, Path::new("./data"));
    assert_eq!(config.storage.retention.age.unwrap().as_secs(), 15 * 86_400);
    assert_eq!(config.storage.retention.bytes, Some(10 << 30));
    assert!(config.redaction.enabled && config.forward.targets.is_empty());
}

#[test]
fn later_layers_win() {
    let path = PathBuf::from(format!("{FIXTURES}/good/layers.yml"));
    let environment = variables(&[
        ("PHAROS_CONFIG_FILE", path.to_str().unwrap()),
        ("PHAROS_WEB_LISTEN_ADDRESS", "127.0.0.1:2"),
        ("PHAROS_OTLP_GRPC_LISTEN_ADDRESS", "127.0.0.1:3"),
        ("PHAROS_LOG_LEVEL", ""),
    ]);
    let given = flags(&["--otlp.grpc.listen-address", "127.0.0.1:4", "--redaction.enabled=false"]);
    let loaded = load(&given, &environment).unwrap();
    let config = &loaded.config;
    assert_eq!(config.environment, "staging", "from the file");
    assert_eq!(config.web.listen_address.port(), 2, "the environment over the file");
    assert_eq!(config.otlp.grpc_listen_address.port(), 4, "the flag over the environment");
    assert_eq!(config.otlp.http_listen_address.port(), 4318, "the default");
    assert_eq!(config.log.level.name(), "debug", "an empty variable is not set");
    assert!(!config.redaction.enabled);
    for origin in ["layers.yml:2:14", "PHAROS_WEB_LISTEN_ADDRESS", "--redaction.enabled", "default"]
    {
        assert!(loaded.effective.contains(origin), "{origin} in\n{}", loaded.effective);
    }
}

#[test]
fn flags_and_variables_are_named_where_they_are_wrong() {
    let check = |arguments: &[&str], environment: &[(&str, &str)], expected: &str| {
        let error = load(&flags(arguments), &variables(environment)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(
        &["--storage.retention.age", "15"],
        &[],
        "--storage.retention.age: \"15\" is not a duration such as 30s, 12h or 15d",
    );
    check(&[], &[("PHAROS_LOG_FORMAT", "xml")], "PHAROS_LOG_FORMAT: \"xml\" is not one of auto");
    check(&["--redaction.enabled=maybe"], &[], "--redaction.enabled: \"maybe\" is not true or");
    check(&["--web.listen-address=:9464"], &[], "--auth.allow-public-without-auth");
    check(
        &["--config.file", "/does/not/exist.yml"],
        &[],
        "--config.file: /does/not/exist.yml cannot be read: No such file",
    );
    check(&["--config.file", "/"], &[], "--config.file: / is a directory");
}

#[test]
fn near_misses_in_the_environment_are_told_and_service_variables_are_not() {
    let environment = variables(&[
        ("PHAROS_STORAGE_PTH", "/x"),
        ("PHAROS_PORT", "tcp://10.0.0.1:9464"),
        ("PHAROS_SERVICE_HOST", "10.0.0.1"),
    ]);
    let warnings = load(&Flags::default(), &environment).unwrap().warnings;
    assert_eq!(warnings, ["PHAROS_STORAGE_PTH is not read; did you mean PHAROS_STORAGE_PATH?"]);
}

#[test]
fn a_public_address_needs_keys_or_a_word() {
    let listen = "--web.listen-address=0.0.0.0:9464";
    assert!(load(&flags(&[listen]), &[]).is_err());
    assert!(load(&flags(&["--otlp.http.listen-address=[::]:0"]), &[]).is_err());
    assert!(load(&flags(&["--web.listen-address=[::ffff:127.0.0.1]:0"]), &[]).is_ok());
    load(&flags(&[listen, "--auth.allow-public-without-auth"]), &[]).unwrap();
    let path = PathBuf::from(format!("{FIXTURES}/good/full.yml"));
    let config = load(&Flags { file: Some(path), ..flags(&[listen]) }, &[]).unwrap().config;
    assert_eq!(config.auth.api_keys[0].role, Role::Ingest);
    let hash = config.auth.api_keys[0].sha256.expose();
    assert!(hash.starts_with("ae71c4cdf5d7"), "SHA-256 of the key in keys/ingest.key");
}

#[test]
fn the_effective_form_for_programs_has_sections_and_no_secrets() {
    let path = PathBuf::from(format!("{FIXTURES}/good/full.yml"));
    let loaded = load(&file(&path), &[]).unwrap();
    let json = loaded.effective_json;
    assert_eq!(json["storage"]["retention"]["bytes"], "100GiB");
    assert_eq!(json["forward"]["targets"][1]["tls"]["ca_file"], "keys/ca.pem");
    assert_eq!(json["forward"]["targets"][1]["headers"]["x-api-key"], "<secret>");
    assert_eq!(json["auth"]["api_keys"][1]["sha256"], "<secret>");
    assert_eq!(json["metrics"]["max_series"], 30);
    assert_eq!(json["storage"]["retention"]["age"], serde_json::Value::Null);
}

#[test]
fn every_key_is_taken_by_a_section() {
    // `get` panics for a key whose kind is not that of its field, and load gets all of them.
    let text = include_str!("build.rs").to_owned()
        + include_str!("api_keys.rs")
        + include_str!("budgets.rs")
        + include_str!("clickhouse.rs")
        + include_str!("forward.rs")
        // Behind their parts of the table.
        + include_str!("gateway.rs").split_once("pub(super) fn gateway(").unwrap().1
        + include_str!("app_metrics.rs").split_once("pub(super) fn app_metrics(").unwrap().1
        + include_str!("prices.rs").split_once("pub(super) fn prices(").unwrap().1
        + include_str!("watch.rs").split_once("pub(super) fn watch(").unwrap().1
        + include_str!("events.rs").split_once("pub(super) fn events(").unwrap().1;
    for key in KEYS {
        assert!(text.contains(&format!("\"{}\"", key.name)), "{} is never taken", key.name);
    }
}

#[test]
fn no_two_keys_share_a_flag_or_a_variable() {
    let mut names: Vec<String> = KEYS.iter().flat_map(|key| [key.flag(), key.variable()]).collect();
    names.sort();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn every_secret_has_a_twin_that_is_read_from_a_file() {
    use crate::config::key::Kind;
    let rows = KEYS.iter().filter_map(|key| match key.kind {
        Kind::Rows(table) => Some(table),
        _ => None,
    });
    let mut secrets = 0;
    for table in rows.chain([KEYS]) {
        for key in table.iter().filter(|key| matches!(key.kind, Kind::Headers | Kind::Secret)) {
            let twin = format!("{}_file", key.name);
            assert!(table.iter().any(|key| key.name == twin), "{twin} is missing");
            secrets += 1;
        }
    }
    assert!(secrets > 0);
}

#[test]
fn mutated_files_never_panic_and_are_never_half_taken() {
    let seeds = std::env::var("PHAROS_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    let texts: Vec<String> = ["good", "bad"]
        .into_iter()
        .flat_map(fixtures)
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .collect();
    let mut refused = 0_u64;
    let seeds = seeds.unwrap_or(3_000_u64);
    for seed in 0..seeds {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut text = texts[random.usize(..texts.len())].clone().into_bytes();
        for _ in 0..random.usize(1..8) {
            let at = random.usize(..text.len());
            match random.u8(..4) {
                0 => text[at] = random.u8(..),
                1 => text.truncate(at.max(1)),
                2 => {
                    let marks = b"{}[]:-,&*!|>'\"%@`# \n";
                    text.insert(at, marks[random.usize(..marks.len())]);
                }
                _ => drop(text.remove(at)),
            }
            if text.is_empty() {
                text.push(b' ');
            }
        }
        let text = String::from_utf8_lossy(&text);
        let mut values = Values::presets(KEYS);
        let mut reader = Reader::new("x.yml");
        reader.read(&text, KEYS, &mut values);
        let directory = PathBuf::from(format!("{FIXTURES}/good"));
        let mut builder = Builder { directory, problems: reader.problems };
        let config = builder.config(&values);
        builder.problems.extend(check(&config, &values));
        refused += u64::from(!builder.problems.is_empty());
        for problem in &builder.problems {
            assert!(problem.to_string().len() < 1_000, "seed {seed}: {problem}");
        }
    }
    assert!(refused > seeds / 4 && refused < seeds, "{refused} of {seeds} were refused");
}
