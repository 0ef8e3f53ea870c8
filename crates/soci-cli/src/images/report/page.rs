//! The page as a whole.

use std::fmt::Write;

use indicatif::{HumanBytes, HumanCount};

use super::files::{File, MOST_FILES};
use super::layers;
use super::{MOST_LAYERS, Picture, html};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Files that are in the page's table before the script has run: as many as the script shows at once.
const FILES_WITHOUT_SCRIPT: usize = 100;

/// The page. The same picture gives the same bytes.
pub(in crate::images) fn page(picture: &Picture) -> anyhow::Result<String> {
    let inspection = &picture.inspection;
    let shown = picture.files.shown();
    let platforms = inspection.platforms.iter().enumerate();
    let mut sections = layers::overview(picture);
    sections.extend(platforms.map(|(number, platform)| layers::section(picture, number, platform)));
    if picture.unlisted_layers > 0 {
        // Writing to a string cannot fail.
        let _ = writeln!(
            sections,
            "<p>The page ends after {} layers; {} more are not listed.</p>",
            HumanCount(MOST_LAYERS as u64),
            HumanCount(picture.unlisted_layers as u64)
        );
    }
    Ok(html::fill(
        PAGE,
        &[
            ("script-source", &html::source(SCRIPT)),
            ("style-source", &html::source(STYLE)),
            ("version", env!("CARGO_PKG_VERSION")),
            ("image", &html::text(&inspection.image)),
            ("style", STYLE),
            ("verdict", &verdict(picture)),
            ("digest", &html::text(&inspection.digest)),
            ("media-type", &html::text(&inspection.media_type)),
            ("platforms", &sections),
            ("files", &files(picture, &shown)),
            ("data", &html::data(&picture.files.data(&shown))?),
            ("script", SCRIPT),
        ],
    ))
}

fn verdict(picture: &Picture) -> String {
    let inspection = &picture.inspection;
    let all = inspection.platforms.len();
    if all == 0 {
        return "It is no container image.".to_owned();
    }
    let platforms = inspection.platforms.iter();
    let early = platforms.filter(|platform| layers::starts_early(picture, platform));
    let early = early.count();
    if early > 0 {
        let platforms = if all == 1 { "platform" } else { "platforms" };
        return format!(
            "{early} of {all} {platforms} can start before all of the image is pulled."
        );
    }
    let command = |name: &str| {
        let image = as_argument(&inspection.image);
        layers::code(&format!("soci-index {name} {image}"))
    };
    let mut platforms = inspection.platforms.iter();
    if platforms.any(|platform| platform.problem.is_some() || platform.index.is_some()) {
        let verify = command("verify");
        return format!("It has no SOCI index that can be used. {verify} tells what is wrong.");
    }
    let build = command("build");
    format!(
        "It has no SOCI index. {build} makes one, by default under the image's own tag with <code>-soci</code> behind it."
    )
}

/// An image as it can be copied into a shell; a word for it where it would need quotes.
fn as_argument(image: &str) -> &str {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "._-/:@+".contains(char);
    if image.chars().all(is_plain) {
        image
    } else {
        "IMAGE"
    }
}

fn files(picture: &Picture, shown: &[&File]) -> String {
    let mut section = String::from(
        "<section aria-labelledby=\"files\">\n<h2 id=\"files\" tabindex=\"-1\">Files</h2>\n",
    );
    if shown.is_empty() {
        section.push_str(
            "<p>There is no zTOC with a file in it, so no file is known.</p>\n</section>\n",
        );
        return section;
    }
    let total = picture.files.total();
    let layers = picture.files.layers().len();
    let _ = write!(
        section,
        "<p>{} regular files in {} {} with a zTOC, each with the spans that hold it and their bytes in the layer: what is fetched when it is read.",
        HumanCount(total as u64),
        HumanCount(layers as u64),
        if layers == 1 { "layer" } else { "layers" }
    );
    if shown.len() < total {
        let _ = write!(
            section,
            " The {} largest are here, the page has room for {} at most.",
            HumanCount(shown.len() as u64),
            HumanCount(MOST_FILES as u64)
        );
    }
    section.push_str("</p>\n");
    if shown.len() > FILES_WITHOUT_SCRIPT {
        let _ = writeln!(
            section,
            "<noscript><p>Without JavaScript these are the {FILES_WITHOUT_SCRIPT} largest.</p></noscript>"
        );
    }
    section.push_str(TABLE_HEAD);
    for file in shown.iter().take(FILES_WITHOUT_SCRIPT) {
        section.push_str(&row(picture, file));
    }
    section.push_str("</tbody></table></div>\n</section>\n");
    section
}

/// What stands above the files: the tools, which the script shows, and the columns.
const TABLE_HEAD: &str = r#"<div class="tools" id="tools" role="search" hidden>
<label>Part of a path <input id="search" type="search" autocomplete="off" spellcheck="false"></label>
<label>Layer <select id="layer"><option value="">all</option></select></label>
<button type="button" id="previous">Previous</button>
<button type="button" id="next">Next</button>
<span id="status" role="status"></span>
</div>
<div class="scroll"><table class="files">
<thead><tr><th scope="col" data-sort="path">Path</th><th scope="col" data-sort="layer">Layer</th><th scope="col" class="number" data-sort="bytes" aria-sort="descending">Size</th><th scope="col" class="number" data-sort="spans">Spans</th><th scope="col" class="number" data-sort="fetched">Fetched</th></tr></thead>
<tbody>
"#;

fn row(picture: &Picture, file: &File) -> String {
    let spans = match file.spans {
        0 => "–".to_owned(),
        1 => file.first_span.to_string(),
        count => format!("{}–{}", file.first_span, file.first_span + count - 1),
    };
    format!(
        "<tr><td class=\"path\">{}</td><td>{}</td><td class=\"number\" data-name=\"Size\">{}</td><td class=\"number\" data-name=\"Spans\">{spans}</td><td class=\"number\" data-name=\"Fetched\">{}</td></tr>\n",
        html::text(&file.path),
        html::text(&picture.files.layers()[file.layer]),
        HumanBytes(file.bytes),
        HumanBytes(file.fetched_bytes)
    )
}
