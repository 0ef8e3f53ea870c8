//! `soci-index inspect --html`: one page, whatever the image is called and whatever is in it.

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use soci_testkit::image::{AMD64, Index, Layer, Manifest, Platform, Shelf, media};
use soci_testkit::{content, gzip, tar};
use support::{Desk, Ended};

/// What a page may be made of.
const ELEMENTS: [&str; 47] = [
    "a", "body", "br", "button", "code", "dd", "div", "dl", "dt", "footer", "h1", "h2", "head",
    "header", "html", "input", "label", "main", "meta", "noscript", "option", "p", "rect",
    "script", "section", "select", "span", "style", "svg", "table", "tbody", "td", "th", "thead",
    "title", "tr", "!doctype", "/a", "/body", "/head", "/html", "/main", "/script", "/style",
    "/svg", "/title", "/table",
];

/// Names that want to be more than names, and how they are shown.
const HOSTILE: [(&[u8], &str); 7] = [
    (
        b"<script>alert(1)</script>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    ),
    (
        b"a\" onmouseover=\"alert(2)",
        "a&quot; onmouseover=&quot;alert(2)",
    ),
    (b"it's & </code>", "it&#39;s &amp; &lt;/code&gt;"),
    (b"caf\xe9", "caf\\xe9"),
    ("photo\u{202e}gnp.exe".as_bytes(), "photo\\u{202e}gnp.exe"),
    (b"two\nlines\x1b[2J", "two\\nlines\\u{1b}[2J"),
    (b"{{data}}<!--", "{{data}}&lt;!--"),
];

const BUILD_TOOL: &str = "<img src=x onerror=alert(3)>";
const MEDIA_TYPE: &str = "application/\"><svg onload=alert(4)>";

/// An image with all that: names of files, of the build tool, of a media type, of a platform.
fn desk() -> Desk {
    let desk = Desk::new();
    let archive = HOSTILE
        .iter()
        .fold(tar::Archive::new(), |archive, (name, _)| {
            archive.file(name, b"content")
        });
    let archive = (0..150).fold(archive.dir("d/"), |archive, number| {
        archive.file(format!("d/{number}"), &[0; 5])
    });
    let archive = archive.file("large", &content::random(1, 400_000)).finish();
    let mut shelf = Shelf::new();
    let platform = json!({"os": "<b>linux", "architecture": "am\u{202e}d64"});
    let image = Manifest::oci(AMD64)
        .layer(Layer::new(media::GZIP, gzip::compress(&archive, 6)))
        .layer(Layer::members(2))
        .layer(Layer::small(3).called(MEDIA_TYPE))
        .shelve(&mut shelf)
        .field("platform", platform);
    let root = Index::oci().child(image).shelve(&mut shelf);
    let image = shelf.image(root, "app");
    image
        .write_layout(&desk.path("images"))
        .expect("a layout can be written");
    desk
}

fn indexed() -> Desk {
    let desk = desk();
    let args = [
        "build",
        "--min-layer-size=4096",
        "--span-size=65536",
        "--build-tool-identifier",
        BUILD_TOOL,
        "oci:images:app",
    ];
    Ended::of(&mut desk.command(&args)).with_code(0);
    desk
}

fn inspect(desk: &Desk, args: &[&str]) -> Ended {
    Ended::of(&mut desk.command(&[&["inspect"], args].concat()))
}

fn page(desk: &Desk, image: &str) -> String {
    inspect(desk, &["--html", "page.html", image]).with_code(0);
    String::from_utf8(desk.read("page.html")).expect("the page is text")
}

/// What stands between an element's tags.
fn inside<'a>(page: &'a str, open: &str, close: &str) -> &'a str {
    let (_, rest) = page.split_once(open).unwrap_or_else(|| panic!("no {open}"));
    rest.split_once(close).expect("it is closed").0
}

fn data(page: &str) -> Value {
    let open = "<script type=\"application/json\" id=\"data\">";
    serde_json::from_str(inside(page, open, "</script>")).expect("JSON")
}

#[test]
fn nothing_in_an_image_becomes_part_of_the_page() {
    let desk = indexed();
    let page = page(&desk, "oci:images:app-soci");
    let text = [
        inside(&page, "<script>", "</script>"),
        inside(&page, "<style>", "</style>"),
    ]
    .iter()
    .fold(page.clone(), |page, own| page.replace(own, ""));
    for (at, _) in text.match_indices('<') {
        let end = text[at..].find(['>', ' ']).expect("it is closed");
        let name = text[at + 1..at + end].trim_end_matches('\n');
        let known = ELEMENTS.contains(&name) || ELEMENTS.contains(&name.trim_start_matches('/'));
        assert!(known, "<{name}");
    }
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
    assert_eq!(page.matches("<style").count(), 1);
    let static_part = text.split("<script").next().expect("it comes first");
    for (_, shown) in HOSTILE {
        assert!(static_part.contains(shown), "{shown}");
    }
    for shown in [
        "&lt;img src=x onerror=alert(3)&gt;",
        "application/&quot;&gt;&lt;svg onload=alert(4)&gt;",
        "&lt;b&gt;linux/am\\u{202e}d64",
    ] {
        assert!(static_part.contains(shown), "{shown}");
    }
    for acting in ['\u{202e}', '\u{1b}'] {
        assert!(!page.contains(acting));
    }
}

#[test]
fn it_needs_no_network_and_runs_no_script_but_its_own() {
    let desk = indexed();
    let page = page(&desk, "oci:images:app-soci");
    let static_part = page.split("<script").next().expect("it comes first");
    for outward in [
        "://",
        "src=\"",
        "url(",
        "@import",
        "<link",
        "<img",
        " style=\"",
    ] {
        assert!(!static_part.contains(outward), "{outward}");
    }
    let policy = inside(&page, "Content-Security-Policy\" content=\"", "\">");
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    for (source, own) in [
        ("script-src", inside(&page, "<script>", "</script>")),
        ("style-src", inside(&page, "<style>", "</style>")),
    ] {
        let hash = STANDARD.encode(Sha256::digest(own));
        let allowed = format!("{source} 'sha256-{hash}';");
        assert!(policy.contains(&allowed), "{policy}");
    }
}

#[test]
fn files_are_there_with_their_spans() {
    let desk = indexed();
    let page = page(&desk, "oci:images:app-soci");
    let data = data(&page);
    let files = data["files"].as_array().expect("a list");
    assert_eq!(files.len(), HOSTILE.len() + 150 + 1);
    assert_eq!(page.matches("<td class=\"path\">").count(), 100);
    assert!(
        page.contains("158 regular files in 1 layer with a zTOC"),
        "the count"
    );
    let name = |file: &Value| {
        let folder = file[1].as_u64().expect("a number") as usize;
        let folder = data["folders"][folder].as_str().expect("text");
        format!("{folder}{}", file[2].as_str().expect("text"))
    };
    // Against what `ztoc info` says of the same zTOC.
    let inspection = inspect(&desk, &["--json", "oci:images:app-soci"]).with_code(0);
    let inspection: Value = serde_json::from_slice(&inspection.stdout).expect("JSON");
    let ztoc = &inspection["platforms"][0]["layers"][0]["ztoc"]["digest"];
    let ztoc = ztoc.as_str().expect("text").replace(':', "/");
    let info = desk.ztoc(&["info", &format!("images/blobs/{ztoc}")]);
    let info: Value = serde_json::from_str(info.with_code(0).text()).expect("JSON");
    let mut checked = 0;
    for file in info["files"].as_array().expect("a list") {
        let plain = file["filename"].as_str().expect("text");
        let Some(shown) = files.iter().find(|shown| name(shown) == plain) else {
            continue;
        };
        let spans = file["end_span"].as_u64().zip(file["start_span"].as_u64());
        let (end, start) = spans.expect("numbers");
        assert_eq!(shown[3], file["size"], "{plain}");
        assert_eq!(shown[4], start, "{plain}");
        assert_eq!(shown[5], end - start + 1, "{plain}");
        checked += 1;
    }
    // All but the folder, and the names that are shown otherwise than `ztoc info` has them.
    assert_eq!(checked, 150 + 1 + 4);
    assert_eq!(name(&files[0]), "large", "the largest comes first");
    assert!(files[0][5].as_u64() > Some(1), "{}", files[0]);
}

/// A bar's pieces are all spans of the layer, one behind the other, up to its end.
#[test]
fn bars_show_every_span_where_it_lies() {
    let desk = indexed();
    let page = page(&desk, "oci:images:app-soci");
    let bar = inside(&page, "<svg data-layer=\"0\"", "</svg>");
    let number = |piece: &str, name: &str| -> f64 {
        let value = inside(piece, &format!(" {name}=\""), "\"");
        value.parse().expect("a number")
    };
    let pieces: Vec<&str> = bar.split("<rect").skip(1).collect();
    assert!(pieces.len() > 3, "{}", pieces.len());
    let mut end = (0.0, 0.0);
    for piece in &pieces {
        assert_eq!(number(piece, "data-from"), end.0);
        // The first begins behind the gzip header, neighbours share a byte at most, and numbers are rounded.
        assert!((number(piece, "x") - end.1).abs() < 0.1, "{piece}");
        end = (
            number(piece, "data-to") + 1.0,
            number(piece, "x") + number(piece, "width"),
        );
    }
    assert!((end.1 - 1_000.0).abs() < 0.1, "{end:?}");
}

#[test]
fn it_says_what_is_not_indexed_and_why() {
    let desk = indexed();
    let page = page(&desk, "oci:images:app-soci");
    assert!(page.contains("1 of 1 platform can start before"));
    assert!(page.contains("1 of 3 layers indexed: "));
    assert_eq!(page.matches(INDEXED).count(), 1);
    for reason in [
        "<code>multi-member-gzip</code>: several gzip members",
        "<code>too-small</code>: below the size",
    ] {
        let told = format!("{NOT_INDEXED}<br><span class=\"reason\">{reason}");
        assert!(page.contains(&told), "{reason}");
    }
    let before = self::page(&desk, "oci:images:app");
    assert!(before.contains("It has no SOCI index. <code>soci-index build oci:images:app</code>"));
    assert!(before.contains("no file is known"));
    assert!(!before.contains(INDEXED));
}

/// What stands beside each layer, and beside each platform where there are several.
const INDEXED: &str = "<span class=\"badge good\">indexed</span>";
const NOT_INDEXED: &str = "<span class=\"badge none\">not indexed</span>";

#[test]
fn several_platforms_have_a_line_each() {
    let desk = Desk::new();
    let layer = Layer::new(media::GZIP, support::layer());
    let mut shelf = Shelf::new();
    let [first, second] = ["amd64", "arm64"].map(|architecture| {
        let small = Layer::small(architecture.len() as u64);
        let image = Manifest::oci(Platform::new("linux", architecture, ""));
        let image = image.layer(small).layer(layer.clone());
        image.shelve(&mut shelf)
    });
    let root = Index::oci().child(first).child(second).shelve(&mut shelf);
    let image = shelf.image(root, "app");
    image
        .write_layout(&desk.path("images"))
        .expect("a layout can be written");
    let build = [
        "build",
        "--min-layer-size=4096",
        "--platform=linux/amd64",
        "oci:images:app",
    ];
    Ended::of(&mut desk.command(&build)).with_code(0);
    let page = page(&desk, "oci:images:app-soci");
    assert!(page.contains("1 of 2 platforms can start before"));
    let lines = inside(&page, "<table class=\"platforms\">", "</table>");
    let lines: Vec<&str> = lines
        .lines()
        .filter(|line| line.starts_with("<tr>"))
        .collect();
    let [indexed, not_indexed] = lines[..] else {
        panic!("{lines:?}")
    };
    for found in [
        "<a href=\"#platform-0\">linux/amd64</a>",
        ">SOCI v2</span>",
        ">1 of 2<",
    ] {
        assert!(indexed.contains(found), "{indexed}");
    }
    for found in [
        "<a href=\"#platform-1\">linux/arm64</a>",
        NOT_INDEXED,
        ">0 of 2<",
        ">0.0 %<",
    ] {
        assert!(not_indexed.contains(found), "{not_indexed}");
    }
    // Under the number that it has in its platform.
    assert_eq!(data(&page)["layers"], json!(["linux/amd64 #2"]));
}

#[test]
fn it_is_the_same_each_time_and_reads_no_layer() {
    let desk = indexed();
    let first = page(&desk, "oci:images:app-soci");
    let found = inspect(&desk, &["--json", "oci:images:app-soci"]).with_code(0);
    let found: Value = serde_json::from_slice(&found.stdout).expect("JSON");
    let layers = found["platforms"][0]["layers"].as_array().expect("layers");
    let remove = |digest: &Value| {
        let name = digest.as_str().expect("text").replace(':', "/");
        std::fs::remove_file(desk.path(&format!("images/blobs/{name}"))).expect("it was there");
    };
    layers.iter().for_each(|layer| remove(&layer["digest"]));
    assert!(first == page(&desk, "oci:images:app-soci"));
    remove(&layers[0]["ztoc"]["digest"]);
    let without = page(&desk, "oci:images:app-soci");
    assert!(without.contains("zTOC cannot be used"));
}

/// A zTOC whose bytes are others is the layer's problem, not the page's.
#[test]
fn a_damaged_ztoc_is_shown_as_that() {
    let desk = indexed();
    let found = inspect(&desk, &["--json", "oci:images:app-soci"]).with_code(0);
    let found: Value = serde_json::from_slice(&found.stdout).expect("JSON");
    let digest = &found["platforms"][0]["layers"][0]["ztoc"]["digest"];
    let name = format!(
        "images/blobs/{}",
        digest.as_str().expect("text").replace(':', "/")
    );
    let mut bytes = desk.read(&name);
    bytes[100] ^= 1;
    desk.write(&name, &bytes);
    let page = page(&desk, "oci:images:app-soci");
    assert!(page.contains("zTOC cannot be used"));
    assert!(page.contains("0 of 3 layers indexed: "));
    assert!(page.contains("zTOCs that cannot be used: 1."));
    assert!(page.contains(
        "It has no SOCI index that can be used. <code>soci-index verify oci:images:app-soci<"
    ));
    assert!(!page.contains(INDEXED));
}

#[test]
fn the_page_appears_whole_or_not_at_all() {
    let desk = indexed();
    desk.write("page.html", b"old");
    let names = desk.names();
    inspect(&desk, &["--html", "page.html", "oci:images:no"]).with_code(1);
    assert_eq!(desk.read("page.html"), b"old");
    let ended = inspect(&desk, &["--html", "page.html", "oci:images:app-soci"]).with_code(0);
    assert!(ended.stdout.is_empty());
    assert!(
        ended.stderr.starts_with("page.html: ") && ended.stderr.ends_with(", for a browser\n"),
        "{}",
        ended.stderr
    );
    assert_eq!(desk.names(), names, "nothing temporary is left");
    let both = ["--json", "--html", "page.html", "oci:images:app-soci"];
    let ended = inspect(&desk, &both).with_code(0);
    assert!(serde_json::from_slice::<Value>(&ended.stdout).is_ok());
    let piped = inspect(&desk, &["--html", "/dev/stdout", "oci:images:app-soci"]).with_code(0);
    assert!(piped.stdout == desk.read("page.html"));
}

#[test]
fn where_no_page_can_be_is_told_before_any_work() {
    let desk = indexed();
    inspect(&desk, &["--html", "-", "oci:no"]).failed_with(
        "cannot write -: standard output is --html /dev/stdout, and a file of this name --html ./-",
    );
    inspect(&desk, &["--html", "images", "oci:no"])
        .failed_with("cannot write images: it is a folder");
    let mixed = ["--json", "--html", "/dev/stdout", "oci:images:app-soci"];
    let ended = inspect(&desk, &mixed).with_code(2);
    assert_eq!(
        ended.stderr,
        "error: --json and --html /dev/stdout would mix two results there; write the page to a file\n"
    );
    desk.write("image.tar", b"an archive");
    inspect(&desk, &["--html", "./image.tar", "oci-archive:image.tar"])
        .failed_with("cannot write ./image.tar: it is the image");
    assert_eq!(desk.read("image.tar"), b"an archive");
}
