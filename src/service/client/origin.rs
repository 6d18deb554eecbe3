//! Where credentials may go: the configured base URL and what lies below it, compared part by part.

use reqwest::ClientBuilder;
use url::Url;

use super::error::ClientSetupError;
use crate::config::is_loopback;

/// The base URL of one FHIR server.
#[derive(Debug, Clone)]
pub(super) struct FhirBase {
    /// Without a slash at the end of its path, unless the path is the root.
    url: Url,
}

impl FhirBase {
    /// Checks a configured base URL.
    pub(super) fn new(url: &Url, allow_http: bool) -> Result<FhirBase, ClientSetupError> {
        let plain = url.has_host() && url.query().is_none() && url.fragment().is_none();
        if !plain || has_user(url) {
            return Err(ClientSetupError::Base);
        }
        match url.scheme() {
            "https" => {}
            "http" if allow_http || is_loopback(url) => {}
            "http" => return Err(ClientSetupError::PlainHttp),
            _ => return Err(ClientSetupError::Base),
        }
        let mut url = url.clone();
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(FhirBase { url })
    }

    /// The base itself, where transactions go.
    pub(super) fn root(&self) -> Url {
        self.url.clone()
    }

    /// The address below the base with these path segments, each percent-encoded.
    pub(super) fn below(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        // Fails only for URLs without a path, such as mailto:, which `new` has refused.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Whether an address is the base or lies below it: same scheme, host and port, and a path that goes on at a slash.
    ///
    /// `url` has resolved `..` already; an encoded slash is refused, since servers differ on whether it separates segments.
    pub(super) fn covers(&self, url: &Url) -> bool {
        let same_origin = url.scheme() == self.url.scheme()
            && url.host() == self.url.host()
            && url.port_or_known_default() == self.url.port_or_known_default();
        let base = self.url.path().trim_end_matches('/');
        let below = url
            .path()
            .strip_prefix(base)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let path = url.path().to_ascii_lowercase();
        same_origin && below && !has_user(url) && !path.contains("%2f") && !path.contains("%5c")
    }
}

/// A client for requests to an address, or below it. It follows no redirect, repeats nothing by itself, and asks no proxy
/// about what stays on this machine in plain text.
pub(in crate::service) fn http_for(url: &Url) -> ClientBuilder {
    let mut http = reqwest::Client::builder()
        .user_agent(concat!("her2-adapter/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false);
    let uses_tls = url.scheme() == "https";
    if !uses_tls && is_loopback(url) {
        http = http.no_proxy();
    }
    if !uses_tls {
        // Without this the machine's certificates are loaded, and a machine that has none could not run the demo.
        http = http.tls_certs_only([]);
    }
    http
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn base(text: &str) -> FhirBase {
        FhirBase::new(&Url::parse(text).unwrap(), false).unwrap()
    }

    #[test]
    fn addresses_below_the_base_are_covered() {
        for root in [
            "https://fhir.example/r4",
            "https://fhir.example/r4/",
            "https://fhir.example:443/r4",
        ] {
            let base = base(root);
            for covered in [
                "https://fhir.example/r4",
                "https://fhir.example/r4?_getpages=x",
                "https://FHIR.example/r4/",
                "https://fhir.example:443/r4/Observation?code=http%3A%2F%2Floinc.org%7C1",
                "https://fhir.example/r4/x/../Observation",
            ] {
                assert!(
                    base.covers(&Url::parse(covered).unwrap()),
                    "{root} {covered}"
                );
            }
        }
        assert!(
            base("https://fhir.example")
                .covers(&Url::parse("https://fhir.example/Observation").unwrap())
        );
    }

    #[test]
    fn addresses_elsewhere_are_not_covered() {
        let base = base("https://fhir.example/r4");
        for foreign in [
            "http://fhir.example/r4/Observation",
            "https://fhir.example:8443/r4/Observation",
            "https://fhir.example.attacker.example/r4/Observation",
            "https://fhir.example@attacker.example/r4/Observation",
            "https://user@fhir.example/r4/Observation",
            "https://user:pw@fhir.example/r4/Observation",
            "https://fhir.example/r4x/Observation",
            "https://fhir.example/r4/../admin",
            "https://fhir.example/r4/%2e%2e/admin",
            "https://fhir.example/r4/..%2Fadmin",
            "https://fhir.example/r4/..%5cadmin",
            "https://fhir.example/",
            "https://fhir.example./r4/Observation",
            "file:///r4/Observation",
        ] {
            assert!(!base.covers(&Url::parse(foreign).unwrap()), "{foreign}");
        }
    }

    #[test]
    fn addresses_are_built_below_the_base_whatever_its_slash() {
        for root in ["https://fhir.example/r4", "https://fhir.example/r4/"] {
            assert_eq!(
                base(root).below(&["Observation", "a b"]).as_str(),
                "https://fhir.example/r4/Observation/a%20b"
            );
            assert_eq!(base(root).root().as_str(), "https://fhir.example/r4");
        }
        assert_eq!(
            base("https://fhir.example/").below(&["metadata"]).as_str(),
            "https://fhir.example/metadata"
        );
        assert_eq!(
            base("https://fhir.example").root().as_str(),
            "https://fhir.example/"
        );
    }

    #[test]
    fn plain_http_is_for_loopback_unless_allowed() {
        let open = |text, allow| FhirBase::new(&Url::parse(text).unwrap(), allow);
        for loopback in [
            "http://localhost:8080/fhir",
            "http://127.0.0.9/fhir",
            "http://[::1]/fhir",
        ] {
            assert!(open(loopback, false).is_ok());
        }
        assert!(matches!(
            open("http://fhir.example/r4", false),
            Err(ClientSetupError::PlainHttp)
        ));
        assert!(matches!(
            open("http://localhost.example/r4", false),
            Err(ClientSetupError::PlainHttp)
        ));
        assert!(open("http://fhir.example/r4", true).is_ok());
        for no_base in [
            "ftp://fhir.example/r4",
            "https://u:p@fhir.example/r4",
            "https://fhir.example/r4?a=b",
            "data:x",
        ] {
            assert!(
                matches!(open(no_base, true), Err(ClientSetupError::Base)),
                "{no_base}"
            );
        }
    }
}
