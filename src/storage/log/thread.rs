//! The writer's thread: hands it what waits, group after group, and looks after the log between.

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::queue::{Queue, Waiting, Work};
use super::retention::RetentionClock;
use super::writer::Writer;
use crate::{clock, limits};

const TICK: Duration = Duration::from_millis(limits::LOG_TICK_MILLISECONDS);

/// Starts the thread. It ends, with the log sealed, once the queue is closed and empty.
pub(super) fn start(mut writer: Writer, queue: Arc<Queue>) -> io::Result<JoinHandle<()>> {
    Builder::new().name("log-writer".into()).spawn(move || run(&mut writer, &queue))
}

fn run(writer: &mut Writer, queue: &Queue) {
    // Whatever ends this thread, nobody waits for it in vain.
    let _closed = CloseOnDrop(queue);
    let time = RetentionClock::start();
    writer.tick(time.now_ns());
    let mut ticked = clock::monotonic();
    loop {
        match queue.take(TICK) {
            Work::Group(group) => answer(writer, group, time.now_ns()),
            Work::Idle => {}
            Work::Closed => break,
        }
        if ticked.elapsed() >= TICK {
            writer.tick(time.now_ns());
            ticked = clock::monotonic();
        }
    }
    writer.seal();
}

/// Commits the group and tells everyone in it.
fn answer(writer: &mut Writer, group: Vec<Waiting>, now_ns: u64) {
    let batches: Vec<_> = group.iter().map(|waiting| &waiting.batch).collect();
    let committed = writer.commit(&batches, now_ns);
    // Whoever asked may have gone away meanwhile, so that an answer cannot be delivered.
    match committed {
        Ok(positions) => {
            for (waiting, at) in group.into_iter().zip(positions) {
                let _ = waiting.answer.send(Ok(at));
            }
        }
        Err(error) => {
            for waiting in group {
                let _ = waiting.answer.send(Err(error.clone()));
            }
        }
    }
}

struct CloseOnDrop<'a>(&'a Queue);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
