//! Taking in a request's body that is read before it goes on.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::failure::Failure;
use crate::limits;

/// What all held bodies may take together, in steps.
pub(super) struct Room(Arc<Semaphore>);

/// Bytes of one permit.
const STEP_BYTES: usize = 1024;

impl Room {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(limits::GATEWAY_HELD_BYTES / STEP_BYTES)))
    }

    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Failure> {
        let steps = u32::try_from(bytes.div_ceil(STEP_BYTES)).unwrap_or(u32::MAX);
        Arc::clone(&self.0).try_acquire_many_owned(steps).map_err(|_| Failure::Overloaded)
    }
}

/// The whole body, and the memory that it takes.
pub(super) async fn whole(
    mut body: Incoming,
    most: u64,
    room: &Room,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Failure> {
    if body.size_hint().lower() > most {
        return Err(Failure::RequestTooLarge(most));
    }
    let Some(first) = next(&mut body).await? else { return Ok((Bytes::new(), None)) };
    if first.len() as u64 > most {
        return Err(Failure::RequestTooLarge(most));
    }
    let mut taken = room.take(first.len())?;
    if body.is_end_stream() {
        return Ok((first, Some(taken)));
    }
    // A body of several pieces is put together, because what is read of it lies anywhere.
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(0);
    let mut whole = BytesMut::with_capacity(first.len() + announced.min(limits::BODY_STEP_BYTES));
    whole.extend_from_slice(&first);
    drop(first);
    while let Some(piece) = next(&mut body).await? {
        if (whole.len() + piece.len()) as u64 > most {
            return Err(Failure::RequestTooLarge(most));
        }
        taken.merge(room.take(piece.len())?);
        whole.extend_from_slice(&piece);
    }
    Ok((whole.freeze(), Some(taken)))
}

/// The next piece with something in it.
async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Failure> {
    let longest = Duration::from_secs(limits::BODY_TIMEOUT_SECONDS);
    loop {
        let frame = tokio::time::timeout(longest, body.frame());
        match frame.await.map_err(|_| Failure::RequestTimeout)? {
            None => return Ok(None),
            Some(Err(_)) => return Err(Failure::CallerLeft),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(piece) if !piece.is_empty() => return Ok(Some(piece)),
                _ => {}
            },
        }
    }
}
