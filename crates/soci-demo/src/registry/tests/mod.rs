//! The registry against our own client, requests byte by byte, and skopeo. Others' clients decide what is right.

mod skopeo;

use bytes::Bytes;
use soci_registry::{
    Anonymous, Descriptor, Http, HttpOptions, Listing, Manifest, OCI_INDEX, OCI_MANIFEST, Pushed,
    RegistryOptions, RegistryStore, Store, Tag, Target,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

struct Running {
    registry: EmbeddedRegistry,
    pushes: mpsc::Receiver<Push>,
    folder: TempDir,
}

async fn running() -> Running {
    let folder = tempfile::tempdir().expect("a folder");
    let (registry, pushes) = EmbeddedRegistry::start(folder.path(), 0)
        .await
        .expect("a port");
    Running {
        registry,
        pushes,
        folder,
    }
}

impl Running {
    /// As the function reaches it: TLS first, as with any registry.
    fn store(&self, repository: &str) -> RegistryStore {
        let http = Http::new(HttpOptions::default()).expect("a client");
        let name = format!("{}/{repository}", self.registry.host());
        let name = name.parse().expect("a name");
        RegistryStore::new(&http, name, Arc::new(Anonymous), RegistryOptions::default())
    }

    /// Sends a request as it is; status, head and body of the answer.
    async fn ask(&self, first: &str, headers: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
        let host = self.registry.host();
        let mut stream = TcpStream::connect(&host).await.expect("it listens");
        let length = body.len();
        let head = format!(
            "{first} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(body).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("answered");
        let end = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .expect("a head");
        let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        (status.expect("a status"), head, answer[end + 4..].to_vec())
    }

    fn files(&self, of: &str) -> usize {
        std::fs::read_dir(self.folder.path().join(of))
            .expect("its folder")
            .count()
    }
}

fn blob(content: &'static [u8]) -> (Descriptor, Bytes) {
    let bytes = Bytes::from_static(content);
    (
        Descriptor::new(
            "application/octet-stream",
            Digest::of(content),
            content.len() as u64,
        ),
        bytes,
    )
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn our_client_pushes_and_pulls() {
    let mut running = running().await;
    let store = running.store("team/app");
    let (config, content) = blob(b"{}");
    assert!(!store.has_blob(&config.digest).await.expect("asked"));
    assert_eq!(
        store.push_blob(&config, &content).await.expect("pushed"),
        Pushed::Stored
    );
    assert_eq!(
        store.push_blob(&config, &content).await.expect("pushed"),
        Pushed::AlreadyThere
    );
    let (layer, content) = blob(b"0123456789");
    store.push_blob(&layer, &content).await.expect("pushed");
    let part = store.blob_part(&layer, 3..7).await.expect("there");
    assert_eq!(part.read_whole(10).await.expect("right"), "3456");
    let whole = store.blob(&layer).await.expect("there");
    assert_eq!(whole.read_whole(10).await.expect("right"), "0123456789");

    let text = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"x/config","digest":"{}","size":2}},"layers":[{{"digest":"{}","size":10}}]}}"#,
        config.digest, layer.digest
    );
    let manifest = Manifest::new(OCI_MANIFEST, text);
    store
        .push_manifest(&manifest, Listing::Digest)
        .await
        .expect("pushed");
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"digest":"{}","size":1}}]}}"#,
        manifest.digest()
    );
    let index = Manifest::new(OCI_INDEX, index);
    let tag = Tag::new("1").expect("a tag");
    store
        .push_manifest(&index, Listing::Tag(&tag))
        .await
        .expect("pushed");
    assert_eq!(
        store
            .manifest(&Target::Tag(tag.clone()))
            .await
            .expect("there"),
        index
    );
    assert_eq!(
        store
            .resolve(&Target::Tag(tag.clone()))
            .await
            .expect("there")
            .digest,
        index.digest()
    );
    assert_eq!(store.tags().await.expect("listed"), [tag]);
    let missing = store
        .manifest(&Target::Tag(Tag::new("2").expect("a tag")))
        .await;
    assert!(missing.expect_err("not there").is_not_found());

    let first = running.pushes.recv().await.expect("a push");
    assert_eq!((first.tag, first.digest), (None, manifest.digest()));
    assert_eq!(first.artifact_type.as_deref(), Some("x/config"));
    let second = running.pushes.recv().await.expect("a push");
    assert_eq!(
        (second.tag.as_deref(), second.digest),
        (Some("1"), index.digest())
    );
    assert_eq!(
        (second.repository.as_str(), second.media_type.as_str()),
        ("team/app", OCI_INDEX)
    );
}

#[tokio::test]
async fn referrers_are_listed_by_their_subject() {
    let running = running().await;
    let store = running.store("app");
    let (config, content) = blob(b"{}");
    store.push_blob(&config, &content).await.expect("pushed");
    let subject = Manifest::new(
        OCI_MANIFEST,
        format!(
            r#"{{"config":{{"digest":"{}","size":2}},"layers":[]}}"#,
            config.digest
        ),
    );
    store
        .push_manifest(&subject, Listing::Digest)
        .await
        .expect("pushed");
    let referrer = format!(
        r#"{{"config":{{"mediaType":"x/one","digest":"{}","size":2}},"layers":[],"subject":{{"digest":"{}","size":1}},"annotations":{{"a":"b"}}}}"#,
        config.digest,
        subject.digest()
    );
    let referrer = Manifest::new(OCI_MANIFEST, referrer);
    let entry = referrer.descriptor();
    let listing = Listing::Referrer {
        subject: &subject.digest(),
        entry: &entry,
    };
    store
        .push_manifest(&referrer, listing)
        .await
        .expect("pushed");
    let found = store
        .referrers(&subject.digest(), Some("x/one"))
        .await
        .expect("listed");
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].digest, found[0].artifact_type.as_deref()),
        (referrer.digest(), Some("x/one"))
    );
    assert_eq!(found[0].annotations["a"], "b");
    assert_eq!(
        store
            .referrers(&subject.digest(), Some("x/two"))
            .await
            .expect("listed"),
        []
    );
    assert_eq!(store.tags().await.expect("listed"), []);
}

#[tokio::test]
async fn blobs_come_in_one_request_or_in_pieces() {
    let running = running().await;
    let digest = Digest::of(b"whole").to_string().replace(':', "%3A");
    let (status, head, _) = running
        .ask(
            &format!("POST /v2/a/blobs/uploads/?digest={digest}"),
            "",
            b"whole",
        )
        .await;
    assert_eq!(status, 201, "{head}");
    let (status, _, body) = running
        .ask(&format!("GET /v2/a/blobs/{digest}"), "", b"")
        .await;
    assert_eq!((status, body.as_slice()), (200, &b"whole"[..]));
    let (status, head, body) = running
        .ask(&format!("HEAD /v2/a/blobs/{digest}"), "", b"")
        .await;
    assert_eq!(
        (status, header(&head, "content-length"), body.len()),
        (200, Some("5"), 0)
    );

    let (status, head, _) = running.ask("POST /v2/a/blobs/uploads/", "", b"").await;
    assert_eq!(status, 202);
    let place = header(&head, "location").expect("a place").to_owned();
    let (status, head, _) = running
        .ask(
            &format!("PATCH {place}"),
            "Content-Range: 0-4\r\n",
            b"first",
        )
        .await;
    assert_eq!(
        (status, header(&head, "range")),
        (202, Some("0-4")),
        "{head}"
    );
    let (status, _, _) = running
        .ask(&format!("PATCH {place}"), "Content-Range: 9-11\r\n", b"gap")
        .await;
    assert_eq!(status, 416);
    let (status, head, _) = running.ask(&format!("GET {place}"), "", b"").await;
    assert_eq!((status, header(&head, "range")), (204, Some("0-4")));
    let chunked = "Content-Range: 5-10\r\n";
    let (status, _, _) = running
        .ask(&format!("PATCH {place}"), chunked, b"second")
        .await;
    assert_eq!(status, 202);
    let digest = Digest::of(b"firstsecondthird");
    let (status, head, _) = running
        .ask(&format!("PUT {place}?digest={digest}"), "", b"third")
        .await;
    assert_eq!(status, 201, "{head}");
    assert_eq!(
        header(&head, "docker-content-digest"),
        Some(digest.to_string().as_str())
    );
    let (status, head, body) = running
        .ask(
            &format!("GET /v2/a/blobs/{digest}"),
            "Range: bytes=5-\r\n",
            b"",
        )
        .await;
    assert_eq!((status, body.as_slice()), (206, &b"secondthird"[..]));
    assert_eq!(header(&head, "content-range"), Some("bytes 5-15/16"));
    let (status, _, _) = running
        .ask(
            &format!("GET /v2/a/blobs/{digest}"),
            "Range: bytes=16-\r\n",
            b"",
        )
        .await;
    assert_eq!(status, 416);
    assert_eq!((running.files("blobs"), running.files("uploads")), (2, 0));
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_not_kept() {
    let running = running().await;
    let other = Digest::of(b"other");
    for (request, body, expected) in [
        (format!("POST /v2/a/blobs/uploads/?digest={other}"), &b"content"[..], 400),
        ("POST /v2/a/blobs/uploads/?digest=sha512:ab".to_owned(), b"", 400),
        ("POST /v2/A/blobs/uploads/".to_owned(), b"", 400),
        (format!("GET /v2/a/blobs/{other}"), b"", 404),
        ("PATCH /v2/a/blobs/uploads/99".to_owned(), b"", 404),
        (format!("PUT /v2/a/manifests/{other}"), b"{}", 400),
        ("PUT /v2/a/manifests/1".to_owned(), b"not json", 400),
        ("PUT /v2/a/manifests/.1".to_owned(), b"{}", 400),
        (
            "PUT /v2/a/manifests/1".to_owned(),
            br#"{"mediaType":"x/y","config":{"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}"#,
            404,
        ),
        ("DELETE /v2/a/manifests/1".to_owned(), b"", 405),
        ("GET /v2/none/tags/list".to_owned(), b"", 404),
        ("GET /v2/a/../../etc/tags/list".to_owned(), b"", 400),
    ] {
        let (status, _, answer) = running.ask(&request, "", body).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(status, expected, "{request}: {answer}");
        assert!(answer.starts_with(r#"{"errors":[{"code":""#), "{request}: {answer}");
    }
    let large = vec![b' '; soci_registry::MANIFEST_BYTES as usize + 1];
    let (status, _, _) = running.ask("PUT /v2/a/manifests/1", "", &large).await;
    assert_eq!(status, 413);
    let (status, head, _) = running.ask("POST /v2/a/blobs/uploads/", "", b"").await;
    assert_eq!(status, 202);
    let place = header(&head, "location").expect("a place");
    let (status, _, _) = running.ask(&format!("DELETE {place}"), "", b"").await;
    assert_eq!(status, 204);
    assert_eq!((running.files("blobs"), running.files("uploads")), (0, 0));
}

#[tokio::test]
async fn a_blob_is_shared_with_another_repository() {
    let running = running().await;
    let digest = Digest::of(b"shared");
    running
        .ask(
            &format!("POST /v2/a/blobs/uploads/?digest={digest}"),
            "",
            b"shared",
        )
        .await;
    let (status, _, _) = running
        .ask(&format!("GET /v2/b/blobs/{digest}"), "", b"")
        .await;
    assert_eq!(status, 404);
    let mount = format!("POST /v2/b/blobs/uploads/?mount={digest}&from=a");
    assert_eq!(running.ask(&mount, "", b"").await.0, 201);
    assert_eq!(
        running
            .ask(&format!("GET /v2/b/blobs/{digest}"), "", b"")
            .await
            .0,
        200
    );
    let from_nowhere = format!("POST /v2/c/blobs/uploads/?mount={digest}&from=none");
    assert_eq!(running.ask(&from_nowhere, "", b"").await.0, 202);
}

#[tokio::test]
async fn tags_come_in_pages() {
    let running = running().await;
    for tag in ["b", "a", "c"] {
        let put = format!("PUT /v2/a/manifests/{tag}");
        assert_eq!(
            running.ask(&put, "Content-Type: x/y\r\n", b"{}").await.0,
            201
        );
    }
    let (_, head, body) = running.ask("GET /v2/a/tags/list?n=2", "", b"").await;
    assert_eq!(body, br#"{"name":"a","tags":["a","b"]}"#);
    assert_eq!(
        header(&head, "link"),
        Some(r#"</v2/a/tags/list?n=2&last=b>; rel="next""#)
    );
    let (_, head, body) = running.ask("GET /v2/a/tags/list?n=2&last=b", "", b"").await;
    assert_eq!(
        (body.as_slice(), header(&head, "link")),
        (&br#"{"name":"a","tags":["c"]}"#[..], None)
    );
}
