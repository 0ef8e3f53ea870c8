//! Addresses of requests: pure text, told apart from the end, since names of repositories have slashes too.

use soci_registry::{Digest, RepositoryName};

use super::answer::{Code, Refusal};

/// Bytes of a request's path and query; names have at most 256 and digests 71.
const ADDRESS_BYTES: usize = 4096;

/// What is asked about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Base,
    Tags { repository: String },
    Manifest { repository: String, name: String },
    Blob { repository: String, digest: Digest },
    Uploads { repository: String },
    Upload { repository: String, id: u64 },
    Referrers { repository: String, digest: Digest },
}

impl Route {
    pub(super) fn parse(path: &str) -> Result<Route, Refusal> {
        let path = decoded(path);
        let Some(path) = path
            .strip_prefix("/v2")
            .filter(|_| path.len() <= ADDRESS_BYTES)
        else {
            return Err(Refusal::new(
                404,
                Code::Unsupported,
                "this is a registry: addresses begin with /v2/",
            ));
        };
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let name = |taken: usize| repository(&segments[..segments.len() - taken]);
        match segments[..] {
            [""] => Ok(Route::Base),
            [.., "tags", "list"] => Ok(Route::Tags {
                repository: name(2)?,
            }),
            [.., "blobs", "uploads"] => Ok(Route::Uploads {
                repository: name(2)?,
            }),
            [.., "blobs", "uploads", id] => {
                let id = id.parse();
                let id = id.map_err(|_| {
                    Refusal::new(404, Code::BlobUploadUnknown, "there is no such upload")
                })?;
                Ok(Route::Upload {
                    repository: name(3)?,
                    id,
                })
            }
            [.., "blobs", text] => Ok(Route::Blob {
                repository: name(2)?,
                digest: digest(text)?,
            }),
            [.., "referrers", text] => Ok(Route::Referrers {
                repository: name(2)?,
                digest: digest(text)?,
            }),
            [.., "manifests", text] => Ok(Route::Manifest {
                repository: name(2)?,
                name: text.to_owned(),
            }),
            _ => Err(Refusal::new(
                404,
                Code::Unsupported,
                "there is nothing at this address",
            )),
        }
    }
}

/// A name in the grammar of repositories, which leads out of no folder.
fn repository(segments: &[&str]) -> Result<String, Refusal> {
    let name = segments.join("/");
    match format!("localhost:1/{name}").parse::<RepositoryName>() {
        Ok(parsed) if parsed.path() == name => Ok(name),
        _ => Err(Refusal::new(
            400,
            Code::NameInvalid,
            "no repository can have this name; names have lower-case letters, digits and . _ - /",
        )),
    }
}

pub(super) fn digest(text: &str) -> Result<Digest, Refusal> {
    let digest = text.parse();
    digest.map_err(|why| Refusal::new(400, Code::DigestInvalid, format!("{why}")))
}

/// The parameters of an address.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Query {
        let text = if text.len() <= ADDRESS_BYTES {
            text
        } else {
            ""
        };
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        Query(
            pairs
                .map(|(name, value)| (decoded(name), decoded(value)))
                .collect(),
        )
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Without percent-encoding. What is not UTF-8 then is no name of anything.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        let hex = others.get(..2).filter(|_| *first == b'%');
        let byte = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        match byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &others[2..];
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_text() -> String {
        Digest::of(b"").to_string()
    }

    #[test]
    fn addresses_are_told_apart_from_their_ends() {
        let digest = Digest::of(b"");
        let repository = || "tags/list/blobs".to_owned();
        for (path, route) in [
            ("/v2".to_owned(), Route::Base),
            ("/v2/".to_owned(), Route::Base),
            (
                "/v2/tags/list/blobs/tags/list".to_owned(),
                Route::Tags {
                    repository: repository(),
                },
            ),
            (
                "/v2/tags/list/blobs/blobs/uploads/".to_owned(),
                Route::Uploads {
                    repository: repository(),
                },
            ),
            (
                "/v2/tags/list/blobs/blobs/uploads/7".to_owned(),
                Route::Upload {
                    repository: repository(),
                    id: 7,
                },
            ),
            (
                format!("/v2/tags/list/blobs/blobs/{digest}"),
                Route::Blob {
                    repository: repository(),
                    digest,
                },
            ),
            (
                format!(
                    "/v2/tags/list/blobs/referrers/{}",
                    digest_text().replace(':', "%3A")
                ),
                Route::Referrers {
                    repository: repository(),
                    digest,
                },
            ),
            (
                "/v2/tags/list/blobs/manifests/1".to_owned(),
                Route::Manifest {
                    repository: repository(),
                    name: "1".to_owned(),
                },
            ),
        ] {
            assert_eq!(Route::parse(&path).expect(&path), route, "{path}");
        }
    }

    #[test]
    fn names_that_nothing_can_have_are_refused() {
        for path in [
            "/",
            "/v1/a/tags/list",
            "/v2/../../etc/tags/list",
            "/v2/%2e%2e/a/tags/list",
            "/v2/A/tags/list",
            "/v2/a/blobs/sha256:abc",
            "/v2/a/blobs/uploads/../x",
            "/v2/a",
            "/v2//tags/list",
        ] {
            assert!(Route::parse(path).is_err(), "{path}");
        }
        assert!(Route::parse(&format!("/v2/{}/tags/list", "a".repeat(5000))).is_err());
    }

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse("digest=sha256%3Aab&n=5&broken&x=%zz");
        assert_eq!(query.get("digest"), Some("sha256:ab"));
        assert_eq!(query.get("n"), Some("5"));
        assert_eq!(query.get("x"), Some("%zz"));
        assert_eq!(query.get("broken"), None);
    }
}
