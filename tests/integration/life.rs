//! Starting, stopping and refusing to start.

use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use crate::harness::{binary, get, json, start, until};

fn run(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().unwrap()
}

#[test]
fn starts_on_free_ports_says_it_is_well_and_stops_in_order() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = start(folder.path(), &[]);
    until("readiness", || get(&pharos, "/health/ready").status == 200);
    for path in ["/", "/health/live", "/-/healthy", "/-/ready", "/metrics"] {
        assert_eq!(get(&pharos, path).status, 200, "{path}");
    }
    assert_eq!(json(&pharos, "/health")["status"], "healthy");
    assert_eq!(pharos.stop().unwrap(), Some(0));
}

#[test]
fn who_stops_it_while_it_starts_gets_an_orderly_end() {
    for milliseconds in [30, 60, 120, 250] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().to_str().unwrap();
        let free =
            ["--web.listen-address", "--otlp.http.listen-address", "--otlp.grpc.listen-address"];
        let mut arguments = vec!["serve", "--log.format", "json", "--storage.path", path];
        free.iter().for_each(|flag| arguments.extend([*flag, "127.0.0.1:0"]));
        let started = Command::new(binary()).args(arguments).stderr(Stdio::piped()).spawn();
        let child = started.unwrap();
        thread::sleep(Duration::from_millis(milliseconds));
        let kill = Command::new("kill").arg(child.id().to_string()).status().unwrap();
        assert!(kill.success());
        let output = child.wait_with_output().unwrap();
        // Before it listens for signals there is nothing to bring in order either.
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(0) || !told.contains("Listening."), "{told}");
    }
}

#[test]
fn a_second_process_on_one_folder_is_refused_at_once() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let first = start(folder.path(), &[]);
    let path = folder.path().to_str().unwrap();
    let free = ["--web.listen-address", "--otlp.http.listen-address", "--otlp.grpc.listen-address"];
    let mut arguments = vec!["serve", "--storage.path", path];
    free.iter().for_each(|flag| arguments.extend([*flag, "127.0.0.1:0"]));
    let second = run(&arguments);
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains("another") && told.contains(path), "{told}");
    assert_eq!(get(&first, "/health/ready").status, 200);
}

#[test]
fn usage_and_configuration_mistakes_end_with_64() {
    for arguments in [
        &["serve", "--no-such-flag"][..],
        &["no-such-command"],
        &["serve", "--web.listen-address", "nonsense"],
        &["serve", "--web.listen-address", "0.0.0.0:0"],
        &["serve", "--config.file", "/nonexistent/pharos.yml"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
    let version = run(&["version"]);
    assert_eq!(version.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&version.stdout).contains(env!("CARGO_PKG_VERSION")));
}
