//! Mapping files as FHIR ConceptMaps and ValueSets, out and in, so that a terminology team works with its own tools.
//!
//! A table is one ConceptMap: its groups lead from each system to a code system of ours, `her2-finding` and the like,
//! whose codes are the names that mapping files give to meanings. What a row needs beside its code to hold (only the
//! beginning of a code, an answer to one question) is `dependsOn`, what it says besides (site, side) is `product`; both
//! are part of the standard, and whoever loses them loses the row or a detail and changes no meaning.

mod concept_maps;
mod import;
mod mapping_file;
mod value_sets;

pub use concept_maps::concept_maps;
pub use import::{ImportError, Imported, import};
pub use value_sets::value_sets;

/// The code of a number without a unit, for an empty code is none.
const NO_UNIT: &str = "{no-unit}";

/// The code system of texts that senders write in the place of a code.
const TEXTS: &str = "her2-text";

/// Elements beside code and target, by the last part of their URI.
const MATCH: &str = "match";
const UNDER: &str = "under";
const SITE: &str = "site";
const SIDE: &str = "side";

/// The URI of one of the elements beside code and target.
fn property(base: &str, name: &str) -> String {
    format!("{base}/ConceptMap/property/{name}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mapping::lint::lint;
    use crate::mapping::shipped;
    use crate::mapping::table::layers::{Layer, SourceFile, Stack};
    use chrono::NaiveDate;
    use serde_json::{Value, json};

    const BASE_URI: &str = "https://her2-adapter.example/fhir";

    fn today() -> NaiveDate {
        "2026-11-20".parse().unwrap()
    }

    /// Everything shipped, the example too.
    fn shipped() -> Vec<Layer> {
        let names: Vec<String> = (shipped::profiles().iter())
            .map(|(name, _)| (*name).to_owned())
            .collect();
        shipped::layers(&names, Vec::new()).unwrap()
    }

    fn read(text: &str) -> Stack {
        let file = SourceFile {
            name: "imported".to_owned(),
            text: text.to_owned(),
        };
        let stack = Stack::read(&[vec![file]], BASE_URI);
        assert!(stack.faults.is_empty(), "{:?}\n{text}", stack.faults);
        stack
    }

    fn imported(resources: &[Value], is: Option<&str>) -> Result<Imported, ImportError> {
        import(
            resources,
            &Stack::read(&shipped(), BASE_URI),
            BASE_URI,
            is,
            today(),
        )
    }

    fn concept_map(group: Value) -> Value {
        json!({"resourceType": "ConceptMap", "url": "urn:map", "title": "by hand", "group": [group]})
    }

    #[test]
    fn what_is_exported_and_imported_means_the_same() {
        // Beside what is shipped, a file of a site that writes whatever a text can hold.
        let site = SourceFile {
            name: "site".to_owned(),
            text: r#"
                [header]
                name = "site"
                purpose = "strange texts"
                source = "test"
                version = "1"
                reviewed_by = "test"
                reviewed_on = "2026-11-20"
                [systems]
                lab = ["urn:lab:A \\ \"B\"", "urn:lab-2"]
                [[answer]]
                is = "positive"
                codes = [{ system = "lab", code = "\"1\"\t\u007f", under = "ihc-score", site = "breast", display = "d'é" }]
                [words]
                positive = ["reactive  \"A\" \\"]
            "#
            .to_owned(),
        };
        let mut layers = shipped();
        layers.push(vec![site]);
        let stack = Stack::read(&layers, BASE_URI);
        assert!(stack.faults.is_empty(), "{:?}", stack.faults);
        let maps = concept_maps(&stack, BASE_URI);
        let imported = import(&maps, &stack, BASE_URI, None, today()).unwrap();
        assert_eq!(imported.said, Vec::<String>::new());
        assert_eq!(read(&imported.text).meanings(), stack.meanings());
    }

    #[test]
    fn a_row_is_exported_under_the_spelling_that_it_is_in_force_for() {
        let text = "[header]\nname=\"t\"\npurpose=\"t\"\nsource=\"t\"\nversion=\"1\"\nreviewed_by=\"t\"\nreviewed_on=\"2026-01-01\"\n\
            [systems]\nurl=[\"http://loinc.org\"]\n\
            [[answer]]\nis=\"no-statement\"\ncodes=[{system=\"url\",code=\"LA9633-4\",display=\"Present\"}]\n";
        let site = SourceFile {
            name: "site".to_owned(),
            text: text.to_owned(),
        };
        let layers = shipped::layers(&[], vec![site]).unwrap();
        let maps = concept_maps(&Stack::read(&layers, BASE_URI), BASE_URI);
        let answers = maps.iter().find(|map| map["id"] == "her2-answer").unwrap();
        let targets = |source: &str| -> Vec<&Value> {
            (answers["group"].as_array().unwrap().iter())
                .filter(|group| group["source"] == source)
                .flat_map(|group| group["element"].as_array().unwrap())
                .filter(|element| element["code"] == "LA9633-4")
                .map(|element| &element["target"][0]["code"])
                .collect()
        };
        assert_eq!(targets("http://loinc.org"), ["no-statement"]);
        assert_eq!(targets("urn:oid:2.16.840.1.113883.6.1"), ["positive"]);
    }

    #[test]
    fn an_import_waits_for_a_review_and_is_otherwise_without_a_flaw() {
        let maps = concept_maps(&Stack::read(&shipped(), BASE_URI), BASE_URI);
        let file = SourceFile {
            name: "imported".to_owned(),
            text: imported(&maps, None).unwrap().text,
        };
        let codes: Vec<&str> = (lint(&[vec![file]], BASE_URI, today()).iter())
            .map(|flaw| flaw.code)
            .collect();
        assert_eq!(codes, ["not-reviewed"]);
    }

    #[test]
    fn a_map_says_where_each_row_comes_from_and_who_reviewed_it() {
        let maps = concept_maps(&Stack::read(&shipped(), BASE_URI), BASE_URI);
        let sites = maps.iter().find(|map| map["id"] == "her2-site").unwrap();
        assert_eq!(sites["date"], "2026-11-20");
        assert!(sites["purpose"].as_str().unwrap().contains("LOINC"));
        let text = sites.to_string();
        for part in [
            r#""source":"http://snomed.info/sct""#,
            r#""target":"https://her2-adapter.example/fhir/CodeSystem/her2-site""#,
            r#""comment":"mappings/base.toml""#,
            r#""value":"left""#,
            r#""value":"prefix""#,
        ] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn a_map_made_by_hand_is_read_in_the_words_of_r4_and_r5() {
        let element =
            |code: &str, target: Value| json!({"code": code, "display": code, "target": [target]});
        let group = json!({
            "source": "urn:lab|3", "target": "https://elsewhere.example/CodeSystem/her2-answer",
            "unmapped": {"mode": "fixed", "code": "negative"},
            "element": [
                element("P", json!({"code": "positive", "equivalence": "equal"})),
                element("N", json!({"code": "negative", "relationship": "source-is-narrower-than-target"})),
                element("E", json!({"code": "equivocal", "relationship": "not-related-to"})),
                element("X", json!({"code": "positive", "equivalence": "narrower"})),
                element("Y", json!({"code": "positive"})),
                {"code": "Z", "noMap": true},
            ]
        });
        let imported = imported(&[concept_map(group)], None).unwrap();
        let stack = read(&imported.text);
        let meanings: Vec<String> = stack.meanings().into_values().collect();
        assert_eq!(meanings, ["answer negative", "answer positive"]);
        assert_eq!(imported.said.len(), 5, "{:?}", imported.said);
    }

    #[test]
    fn what_cannot_be_kept_is_refused_by_name() {
        let refusal = |target: Value, element: Value| {
            let group = json!({"source": "urn:lab", "target": target, "element": [element]});
            imported(&[concept_map(group)], None)
                .unwrap_err()
                .to_string()
        };
        let answer = json!(format!("{BASE_URI}/CodeSystem/her2-answer"));
        let unknown = refusal(
            answer.clone(),
            json!({"code": "B", "target": [{"code": "borderline", "equivalence": "equivalent"}]}),
        );
        assert!(
            unknown.contains("urn:lab|B") && unknown.contains("answer `borderline`"),
            "{unknown}"
        );
        let depends = refusal(
            answer.clone(),
            json!({"code": "B", "target": [{"code": "positive", "equivalence": "equivalent",
                "dependsOn": [{"property": "urn:method", "value": "IHC"}]}]}),
        );
        assert!(depends.contains("urn:method"), "{depends}");
        let twice = refusal(
            answer,
            json!({"code": "B", "target": [
                {"code": "positive", "equivalence": "equivalent"},
                {"code": "negative", "equivalence": "equivalent"}]}),
        );
        assert!(twice.contains("urn:lab|B"), "{twice}");
        let elsewhere = refusal(json!("urn:status"), json!({"code": "B"}));
        assert!(elsewhere.contains("urn:status"), "{elsewhere}");
    }

    #[test]
    fn a_value_set_is_read_as_codes_of_one_finding() {
        let set = |compose: Value| json!({"resourceType": "ValueSet", "title": "markers", "compose": compose});
        let codes = json!({"include": [{"system": "http://loinc.org", "concept": [{"code": "1-8", "display": "a marker"}]}]});
        let imported_set = |compose, is| imported(&[set(compose)], is);
        let text = imported_set(codes.clone(), Some("other-marker"))
            .unwrap()
            .text;
        assert!(text.contains("loinc = [\"http://loinc.org\", "), "{text}");
        let meanings: Vec<String> = read(&text).meanings().into_values().collect();
        assert_eq!(meanings, ["finding other-marker"; 2]);
        for (compose, is) in [
            (codes.clone(), None),
            (codes, Some("marker")),
            (
                json!({"include": [{"system": "http://loinc.org"}]}),
                Some("other-marker"),
            ),
            (
                json!({"include": [{"valueSet": ["urn:set"]}]}),
                Some("other-marker"),
            ),
        ] {
            assert!(imported_set(compose, is).is_err());
        }
    }

    #[test]
    fn value_sets_hold_what_is_searched_what_is_left_out_and_the_answers() {
        let sets = value_sets(&Stack::read(&shipped(), BASE_URI), BASE_URI);
        let ids: Vec<&str> = sets.iter().filter_map(|set| set["id"].as_str()).collect();
        assert!(ids.contains(&"her2-input-ihc-score"));
        assert!(!ids.contains(&"her2-input-serum-her2"));
        for id in ["her2-exclusions", "her2-answers"] {
            assert!(ids.contains(&id), "{ids:?}");
        }
    }
}
