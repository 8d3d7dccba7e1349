//! Making an answer fit: lists of JSON texts that are filled while there is room.
//!
//! What does not fit is counted, so that the reader knows what to ask for next. The order of
//! filling is fixed, so the same trace and the same bound give the same bytes.

use serde::Serialize;

/// Room for an answer, in bytes.
#[derive(Debug)]
pub(super) struct Room {
    left: Option<usize>,
}

/// A list of an answer.
#[derive(Debug, Default)]
pub(super) struct List {
    /// The items that fit and their places in the original order.
    items: Vec<(usize, String)>,
    /// How many did not.
    pub(super) left_out: usize,
}

impl Room {
    /// Room for this many bytes; `None` for any number.
    pub(super) fn of(bytes: Option<usize>) -> Self {
        Self { left: bytes }
    }

    /// Takes this many bytes if there are that many.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        match &mut self.left {
            None => true,
            Some(left) if *left >= bytes => {
                *left -= bytes;
                true
            }
            Some(_) => false,
        }
    }

    /// What is left; `None` without a bound.
    pub(super) fn left(&self) -> Option<usize> {
        self.left
    }

    /// Half of what is left, for one of several lists that want it.
    pub(super) fn half(&self) -> Self {
        Self { left: self.left.map(|left| left / 2) }
    }

    /// Fills a list of JSON texts in the order given, up to the first that does not fit; the
    /// list keeps them in the order of their places. `share` bounds what this list may take.
    pub(super) fn fill(
        &mut self,
        mut share: Self,
        items: impl IntoIterator<Item = (usize, String)>,
    ) -> List {
        let mut list = List::default();
        let mut items = items.into_iter();
        for (place, item) in &mut items {
            // One more for the comma. An empty text stands for an item that is too large.
            let bytes = item.len() + 1;
            if item.is_empty() || !share.take(bytes) || !self.take(bytes) {
                list.left_out = 1;
                break;
            }
            list.items.push((place, item));
        }
        list.left_out += items.count();
        list.items.sort_by_key(|(place, _)| *place);
        list
    }

    /// A share without a bound of its own.
    pub(super) fn whole(&self) -> Self {
        Self { left: self.left }
    }
}

impl List {
    /// Puts more into an item: `more` are the fields of a JSON object without its braces. The
    /// item stays as it is where there is no room; whether there was is the answer.
    pub(super) fn extend(&mut self, room: &mut Room, place: usize, more: &str) -> bool {
        let found = self.items.binary_search_by_key(&place, |(place, _)| *place);
        let Ok(index) = found else { return false };
        let fits = room.take(more.len() + 1);
        if fits {
            let item = &mut self.items[index].1;
            // Every item is an object, whose last byte is its closing brace.
            item.truncate(item.len() - 1);
            item.push(',');
            item.push_str(more);
            item.push('}');
        }
        fits
    }

    /// Adds what another list holds.
    pub(super) fn append(&mut self, other: Self) {
        self.items.extend(other.items);
        self.items.sort_by_key(|(place, _)| *place);
        self.left_out += other.left_out;
    }

    /// The places of the items that fit.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        self.items.iter().map(|(place, _)| *place)
    }

    /// The list as a JSON array.
    pub(super) fn write(&self, out: &mut String) {
        out.push('[');
        for (index, (_, item)) in self.items.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            out.push_str(item);
        }
        out.push(']');
    }
}

/// The JSON text of a value of ours.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("keys are texts and writing to memory does not fail")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(list: &List) -> String {
        let mut out = String::new();
        list.write(&mut out);
        out
    }

    #[test]
    fn lists_take_what_fits_and_count_the_rest() {
        let mut room = Room::of(Some(10));
        let share = room.whole();
        let items = [(2, "\"aa\""), (0, "\"b\""), (1, "\"ccc\""), (3, "4")];
        let list = room.fill(share, items.map(|(place, item)| (place, item.to_owned())));
        // The first two take nine bytes; the third ends it although the fourth is short.
        assert_eq!((written(&list).as_str(), list.left_out), (r#"["b","aa"]"#, 2));
        assert!(room.take(1) && !room.take(1));
        let mut any = Room::of(None);
        let share = any.half();
        assert_eq!(any.fill(share, (0..1_000).map(|n| (n, json(&n)))).left_out, 0);
    }

    #[test]
    fn items_grow_where_there_is_room() {
        let mut room = Room::of(Some(20));
        let share = room.half();
        let mut list = room.fill(share, [(7, json(&serde_json::json!({ "a": 1 })))]);
        assert!(!list.extend(&mut room, 8, "\"x\":1"));
        assert!(list.extend(&mut room, 7, "\"b\":2"));
        assert!(!list.extend(&mut room, 7, "\"c\":12345"));
        assert_eq!(written(&list), r#"[{"a":1,"b":2}]"#);
    }
}
