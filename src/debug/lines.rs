//! Writing lines from anywhere without waiting: a bounded queue and a thread behind it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use serde::Serialize;

use super::observer::Loss;
use super::rotate::RotatingFile;
use crate::limits;

/// Is told of lines that are lost.
pub type OnLoss = Arc<dyn Fn(Loss, u64) + Send + Sync>;

/// Puts lines into the queue; cheap to clone. Where the queue is full the line is lost, and
/// counted: nobody who has something to say waits for a disk.
#[derive(Clone)]
pub struct LineSender {
    queue: SyncSender<Message>,
    on_loss: OnLoss,
}

/// The thread that writes; dropped, it writes what waits and ends.
pub struct LineWriter {
    queue: SyncSender<Message>,
    thread: Option<JoinHandle<()>>,
}

enum Message {
    Line(Vec<u8>),
    Stop,
}

/// Starts a writer of `file`.
///
/// # Errors
///
/// The thread could not be started.
pub fn lines(file: RotatingFile, on_loss: OnLoss) -> io::Result<(LineSender, LineWriter)> {
    let (queue, waiting) = sync_channel(limits::LOG_QUEUE_LINES);
    let told = Arc::clone(&on_loss);
    let thread = thread::Builder::new().name("lines".to_owned());
    let thread = thread.spawn(move || write(file, &waiting, &told))?;
    let writer = LineWriter { queue: queue.clone(), thread: Some(thread) };
    Ok((LineSender { queue, on_loss }, writer))
}

impl LineSender {
    /// Writes a JSON object as one line.
    pub fn object(&self, object: &impl Serialize) {
        let mut line = json_line(object);
        line.push('\n');
        self.line(line.into_bytes());
    }

    fn line(&self, line: Vec<u8>) {
        if self.queue.try_send(Message::Line(line)).is_err() {
            (self.on_loss)(Loss::QueueFull, 1);
        }
    }
}

/// One write is one line, or several whole ones.
impl io::Write for LineSender {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.line(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LineWriter {
    fn drop(&mut self) {
        // The writer empties its queue, so this waits for room at most.
        let _ = self.queue.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by the panic hook.
            let _ = thread.join();
        }
    }
}

fn write(mut file: RotatingFile, waiting: &Receiver<Message>, on_loss: &OnLoss) {
    let mut trouble = Trouble::default();
    while let Ok(Message::Line(line)) = waiting.recv() {
        let written = file.append(&line);
        if written.is_err() {
            on_loss(Loss::Disk, 1);
        }
        trouble.report(&file, &written);
    }
    // What is not synced at the end of the process is in the system's hands.
    let _ = file.sync();
}

/// Says once that a file cannot be written, and once that it can again.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    lasts: bool,
}

impl Trouble {
    pub(super) fn report(&mut self, file: &RotatingFile, written: &io::Result<()>) {
        match written {
            Err(error) if !self.lasts => {
                self.lasts = true;
                tracing::warn!(%error, file = file.name(), "A file of events cannot be written.");
            }
            Ok(()) if self.lasts => {
                self.lasts = false;
                tracing::info!(file = file.name(), "A file of events can be written again.");
            }
            _ => {}
        }
    }
}

/// JSON without any character that a terminal or an editor would obey: control characters of
/// both tables, separators of lines and marks of direction are written as escapes.
pub(super) fn json_line(object: &impl Serialize) -> String {
    let json = serde_json::to_string(object).unwrap_or_default();
    if json.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
        return json;
    }
    let mut line = String::with_capacity(json.len());
    for character in json.chars() {
        let obeyed = matches!(
            character,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        );
        if obeyed || character.is_control() {
            line.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::path::Path;
    use std::sync::Mutex;

    use serde_json::Value;

    use super::super::rotate::FileBounds;
    use super::*;

    type Losses = Arc<Mutex<Vec<Loss>>>;

    fn writer(path: &Path) -> (LineSender, LineWriter, Losses) {
        let losses = Losses::default();
        let heard = Arc::clone(&losses);
        let file = RotatingFile::new(path.to_owned(), FileBounds { bytes: 1 << 20, files: 3 });
        let on_loss: OnLoss = Arc::new(move |loss, _| heard.lock().unwrap().push(loss));
        let (sender, writer) = lines(file, on_loss).unwrap();
        (sender, writer, losses)
    }

    #[test]
    fn what_waits_is_written_at_the_end_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        let (mut sender, writer, losses) = writer(&path);
        for number in 0..100 {
            sender.object(&serde_json::json!({ "number": number }));
        }
        sender.write_all(b"{\"last\":true}\n").unwrap();
        drop(writer);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 101);
        assert!(text.starts_with("{\"number\":0}\n") && text.ends_with("{\"last\":true}\n"));
        assert!(losses.lock().unwrap().is_empty());
        // Whoever still has something to say afterwards neither waits nor fails.
        sender.object(&Value::Null);
        assert_eq!(*losses.lock().unwrap(), [Loss::QueueFull]);
    }

    #[test]
    fn a_disk_that_takes_nothing_is_counted_and_stops_nobody() {
        let (sender, writer, losses) = writer(Path::new("/dev/full"));
        for _ in 0..10 {
            sender.object(&Value::Null);
        }
        drop(writer);
        assert_eq!(*losses.lock().unwrap(), [Loss::Disk; 10]);
    }

    #[test]
    fn nothing_in_a_line_is_obeyed() {
        let hostile = "a\r\n\u{1b}[2J\u{7f}\u{9b}31m\u{2028}\u{202e}é";
        let line = json_line(&serde_json::json!({ "text": hostile }));
        assert!(line.chars().all(|c| c == 'é' || (' '..='~').contains(&c)), "{line:?}");
        let back: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(back["text"], hostile);
    }
}
