//! The memory that all requests in flight may hold together.
//!
//! A request reserves before it allocates and gives back when it is answered. Nobody waits for
//! room: a sender that is told to come again later costs less than a queue of half-read bodies.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The budget of a process, shared by its doors.
#[derive(Debug)]
pub struct Budget {
    limit_bytes: usize,
    used_bytes: AtomicUsize,
}

/// A request's share of the budget, given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Arc<Budget>,
    bytes: usize,
}

/// A reservation could not grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// Others hold too much at the moment.
    #[error("the memory for requests in flight is taken")]
    Now,
    /// This request alone wants more than there is.
    #[error("the request needs more memory than requests may have")]
    Ever,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(limit_bytes: usize) -> Arc<Self> {
        Arc::new(Self { limit_bytes, used_bytes: AtomicUsize::new(0) })
    }

    /// What may be held at most.
    pub fn limit_bytes(&self) -> usize {
        self.limit_bytes
    }

    /// What is held now.
    pub fn used_bytes(&self) -> usize {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// A share of nothing yet.
    pub fn share(self: &Arc<Self>) -> Reservation {
        Reservation { budget: self.clone(), bytes: 0 }
    }
}

impl Reservation {
    /// What this share holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes `more` bytes from the budget, or nothing.
    pub fn grow(&mut self, more: usize) -> Result<(), NoRoom> {
        let limit = self.budget.limit_bytes;
        let wanted = self.bytes.checked_add(more).ok_or(NoRoom::Ever)?;
        if wanted > limit {
            return Err(NoRoom::Ever);
        }
        let take = |used: usize| used.checked_add(more).filter(|&used| used <= limit);
        let used = &self.budget.used_bytes;
        if used.fetch_update(Ordering::AcqRel, Ordering::Relaxed, take).is_err() {
            return Err(NoRoom::Now);
        }
        self.bytes = wanted;
        Ok(())
    }

    /// Gives `less` bytes back.
    pub fn shrink(&mut self, less: usize) {
        let less = less.min(self.bytes);
        self.bytes -= less;
        self.budget.used_bytes.fetch_sub(less, Ordering::AcqRel);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_bounded_and_given_back() {
        let budget = Budget::new(100);
        let mut first = budget.share();
        first.grow(60).unwrap();
        let mut second = budget.share();
        assert_eq!(second.grow(50), Err(NoRoom::Now));
        assert_eq!(second.grow(101), Err(NoRoom::Ever));
        second.grow(40).unwrap();
        assert_eq!(budget.used_bytes(), 100);
        first.shrink(20);
        second.grow(20).unwrap();
        drop((first, second));
        assert_eq!(budget.used_bytes(), 0);
    }

    #[test]
    fn threads_never_take_more_than_there_is() {
        let budget = Budget::new(1_000);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for step in 0..10_000 {
                        let mut share = budget.share();
                        if share.grow(step % 600).is_ok() {
                            assert!(budget.used_bytes() <= 1_000);
                        }
                    }
                });
            }
        });
        assert_eq!(budget.used_bytes(), 0);
    }
}
