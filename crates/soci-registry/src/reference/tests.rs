//! References: what is written, and what is meant by it.

use proptest::prelude::*;

use super::*;

const SHA: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn full(text: &str) -> String {
    text.parse::<Reference>().expect(text).to_string()
}

fn fault(text: &str) -> ReferenceFault {
    text.parse::<Reference>().expect_err(text).fault()
}

#[test]
fn names_are_completed_as_docker_does() {
    for (written, meant) in [
        ("alpine", "docker.io/library/alpine:latest"),
        ("alpine:3", "docker.io/library/alpine:3"),
        ("me/app", "docker.io/me/app:latest"),
        ("docker.io/alpine", "docker.io/library/alpine:latest"),
        ("index.docker.io/alpine", "docker.io/library/alpine:latest"),
        ("Index.Docker.IO/alpine", "docker.io/library/alpine:latest"),
        ("DOCKER.io/alpine", "docker.io/library/alpine:latest"),
        ("docker://quay.io/a/b:1", "quay.io/a/b:1"),
        ("localhost/app", "localhost/app:latest"),
        ("host:5000/app", "host:5000/app:latest"),
        ("127.0.0.1:5000/app:1", "127.0.0.1:5000/app:1"),
        ("[::1]:5000/app:1", "[::1]:5000/app:1"),
        ("Host.Example/app", "host.example/app:latest"),
        // No dot, no port, not localhost: a namespace of Docker's registry.
        ("host/app", "docker.io/host/app:latest"),
    ] {
        assert_eq!(full(written), meant);
    }
}

#[test]
fn a_digest_needs_no_tag_and_wins_over_one() {
    assert_eq!(full(&format!("q.io/a@{SHA}")), format!("q.io/a@{SHA}"));
    let both: RegistryReference = format!("q.io/a:1@{SHA}").parse().expect("valid");
    assert_eq!(both.tag.as_ref().map(Tag::as_str), Some("1"));
    assert_eq!(both.target(), Target::Digest(SHA.parse().expect("valid")));
}

#[test]
fn layouts_and_archives_name_an_entry_or_none() {
    let layout = |path: &str, target| Reference::Layout {
        path: path.into(),
        target,
    };
    let tag = |text| Target::Tag(Tag::in_layout(text).expect(text));
    assert_eq!("oci:dir".parse(), Ok(layout("dir", Target::OnlyEntry)));
    assert_eq!("oci:/a/b:v1".parse(), Ok(layout("/a/b", tag("v1"))));
    assert_eq!(
        "oci:dir:q.io/a:1".parse(),
        Ok(layout("dir", tag("q.io/a:1")))
    );
    let digest = Target::Digest(SHA.parse().expect("valid"));
    assert!(format!("oci:a@b@{SHA}").parse::<Reference>().is_err());
    assert_eq!(format!("oci:dir@{SHA}").parse(), Ok(layout("dir", digest)));
    let archive = Reference::Archive {
        path: "a.tar".into(),
        target: tag("1"),
    };
    assert_eq!("oci-archive:a.tar:1".parse(), Ok(archive));
}

#[test]
fn says_which_part_is_wrong() {
    assert_eq!(fault("ftp://a/b"), ReferenceFault::Transport);
    assert_eq!(fault("a.b:x/c"), ReferenceFault::Host);
    assert_eq!(fault("user:pw@q.io/a"), ReferenceFault::Digest);
    assert_eq!(fault("q.io/App"), ReferenceFault::Repository);
    assert_eq!(fault("q.io/../a"), ReferenceFault::Repository);
    assert_eq!(fault(""), ReferenceFault::Repository);
    assert_eq!(fault("q.io/"), ReferenceFault::Repository);
    assert_eq!(fault("q.io/a:"), ReferenceFault::Tag);
    assert_eq!(
        fault(&format!("a:{}", "t".repeat(129))),
        ReferenceFault::Tag
    );
    assert_eq!(fault("a@sha512:00"), ReferenceFault::Digest);
    assert_eq!(fault("oci:"), ReferenceFault::Path);
    assert_eq!(fault("oci:dir:"), ReferenceFault::Tag);
}

#[test]
fn what_may_be_a_password_is_not_told() {
    let digest = format!("a@sha256:{}X", &SHA[7..70]);
    let told = [
        ("user:pw@shanghai.example/x", "…@shanghai.example/x"),
        ("user:pw@sha256:5000/x", "…@sha256:5000/x"),
        ("user:pw@sha256:5000", "…@sha256:5000"),
        ("user:p@w@q.io/x", "…@q.io/x"),
        ("a@sha512:00", "…@sha512:00"),
        (&digest, &digest.replace("a@", "…@")),
        (
            &SHA.replace("sha256:", "a@sha512:"),
            &SHA.replace("sha256:", "a@sha512:"),
        ),
        (&format!("user:pw@q.io/a@{SHA}"), &format!("…@q.io/a@{SHA}")),
        (
            &format!("docker://user:pw@q.io/a:1@{SHA}"),
            &format!("…@q.io/a:1@{SHA}"),
        ),
    ];
    for (text, shown) in told {
        let error = text.parse::<Reference>().expect_err(text).to_string();
        assert!(error.ends_with(&format!("; found {shown:?}")), "{error}");
    }
}

#[test]
fn a_name_of_a_layout_need_not_fit_a_registry() {
    assert!(Tag::in_layout("1").expect("valid").fits_registries());
    assert!(!Tag::in_layout("a/b:1").expect("valid").fits_registries());
}

proptest! {
    #[test]
    fn prop_any_text_is_refused_or_comes_back(text in "\\PC{0,80}|[a-z.:/@-]{0,40}") {
        if let Ok(reference) = text.parse::<Reference>() {
            let shown = reference.to_string();
            prop_assert_eq!(shown.parse::<Reference>(), Ok(reference), "{}", shown);
        }
    }

    #[test]
    fn prop_parts_survive(
        host in "[a-z]{1,8}\\.[a-z]{2,5}(:[1-9][0-9]{0,3})?",
        path in "[a-z0-9]{1,6}([._-][a-z0-9]{1,4}){0,2}(/[a-z0-9]{1,6}){0,3}",
        tag in "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}",
    ) {
        let reference: RegistryReference = format!("{host}/{path}:{tag}").parse().expect("valid");
        prop_assert_eq!(reference.repository.host(), &host);
        prop_assert!(reference.repository.path().ends_with(&path));
        prop_assert_eq!(reference.target(), Target::Tag(Tag::new(&tag).expect("valid")));
    }

    #[test]
    fn prop_a_repository_needs_no_escaping(text in "\\PC{0,60}") {
        if let Ok(name) = text.parse::<RepositoryName>() {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
            prop_assert!(name.path().bytes().all(plain));
            prop_assert!(!name.path().split('/').any(|part| part == ".." || part.is_empty()));
        }
    }
}
