//! A zTOC by itself: what can be told without its layer.

use soci_registry::Store;
use soci_ztoc::{DecodeError, Limits, Ztoc};

use super::blobs;
use super::fault::{Fault, Finding};
use super::prove::place;
use super::soci_index::Pair;
use crate::convert::SPAN_SIZE;
use crate::error::IndexError;

/// On a zTOC's descriptor, with the value `true`: consumers need not ask for extended attributes.
const NO_EXTENDED_ATTRIBUTES: &str = "com.amazon.soci.disable-xattrs";

/// Reads a zTOC; with findings, as far as it can be read.
pub(super) async fn read(
    store: &dyn Store,
    pair: &Pair,
    limits: &Limits,
) -> Result<(Option<Ztoc>, Vec<Finding>), IndexError> {
    let place = place(pair);
    let only = |finding| Ok((None, vec![finding]));
    let bytes = match blobs::read(store, place, &pair.ztoc, limits.memory_bytes as u64).await? {
        Ok(bytes) => bytes,
        Err(finding) => return only(finding),
    };
    let limits = limits.clone();
    let decoded =
        tokio::task::spawn_blocking(move || Ztoc::decode_unchecked(&bytes, &limits)).await;
    let ztoc = match decoded.map_err(|_| IndexError::Worker)? {
        Ok(ztoc) => ztoc,
        Err(DecodeError::Structure(error)) => {
            return only(Finding::new(place, Fault::Structure(error)));
        }
        Err(error) => return only(Finding::new(place, Fault::Undecodable(error))),
    };
    let faults = faults(pair, &ztoc);
    let findings = faults.into_iter().map(|fault| Finding::new(place, fault));
    Ok((Some(ztoc), findings.collect()))
}

fn faults(pair: &Pair, ztoc: &Ztoc) -> Vec<Fault> {
    let mut faults = Vec::new();
    let (expected, found) = (pair.layer.size_bytes, ztoc.compressed_bytes);
    if expected != found {
        faults.push(Fault::LayerSize { expected, found });
    }
    if let Err(error) = ztoc.check_structure() {
        faults.push(Fault::Structure(error));
    } else if let Err(error) = ztoc.check_served() {
        faults.push(Fault::Unserved(error));
    }
    let annotations = &pair.ztoc.annotations;
    let expected = ztoc.spans.span_bytes();
    if let Some(found) = annotations.get(SPAN_SIZE)
        && *found != expected.to_string()
    {
        let found = found.clone();
        faults.push(Fault::SpanSize { expected, found });
    }
    let is_off = annotations.get(NO_EXTENDED_ATTRIBUTES).map(String::as_str) == Some("true");
    if is_off && ztoc.needs_extended_attributes() {
        faults.push(Fault::ExtendedAttributes);
    }
    faults
}
