//! Indexes, and what they say about platforms (defect B11 of the reference).

use serde_json::json;

use super::{child, ordinary};
use crate::image::{
    AMD64, ARM64, Defect, Descriptor, ImageCase, Index, Layer, Manifest, Platform, Shelf, media,
};

pub(super) fn cases() -> Vec<ImageCase> {
    [ordinary_ones(), said_otherwise(), repeated(), nested()].concat()
}

/// A case of an OCI index.
fn of(
    id: &'static str,
    input: &'static str,
    children: impl FnOnce(&mut Shelf) -> Vec<Descriptor>,
) -> ImageCase {
    let mut shelf = Shelf::new();
    let index = children(&mut shelf)
        .into_iter()
        .fold(Index::oci(), Index::child);
    let root = index.shelve(&mut shelf);
    shelf.case(id, input, root)
}

fn ordinary_ones() -> Vec<ImageCase> {
    let arm = |variant| Platform::new("linux", "arm", variant);
    vec![
        of(
            "index-two-platforms",
            "an index of linux/amd64 and linux/arm64/v8",
            |s| vec![child(s, AMD64, 1), child(s, ARM64, 3)],
        ),
        docker_list(),
        of(
            "index-variants",
            "an index of arm/v5, arm/v6 and arm/v7",
            |s| {
                vec![
                    child(s, arm("v5"), 1),
                    child(s, arm("v6"), 3),
                    child(s, arm("v7"), 5),
                ]
            },
        ),
        of(
            "index-shared-layers",
            "two platforms with a layer in common",
            |s| {
                let both = |p, seed| {
                    Manifest::oci(p)
                        .layer(Layer::large(1))
                        .layer(Layer::large(seed))
                };
                vec![
                    both(AMD64, 2).shelve(s).platform(AMD64),
                    both(ARM64, 3).shelve(s).platform(ARM64),
                ]
            },
        ),
        of(
            "index-one-platform-small",
            "two platforms, all layers of the second small",
            |s| {
                let small = Manifest::oci(ARM64)
                    .layer(Layer::small(1))
                    .layer(Layer::small(2));
                vec![child(s, AMD64, 1), small.shelve(s).platform(ARM64)]
            },
        )
        .because("the second manifest is written again without an annotation"),
        of(
            "platform-asked-for",
            "two platforms, only linux/arm64 asked for",
            |s| vec![child(s, AMD64, 1), child(s, ARM64, 3)],
        )
        .only("linux/arm64")
        .because("the SOCI index has the platform as asked for, without a variant"),
    ]
}

fn docker_list() -> ImageCase {
    let mut shelf = Shelf::new();
    let layer = |seed| Layer::large(seed).called(media::DOCKER_GZIP);
    let mut one = |platform, seed| {
        Manifest::docker(platform)
            .layer(layer(seed))
            .layer(layer(seed + 1))
            .pretty()
            .shelve(&mut shelf)
            .platform(platform)
    };
    let index = Index::docker().child(one(AMD64, 1)).child(one(ARM64, 3));
    let root = index.shelve(&mut shelf);
    shelf.case(
        "docker-manifest-list",
        "a Docker manifest list of schema 2 manifests",
        root,
    )
}

fn said_otherwise() -> Vec<ImageCase> {
    let not_said = "the platform is taken from the config";
    vec![
        of(
            "child-no-platform-first",
            "two children, the first without a platform",
            |s| vec![ordinary(AMD64, 1).shelve(s), child(s, ARM64, 3)],
        )
        .rescued(not_said),
        of(
            "child-no-platform-last",
            "two children, the second without a platform",
            |s| vec![child(s, AMD64, 1), ordinary(ARM64, 3).shelve(s)],
        )
        .rescued(not_said),
        of(
            "child-other-platform",
            "the descriptor says arm64, the config amd64",
            |s| {
                vec![
                    child(s, AMD64, 1),
                    ordinary(AMD64, 3).shelve(s).platform(ARM64),
                ]
            },
        )
        .because("the descriptor counts"),
        of(
            "child-config-missing",
            "two children, the blob of one config is not there",
            |s| {
                let children = vec![child(s, AMD64, 1), child(s, ARM64, 3)];
                let config = Manifest::oci(ARM64).config_digest();
                s.lose(&config);
                children
            },
        )
        .because("nobody has to read it"),
        of(
            "child-os-version",
            "windows/amd64 twice with different `os.version`",
            |s| {
                let windows = Platform::new("windows", "amd64", "");
                let mut version = |seed, version: &str| {
                    let platform =
                        json!({"os": "windows", "architecture": "amd64", "os.version": version});
                    ordinary(windows, seed)
                        .shelve(s)
                        .field("platform", platform)
                };
                vec![version(1, "10.0.17763.6414"), version(3, "10.0.20348.2700")]
            },
        ),
    ]
}

fn repeated() -> Vec<ImageCase> {
    let amd64_v2 = Platform::new("linux", "amd64", "v2");
    vec![
        of("child-twice", "one manifest listed twice", |s| {
            let one = child(s, AMD64, 1);
            vec![one.clone(), child(s, ARM64, 3), one]
        }),
        of(
            "child-under-two-platforms",
            "one manifest as amd64 and as amd64/v2",
            |s| {
                let one = ordinary(AMD64, 1).shelve(s);
                vec![one.clone().platform(AMD64), one.platform(amd64_v2)]
            },
        )
        .differs(
            &[Defect::LinkBroken],
            "both SOCI index descriptors name the image",
        ),
        of(
            "children-of-one-platform",
            "two manifests of linux/amd64",
            |s| vec![child(s, AMD64, 1), child(s, AMD64, 3)],
        )
        .differs(&[Defect::LayerMissed], "each manifest gets its SOCI index"),
    ]
}

fn nested() -> Vec<ImageCase> {
    let left = "no tool writes an index within an index, and no runtime looks into one: it is left as it is";
    let inner = |s: &mut Shelf| {
        let (first, second) = (child(s, AMD64, 1), child(s, ARM64, 3));
        Index::oci().child(first).child(second).shelve(s)
    };
    let deep =
        |s: &mut Shelf| (0..8).fold(inner(s), |index, _| Index::oci().child(index).shelve(s));
    let beside = of(
        "nested-index-platform",
        "an index in an index, called linux/amd64 there, beside an image",
        |s| {
            vec![
                inner(s).platform(AMD64),
                child(s, Platform::new("linux", "s390x", ""), 5),
            ]
        },
    )
    .differs(&[Defect::ManifestLost], left);
    let beside = ImageCase {
        platforms: beside.platforms[2..].to_vec(),
        ..beside
    };
    vec![
        of("nested-index", "an index in an index", |s| vec![inner(s)])
            .rescued(left)
            .skipped("not-an-image", left),
        beside,
        of("nested-index-deep", "indexes nested nine deep", |s| {
            vec![deep(s)]
        })
        .skipped("not-an-image", left),
    ]
}
