//! `pharos store`: looks at a storage folder without changing anything in it.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{Failure, load, output};
use crate::api;
use crate::config::Flags;
use crate::model::{Signal, TraceId};
use crate::pipeline;
use crate::storage::export::{ExportError, ExportQuery, export};
use crate::storage::fs::{Fs, RealFs};
use crate::storage::verify::{Checked, LookError, State, Summary, verify};

const EXIT_CODES: &str = "\
Exit codes:
  0   everything is whole, everything was exported
  1   damage was found, or it did not work
  64  the command line or the configuration is wrong
  66  there is no storage folder
  75  the folder is in use by a running Pharos: try again once it has stopped";

/// `pharos store`.
#[derive(Debug, Args)]
pub struct StoreArguments {
    #[command(subcommand)]
    command: StoreCommand,
}

/// What can be done with a storage folder.
#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// Check everything that has a checksum, also beside a running Pharos
    Verify(VerifyArguments),
    /// Write everything kept as lines of OTLP/JSON, the oldest first
    Export(ExportArguments),
}

/// `pharos store verify`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
struct VerifyArguments {
    /// Print each file as a line of JSON
    #[arg(long)]
    json: bool,
    /// The configuration's keys.
    #[command(flatten)]
    flags: Flags,
}

/// `pharos store export`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
struct ExportArguments {
    /// Only what began or happened from this time on, as RFC 3339 or a Unix time
    #[arg(long, value_name = "time", value_parser = time)]
    from: Option<u64>,
    /// Only what began or happened up to this time
    #[arg(long, value_name = "time", value_parser = time)]
    to: Option<u64>,
    /// Only spans (traces) or only log records (logs)
    #[arg(long, value_name = "name", value_parser = signal)]
    signal: Option<Signal>,
    /// Only this trace, as 32 hexadecimal digits
    #[arg(long, value_name = "id")]
    trace_id: Option<TraceId>,
    /// The file to write, - for stdout; one that exists is replaced
    #[arg(long, value_name = "path", default_value = "-")]
    output: String,
    /// The configuration's keys.
    #[command(flatten)]
    flags: Flags,
}

pub(super) fn run(arguments: &StoreArguments) -> Result<(), Failure> {
    match &arguments.command {
        StoreCommand::Verify(arguments) => run_verify(arguments),
        StoreCommand::Export(arguments) => run_export(arguments),
    }
}

fn run_verify(arguments: &VerifyArguments) -> Result<(), Failure> {
    let path = load(&arguments.flags)?.config.storage.path;
    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    let others = [("metrics.snapshot", pipeline::is_whole_snapshot as fn(&[u8]) -> bool)];
    let mut told = Ok(());
    let summary = verify(&fs, &path, &others, &mut |checked| {
        let line = if arguments.json { json_line(checked) } else { line(checked) };
        if told.is_ok() {
            told = output::data(&line);
        }
    });
    let summary = summary.map_err(looked)?;
    told?;
    output::data(&if arguments.json { json_summary(&summary) } else { in_words(&summary) })?;
    match summary.damaged {
        0 => Ok(()),
        damaged => Err(anyhow!("damage was found in {damaged} of {} files", summary.files).into()),
    }
}

fn line(checked: &Checked) -> String {
    let verdict = match checked.state {
        State::Whole => "ok",
        State::Damaged => "DAMAGED",
        State::Skipped => "not checked",
    };
    let Checked { file, bytes, notes, .. } = checked;
    let colon = if notes.is_empty() { "" } else { ": " };
    format!("{file}  {bytes}  {verdict}{colon}{}", notes.join("; "))
}

fn json_line(checked: &Checked) -> String {
    let state = match checked.state {
        State::Whole => "ok",
        State::Damaged => "damaged",
        State::Skipped => "not_checked",
    };
    let Checked { file, bytes, notes, .. } = checked;
    json!({ "file": file, "bytes": bytes, "state": state, "notes": notes }).to_string()
}

fn json_summary(summary: &Summary) -> String {
    let Summary { files, bytes, damaged, skipped, in_use } = summary;
    json!({
        "files": files,
        "bytes": bytes,
        "damaged": damaged,
        "not_checked": skipped,
        "in_use": in_use,
    })
    .to_string()
}

fn in_words(summary: &Summary) -> String {
    let Summary { files, bytes, damaged, skipped, in_use } = summary;
    let mut text = format!("{files} files, {bytes} bytes: {damaged} damaged");
    if *skipped > 0 {
        text = format!("{text}, {skipped} not checked");
    }
    if *in_use {
        text.push_str("; a running Pharos uses the folder, only what is closed was checked");
    }
    text
}

fn run_export(arguments: &ExportArguments) -> Result<(), Failure> {
    let path = load(&arguments.flags)?.config.storage.path;
    let times = arguments.from.unwrap_or(0)..=arguments.to.unwrap_or(u64::MAX);
    if times.is_empty() {
        return Err(Failure::Usage("--from is later than --to".to_owned()));
    }
    let (signal, trace_id) = (arguments.signal, arguments.trace_id);
    let query = ExportQuery { signal, times, trace_id };
    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    let mut out = Output { path: &arguments.output, open: None };
    let exported = export(&fs, &path, &query, &mut |line| out.line(line));
    let exported =
        match exported.and_then(|done| out.finish().map(|()| done).map_err(ExportError::Write)) {
            Ok(exported) => exported,
            // A reader that has gone away (`| head`) is no failure.
            Err(ExportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Ok(());
            }
            Err(ExportError::Write(error)) => {
                return Err(anyhow!(error)
                    .context(format!("{} cannot be written", arguments.output))
                    .into());
            }
            Err(ExportError::Look(error)) => return Err(looked(error)),
        };
    output::complain(&format!("{} spans, {} log records", exported.spans, exported.logs));
    if exported.damage.is_empty() {
        return Ok(());
    }
    for damage in &exported.damage {
        output::complain(damage);
    }
    Err(anyhow!("something could not be read; the rest was exported").into())
}

/// Where the lines go. A file is made when there is something to write, or nothing: an export that
/// is refused leaves the one before as it is.
struct Output<'a> {
    path: &'a str,
    open: Option<io::BufWriter<Box<dyn Write>>>,
}

impl Output<'_> {
    fn open(&mut self) -> io::Result<&mut io::BufWriter<Box<dyn Write>>> {
        if let Some(open) = self.open.take() {
            return Ok(self.open.insert(open));
        }
        let target: Box<dyn Write> = match self.path {
            "-" => Box::new(output::stdout()),
            path => Box::new(File::create(path)?),
        };
        Ok(self.open.insert(io::BufWriter::new(target)))
    }

    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        let out = self.open()?;
        out.write_all(line)?;
        out.write_all(b"\n")
    }

    fn finish(&mut self) -> io::Result<()> {
        self.open()?.flush()
    }
}

fn looked(error: LookError) -> Failure {
    match error {
        LookError::Missing { .. } => Failure::Missing(error.to_string()),
        LookError::InUse { .. } => Failure::InUse(error.to_string()),
        LookError::Newer(_) | LookError::Io { .. } => Failure::Failed(error.into()),
    }
}

fn time(text: &str) -> Result<u64, String> {
    api::read_time(text).ok_or_else(|| "is no time such as 2026-11-21T08:00:00Z".to_owned())
}

fn signal(text: &str) -> Result<Signal, String> {
    let known = [Signal::Traces, Signal::Logs].into_iter().find(|signal| signal.name() == text);
    known.ok_or_else(|| "is neither traces nor logs".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_one_line() {
        let checked = Checked {
            file: "segments/1.log".to_owned(),
            bytes: 7,
            state: State::Damaged,
            notes: vec!["bytes 1 to 2".to_owned(), "odd".to_owned()],
        };
        assert_eq!(line(&checked), "segments/1.log  7  DAMAGED: bytes 1 to 2; odd");
        let whole = Checked { state: State::Whole, notes: Vec::new(), ..checked.clone() };
        assert_eq!(line(&whole), "segments/1.log  7  ok");
        let told: serde_json::Value = serde_json::from_str(&json_line(&checked)).unwrap();
        let expected = json!({
            "bytes": 7,
            "file": "segments/1.log",
            "notes": ["bytes 1 to 2", "odd"],
            "state": "damaged",
        });
        assert_eq!(told, expected);
        let summary =
            Summary { files: 2, bytes: 9, skipped: 1, in_use: true, ..Summary::default() };
        assert!(
            in_words(&summary).starts_with("2 files, 9 bytes: 0 damaged, 1 not checked; a run")
        );
        assert!(json_summary(&summary).contains(r#""in_use":true"#));
    }

    #[test]
    fn times_and_signals_are_read() {
        assert_eq!(time("2023-11-14T22:13:20Z"), Ok(1_700_000_000_000_000_000));
        assert!(time("yesterday").is_err());
        assert_eq!(signal("logs"), Ok(Signal::Logs));
        assert!(signal("metrics").is_err());
    }
}
