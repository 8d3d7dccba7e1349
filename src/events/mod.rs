//! Plain JSON events of apps without OpenTelemetry: what they are, and what becomes of them.
//!
//! One table ([`KINDS`]) says which events there are and what they hold. Reading, the words of
//! every error, the JSON Schema and the reference in `docs/EVENTS.md` follow from it. An event
//! becomes a span where it has a duration and a log record where it is a moment, in the names
//! that `semconv` reads.
//!
//! Invariant: every event of a body is a span, a record or rejected with a reason; what cannot be
//! true is never made plausible.

mod batch;
mod body;
mod event;
mod fields;
mod frame;
mod json;
mod json_schema;
mod kinds;
mod make;
#[cfg(test)]
mod reference;
mod rejection;
mod schema;
mod value;

pub use batch::{Batch, Beginning, SCOPE, Terms, Unread, read};
pub use json_schema::json_schema;
pub use kinds::KINDS;
pub use rejection::Rejection;
pub use schema::{Field, Frame, Kind, Shape, To, Want};
pub use value::traceparent;

#[cfg(test)]
mod tests;
