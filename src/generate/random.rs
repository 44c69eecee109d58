//! Repeatable pseudo-random numbers.
//!
//! `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): one
//! 64-bit counter and a mixing function. Every row gets a stream of its own from the seed and the row's
//! number, so a row can be drawn without drawing the rows before it. Only whole-number arithmetic and exact
//! floating-point operations are used, no function of a mathematical library, so that a seed gives the same
//! bytes on every machine. Never use it for secrets.

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// One stream of numbers.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The stream that belongs to all of `parts` together, in this order.
    pub(super) fn of(parts: &[u64]) -> Self {
        let state = parts.iter().fold(0, |state, &part| mix(state ^ mix(part.wrapping_add(GAMMA))));
        Self(state)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// A whole number from zero up to but not including `bound`; zero where `bound` is zero.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// A whole number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = usize::try_from(high - low + 1).unwrap_or(0);
        low.saturating_add_unsigned(self.below(span) as u64)
    }

    /// At least zero, less than one.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True in `percent` of a hundred cases.
    pub(super) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// A place in a list of `length`, the early places far more often than the late ones: the place of
    /// rank r has a chance near r^-½. Stands in for the popularity of products and pharmacies.
    pub(super) fn popular(&mut self, length: usize) -> usize {
        let unit = self.unit();
        ((unit * unit * length as f64) as usize).min(length.saturating_sub(1))
    }

    /// One of `choices`, all alike; nothing where there are none.
    pub(super) fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len()))
    }

    /// The place of one of `weights`, each in proportion to its weight.
    pub(super) fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total: u64 = weights.clone().map(u64::from).sum();
        let mut rest = self.below(total as usize) as u64;
        for (place, weight) in weights.enumerate() {
            if rest < u64::from(weight) {
                return place;
            }
            rest -= u64::from(weight);
        }
        0
    }

    /// The same elements in another order (Fisher and Yates).
    pub(super) fn shuffle<T>(&mut self, elements: &mut [T]) {
        for end in (1..elements.len()).rev() {
            elements.swap(end, self.below(end + 1));
        }
    }
}

/// A reordering of `0..length` that needs no memory: a four-round Feistel network over the next power of
/// four, walked until it lands inside.
#[derive(Debug, Clone)]
pub(super) struct Reordering {
    length: u64,
    half_bits: u32,
    keys: [u64; 4],
}

impl Reordering {
    pub(super) fn new(length: usize, seed: u64) -> Self {
        let bits = u64::BITS - (length.max(2) as u64 - 1).leading_zeros();
        let mut random = Random::of(&[seed, 0x0072_6f77]);
        let keys = std::array::from_fn(|_| random.next());
        Self { length: length as u64, half_bits: bits.div_ceil(2), keys }
    }

    /// Where place `place` goes. Every place below the length goes to another one below the length.
    pub(super) fn at(&self, place: usize) -> usize {
        let mask = (1_u64 << self.half_bits) - 1;
        let mut value = place as u64;
        loop {
            let (mut left, mut right) = (value >> self.half_bits, value & mask);
            for key in self.keys {
                (left, right) = (right, left ^ (mix(right ^ key) & mask));
            }
            value = (left << self.half_bits) | right;
            if value < self.length {
                return value as usize;
            }
        }
    }
}

fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_published_first_numbers_of_splitmix64() {
        // Output of the reference C program for the seed 1234567.
        let mut random = Random(1_234_567);
        let first: Vec<u64> = (0..5).map(|_| random.next()).collect();
        assert_eq!(
            first,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821
            ]
        );
    }

    #[test]
    fn a_reordering_uses_each_place_once() {
        for length in [1, 2, 3, 17, 64, 1000, 4097] {
            let reordering = Reordering::new(length, 5);
            let mut places: Vec<usize> = (0..length).map(|place| reordering.at(place)).collect();
            places.sort_unstable();
            assert_eq!(places, (0..length).collect::<Vec<_>>());
        }
    }

    #[test]
    fn weights_are_obeyed() {
        let mut random = Random::of(&[3]);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            counts[random.weighted([1, 0, 3].into_iter())] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((2_300..2_700).contains(&counts[0]), "{counts:?}");
    }
}
