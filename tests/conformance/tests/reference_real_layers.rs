//! Layers of the size and the mess of the world: the machine's own files, packed by its own tar.

#![expect(clippy::print_stdout, reason = "the matrix is printed by the run")]

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use soci_conformance::tools::{self, Tool};
use soci_conformance::{Contents, Desk, Flush, Layer, Recipe, Report};

/// A layer of less than this does not count as a real one.
const AT_LEAST_COMPRESSED_BYTES: u64 = 50_000_000;

/// The reference's default, which is ours.
const SPAN: u64 = 4 << 20;

#[test]
fn matches_reference_for_usr_lib_in_gnu_format() {
    let pigz = Tool {
        program: "pigz",
        package: "pigz",
        args: &["-c", "-6", "-p", "2"],
    };
    let take = Take {
        roots: &["/usr/lib"],
        skip_bytes: 0,
        bytes: 190 << 20,
    };
    run(
        "/usr/lib, GNU tar, pigz",
        take,
        &["--format=gnu"],
        |_, tar, out| pigz.compress(tar, out).map_err(|e| e.to_string()),
    );
}

#[test]
fn matches_reference_for_usr_in_pax_format() {
    let recipe = Recipe {
        producer: "go",
        level: 1,
        strategy: "default",
        flush: Flush::None,
    };
    let take = Take {
        roots: &[
            "/usr/share",
            "/usr/sbin",
            "/usr/bin",
            "/usr/include",
            "/usr/lib",
        ],
        skip_bytes: 0,
        bytes: 190 << 20,
    };
    run(
        "/usr, PAX with xattrs, Go",
        take,
        &["--format=pax", "--xattrs", "--xattrs-include=*"],
        |desk, tar, out| {
            desk.oracle
                .compress(tar, out, recipe)
                .map_err(|e| e.to_string())
        },
    );
}

#[test]
fn matches_reference_for_more_of_usr_in_ustar_format() {
    let igzip = Tool {
        program: "igzip",
        package: "isal",
        args: &["-c", "-1"],
    };
    let take = Take {
        roots: &["/usr/local", "/usr/libexec", "/usr/lib", "/usr/share"],
        skip_bytes: 190 << 20,
        bytes: 190 << 20,
    };
    run(
        "more of /usr, ustar, igzip",
        take,
        &["--format=ustar"],
        |_, tar, out| igzip.compress(tar, out).map_err(|e| e.to_string()),
    );
}

/// A larger file is left out: it would be most of a layer, or all that there is room for.
const MOST_FILE_BYTES: u64 = 64 << 20;

/// Which part of the machine's files: those below some roots, in order, after so many bytes, until so many bytes.
struct Take {
    roots: &'static [&'static str],
    skip_bytes: u64,
    bytes: u64,
}

fn run(
    name: &'static str,
    take: Take,
    format: &[&str],
    compress: impl FnOnce(&mut Desk, &Path, &Path) -> Result<(), String>,
) {
    let mut desk = Desk::new();
    let contents = pack(&desk, &take, format);
    let (tar, gz) = (desk.path("tar"), desk.path("made.gz"));
    compress(&mut desk, &tar, &gz).unwrap_or_else(|words| panic!("{words}"));
    let bytes = fs::read(&gz).expect("the compressor wrote a file");
    assert!(
        bytes.len() as u64 >= AT_LEAST_COMPRESSED_BYTES,
        "{name}: only {} bytes, the machine has too little below /usr",
        bytes.len()
    );
    let mut report = Report::new(name);
    let layer = Layer {
        bytes: &bytes,
        algorithm: "gzip",
        allow_members: false,
        span: SPAN,
        contents: &contents,
    };
    report.add(&format!("{} bytes", bytes.len()), SPAN, desk.compare(layer));
    println!("{report}");
    assert_eq!(report.failures(), Vec::<String>::new());
}

/// Packs and lists: regular files under every name they have.
fn pack(desk: &Desk, take: &Take, format: &[&str]) -> Contents {
    let list = desk.path("list");
    let mut out =
        std::io::BufWriter::new(fs::File::create(&list).expect("a temporary file can be made"));
    let mut contents = Contents::default();
    let mut seen = 0;
    for root in take.roots {
        for path in files_below(Path::new(root)) {
            let meta = fs::symlink_metadata(&path).expect("/usr holds still");
            if meta.is_file() && meta.len() > MOST_FILE_BYTES {
                continue;
            }
            seen += meta.len();
            if seen < take.skip_bytes || seen >= take.skip_bytes + take.bytes {
                continue;
            }
            let name = path.as_os_str().as_bytes();
            let name = name.strip_prefix(b"/").unwrap_or(name);
            if meta.is_file() {
                // What this user may not read, tar may not either.
                let Ok(data) = fs::read(&path) else { continue };
                contents.add(name, &data);
            }
            out.write_all(&[name, b"\0"].concat())
                .expect("a temporary file can be written");
        }
    }
    out.flush().expect("a temporary file can be written");
    tools::tar(&list, &desk.path("tar"), format).unwrap_or_else(|error| panic!("{error}"));
    contents
}

/// Everything below a directory in the order of names, directories before what is in them.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![dir.to_owned()];
    let mut entries: Vec<_> = fs::read_dir(dir).into_iter().flatten().flatten().collect();
    entries.sort_by_key(|e| e.file_name());
    for entry in entries {
        let kind = entry.file_type().expect("a directory entry has a type");
        if kind.is_dir() && entry.file_name() != OsStr::new("__pycache__") {
            found.extend(files_below(&entry.path()));
        } else if kind.is_file() || kind.is_symlink() {
            found.push(entry.path());
        }
    }
    found
}
