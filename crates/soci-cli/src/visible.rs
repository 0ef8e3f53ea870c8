//! Names and texts from elsewhere, as they can be shown: none of them moves a terminal's cursor, hides a part of itself, or turns round what
//! stands beside it.
//!
//! A backslash is not doubled: files of systemd have `\x2d` in their very names, and here it is only shown, never read back.

use std::borrow::Cow;
use std::fmt::Write;

/// A text with `\n`, `\u{1b}` and the like in place of what would do something instead of being seen.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    push(&mut shown, text);
    Cow::Owned(shown)
}

/// The same of bytes that may be no UTF-8: `\xff` stands for what is none.
pub(crate) fn visible_bytes(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        push(&mut shown, chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

fn push(shown: &mut String, text: &str) {
    for char in text.chars() {
        if acts(char) {
            shown.extend(char.escape_default());
        } else {
            shown.push(char);
        }
    }
}

/// Control characters, those that set the direction of text, and those that are not seen at all.
fn acts(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_written_out_and_nothing_else() {
        assert_eq!(
            visible("usr/bin/naïve-日本 \\x2d"),
            "usr/bin/naïve-日本 \\x2d"
        );
        assert_eq!(visible("a\u{202e}gnp.exe"), "a\\u{202e}gnp.exe");
        assert_eq!(visible("\u{1b}[2J\r\n"), "\\u{1b}[2J\\r\\n");
        assert_eq!(visible_bytes(b"caf\xe9\n\xe2\x80"), "caf\\xe9\\n\\xe2\\x80");
    }
}
