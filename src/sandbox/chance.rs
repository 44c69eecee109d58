//! Seeded chance: the same seed tells the same story. `SplitMix64`, so no crate is needed.

/// A source of chance.
#[derive(Debug, Clone)]
pub(crate) struct Chance {
    state: u64,
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to one less than `limit`; 0 if `limit` is 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        // The bias of the remainder is beneath notice for the small limits here.
        self.next().checked_rem(limit).unwrap_or(0)
    }

    /// True this often in a hundred.
    pub(crate) fn percent(&mut self, percent: u8) -> bool {
        self.below(100) < u64::from(percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_tells_the_same_story_and_the_share_is_kept() {
        let story = |seed| {
            let mut chance = Chance::new(seed);
            (0..1_000).map(|_| chance.percent(30)).collect::<Vec<_>>()
        };
        assert_eq!(story(7), story(7));
        assert_ne!(story(7), story(8));
        let hits = story(7).iter().filter(|hit| **hit).count();
        assert!((250..350).contains(&hits), "{hits} of 1000");
        assert!(!Chance::new(1).percent(0) && Chance::new(1).percent(100));
    }
}
