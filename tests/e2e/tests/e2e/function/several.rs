//! Several images in one request, several platforms in one setting: none of them is lost for the others.

use super::*;

/// One image takes most of the time. The next one would have been done in an invocation of its own, so it is not too large: it is indexed, or
/// the service is told to try again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_comes_late_in_a_list_is_not_too_large() {
    let (registry, cloud) = (registry(), Cloud::start());
    pushed(&registry, "slow", "1").await;
    let archive = tar::Archive::new()
        .file("noise", &content::random(1, 24 << 20))
        .finish();
    let image = images::one_layer(Layer::new(media::GZIP, gzip::compress(&archive, 1)), "1");
    images::push(&*registry.store("late"), &image)
        .await
        .unwrap();
    let slow = Proxy::start(registry.host(), |asked| {
        Box::pin(async move {
            if asked.path.starts_with("/v2/slow/manifests/1-soci") && asked.method == "PUT" {
                tokio::time::sleep(Duration::from_secs(6)).await;
            }
            None
        })
    })
    .await;
    // A fourteenth of a core: 8 seconds are enough for some 50 MB, the 2 that are left for some 12.
    let more = [("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")];
    let mut function = Function::start(&cloud, &settings(slow.host(), &more));
    let payload = json!({"images": ["slow:1", "late:1"]});
    match function.invoke(&payload, Duration::from_secs(10)).await {
        Ok(answer) => {
            let results = answer["results"].as_array().unwrap();
            assert!(
                results.iter().all(|one| one["outcome"] == "indexed"),
                "{answer}"
            );
        }
        Err(error) => assert_eq!(kind(&error), "deadline", "{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_is_indexed_for_those_of_the_platforms_that_it_has() {
    let (registry, cloud) = (registry(), Cloud::start());
    let image = pushed(&registry, "app", "1").await;
    let more = [("SOCI_PLATFORMS", "linux/s390x,linux/arm64")];
    let mut function = Function::start(&cloud, &settings(registry.host(), &more));
    let event = push_event("app", "1", image.root.digest());
    let answer = function.invoke(&event, MINUTE).await.unwrap();
    assert_eq!(told(&answer), ("indexed", ""), "{answer}");
    let platforms = answer["results"][0]["platforms"].as_array().unwrap();
    assert_eq!(platforms.len(), 1, "{answer}");
    assert_eq!(platforms[0]["platform"], "linux/arm64/v8");
}
