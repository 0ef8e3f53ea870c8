//! The page's part about platforms: one line for each, and a section with its layers.

use std::fmt::Write;

use indicatif::{HumanBytes, HumanCount};
use soci_index::{DEFAULT_MIN_LAYER_BYTES, InspectedIndex, InspectedLayer, InspectedPlatform};

use super::content::Content;
use super::{Picture, State, bars, html};
use crate::images::short;

/// Columns of the table of platforms.
const PLATFORM_COLUMNS: [(&str, &str); 5] = [
    ("", "Platform"),
    ("", "Index"),
    ("number", "Layers indexed"),
    ("number", "Share of bytes"),
    ("number", "Size"),
];

/// Columns of the table of layers.
const LAYER_COLUMNS: [(&str, &str); 8] = [
    ("number", "#"),
    ("", "Layer"),
    ("number", "Size"),
    ("", "Index"),
    ("number", "zTOC"),
    ("number", "Spans"),
    ("number", "Largest span"),
    ("number", "Files"),
];

/// A line for each platform with a way to its section, where there are several.
pub(super) fn overview(picture: &Picture) -> String {
    let platforms = &picture.inspection.platforms;
    if platforms.len() < 2 {
        return String::new();
    }
    let mut table = String::from("<div class=\"scroll\"><table class=\"platforms\">\n");
    push_head(&mut table, &PLATFORM_COLUMNS);
    table.push_str("<tbody>\n");
    for (number, platform) in platforms.iter().enumerate() {
        let state = match (&platform.problem, &platform.index) {
            (Some(_), _) => badge("bad", "unusable"),
            (None, Some(index)) => badge("good", &format!("SOCI {}", index.format)),
            (None, None) => badge("none", "not indexed"),
        };
        let Share { layers, bytes } = Share::of(picture, platform);
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            table,
            "<tr><td><a href=\"#platform-{number}\">{}</a></td><td>{state}</td><td class=\"number\">{layers} of {}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
            html::text(&platform.platform),
            platform.layers.len(),
            percent(bytes, platform.size),
            HumanBytes(platform.size)
        );
    }
    table.push_str("</tbody></table></div>\n");
    table
}

/// How much of a platform is indexed, by zTOCs that can be used.
struct Share {
    layers: usize,
    bytes: u64,
}

impl Share {
    fn of(picture: &Picture, platform: &InspectedPlatform) -> Share {
        let is_indexed =
            |layer: &&InspectedLayer| matches!(picture.state(layer), State::Indexed(..));
        let indexed = platform.layers.iter().filter(is_indexed);
        let (mut layers, mut bytes) = (0, 0u64);
        for layer in indexed {
            layers += 1;
            bytes = bytes.saturating_add(layer.size);
        }
        Share { layers, bytes }
    }
}

/// Whether something of it need not be pulled before it starts.
pub(super) fn starts_early(picture: &Picture, platform: &InspectedPlatform) -> bool {
    Share::of(picture, platform).layers > 0
}

/// The section of a platform, which is the image's `number`th.
pub(super) fn section(picture: &Picture, number: usize, platform: &InspectedPlatform) -> String {
    let name = html::text(&platform.platform);
    let mut section = format!(
        "<section aria-labelledby=\"platform-{number}\">\n<h2 id=\"platform-{number}\">{name}</h2>\n{}{}",
        verdict(picture, platform),
        facts(platform)
    );
    if platform.layers.is_empty() {
        section.push_str("<p>It has no layers.</p>\n</section>\n");
        return section;
    }
    section.push_str(&bars::of_layers(picture, platform));
    section.push_str("<div class=\"scroll\"><table class=\"layers\">\n");
    push_head(&mut section, &LAYER_COLUMNS);
    for (place, layer) in platform.layers.iter().enumerate() {
        section.push_str(&rows(picture, platform, place + 1, layer));
    }
    section.push_str("</table></div>\n</section>\n");
    section
}

fn push_head(table: &mut String, columns: &[(&str, &str)]) {
    table.push_str("<thead><tr>");
    for (kind, title) in columns {
        let _ = write!(table, "<th scope=\"col\" class=\"{kind}\">{title}</th>");
    }
    table.push_str("</tr></thead>\n");
}

fn verdict(picture: &Picture, platform: &InspectedPlatform) -> String {
    if let Some(problem) = &platform.problem {
        let problem = html::text(problem);
        return format!("<p class=\"verdict bad\">Not indexed: {problem}</p>\n");
    }
    if platform.index.is_none() {
        return "<p class=\"verdict\">Not indexed: all of it is pulled before the container starts.</p>\n".to_owned();
    }
    let Share { layers, bytes } = Share::of(picture, platform);
    let mut verdict = format!(
        "<p class=\"verdict\">{layers} of {} layers indexed: {} of {} ({}) need not be pulled before the container starts.</p>\n",
        platform.layers.len(),
        HumanBytes(bytes),
        HumanBytes(platform.size),
        percent(bytes, platform.size)
    );
    let is_unusable = |layer: &&InspectedLayer| matches!(picture.state(layer), State::Unusable(_));
    let unusable = platform.layers.iter().filter(is_unusable).count();
    if unusable > 0 {
        let _ = writeln!(
            verdict,
            "<p class=\"verdict bad\">zTOCs that cannot be used: {unusable}. <code>soci-index verify</code> tells all that is wrong.</p>"
        );
    }
    verdict
}

fn facts(platform: &InspectedPlatform) -> String {
    let mut facts = fact("Manifest", &code(&platform.manifest));
    if let Some(index) = &platform.index {
        let InspectedIndex {
            digest,
            format,
            build_tool,
            size,
        } = index;
        let tool = build_tool.as_deref().unwrap_or("unknown");
        let share = percent(*size, platform.size);
        facts += &fact(&format!("SOCI index {format}"), &code(digest));
        facts += &fact("Made by", &code(tool));
        let ztocs = format!("{} ({share} of the layers)", HumanBytes(*size));
        facts += &fact("zTOCs", &ztocs);
    }
    format!("<dl class=\"facts\">\n{facts}</dl>\n")
}

/// `value` is HTML.
fn fact(name: &str, value: &str) -> String {
    format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n")
}

pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", html::text(text))
}

/// A word that tells the state. `kind` is its colour.
fn badge(kind: &str, word: &str) -> String {
    format!("<span class=\"badge {kind}\">{word}</span>")
}

/// A layer's line, and its bar below.
fn rows(
    picture: &Picture,
    platform: &InspectedPlatform,
    number: usize,
    layer: &InspectedLayer,
) -> String {
    let state = picture.state(layer);
    let content = match state {
        State::Indexed(_, content) => Some(content),
        _ => None,
    };
    let mut rows = format!(
        "<tbody><tr><td class=\"number\">{number}</td><td><code title=\"{}\">{}</code><br><span class=\"quiet\">{}</span></td><td class=\"number\">{}</td><td class=\"state\">{}</td>",
        html::text(&layer.digest),
        html::text(short(&layer.digest)),
        html::text(&layer.media_type),
        HumanBytes(layer.size),
        told(platform, layer, &state),
    );
    rows.push_str(&numbers(layer, content));
    let bar = match state {
        State::Indexed(place, content) => bars::of_spans(number, place, content),
        State::Unusable(_) => bars::whole(number, "x"),
        State::Whole => bars::whole(number, "w"),
    };
    let _ = writeln!(
        rows,
        "</tr>\n<tr><td class=\"bar\" colspan=\"{}\">{bar}</td></tr></tbody>",
        LAYER_COLUMNS.len()
    );
    rows
}

/// The cells of the last columns.
fn numbers(layer: &InspectedLayer, content: Option<&Content>) -> String {
    let bytes = |bytes: u64| HumanBytes(bytes).to_string();
    let count = |count: usize| HumanCount(count as u64).to_string();
    let numbers = [
        layer.ztoc.as_ref().map(|ztoc| bytes(ztoc.size)),
        content.map(|content| count(content.spans)),
        content.map(|content| bytes(content.largest_span_bytes)),
        content.map(|content| count(content.files)),
    ];
    let mut cells = String::new();
    let columns = &LAYER_COLUMNS[LAYER_COLUMNS.len() - numbers.len()..];
    for ((_, name), number) in columns.iter().zip(numbers) {
        // Where there is no room for the table's head, the style puts the name before its number.
        let cell = match number {
            Some(number) => format!("<td class=\"number\" data-name=\"{name}\">{number}</td>"),
            None => "<td class=\"number none\">–</td>".to_owned(),
        };
        cells.push_str(&cell);
    }
    cells
}

/// Whether a layer is indexed, and why not.
fn told(platform: &InspectedPlatform, layer: &InspectedLayer, state: &State<'_>) -> String {
    let (badge, reason) = match state {
        State::Unusable(problem) => (badge("bad", "zTOC cannot be used"), html::text(problem)),
        State::Indexed(_, content) => (badge("good", "indexed"), made(platform, content)),
        State::Whole => (badge("none", "not indexed"), why_not(platform, layer)),
    };
    format!("{badge}<br><span class=\"reason\">{reason}</span>")
}

/// How the zTOC was made; by whom, where that is not whoever made the SOCI index.
fn made(platform: &InspectedPlatform, content: &Content) -> String {
    let mut made = format!(
        "{} uncompressed, a checkpoint every {}, {} entries",
        HumanBytes(content.uncompressed_bytes),
        HumanBytes(content.span_bytes),
        HumanCount(content.entries as u64)
    );
    let index = platform.index.as_ref();
    let tool = index.and_then(|index| index.build_tool.as_deref());
    if tool.map(html::beginning).as_ref() != Some(&content.build_tool) {
        let _ = write!(made, ", made by {}", code(&content.build_tool));
    }
    made
}

fn why_not(platform: &InspectedPlatform, layer: &InspectedLayer) -> String {
    match &layer.reason {
        Some(reason) => match meaning(reason) {
            Some(meaning) => format!("{}: {meaning}", code(reason)),
            None => code(reason),
        },
        None if platform.index.is_some() => "no reason is noted".to_owned(),
        None => "nothing known would keep it from being indexed".to_owned(),
    }
}

/// What the known reasons mean. Other tools may note others.
fn meaning(reason: &str) -> Option<String> {
    let meaning = match reason {
        "too-small" => {
            let least = HumanBytes(DEFAULT_MIN_LAYER_BYTES);
            return Some(format!(
                "below the size from which on layers are indexed, by default {least}; pulling it costs less than its zTOC"
            ));
        }
        "unsupported-compression" => {
            "zTOCs are for gzip and plain tar; build the image with gzip layers"
        }
        "multi-member-gzip" => {
            "several gzip members, which readers before soci-snapshotter v0.14.0 cannot follow; <code>--multi-member allow</code> indexes it"
        }
        "unsupported-tar-entry" => {
            "it has a kind of tar entry that cannot be read back through a zTOC"
        }
        "unreadable-metadata" => "it has an entry whose metadata would be read back wrong",
        "not-a-tar" => "its content is no complete tar archive",
        "foreign" => "it lies somewhere else than the image",
        "empty" => "it has no bytes",
        _ => return None,
    };
    Some(meaning.to_owned())
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.1} %", part as f64 * 100.0 / whole.max(1) as f64)
}
