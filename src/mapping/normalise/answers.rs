//! Answers in codes and short texts.

use super::Unread;
use crate::fhir::elements::{Concept, Value, quote};
use crate::her2::evidence::Origin;
use crate::mapping::table::{Answer, Mapping};
use crate::mapping::words::Said;

/// What a coded or short textual value says.
pub(super) fn said(mapping: &Mapping, value: &Value<'_>) -> Result<(Said, Origin), Unread> {
    match value {
        Value::Concept(concept) => in_concept(mapping, concept),
        Value::Text(text) => in_text(mapping, text),
        _ => Err("its value is of a kind that does not answer the question".to_owned()),
    }
}

/// The one answer of a concept. Codes decide; a display or second code that says otherwise is a contradiction.
pub(super) fn in_concept(
    mapping: &Mapping,
    concept: &Concept<'_>,
) -> Result<(Said, Origin), Unread> {
    let Some(answer) = in_codes(mapping, concept)? else {
        return match concept.text {
            _ if !concept.codings.is_empty() => {
                Err(format!("its answer is not mapped ({})", concept.label()))
            }
            Some(text) => in_text(mapping, text),
            None => Err("its answer is empty".to_owned()),
        };
    };
    match concept.text.and_then(|text| mapping.words.read(text)) {
        Some(Said::Answer(said)) if !said.goes_with(answer) => {
            Err("its text names another answer than its code".to_owned())
        }
        _ => Ok((Said::Answer(answer), Origin::Coded)),
    }
}

/// The one answer of a concept's codes; `None` when none of them is mapped.
fn in_codes(mapping: &Mapping, concept: &Concept<'_>) -> Result<Option<Answer>, Unread> {
    let mut answer: Option<Answer> = None;
    for coding in &concept.codings {
        let Some(row) = mapping.answer(coding) else {
            continue;
        };
        if answer.is_some_and(|earlier| !earlier.goes_with(row.answer)) {
            return Err("its codes give different answers".to_owned());
        }
        if let Some(display) = coding.display
            && names_another(mapping, display, row.answer)
        {
            return Err(format!(
                "its display ({}) names another answer than its code ({})",
                quote(display),
                concept.label()
            ));
        }
        // A score says more than a word.
        answer = match answer {
            Some(earlier) if earlier.score().is_some() => Some(earlier),
            _ => Some(row.answer),
        };
    }
    Ok(answer)
}

/// Whether a reader of a display would take it for another answer.
fn names_another(mapping: &Mapping, display: &str, answer: Answer) -> bool {
    mapping.words.names_other_marker(display)
        || (mapping.words.answers_in(display).into_iter()).any(|named| !named.goes_with(answer))
}

fn in_text(mapping: &Mapping, text: &str) -> Result<(Said, Origin), Unread> {
    match mapping.words.read(text) {
        Some(said) => Ok((said, Origin::Text)),
        None => Err(format!("its text is not understood ({})", quote(text))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::fhir::elements::Coding;
    use crate::mapping::table::BASE;

    const SITE: &str = "[header]\nname=\"t\"\npurpose=\"t\"\nsource=\"t\"\nversion=\"1\"\nreviewed_by=\"t\"\nreviewed_on=\"2026-01-01\"\n\
        [systems]\nl=[\"urn:l\"]\n\
        [[answer]]\nis=\"score-2+\"\ncodes=[{system=\"l\",code=\"two\",display=\"2+\"}]\n\
        [[answer]]\nis=\"equivocal\"\ncodes=[{system=\"l\",code=\"open\",display=\"equivocal\"}]\n\
        [[answer]]\nis=\"positive\"\ncodes=[{system=\"l\",code=\"pos\",display=\"positive\"}]\n";

    fn read(
        codings: &[(&'static str, Option<&'static str>)],
        text: Option<&'static str>,
    ) -> Result<(Said, Origin), Unread> {
        let mapping = Mapping::load(&[("base", BASE), ("site", SITE)], "b").unwrap();
        let codings = (codings.iter())
            .map(|(code, display)| Coding {
                system: Some("urn:l"),
                code: Some(code),
                display: *display,
            })
            .collect();
        in_concept(&mapping, &Concept { codings, text })
    }

    #[test]
    fn a_score_and_its_usual_word_are_one_answer_in_either_order() {
        let two = Ok((Said::Answer(Answer::Score2), Origin::Coded));
        assert_eq!(read(&[("two", None), ("open", None)], None), two);
        assert_eq!(read(&[("open", None), ("two", None)], None), two);
        assert!(read(&[("two", None), ("pos", None)], None).is_err());
    }

    #[test]
    fn a_display_or_text_that_names_another_answer_contradicts_its_code() {
        assert!(read(&[("two", Some("Equivocal (2+)"))], Some("2+")).is_ok());
        assert!(read(&[("two", Some("3+"))], None).is_err());
        assert!(read(&[("two", Some("Estrogen receptor"))], None).is_err());
        assert!(read(&[("two", None)], Some("3+")).is_err());
    }

    #[test]
    fn a_text_is_an_answer_only_without_codes() {
        assert_eq!(
            read(&[], Some("2+")),
            Ok((Said::Answer(Answer::Score2), Origin::Text))
        );
        assert_eq!(
            read(&[("unknown", None)], Some("2+")).unwrap_err(),
            "its answer is not mapped (urn:l|unknown)"
        );
        assert_eq!(read(&[], None).unwrap_err(), "its answer is empty");
    }
}
