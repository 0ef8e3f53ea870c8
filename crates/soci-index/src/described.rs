//! What a SOCI index says about layers: which have a zTOC, and which were left out because of their content.

use std::collections::BTreeMap;

use soci_ztoc::Reason;

use crate::convert::{LAYER_DIGEST, LEFT_OUT};
use crate::document::{Descriptor, ImageManifest};

/// For these a layer is left out because of its content.
const CONTENT_REASONS: [Reason; 6] = [
    Reason::UnsupportedCompression,
    Reason::MultiMemberGzip,
    Reason::UnsupportedTarEntry,
    Reason::UnreadableMetadata,
    Reason::NotATar,
    Reason::Empty,
];

/// Layers by their digests.
#[derive(Default)]
pub(crate) struct Described<'a> {
    ztocs: BTreeMap<&'a str, &'a Descriptor>,
    left_out: BTreeMap<&'a str, &'a str>,
}

impl<'a> Described<'a> {
    pub(crate) fn of(index: &'a ImageManifest) -> Described<'a> {
        let by_layer =
            |ztoc: &'a Descriptor| Some((ztoc.annotations.get(LAYER_DIGEST)?.as_str(), ztoc));
        let left_out = index.annotations.get(LEFT_OUT);
        Described {
            ztocs: index.layers.iter().filter_map(by_layer).collect(),
            left_out: left_out
                .map_or("", String::as_str)
                .split(',')
                .filter_map(|layer| layer.split_once('='))
                .collect(),
        }
    }

    /// The zTOC of a layer.
    pub(crate) fn ztoc(&self, layer: &str) -> Option<&'a Descriptor> {
        self.ztocs.get(layer).copied()
    }

    /// Why a layer was left out, as whoever made the index noted.
    pub(crate) fn left_out(&self, layer: &str) -> Option<&'a str> {
        self.left_out.get(layer).copied()
    }

    /// The same, where it is one of the reasons that there are.
    pub(crate) fn left_out_reason(&self, layer: &str) -> Option<&'static str> {
        let noted = self.left_out(layer)?;
        let mut reasons = CONTENT_REASONS.iter().map(|reason| reason.as_str());
        reasons.find(|reason| *reason == noted)
    }
}
