//! Bodies as they come in: bounded in bytes and in depth before anything looks inside.

use reqwest::Response;
use serde::Deserialize;

use super::error::{ClientError, Limit, Misread};
use crate::fhir::json::nested_too_deeply;

/// The body as text. The limit counts bytes after decompression, and reading stops as soon as it is passed.
pub(super) async fn read_text(mut response: Response, most: usize) -> Result<String, ClientError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| ClientError::from_transport(&error))?
    {
        if bytes.len() + chunk.len() > most {
            return Err(ClientError::TooLarge(Limit::BodyBytes(most)));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| ClientError::Unreadable(Misread::NotJson))
}

/// Checks that a body is a resource of this type, and of bearable depth.
pub(super) fn expect_resource(kind: &str, text: &str) -> Result<(), ClientError> {
    #[derive(Deserialize)]
    struct Resource {
        #[serde(rename = "resourceType")]
        kind: Option<String>,
    }
    if nested_too_deeply(text).is_some() {
        return Err(ClientError::Unreadable(Misread::TooDeep));
    }
    let misread = match serde_json::from_str::<Resource>(text).map(|resource| resource.kind) {
        Ok(Some(found)) if found == kind => return Ok(()),
        Ok(Some(found)) if found == "OperationOutcome" => Misread::OperationOutcome,
        Ok(_) => Misread::AnotherResource,
        Err(error) if error.is_data() => Misread::AnotherResource,
        Err(_) => Misread::NotJson,
    };
    Err(ClientError::Unreadable(misread))
}

/// The `meta.versionId` of a resource.
pub(super) fn version_id(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Resource {
        meta: Meta,
    }
    #[derive(Deserialize)]
    struct Meta {
        #[serde(rename = "versionId")]
        version_id: String,
    }
    let resource: Resource = serde_json::from_str(text).ok()?;
    Some(resource.meta.version_id)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_body_must_be_the_resource_asked_for() {
        let misread = |text: &str| expect_resource("Observation", text).unwrap_err();
        assert_eq!(
            expect_resource("Observation", r#"{"id":"a","resourceType":"Observation"}"#),
            Ok(())
        );
        for (text, why) in [
            ("<html>", Misread::NotJson),
            ("", Misread::NotJson),
            (r#"{"resourceType":"Observation""#, Misread::NotJson),
            (
                r#"{"resourceType":"OperationOutcome"}"#,
                Misread::OperationOutcome,
            ),
            (r#"{"resourceType":"Patient"}"#, Misread::AnotherResource),
            (r#"{"resourceType":7}"#, Misread::AnotherResource),
            (r#"{"id":"a"}"#, Misread::AnotherResource),
            ("7", Misread::AnotherResource),
        ] {
            assert_eq!(misread(text), ClientError::Unreadable(why), "{text}");
        }
        assert_eq!(
            misread(&"[".repeat(100)),
            ClientError::Unreadable(Misread::TooDeep)
        );
    }
}
