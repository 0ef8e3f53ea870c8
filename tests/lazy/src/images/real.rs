//! Images of this machine's own files, with crafted ones between them for what a machine may not have.

use std::fs::{Metadata, symlink_metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;

use soci_testkit::content;
use soci_testkit::image::{AMD64, ARM64, Index, Manifest, Shelf, media};

use super::{Packed, Source, platform};
use crate::tree::{Node, Tree};

/// Where real files are taken from, in this order.
const FOLDERS: [&str; 4] = ["/usr/bin", "/usr/lib", "/usr/share", "/usr/local"];

/// Larger files would leave room for few.
const LARGEST_FILE_BYTES: u64 = 8 << 20;

/// Bytes of an archive of real files; compressed it is over the size from which layers are indexed by default.
const LAYER_BYTES: usize = 64 << 20;

/// Of gzip. At level 1 zlib-rs writes a whole layer as one block, so that nothing of it can be loaded alone.
const QUICK_LEVEL: u32 = 2;

/// Bytes of each file in an image of text.
pub const TEXT_BYTES: u64 = 40_000;

/// Two platforms of real files: a layer in gzip, a plain one and one too small to be indexed are in both, a second one in gzip is of each
/// platform alone.
#[must_use]
pub fn two_platforms(tag: &str) -> Source {
    let mut files = Files::new();
    let shared = files.fill(crafted(), LAYER_BYTES);
    let plain = files.fill(Tree::new(), LAYER_BYTES);
    let of_amd64 = files.fill(changes(), LAYER_BYTES);
    let of_arm64 = files.fill(changes(), LAYER_BYTES);
    let small = Tree::new().file(
        "small.txt",
        Node::new("file", 0o644),
        &content::text(5, 9_000),
    );
    let [shared, of_amd64, of_arm64] = compressed([shared, of_amd64, of_arm64], 6);
    let (plain, small) = (Packed::plain(plain), Packed::gzip(small, 6));
    let mut shelf = Shelf::new();
    let (mut index, mut platforms) = (Index::oci(), Vec::new());
    for (name, own) in [(AMD64, &of_amd64), (ARM64, &of_arm64)] {
        let layers = [&shared, &plain, own, &small];
        let (manifest, source) = platform(Manifest::oci(name), name, &layers);
        index = index.child(manifest.shelve(&mut shelf).platform(name));
        platforms.push(source);
    }
    let root = index.shelve(&mut shelf);
    let image = shelf.image(root, tag);
    Source { image, platforms }
}

/// One platform of real files, as Docker pushes it: no index around the manifest. A layer in gzip on a plain one on one in gzip.
#[must_use]
pub fn one_platform(tag: &str) -> Source {
    let mut files = Files::new();
    let lower = files.fill(crafted(), LAYER_BYTES);
    let middle = Packed::plain(files.fill(Tree::new(), LAYER_BYTES));
    let upper = files.fill(changes(), LAYER_BYTES);
    let [mut lower, mut upper] = compressed([lower, upper], QUICK_LEVEL);
    for packed in [&mut lower, &mut upper] {
        packed.layer = packed.layer.clone().called(media::DOCKER_GZIP);
    }
    single(Manifest::docker(AMD64), &[lower, middle, upper], tag)
}

/// A small image of text, in which every byte hangs on those before it.
#[must_use]
pub fn text_files(tag: &str) -> Source {
    let file = |tree: Tree, number: u64| {
        let name = format!("{number:02}.txt");
        tree.file(
            name,
            Node::new("file", 0o644),
            &content::text(number, TEXT_BYTES as usize),
        )
    };
    let tree = (0..25).fold(Tree::new(), file);
    single(Manifest::oci(AMD64), &[Packed::gzip(tree, 6)], tag)
}

fn single(manifest: Manifest, layers: &[Packed], tag: &str) -> Source {
    let mut shelf = Shelf::new();
    let layers: Vec<&Packed> = layers.iter().collect();
    let (manifest, source) = platform(manifest, AMD64, &layers);
    let root = manifest.shelve(&mut shelf);
    Source {
        image: shelf.image(root, tag),
        platforms: vec![source],
    }
}

fn compressed<const N: usize>(trees: [Tree; N], level: u32) -> [Packed; N] {
    thread::scope(|scope| {
        let workers = trees.map(|tree| scope.spawn(move || Packed::gzip(tree, level)));
        workers.map(|worker| worker.join().expect("it compresses"))
    })
}

/// A small file in the lowest layer of images of real files, with real files around it.
pub const SMALL_FILE: &str = "crafted/owned";

/// What real trees have seldom: every kind of node, long names, odd owners and times, attributes.
fn crafted() -> Tree {
    let file = || Node::new("file", 0o644);
    let folder = || Node::new("dir", 0o755);
    let text = |seed| content::text(seed, 3_000);
    let long = format!("crafted/{}/{}", "d".repeat(180), "f".repeat(240));
    let attributes = [("user.a", "31"), ("user.empty.not", "00ff")];
    let with_attributes = Node {
        xattrs: attributes.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        ..file()
    };
    let odd_owner = Node {
        uid: 70_000,
        gid: 65_534,
        mtime_seconds: 1,
        mtime_nanos: 999_999_999,
        ..Node::new("file", 0o6751)
    };
    let device = |kind, major, minor| Node {
        major,
        minor,
        ..Node::new(kind, 0o660)
    };
    Tree::new()
        .dir("crafted", folder())
        .file("crafted/empty", file(), b"")
        .file("crafted/one", file(), b"1")
        .file("crafted/nobody-reads", Node::new("file", 0), &text(1))
        .file(SMALL_FILE, odd_owner, &text(2))
        .file("crafted/attributes", with_attributes, &text(3))
        .file("crafted/caf\u{e9} \n\u{1f600}", file(), &text(4))
        .file(b"crafted/no-utf8-\xff\xfe", file(), &text(5))
        .dir(format!("crafted/{}", "d".repeat(180)), folder())
        .file(long, file(), &text(6))
        .hard_link("crafted/linked", SMALL_FILE)
        .symlink(
            "crafted/link",
            Node::new("symlink", 0o777),
            "../crafted/one",
        )
        .symlink(
            "crafted/long-link",
            Node::new("symlink", 0o777),
            "t".repeat(300),
        )
        .special("crafted/pipe", Node::new("fifo", 0o600))
        .special("crafted/char", device("char", 1, 3))
        .special("crafted/block", device("block", 7, 300))
        .dir("crafted/sticky", Node::new("dir", 0o1777))
        .dir("replaced", folder())
        .file("replaced/deleted", file(), &text(7))
        .file("replaced/changed", file(), &text(8))
        .dir("replaced/folder", folder())
        .file("replaced/folder/gone", file(), &text(9))
        .dir("replaced/opaque", folder())
        .file("replaced/opaque/hidden", file(), &text(10))
        .dir("replaced/becomes-file", folder())
        .file("replaced/becomes-file/gone", file(), &text(11))
}

/// What an upper layer adds, and does to a lower one.
fn changes() -> Tree {
    let file = || Node::new("file", 0o640);
    let folder = || Node::new("dir", 0o750);
    Tree::new()
        .dir("added", folder())
        .file("added/zeros", file(), &vec![0; 3 << 20])
        .file("added/random", file(), &content::random(1, 5 << 20))
        .dir("replaced", folder())
        .whiteout("replaced", "deleted")
        .file("replaced/changed", file(), &content::text(20, 5_000))
        .whiteout("replaced", "folder")
        .dir("replaced/opaque", folder())
        .whiteout("replaced/opaque", ".wh..opq")
        .file("replaced/opaque/new", file(), &content::text(21, 5_000))
        .file("replaced/becomes-file", file(), &content::text(22, 5_000))
}

/// Files of this machine that no layer has taken yet.
struct Files {
    left: std::vec::IntoIter<PathBuf>,
}

impl Files {
    fn new() -> Files {
        let mut found = Vec::new();
        for folder in FOLDERS {
            list(Path::new(folder), &mut found);
        }
        Files {
            left: found.into_iter(),
        }
    }

    /// As many more as make an archive of this size.
    fn fill(&mut self, mut tree: Tree, bytes: usize) -> Tree {
        let mut made: Vec<PathBuf> = Vec::new();
        while tree.len() < bytes {
            let path = self.left.next().expect("this machine has files enough");
            let folders: Vec<&Path> = path.ancestors().skip(1).collect();
            for folder in folders.into_iter().rev().filter(|f| f.parent().is_some()) {
                if !made.iter().any(|known| known == folder) {
                    made.push(folder.to_owned());
                    tree = real(tree, folder);
                }
            }
            tree = real(tree, &path);
        }
        tree
    }
}

/// One name of this machine, as it is; what cannot be read is left out.
fn real(tree: Tree, path: &Path) -> Tree {
    let Ok(data) = symlink_metadata(path) else {
        return tree;
    };
    let name = path
        .strip_prefix("/")
        .unwrap_or(path)
        .as_os_str()
        .as_bytes();
    if data.is_dir() {
        return tree.dir(name, node("dir", &data));
    }
    if data.is_symlink() {
        let target = std::fs::read_link(path).expect("a link can be read");
        return tree.symlink(name, node("symlink", &data), target.as_os_str().as_bytes());
    }
    match std::fs::read(path) {
        Ok(content) => tree.file(name, node("file", &data), &content),
        Err(_) => tree,
    }
}

fn node(kind: &str, data: &Metadata) -> Node {
    Node {
        mode: data.mode() & 0o7777,
        uid: data.uid(),
        gid: data.gid(),
        mtime_seconds: data.mtime().max(0),
        mtime_nanos: u32::try_from(data.mtime_nsec()).unwrap_or(0),
        ..Node::new(kind, 0)
    }
}

/// Files and symbolic links below a folder, in order.
fn list(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<_> = entries.map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        let Ok(data) = path.symlink_metadata() else {
            continue;
        };
        if data.is_dir() {
            list(&path, found);
        } else if data.is_symlink() || data.is_file() && data.len() <= LARGEST_FILE_BYTES {
            found.push(path);
        }
    }
}
