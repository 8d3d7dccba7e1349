//! The keys about JSON events and the runs they begin and end.

use super::key::{Key, Preset};
use super::sections::Events;
use super::table::seconds;
use super::values::Values;

/// In the order in which people read about them.
pub(super) const KEYS: &[Key] = &[Key {
    name: "events.abandon_after",
    kind: seconds(1, 365 * 24 * 60 * 60),
    preset: Preset::Text("1h"),
    doc: "A run whose beginning was told is closed with the error `abandoned` when its end does \
          not come within this time.",
}];

pub(super) fn events(values: &Values) -> Events {
    Events { abandon_after: values.get("events.abandon_after") }
}
