//! What the fuzzer starts from: small layers of every dialect and framing, small odd archives, and zTOCs.

use soci_testkit::deflate::{Blocks, Symbol, literals};
use soci_testkit::gzip::{self, Flush, Member};
use soci_testkit::tar::{Archive, Header};
use soci_testkit::{content, dialects};
use soci_ztoc::{BuildOptions, Builder, Built, SpanSize};

use crate::laws::{ALLOW_MEMBERS, REPAIR, SPAN_BYTES};

/// Target, name and input.
type Seed = (&'static str, String, Vec<u8>);

pub(crate) fn all() -> Vec<Seed> {
    [gzip_layers(), tars(), ztocs()].concat()
}

/// A recipe and a layer. Cut mode and seed come from the layer's size, so that they differ.
fn with_recipe(span_bytes: u64, flags: u8, layer: &[u8]) -> Vec<u8> {
    let choice = SPAN_BYTES
        .iter()
        .position(|bytes| *bytes == span_bytes)
        .expect("a known span size");
    let seed = (layer.len() as u16).to_le_bytes();
    let mode = (layer.len() / 7 % 4) as u8;
    [&[choice as u8 | flags, mode, seed[0], seed[1]], layer].concat()
}

/// A few files with data on both sides of some span boundaries.
fn archive() -> Vec<u8> {
    Archive::new()
        .dir("etc/")
        .file("etc/motd", b"hello\n")
        .file("etc/empty", b"")
        .file("text", &content::text(1, 3_000))
        .symlink("link", "text")
        .hardlink("hard", "text")
        .file("mixed", &content::mixed(2, 3_500))
        .finish()
}

fn gzip_layers() -> Vec<Seed> {
    let tar = archive();
    let member = || Member::new(&tar, 6);
    let blocks = Blocks::new()
        .fixed([], false)
        .fixed(literals(&tar[..2_000]), false)
        .stored(&tar[2_000..4_000], false)
        .stored(&[], false)
        .dynamic(literals(&tar[4_000..]), true)
        .finish();
    let zeros = Blocks::new()
        .fixed(std::iter::repeat_n(Symbol::Literal(0), 4), false)
        .fixed(std::iter::repeat_n(Symbol::Run { distance: 1 }, 300), true)
        .finish();
    let mut layers = vec![
        ("levels-1", 512, 0, gzip::compress(&tar, 1)),
        ("levels-9", 4_096, REPAIR, gzip::compress(&tar, 9)),
        ("stored", 100, REPAIR, gzip::compress(&tar, 0)),
        (
            "sync-flushes",
            512,
            REPAIR,
            gzip::compress_flushing(&tar, 6, 700, Flush::Sync),
        ),
        (
            "full-flushes",
            1_000,
            REPAIR,
            gzip::compress_flushing(&tar, 6, 900, Flush::Full),
        ),
        (
            "smallest-spans",
            1,
            0,
            gzip::compress_flushing(&tar[..2_048], 6, 64, Flush::Sync),
        ),
        (
            "members",
            1_000,
            ALLOW_MEMBERS | REPAIR,
            gzip::compress_members(&tar, 6, 3_000),
        ),
        (
            "members-refused",
            1_000,
            REPAIR,
            gzip::compress_members(&tar, 6, 3_000),
        ),
        (
            "blocks",
            512,
            REPAIR,
            Member::deflated(blocks, &tar).bytes(),
        ),
        (
            "zeros",
            512,
            REPAIR,
            Member::deflated(zeros, &[0; 4 + 300 * 258]).bytes(),
        ),
        (
            "fields",
            512,
            0,
            member()
                .extra(b"ab\x02\0xy")
                .name(b"layer.tar")
                .comment(b"c")
                .text()
                .header_crc()
                .bytes(),
        ),
        ("long-name", 512, 0, member().name(&[b'n'; 600]).bytes()),
        (
            "wrong-header-crc",
            512,
            0,
            member().wrong_header_crc().bytes(),
        ),
        (
            "reserved-flag",
            512,
            0,
            member().reserved_flag(0x20).bytes(),
        ),
        ("wrong-crc", 512, 0, member().wrong_crc().bytes()),
        ("wrong-isize", 512, 0, member().wrong_isize().bytes()),
        (
            "trailing",
            512,
            REPAIR,
            [&member().bytes()[..], b"\x1f\x8btrailing"].concat(),
        ),
        ("empty", 512, REPAIR, gzip::compress(b"", 6)),
        (
            "no-tar",
            512,
            REPAIR,
            gzip::compress(&content::text(5, 2_000), 6),
        ),
        ("zstd", 512, 0, vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0]),
    ];
    layers.push(("cut", 512, 0, member().bytes()[..500].to_vec()));
    let framed = layers.into_iter().map(|(name, span, flags, layer)| {
        (
            "gzip_walk",
            name.to_owned(),
            with_recipe(span, flags, &layer),
        )
    });
    framed.collect()
}

fn tars() -> Vec<Seed> {
    let mut seeds: Vec<Seed> = dialects::samples(40)
        .into_iter()
        .map(|sample| {
            // The first entries of each dialect, without an end.
            let few = &sample.tar[..sample.tar.len().min(3 * 1_024)];
            (
                "tar_entries",
                sample.name.to_owned(),
                with_recipe(1_000, REPAIR, few),
            )
        })
        .collect();
    let odd = odd_archives().into_iter().map(|(name, archive)| {
        (
            "tar_entries",
            name.to_owned(),
            with_recipe(4_096, REPAIR, &archive.finish()),
        )
    });
    seeds.extend(odd);
    let tar = archive();
    seeds.push((
        "tar_entries",
        "whole".to_owned(),
        with_recipe(512, REPAIR, &tar),
    ));
    seeds.push((
        "tar_entries",
        "no-end".to_owned(),
        with_recipe(512, REPAIR, &tar[..tar.len() - 1_024]),
    ));
    seeds.push((
        "tar_entries",
        "one-zero-block".to_owned(),
        with_recipe(512, REPAIR, &tar[..tar.len() - 512]),
    ));
    seeds.push((
        "tar_entries",
        "cut".to_owned(),
        with_recipe(512, REPAIR, &tar[..tar.len() - 3_000]),
    ));
    seeds.push((
        "tar_entries",
        "checksums-as-they-are".to_owned(),
        with_recipe(512, 0, &tar),
    ));
    seeds
}

fn odd_archives() -> Vec<(&'static str, Archive)> {
    let file = |archive: Archive| archive.file("after", b"behind the odd place");
    let header = |header: Header| file(Archive::new().header(header));
    let pax = |pairs: &[(&str, &[u8])]| file(Archive::new().pax(pairs));
    vec![
        ("sparse", header(Header::gnu("s").kind(b'S'))),
        ("contiguous", header(Header::ustar("c").kind(b'7'))),
        ("unknown-kind", header(Header::ustar("u").kind(b'V'))),
        (
            "size-negative",
            header(Header::gnu("n").base256(124, 12, -1)),
        ),
        (
            "size-huge",
            header(Header::gnu("n").base256(124, 12, i128::from(i64::MAX))),
        ),
        (
            "size-not-octal",
            header(Header::ustar("n").raw_field(124, 12, b"not octal")),
        ),
        (
            "time-huge",
            header(Header::gnu("t").base256(136, 12, 1 << 62)),
        ),
        (
            "mode-of-directory",
            header(Header::ustar("m").mode(0o040_755)),
        ),
        (
            "directory-with-size",
            file(Archive::new().entry(Header::ustar("d/").kind(b'5'), b"data")),
        ),
        ("dangling-link", file(Archive::new().hardlink("a", "b"))),
        (
            "link-to-directory",
            file(Archive::new().dir("d/").hardlink("a", "d")),
        ),
        (
            "long-name-twice",
            file(Archive::new().long_name(&[b'a'; 300]).long_name(b"b")),
        ),
        (
            "long-name-too-long",
            file(Archive::new().long_name(&[b'a'; 5_000])),
        ),
        (
            "global-header",
            file(Archive::new().pax_raw(b'g', b"17 comment=nothin\n")),
        ),
        (
            "pax-sparse",
            pax(&[("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0")]),
        ),
        ("pax-time", pax(&[("mtime", b"-1.5"), ("atime", b"1e3")])),
        ("pax-size", pax(&[("size", b"7")])),
        (
            "pax-xattrs",
            pax(&[
                ("SCHILY.xattr.user.a", b""),
                ("SCHILY.xattr.user.b", b"\0\xff"),
            ]),
        ),
        (
            "pax-malformed",
            file(Archive::new().pax_raw(b'x', b"12 path=a")),
        ),
        (
            "second-archive",
            Archive::new().zeros(512).file("hidden", b"?"),
        ),
    ]
}

fn ztocs() -> Vec<Seed> {
    let tar = archive();
    let odd_names = Archive::new()
        .pax(&[
            ("path", b"p\xc3\xa4th"),
            ("mtime", b"1.25"),
            ("SCHILY.xattr.user.a", b"1"),
        ])
        .file("x", b"data")
        .header(
            Header::ustar("dev")
                .kind(b'3')
                .device(1, 3)
                .owner("root", "root"),
        )
        .finish();
    let whole = vec![
        ("plain", ztoc(&tar, 4_096)),
        ("plain-small-spans", ztoc(&tar, 512)),
        ("plain-odd-names", ztoc(&odd_names, 1 << 20)),
        ("plain-empty", ztoc(&[0; 1_024], 1 << 20)),
        ("gzip", ztoc(&gzip::compress(&tar, 6), 1 << 20)),
    ];
    let mut seeds: Vec<Seed> = Vec::new();
    for (name, bytes) in whole {
        seeds.push((
            "ztoc_decode",
            format!("{name}-cut"),
            bytes[..bytes.len().min(700)].to_vec(),
        ));
        seeds.push(("ztoc_decode", name.to_owned(), bytes));
    }
    seeds
}

fn ztoc(layer: &[u8], span_bytes: u64) -> Vec<u8> {
    let span_size = SpanSize::from_bytes(span_bytes).expect("not zero");
    let mut builder = Builder::new(BuildOptions {
        span_size,
        ..BuildOptions::default()
    });
    builder.push(layer).expect("the layer is sound");
    let Ok(Built::Indexed { ztoc, .. }) = builder.finish() else {
        panic!("the layer can be indexed")
    };
    let encoded = ztoc.encode().expect("a small zTOC can be encoded");
    encoded.chunks().flatten().copied().collect()
}
