//! Exponential histograms in buckets that stay the same.
//!
//! Their bounds are powers of two, doubling from 2⁻¹⁰ to 2¹⁰ and then times four to 2³⁰: about
//! 1 ms to 17 minutes finely, and to 1 GiB or 10⁹ tokens coarsely. At every scale from 0 up a
//! power of two is a bound of the original as well, so nothing is split and the counts are exact.
//! Coarser originals have buckets that reach over several bounds; what is in one counts at the
//! first bound that is not below any of it.

use super::refusal::Refusal;

/// The exponents of the bounds.
const EXPONENTS: [i32; 31] = [
    -10, -9, -8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20,
    22, 24, 26, 28, 30,
];
/// Scales beyond these say nothing that a double could tell.
const SCALES: std::ops::RangeInclusive<i32> = -10..=20;

/// What an exponential histogram has beside its sum.
pub(super) struct Exponential<'p> {
    pub(super) count: u64,
    pub(super) scale: i32,
    pub(super) zero_count: u64,
    pub(super) zero_threshold: f64,
    pub(super) positive: (i32, &'p [u64]),
    pub(super) negative: u64,
}

/// The bounds.
pub(super) fn bounds() -> Box<[f64]> {
    EXPONENTS.iter().map(|exponent| f64::from(*exponent).exp2()).collect()
}

impl Exponential<'_> {
    /// How many observations there were in each bucket, the one above the last bound included.
    pub(super) fn counts(&self) -> Result<Vec<u64>, Refusal> {
        if !SCALES.contains(&self.scale) {
            return Err(Refusal::Malformed);
        }
        let mut counts = vec![0_u64; EXPONENTS.len() + 1];
        let mut total = 0_u64;
        let mut add = |bucket: usize, count: u64| {
            total = total.checked_add(count)?;
            counts[bucket] = counts[bucket].checked_add(count)?;
            Some(())
        };
        let (offset, buckets) = self.positive;
        let positive = buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        let positive = positive.map(|(index, count)| {
            let above = i64::from(offset) + index as i64 + 1;
            // A whole number over a power of two: exact.
            (bucket(above as f64 * f64::from(-self.scale).exp2()), *count)
        });
        let zero = if self.zero_threshold > 0.0 { self.zero_threshold.log2() } else { f64::MIN };
        let all = positive.chain([(bucket(zero), self.zero_count), (0, self.negative)]);
        for (bucket, count) in all {
            add(bucket, count).ok_or(Refusal::Malformed)?;
        }
        if total == self.count { Ok(counts) } else { Err(Refusal::Malformed) }
    }
}

/// The first bucket whose bound is not below two to this.
fn bucket(exponent: f64) -> usize {
    EXPONENTS.partition_point(|bound| f64::from(*bound) < exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_ascend() {
        let bounds = bounds();
        assert_eq!((bounds[0], bounds[10], bounds[30]), (1.0 / 1024.0, 1.0, 1_073_741_824.0));
        assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]));
    }

    /// Observations sorted into exponential buckets by their definition, and then by ours.
    #[test]
    fn counts_are_exact_where_bounds_meet() {
        let values = [0.0001, 0.001, 0.9, 1.0, 1.000_1, 1.9, 2.0, 2.1, 700.0, 1e12];
        for scale in [0, 1, 3, 8] {
            let index = |value: f64| (value.log2() * f64::from(scale).exp2()).ceil() as i32 - 1;
            let offset = values.iter().map(|value| index(*value)).min().unwrap();
            let most = values.iter().map(|value| index(*value)).max().unwrap();
            let mut counts = vec![0; (most - offset) as usize + 1];
            values.iter().for_each(|value| counts[(index(*value) - offset) as usize] += 1);
            let histogram = Exponential {
                count: values.len() as u64 + 5,
                scale,
                zero_count: 2,
                zero_threshold: 0.0,
                positive: (offset, &counts),
                negative: 3,
            };
            let ours = histogram.counts().unwrap();
            for (index, bound) in bounds().iter().enumerate() {
                let below = values.iter().filter(|value| *value <= bound).count() as u64 + 5;
                assert_eq!(ours[..=index].iter().sum::<u64>(), below, "{bound} at {scale}");
            }
        }
    }

    #[test]
    fn coarse_and_wrong_ones() {
        let histogram = |scale, count, counts| Exponential {
            count,
            scale,
            zero_count: 1,
            zero_threshold: 0.5,
            positive: (0, counts),
            negative: 0,
        };
        // One bucket from 1 to 16.
        let counts = histogram(-2, 8, &[7]).counts().unwrap();
        assert_eq!(counts[14], 7, "up to 16");
        assert_eq!(counts[9], 1, "up to 0.5");
        for wrong in [histogram(-2, 9, &[7]), histogram(40, 8, &[7]), histogram(0, 8, &[u64::MAX])]
        {
            assert_eq!(wrong.counts(), Err(Refusal::Malformed));
        }
    }
}
