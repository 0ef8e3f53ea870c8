//! Streams written symbol by symbol, with whatever codes a test wants.
#![allow(dead_code)] // reason: each test file uses its own part

/// One step of a compressed block.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Symbol {
    Literal(u8),
    Match {
        length: u16,
        distance: u16,
    },
    /// A literal/length code as it is, with these extra bits behind it.
    Raw {
        symbol: u16,
        extra: u32,
        bits: u32,
    },
    /// A distance code as it is, without extra bits.
    RawDistance(u16),
}

/// Code lengths of a block's two codes.
#[derive(Clone, Debug)]
pub(crate) struct Codes {
    pub(crate) literal_lengths: Vec<u8>,
    pub(crate) distances: Vec<u8>,
}

/// The order of RFC 1951 §3.2.7.
const ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

impl Codes {
    pub(crate) fn fixed() -> Codes {
        let mut literal_lengths = vec![8; 288];
        literal_lengths[144..256].fill(9);
        literal_lengths[256..280].fill(7);
        Codes {
            literal_lengths,
            distances: vec![5; 32],
        }
    }

    /// All symbols, by codes of nearly the same length.
    pub(crate) fn flat() -> Codes {
        let mut literal_lengths = vec![8; 286];
        literal_lengths[226..].fill(9);
        let mut distances = vec![5; 30];
        distances[..2].fill(4);
        Codes {
            literal_lengths,
            distances,
        }
    }

    /// Codes of 1 to 15 bits: for the end of a block, some literals and some lengths, and for 16 distances.
    pub(crate) fn steep() -> Codes {
        let mut literal_lengths = vec![0; 286];
        let symbols = [
            b'a' as usize,
            b'b' as usize,
            257,
            b'c' as usize,
            258,
            b'd' as usize,
            264,
            b'e' as usize,
            265,
            b'f' as usize,
            b'g' as usize,
            b'h' as usize,
            285,
            284,
            b'i' as usize,
            256,
        ];
        for (rank, symbol) in symbols.into_iter().enumerate() {
            literal_lengths[symbol] = (rank as u8 + 1).min(15);
        }
        let distances = [0, 1, 2, 3, 5, 8, 11, 14, 17, 20, 23, 25, 26, 27, 28, 29];
        let mut lengths = vec![0; 30];
        for (rank, symbol) in distances.into_iter().enumerate() {
            lengths[symbol] = (rank as u8 + 1).min(15);
        }
        Codes {
            literal_lengths,
            distances: lengths,
        }
    }
}

/// A stream under construction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    out: Vec<u8>,
    hold: u64,
    held: u32,
}

impl Stream {
    pub(crate) fn new() -> Stream {
        Stream::default()
    }

    /// Bits, the lowest first.
    pub(crate) fn put(mut self, value: u32, bits: u32) -> Stream {
        self.push(value, bits);
        self
    }

    pub(crate) fn stored(self, data: &[u8], last: bool) -> Stream {
        let length = data.len() as u16;
        let mut stream = self.put(u32::from(last), 3);
        stream.align();
        for half in [length, !length] {
            stream.push(u32::from(half), 16);
        }
        stream.out.extend_from_slice(data);
        stream
    }

    pub(crate) fn fixed(self, symbols: &[Symbol], last: bool) -> Stream {
        self.put(u32::from(last) | 1 << 1, 3)
            .symbols(&Codes::fixed(), symbols)
            .end(&Codes::fixed())
    }

    pub(crate) fn dynamic(self, codes: &Codes, symbols: &[Symbol], last: bool) -> Stream {
        self.header(codes, last).symbols(codes, symbols).end(codes)
    }

    /// A dynamic block's header, in which no code length is repeated and each takes four bits.
    pub(crate) fn header(self, codes: &Codes, last: bool) -> Stream {
        let mut lengths = [4; 19];
        lengths[16..].fill(0);
        let sent = [&codes.literal_lengths[..], &codes.distances].concat();
        self.counts(codes, 19, last)
            .code_length_lengths(&lengths)
            .code_lengths(&lengths, &sent)
    }

    /// The beginning of a dynamic block, as far as its numbers of codes go.
    pub(crate) fn counts(self, codes: &Codes, code_lengths: u32, last: bool) -> Stream {
        self.put(u32::from(last) | 2 << 1, 3)
            .put(codes.literal_lengths.len() as u32 - 257, 5)
            .put(codes.distances.len() as u32 - 1, 5)
            .put(code_lengths - 4, 4)
    }

    pub(crate) fn code_length_lengths(mut self, lengths: &[u8; 19]) -> Stream {
        for symbol in ORDER {
            self.push(u32::from(lengths[symbol]), 3);
        }
        self
    }

    /// Symbols of the code length code, without extra bits.
    pub(crate) fn code_lengths(mut self, lengths: &[u8; 19], symbols: &[u8]) -> Stream {
        let codes = canonical(lengths);
        for symbol in symbols {
            self.code(&codes, usize::from(*symbol));
        }
        self
    }

    pub(crate) fn symbols(mut self, codes: &Codes, symbols: &[Symbol]) -> Stream {
        let literal_lengths = canonical(&codes.literal_lengths);
        let distances = canonical(&codes.distances);
        for symbol in symbols {
            match *symbol {
                Symbol::Literal(byte) => self.code(&literal_lengths, usize::from(byte)),
                Symbol::Match { length, distance } => {
                    let (symbol, extra, bits) = length_symbol(length);
                    self.code(&literal_lengths, symbol);
                    self.push(extra, bits);
                    let (symbol, extra, bits) = distance_symbol(distance);
                    self.code(&distances, symbol);
                    self.push(extra, bits);
                }
                Symbol::Raw {
                    symbol,
                    extra,
                    bits,
                } => {
                    self.code(&literal_lengths, usize::from(symbol));
                    self.push(extra, bits);
                }
                Symbol::RawDistance(symbol) => self.code(&distances, usize::from(symbol)),
            }
        }
        self
    }

    pub(crate) fn end(mut self, codes: &Codes) -> Stream {
        self.code(&canonical(&codes.literal_lengths), 256);
        self
    }

    /// Bits so far.
    pub(crate) fn bits(&self) -> u64 {
        8 * self.out.len() as u64 + u64::from(self.held)
    }

    /// The last byte filled with zeros.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.align();
        self.out
    }

    /// A Huffman code goes in with its highest bit first.
    fn code(&mut self, codes: &[(u32, u32)], symbol: usize) {
        let (code, bits) = codes[symbol];
        assert!(bits > 0, "symbol {symbol} has no code");
        self.push(code.reverse_bits() >> (32 - bits), bits);
    }

    fn push(&mut self, value: u32, bits: u32) {
        self.hold |= u64::from(value) << self.held;
        self.held += bits;
        while self.held >= 8 {
            self.out.push(self.hold as u8);
            self.hold >>= 8;
            self.held -= 8;
        }
    }

    fn align(&mut self) {
        if self.held > 0 {
            self.push(0, 8 - self.held);
        }
    }
}

/// Codes and their lengths, by RFC 1951 §3.2.2; any lengths give something.
fn canonical(lengths: &[u8]) -> Vec<(u32, u32)> {
    let mut codes = vec![(0, 0); lengths.len()];
    let mut next = 0_u32;
    for bits in 1..=15 {
        next <<= 1;
        for (symbol, _) in lengths
            .iter()
            .enumerate()
            .filter(|(_, one)| u32::from(**one) == bits)
        {
            codes[symbol] = (next, bits);
            next += 1;
        }
    }
    codes
}

fn length_symbol(length: u16) -> (usize, u32, u32) {
    assert!((3..=258).contains(&length), "no such length");
    if length == 258 {
        return (285, 0, 0);
    }
    let (mut base, mut symbol) = (3, 257);
    loop {
        let bits = if symbol < 265 { 0 } else { (symbol - 261) / 4 };
        let next = base + (1 << bits);
        if length < next {
            return (symbol, u32::from(length - base), bits as u32);
        }
        (base, symbol) = (next, symbol + 1);
    }
}

fn distance_symbol(distance: u16) -> (usize, u32, u32) {
    let (mut base, mut symbol) = (1_u32, 0_usize);
    loop {
        let bits = if symbol < 4 {
            0
        } else {
            (symbol as u32 - 2) / 2
        };
        let next = base + (1 << bits);
        if u32::from(distance) < next {
            return (symbol, u32::from(distance) - base, bits);
        }
        (base, symbol) = (next, symbol + 1);
    }
}

/// Bytes as symbols.
pub(crate) fn literals(data: &[u8]) -> Vec<Symbol> {
    data.iter().map(|byte| Symbol::Literal(*byte)).collect()
}
