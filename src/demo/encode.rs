//! OTLP export requests of a played run.

use super::dialect::{self, Said, Word};
use super::fleet::Dialect;
use super::run::{Run, Step, What};
use crate::otlp::write;

/// The traces request of a run that ends at `now_ns`: model calls, agents and tools under their
/// instrumentation's scope, HTTP and database spans under theirs.
pub(super) fn traces(run: &Run, now_ns: u64) -> Vec<u8> {
    let mut body = Vec::new();
    write::message_field(&mut body, 1, |out| {
        write::message_field(out, 1, |out| resource(out, run));
        let of_dialect = |step: &&Step| !is_plumbing(step);
        group(out, run, now_ns, dialect::scope(run.agent.dialect), of_dialect);
        group(out, run, now_ns, "opentelemetry.instrumentation.fastapi", |step| is_plumbing(step));
    });
    body
}

/// The logs request of a run: one warning per failed tool or model call; `None` without any.
pub(super) fn logs(run: &Run, now_ns: u64) -> Option<Vec<u8>> {
    let failed = |step: &&Step| {
        step.failure.is_some() && matches!(step.what, What::Llm(_) | What::Tool { .. })
    };
    run.steps.iter().find(failed)?;
    let mut body = Vec::new();
    write::message_field(&mut body, 1, |out| {
        write::message_field(out, 1, |out| resource(out, run));
        write::message_field(out, 2, |out| {
            write::message_field(out, 1, |out| write::bytes_field(out, 1, b"agent.log"));
            for step in run.steps.iter().filter(failed) {
                write::message_field(out, 2, |out| log_record(out, run, step, now_ns));
            }
        });
    });
    Some(body)
}

fn is_plumbing(step: &Step) -> bool {
    matches!(step.what, What::Serve { .. } | What::Query { .. } | What::Request { .. })
}

fn resource(out: &mut Vec<u8>, run: &Run) {
    let language = match run.agent.dialect {
        Dialect::OldGenAi => "go",
        _ => "python",
    };
    for (key, value) in [
        ("service.name", run.agent.service),
        ("service.namespace", "demo"),
        ("deployment.environment.name", "demo"),
        ("telemetry.sdk.language", language),
    ] {
        attribute(out, 1, key, &Word::Text(value.to_owned()));
    }
}

fn group(out: &mut Vec<u8>, run: &Run, now_ns: u64, scope: &str, wanted: impl Fn(&&Step) -> bool) {
    write::message_field(out, 2, |out| {
        write::message_field(out, 1, |out| write::bytes_field(out, 1, scope.as_bytes()));
        for step in run.steps.iter().filter(wanted) {
            write::message_field(out, 2, |out| span(out, run, step, now_ns));
        }
    });
}

fn span(out: &mut Vec<u8>, run: &Run, step: &Step, now_ns: u64) {
    let said: Said = dialect::say(run, step);
    let began_ns = began_ns(run, now_ns);
    write::bytes_field(out, 1, &run.trace.to_be_bytes());
    write::bytes_field(out, 2, &step.id.to_be_bytes());
    if let Some(parent) = step.parent {
        write::bytes_field(out, 4, &run.steps[parent].id.to_be_bytes());
    }
    write::bytes_field(out, 5, said.name.as_bytes());
    write::varint_field(out, 6, said.kind);
    write::fixed64_field(out, 7, began_ns + step.start_ns);
    write::fixed64_field(out, 8, began_ns + step.end_ns);
    for (key, value) in &said.attributes {
        attribute(out, 9, key, value);
    }
    if let Some((name, after_ns)) = said.event {
        write::message_field(out, 11, |out| {
            write::fixed64_field(out, 1, began_ns + step.start_ns + after_ns);
            write::bytes_field(out, 2, name.as_bytes());
        });
    }
    if let Some(failure) = step.failure {
        write::message_field(out, 15, |out| {
            write::bytes_field(out, 2, failure.message.as_bytes());
            write::varint_field(out, 3, 2);
        });
    }
}

fn log_record(out: &mut Vec<u8>, run: &Run, step: &Step, now_ns: u64) {
    const WARNING: u64 = 13;
    let message = step.failure.map_or("", |failure| failure.message);
    let time = began_ns(run, now_ns) + step.end_ns;
    write::fixed64_field(out, 1, time);
    write::varint_field(out, 2, WARNING);
    write::bytes_field(out, 3, b"WARNING");
    write::message_field(out, 5, |out| write::bytes_field(out, 1, message.as_bytes()));
    attribute(out, 6, "tenant.id", &Word::Text(run.tenant.to_owned()));
    write::bytes_field(out, 9, &run.trace.to_be_bytes());
    write::bytes_field(out, 10, &step.id.to_be_bytes());
    write::fixed64_field(out, 11, time);
}

/// When the run began, so that it ends now.
fn began_ns(run: &Run, now_ns: u64) -> u64 {
    now_ns.saturating_sub(run.steps.iter().map(|step| step.end_ns).max().unwrap_or(0))
}

fn attribute(out: &mut Vec<u8>, field: u32, key: &str, value: &Word) {
    write::message_field(out, field, |out| {
        write::bytes_field(out, 1, key.as_bytes());
        write::message_field(out, 2, |out| match value {
            Word::Text(text) => write::bytes_field(out, 1, text.as_bytes()),
            Word::Int(number) => write::varint_field(out, 3, *number),
            Word::Double(number) => write::fixed64_field(out, 4, number.to_bits()),
        });
    });
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::demo::run;
    use crate::otlp::read;

    #[test]
    fn every_run_is_a_whole_trace_in_valid_otlp() {
        let mut dice = fastrand::Rng::with_seed(5);
        let now_ns = 1_800_000_000_000_000_000;
        let mut scopes = HashSet::new();
        for _ in 0..300 {
            let run = run::play(&mut dice, now_ns);
            let body = traces(&run, now_ns);
            let (mut ids, mut parents, mut roots) = (HashSet::new(), Vec::new(), 0);
            read::spans(&body, |origin, span| {
                assert!(span.end_ns >= span.start_ns && span.end_ns <= now_ns);
                ids.insert(span.span_id);
                match span.parent_span_id {
                    Some(parent) => parents.push(parent),
                    None => roots += 1,
                }
                scopes.insert(origin.scope.name.to_owned());
            })
            .unwrap();
            assert_eq!(roots, 1);
            assert_eq!(ids.len(), run.steps.len());
            assert!(parents.iter().all(|parent| ids.contains(parent)));
        }
        assert!(scopes.len() >= 4, "{scopes:?}");
    }
}
