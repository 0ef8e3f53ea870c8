//! What the reference makes, verified: where its daemon reads it right it is proven at every level, and where it does not, what is
//! wrong is named.

use std::path::Path;
use std::sync::Arc;

use soci_conformance::{Conversion, Desk};
use soci_index::{Fault, Finding, Level, Proof, Verification, VerifyOptions, verify};
use soci_registry::{LayoutStore, Store, Target};
use soci_testkit::image::{
    self, AMD64, Defect, Image, Layer, OursForImage, ReferenceForImage, Shelf, media,
};
use soci_testkit::odd::ODD_SPAN;
use soci_testkit::{Algorithm, ImageCase, OddCase, Reference, image_cases, odd_cases};
use soci_ztoc::{StructureError, UnservedError, VerifyError};

fn look(folder: &Path, level: Level) -> Verification {
    let store: Arc<dyn Store> = Arc::new(LayoutStore::open(folder).expect("a layout"));
    let options = VerifyOptions {
        level,
        ..VerifyOptions::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let verified = verify(&store, &Target::OnlyEntry, String::new(), &options);
    runtime.block_on(verified).expect("it can be read")
}

fn findings(found: &Verification) -> Vec<&Finding> {
    let platforms = found.platforms.iter();
    let of_platforms = platforms.flat_map(|platform| &platform.findings);
    found.findings.iter().chain(of_platforms).collect()
}

fn words(found: &Verification) -> String {
    let lines: Vec<_> = findings(found).iter().map(ToString::to_string).collect();
    lines.join("; ")
}

/// What the reference converted, looked at; nothing where it gives an error.
fn look_at_conversion(desk: &mut Desk, case: &ImageCase, level: Level) -> Option<Verification> {
    let source = desk.image_source(case);
    let (folder, _) = desk.reference_image(case, &source).ok()?;
    Some(look(&folder, level))
}

/// Where we would make the same bytes they are proven, unless a blob is not there that neither builder needs.
#[test]
fn matches_reference_images_that_are_right_are_proven() {
    let mut desk = Desk::new();
    let (mut proven, mut incomplete) = (0, Vec::new());
    let is_right = |case: &ImageCase| case.ours == OursForImage::SameDigest;
    for case in image_cases().into_iter().filter(is_right) {
        let source = desk.image_source(&case);
        let converted = desk.reference_image(&case, &source);
        let (folder, _) = converted.unwrap_or_else(|error| panic!("{}: {error}", case.id));
        for level in [Level::Structure, Level::Sample, Level::Full] {
            let found = look(&folder, level);
            let mut faults = findings(&found).into_iter().map(|finding| &finding.fault);
            if found.verdict == Proof::NotProven
                && faults.all(|fault| matches!(fault, Fault::Missing))
            {
                incomplete.push((case.id, level));
                continue;
            }
            let (id, level) = (case.id, level.as_str());
            assert_eq!(
                found.verdict,
                Proof::Proven,
                "{id}, {level}: {}",
                words(&found)
            );
            proven += 1;
        }
    }
    let nobody_can_pull = ["child-config-missing", "small-layer-missing"];
    let levels = [Level::Structure, Level::Sample, Level::Full];
    let expected = nobody_can_pull.map(|id| levels.map(|level| (id, level)));
    incomplete.sort_by_key(|(id, _)| *id);
    assert_eq!(incomplete, expected.concat());
    assert!(proven >= 3 * 20, "{proven} proofs");
}

/// Defects that the image itself shows. The others are seen only beside the source: what is lost, and what is left out.
const VISIBLE: [Defect; 4] = [
    Defect::LinkBroken,
    Defect::PlatformEmpty,
    Defect::StaleContent,
    Defect::DamageUnseen,
];

#[test]
fn matches_reference_images_that_are_visibly_wrong_are_not_proven() {
    let mut desk = Desk::new();
    let (mut named, mut passed) = (0, Vec::new());
    for case in image_cases() {
        let ReferenceForImage::Converts(defects) = &case.reference else {
            continue;
        };
        let is_wrong = VISIBLE.iter().any(|defect| defects.contains(defect));
        if !is_wrong {
            continue;
        }
        let found = look_at_conversion(&mut desk, &case, Level::Full);
        let found = found.unwrap_or_else(|| panic!("{}: the reference gives an error", case.id));
        if found.verdict == Proof::NotProven {
            named += 1;
        } else {
            passed.push(case.id);
        }
    }
    // An address at which the content may be or not: nobody goes there.
    assert_eq!(passed, ["child-urls"]);
    assert!(named >= 4, "{named} images");
}

/// The image of one layer, and what the reference's converter makes of it.
fn converted(desk: &mut Desk, case: &OddCase) -> Option<std::path::PathBuf> {
    let media_type = match case.algorithm {
        Algorithm::Gzip => media::GZIP,
        Algorithm::Uncompressed => media::TAR,
    };
    let mut shelf = Shelf::new();
    let root = image::Manifest::oci(AMD64)
        .layer(Layer::new(media_type, case.layer.clone()))
        .shelve(&mut shelf);
    let image: Image = shelf.image(root, "1");
    let (source, out) = (desk.path("odd"), desk.path("odd-converted"));
    for folder in [&source, &out] {
        let _ = std::fs::remove_dir_all(folder);
    }
    image.write_layout(&source).expect("it can be written");
    let wish = Conversion {
        span_size: ODD_SPAN,
        min_layer_size: 0,
        tool: "conformance",
        platforms: &[],
    };
    desk.oracle.convert(&source, &out, &wish).ok()?;
    Some(out)
}

#[test]
fn matches_reference_odd_layers_are_proven_where_its_daemon_reads_them() {
    let mut desk = Desk::new();
    let (mut right, mut wrong, mut differ) = (0, 0, Vec::new());
    for case in odd_cases() {
        let expected = match case.reference {
            Reference::BuilderFails => continue,
            Reference::Right => Proof::Proven,
            _ => Proof::NotProven,
        };
        let Some(folder) = converted(&mut desk, &case) else {
            continue;
        };
        let found = look(&folder, Level::Full);
        if found.verdict != expected {
            differ.push(format!(
                "{}: {:?}: {}",
                case.id,
                found.verdict,
                words(&found)
            ));
        } else if expected == Proof::Proven {
            right += 1;
        } else {
            wrong += 1;
        }
    }
    assert!(
        differ.is_empty(),
        "{} differ:\n{}",
        differ.len(),
        differ.join("\n")
    );
    assert!(right >= 80 && wrong >= 30, "{right} right, {wrong} wrong");
}

/// An odd layer, the cheapest level that sees what is wrong with the reference's zTOC of it, and whether a fault names that.
type Named = (&'static str, Level, fn(&Fault) -> bool);

#[test]
fn matches_reference_known_wrongs_are_named() {
    let mut desk = Desk::new();
    let named: [Named; 6] = [
        ("flush-first", Level::Structure, |fault| {
            matches!(fault, Fault::Structure(StructureError::SpanOrder { .. }))
        }),
        ("hardlink-size-small", Level::Structure, |fault| {
            matches!(
                fault,
                Fault::Unserved(UnservedError::SizeWithoutData { .. })
            )
        }),
        ("hardlink-size-large", Level::Structure, |fault| {
            matches!(fault, Fault::Structure(StructureError::FileOrder { .. }))
        }),
        ("mtime-year-10000", Level::Structure, |fault| {
            matches!(fault, Fault::Unserved(UnservedError::NoTime { .. }))
        }),
        ("mode-directory-bits", Level::Structure, |fault| {
            matches!(fault, Fault::Unserved(UnservedError::Other(_)))
        }),
        ("uid-over-32-bits", Level::Sample, |fault| {
            let is = |error: &VerifyError| matches!(error, VerifyError::Header { .. });
            matches!(fault, Fault::Content { error, .. } if is(error))
        }),
    ];
    let cases = odd_cases();
    for (id, level, is_named) in named {
        let case = cases.iter().find(|case| case.id == id);
        let case = case.unwrap_or_else(|| panic!("no case {id}"));
        let folder = converted(&mut desk, case).expect("the reference converts it");
        let found = look(&folder, level);
        let has = findings(&found)
            .iter()
            .any(|finding| is_named(&finding.fault));
        assert!(has, "{id}: {:?}: {}", found.verdict, words(&found));
    }
}
