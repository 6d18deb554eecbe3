//! Answers in codes and short texts.

use super::Unread;
use crate::fhir::elements::{Concept, Value, quote};
use crate::her2::evidence::Origin;
use crate::mapping::table::{Answer, Finding, Mapping};
use crate::mapping::words::Said;

/// What a coded or short textual value says to a question.
pub(super) fn said(
    mapping: &Mapping,
    finding: Finding,
    value: &Value<'_>,
) -> Result<(Said, Origin), Unread> {
    match value {
        Value::Concept(concept) => in_concept(mapping, finding, concept),
        Value::Text(text) => in_text(mapping, text),
        _ => Err("its value is of a kind that does not answer the question".to_owned()),
    }
}

/// The one answer of a concept. Codes decide; a display or second code that says otherwise is a contradiction.
pub(super) fn in_concept(
    mapping: &Mapping,
    finding: Finding,
    concept: &Concept<'_>,
) -> Result<(Said, Origin), Unread> {
    let Some(answer) = in_codes(mapping, finding, concept)? else {
        return match concept.text {
            _ if !concept.codings.is_empty() => {
                Err(format!("its answer is not mapped ({})", concept.label()))
            }
            Some(text) => in_text(mapping, text),
            None => Err("its answer is empty".to_owned()),
        };
    };
    match concept.text.and_then(|text| mapping.words.read(text)) {
        Some(Said::Answer(said)) if says_another(said, answer) => {
            Err("its text names another answer than its code".to_owned())
        }
        _ => Ok((Said::Answer(answer), Origin::Coded)),
    }
}

/// The one answer of a concept's codes; `None` when none of them is mapped.
fn in_codes(
    mapping: &Mapping,
    finding: Finding,
    concept: &Concept<'_>,
) -> Result<Option<Answer>, Unread> {
    let mut answer: Option<Answer> = None;
    for coding in &concept.codings {
        let Some(row) = mapping.answer(finding, coding) else {
            continue;
        };
        let differs = |earlier: Answer| {
            row.answer != Answer::NoStatement
                && earlier != Answer::NoStatement
                && !earlier.goes_with(row.answer)
        };
        if answer.is_some_and(differs) {
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
        // A score says more than a word, and a word more than nothing.
        answer = match answer {
            Some(earlier)
                if earlier.score().is_some()
                    || row.answer == Answer::NoStatement
                    || (earlier == Answer::NegativeNotLow && row.answer == Answer::Negative) =>
            {
                Some(earlier)
            }
            _ => Some(row.answer),
        };
    }
    if answer.is_some_and(|answer| answers_another_question(mapping, finding, concept, answer)) {
        return Err("its codes give different answers".to_owned());
    }
    Ok(answer)
}

/// Whether a code beside the answer belongs to another question, and would be another answer there.
fn answers_another_question(
    mapping: &Mapping,
    finding: Finding,
    concept: &Concept<'_>,
    answer: Answer,
) -> bool {
    (concept.codings.iter())
        .filter(|coding| mapping.answer(finding, coding).is_none())
        .map(|coding| mapping.answers_to_any(coding))
        .any(|rows| !rows.is_empty() && !rows.iter().any(|row| row.answer.goes_with(answer)))
}

/// Whether a reader of a display would take it for another answer.
pub(in crate::mapping) fn names_another(mapping: &Mapping, display: &str, answer: Answer) -> bool {
    let named = mapping.words.answers_in(display);
    // "2+ (borderline)" names its score, and the adjective takes nothing away from it.
    let names_score = answer.score().is_some() && named.contains(&answer);
    let adjective = |named| names_score && named == Answer::Undefined;
    mapping.words.names_other_marker(display)
        || (named.into_iter()).any(|named| !adjective(named) && says_another(named, answer))
}

/// Whether words beside a code say another answer than it. An adjective that states nothing never does, and neither
/// does the kind of probe beside a result.
fn says_another(words: Answer, code: Answer) -> bool {
    let is_probe_of_result = words.probe().is_some() && code.probe().is_none();
    words != Answer::NoStatement && !is_probe_of_result && !words.goes_with(code)
}

fn in_text(mapping: &Mapping, text: &str) -> Result<(Said, Origin), Unread> {
    let words = &mapping.words;
    match (words.read(text)).or_else(|| words.read_before_remark(text)) {
        Some(said) => Ok((said, Origin::Text)),
        None => Err(format!("its text is not understood ({})", quote(text))),
    }
}

/// Whether what a text says is followed by a remark that nobody has read.
pub(super) fn has_remark(mapping: &Mapping, text: Option<&str>) -> bool {
    let words = &mapping.words;
    text.is_some_and(|text| words.read(text).is_none() && words.read_before_remark(text).is_some())
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
        [[answer]]\nis=\"no-statement\"\ncodes=[{system=\"l\",code=\"normal\",display=\"normal\"}]\n\
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
        in_concept(&mapping, Finding::IhcScore, &Concept { codings, text })
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
        assert!(read(&[("two", Some("HER2 2+ (borderline)"))], None).is_ok());
        assert!(read(&[("two", Some("borderline"))], None).is_err());
        assert!(read(&[("pos", Some("Positive, 2+ (borderline)"))], None).is_err());
        assert!(read(&[("pos", Some("Positive by dual ISH"))], None).is_ok());
        assert!(read(&[("two", Some("3+"))], None).is_err());
        assert!(read(&[("two", Some("Estrogen receptor"))], None).is_err());
        assert!(read(&[("two", None)], Some("3+")).is_err());
    }

    #[test]
    fn a_remark_in_parentheses_leaves_the_word_before_it() {
        let remarked = "negative (unrounded ratio 1.996)";
        let mapping = Mapping::load(&[("base", BASE)], "b").unwrap();
        assert_eq!(
            read(&[], Some(remarked)),
            Ok((Said::Answer(Answer::Negative), Origin::Text))
        );
        assert!(has_remark(&mapping, Some(remarked)));
        assert!(!has_remark(&mapping, Some("negative (0)")));
        assert!(!has_remark(&mapping, None));
        // What stands in parentheses is a known answer, and another one.
        assert!(read(&[], Some("negative (2+)")).is_err());
        assert!(read(&[], Some("amplified low level (see comment)")).is_err());
    }

    #[test]
    fn a_word_that_states_nothing_contradicts_no_score() {
        assert!(read(&[("two", Some("Low positive"))], Some("low positive")).is_ok());
        assert!(read(&[("normal", Some("Positive"))], None).is_err());
        for codes in [["pos", "normal"], ["normal", "pos"]] {
            assert_eq!(
                read(&codes.map(|code| (code, None)), None),
                Ok((Said::Answer(Answer::Positive), Origin::Coded))
            );
        }
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
