//! Config, manifest and image index, as builders of images write them.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};
use soci_registry::{Descriptor, Digest, Manifest, OCI_INDEX, OCI_MANIFEST};

use super::Layer;
use super::plan::PlatformPlan;

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// The documents of one platform.
pub(super) struct Platform {
    pub(super) config: Descriptor,
    pub(super) config_bytes: Bytes,
    pub(super) manifest: Manifest,
    architecture: &'static str,
}

/// Of the layers that there are, by their places in the plan.
pub(super) fn platform(plan: &PlatformPlan, layers: &BTreeMap<usize, Layer>) -> Platform {
    let layers = || plan.layers.iter().filter_map(|place| layers.get(place));
    let diff_ids: Vec<_> = layers().map(|layer| layer.diff_id.to_string()).collect();
    let config = json!({
        "architecture": plan.architecture,
        "os": "linux",
        "config": {"Env": ["PATH=/usr/bin"], "Cmd": ["/usr/bin/env"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let config_bytes = Bytes::from(config.to_string());
    let digest = Digest::of(&config_bytes);
    let config = Descriptor::new(CONFIG, digest, config_bytes.len() as u64);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(&config),
        "layers": layers().map(|layer| described(&layer.blob)).collect::<Vec<_>>(),
    });
    Platform {
        config,
        config_bytes,
        manifest: Manifest::new(OCI_MANIFEST, manifest.to_string()),
        architecture: plan.architecture,
    }
}

pub(super) fn index(platforms: &[Platform]) -> Manifest {
    let entry = |platform: &Platform| {
        let mut entry = described(&platform.manifest.descriptor());
        entry["platform"] = json!({"architecture": platform.architecture, "os": "linux"});
        entry
    };
    let index = json!({
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": platforms.iter().map(entry).collect::<Vec<_>>(),
    });
    Manifest::new(OCI_INDEX, index.to_string())
}

fn described(descriptor: &Descriptor) -> Value {
    json!({
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest.to_string(),
        "size": descriptor.size_bytes,
    })
}
