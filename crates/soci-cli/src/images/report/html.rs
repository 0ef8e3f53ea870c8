//! From text to HTML: everything that stands in the page and was not written for it comes through here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::visible::visible;

/// Text between tags, or in an attribute's quotes.
pub(super) fn text(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for char in visible(text).chars() {
        match char {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            char => html.push(char),
        }
    }
    html
}

/// JSON within a `script` element, which ends at the first `</script` whatever stands around it.
pub(super) fn data(value: &impl Serialize) -> Result<String, serde_json::Error> {
    // In JSON it can only be part of a string.
    Ok(serde_json::to_string(value)?.replace('<', "\\u003c"))
}

/// Bytes that a visible text takes there.
pub(super) fn data_bytes(text: &str) -> usize {
    let bytes = |byte| match byte {
        b'<' => "\\u003c".len(),
        b'"' | b'\\' => 2,
        _ => 1,
    };
    text.bytes().map(bytes).sum()
}

/// The beginning of a name: whoever wrote it may have made it as long as a document can be, and the page repeats it.
pub(super) fn beginning(name: &str) -> String {
    const MOST_CHARS: usize = 256;
    match name.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// What `Content-Security-Policy` calls an element of exactly this content.
pub(super) fn source(content: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(content)))
}

/// Puts values into a template, where it has their names in double braces. What is put in is not looked at again.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut pieces = template.split("{{");
    let mut html = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece
            .split_once("}}")
            .expect("templates close their braces");
        let value = values.iter().find(|(known, _)| *known == name);
        let (_, value) = value.unwrap_or_else(|| panic!("a template asks for {name}"));
        html.push_str(value);
        html.push_str(rest);
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_place() {
        let hostile = "\"><script>alert('1')</script>&\u{202e}\n";
        let shown = "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;\\u{202e}\\n";
        assert_eq!(text(hostile), shown);
        let json = data(&["</script><!--", "\u{2028}"]).expect("JSON");
        assert!(!json.contains('<'), "{json}");
        let back: Vec<String> = serde_json::from_str(&json).expect("JSON");
        assert_eq!(back, ["</script><!--", "\u{2028}"]);
    }

    #[test]
    fn sizes_are_known_before() {
        let path = "a\\<b>\"ü";
        let json = data(&path).expect("JSON");
        assert_eq!(data_bytes(path), json.len() - "\"\"".len());
        assert_eq!(beginning(path), path);
        assert_eq!(beginning(&"ü".repeat(300)), format!("{}…", "ü".repeat(256)));
    }

    #[test]
    fn a_value_is_no_template() {
        let filled = fill("a {{x}} b {{y}} c", &[("x", "{{y}}"), ("y", "2")]);
        assert_eq!(filled, "a {{y}} b 2 c");
    }

    /// By `printf x | openssl dgst -sha256 -binary | base64`.
    #[test]
    fn sources_are_hashes_in_base64() {
        assert_eq!(
            source("x"),
            "'sha256-LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE='"
        );
    }
}
