//! Batches that wait for the writer: bounded by number and by bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::error::AppendError;
use crate::limits;
use crate::storage::{Batch, Position};

/// The answer to one append.
pub(super) type Answer = Result<Position, AppendError>;

/// One batch and who waits for it. Its room in the queue is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) batch: Batch,
    pub(super) answer: oneshot::Sender<Answer>,
    _room: OwnedSemaphorePermit,
}

/// What the writer finds when it looks.
#[derive(Debug)]
pub(super) enum Work {
    /// Batches to commit together.
    Group(Vec<Waiting>),
    /// Nothing came in time.
    Idle,
    /// Nothing is left and nothing more will come.
    Closed,
}

/// Batches that wait for the writer.
#[derive(Debug)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    arrived: Condvar,
    /// One permit per byte. A batch takes at least its share of the whole, which bounds the
    /// number of batches as well.
    room: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Waiting>,
    closed: bool,
}

/// What the smallest batch takes of the queue's bytes.
const SMALLEST_SHARE: usize = limits::APPEND_QUEUE_BYTES / limits::APPEND_QUEUE_BATCHES;

impl Queue {
    pub(super) fn new() -> Self {
        let room = Arc::new(Semaphore::new(limits::APPEND_QUEUE_BYTES));
        Self { inner: Mutex::default(), arrived: Condvar::new(), room }
    }

    /// Waits for room, then queues the batch and waits for its answer.
    pub(super) async fn append(&self, batch: Batch) -> Answer {
        let share = batch.body.len().clamp(SMALLEST_SHARE, limits::APPEND_QUEUE_BYTES);
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(share);
        let room = room.await.map_err(|_| AppendError::Stopping)?;
        let (answer, answered) = oneshot::channel();
        {
            let mut inner = self.lock();
            if inner.closed {
                return Err(AppendError::Stopping);
            }
            // The writer takes all that waits at once, so it sleeps only before an empty queue.
            if inner.waiting.is_empty() {
                self.arrived.notify_one();
            }
            inner.waiting.push_back(Waiting { batch, answer, _room: room });
        }
        answered.await.unwrap_or(Err(AppendError::Stopping))
    }

    /// What waits, up to a group's size and at least one batch. Waits at most `longest`.
    pub(super) fn take(&self, longest: Duration) -> Work {
        let guard = self.lock();
        let empty = |inner: &mut Inner| inner.waiting.is_empty() && !inner.closed;
        let waited = self.arrived.wait_timeout_while(guard, longest, empty);
        let (mut inner, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let mut group = Vec::new();
        let mut bytes = 0;
        while let Some(next) = inner.waiting.front() {
            bytes += next.batch.body.len();
            let full = bytes > limits::COMMIT_BYTES || group.len() >= limits::COMMIT_BATCHES;
            if full && !group.is_empty() {
                break;
            }
            group.extend(inner.waiting.pop_front());
        }
        match group.is_empty() {
            false => Work::Group(group),
            true if inner.closed => Work::Closed,
            true => Work::Idle,
        }
    }

    /// Takes no more batches; those that wait are still handed out.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.room.close();
        self.arrived.notify_all();
    }

    /// Takes no more batches and tells those that wait that they were not appended.
    pub(super) fn abandon(&self) {
        self.close();
        self.lock().waiting.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::model::Signal;

    fn batch(bytes: usize) -> Batch {
        let body = Bytes::from(vec![0; bytes]);
        Batch { signal: Signal::Logs, arrived_ns: 0, items: 1, body }
    }

    fn lengths(work: Work) -> Vec<usize> {
        let Work::Group(group) = work else { return Vec::new() };
        group.iter().map(|waiting| waiting.batch.body.len()).collect()
    }

    /// Queues batches of these sizes, in this order, and lets them wait.
    async fn queued(sizes: &[usize]) -> Arc<Queue> {
        let queue = Arc::new(Queue::new());
        for size in sizes {
            let (queue, batch) = (Arc::clone(&queue), batch(*size));
            tokio::spawn(async move { queue.append(batch).await });
            tokio::task::yield_now().await;
        }
        queue
    }

    #[tokio::test]
    async fn what_waits_is_taken_as_one_group_up_to_its_size() {
        let big = limits::COMMIT_BYTES + 1;
        let queue = queued(&[10, 20, 30, limits::COMMIT_BYTES, big, 40]).await;
        let take = || lengths(queue.take(Duration::ZERO));
        assert_eq!(take(), [10, 20, 30]);
        assert_eq!(take(), [limits::COMMIT_BYTES]);
        assert_eq!(take(), [big], "one batch is taken whatever its size");
        assert_eq!(take(), [40]);
        assert_eq!(take(), [0; 0]);
    }

    #[tokio::test]
    async fn the_queue_is_bounded_by_bytes_and_by_number() {
        let half = limits::APPEND_QUEUE_BYTES / 2;
        let queue = queued(&[half, half, 1]).await;
        assert_eq!(queue.lock().waiting.len(), 2, "the third waits outside");
        drop(queue.take(Duration::ZERO));
        tokio::task::yield_now().await;
        assert_eq!(lengths(queue.take(Duration::ZERO)), [half]);
        let queue = queued(&vec![1; limits::APPEND_QUEUE_BATCHES + 5]).await;
        assert_eq!(queue.lock().waiting.len(), limits::APPEND_QUEUE_BATCHES);
    }

    #[tokio::test]
    async fn nobody_waits_for_a_closed_queue() {
        let queue = queued(&[10]).await;
        let waiting = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.append(batch(20)).await }
        });
        tokio::task::yield_now().await;
        queue.close();
        assert_eq!(queue.append(batch(30)).await, Err(AppendError::Stopping));
        queue.abandon();
        assert_eq!(waiting.await.unwrap(), Err(AppendError::Stopping));
        assert!(matches!(queue.take(Duration::ZERO), Work::Closed));
    }
}
