//! Numbers that look random and are the same in every run (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
//! Generators, 2014).

/// A source of such numbers.
pub struct Dice(u64);

impl Dice {
    /// The numbers of one seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next one.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// One below `bound`; the small bias of the highest numbers is of no matter to a test.
    pub fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(((self.roll() >> 32) * u64::from(bound)) >> 32).expect("it is below a u32")
    }

    /// A place in a list of `len`.
    pub fn place(&mut self, len: usize) -> usize {
        self.below(u32::try_from(len).expect("a short list")) as usize
    }

    /// Whether something that happens `times` times in `of` happens.
    pub fn happens(&mut self, times: u32, of: u32) -> bool {
        self.below(of) < times
    }

    /// One of several.
    pub fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.place(all.len())]
    }

    /// Another order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            let chosen = self.place(last + 1);
            all.swap(last, chosen);
        }
    }
}
