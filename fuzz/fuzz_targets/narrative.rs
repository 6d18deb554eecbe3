//! Any bytes as an attachment of each type, and what text there is as a narrative: nothing panics or hangs, and what is said
//! to be read stands in the text.

#![no_main]

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use her2_adapter::fhir::attachment::{text_of, text_of_markup};
use her2_adapter::her2::evidence::UnreadTest;
use her2_adapter::mapping::narrative::Narrative;
use libfuzzer_sys::fuzz_target;

static NARRATIVE: LazyLock<Narrative> =
    LazyLock::new(|| Narrative::shipped().expect("the shipped languages"));

const TYPES: [&str; 5] = [
    "text/plain; charset=utf-8",
    "text/plain; charset=windows-1252",
    "text/html",
    "application/rtf",
    "application/pdf",
];

fuzz_target!(|bytes: &[u8]| {
    let data = STANDARD.encode(bytes);
    for content_type in TYPES {
        if let Ok(text) = text_of(Some(content_type), Some(&data)) {
            read(&text);
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        read(text);
        read(&text_of_markup(text));
    }
});

fn read(text: &str) {
    for about in [None, Some(UnreadTest::Ihc), Some(UnreadTest::Either)] {
        let read = NARRATIVE.read(text, about);
        for reading in &read.readings {
            assert!(text.get(reading.span.clone()).is_some());
        }
        for unread in &read.unread {
            assert!(text.get(unread.span.clone()).is_some());
        }
    }
}
