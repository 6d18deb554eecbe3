//! Where a signed result or report mentions a second observer. Only where is kept, never what was written.

use crate::fhir::candidates::{ObservationNode, ReportNode};
use crate::fhir::json::Json;
use crate::mapping::words::{Words, pieces};

/// Whether a signed report mentions a second observer.
pub(super) fn report_mentions(words: &Words, report: &ReportNode<'_>) -> bool {
    let narrative = report.narrative.iter().map(|(_, text)| *text);
    is_signed(report.status)
        && (narrative.chain(notes(&report.resource.json)))
            .flat_map(pieces)
            .any(|piece| words.mentions_second_observer(&without_tags(piece)))
}

/// Whether a signed Observation mentions a second observer.
pub(super) fn observation_mentions(words: &Words, observation: &ObservationNode<'_>) -> bool {
    let json = &observation.resource.json;
    let values = (observation.candidates.iter())
        .flat_map(|candidate| &candidate.values)
        .filter_map(|(_, value)| value.text());
    let narrative = json.get("text").and_then(|text| text.text_at("div"));
    is_signed(observation.status)
        && (values.chain(notes(json)).chain(narrative))
            .flat_map(pieces)
            .any(|piece| words.mentions_second_observer(&without_tags(piece)))
}

fn is_signed(status: Option<&str>) -> bool {
    matches!(status, Some("final" | "amended" | "corrected" | "appended"))
}

fn notes<'r>(json: &'r Json<'_>) -> impl Iterator<Item = &'r str> {
    (json.items_at("note").iter()).filter_map(|note| note.text_at("text"))
}

/// A text without XHTML tags and entities, each of which separates words.
fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    let mut tags_end = true;
    while let Some(start) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at(start);
        plain.push_str(before);
        plain.push(' ');
        let end = if from.starts_with('&') {
            (from.bytes().take(LONGEST_ENTITY + 1)).position(|byte| byte == b';')
        } else if tags_end && is_tag(from) {
            let end = from.find('>');
            tags_end = end.is_some();
            end
        } else {
            None
        };
        // Without its end it was a comparator or a plain "and".
        rest = from.get(end.unwrap_or(0) + 1..).unwrap_or("");
    }
    plain.push_str(rest);
    plain
}

/// A comparator is followed by a space or a digit.
fn is_tag(text: &str) -> bool {
    (text.strip_prefix('<'))
        .and_then(|tag| tag.chars().next())
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '/' || first == '!')
}

/// Longest name of an entity that narratives use, such as `&nbsp;` or `&#x00A0;`.
const LONGEST_ENTITY: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_entities_separate_words_and_comparators_do_not() {
        let plain = |text| {
            let plain = without_tags(text);
            plain.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            plain("<div>second<br/>observer&#160;counted</div>"),
            "second observer counted"
        );
        assert_eq!(plain("ratio < 2.0 & stable"), "ratio 2.0 stable");
        assert_eq!(
            plain("ratio <2.0 by a <b>second</b> observer"),
            "ratio 2.0 by a second observer"
        );
    }
}
