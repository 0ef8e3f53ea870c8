//! Bars: all layers of a platform beside one another, and the spans of a layer. Both are drawn to scale, and name what the pointer rests on.

use std::fmt::Write;

use indicatif::{HumanBytes, HumanCount};
use soci_index::InspectedPlatform;

use super::content::{Content, Piece};
use super::{Picture, State};

/// Width of a bar in its own units: it is drawn as wide as the page is.
const WIDTH: f64 = 1_000.0;

/// What the colours of the layers' bar mean.
const LEGEND: [(&str, &str); 3] = [
    ("a", "indexed: fetched in spans, when needed"),
    ("w", "not indexed: pulled as a whole"),
    ("x", "zTOC cannot be used"),
];

/// All layers beside one another, as wide as they are large, and what the colours mean.
pub(super) fn of_layers(picture: &Picture, platform: &InspectedPlatform) -> String {
    let mut bar = open("class=\"all\"", "The layers by their sizes");
    let mut start = 0u64;
    let mut kinds = Vec::new();
    for (place, layer) in platform.layers.iter().enumerate() {
        let (kind, state) = match picture.state(layer) {
            State::Whole => ("w", "not indexed"),
            State::Unusable(_) => ("x", "its zTOC cannot be used"),
            State::Indexed(..) => ("a", "indexed"),
        };
        kinds.push(kind);
        let turn = if kind == "a" && place % 2 == 1 {
            "b"
        } else {
            kind
        };
        let title = format!("layer {}: {}, {state}", place + 1, HumanBytes(layer.size));
        push_rect(
            &mut bar,
            turn,
            extent(start, layer.size, platform.size),
            "",
            &title,
        );
        start = start.saturating_add(layer.size);
    }
    bar.push_str("</svg>\n<p class=\"legend\">");
    for (kind, meaning) in LEGEND.iter().filter(|(kind, _)| kinds.contains(kind)) {
        // Writing to a string cannot fail.
        let _ = write!(
            bar,
            "<span><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"{kind}\" width=\"10\" height=\"10\"/></svg>{meaning}</span>"
        );
    }
    if kinds.contains(&"a") {
        bar.push_str("<span>Below each indexed layer: its spans, in two shades by turns.</span>");
    }
    bar.push_str("</p>\n");
    bar
}

/// The spans of the layer with this number. `place` is where its files' script finds it.
pub(super) fn of_spans(number: usize, place: usize, content: &Content) -> String {
    let spans = HumanCount(content.spans as u64);
    let mut bar = open(
        &format!("data-layer=\"{place}\""),
        &format!("Layer {number}: {spans} spans"),
    );
    for (turn, piece) in content.pieces.iter().enumerate() {
        let kind = if turn % 2 == 0 { "a" } else { "b" };
        let Piece {
            spans, compressed, ..
        } = piece;
        let bytes = compressed.end - compressed.start;
        let at = extent(compressed.start, bytes, content.compressed_bytes);
        let data = format!(
            " data-from=\"{}\" data-to=\"{}\"",
            spans.start,
            spans.end - 1
        );
        push_rect(&mut bar, kind, at, &data, &title(piece));
    }
    bar.push_str("</svg>");
    bar
}

fn title(piece: &Piece) -> String {
    let Piece {
        spans,
        compressed,
        uncompressed,
        files,
    } = piece;
    let last = spans.end - 1;
    let name = if spans.len() == 1 {
        format!("span {last}")
    } else {
        format!("spans {} to {last}", spans.start)
    };
    format!(
        "{name}: {} from byte {}, {} uncompressed, files beginning here: {}",
        HumanBytes(compressed.end - compressed.start),
        HumanCount(compressed.start),
        HumanBytes(uncompressed.end.saturating_sub(uncompressed.start)),
        HumanCount(*files as u64)
    )
}

/// A layer that is one piece. `kind` is its colour.
pub(super) fn whole(number: usize, kind: &str) -> String {
    let mut bar = open("", &format!("Layer {number}: pulled as a whole"));
    push_rect(&mut bar, kind, (0.0, WIDTH), "", "pulled as a whole");
    bar.push_str("</svg>");
    bar
}

/// `attributes` and `label` are HTML.
fn open(attributes: &str, label: &str) -> String {
    format!(
        "<svg {attributes} viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{label}\">"
    )
}

fn push_rect(bar: &mut String, kind: &str, (x, width): (f64, f64), data: &str, title: &str) {
    // Writing to a string cannot fail.
    let _ = write!(
        bar,
        "<rect class=\"{kind}\" x=\"{x:.2}\" width=\"{width:.2}\" height=\"10\"{data}><title>{title}</title></rect>"
    );
}

/// Where in a bar of so many bytes some of them lie, and how wide they are.
fn extent(start_bytes: u64, bytes: u64, all_bytes: u64) -> (f64, f64) {
    let scale = WIDTH / all_bytes.max(1) as f64;
    (start_bytes as f64 * scale, bytes as f64 * scale)
}
