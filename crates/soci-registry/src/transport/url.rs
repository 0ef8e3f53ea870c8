//! Addresses that show without what must not be seen.
//!
//! The query of a redirect to a blob's host *is* a credential, and so is the user in front of an `@`. An address that leaves
//! this module as text for people has neither; the whole of it goes into a request and nowhere else.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;

/// An absolute http or https address. Displays without user and query.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(Arc<Uri>);

impl Url {
    /// An address as a server or a person wrote it; `None` unless it is an absolute http or https one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Url> {
        let text = text.split('#').next().unwrap_or_default();
        let uri: Uri = text.parse().ok()?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        // Addresses with a user are refused rather than cleaned: no registry needs them.
        let host = uri.host().is_some_and(|host| !host.is_empty());
        let plain = uri
            .authority()
            .is_some_and(|authority| !authority.as_str().contains('@'));
        (known && host && plain).then(|| Url(Arc::new(uri)))
    }

    /// What a `Location` or `Link` header means that was read at this address; RFC 3986, section 5.2, without dot segments.
    pub(crate) fn join(&self, reference: &str) -> Option<Url> {
        let reference = reference.split('#').next().unwrap_or_default();
        if let Some(rest) = reference.strip_prefix("//") {
            return Url::parse(&format!("{}://{rest}", self.scheme()));
        }
        if reference.starts_with('/') {
            return Url::parse(&format!("{}{reference}", self.origin()));
        }
        let path = self.0.path();
        if reference.starts_with('?') {
            return Url::parse(&format!("{}{path}{reference}", self.origin()));
        }
        if reference
            .split(['/', '?'])
            .next()
            .is_some_and(|first| first.contains(':'))
        {
            return Url::parse(reference);
        }
        let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
        Url::parse(&format!("{}{folder}{reference}", self.origin()))
    }

    /// The same address with one more parameter. Neither name nor value may need escaping.
    pub(crate) fn with_parameter(&self, name: &str, value: &str) -> Url {
        let separator = if self.0.query().is_some() { '&' } else { '?' };
        let path = self.0.path_and_query().map_or("/", |path| path.as_str());
        let longer = format!(
            "{}{path}{separator}{name}={}",
            self.origin(),
            escaped(value)
        );
        // The parts were valid, and escaping leaves nothing that is not.
        Url::parse(&longer).unwrap_or_else(|| self.clone())
    }

    /// Scheme, host and port: those to whom an Authorization header may be sent are those with the same origin.
    pub(crate) fn origin(&self) -> String {
        let host = self.0.host().unwrap_or_default().to_ascii_lowercase();
        match self.0.port_u16() {
            Some(port) if Some(port) != self.default_port() => {
                format!("{}://{host}:{port}", self.scheme())
            }
            _ => format!("{}://{host}", self.scheme()),
        }
    }

    pub(crate) fn has_same_origin(&self, other: &Url) -> bool {
        self.origin() == other.origin()
    }

    /// Whether it is an https address.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme() == "https"
    }

    /// Whether it is one of this machine itself.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.0.host().unwrap_or_default())
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.0
    }

    fn scheme(&self) -> &str {
        self.0.scheme_str().unwrap_or_default()
    }

    fn default_port(&self) -> Option<u16> {
        Some(if self.is_https() { 443 } else { 80 })
    }
}

/// Percent-encodes all but unreserved characters; RFC 3986, section 2.3.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Whether a host, with a port or without, is this machine itself: `localhost`, 127.0.0.0/8 or `::1`.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name == "localhost"
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.0.path())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect(text)
    }

    #[test]
    fn shows_neither_query_nor_user() {
        let signed = url("https://b.example/k/x?X-Amz-Signature=secret#f");
        assert_eq!(signed.to_string(), "https://b.example/k/x");
        assert_eq!(format!("{signed:?}"), "https://b.example/k/x");
        assert_eq!(signed.uri().query(), Some("X-Amz-Signature=secret"));
        assert_eq!(Url::parse("https://user:pw@b.example/"), None);
    }

    #[test]
    fn only_absolute_http_is_an_address() {
        for bad in [
            "",
            "/v2/",
            "ftp://a/",
            "https://",
            "https:///x",
            "a b",
            "file:///etc/passwd",
        ] {
            assert_eq!(Url::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn joins_what_servers_write_into_location() {
        let base = url("https://r.example:8443/v2/a/blobs/uploads/?x=1");
        for (location, meant) in [
            ("https://s.example/p?q=1", "https://s.example/p?q=1"),
            ("//s.example/p", "https://s.example/p"),
            ("/v2/a/u?_state=s", "https://r.example:8443/v2/a/u?_state=s"),
            ("u/1", "https://r.example:8443/v2/a/blobs/uploads/u/1"),
            ("?n=2", "https://r.example:8443/v2/a/blobs/uploads/?n=2"),
        ] {
            assert_eq!(
                base.join(location).expect(location).uri().to_string(),
                meant
            );
        }
        assert_eq!(base.join("gopher://x/"), None);
    }

    #[test]
    fn a_parameter_joins_those_that_are_there() {
        let digest = url("https://r/u?_state=a%3D").with_parameter("digest", "sha256:00");
        assert_eq!(
            digest.uri().to_string(),
            "https://r/u?_state=a%3D&digest=sha256%3A00"
        );
        assert_eq!(
            url("https://r/u").with_parameter("n", "1").uri().query(),
            Some("n=1")
        );
    }

    #[test]
    fn an_origin_has_its_port_and_ignores_case() {
        assert!(url("https://R.example/a").has_same_origin(&url("https://r.example:443/b")));
        assert!(!url("https://r.example/").has_same_origin(&url("http://r.example/")));
        assert!(!url("https://r.example/").has_same_origin(&url("https://r.example:444/")));
        assert!(!url("https://r.example/").has_same_origin(&url("https://r.example.evil/")));
    }

    #[test]
    fn knows_this_machine() {
        for here in [
            "localhost",
            "localhost:5000",
            "127.0.0.1:5000",
            "127.9.9.9",
            "[::1]:5000",
            "[::1]",
        ] {
            assert!(is_loopback(here), "{here}");
        }
        for other in [
            "localhost.example",
            "128.0.0.1",
            "10.0.0.1:5000",
            "[::2]:1",
            "example.com",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn prop_an_address_never_shows_its_query(secret in "[a-zA-Z0-9]{12,40}", path in "(/[a-z]{0,9}){0,4}") {
            let Some(base) = Url::parse(&format!("https://h.example{path}?sig={secret}")) else { return Ok(()) };
            let joined = base.join(&format!("/x?t={secret}")).expect("a path");
            for shown in [&base, &joined, &base.with_parameter("t", &secret)] {
                let text = format!("{shown}{shown:?}");
                prop_assert!(!text.contains(&secret));
            }
        }

        #[test]
        fn prop_any_location_is_joined_or_refused(text in "\\PC{0,80}") {
            let _ = url("https://r.example/v2/").join(&text);
        }
    }
}
