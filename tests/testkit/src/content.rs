//! File contents out of a seed.
//!
//! Random bytes do not compress and give many short deflate blocks; text compresses and gives few long ones. Layers need both,
//! and the same ones on every run.

/// The SplitMix64 generator: a few lines, good enough for test data, the same everywhere.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator whose whole sequence is decided by `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which must not be zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound
    }
}

/// Bytes that no compressor can shorten.
pub fn random(seed: u64, len: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        out.extend_from_slice(&rng.next_u64().to_le_bytes());
    }
    out.truncate(len);
    out
}

/// Words, spaces and line ends: shrinks to about a third, like source code and documentation do.
pub fn text(seed: u64, len: usize) -> Vec<u8> {
    const SYLLABLES: [&str; 16] = [
        "ka", "lo", "mi", "ne", "pu", "ra", "so", "ti", "ve", "wo", "xen", "yl", "zur", "bri",
        "cla", "dro",
    ];
    let mut rng = Rng::new(seed);
    let mut out = Vec::with_capacity(len + 16);
    while out.len() < len {
        for _ in 0..=rng.below(4) {
            out.extend_from_slice(SYLLABLES[rng.below(16) as usize].as_bytes());
        }
        out.push(if rng.below(9) == 0 { b'\n' } else { b' ' });
    }
    out.truncate(len);
    out
}

/// Runs of text, random bytes and zeros after one another, as in a layer of programs.
pub fn mixed(seed: u64, len: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut out = Vec::with_capacity(len + 20_000);
    while out.len() < len {
        let run = 1 + rng.below(20_000) as usize;
        match rng.below(4) {
            0 => out.extend_from_slice(&random(rng.next_u64(), run)),
            1 => out.resize(out.len() + run, 0),
            _ => out.extend_from_slice(&text(rng.next_u64(), run)),
        }
    }
    out.truncate(len);
    out
}
