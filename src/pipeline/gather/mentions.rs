//! Where a signed result or report mentions a second observer. Only where is kept, never what was written.

use crate::fhir::candidates::{ObservationNode, ReportNode};
use crate::fhir::json::Json;
use crate::mapping::words::Words;

/// Whether a signed report mentions a second observer.
pub(super) fn report_mentions(words: &Words, report: &ReportNode<'_>) -> bool {
    let narrative = report.narrative.iter().map(|(_, text)| *text);
    is_signed(report.status)
        && (narrative.chain(notes(&report.resource.json)))
            .any(|text| words.mentions_second_observer(&without_tags(text)))
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
            .any(|text| words.mentions_second_observer(&without_tags(text)))
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
    while let Some(start) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at(start);
        let end = if from.starts_with('<') { '>' } else { ';' };
        plain.push_str(before);
        plain.push(' ');
        // Without its end it was a comparator or a plain "and".
        rest = match from.find(end) {
            Some(end) if is_tag(from) || (from.starts_with('&') && end <= LONGEST_ENTITY) => {
                from.get(end + 1..).unwrap_or("")
            }
            _ => from.get(1..).unwrap_or(""),
        };
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
