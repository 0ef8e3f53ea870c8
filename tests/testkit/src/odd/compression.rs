//! Layers that are no gzip: other compressions, none, nothing.

use super::scaffold::{Around, ordinary};
use super::{OddCase, Reference};
use crate::tar::{Archive, BLOCK};
use crate::{content, gzip};

pub(super) fn cases() -> Vec<OddCase> {
    [others(), plain(), nothing()].concat()
}

fn others() -> Vec<OddCase> {
    let magic = |id, input, magic: &[u8]| {
        let layer = [magic, &content::random(8, 3_000)].concat();
        let why = "the format knows gzip and plain tar";
        OddCase::new(id, input, layer).refused(
            Reference::BuilderFails,
            "unsupported-compression",
            why,
        )
    };
    let text = content::text(9, 60_000);
    let why = "its first block is no tar header";
    vec![
        magic("zstd", "zstd", &[0x28, 0xb5, 0x2f, 0xfd]),
        magic("bzip2", "bzip2", b"BZh91AY&SY"),
        magic("xz", "xz", &[0xfd, b'7', b'z', b'X', b'Z', 0]),
        OddCase::new(
            "text-in-gzip",
            "text instead of a tar, in gzip",
            gzip::compress(&text, 6),
        )
        .refused(Reference::BuilderFails, "not-a-tar", why),
        OddCase::new("text-plain", "text instead of a tar", text)
            .plain()
            .refused(Reference::BuilderFails, "not-a-tar", why),
    ]
}

fn plain() -> Vec<OddCase> {
    let (tar, files) = ordinary();
    let padded = [&tar[..], &vec![0; 200_000]].concat();
    let unended = Around::new().after().unfinished().0;
    let mut cut = Around::new().after().unfinished().0;
    cut.truncate(cut.len() - 5_000);
    let case = |id, input, layer| OddCase::new(id, input, layer).plain().files(files.clone());
    vec![
        case("plain-tar", "a tar without compression", tar),
        case(
            "plain-tar-padding-behind",
            "the same with 200,000 NULs behind its end blocks",
            padded,
        ),
        case(
            "plain-tar-no-end-blocks",
            "the same without end blocks",
            unended,
        ),
        case(
            "plain-tar-cut-in-data",
            "the same, cut in a file's data",
            cut,
        )
        .refused(
            Reference::BuilderFails,
            "not-a-tar",
            "an entry is not whole; whether bytes are missing only the layer's digest can say",
        ),
        ends_on_span(
            "plain-tar-file-ends-on-span",
            "no end blocks, a file ends with the last whole span",
            3 * BLOCK,
        ),
        ends_on_span(
            "plain-tar-empty-file-ends-on-span",
            "no end blocks, an empty file's header ends with it",
            0,
        ),
        {
            let (layer, files) = span_sized(3 * BLOCK, true);
            OddCase::new(
                "plain-tar-link-ends-on-span",
                "no end blocks, a link's header ends with the last whole span",
                layer,
            )
            .plain()
            .files(files)
        },
    ]
}

/// A plain tar of exactly some spans in which the last regular file reaches the last byte.
fn ends_on_span(id: &'static str, input: &'static str, len: usize) -> OddCase {
    let (layer, files) = span_sized(len, false);
    OddCase::new(id, input, layer).plain().files(files).refused(
        Reference::FileWrong,
        "not-a-tar",
        "the daemon looks for a span behind the last one and crashes",
    )
}

fn span_sized(last_len: usize, link: bool) -> (Vec<u8>, Vec<super::SourceFile>) {
    let total = 4 * super::ODD_SPAN as usize;
    let tail = BLOCK + last_len + if link { BLOCK } else { 0 };
    let filler = content::random(14, total - tail - BLOCK);
    let mut around = Around::nothing()
        .file("filler.bin", filler)
        .file("z-last", content::random(15, last_len));
    if link {
        around = around.put(|a| a.symlink("z-link", "z-last"));
    }
    around.unfinished()
}

fn nothing() -> Vec<OddCase> {
    vec![
        OddCase::new("zero-bytes", "nothing at all", Vec::new()).refused(
            Reference::BuilderFails,
            "empty",
            "there is nothing to index",
        ),
        OddCase::new(
            "empty-tar",
            "a tar of two zero blocks",
            gzip::compress(&Archive::new().finish(), 6),
        ),
        OddCase::new(
            "empty-tar-plain",
            "the same without compression",
            Archive::new().finish(),
        )
        .plain(),
        OddCase::new(
            "gzip-of-nothing",
            "gzip of no bytes",
            gzip::compress(&[], 6),
        ),
    ]
}
