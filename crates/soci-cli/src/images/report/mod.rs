//! `soci-index inspect --html`: an image as one page that needs no network, and no script for more than to search and
//! sort the files, and to mark where one lies.
//!
//! [`look`] reads the zTOCs one after the other and keeps of each what the page shows; [`page`] writes that down. Everything that the page
//! repeats comes from elsewhere, so it goes through `html::text` or, as data for the script, through `html::data`; and the page itself
//! forbids every script and style but its own.

mod bars;
mod content;
mod files;
mod html;
mod layers;
mod page;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use soci_index::{InspectedLayer, Inspection, LazyError, LazyLayer};
use soci_registry::{Kind, Store};

use content::Content;
use files::Files;
pub(super) use page::page;

/// Layers that the page lists, over all platforms. An image has some dozens; file systems stack at most 500.
const MOST_LAYERS: usize = 4_096;

/// What the page shows.
pub(super) struct Picture {
    inspection: Inspection,
    /// Layers that are not listed, because there are more than [`MOST_LAYERS`].
    unlisted_layers: usize,
    /// What the zTOCs tell, or why one tells nothing.
    contents: Vec<Result<Content, String>>,
    /// Where in `contents` a layer's is. Platforms may share layers.
    places: BTreeMap<Key, usize>,
    files: Files,
}

/// A layer's digest and its zTOC's.
type Key = (String, String);

/// How a layer comes to whoever starts the image.
enum State<'a> {
    /// In spans. What is known of it stands at this place in `contents`, by which the page's script finds its bar.
    Indexed(usize, &'a Content),
    /// As a whole, because its zTOC is wrong in this way.
    Unusable(&'a str),
    /// As a whole: it has no zTOC.
    Whole,
}

impl Picture {
    fn state(&self, layer: &InspectedLayer) -> State<'_> {
        let place = key(layer).and_then(|key| self.places.get(&key).copied());
        match place.map(|place| (place, &self.contents[place])) {
            Some((place, Ok(content))) => State::Indexed(place, content),
            Some((_, Err(problem))) => State::Unusable(problem),
            None => State::Whole,
        }
    }
}

/// Reads the zTOCs of an image. One that is missing or wrong is shown as that.
///
/// # Errors
/// When a zTOC cannot be read for a reason that says nothing about it.
pub(super) async fn look(
    store: &Arc<dyn Store>,
    mut inspection: Inspection,
) -> Result<Picture, LazyError> {
    let unlisted_layers = cut(&mut inspection);
    let (places, distinct) = distinct(&inspection);
    let mut contents = Vec::with_capacity(distinct.len());
    let mut files = Files::default();
    for Distinct { name, layer } in &distinct {
        files.begin_layer(name);
        contents.push(match LazyLayer::open(store, layer).await {
            Ok(Some(lazy)) => {
                files.add(lazy.ztoc());
                Ok(Content::of(lazy.ztoc(), distinct.len()))
            }
            Ok(None) => Err("it has none".to_owned()),
            Err(error) if is_of_ztoc(&error) => Err(error.to_string()),
            Err(error) => return Err(error),
        });
    }
    Ok(Picture {
        inspection,
        unlisted_layers,
        contents,
        places,
        files,
    })
}

/// Leaves out layers beyond the limit, and counts them.
fn cut(inspection: &mut Inspection) -> usize {
    let mut room = MOST_LAYERS;
    let mut left_out = 0;
    for platform in &mut inspection.platforms {
        let kept = platform.layers.len().min(room);
        left_out += platform.layers.len() - kept;
        platform.layers.truncate(kept);
        room -= kept;
    }
    left_out
}

/// A layer that has a zTOC, under the name by which it is found in the page: the first platform that has it, and its number there.
struct Distinct {
    name: String,
    layer: InspectedLayer,
}

/// The layers that have a zTOC, each once, and where in that list each is.
fn distinct(inspection: &Inspection) -> (BTreeMap<Key, usize>, Vec<Distinct>) {
    let mut places = BTreeMap::new();
    let mut layers = Vec::new();
    for platform in &inspection.platforms {
        for (number, layer) in (1..).zip(&platform.layers) {
            let Some(key) = key(layer) else { continue };
            if let Entry::Vacant(place) = places.entry(key) {
                place.insert(layers.len());
                layers.push(Distinct {
                    name: format!("{} #{number}", html::beginning(&platform.platform)),
                    layer: layer.clone(),
                });
            }
        }
    }
    (places, layers)
}

fn key(layer: &InspectedLayer) -> Option<Key> {
    let ztoc = layer.ztoc.as_ref()?;
    Some((layer.digest.clone(), ztoc.digest.clone()))
}

/// Whether it says something about the zTOC. Another time, other failures may not be.
fn is_of_ztoc(error: &LazyError) -> bool {
    match error {
        LazyError::Store(error) => matches!(
            error.kind(),
            Kind::NotFound | Kind::DigestMismatch | Kind::InvalidImage
        ),
        LazyError::Worker => false,
        _ => true,
    }
}
