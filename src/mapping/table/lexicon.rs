//! One question with its answers: the codes, and where a sender uses none of them the words, that mean each.

use std::collections::BTreeMap;

use super::rows::Form;
use super::{Key, key_of};
use crate::fhir::elements::Concept;
use crate::mapping::words::plain;

/// Codes and words with what they mean.
#[derive(Clone, Debug)]
pub struct Lexicon<M> {
    codes: BTreeMap<Key, M>,
    /// Beginnings of codes, for systems that are a tree by their characters.
    prefixes: BTreeMap<Key, M>,
    /// Ends of codes, for systems whose last characters have a meaning of their own.
    suffixes: BTreeMap<Key, M>,
    words: BTreeMap<String, M>,
}

impl<M> Default for Lexicon<M> {
    fn default() -> Self {
        Self {
            codes: BTreeMap::new(),
            prefixes: BTreeMap::new(),
            suffixes: BTreeMap::new(),
            words: BTreeMap::new(),
        }
    }
}

impl<M: Copy + PartialEq> Lexicon<M> {
    /// What a concept says: by its codes, else by a display or text that is exactly one of the words. Codes or words
    /// that differ say nothing.
    pub fn of(&self, concept: &Concept<'_>) -> Option<M> {
        let codes: Vec<M> = (concept.codings.iter())
            .filter_map(key_of)
            .filter_map(|key| self.of_code(key))
            .collect();
        if codes.is_empty() {
            one(concept.words().filter_map(|text| self.of_text(text)))
        } else {
            one(codes)
        }
    }

    /// What a whole short text says.
    pub fn of_text(&self, text: &str) -> Option<M> {
        self.words.get(&plain(text)).copied()
    }

    fn of_code(&self, (system, code): Key) -> Option<M> {
        let longest = |parts: &BTreeMap<Key, M>, is_part: fn(&str, &str) -> bool| {
            (parts.iter())
                .filter(|((of, part), _)| *of == system && is_part(&code, part))
                .max_by_key(|((_, part), _)| part.len())
                .map(|(_, meaning)| *meaning)
        };
        let key = (system.clone(), code.clone());
        (self.codes.get(&key).copied())
            .or_else(|| longest(&self.prefixes, |code, part| code.starts_with(part)))
            .or_else(|| longest(&self.suffixes, |code, part| code.ends_with(part)))
    }

    pub(super) fn insert(&mut self, form: Form, key: Key, meaning: M) {
        match form {
            Form::Code => self.codes.insert(key, meaning),
            Form::Prefix => self.prefixes.insert(key, meaning),
            Form::Suffix => self.suffixes.insert(key, meaning),
            Form::Word => self.words.insert(key.1, meaning),
        };
    }
}

/// The one meaning of several; none where they differ.
fn one<M: PartialEq>(meanings: impl IntoIterator<Item = M>) -> Option<M> {
    let mut meanings = meanings.into_iter();
    let first = meanings.next()?;
    meanings.all(|other| other == first).then_some(first)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::fhir::elements::{Coding, Concept};
    use crate::her2::evidence::{Fixative, Sample};
    use crate::mapping::table::{BASE, Mapping, Metastasis, Morphology};

    const SCT: &str = "http://snomed.info/sct";
    const ICD_O: &str = "http://terminology.hl7.org/CodeSystem/icd-o-3";

    fn concept<'a>(codes: &[(&'a str, &'a str)], text: Option<&'a str>) -> Concept<'a> {
        Concept {
            codings: (codes.iter())
                .map(|(system, code)| Coding {
                    system: Some(system),
                    code: Some(code),
                    display: None,
                })
                .collect(),
            text,
        }
    }

    #[test]
    fn words_count_only_where_no_code_is_known_and_only_whole() {
        let mapping = Mapping::load(&[("base", BASE)], "b").unwrap();
        let sample = |codes: &[_], text| mapping.samples.of(&concept(codes, text));
        let core = (SCT, "122737001");
        assert_eq!(sample(&[core], None), Some(Sample::Biopsy));
        assert_eq!(sample(&[core], Some("Excision")), Some(Sample::Biopsy));
        assert_eq!(sample(&[], Some("Excision")), Some(Sample::Resection));
        assert_eq!(sample(&[], Some("Excision of a biopsy scar")), None);
        assert_eq!(sample(&[core, (SCT, "397199005")], None), None);
    }

    #[test]
    fn additives_are_read_as_formalin_or_not() {
        let mapping = Mapping::load(&[("base", BASE)], "b").unwrap();
        let additive = "http://terminology.hl7.org/CodeSystem/v2-0371";
        let fixative = |codes: &[_], text| mapping.fixatives.of(&concept(codes, text));
        assert_eq!(
            fixative(&[(additive, "F10")], None),
            Some(Fixative::Formalin)
        );
        assert_eq!(
            fixative(&[(additive, "BOUIN")], None),
            Some(Fixative::Other)
        );
        assert_eq!(fixative(&[], Some("95% Ethanol")), Some(Fixative::Other));
        assert_eq!(fixative(&[], Some("air dried")), None);
    }

    #[test]
    fn the_behaviour_digit_of_a_morphology_says_in_situ() {
        let mapping = Mapping::load(&[("base", BASE)], "b").unwrap();
        let morphology = |code| mapping.morphologies.of(&concept(&[(ICD_O, code)], None));
        assert_eq!(morphology("8500/2"), Some(Morphology::InSitu));
        assert_eq!(morphology("8480/3"), Some(Morphology::Mucinous));
        assert_eq!(morphology("8070/3"), Some(Morphology::Squamous));
        assert_eq!(morphology("8500/3"), None);
    }

    #[test]
    fn a_metastasis_is_distant_where_its_code_names_a_place_that_is_far_from_every_primary() {
        let mapping = Mapping::load(&[("base", BASE)], "b").unwrap();
        let icd_10 = "http://hl7.org/fhir/sid/icd-10-cm";
        let metastasis = |system, code| mapping.metastases.of(&concept(&[(system, code)], None));
        for distant in ["C78.7", "C78.00", "C79.51"] {
            assert_eq!(metastasis(icd_10, distant), Some(Metastasis::Distant));
        }
        // Axillary nodes are regional, and skin and breast may be next to the primary.
        for any in ["C77.3", "C79.2", "C79.81"] {
            assert_eq!(metastasis(icd_10, any), Some(Metastasis::Any), "{any}");
        }
        assert_eq!(metastasis(SCT, "128462008"), Some(Metastasis::Any));
        assert_eq!(metastasis(ICD_O, "8500/6"), Some(Metastasis::Any));
        assert_eq!(metastasis(ICD_O, "8500/3"), None);
        assert_eq!(metastasis(icd_10, "C50.9"), None);
        let in_words = concept(&[], Some("Secondary malignant neoplasm of liver"));
        assert_eq!(mapping.metastases.of(&in_words), None);
    }
}
