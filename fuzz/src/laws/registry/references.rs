//! Names of images.

use soci_registry::{Reference, RepositoryName, Tag, Target};

/// Characters of a text whose presence in a message is no chance.
const TELLING_CHARS: usize = 8;

/// Characters of the longest message: 300 of the text, each escaped, and the fault.
const MESSAGE_CHARS: usize = 3_300;

/// Any text as a name: it is refused without telling a password, or displayed it means the same again; and no part of it can leave
/// an address or a folder.
pub fn references(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    check_reference(text);
    check_tag(text);
    check_repository(text);
}

fn check_reference(text: &str) {
    match text.parse::<Reference>() {
        Ok(reference) => {
            let shown = reference.to_string();
            assert_eq!(shown.parse().as_ref(), Ok(&reference), "{shown}");
            if let Reference::Registry(named) = &reference {
                let explicit = format!("docker://{named}");
                assert_eq!(explicit.parse().as_ref(), Ok(&reference));
                let is_by_digest = matches!(named.target(), Target::Digest(_));
                assert_eq!(is_by_digest, named.digest.is_some());
                assert!(named.tag.is_some() || named.digest.is_some());
            }
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.chars().count() <= MESSAGE_CHARS);
            let fault = format!("not an image reference: {}; found ", error.fault());
            let shown = message.strip_prefix(&fault).expect("it begins so");
            assert!(!tells_password(text, shown), "{message}");
        }
    }
}

/// Whether what stands before the last `@` but that of a digest stands in a message.
fn tells_password(text: &str, shown: &str) -> bool {
    let name = match text.rsplit_once('@') {
        Some((name, digest)) if is_digest(digest) => name,
        _ => text,
    };
    let Some((before, _)) = name.rsplit_once('@') else {
        return false;
    };
    let chars: Vec<char> = before.chars().collect();
    let Some(begin) = chars.len().checked_sub(TELLING_CHARS) else {
        return false;
    };
    let password: String = chars[begin..].iter().collect();
    // Marks could be those around the text, or of an escape.
    let is_word = chars[begin..].iter().all(char::is_ascii_alphanumeric);
    // As a message shows it: an escape can complete the word.
    let is_elsewhere = format!("{:?}", &text[before.len()..]).contains(&password);
    is_word && !is_elsewhere && shown.contains(&password)
}

/// More hexadecimal digits than the number of a port has, whether they are a digest's or not.
fn is_digest(text: &str) -> bool {
    let hex = text
        .split_once(':')
        .map_or("", |(algorithm, hex)| match algorithm {
            "sha256" | "sha512" => hex,
            _ => "",
        });
    hex.len() >= 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn check_tag(text: &str) {
    let (short, long) = (Tag::new(text), Tag::in_layout(text));
    if let Ok(tag) = &short {
        assert_eq!((long.as_ref(), tag.as_str()), (Ok(tag), text));
        let named: Reference = format!("q.io/a:{text}").parse().expect("a tag fits");
        let Reference::Registry(named) = named else {
            panic!("{text} makes it something else than a registry's")
        };
        assert_eq!(named.target(), Target::Tag(tag.clone()));
    }
    if let Ok(tag) = long {
        assert_eq!(tag.fits_registries(), short.is_ok());
        let layout = Reference::Layout {
            path: "dir".into(),
            target: Target::Tag(tag),
        };
        assert_eq!(format!("oci:dir:{text}").parse(), Ok(layout));
    }
}

fn check_repository(text: &str) {
    if let Ok(name) = text.parse::<RepositoryName>() {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
        assert!(name.path().bytes().all(is_plain));
        let leaves = |part: &str| matches!(part, "" | "." | "..");
        assert!(!name.path().split('/').any(leaves));
        let is_of_hosts = |byte: u8| byte.is_ascii_alphanumeric() || b"[]:.-".contains(&byte);
        assert!(!name.host().is_empty() && name.host().bytes().all(is_of_hosts));
    }
}
