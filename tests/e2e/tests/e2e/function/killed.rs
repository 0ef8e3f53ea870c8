//! The function's process killed at every request that writes, and at random moments: the service invokes it again, and the work is
//! finished to the same bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use soci_e2e::aws::{Cloud, push_event};
use soci_e2e::emulator::{Emulator, Failure, kill};
use soci_e2e::{Proxy, Registry, Walked, images, prove, tagged, walk};
use soci_registry::{Store, Target};
use soci_testkit::content::Rng;
use tokio::sync::Notify;

use super::{pushed, registry, settings, told};
use crate::killed::WRITES;
use crate::seed::seed;

/// Kills at moments that follow from the seed.
const RANDOM_KILLS: u64 = 20;

/// The seed of the moments.
const SEED: &str = "SOCI_KILL_SEED";

/// Whatever is tagged is whole; the output is right.
async fn whole(store: &dyn Store, expected: &mut Option<Walked>, when: &str) {
    for tag in store.tags().await.unwrap() {
        walk(store, &Target::Tag(tag)).await.unwrap();
    }
    if let Ok(found) = walk(store, &tagged("1-soci")).await {
        assert_eq!(prove(&found).unwrap(), 4, "{when}");
        let expected = expected.get_or_insert_with(|| found.clone());
        assert!(found == *expected, "{when}: the same bytes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_write_the_next_invocation_finishes_the_work() {
    let (registry, cloud) = (registry(), Cloud::start());
    let reached = Arc::new(Notify::new());
    let (at, writes) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let proxy = {
        let (reached, at, writes) = (Arc::clone(&reached), Arc::clone(&at), Arc::clone(&writes));
        Proxy::start(registry.host(), move |asked| {
            let (reached, at, writes) =
                (Arc::clone(&reached), Arc::clone(&at), Arc::clone(&writes));
            Box::pin(async move {
                let reads = ["GET", "HEAD"].contains(&asked.method.as_str());
                if !reads && writes.fetch_add(1, Ordering::SeqCst) == at.load(Ordering::SeqCst) {
                    reached.notify_one();
                    std::future::pending::<()>().await;
                }
                None
            })
        })
        .await
    };
    let emulator = Emulator::start(&cloud, 60, &settings(proxy.host(), &[])).await;
    let mut expected = None;
    // The first round is not killed, there is no such request: it says what the others have to come to.
    for request in (0..=WRITES).rev() {
        let repository = format!("killed/{request}");
        let image = pushed(&registry, &repository, "1").await;
        let store = registry.store(&repository);
        at.store(request, Ordering::SeqCst);
        writes.store(0, Ordering::SeqCst);
        let event = push_event(&repository, "1", image.root.digest()).to_string();
        let invocation = emulator.invoke(event.as_bytes());
        tokio::pin!(invocation);
        let ended = tokio::select! {
            ended = &mut invocation => ended,
            () = reached.notified() => {
                kill(emulator.runtime().unwrap());
                invocation.await
            }
        };
        match ended {
            Ok(answer) => assert_eq!((request, told(&answer)), (WRITES, ("indexed", ""))),
            Err(failure) => assert_eq!((failure, request < WRITES), (Failure::Ended, true)),
        }
        whole(
            &*store,
            &mut expected,
            &format!("killed at request {request}"),
        )
        .await;
        let answer = emulator.invoke(event.as_bytes()).await.unwrap();
        let outcome = ["indexed", "already-indexed"][usize::from(request == WRITES)];
        assert_eq!(told(&answer), (outcome, ""), "{request}");
        whole(&*store, &mut expected, &format!("after {request}")).await;
        assert_eq!(store.tags().await.unwrap().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_the_next_invocation_finishes_the_work() {
    let (registry, cloud) = (registry(), Cloud::start());
    let emulator = Emulator::start(&cloud, 60, &settings(registry.host(), &[])).await;
    let mut expected = None;
    // The first of all starts the process, too.
    invoke_until_done(&emulator, &registry, "first", None, &mut expected).await;
    let begun = Instant::now();
    invoke_until_done(&emulator, &registry, "undisturbed", None, &mut expected).await;
    let usual = begun.elapsed();
    let seed = seed(SEED);
    println!("{RANDOM_KILLS} kills from {SEED}={seed}");
    let mut rng = Rng::new(seed);
    let mut killed = 0;
    for number in 0..RANDOM_KILLS {
        let after = usual.mul_f64(rng.below(1000) as f64 / 1000.0);
        let repository = format!("killed/{number}");
        killed += invoke_until_done(
            &emulator,
            &registry,
            &repository,
            Some(after),
            &mut expected,
        )
        .await;
    }
    println!(
        "{killed} of {RANDOM_KILLS} found it at work, which takes {} ms",
        usual.as_millis()
    );
    assert!(killed > 0, "none came in time");
}

/// Pushes an image, and delivers its event until the function answers; the first time it is killed after so long. How often it was.
async fn invoke_until_done(
    emulator: &Emulator,
    registry: &Registry,
    repository: &str,
    kill_after: Option<Duration>,
    expected: &mut Option<Walked>,
) -> usize {
    let image = images::two_platforms(1, "1");
    let store = registry.store(repository);
    images::push(&*store, &image).await.unwrap();
    let event = push_event(repository, "1", image.root.digest()).to_string();
    let mut killed = 0;
    if let Some(after) = kill_after {
        let invocation = emulator.invoke(event.as_bytes());
        tokio::pin!(invocation);
        let ended = tokio::select! {
            ended = &mut invocation => ended,
            () = tokio::time::sleep(after) => {
                if let Some(runtime) = emulator.runtime() {
                    kill(runtime);
                }
                invocation.await
            }
        };
        if let Err(failure) = ended {
            assert_eq!(failure, Failure::Ended);
            killed = 1;
        }
        whole(&*store, expected, repository).await;
    }
    let answer = emulator.invoke(event.as_bytes()).await.unwrap();
    assert!(
        ["indexed", "already-indexed"].contains(&told(&answer).0),
        "{answer}"
    );
    whole(&*store, expected, repository).await;
    assert_eq!(store.tags().await.unwrap().len(), 2);
    killed
}
