//! One archive per way of writing tar, each with the same few files at both ends.
//!
//! The entries that make the dialect stand at the beginning, in the middle and at the end, so that whatever the span size,
//! some lie behind a boundary.

use crate::content;
use crate::tar::{Archive, Dialect, Header};

/// An archive of one dialect, with what a reader has to show.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The dialect's name.
    pub name: &'static str,
    /// The archive.
    pub tar: Vec<u8>,
    /// Path and content of each regular file.
    pub files: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Writes entry `i` with its data and returns the path under which it shows.
type Write = fn(Archive, usize, &[u8]) -> (Archive, Vec<u8>);

/// An archive for each dialect. `filler_bytes` of other files stand before, between and behind its entries.
pub fn samples(filler_bytes: usize) -> Vec<Sample> {
    let dialects: [(&'static str, Write); 14] = [
        ("v7", |a, i, d| simple(a, Dialect::V7, i, d)),
        ("ustar", |a, i, d| simple(a, Dialect::Ustar, i, d)),
        ("gnu", |a, i, d| simple(a, Dialect::Gnu, i, d)),
        ("star", |a, i, d| simple(a, Dialect::Star, i, d)),
        ("ustar-prefix", prefix),
        ("star-prefix", star_prefix),
        ("gnu-base-256", base_256),
        ("gnu-long-name", gnu_long_name),
        ("gnu-long-link", gnu_long_link),
        ("gnu-times", gnu_times),
        ("pax-path", pax_path),
        ("pax-times", pax_times),
        ("pax-xattrs", pax_xattrs),
        ("pax-size-and-owner", pax_size),
    ];
    dialects
        .into_iter()
        .map(|(name, write)| sample(name, write, filler_bytes))
        .collect()
}

fn sample(name: &'static str, write: Write, filler_bytes: usize) -> Sample {
    let mut archive = Archive::new();
    let mut files = Vec::new();
    for i in 0..9 {
        if i % 3 == 0 {
            let filler = content::mixed(100 + i as u64, filler_bytes);
            let path = format!("filler/{i}");
            archive = archive.file(&path, &filler);
            files.push((path.into_bytes(), filler));
        }
        let data = content::text(200 + i as u64, 700 * i + 13);
        let (next, path) = write(archive, i, &data);
        archive = next;
        files.push((path, data));
    }
    let filler = content::mixed(300, filler_bytes);
    archive = archive.file("filler/last", &filler);
    files.push((b"filler/last".to_vec(), filler));
    Sample {
        name,
        tar: archive.finish(),
        files,
    }
}

fn header(dialect: Dialect, name: impl AsRef<[u8]>, i: usize) -> Header {
    Header::new(dialect, name)
        .mode(0o640 + i as u64)
        .uid(1000 + i as u64)
        .gid(2000)
        .mtime(1_600_000_000 + i as u64)
}

fn simple(archive: Archive, dialect: Dialect, i: usize, data: &[u8]) -> (Archive, Vec<u8>) {
    let dir = format!("{dialect:?}/{i}/");
    let path = format!("{dir}file");
    let named = |h: Header| {
        if dialect == Dialect::V7 {
            h
        } else {
            h.owner("builder", "builders").device(0, 0)
        }
    };
    let archive = archive
        .header(named(header(dialect, &dir, i).kind(b'5').mode(0o755)))
        .entry(named(header(dialect, &path, i)), data)
        .header(named(
            header(dialect, format!("{dir}soft"), i)
                .kind(b'2')
                .link("file"),
        ))
        .header(named(header(dialect, format!("{dir}fifo"), i).kind(b'6')))
        .header(named(header(dialect, format!("{dir}char"), i).kind(b'3')).device(1, 3));
    (archive, path.into_bytes())
}

fn prefix(archive: Archive, i: usize, data: &[u8]) -> (Archive, Vec<u8>) {
    split_name(archive, Dialect::Ustar, 155, i, data)
}

/// Star keeps access and change time in the last 24 bytes of the prefix.
fn star_prefix(archive: Archive, i: usize, data: &[u8]) -> (Archive, Vec<u8>) {
    split_name(archive, Dialect::Star, 130, i, data)
}

fn split_name(
    archive: Archive,
    dialect: Dialect,
    prefix_len: usize,
    i: usize,
    data: &[u8],
) -> (Archive, Vec<u8>) {
    let prefix = format!("{}{i}", "p".repeat(prefix_len - 1));
    let name = format!("{}{i}", "n".repeat(80));
    let mut header = header(dialect, &name, i).prefix(&prefix);
    if dialect == Dialect::Star {
        header = header
            .octal(476, 12, 1_500_000_000)
            .octal(488, 12, 1_500_000_001);
    }
    (
        archive.entry(header, data),
        format!("{prefix}/{name}").into_bytes(),
    )
}

fn base_256(archive: Archive, i: usize, data: &[u8]) -> (Archive, Vec<u8>) {
    let path = format!("base256/{i}");
    let header = header(Dialect::Gnu, &path, i)
        .base256(108, 8, 3_000_000_000)
        .base256(116, 8, 4_000_000_000 + i as i128)
        .base256(124, 12, data.len() as i128)
        .base256(136, 12, 20_000_000_000 - 9_000_000_000 * i as i128);
    (archive.header(header).data(data), path.into_bytes())
}

fn gnu_long_name(archive: Archive, i: usize, data: &[u8]) -> (Archive, Vec<u8>) {
    let path = format!("gnu/{}/{}{i}", "d".repeat(120), "n".repeat(30 * i));
    (
        archive
            .long_name(path.as_bytes())
            .entry(header(Dialect::Gnu, &path, i), data),
        path.into_bytes(),
    )
}

fn gnu_long_link(archive: Archive, i: usize, data: &[u8]) -> (Archive, Vec<u8>) {
    let path = format!("gnu/{}/{i}", "d".repeat(120 + 100 * i));
    let link = header(Dialect::Gnu, format!("soft{i}"), i)
        .kind(b'2')
        .link(&path);
    let archive = archive
        .long_name(path.as_bytes())
        .entry(header(Dialect::Gnu, &path, i), data);
    (
        archive.long_link(path.as_bytes()).header(link),
        path.into_bytes(),
    )
}

/// Access and change times, where POSIX has the prefix.
fn gnu_times(archive: Archive, i: usize, data: &[u8]) -> (Archive, Vec<u8>) {
    let path = format!("times/{i}");
    let header = header(Dialect::Gnu, &path, i)
        .octal(345, 12, 1_500_000_000)
        .octal(357, 12, 1_500_000_001);
    (archive.entry(header, data), path.into_bytes())
}

fn pax_path(archive: Archive, i: usize, data: &[u8]) -> (Archive, Vec<u8>) {
    let path = format!("pax/{}/ü{i}", "d".repeat(150 * (i + 1)));
    let long_dir = format!("{}/{}/", "e".repeat(200), i);
    let archive = archive
        .pax(&[("path", long_dir.as_bytes())])
        .header(header(Dialect::Ustar, "e/", i).kind(b'5').mode(0o755))
        .pax(&[
            ("path", format!("soft{i}").as_bytes()),
            ("linkpath", path.as_bytes()),
        ])
        .header(header(Dialect::Ustar, "soft", i).kind(b'2').link("x"));
    (
        archive
            .pax(&[("path", path.as_bytes())])
            .entry(header(Dialect::Ustar, "short", i), data),
        path.into_bytes(),
    )
}

fn pax_times(archive: Archive, i: usize, data: &[u8]) -> (Archive, Vec<u8>) {
    let path = format!("times/{i}");
    let times = [
        "0",
        "-0.5",
        "1.000000001",
        "1700000000.5",
        "-86400",
        "1e3",
        "253402300799.999999999",
        "1700000000.",
        "7.120",
    ];
    // "1e3" is no time to anybody: the plain header's time stands in its place.
    let mtime = if times[i] == "1e3" { "" } else { times[i] };
    let pairs: [(&str, &[u8]); 3] = [
        ("mtime", mtime.as_bytes()),
        ("atime", b"1600000000.25"),
        ("ctime", b"1600000000.75"),
    ];
    (
        archive
            .pax(&pairs)
            .entry(header(Dialect::Ustar, &path, i), data),
        path.into_bytes(),
    )
}

fn pax_xattrs(archive: Archive, i: usize, data: &[u8]) -> (Archive, Vec<u8>) {
    let path = format!("xattrs/{i}");
    let long = content::random(i as u64, 1_000 * i + 1);
    let pairs: [(&str, &[u8]); 5] = [
        ("SCHILY.xattr.user.zz", b"last"),
        ("SCHILY.xattr.user.aa", &long),
        (
            "SCHILY.xattr.security.capability",
            b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ),
        ("LIBARCHIVE.creationtime", b"1600000000"),
        ("comment", b"a = b"),
    ];
    (
        archive
            .pax(&pairs)
            .entry(header(Dialect::Ustar, &path, i), data),
        path.into_bytes(),
    )
}

fn pax_size(archive: Archive, i: usize, data: &[u8]) -> (Archive, Vec<u8>) {
    let path = format!("size/{i}");
    let size = data.len().to_string();
    let pairs: [(&str, &[u8]); 5] = [
        ("size", size.as_bytes()),
        ("uid", b"4294967294"),
        ("gid", b"0"),
        ("uname", "jürgen".as_bytes()),
        ("gname", b""),
    ];
    (
        archive
            .pax(&pairs)
            .header(header(Dialect::Ustar, &path, i))
            .data(data),
        path.into_bytes(),
    )
}
