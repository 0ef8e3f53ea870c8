//! How laws cut their inputs into pieces. The tests that include a room that cuts include this beside it.

/// Where an input is cut. Short pieces have fewer than `SHORT` bytes.
#[derive(Debug, Clone, Copy)]
pub struct Cuts<const SHORT: usize> {
    /// Its low two bits choose how long pieces are; 0 is one byte.
    pub mode: u8,
    /// Decides all lengths.
    pub state: u64,
}

impl<const SHORT: usize> Cuts<SHORT> {
    /// Length of the next piece, at times 0.
    fn next_bytes(&mut self) -> usize {
        // Knuth's linear congruential generator; its upper half is random enough to cut with.
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let random = (self.state >> 33) as usize;
        match self.mode % 4 {
            0 => 1,
            1 => random % SHORT,
            2 => 1 + random % 1_000,
            _ => (1 + random % 8) << (random % 13),
        }
    }

    /// All of the bytes in pieces.
    pub fn pieces(mut self, mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        std::iter::from_fn(move || {
            if bytes.is_empty() {
                return None;
            }
            let (piece, rest) = bytes.split_at(self.next_bytes().min(bytes.len()));
            bytes = rest;
            Some(piece)
        })
    }
}
