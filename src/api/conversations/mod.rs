//! `/api/conversations` and `/api/conversations/{id}/messages`: who talked with the agents, what
//! it took, and what was said.
//!
//! A conversation is what spans name as one (`gen_ai.conversation.id`, `session.id` and their
//! like); its runs are the traces in which a span names it. [`tallies`] takes the rows of a
//! window by trace and then by conversation, [`list`] answers with them; [`transcript`] tells
//! each message once although every call of a model repeats those before it, [`messages`]
//! answers with them.

pub(super) mod list;
pub(super) mod messages;
mod tallies;
mod transcript;
