//! From a body on the wire to protobuf that is counted and paid for, the same for both doors.
//!
//! Small bodies are prepared where they arrive. What takes longer goes to a thread, few at a
//! time, so that neither the async threads nor the memory are taken by a handful of senders.

use super::answer::Encoding;
use super::body::{self, Announced, BodyBounds};
use super::budget::{Budget, NoRoom, Reservation};
use super::failure::Failure;
use super::unpack::{self, Coding};
use crate::limits;
use crate::model::Signal;
use crate::otlp::count::{self, CountError};
use crate::otlp::json::{self, JsonError, Rejected};
use bytes::Bytes;
use http_body::Body;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

/// What all requests share on their way in.
#[derive(Debug)]
pub(super) struct Admission {
    budget: Arc<Budget>,
    bounds: BodyBounds,
    most: Most,
    threads: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

/// What a request may hold once it is unpacked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    pub(super) unpacked_bytes: usize,
    /// Spans, log records or data points.
    pub(super) items: usize,
}

/// A place among the few that may use a thread. It goes to the thread, because the work goes on
/// also when its sender is gone.
type Place = (OwnedSemaphorePermit, OwnedSemaphorePermit);

/// A body and how to understand it.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    pub(super) signal: Signal,
    pub(super) encoding: Encoding,
    pub(super) coding: Coding,
    pub(super) body: Bytes,
}

/// A protobuf export request, counted.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) body: Bytes,
    pub(super) items: u32,
    pub(super) rejected: Rejected,
}

impl Admission {
    pub(super) fn new(budget: Arc<Budget>, bounds: BodyBounds, most: Most) -> Self {
        Self {
            budget,
            bounds,
            most,
            threads: Arc::new(Semaphore::new(limits::PREPARING)),
            queue: Arc::new(Semaphore::new(limits::PREPARING + limits::PREPARING_QUEUE)),
        }
    }

    /// Reads a body of which `prefix` bytes of framing come first.
    pub(super) async fn read<B>(
        &self,
        body: B,
        announced: Announced,
        coding: Coding,
        prefix: usize,
    ) -> Result<(Bytes, Reservation), Failure>
    where
        B: Body<Data = Bytes, Error: Send> + Send,
    {
        let mut hold = self.budget.share();
        let mut bounds = self.bounds;
        bounds.wire_bytes += prefix;
        let mut inspector = Inspector::new(self, coding, prefix);
        if announced.bytes.is_some_and(|bytes| bytes > bounds.wire_bytes as u64) {
            body::refuse(body, announced, &bounds).await;
            return Err(Failure::TooLarge { limit_bytes: self.bounds.wire_bytes });
        }
        match body::read(body, announced, &bounds, &mut hold, &mut inspector).await {
            Ok(body) => Ok((body, hold)),
            // Framing is no part of what a sender is told about.
            Err(Failure::TooLarge { limit_bytes }) if limit_bytes == bounds.wire_bytes => {
                Err(Failure::TooLarge { limit_bytes: self.bounds.wire_bytes })
            }
            Err(failure) => Err(failure),
        }
    }

    /// Forgets a body whose request is refused for its head: closing on unread bytes would reset
    /// the connection before the sender has read why.
    pub(super) async fn discard<B>(&self, body: B, announced: Announced)
    where
        B: Body<Data = Bytes, Error: Send> + Send,
    {
        body::refuse(body, announced, &self.bounds).await;
    }

    /// Unpacks, transcodes and counts a body that `hold` has paid for.
    pub(super) async fn prepare(
        &self,
        packed: Packed,
        mut hold: Reservation,
    ) -> Result<(Prepared, Reservation), Failure> {
        let most = self.most;
        if packed.is_small()
            && let Some(prepared) = packed.clone().prepare(most, packed.patience(), &mut hold)?
        {
            return Ok((prepared, hold));
        }
        let place = self.place().await?;
        let prepared = spawn_blocking(move || {
            let _place = place;
            let prepared = packed.prepare(most, usize::MAX, &mut hold)?;
            Ok((prepared.ok_or(Failure::Internal)?, hold))
        });
        prepared.await.unwrap_or(Err(Failure::Internal))
    }

    /// Unpacks a body that `hold` has paid for and lets `make` read it, on a thread where that may
    /// take long. The body is given back once it is read.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        coding: Coding,
        body: Bytes,
        mut hold: Reservation,
        make: impl FnOnce(&[u8], &mut Reservation) -> Result<T, Failure> + Send + 'static,
    ) -> Result<(T, Reservation), Failure> {
        let cap = self.most.unpacked_bytes;
        let small = coding == Coding::Identity && body.len() <= limits::JSON_INLINE_BYTES;
        let work = move || {
            let mut body = body;
            if coding != Coding::Identity {
                let glance = |_: &[u8]| Ok(());
                let patience = usize::MAX;
                let unpacked = unpack::unpack(coding, &body, cap, patience, &mut hold, &glance)?;
                hold.shrink(body.len());
                body = Bytes::from(unpacked.ok_or(Failure::Internal)?);
            }
            let made = make(&body, &mut hold)?;
            hold.shrink(body.len());
            Ok((made, hold))
        };
        if small {
            return work();
        }
        let place = self.place().await?;
        let working = spawn_blocking(move || {
            let _place = place;
            work()
        });
        working.await.unwrap_or(Err(Failure::Internal))
    }

    async fn place(&self) -> Result<Place, Failure> {
        let place = self.queue.clone().try_acquire_owned().map_err(|_| NoRoom::Now)?;
        let thread = self.threads.clone().acquire_owned().await.map_err(|_| NoRoom::Now)?;
        Ok((place, thread))
    }
}

impl Packed {
    fn is_small(&self) -> bool {
        let bound = match (self.coding, self.encoding) {
            (Coding::Identity, Encoding::Protobuf) => limits::COUNT_INLINE_BYTES,
            (Coding::Identity, Encoding::Json) => limits::JSON_INLINE_BYTES,
            _ => limits::UNPACK_INLINE_BYTES,
        };
        self.body.len() <= bound
    }

    /// How much output is made of a small body before it goes to a thread after all.
    fn patience(&self) -> usize {
        match (self.coding, self.encoding) {
            (Coding::Identity, _) => usize::MAX,
            (_, Encoding::Protobuf) => limits::UNPACK_HONEST_BYTES,
            (_, Encoding::Json) => limits::JSON_INLINE_BYTES,
        }
    }

    /// `None` when the patience does not suffice.
    fn prepare(
        self,
        most: Most,
        patience: usize,
        hold: &mut Reservation,
    ) -> Result<Option<Prepared>, Failure> {
        let Self { signal, encoding, coding, body } = self;
        let mut body = body;
        if coding != Coding::Identity {
            let glance = |beginning: &[u8]| glance(signal, encoding, beginning, most.items);
            let cap = most.unpacked_bytes;
            let Some(unpacked) = unpack::unpack(coding, &body, cap, patience, hold, &glance)?
            else {
                return Ok(None);
            };
            hold.shrink(body.len());
            body = Bytes::from(unpacked);
        }
        let mut rejected = Rejected::default();
        if encoding == Encoding::Json {
            (body, rejected) = transcode(signal, body, most.items, hold)?;
        }
        let count = count::count(signal, &body, most.items)?;
        // Not even the largest body that can be configured holds so many.
        let items = u32::try_from(count.items).unwrap_or(u32::MAX);
        Ok(Some(Prepared { body, items, rejected }))
    }
}

/// Refuses a flood of empty items by its beginning. What else is wrong with it is told once it
/// is known to be no bomb.
fn glance(
    signal: Signal,
    encoding: Encoding,
    beginning: &[u8],
    most_items: usize,
) -> Result<(), Failure> {
    let too_many = match encoding {
        Encoding::Protobuf => count::count_beginning(signal, beginning, most_items).err(),
        Encoding::Json => match json::transcode(signal, beginning, most_items, &mut |_| true) {
            Err(JsonError::TooMany(error)) => Some(error),
            _ => None,
        },
    };
    match too_many {
        None | Some(CountError::Wire(_)) => Ok(()),
        Some(error) => Err(error.into()),
    }
}

fn transcode(
    signal: Signal,
    body: Bytes,
    most_items: usize,
    hold: &mut Reservation,
) -> Result<(Bytes, Rejected), Failure> {
    hold.grow(body.len())?;
    let mut no_room = None;
    let mut room = |more| match hold.grow(more) {
        Ok(()) => true,
        Err(error) => {
            no_room = Some(error);
            false
        }
    };
    match (json::transcode(signal, &body, most_items, &mut room), no_room) {
        (Ok(transcoded), _) => {
            hold.shrink(body.len());
            Ok((Bytes::from(transcoded.body), transcoded.rejected))
        }
        (Err(JsonError::TooLarge), Some(no_room)) => Err(no_room.into()),
        (Err(error), _) => Err(error.into()),
    }
}

/// Looks at a packed body while it comes in: a bomb need not be taken in whole.
pub(super) struct Inspector<'a> {
    /// `None` once there is nothing to fear.
    admission: Option<&'a Admission>,
    coding: Coding,
    prefix: usize,
    /// How many packed bytes there must be for the next look.
    due: usize,
}

impl<'a> Inspector<'a> {
    fn new(admission: &'a Admission, coding: Coding, prefix: usize) -> Self {
        let admission = (coding != Coding::Identity).then_some(admission);
        Self { admission, coding, prefix, due: limits::UNPACK_PEEK_BYTES }
    }

    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { admission: None, coding: Coding::Identity, prefix: 0, due: 0 }
    }

    pub(super) async fn look(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let Some(admission) = self.admission else { return Ok(()) };
        let packed = bytes.get(self.prefix..).unwrap_or(&[]);
        if packed.len() < self.due {
            return Ok(());
        }
        if !unpack::is_suspicious(self.coding, packed) {
            self.admission = None;
            return Ok(());
        }
        self.due = 2 * packed.len();
        let place = admission.place().await?;
        let cap = unpack::most(packed.len()).min(admission.most.unpacked_bytes);
        let coding = self.coding;
        let beginning = Bytes::copy_from_slice(packed);
        let bomb = spawn_blocking(move || {
            let _place = place;
            unpack::exceeds(coding, &beginning, cap)
        });
        let bomb = bomb.await.unwrap_or(true);
        if bomb { Err(Failure::TooLarge { limit_bytes: cap }) } else { Ok(()) }
    }
}
