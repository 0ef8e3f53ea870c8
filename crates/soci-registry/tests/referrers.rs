//! Writing manifests that refer to another one: with the registry's API, and with a tag where there is none.

mod layout_support;
mod support;

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use soci_registry::{
    Descriptor, Digest, Error, Kind, LayoutStore, Listing, Manifest, OCI_INDEX, OCI_MANIFEST,
    Pushed, Store, Target,
};
use support::{Answer, Asked, Server};

const KIND: &str = "a/kind";

fn subject() -> Digest {
    layout_support::manifest("one").digest()
}

fn referrer() -> Manifest {
    let document = json!({
        "config": {"mediaType": KIND, "digest": Digest::of(b"{}"), "size": 2}, "layers": [],
        "subject": {"mediaType": OCI_MANIFEST, "digest": subject(), "size": 3}, "annotations": {"k": "v"},
    });
    Manifest::new(OCI_MANIFEST, document.to_string())
}

fn entry() -> Descriptor {
    let mut entry = referrer().descriptor();
    entry.artifact_type = Some(KIND.to_owned());
    entry.annotations = [("k".to_owned(), "v".to_owned())].into();
    entry
}

async fn push(store: &dyn Store) -> Result<Pushed, Error> {
    let (subject, entry) = (subject(), entry());
    let listing = Listing::Referrer {
        subject: &subject,
        entry: &entry,
    };
    store.push_manifest(&referrer(), listing).await
}

/// A registry without the API, which keeps what is written; the hook may change an index that is written under a tag.
async fn without_api(
    held: Option<String>,
    change: impl Fn(String) -> String + Send + Sync + 'static,
) -> (Server, Arc<Mutex<Option<String>>>) {
    let kept = Arc::new(Mutex::new(held));
    let (index, manifest) = (Arc::clone(&kept), Mutex::new(false));
    let server = Server::start(move |asked: &Asked| {
        let mut index = index.lock().expect("no panic");
        let mut manifest = manifest.lock().expect("no panic");
        let absent = Answer::new(404, "404 page not found");
        let is_tag = asked.path.contains("/manifests/sha256-");
        let document = if is_tag {
            index.clone()
        } else {
            manifest.then(|| String::from_utf8_lossy(referrer().bytes()).into_owned())
        };
        match (asked.method.as_str(), document) {
            _ if asked.path.contains("/referrers/") => absent,
            ("PUT", _) if is_tag => {
                let body = String::from_utf8_lossy(&asked.body).into_owned();
                *index = Some(change(body));
                Answer::new(201, "")
            }
            ("PUT", _) => {
                *manifest = true;
                Answer::new(201, "")
            }
            (_, None) => absent,
            (_, Some(document)) => {
                let kind = if is_tag { OCI_INDEX } else { OCI_MANIFEST };
                let digest = Digest::of(document.as_bytes()).to_string();
                let answer = Answer::new(200, document).with("content-type", kind);
                answer.with("docker-content-digest", digest)
            }
        }
    });
    (server.await, kept)
}

fn writes(server: &Server) -> usize {
    let asked = server.asked();
    asked.iter().filter(|asked| asked.method == "PUT").count()
}

fn kept(index: &Mutex<Option<String>>) -> Value {
    let index = index.lock().expect("no panic");
    serde_json::from_str(index.as_deref().expect("an index")).expect("JSON")
}

#[tokio::test]
async fn with_the_api_only_the_manifest_is_written() {
    let server = Server::start(|asked: &Asked| match asked.method.as_str() {
        "PUT" => Answer::new(201, ""),
        _ if asked.path.contains("/referrers/") => Answer::new(200, r#"{"manifests":[]}"#),
        _ => Answer::new(404, ""),
    });
    let server = server.await;
    assert_eq!(push(&server.store()).await.expect("stored"), Pushed::Stored);
    let written = server.asked();
    let written: Vec<_> = written
        .iter()
        .filter(|asked| asked.method == "PUT")
        .collect();
    let path = format!("/v2/app/manifests/{}", referrer().digest());
    assert_eq!(written.len(), 1);
    assert!(written[0].is("PUT", &path), "{}", written[0].path);
}

#[tokio::test]
async fn without_the_api_an_entry_is_added_once() {
    let (server, index) = without_api(None, |body| body).await;
    let store = server.store();
    assert_eq!(push(&store).await.expect("stored"), Pushed::Stored);
    assert_eq!(
        kept(&index),
        json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [{
            "mediaType": OCI_MANIFEST, "digest": referrer().digest(), "size": referrer().bytes().len(),
            "artifactType": KIND, "annotations": {"k": "v"},
        }]})
    );
    let before = writes(&server);
    assert_eq!(push(&store).await.expect("there"), Pushed::AlreadyThere);
    assert_eq!(writes(&server), before);
    let found = store.referrers(&subject(), Some(KIND)).await;
    assert_eq!(found.expect("a list"), [entry()]);
}

#[tokio::test]
async fn what_others_listed_stays() {
    let theirs = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX, "x": {"y": 1}, "annotations": {"a": "b"},
        "manifests": [{"mediaType": "m/t", "digest": "sha512:x", "size": 1, "odd": [1]}],
    });
    let (server, index) = without_api(Some(theirs.to_string()), |body| body).await;
    push(&server.store()).await.expect("stored");
    let mut found = kept(&index);
    let list = found["manifests"].as_array_mut().expect("a list");
    assert_eq!(list.len(), 2);
    list.pop();
    assert_eq!(found, theirs);
}

/// Another writer read before us and writes after us, so that our entry is lost, once or for ever.
#[tokio::test]
async fn an_entry_that_another_writer_overwrote_is_added_again() {
    for (lost, outcome) in [(1, true), (4, true), (u32::MAX, false)] {
        let times = Mutex::new(0);
        let (server, index) = without_api(None, move |body| {
            let mut times = times.lock().expect("no panic");
            *times += 1;
            if *times > lost {
                return body;
            }
            let digest = Digest::of(times.to_string().as_bytes());
            let other = json!({"manifests": [{"mediaType": "m/t", "digest": digest, "size": 1}]});
            other.to_string()
        })
        .await;
        match push(&server.store()).await {
            Ok(pushed) => {
                assert!(outcome, "{lost}");
                assert_eq!(pushed, Pushed::Stored);
                assert_eq!(kept(&index)["manifests"].as_array().map(Vec::len), Some(2));
            }
            Err(error) => {
                assert!(!outcome, "{lost}: {error}");
                assert_eq!(error.kind(), Kind::Transient);
            }
        }
    }
}

#[tokio::test]
async fn a_tag_that_holds_something_else_is_left_alone() {
    let (server, index) = without_api(Some(r#"{"layers":[]}"#.to_owned()), |body| body).await;
    let error = push(&server.store()).await.expect_err("no index");
    assert!(error.to_string().contains("index of referrers"), "{error}");
    assert_eq!(kept(&index), json!({"layers": []}));
}

#[tokio::test]
async fn a_layout_lists_a_referrer_without_a_tag() {
    let (folder, store, _) = layout_support::layout().await;
    assert_eq!(push(&store).await.expect("stored"), Pushed::Stored);
    assert_eq!(push(&store).await.expect("there"), Pushed::AlreadyThere);
    assert_eq!(store.tags().await.expect("a list").len(), 1);
    for kind in [None, Some(KIND)] {
        let found = store.referrers(&subject(), kind).await.expect("a list");
        assert_eq!(found, [entry()]);
    }
    for (subject, kind) in [(subject(), Some("a/b")), (Digest::of(b"other"), None)] {
        let found = store.referrers(&subject, kind).await.expect("a list");
        assert_eq!(found, []);
    }
    // A blob that is gone, or that is another's, is no referrer.
    let path = folder
        .path()
        .join("blobs/sha256")
        .join(referrer().digest().hex());
    for bytes in [Some(vec![b'x'; referrer().bytes().len()]), None] {
        match bytes {
            Some(bytes) => std::fs::write(&path, bytes).expect("written"),
            None => std::fs::remove_file(&path).expect("removed"),
        }
        let found = store.referrers(&subject(), None).await.expect("a list");
        assert_eq!(found, []);
    }
    let store = LayoutStore::open(folder.path()).expect("a layout");
    push(&store).await.expect("stored again");
    let target = Target::Digest(referrer().digest());
    assert_eq!(store.manifest(&target).await.expect("read"), referrer());
}

/// A registry that answers to the API what it is told, and may keep an index under the tag.
async fn answering(api: Answer, held: Option<String>) -> Server {
    let server = Server::start(move |asked: &Asked| match &held {
        _ if asked.path.contains("/referrers/") => api.clone(),
        Some(held) if asked.path.contains("/manifests/sha256-") => {
            Answer::new(200, held.clone()).with("content-type", OCI_INDEX)
        }
        _ => Answer::error(404, "MANIFEST_UNKNOWN"),
    });
    server.await
}

fn questions(server: &Server) -> usize {
    let asked = server.asked();
    let is_question = |asked: &&Asked| asked.path.contains("/referrers/");
    asked.iter().filter(is_question).count()
}

/// Defect A18 of AWS's builder: what a registry lacks is known by a whole sentence.
#[tokio::test]
async fn other_answers_than_404_mean_no_api_too() {
    // How often it is asked: a 401 once more, with a renewed credential.
    let answers = [
        (Answer::new(400, "no"), 1),
        (Answer::new(401, "no"), 2),
        (Answer::new(403, "no"), 1),
        (Answer::new(405, "no"), 1),
        (Answer::new(406, "no"), 1),
        (Answer::new(501, "no"), 1),
        (Answer::error(403, "DENIED"), 1),
        (Answer::error(400, "UNSUPPORTED"), 1),
        (Answer::error(400, "MANIFEST_INVALID"), 1),
        (Answer::new(200, "<html>sign in</html>"), 1),
    ];
    let entry = entry();
    let list = json!({"manifests": [{
        "mediaType": OCI_MANIFEST, "digest": entry.digest, "size": entry.size_bytes, "artifactType": KIND,
    }]});
    for (api, times) in answers {
        for held in [None, Some(list.to_string())] {
            let listed = usize::from(held.is_some());
            let server = answering(api.clone(), held).await;
            let found = server.store().referrers(&subject(), Some(KIND)).await;
            let found = found.unwrap_or_else(|error| panic!("{api:?}: {error}"));
            assert_eq!(found.len(), listed, "{api:?}");
            assert_eq!(questions(&server), times, "{api:?}");
        }
    }
}

#[tokio::test]
async fn a_refusal_behind_the_first_page_is_no_end_of_the_list() {
    for refusal in [403, 404] {
        let server = Server::start(move |asked: &Asked| match asked.path.contains("last=") {
            false if asked.path.contains("/referrers/") => {
                let next = format!("<{}&last=1>; rel=\"next\"", asked.path);
                Answer::new(200, r#"{"manifests":[]}"#).with("link", next)
            }
            _ => Answer::new(refusal, "no"),
        });
        let found = server.await.store().referrers(&subject(), Some(KIND)).await;
        found.expect_err("the list goes on");
    }
}

#[tokio::test]
async fn a_registry_in_trouble_is_not_one_without_the_api() {
    for api in [
        Answer::new(503, ""),
        Answer::new(429, ""),
        Answer::error(403, "TOOMANYREQUESTS"),
    ] {
        let server = answering(api, None).await;
        let found = server.store().referrers(&subject(), Some(KIND)).await;
        assert!(found.expect_err("in trouble").is_transient());
        assert!(questions(&server) > 1);
    }
}

#[tokio::test]
async fn who_may_read_nothing_is_told_so() {
    let server = Server::start(|_| Answer::error(403, "DENIED")).await;
    let found = server.store().referrers(&subject(), Some(KIND)).await;
    assert_eq!(found.expect_err("denied").kind(), Kind::Denied);
}

/// GitLab's registry takes `sha256-…` for the digest `sha256:…`.
#[tokio::test]
async fn a_tag_that_leads_to_the_subject_lists_nothing() {
    let own = json!({"config": {}, "layers": []}).to_string();
    let server = answering(Answer::new(404, ""), Some(own)).await;
    let found = server.store().referrers(&subject(), Some(KIND)).await;
    assert_eq!(found.expect("a list"), []);
}
