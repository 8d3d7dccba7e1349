//! How values are distributed, in little memory: sketches of which the older one fades.

use sketches_ddsketch::{Config, DDSketch};

use super::bytes::{Kept, kept};

/// Quantiles are right to two in a hundred, which bounds a sketch to 7 KiB for all values between
/// the least and the most.
const ACCURACY: f64 = 0.02;
const LEAST: f64 = 1e-7;
const MOST: f64 = 1e7;
/// What the encoding of the crate gives back, whatever it was made with.
const MOST_BINS: u32 = 2_048;
const SMALLEST: f64 = 1e-9;

/// The values of the last one to two windows.
#[derive(Clone, Default)]
pub(super) struct Windowed {
    young: Option<Sketch>,
    old: Option<Sketch>,
    /// When the younger one was begun.
    begun_ns: u64,
    /// The quantile that values are compared with, and the count at which it is taken again.
    high: Option<f64>,
    look_at: u64,
}

kept!(Windowed { young, old, begun_ns, high, look_at });

/// One sketch.
#[derive(Clone)]
struct Sketch(DDSketch);

impl Windowed {
    /// Lets the older values go whose time is over.
    pub(super) fn turn(&mut self, now_ns: u64, window_ns: u64) {
        let windows = now_ns.saturating_sub(self.begun_ns) / window_ns.max(1);
        if windows == 0 {
            return;
        }
        self.old = if windows == 1 { self.young.take() } else { None };
        self.young = None;
        self.begun_ns = now_ns - now_ns % window_ns.max(1);
        self.look_at = 0;
    }

    /// Adds a value.
    pub(super) fn add(&mut self, value: f64) {
        // What is no number is not positive either.
        let value = if value > 0.0 { value.clamp(LEAST, MOST) } else { 0.0 };
        self.young.get_or_insert_with(Sketch::new).0.add(value);
    }

    /// How many values there are.
    pub(super) fn count(&self) -> u64 {
        [&self.young, &self.old].into_iter().flatten().map(|it| it.0.count() as u64).sum()
    }

    /// The 99th percentile, as it was when there were somewhat fewer values: taking it is dear,
    /// and it moves slowly.
    pub(super) fn high(&mut self) -> Option<f64> {
        let count = self.count();
        if count >= self.look_at {
            self.high = self.quantiles([0.99])[0];
            self.look_at = count + count / 32 + 1;
        }
        self.high
    }

    /// The quantiles of all values.
    pub(super) fn quantiles<const N: usize>(&self, wanted: [f64; N]) -> [Option<f64>; N] {
        let of = |sketch: &Sketch| wanted.map(|q| sketch.0.quantile(q).ok().flatten());
        match (&self.young, &self.old) {
            (None, None) => [None; N],
            (Some(one), None) | (None, Some(one)) => of(one),
            (Some(young), Some(old)) => {
                let mut both = old.clone();
                // They are made alike, so they can be merged.
                let _ = both.0.merge(&young.0);
                of(&both)
            }
        }
    }
}

impl Sketch {
    fn new() -> Self {
        Self(DDSketch::new(Config::new(ACCURACY, MOST_BINS, SMALLEST)))
    }
}

impl Kept for Sketch {
    fn write(&self, out: &mut Vec<u8>) {
        let bytes = self.0.to_java_bytes();
        (bytes.len() as u32).write(out);
        out.extend_from_slice(&bytes);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let length = u32::read(from)? as usize;
        let (bytes, rest) = from.split_at_checked(length)?;
        *from = rest;
        let read = DDSketch::from_java_bytes(bytes).ok()?;
        // Another accuracy could not be merged with ours.
        let mut made = Self::new();
        made.0.merge(&read).ok()?;
        Some(made)
    }
}

impl std::fmt::Debug for Sketch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} values", self.0.count())
    }
}

impl std::fmt::Debug for Windowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries([&self.young, &self.old]).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW_NS: u64 = 1_000;

    fn exact(values: &[f64], q: f64) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[(q * (sorted.len() - 1) as f64) as usize]
    }

    #[test]
    fn quantiles_are_right_to_two_in_a_hundred() {
        let mut dice = fastrand::Rng::with_seed(3);
        for spread in [0.0, 0.3, 1.0, 3.0] {
            let normal = |dice: &mut fastrand::Rng| (0..12).map(|_| dice.f64()).sum::<f64>() - 6.0;
            let values: Vec<f64> =
                (0..20_000).map(|_| (spread * normal(&mut dice)).exp()).collect();
            let mut sketch = Windowed::default();
            for (at, value) in values.iter().enumerate() {
                sketch.turn(1_000 + at as u64 / 15, WINDOW_NS);
                sketch.add(*value);
            }
            assert_eq!(sketch.count(), 20_000, "all are in the last two windows");
            for q in [0.05, 0.5, 0.95, 0.99] {
                let (found, real) = (sketch.quantiles([q])[0].unwrap(), exact(&values, q));
                assert!((found / real - 1.0).abs() < 0.021, "{q} of {spread}: {found} {real}");
            }
        }
    }

    #[test]
    fn old_values_fade() {
        let mut sketch = Windowed::default();
        for now_ns in 1_000..2_000 {
            sketch.turn(now_ns, WINDOW_NS);
            sketch.add(100.0);
        }
        for now_ns in 2_000..3_000 {
            sketch.turn(now_ns, WINDOW_NS);
            sketch.add(1.0);
        }
        let low = |sketch: &Windowed| sketch.quantiles([0.99])[0].unwrap() < 2.0;
        assert!(sketch.count() == 2_000 && !low(&sketch));
        sketch.turn(3_000, WINDOW_NS);
        assert!(sketch.count() == 1_000 && low(&sketch) && sketch.high().unwrap() < 2.0);
        sketch.turn(9_000, WINDOW_NS);
        assert_eq!((sketch.count(), sketch.high()), (0, None));
    }

    #[test]
    fn it_comes_back_as_it_was() {
        let mut sketch = Windowed::default();
        let mut dice = fastrand::Rng::with_seed(5);
        for now_ns in 1_000..2_500 {
            sketch.turn(now_ns, WINDOW_NS);
            sketch.add(dice.f64() * 10.0 - 0.5);
            sketch.high();
        }
        let mut bytes = Vec::new();
        sketch.write(&mut bytes);
        assert!(bytes.len() < 8_000, "{}", bytes.len());
        let mut again = Windowed::read(&mut &bytes[..]).unwrap();
        for now_ns in 2_500..5_000 {
            let value = dice.f64() * 20.0;
            for sketch in [&mut sketch, &mut again] {
                sketch.turn(now_ns, WINDOW_NS);
                sketch.add(value);
            }
            assert_eq!(sketch.high(), again.high(), "{now_ns}");
        }
        assert_eq!(sketch.quantiles([0.5, 0.95]), again.quantiles([0.5, 0.95]));
        assert!(Windowed::read(&mut &bytes[..bytes.len() / 2]).is_none());
    }

    #[test]
    fn no_value_makes_it_large() {
        let mut sketch = Windowed::default();
        for value in [0.0, -1.0, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, f64::NAN, 1e-300] {
            sketch.add(value);
        }
        for exponent in -300..300 {
            sketch.add(10_f64.powi(exponent));
        }
        let young = sketch.young.as_ref().unwrap();
        assert!(young.0.length() <= 1_024, "{}", young.0.length());
    }
}
