//! SOCI indexes, and whatever else may stand under the output tag.

use std::sync::OnceLock;

use soci_index::{Inspection, Outcome, Report};
use soci_registry::Tag;

use super::desk::Desk;

/// The image that the law indexes.
const IMAGE: &[u8] = br##"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"@1","size":#1,"platform":{"architecture":"arm64","os":"linux","variant":"v8"}}]}
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"@config","size":#config},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"@gzip","size":#gzip},{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"@tar","size":#tar}]}"##;

/// Any documents under the output tag of a sound image (see the module `desk` for how they are written): they are taken for its index only
/// if a consumer finds a zTOC, or a reason, for each layer in them; else they are replaced by what a clean run makes. Never do they stop a run.
pub fn soci_index(input: &[u8]) {
    let desk = Desk::new();
    let tag = Tag::new("1").expect("a tag");
    let output = Tag::new("1-soci").expect("a tag");
    let shelf = desk.shelf(IMAGE, &tag).expect("documents");
    let Some(found) = desk.lay_down(&shelf, input, &output) else {
        return;
    };
    let report = desk.run(&shelf, &tag);
    assert_eq!(report.kind, None, "{:?}", report.error);
    let made = report.output.expect("a sound image has an output").digest;
    match report.outcome {
        Outcome::AlreadyIndexed => {
            assert_eq!(made, Some(found.to_string()));
            assert!(is_covered(&desk.inspect(&shelf, &output)));
        }
        Outcome::Indexed => {
            let clean = clean_result(&desk);
            assert_eq!(
                made.as_ref(),
                Some(clean),
                "what was there shows in the result"
            );
        }
        other => panic!("{other:?}: {:?}", report.error),
    }
}

/// The digest that a run ends with where nothing was; the same for every input.
fn clean_result(desk: &Desk) -> &'static String {
    static CLEAN: OnceLock<String> = OnceLock::new();
    CLEAN.get_or_init(|| {
        let tag = Tag::new("1").expect("a tag");
        let clean = desk.shelf(IMAGE, &tag).expect("documents");
        let output = desk.run(&clean, &tag).output;
        output
            .and_then(|output| output.digest)
            .expect("it is indexed")
    })
}

/// What a run says of a sound image when these documents are under its output tag.
pub fn run_over(input: &[u8]) -> Report {
    let desk = Desk::new();
    let tag = Tag::new("1").expect("a tag");
    let shelf = desk.shelf(IMAGE, &tag).expect("documents");
    let output = Tag::new("1-soci").expect("a tag");
    desk.lay_down(&shelf, input, &output).expect("documents");
    desk.run(&shelf, &tag)
}

/// Whether some platform has an index that accounts for each of its layers.
fn is_covered(inspection: &Inspection) -> bool {
    let is_told = |reason: &Option<String>| reason.is_some();
    inspection.platforms.iter().any(|platform| {
        let accounted = platform
            .layers
            .iter()
            .all(|layer| layer.indexed || is_told(&layer.reason));
        platform.index.is_some() && platform.problem.is_none() && accounted
    })
}
