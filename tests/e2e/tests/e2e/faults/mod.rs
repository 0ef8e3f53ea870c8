//! Faults between the job and a real registry: whatever goes wrong, a run ends as it must, and leaves nothing that is half done.
//!
//! `bench` runs the job behind the proxy and holds each run to what must be true of every run; the other modules are the rows of the
//! table: `once`, `damage`, `for_good`, `deadline`, `odd`; `random` mixes them by a seed.

#![allow(
    clippy::print_stdout,
    reason = "how many cases there were, and from which seed, is part of the result"
)]

mod bench;
mod damage;
mod deadline;
mod for_good;
mod odd;
mod once;
mod random;

pub(crate) use once::{DAMAGE, PASSING, can_be};

use soci_testkit::image::{self, AMD64, ARM64, Image, Index, Layer, Shelf, media};
use soci_testkit::{content, gzip, tar};

/// Two platforms, of which one is named in its config only: a layer in both that comes in many pieces, a small one in both, one of its
/// own for each.
fn image() -> Image {
    let archive = tar::Archive::new()
        .file("opt/large", &content::random(7, 400_000))
        .file("opt/text", &content::text(8, 60_000))
        .finish();
    let large = Layer::new(media::GZIP, gzip::compress(&archive, 6));
    let mut shelf = Shelf::new();
    let mut index = Index::oci();
    for (seed, platform) in [(1, AMD64), (2, ARM64)] {
        let manifest = image::Manifest::oci(platform)
            .layer(large.clone())
            .layer(Layer::small(1))
            .layer(Layer::large(seed));
        let child = manifest.shelve(&mut shelf);
        index = index.child(match seed {
            1 => child.platform(platform),
            _ => child,
        });
    }
    let root = index.shelve(&mut shelf);
    shelf.image(root, "1")
}
