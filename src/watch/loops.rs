//! Runs that go round in circles: the same tool with the same arguments again and again, or a
//! few calls round after round (A, B, A, B).
//!
//! A run is what one agent calls within one trace, as far as the spans of the calls name it.
//! Equal calls are counted whatever lies between them. Circles are looked for among the last
//! calls by start time: once all calls have arrived, in whatever order, a circle among the last
//! [`limits::WATCH_LOOP_CALLS`] has been found. A call that arrives late may show that a circle
//! was none; what was said stays said. Calls whose arguments are not known are no part of either.

use std::collections::VecDeque;

use super::bytes::kept;
use super::halves::Halves;
use crate::limits;

/// When a run is said to loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopOptions {
    /// Equal calls.
    pub repeats: u64,
    /// Rounds of different calls.
    pub rounds: u64,
}

/// What a call has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// It was made so often.
    Repeat(u64),
    /// So many calls were made in turns, so often.
    Circle { calls: usize, rounds: u64 },
}

/// The calls of the runs that called tools lately.
#[derive(Debug)]
pub(super) struct Loops(Halves<Calls>);

/// The calls of one run.
#[derive(Debug, Default)]
struct Calls {
    /// How often each was made.
    counts: Vec<(u64, u64)>,
    /// The last ones as (start, digest), by start.
    last: VecDeque<(u64, u64)>,
    /// Equal calls, and rounds, of which was told last; 0 for none.
    told_repeats: u64,
    told_rounds: u64,
    /// The calls of the circle that was told.
    circle: Vec<u64>,
}

kept!(Calls { counts, last, told_repeats, told_rounds, circle });

impl Loops {
    pub(super) fn new() -> Self {
        Self(Halves::new(limits::WATCH_LOOP_RUNS))
    }

    /// A call of a tool in a run. Says what is to be told, and how many runs were forgotten.
    pub(super) fn call(
        &mut self,
        run: u64,
        start_ns: u64,
        digest: u64,
        options: LoopOptions,
    ) -> (Option<Round>, usize) {
        let (calls, forgotten) = self.0.touch(run, Calls::default);
        (calls.call(start_ns, digest, options), forgotten)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }

    pub(super) fn read(from: &mut &[u8]) -> Option<Self> {
        Halves::read(from, limits::WATCH_LOOP_RUNS).map(Self)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Calls {
    fn call(&mut self, start_ns: u64, digest: u64, options: LoopOptions) -> Option<Round> {
        let count = self.count(digest);
        self.enter(start_ns, digest);
        if let Some((calls, rounds)) = self.circle(options.rounds)
            && rounds >= 2 * self.told_rounds
        {
            self.told_rounds = rounds;
            return Some(Round::Circle { calls, rounds });
        }
        if self.circle.contains(&digest) {
            // A circle that is longer than what is remembered goes on as often as its calls.
            if count >= 2 * self.told_rounds {
                self.told_rounds = count;
                return Some(Round::Circle { calls: self.circle.len(), rounds: count });
            }
            return None;
        }
        if count >= options.repeats && count >= 2 * self.told_repeats {
            self.told_repeats = count;
            return Some(Round::Repeat(count));
        }
        None
    }

    /// Counts a call; of too many different ones the rarest is forgotten.
    fn count(&mut self, digest: u64) -> u64 {
        if let Some((_, count)) = self.counts.iter_mut().find(|(known, _)| *known == digest) {
            *count += 1;
            return *count;
        }
        if self.counts.len() >= limits::WATCH_LOOP_KINDS {
            let rarest = (0..self.counts.len()).min_by_key(|at| self.counts[*at].1);
            rarest.map(|at| self.counts.remove(at));
        }
        self.counts.push((digest, 1));
        1
    }

    /// Puts a call in its place by start; of two that start together the first to arrive is first.
    fn enter(&mut self, start_ns: u64, digest: u64) {
        let at = self.last.partition_point(|(start, _)| *start <= start_ns);
        self.last.insert(at, (start_ns, digest));
        if self.last.len() > limits::WATCH_LOOP_CALLS {
            self.last.pop_front();
        }
    }

    /// The longest circle of at least so many rounds, as calls of a round and rounds; remembers
    /// its calls.
    fn circle(&mut self, least: u64) -> Option<(usize, u64)> {
        // A new call can only lengthen a circle that it is part of, and what calls are there is
        // told by their counts: without two that were made often enough there is none.
        let often = self.counts.iter().filter(|(_, count)| *count >= least).count();
        if often < 2 {
            return None;
        }
        let calls: Vec<u64> = self.last.iter().map(|(_, digest)| *digest).collect();
        let (from, period, length) = (2..=limits::WATCH_LOOP_PERIOD)
            .filter_map(|period| longest(&calls, period))
            // A shorter round that explains as much is the one.
            .max_by_key(|(_, period, length)| (*length, std::cmp::Reverse(*period)))?;
        let rounds = (length / period) as u64;
        if rounds < least {
            return None;
        }
        self.circle = calls[from..from + period].to_vec();
        Some((period, rounds))
    }
}

/// The longest stretch of whole rounds of this many calls, not all the same: where it begins,
/// the period, its length.
fn longest(calls: &[u64], period: usize) -> Option<(usize, usize, usize)> {
    let mut best: Option<(usize, usize, usize)> = None;
    let mut from = 0;
    while from + 2 * period <= calls.len() {
        let ahead = calls[from..].iter().zip(&calls[from + period..]);
        let same = ahead.take_while(|(one, next)| one == next).count();
        let varied = calls[from..from + period].iter().any(|call| *call != calls[from]);
        let length = (same + period) / period * period;
        if varied && length >= 2 * period && best.is_none_or(|(.., longest)| length > longest) {
            best = Some((from, period, length));
        }
        // What begins within the stretch is shorter.
        from += same.max(1);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: LoopOptions = LoopOptions { repeats: 5, rounds: 3 };

    fn told(arrivals: impl Iterator<Item = (u64, u8)>) -> Vec<Round> {
        let mut calls = Calls::default();
        arrivals.filter_map(|(start, call)| calls.call(start, call.into(), OPTIONS)).collect()
    }

    fn in_order(calls: &str) -> Vec<Round> {
        told((0..).zip(calls.bytes()))
    }

    #[test]
    fn equal_calls_are_told_once_and_at_each_doubling() {
        use Round::Repeat;
        assert_eq!(in_order("AAAA"), []);
        assert_eq!(in_order("AAAAA"), [Repeat(5)]);
        assert_eq!(in_order("AxAyAzAvAw"), [Repeat(5)]);
        let told = in_order(&"A".repeat(100));
        assert_eq!(told, [Repeat(5), Repeat(10), Repeat(20), Repeat(40), Repeat(80)]);
        // Of one run the first is told, however many follow.
        assert_eq!(in_order("AAAAABBBBB"), [Repeat(5)]);
    }

    #[test]
    fn rounds_are_told_before_their_calls_are_repeats() {
        let circle = |calls, rounds| Round::Circle { calls, rounds };
        assert_eq!(in_order("ABAB"), []);
        assert_eq!(in_order("ABABAB"), [circle(2, 3)]);
        assert_eq!(in_order("xyABABABzw"), [circle(2, 3)]);
        assert_eq!(in_order("ABCABCABC"), [circle(3, 3)]);
        assert_eq!(in_order("ABCDABCDABCD"), [circle(4, 3)]);
        assert_eq!(in_order("AABAABAAB"), [Round::Repeat(5), circle(3, 3)]);
        let told = in_order(&"AB".repeat(200));
        let rounds = [3, 6, 12, 24, 48, 96, 192];
        assert_eq!(told, rounds.map(|rounds| circle(2, rounds)));
    }

    #[test]
    fn what_is_no_loop() {
        for calls in ["", "A", "ABCDEFGH", "ABABxAB", "AABB", "ABCABC", "AAAABBBB"] {
            assert_eq!(in_order(calls), [], "{calls}");
        }
        // Twelve calls of twelve kinds, in an order that never comes again.
        let varied: String =
            (0..500_u32).map(|at| char::from(b'A' + (at * at % 29) as u8)).collect();
        assert!(in_order(&varied).iter().all(|told| matches!(told, Round::Repeat(_))));
    }

    #[test]
    fn the_order_of_arrival_does_not_hide_a_loop() {
        let calls: Vec<(u64, u8)> = (0..).zip("vABABABABxyzw".bytes()).collect();
        let mut dice = fastrand::Rng::with_seed(7);
        for _ in 0..300 {
            let mut shuffled = calls.clone();
            dice.shuffle(&mut shuffled);
            let told = told(shuffled.into_iter());
            assert!(told.iter().any(|it| matches!(it, Round::Circle { calls: 2, .. })), "{told:?}");
        }
        for _ in 0..300 {
            let mut shuffled: Vec<(u64, u8)> = (0..).zip("AbcAdeAfgAhAiA".bytes()).collect();
            dice.shuffle(&mut shuffled);
            assert_eq!(told(shuffled.into_iter()), [Round::Repeat(5)]);
        }
    }

    #[test]
    fn a_run_is_bounded_and_survives() {
        let mut calls = Calls::default();
        for at in 0..10_000 {
            calls.call(at, at % 977, OPTIONS);
        }
        assert!(calls.counts.len() <= limits::WATCH_LOOP_KINDS);
        assert!(calls.last.len() <= limits::WATCH_LOOP_CALLS);
        let mut loops = Loops::new();
        let mut straight = Vec::new();
        for at in 0..400_u64 {
            straight.extend(loops.call(at % 3, at, at / 3 % 2, OPTIONS).0);
            let mut bytes = Vec::new();
            loops.write(&mut bytes);
            loops = Loops::read(&mut &bytes[..]).unwrap();
        }
        let mut whole = Loops::new();
        let told = (0..400_u64).filter_map(|at| whole.call(at % 3, at, at / 3 % 2, OPTIONS).0);
        assert_eq!(straight, told.collect::<Vec<_>>());
        assert!(!straight.is_empty());
    }
}
