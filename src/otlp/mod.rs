//! The OTLP wire format, read in place.
//!
//! Batches are never decoded into trees: a walk over the bytes lends spans and log records to
//! whoever needs them, which costs a third of a decode and cannot be made to amplify (a 384-byte
//! request that names two million empty spans costs two million steps, not 530 MiB).
//!
//! [`wire`] knows protobuf, [`schema`] holds OTLP's messages as data, [`read`] lends records and
//! [`metrics`] points,
//! [`write`] builds messages, [`compose`] whole requests out of the model, [`count`] says how much
//! work a request is, [`json`] turns OTLP/JSON into the same bytes.

pub mod compose;
pub mod count;
pub mod json;
pub mod metrics;
pub mod read;
pub mod schema;
pub mod wire;
pub mod write;
