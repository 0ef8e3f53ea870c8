//! A burst of events, delivered as EventBridge and Lambda deliver them: each at least once, in any order, again after an error, to several
//! environments at once, while tags move. What the registry holds afterwards is compared with a model.
//!
//! Also defects A6, A10, A11 and A20 of AWS's builder: throttled in bursts, woken by its own writes, tags left on older images, children
//! without a tag.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use soci_e2e::aws::{Cloud, push_event};
use soci_e2e::emulator::{Emulator, Failure};
use soci_e2e::{Proxy, Registry, images, index, options, tag, tagged};
use soci_index::{IndexOptions, Outcome};
use soci_registry::{Digest, Listing, Manifest};
use soci_testkit::content::Rng;
use soci_testkit::image::{Image, Layer};
use soci_ztoc::SpanSize;

use super::{registry, settings, told};
use crate::seed::seed;

/// The seed of order, duplicates and moves.
const SEED: &str = "SOCI_BURST_SEED";

const ENVIRONMENTS: usize = 4;

/// Events of the burst, those of moving tags included.
const EVENTS: usize = 200;

/// Tries of an asynchronous invocation, as Lambda has them by default; after them an event goes to the queue of failures.
const TRIES: u32 = 3;

/// How often each of the moving tags moves.
const MOVES: usize = 8;

/// `*-dev` is excluded and `other` matches nothing.
const FILTERS: &str = "app:*,team/*:*,!*:*-dev";
const REPOSITORIES: [&str; 4] = ["app", "team/api", "team/worker", "other"];
const TAGS: [&str; 6] = ["1", "2", "3-soci", "4", "5-dev", "moving"];

/// What a tag holds: one of the images.
type Model = BTreeMap<(&'static str, &'static str), usize>;

/// Events that wait, and how often each was tried.
type Queue = Mutex<VecDeque<(Value, u32)>>;

fn is_wanted(repository: &str, tag: &str) -> bool {
    repository != "other" && !tag.ends_with("-dev")
}

/// The images, and what each becomes.
struct Images {
    images: Vec<Image>,
    indexed: Vec<Digest>,
}

impl Images {
    async fn new(registry: &Registry) -> Images {
        let mut images: Vec<Image> = (0..4)
            .map(|seed| images::two_platforms(seed * 10, "1"))
            .collect();
        // Has nothing to be indexed, so the output tag holds the same.
        images.push(images::one_layer(Layer::small(1), "1"));
        let mut indexed = Vec::new();
        let options = IndexOptions {
            span_size: SpanSize::from_bytes(65536).unwrap(),
            ..options()
        };
        for (number, image) in images.iter().enumerate() {
            let store = registry.store(&format!("model/{number}"));
            images::push(&*store, image).await.unwrap();
            let report = index(&store, "1", &options).await;
            let expected = [Outcome::Indexed, Outcome::Skipped][usize::from(number == 4)];
            assert_eq!(report.outcome, expected, "{report:?}");
            indexed.push(store.resolve(&tagged("1-soci")).await.unwrap().digest);
        }
        Images { images, indexed }
    }

    fn digest(&self, number: usize) -> &str {
        self.images[number].root.digest()
    }

    /// Sets a tag on an image that is in the repository.
    async fn set(&self, registry: &Registry, (repository, name): (&str, &str), number: usize) {
        let image = &self.images[number];
        let root = Manifest::new(
            image.root.media_type(),
            image.blobs[image.root.digest()].clone(),
        );
        let listing = tag(name);
        let store = registry.store(repository);
        store
            .push_manifest(&root, Listing::Tag(&listing))
            .await
            .unwrap();
    }
}

/// Pushes every image to every repository and sets the tags; the events of that, and what there is now.
async fn prepare(registry: &Registry, images: &Images, rng: &mut Rng) -> (Vec<Value>, Model) {
    let (mut events, mut model) = (Vec::new(), Model::new());
    for repository in REPOSITORIES {
        for image in &images.images {
            let mut image = image.clone();
            image.tag = "1".to_owned();
            images::push(&*registry.store(repository), &image)
                .await
                .unwrap();
        }
        for name in TAGS {
            let number = rng.below(images.images.len() as u64) as usize;
            images.set(registry, (repository, name), number).await;
            model.insert((repository, name), number);
            events.push(push_event(repository, name, images.digest(number)));
        }
        // Children and whatever else has no tag.
        events.push(push_event(repository, "", images.digest(0)));
    }
    (events, model)
}

/// Moves tags while events are worked off, each move followed by its event.
async fn move_tags(
    registry: &Registry,
    images: &Images,
    queue: &Queue,
    model: &mut Model,
    seed: u64,
) {
    let mut rng = Rng::new(seed);
    for _ in 0..MOVES {
        for repository in ["app", "team/api"] {
            let number = rng.below(images.images.len() as u64) as usize;
            images.set(registry, (repository, "moving"), number).await;
            model.insert((repository, "moving"), number);
            let event = push_event(repository, "moving", images.digest(number));
            let mut queue = queue.lock().unwrap();
            let place = rng.below(queue.len() as u64 + 1) as usize;
            queue.insert(place, (event, 0));
        }
        tokio::time::sleep(Duration::from_millis(20 + rng.below(300))).await;
    }
}

/// Works events off until there are none, and no more come.
async fn work(
    emulator: &Emulator,
    queue: &Queue,
    more_come: impl Fn() -> bool,
    lost: &Mutex<Vec<String>>,
) -> usize {
    let mut worked_off = 0;
    loop {
        let next = queue.lock().unwrap().pop_front();
        let Some((event, tries)) = next else {
            if !more_come() {
                return worked_off;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        worked_off += 1;
        match emulator.invoke(event.to_string().as_bytes()).await {
            Ok(answer) => {
                let (outcome, why) = told(&answer);
                let is_known = match outcome {
                    "indexed" | "already-indexed" => true,
                    "skipped" => [
                        "not-matched",
                        "untagged",
                        "own-output",
                        "no-eligible-layers",
                    ]
                    .contains(&why),
                    _ => false,
                };
                assert!(is_known, "{event}: {answer}");
            }
            Err(failure @ (Failure::Reported { .. } | Failure::Silent(_))) if tries + 1 < TRIES => {
                println!("again: {failure:?}");
                queue.lock().unwrap().push_back((event, tries + 1));
            }
            Err(failure) => lost.lock().unwrap().push(format!("{event}: {failure:?}")),
        }
    }
}

fn shuffle(events: &mut [Value], rng: &mut Rng) {
    for place in (1..events.len()).rev() {
        events.swap(place, rng.below(place as u64 + 1) as usize);
    }
}

/// Manifests that were written through the proxy since the last time, as events of a push.
fn own_pushes(proxy: &Proxy) -> Vec<Value> {
    let passed = proxy.take().into_iter();
    let writes = passed.filter(|passed| passed.asked.method == "PUT");
    let manifests = writes.filter_map(|passed| {
        let path = passed.asked.path.strip_prefix("/v2/")?;
        let (repository, reference) = path.split_once("/manifests/")?;
        let is_digest = reference.contains(':');
        Some(match is_digest {
            true => push_event(repository, "", reference),
            false => push_event(repository, reference, ""),
        })
    });
    manifests.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_registry_ends_as_the_model_says() {
    let (registry, cloud) = (registry(), Cloud::start());
    let seed = seed(SEED);
    println!("{EVENTS} events from {SEED}={seed}");
    let mut rng = Rng::new(seed);
    let images = Images::new(&registry).await;
    let (mut events, mut model) = prepare(&registry, &images, &mut rng).await;
    while events.len() < EVENTS - 2 * MOVES {
        let again = rng.below(events.len() as u64) as usize;
        events.push(events[again].clone());
    }
    shuffle(&mut events, &mut rng);
    let queue: Queue = Mutex::new(events.into_iter().map(|event| (event, 0)).collect());

    let proxy = Proxy::counting(registry.host()).await;
    let mut environments = Vec::new();
    for _ in 0..ENVIRONMENTS {
        let more = [("SOCI_FILTERS", FILTERS)];
        environments.push(Emulator::start(&cloud, 60, &settings(proxy.host(), &more)).await);
    }
    let lost = Mutex::new(Vec::new());
    let moving = Arc::new(());
    let worked_off: usize = {
        let is_moving = Arc::downgrade(&moving);
        let more_come = || is_moving.strong_count() > 0;
        let moves = async {
            move_tags(&registry, &images, &queue, &mut model, seed).await;
            drop(moving);
        };
        let [a, b, c, d] = &environments[..] else {
            panic!("there are {ENVIRONMENTS} of them")
        };
        let work = |emulator| work(emulator, &queue, more_come, &lost);
        let (a, b, c, d, ()) = tokio::join!(work(a), work(b), work(c), work(d), moves);
        a + b + c + d
    };
    assert!(worked_off >= EVENTS, "{worked_off}");
    assert_eq!(*lost.lock().unwrap(), [""; 0]);
    holds(&registry, &images, &model).await;

    // Its own writes are pushes too: their events end, and write nothing.
    let mut own = own_pushes(&proxy);
    assert!(own.len() > TAGS.len());
    shuffle(&mut own, &mut rng);
    println!(
        "{worked_off} events worked off, {} pushes of its own",
        own.len()
    );
    let queue: Queue = Mutex::new(own.into_iter().map(|event| (event, 0)).collect());
    work(&environments[0], &queue, || false, &lost).await;
    assert_eq!(
        own_pushes(&proxy),
        [Value::Null; 0],
        "nothing more is written"
    );
    assert_eq!(*lost.lock().unwrap(), [""; 0]);
    holds(&registry, &images, &model).await;
}

/// Every tag holds what the model says, and there are no others.
async fn holds(registry: &Registry, images: &Images, model: &Model) {
    for repository in REPOSITORIES {
        let store = registry.store(repository);
        let mut expected = BTreeMap::new();
        for ((_, name), number) in model.iter().filter(|((of, _), _)| *of == repository) {
            expected.insert((*name).to_owned(), images.digest(*number).to_owned());
            if is_wanted(repository, name) {
                expected.insert(format!("{name}-soci"), images.indexed[*number].to_string());
            }
        }
        let mut found = BTreeMap::new();
        for name in store.tags().await.unwrap() {
            let digest = store
                .resolve(&soci_registry::Target::Tag(name.clone()))
                .await
                .unwrap()
                .digest;
            found.insert(name.to_string(), digest.to_string());
        }
        let names = |tags: &BTreeMap<String, String>| tags.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(names(&found), names(&expected), "{repository}");
        assert_eq!(found, expected, "{repository}");
    }
}
