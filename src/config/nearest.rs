//! The key that somebody most likely meant.

use super::key::Key;

/// The known key (or section of keys) that somebody most likely meant.
pub(super) fn nearest(name: &str, table: &[Key]) -> Option<String> {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let mut candidates: Vec<&str> = Vec::new();
    for key in table {
        candidates.push(key.name);
        candidates.extend(key.name.match_indices('.').map(|(dot, _)| &key.name[..dot]));
    }
    let within = |most: usize| move |(distance, _): &(usize, &str)| *distance <= most;
    let whole = candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(candidate, name), *candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(within(name.len() / 3));
    // The right word in the wrong section: `web.durability`.
    let moved = || {
        candidates
            .iter()
            .map(|candidate| {
                (strsim::damerau_levenshtein(&last(candidate), &last(name)), *candidate)
            })
            .min_by_key(|(distance, _)| *distance)
            .filter(within(last(name).len() / 4))
    };
    whole.or_else(moved).map(|(_, candidate)| candidate.to_owned())
}
