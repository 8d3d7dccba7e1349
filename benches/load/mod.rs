//! Load as agents make it, cheap enough to send from the cores that serve it: requests are
//! encoded once and only their ids and times are stamped anew.

#![allow(dead_code, unreachable_pub, reason = "benches and tests each use their part of it")]
#![allow(clippy::unwrap_used, reason = "a load that cannot be sent should say where")]

mod conversation;
pub mod grpc;
pub mod http;
pub mod process;
pub mod template;
