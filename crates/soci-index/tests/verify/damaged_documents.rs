//! Damage to documents: blobs that are missing or others, sizes and types. All of it shows without a look into layers.

use serde_json::json;
use soci_index::{Fault, Level, Place};

use crate::damage::{self, Damage, Patient, text};

/// Damage that shows in documents alone.
macro_rules! document {
    ($name:literal, $act:expr, $place:pat, $fault:pat) => {
        Damage {
            name: $name,
            level: Level::Structure,
            act: $act,
            named: |finding| matches!(finding.place, $place) && matches!(finding.fault, $fault),
        }
    };
}

pub(crate) use document;

#[tokio::test]
async fn blobs_that_are_not_there_or_are_others() {
    damage::each(&[
        document!(
            "manifest missing",
            |p| {
                let d = p.image(0);
                p.edit().lose(&d)
            },
            Place::Manifest(_),
            Fault::Missing
        ),
        document!(
            "SOCI index missing",
            |p| {
                let d = p.soci_index(1);
                p.edit().lose(&d)
            },
            Place::SociIndex(_),
            Fault::Missing
        ),
        document!(
            "zTOC missing",
            |p| {
                let d = p.ztoc(0, 1);
                p.edit().lose(&d)
            },
            Place::Ztoc { .. },
            Fault::Missing
        ),
        document!(
            "layer missing",
            |p| {
                let d = p.layer(0, 1);
                p.edit().lose(&d)
            },
            Place::Layer(_),
            Fault::Missing
        ),
        document!(
            "layer without a zTOC missing",
            |p| {
                let d = p.layer(0, 3);
                p.edit().lose(&d)
            },
            Place::Layer(_),
            Fault::Missing
        ),
        document!(
            "config missing",
            |p| {
                let d = config(p);
                p.edit().lose(&d)
            },
            Place::Config(_),
            Fault::Missing
        ),
        document!(
            "SOCI index's config missing",
            |p| {
                let d = soci_config(p);
                p.edit().lose(&d)
            },
            Place::SociConfig(_),
            Fault::Missing
        ),
        document!(
            "manifest's bytes",
            |p| {
                let d = p.image(0);
                p.flip(&d)
            },
            Place::Manifest(_),
            Fault::Digest { .. }
        ),
        document!(
            "SOCI index's bytes",
            |p| {
                let d = p.soci_index(0);
                p.flip(&d)
            },
            Place::SociIndex(_),
            Fault::Digest { .. }
        ),
        document!(
            "config's bytes",
            |p| {
                let d = config(p);
                p.flip(&d)
            },
            Place::Config(_),
            Fault::Digest { .. }
        ),
        document!(
            "zTOC's bytes",
            |p| {
                let d = p.ztoc(0, 0);
                p.flip(&d)
            },
            Place::Ztoc { .. },
            Fault::Digest { .. }
        ),
        document!(
            "zTOC cut",
            |p| {
                let d = p.ztoc(0, 0);
                p.cut(&d)
            },
            Place::Ztoc { .. },
            Fault::Size { .. }
        ),
        document!(
            "layer cut",
            |p| {
                let d = p.layer(0, 0);
                p.cut(&d)
            },
            Place::Layer(_),
            Fault::Size { .. }
        ),
    ])
    .await;
}

#[tokio::test]
async fn sizes_and_types_in_documents() {
    damage::each(&[
        document!(
            "manifest's size",
            |p| p.change_root(|l| l[0]["size"] = json!(1)),
            Place::Manifest(_),
            Fault::Size { .. }
        ),
        document!(
            "SOCI index's size",
            |p| p.change_root(|l| l[2]["size"] = json!(1)),
            Place::SociIndex(_),
            Fault::Size { .. }
        ),
        document!(
            "config's size",
            |p| p.change_image(0, |m| m["config"]["size"] = json!(1)),
            Place::Config(_),
            Fault::Size { .. }
        ),
        document!(
            "layer's size",
            |p| p.change_image(0, |m| m["layers"][1]["size"] = json!(1)),
            Place::Layer(_),
            Fault::Size { .. }
        ),
        document!(
            "zTOC's size",
            |p| p.change_soci_index(0, |i| i["layers"][0]["size"] = json!(1)),
            Place::Ztoc { .. },
            Fault::Size { .. }
        ),
        document!(
            "manifest is no document",
            |p| {
                let d = p.image(1);
                p.edit().replace(&d, b"{\"layers\":".to_vec());
            },
            Place::Manifest(_),
            Fault::Document { .. }
        ),
        document!(
            "SOCI index is no document",
            |p| {
                let d = p.soci_index(1);
                p.edit().replace(&d, b"{\"layers\":".to_vec());
            },
            Place::SociIndex(_),
            Fault::Document { .. }
        ),
        document!(
            "manifest's type in the list",
            |p| p.change_root(|l| l[0]["mediaType"] =
                json!("application/vnd.docker.distribution.manifest.v2+json")),
            Place::Manifest(_),
            Fault::MediaType { .. }
        ),
        document!(
            "SOCI index's type in the list",
            |p| p.change_root(|l| l[2]["mediaType"] = json!("application/json")),
            Place::SociIndex(_),
            Fault::MediaType { .. }
        ),
        document!(
            "SOCI index's type",
            |p| p.change_soci_index(0, |i| i["mediaType"] = json!("application/json")),
            Place::SociIndex(_),
            Fault::MediaType { .. }
        ),
        document!(
            "SOCI index of version 1",
            |p| p.change_soci_index(0, |i| i["config"]["mediaType"] =
                json!("application/vnd.amazon.soci.index.v1+json")),
            Place::SociIndex(_),
            Fault::MediaType { .. }
        ),
        document!(
            "SOCI index's artifact type",
            |p| p.change_root(
                |l| l[2]["artifactType"] = json!("application/vnd.amazon.soci.index.v1+json")
            ),
            Place::SociIndex(_),
            Fault::MediaType { .. }
        ),
        document!(
            "zTOC's type",
            |p| p.change_soci_index(0, |i| i["layers"][0]["mediaType"] =
                json!("application/json")),
            Place::Ztoc { .. },
            Fault::MediaType { .. }
        ),
    ])
    .await;
}

/// `{}` in base64, which nothing that is damaged here holds.
const EMPTY: &str = "e30=";

#[tokio::test]
async fn content_that_descriptors_carry() {
    damage::each(&[
        document!(
            "manifest's content in the list",
            |p| p.change_root(|l| l[0]["data"] = json!(EMPTY)),
            Place::Manifest(_),
            Fault::Carried { .. }
        ),
        document!(
            "SOCI index's content in the list",
            |p| p.change_root(|l| l[2]["data"] = json!("no base64")),
            Place::SociIndex(_),
            Fault::Carried { .. }
        ),
        document!(
            "config's content",
            |p| p.change_image(0, |m| m["config"]["data"] = json!(EMPTY)),
            Place::Config(_),
            Fault::Carried { .. }
        ),
        document!(
            "layer's content",
            |p| p.change_image(0, |m| m["layers"][1]["data"] = json!(EMPTY)),
            Place::Layer(_),
            Fault::Carried { .. }
        ),
        document!(
            "zTOC's content",
            |p| p.change_soci_index(0, |i| i["layers"][0]["data"] = json!(EMPTY)),
            Place::Ztoc { .. },
            Fault::Carried { .. }
        ),
    ])
    .await;
}

fn config(patient: &mut Patient) -> String {
    let image = patient.image(0);
    text(&patient.edit().document(&image)["config"]["digest"])
}

fn soci_config(patient: &mut Patient) -> String {
    let index = patient.soci_index(0);
    text(&patient.edit().document(&index)["config"]["digest"])
}
