//! JSON as Go's encoder writes it: no spaces, and `<`, `>`, `&` and two line ends of Unicode escaped within strings.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// The bytes of a document.
pub(crate) fn to_json(document: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, GoFormatter);
    document
        .serialize(&mut serializer)
        .expect("documents have string keys, and a vector takes every byte");
    bytes
}

struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(place) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, special) = rest.split_at(place);
            writer.write_all(plain.as_bytes())?;
            let character = special
                .chars()
                .next()
                .expect("find gives the place of a character");
            write!(writer, "\\u{:04x}", u32::from(character))?;
            rest = &special[character.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_go_escapes() {
        let text = "a<b>&\u{2028}\u{2029}\"\\\n\té";
        assert_eq!(
            to_json(&text),
            br#""a\u003cb\u003e\u0026\u2028\u2029\"\\\n\t"#
                .iter()
                .chain("é\"".as_bytes())
                .copied()
                .collect::<Vec<_>>()
        );
    }
}
