//! Where work on the log runs: on blocking threads, a few at a time, with an end.

use super::error::ApiError;
use crate::limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// The places for work on the log.
pub(super) struct Searches {
    /// Running and waiting ones.
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
    /// How long one waits for its turn.
    patience: Duration,
}

/// Tells work whose caller has left, or waits no longer, that nobody wants its answer.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Default for Searches {
    fn default() -> Self {
        Self {
            admitted: Arc::new(Semaphore::new(limits::SEARCHES + limits::SEARCHES_WAITING)),
            running: Arc::new(Semaphore::new(limits::SEARCHES)),
            patience: Duration::from_millis(limits::SEARCH_WAIT_MILLISECONDS),
        }
    }
}

impl Searches {
    /// Runs `work` when its turn comes. It is told through the flag when it may stop, and keeps
    /// its place until it does, so that abandoned work cannot pile up.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&AtomicBool) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let places = self.enter().await?;
        let cancelled = Arc::new(AtomicBool::new(false));
        let _guard = CancelOnDrop(cancelled.clone());
        let task = super::blocking(move || {
            let result = work(&cancelled);
            drop(places);
            result
        });
        let longest = Duration::from_millis(limits::SEARCH_ANSWER_MILLISECONDS);
        tokio::time::timeout(longest, task).await.map_err(|_| overloaded("This took too long."))?
    }

    async fn enter(&self) -> Result<[OwnedSemaphorePermit; 2], ApiError> {
        let busy = |_: TryAcquireError| overloaded("Too many searches are waiting.");
        let admitted = self.admitted.clone().try_acquire_owned().map_err(busy)?;
        let turn = self.running.clone().acquire_owned();
        let turn = tokio::time::timeout(self.patience, turn).await;
        let turn = turn.map_err(|_| overloaded("The searches before this one take too long."))?;
        Ok([admitted, turn.map_err(ApiError::internal)?])
    }
}

fn overloaded(message: &'static str) -> ApiError {
    ApiError::Overloaded { message, retry_after_seconds: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{SyncSender, sync_channel};

    /// Starts searches that run until the returned senders are dropped.
    async fn occupy(searches: &Arc<Searches>) -> Vec<SyncSender<()>> {
        let occupy = |_| {
            let (hold, held) = sync_channel::<()>(0);
            let searches = searches.clone();
            let work = async move { searches.run(move |_| held.recv().is_err()).await };
            tokio::spawn(work);
            hold
        };
        let held = (0..limits::SEARCHES).map(occupy).collect();
        while searches.running.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        held
    }

    #[tokio::test]
    async fn who_waits_too_long_is_told_to_come_back() {
        let patience = Duration::ZERO;
        let searches = Arc::new(Searches { patience, ..Searches::default() });
        let held = occupy(&searches).await;
        let error = searches.run(|_| ()).await.unwrap_err();
        assert_eq!(error.to_string(), "The searches before this one take too long.");
        assert!(matches!(error, ApiError::Overloaded { retry_after_seconds: 1, .. }));
        // Who was sent away does not take a place.
        assert_eq!(searches.admitted.available_permits(), limits::SEARCHES_WAITING);
        drop(held);
    }

    #[tokio::test]
    async fn who_comes_when_too_many_wait_is_told_at_once() {
        let searches = Arc::new(Searches::default());
        let held = occupy(&searches).await;
        let wait = |_| {
            let searches = searches.clone();
            tokio::spawn(async move { searches.run(|_| 7).await })
        };
        let waiting: Vec<_> = (0..limits::SEARCHES_WAITING).map(wait).collect();
        while searches.admitted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let error = searches.run(|_| 7).await.unwrap_err();
        assert_eq!(error.to_string(), "Too many searches are waiting.");
        drop(held);
        for waited in waiting {
            // On a machine that stands still they may lose their patience instead.
            let _ = waited.await.unwrap();
        }
        assert_eq!(searches.run(|_| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_told_and_gives_its_place_back() {
        let searches = Arc::new(Searches::default());
        let (told, heard) = sync_channel(1);
        let working = searches.clone();
        let caller = tokio::spawn(async move {
            let work = move |cancelled: &AtomicBool| {
                while !cancelled.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
                told.send(()).unwrap();
            };
            working.run(work).await
        });
        while searches.running.available_permits() == limits::SEARCHES {
            tokio::task::yield_now().await;
        }
        caller.abort();
        tokio::task::spawn_blocking(move || heard.recv().unwrap()).await.unwrap();
        while searches.running.available_permits() < limits::SEARCHES {
            tokio::task::yield_now().await;
        }
    }
}
