//! What shows only from within: another size of the history, another processor's loop.

use alloc::vec::Vec;

use super::*;
use soci_testkit::content;
use soci_testkit::gzip::{Flush, deflate};

type Events = Vec<(usize, Event)>;

/// Output, events with how much was out, and the sizes of the pieces that a full history made.
fn decode(limit: usize, pieces: &[&[u8]]) -> (Vec<u8>, Events, Vec<usize>) {
    decode_with(&mut Inflater::new(), limit, pieces)
}

fn decode_with(
    inflater: &mut Inflater,
    limit: usize,
    pieces: &[&[u8]],
) -> (Vec<u8>, Events, Vec<usize>) {
    inflater.history.limit = limit;
    let (mut output, mut events, mut full) = (Vec::new(), Vec::new(), Vec::new());
    for piece in pieces {
        let mut input = *piece;
        loop {
            let step = inflater.advance(&mut input).expect("the stream is valid");
            output.extend_from_slice(step.output);
            events.extend(step.event.map(|event| (output.len(), event)));
            let idle = step.is_idle();
            if inflater.is_history_full() && !idle {
                full.push(output.len());
            }
            if idle && (input.is_empty() || matches!(inflater.state, State::End)) {
                break;
            }
        }
    }
    (output, events, full)
}

/// Bytes of which every 16th is zero, more or less, and the others are anything: literals nearly all, with codes of eight bits.
fn even(bytes: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let byte = (state >> 24) as u8;
        if state >> 16 & 15 == 0 { 0 } else { byte }
    };
    (0..bytes).map(|_| next()).collect()
}

#[test]
fn processors_decode_the_same() {
    let mut data = content::mixed(3, 200_000);
    data.extend_from_slice(&even(100_000));
    let stream = deflate(&data, 6, 0, Flush::Sync);
    let decoders: [Decode; 2] = [crate::fast::decode, dispatch::decode];
    for decode in decoders {
        let mut inflater = Inflater::new();
        inflater.decode = decode;
        for limit in [WINDOW_BYTES + 1_000, crate::history::LIMIT] {
            inflater.reset();
            let found = decode_with(&mut inflater, limit, &[&stream]);
            assert!(found.0 == data, "limit {limit}");
            assert!(inflater.tables.is_even, "the data has even blocks");
        }
    }
}

/// With room for a byte only each symbol is decoded by itself, with room for some the fast loop comes and goes.
#[test]
fn the_size_of_the_history_changes_nothing() {
    let data = content::mixed(1, 150_000);
    for stream in [
        deflate(&data, 6, 20_000, Flush::Sync),
        deflate(&data, 0, 0, Flush::Sync),
    ] {
        let whole = decode(crate::history::LIMIT, &[&stream]);
        assert!(whole.0 == data);
        for room in [1, 2, 3, 100, 5_000] {
            let found = decode(WINDOW_BYTES + room, &[&stream]);
            assert!(found.0 == data, "room for {room}");
            assert_eq!(found.1, whole.1, "room for {room}");
        }
    }
}

#[test]
fn the_history_is_full_at_the_same_places_however_the_input_is_cut() {
    let data = content::mixed(2, 400_000);
    let stream = deflate(&data, 6, 0, Flush::Sync);
    for limit in [
        WINDOW_BYTES + 1,
        WINDOW_BYTES + 1_000,
        crate::history::LIMIT,
    ] {
        let whole = decode(limit, &[&stream]);
        for size in [1, 7, 300, 4_096] {
            let pieces: Vec<_> = stream.chunks(size).collect();
            assert!(decode(limit, &pieces) == whole, "pieces of {size}");
        }
    }
}
